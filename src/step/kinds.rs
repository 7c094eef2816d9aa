//! The table of built-in kinds as steps use it: which field to watch for, and which objects are
//! left alone.

use crate::field::{Image, Path, Projection};
pub use crate::playbook::kinds::{
    Guard, KINDS, Kind, find, governs, group_of, of, of_object, refused,
};

/// The paths that a query of a kind reads: those of the step, and the one that says whether an
/// object is left alone. Sorted, each once.
pub fn paths(written: &str, wanted: impl IntoIterator<Item = Path>) -> Vec<Path> {
    let mut paths: Vec<Path> = wanted.into_iter().collect();
    paths.extend(
        find(written)
            .and_then(|kind| kind.guard)
            .map(|guard| path(&guard)),
    );
    paths.sort();
    paths.dedup();
    paths
}

/// Why an object is left alone, if so. `shrinks` says whether the step would leave it fewer
/// replicas.
pub fn left_alone(object: &Projection, shrinks: bool) -> Option<&'static str> {
    if object.deleting {
        return Some("it is being deleted");
    }
    let guard = of_object(&object.target.api_version, &object.target.kind)?.guard?;
    if guard.only_shrinking && !shrinks {
        return None;
    }
    let seen = object.field(&path(&guard))?.image.to_text()?;
    (seen == guard.value).then_some(guard.why)
}

/// Whether a change leaves fewer replicas: by numbers, or because it takes the count away.
pub fn shrinks(base: &Image, after: &Image) -> bool {
    match (number(base), number(after)) {
        (Some(base), Some(after)) => after < base,
        (Some(_), None) => true,
        (None, Some(_) | None) => false,
    }
}

/// The whole number that a field holds.
pub fn number(image: &Image) -> Option<i64> {
    image.value().and_then(serde_json::Value::as_i64)
}

fn path(guard: &Guard) -> Path {
    Path::fields(guard.path.iter().copied())
}
