//! Guarded writes: a JSON Patch that takes effect only on the object that we saw.
//!
//! The guard is the uid and the generation (or the resource version), never a value: a late copy
//! of a value-guarded patch would succeed after the restore.

use snafu::Snafu;

use super::image::Image;
use super::path::Path;
use super::project::Projection;

/// Why a patch cannot be made.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// The field was not among those that were asked for.
    #[snafu(display("{path} was not read from the object: this is a defect of pingzhan"))]
    NotSeen {
        /// The path.
        path: String,
    },
    /// A parent of the field cannot be created.
    #[snafu(display("{path} cannot be created: {problem}"))]
    NoParent {
        /// The path.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// What makes a late copy of a write fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `test /metadata/generation`: for fields under spec of kinds that have one.
    Generation(i64),
    /// `replace /metadata/resourceVersion`: for all others; a stale one is a 409.
    ResourceVersion(String),
}

/// One field and what it is to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Which field.
    pub path: Path,
    /// What it is to hold; absent removes it.
    pub to: Image,
    /// When the field is removed: parents, outermost first, that go too when nothing else is in
    /// them, since we created them. They are removed only when `Projection` shows them empty but
    /// for this field.
    pub remove_parents: Vec<Path>,
}

/// What the label that says who holds the object becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// It is set to this.
    Set(String),
    /// It is left alone.
    Leave,
}

/// A write that is ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarded {
    /// The patch: tests first, then edits.
    pub patch: json_patch::Patch,
    /// For each edit, the parents that it creates, outermost first.
    pub parents: Vec<Vec<Path>>,
    /// The guard.
    pub guard: Guard,
}

/// The guard for writing these fields of an object.
pub fn guard(_projection: &Projection, _edits: &[Edit]) -> Guard {
    todo!()
}

/// Builds the guarded patch of some edits of one object.
pub fn guarded(
    _projection: &Projection,
    _edits: &[Edit],
    _held_by: &HeldBy,
) -> Result<Guarded, Error> {
    todo!()
}
