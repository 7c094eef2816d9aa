//! Who owns which fields of an object, read from `metadata.managedFields`.

use serde_json::Value;

use super::path::Path;
use super::set::FieldSet;

/// A field manager, as an entry of managedFields names it. Two entries are the same owner when
/// all four are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version under which it wrote.
    pub api_version: String,
    /// The subresource through which it wrote; empty for none.
    pub subresource: String,
}

/// What an owner loses when a field is written by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerOwner {
    /// Who.
    pub owner: Owner,
    /// The time of its entry, as the server wrote it.
    pub at: Option<String>,
    /// The members that it loses: the field itself, or what it holds beneath.
    pub lost: FieldSet,
}

/// All owners of a path, or of something beneath it, in the order of managedFields; our own
/// managers (`pingzhan/…`) are left out.
pub fn former_owners(_object: &Value, _path: &Path) -> Vec<FormerOwner> {
    todo!()
}

/// The managers named `pingzhan/…` that hold a path or something beneath it.
pub fn our_managers(_object: &Value, _path: &Path) -> Vec<String> {
    todo!()
}

/// The names of all managers that hold a path or something beneath it, for "who did that": the
/// latest first.
pub fn holders(_object: &Value, _path: &Path) -> Vec<String> {
    todo!()
}
