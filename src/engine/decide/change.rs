//! What is to be done about one planned change of a field: nothing, a word of it in the journal, or a write.

use crate::engine::judge::Judgement;
use crate::engine::plan::{Change, Plan};
use crate::engine::work::SwitchItem;
use crate::field::Seen;
use crate::ledger::entry::NewEntry;
use crate::ledger::record::NewOutcome;
use crate::ledger::{Entry, Event, State};

use super::back::is_under_way;
use super::draft::{again, overtaken, superseding};
use super::field::rival;
use super::hold::{applied, gone, outcome};
use super::switch::Place;
use super::{Decision, Input, taken};

/// What is to be done about a planned change.
pub(super) enum Found {
    Nothing,
    Note(NewOutcome),
    Write(Box<SwitchItem>),
}

/// A change of a field that this mode does not hold yet.
pub(super) fn begun(input: &Input<'_>, change: &Change, entry: NewEntry) -> Found {
    let overtaken = overtaken(input, change, &entry);
    Found::Write(Box::new(SwitchItem {
        covered: overtaken.is_none() && taken::is_done(change, &entry),
        overtaken,
        ..SwitchItem::new(entry, None)
    }))
}

/// A change over which another mode's layer lies.
pub(super) fn covered(entry: NewEntry) -> Found {
    Found::Write(Box::new(SwitchItem {
        covered: true,
        ..SwitchItem::new(entry, None)
    }))
}

/// What becomes of a change that was never confirmed and is to take another value, where nothing of it is
/// there: it is given up, once no write of it can take effect any more. What such a write left would be taken
/// for peacetime's by the change that comes in its place.
pub(super) fn given_up(
    input: &Input<'_>,
    earlier: &Entry,
    judged: &Judgement,
    decision: &mut Decision,
) -> Option<Found> {
    let is_unmade = matches!(judged, Judgement::Write(..) | Judgement::Withdraw);
    if !is_unmade || earlier.state != State::Intended {
        return None;
    }
    Some(if is_under_way(input, &earlier.target, decision) {
        Found::Nothing
    } else {
        Found::Note(outcome(Event::Withdrawn, earlier, None))
    })
}

/// A field that this mode holds at another value: the level was raised or lowered.
pub(super) fn replace(
    at: &Place<'_>,
    change: &Change,
    amendment: i64,
    seen: &Seen,
    earlier: &Entry,
    judged: &Judgement,
) -> Found {
    let replaced = || {
        let entry = superseding(at, change, amendment, seen, earlier);
        Found::Write(Box::new(SwitchItem::new(entry, None)))
    };
    match judged {
        Judgement::Holds => replaced(),
        Judgement::Write(..) | Judgement::EqualForeign
            if taken::is_replaced(at.plan, earlier, judged) =>
        {
            replaced()
        }
        // What holding says of it comes first.
        Judgement::Write(..)
        | Judgement::Withdraw
        | Judgement::Done
        | Judgement::EqualForeign
        | Judgement::Drift
        | Judgement::Keep
        | Judgement::Gone
        | Judgement::Wait => Found::Nothing,
    }
}

/// A change that is journalled and not confirmed.
pub(super) fn doing(plan: &Plan, entry: &Entry, seen: &Seen, judged: &Judgement) -> Found {
    match judged {
        Judgement::Write(..) => {
            Found::Write(Box::new(SwitchItem::new(again(entry), Some(entry.id))))
        }
        Judgement::Holds => {
            let written = applied(entry, &seen.image, None);
            Found::Note(taken::written(plan, entry, written))
        }
        Judgement::EqualForeign => {
            let why = format!("the value was there already, written by {}", rival(seen));
            Found::Note(applied(entry, &seen.image, Some(why)))
        }
        Judgement::Withdraw | Judgement::Drift | Judgement::Done | Judgement::Keep => {
            let why = Some(format!("{} wrote another value first", rival(seen)));
            Found::Note(outcome(Event::Withdrawn, entry, why))
        }
        Judgement::Gone => Found::Note(gone(entry)),
        Judgement::Wait => Found::Nothing,
    }
}
