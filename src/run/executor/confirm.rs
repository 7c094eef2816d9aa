//! What an answer says of one field: what is journalled of it, and whether it is still what was seen.

use crate::field::{Image, Path, Projection};
use crate::ledger::record::{NewOutcome, owner_text};
use crate::ledger::{EntryId, Event};

use super::write::Item;

/// What is journalled for a field that was written: what the server made of it, where that is not
/// what was asked for.
///
/// `before` is what it was written over, where there was something.
pub(super) fn done(item: &Item, before: Option<&Projection>, seen: &Projection) -> Vec<NewOutcome> {
    let live = seen
        .field(&item.edit.path)
        .map_or(&Image::Absent, |field| &field.image);
    let observed = (live != &item.wanted).then(|| live.clone());
    // Only of what stood in place of ours it matters whose it was.
    let is_again = matches!(item.event, Event::Ours | Event::Reasserted);
    let before = before.filter(|_| is_again);
    let taken = before.and_then(|before| before.field(&item.edit.path));
    let taken = taken.map(|field| &*field.owners).unwrap_or_default();
    let outcome = |event, observed| NewOutcome {
        observed,
        // Of a verdict and the write that follows it, the write tells.
        owners: if event == Event::Ours {
            Vec::new()
        } else {
            taken.iter().map(owner_text).collect()
        },
        ..NewOutcome::new(event, vec![item.id])
    };
    match item.event {
        // A verdict lets the entry be written again, and the write is then confirmed.
        Event::Ours => vec![
            outcome(Event::Ours, None),
            outcome(Event::Applied, observed),
        ],
        Event::Applied | Event::Reasserted => vec![outcome(item.event, observed)],
        Event::Refused
        | Event::Withdrawn
        | Event::Overtaken
        | Event::Superseded
        | Event::Drifted
        | Event::Kept
        | Event::Turned
        | Event::Reverted
        | Event::Stuck
        | Event::OwnersBack
        | Event::Gone => vec![outcome(item.event, None)],
    }
}

pub(super) fn refusal(event: Event, id: EntryId, reason: &str) -> NewOutcome {
    NewOutcome {
        reason: Some(reason.to_owned()),
        ..NewOutcome::new(event, vec![id])
    }
}

/// Whether a field is still what was seen: its value, its owners, and whether it is ours.
pub(super) fn unchanged(before: &Projection, after: &Projection, path: &Path) -> bool {
    match (before.field(path), after.field(path)) {
        (Some(before), Some(after)) => {
            before.image == after.image
                && before.owners == after.owners
                && before.ours == after.ours
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
