//! Objects that are made for a mode: made at the switch, made again where somebody deleted them,
//! deleted at the return. What is judged of them is judged as of every field; here is what a field
//! does not have: it may be in the middle of being deleted, another's may have its name, and a request
//! that made one has no guard, so that its end is looked at once more when no such request can still
//! be under way.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::engine::judge::{self, Judgement};
use crate::engine::plan::Change;
use crate::engine::work::SwitchItem;
use crate::field::giveback::Return;
use crate::field::{Image, Projection, Seen, Target, creation};
use crate::ledger::entry::NewEntry;
use crate::ledger::{Entry, Event, State};

use super::back::{OWNERS_RANK, is_under_way};
use super::board::{Board, Standing};
use super::draft::{again, superseding};
use super::field::{Look, look, rival};
use super::hold::{applied, judged, outcome};
use super::switch::Place;
use super::work::Desk;
use super::{Decision, Input, Sight, Waiting};

/// How long an object may take to go before people are told that it is stuck: finalizers of healthy
/// controllers are gone in seconds.
const GOES_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Seconds between two looks at an object that is being deleted.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Fields that are named of an edited object: what a person reads at one glance.
const NAMED: usize = 3;

/// Decides about an object that is planned and not made yet.
pub(super) fn switch(
    board: &Board<'_>,
    at: &Place<'_>,
    change: &Change,
    amendment: i64,
    standing: Standing<'_>,
    desk: &mut Desk,
    decision: &mut Decision,
) {
    let input = board.input;
    let (sight, seen) = match look(input, &change.target.uid, &change.path) {
        Look::Unseen => return desk.unseen(&change.target, &change.path),
        Look::Unreadable => return decision.unreadable(input.now),
        Look::Gone => return,
        Look::Seen(sight, seen) => (sight, seen),
    };
    if goes(input, sight, decision) {
        return;
    }
    let (entry, id) = match standing {
        Standing::Done
        | Standing::Failed
        | Standing::Outgrown
        | Standing::Gone
        | Standing::Settled
        // Two modes never make one object.
        | Standing::Covered(_)
        | Standing::Busy => return,
        // What has its name is found out by the try, and said of it.
        Standing::Todo(None) => (fresh(at, change, amendment), None),
        Standing::Todo(Some(earlier)) => match judged(input, at, earlier, sight, seen, desk) {
            Judgement::Holds => (superseding(at, change, amendment, seen, earlier), None),
            _ if earlier.state == State::Intended => {
                if is_under_way(input, &change.target, decision) {
                    return;
                }
                let given_up = outcome(Event::Withdrawn, earlier, None);
                return desk.note(&change.target, at.rank, given_up);
            }
            _ => return,
        },
        Standing::Doing(entry) => match judged(input, at, entry, sight, seen, desk) {
            Judgement::Write(..) => (again(entry), Some(entry.id)),
            Judgement::Holds => {
                let made = applied(entry, &seen.image, None);
                return desk.note(&change.target, at.rank, made);
            }
            Judgement::Wait => return,
            Judgement::Withdraw
            | Judgement::Drift
            | Judgement::Done
            | Judgement::Keep
            | Judgement::EqualForeign
            | Judgement::Gone => {
                if is_under_way(input, &change.target, decision) {
                    return;
                }
                let taken = outcome(Event::Refused, entry, Some(taken(seen)));
                return desk.note(&change.target, at.rank, taken);
            }
        },
    };
    desk.switch(sight, at.rank, SwitchItem::new(entry, id));
}

/// That an object of the name is there that is not ours, a sentence.
pub fn taken(seen: &Seen) -> String {
    format!(
        "an object of this name is there already, made by {}: it is left alone; take it away, or give \
         the playbook's object another name",
        rival(seen)
    )
}

fn fresh(at: &Place<'_>, change: &Change, amendment: i64) -> NewEntry {
    NewEntry {
        stage: at.words.0.clone(),
        step: at.words.1.clone(),
        target: change.target.clone(),
        path: change.path.clone(),
        base: Image::Absent,
        seen: Image::Absent,
        after: change.after.clone(),
        owners: Arc::default(),
        parents: Vec::new(),
        covers: None,
        supersedes: None,
        amendment,
    }
}

