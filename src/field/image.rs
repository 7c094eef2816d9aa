//! What a field holds: a value, or nothing.

use serde_json::Value;

use super::path::Path;

/// The content of a field. A null is a value; a field that is not there is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Image {
    /// The field is not there.
    #[default]
    Absent,
    /// The field holds this.
    Present(Value),
}

impl Image {
    /// What a field of an object holds.
    pub fn at(_object: &Value, _path: &Path) -> Self {
        todo!()
    }

    /// Canonical JSON text, as stored in the journal; nothing where the field is absent.
    pub fn to_text(&self) -> Option<String> {
        todo!()
    }

    /// Reads [`Image::to_text`] back.
    ///
    /// # Errors
    /// The JSON parser's error where the text is not JSON: the journal is damaged.
    pub fn from_text(_text: Option<&str>) -> Result<Self, serde_json::Error> {
        todo!()
    }

    /// `sha256:…` of the text, as a verdict names the value that a person saw. Absent has a hash
    /// of its own.
    pub fn hash(&self) -> String {
        todo!()
    }

    /// The value, where there is one.
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Absent => None,
            Self::Present(value) => Some(value),
        }
    }

    /// How people read it: the JSON text, cut to a bounded length, or `(absent)`.
    pub fn display(&self) -> String {
        todo!()
    }
}
