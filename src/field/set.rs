//! Sets of fields, as `managedFields` holds them (fieldsV1).

use serde_json::Value;

use super::path::Path;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    // H2 chooses the representation.
    _private: (),
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads fieldsV1. Segments that do not parse are an error: what is not understood is never
    /// written back.
    pub fn parse(_fields_v1: &Value) -> Result<Self, super::path::Error> {
        todo!()
    }

    /// Writes fieldsV1.
    pub fn to_value(&self) -> Value {
        todo!()
    }

    /// The set of one path.
    pub fn of(_path: &Path) -> Self {
        todo!()
    }

    /// Whether the path itself is a member.
    pub fn contains(&self, _path: &Path) -> bool {
        todo!()
    }

    /// The members at or beneath a path, as full paths in a set.
    pub fn beneath(&self, _path: &Path) -> Self {
        todo!()
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, _other: &Self) -> Self {
        todo!()
    }

    /// Members of this set that are not in the other.
    #[must_use]
    pub fn minus(&self, _other: &Self) -> Self {
        todo!()
    }

    /// Members of this set that do not lie at or beneath a path.
    #[must_use]
    pub fn without(&self, _path: &Path) -> Self {
        todo!()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// All members.
    pub fn paths(&self) -> Vec<Path> {
        todo!()
    }
}