/// Whether an object of ours is being deleted: nothing is done until it is gone, and it is said.
pub(super) fn goes(input: &Input<'_>, sight: &Projection, decision: &mut Decision) -> bool {
    if !creation::is(&sight.target.uid) || !sight.deleting {
        return false;
    }
    decision.refresh.push(sight.target.uid.clone());
    decision.look_again(input.now + AGAIN);
    decision
        .waiting
        .get_or_insert_with(|| Waiting::Deletion(deletion(sight)));
    true
}

/// That an object is being deleted, and what keeps it.
fn deletion(sight: &Projection) -> String {
    let target = crate::engine::plan::describe(&sight.target);
    let going = sight
        .seen
        .first()
        .and_then(|seen| creation::going(&seen.image));
    let finalizers = going.map(|going| going.finalizers).unwrap_or_default();
    if finalizers.is_empty() {
        format!("{target} to be gone, which is being deleted")
    } else {
        format!(
            "{target} to be gone, which is being deleted and has the finalizers {}",
            finalizers.join(", ")
        )
    }
}

/// What of a return is about an object that was made, and of no field. Whether there is nothing more
/// to decide about it now.
pub(super) fn back(
    input: &Input<'_>,
    entry: &Entry,
    sight: &Projection,
    (rank, turned): (u64, bool),
    desk: &mut Desk,
    decision: &mut Decision,
) -> bool {
    let Some(seen) = sight
        .field(&entry.path)
        .filter(|_| creation::is(&entry.target.uid))
    else {
        return false;
    };
    if goes(input, sight, decision) {
        if turned {
            desk.note(&entry.target, rank, outcome(Event::Turned, entry, None));
        } else if entry.state != State::Stuck && is_late(input.now, seen) {
            let why = Some(format!("waiting for {}", deletion(sight)));
            desk.note(&entry.target, rank, outcome(Event::Stuck, entry, why));
        }
        return true;
    }
    let is_ours = judge::is_ours(sight, seen, entry, &desk.manager);
    if seen.image == Image::Absent || entry.confirmed || is_ours {
        return false;
    }
    if !turned && is_under_way(input, &entry.target, decision) {
        return true;
    }
    let (event, why) = if turned {
        (Event::Turned, None)
    } else {
        (Event::Kept, Some(taken(seen)))
    };
    desk.note(&entry.target, rank, outcome(event, entry, why));
    true
}

fn is_late(now: Timestamp, seen: &Seen) -> bool {
    let since = creation::going(&seen.image).and_then(|going| going.since.parse().ok());
    since.is_some_and(|since: Timestamp| since + GOES_WITHIN <= now)
}

/// Looks once more at a place whose object is gone, when no request of ours that makes one can still be
/// under way.
pub(super) fn last_look(
    input: &Input<'_>,
    target: &Target,
    entries: &[&Entry],
    desk: &mut Desk,
    decision: &mut Decision,
) {
    let sight = match input.sights.get(&target.uid) {
        None | Some(Sight::Gone) => return desk.unseen(target, &creation::path()),
        Some(Sight::Unreadable) => return decision.unreadable(input.now),
        Some(Sight::Present(sight)) => sight,
    };
    if goes(input, sight, decision) || is_under_way(input, target, decision) {
        return;
    }
    let items = entries.iter().map(|entry| {
        let back = Return {
            path: entry.path.clone(),
            owners: Arc::default(),
            present: false,
        };
        (entry.id, back)
    });
    desk.give_back(
        target,
        sight,
        OWNERS_RANK,
        items.collect(),
        Some(Vec::new()),
    );
}

/// What somebody made of an object of ours, a sentence; nothing for a field.
pub(super) fn drift(entry: &Entry, seen: &Seen) -> Option<String> {
    if !creation::is(&entry.target.uid) {
        return None;
    }
    let who = rival(seen);
    // Of what is longer than the journal keeps, the uid is not known.
    let uids = (creation::given(entry.ours()), creation::given(&seen.image));
    if let (Some(ours), Some(theirs)) = uids
        && ours != theirs
    {
        return Some(format!("{who} has put another object in its place"));
    }
    let changed = creation::changed(entry.ours(), &seen.image, NAMED);
    Some(if changed.is_empty() {
        format!("{who} changed it")
    } else {
        format!("{who} changed {}", changed.join(", "))
    })
}
