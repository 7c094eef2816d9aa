//! The ownership pass: a patch that changes only managedFields (and our label), so that former
//! owners own their fields again.
//!
//! A value and its owner cannot be given back in one request: the server gives a changed field to
//! the writer again.

use serde_json::Value;
use snafu::Snafu;

use super::managed::FormerOwner;
use super::path::Path;
use super::project::Projection;

/// Why ownership cannot be given back.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// managedFields were not read.
    #[snafu(display("managedFields of {name} were not read: this is a defect of pingzhan"))]
    NotRead {
        /// The object.
        name: String,
    },
    /// managedFields hold something that is not understood.
    #[snafu(display("managedFields of {name} are not understood: {problem}"))]
    NotUnderstood {
        /// The object.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// One restored field and who is to own it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Return {
    /// The field.
    pub path: Path,
    /// Its former owners, as journalled.
    pub owners: Vec<FormerOwner>,
    /// Whether the field is there now. A removed field is owned by nobody.
    pub present: bool,
}

/// Builds the ownership patch of one object.
///
/// `manager` is our manager for the mode; `last` says that the mode holds nothing else of this
/// object, so that the label goes too. Nothing to do is `None`.
pub fn give_back(
    _projection: &Projection,
    _manager: &str,
    _returns: &[Return],
    _last: bool,
) -> Result<Option<json_patch::Patch>, Error> {
    todo!()
}

/// The managedFields of an object, parsed once for a test's or a caller's convenience.
pub fn managed_fields(object: &Value) -> Vec<Value> {
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}
