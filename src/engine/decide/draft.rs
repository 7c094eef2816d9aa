//! Changes as they are journalled: what is seen, asked for, and known of peacetime.

use crate::engine::plan::Change;
use crate::field::{Projection, Seen};
use crate::ledger::Entry;
use crate::ledger::entry::NewEntry;

use super::layer::{self, Peacetime};
use super::switch::Place;
use super::{Input, taken};

/// The change of a field that this mode does not hold yet.
pub(super) fn fresh(
    input: &Input<'_>,
    at: &Place<'_>,
    change: &Change,
    amendment: i64,
    sight: &Projection,
    seen: &Seen,
) -> NewEntry {
    let Peacetime {
        base,
        owners,
        parents,
        covers,
    } = layer::peacetime(input.layers, sight, seen);
    NewEntry {
        stage: at.words.0.clone(),
        step: at.words.1.clone(),
        target: change.target.clone(),
        path: change.path.clone(),
        after: change.asks(&base),
        base,
        seen: seen.image.clone(),
        owners,
        parents,
        covers,
        supersedes: None,
        amendment,
    }
}

/// The change of a field that this mode holds already, at another value: the peacetime value and
/// its owners are those of the first capture.
pub(super) fn superseding(
    at: &Place<'_>,
    change: &Change,
    amendment: i64,
    seen: &Seen,
    earlier: &Entry,
) -> NewEntry {
    NewEntry {
        stage: at.words.0.clone(),
        step: at.words.1.clone(),
        target: change.target.clone(),
        path: change.path.clone(),
        base: earlier.base.clone(),
        seen: seen.image.clone(),
        after: change.asks(&earlier.base),
        owners: earlier.owners.clone(),
        parents: earlier.parents.clone(),
        covers: earlier.covers.clone(),
        supersedes: Some(earlier.id),
        amendment,
    }
}

/// A change as it is journalled, to be written once more.
pub(super) fn again(entry: &Entry) -> NewEntry {
    NewEntry {
        stage: entry.stage.clone(),
        step: entry.step.clone(),
        target: entry.target.clone(),
        path: entry.path.clone(),
        base: entry.base.clone(),
        seen: entry.seen.clone(),
        after: entry.after.clone(),
        owners: entry.owners.clone(),
        parents: entry.parents.clone(),
        covers: entry.covers.clone(),
        supersedes: entry.supersedes,
        amendment: entry.amendment,
    }
}

/// Why a change is not written, if it would move against its step's intent: from what is there, or
/// from peacetime's value where it is another mode's layer that is there; or if it would touch what is
/// never touched by now.
pub(super) fn overtaken(input: &Input<'_>, change: &Change, entry: &NewEntry) -> Option<String> {
    if let Some(why) = taken::guarded(input, change, &entry.seen) {
        return Some(why);
    }
    let from = if entry.covers.is_some() {
        &entry.base
    } else {
        &entry.seen
    };
    change.intent.is_against(from, &entry.after).then(|| {
        format!(
            "it is {} now, so {} would move it against the step's intent",
            from.display(),
            entry.after.display()
        )
    })
}
