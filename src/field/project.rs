//! What is kept of an object: its identity, its guard, and the fields that steps asked for.
//! Whole objects are dropped while a list is read.

use serde_json::Value;

use super::image::Image;
use super::managed::FormerOwner;
use super::path::Path;

/// One object, pinned by its uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
    /// Plural, as in the API's addresses, e.g. `deployments`.
    pub plural: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
}

/// Where a field is in one object: what exists of its path, and what has to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The concrete JSON Pointer (list keys turned into indices) of the deepest part of the path
    /// that exists; the field itself where it is present. Empty for the whole object.
    pub pointer: String,
    /// How many segments of the path exist.
    pub existing: usize,
}

/// One field of one object, as seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which field.
    pub path: Path,
    /// What it holds.
    pub image: Image,
    /// Where it is.
    pub place: Place,
    /// Who owns it, but us.
    pub owners: Vec<FormerOwner>,
    /// Our managers that hold it.
    pub ours: Vec<String>,
}

/// What is kept of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Which object.
    pub target: Target,
    /// Its generation, for kinds that have one.
    pub generation: Option<i64>,
    /// Its resource version.
    pub resource_version: String,
    /// Whether it has any label (else `metadata.labels` must be created for ours).
    pub has_labels: bool,
    /// The value of our label.
    pub held_by: Option<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether the server tracks field owners for it.
    pub tracked: bool,
    /// Its managedFields, where they were asked for.
    pub managed_fields: Option<Vec<Value>>,
    /// The fields that were asked for, sorted by path.
    pub seen: Vec<Seen>,
}

/// Keeps of an object what was asked for.
///
/// `plural` is not in the object and comes from discovery. An object without uid or name is
/// nothing that can be pinned: `None`.
pub fn project(
    _object: &Value,
    _plural: &str,
    _paths: &[Path],
    _with_managed_fields: bool,
) -> Option<Projection> {
    todo!()
}

impl Projection {
    /// A field as seen.
    pub fn field(&self, path: &Path) -> Option<&Seen> {
        self.seen.iter().find(|seen| &seen.path == path)
    }
}
