//! What is seen of one field of one target, for all that is decided about it.

use std::sync::Arc;

use crate::engine::judge::Live;
use crate::field::{Path, Projection, Seen};
use crate::ledger::Entry;

use super::{Input, Sight};

/// What is seen of a field.
pub(super) enum Look<'a> {
    /// The target was not read yet, or not this field of it.
    Unseen,
    /// No object with this uid is there, or it is being deleted.
    Gone,
    /// The target could not be read.
    Unreadable,
    /// The field, on its target.
    Seen(&'a Arc<Projection>, &'a Seen),
}

/// Looks at a field.
pub(super) fn look<'a>(input: &Input<'a>, uid: &str, path: &Path) -> Look<'a> {
    match input.sights.get(uid) {
        None => Look::Unseen,
        Some(Sight::Gone) => Look::Gone,
        Some(Sight::Unreadable) => Look::Unreadable,
        Some(Sight::Present(sight)) if sight.deleting => Look::Gone,
        Some(Sight::Present(sight)) => sight
            .field(path)
            .map_or(Look::Unseen, |seen| Look::Seen(sight, seen)),
    }
}

/// A field as [`crate::engine::judge`] takes it. Where the server tracks no owners, a field that
/// holds our value counts as ours.
pub(super) fn live<'a>(
    sight: &Projection,
    seen: &'a Seen,
    manager: &str,
    entry: &Entry,
) -> Live<'a> {
    let ours = if sight.tracked {
        seen.ours.iter().any(|holder| holder == manager)
    } else {
        &seen.image == entry.ours()
    };
    Live {
        image: &seen.image,
        ours,
        present: true,
    }
}

/// Who holds a field besides us, for people: the server does not always know.
pub(super) fn rival(seen: &Seen) -> String {
    let mut names: Vec<&str> = seen
        .owners
        .iter()
        .map(|former| former.owner.manager.as_str())
        .collect();
    names.dedup();
    if names.is_empty() {
        "unknown".to_owned()
    } else {
        names.join(", ")
    }
}
