//! What is seen of one field of one target, for all that is decided about it.

use std::sync::Arc;

use crate::engine::judge::{self, Live};
use crate::field::{Path, Projection, Seen, creation};
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
        // One that we made has no end before it is gone.
        Some(Sight::Present(sight)) if sight.deleting && !creation::is(uid) => Look::Gone,
        Some(Sight::Present(sight)) => sight
            .field(path)
            .map_or(Look::Unseen, |seen| Look::Seen(sight, seen)),
    }
}

/// A field as [`judge`] takes it.
pub(super) fn live<'a>(
    input: &Input<'_>,
    sight: &Projection,
    seen: &'a Seen,
    manager: &str,
    entry: &Entry,
) -> Live<'a> {
    Live {
        image: &seen.image,
        ours: judge::is_ours(sight, seen, entry, manager),
        layered: input.layers.wrote(sight, seen, manager),
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

/// Parents of a field that are not there, the outermost first.
pub(super) fn missing_parents(seen: &Seen) -> Vec<Path> {
    let segments = seen.path.segments();
    (seen.place.existing + 1..segments.len())
        .map(|end| Path::new(segments[..end].to_vec()))
        .collect()
}
