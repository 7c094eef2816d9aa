//! What is done about one field of a mode in force: written, held, or left to a person.

use jiff::SignedDuration;

use crate::api::VerdictChoice;
use crate::engine::judge::{self, Judgement, Way, Why};
use crate::engine::plan::{Change, Plan};
use crate::engine::scheduler::Class;
use crate::engine::work::{self, WriteItem};
use crate::field::patch::Edit;
use crate::field::{Image, Projection, Seen, creation};
use crate::ledger::record::NewOutcome;
use crate::ledger::{Entry, Event, State};

use super::board::{Board, Standing};
use super::change::{Found, begun, covered, doing, given_up, replace};
use super::create;
use super::draft::{fresh, superseding};
use super::field::{Look, live, look, rival};
use super::layer;
use super::switch::Place;
use super::work::Desk;
use super::{Decision, Input, taken};

/// How often a target may be written again: three times a minute, then the rival is named and a
/// person looks. More would be two controllers fighting.
pub(super) const REWRITES: usize = 3;
/// The window of [`REWRITES`].
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Decides about a planned change that is not written yet.
pub(super) fn switch(
    board: &Board<'_>,
    at: &Place<'_>,
    change: &Change,
    amendment: i64,
    standing: Standing<'_>,
    desk: &mut Desk,
    decision: &mut Decision,
) {
    if creation::is(&change.target.uid) {
        return create::switch(board, at, change, amendment, standing, desk, decision);
    }
    let (sight, seen) = match look(board.input, &change.target.uid, &change.path) {
        Look::Unseen => return desk.unseen(&change.target, &change.path),
        Look::Unreadable => return decision.unreadable(board.input.now),
        Look::Seen(sight, seen) => (sight, seen),
        Look::Gone => {
            if let Standing::Doing(entry) = standing {
                desk.note(&change.target, at.rank, gone(entry));
            }
            return;
        }
    };
    let is_new = matches!(standing, Standing::Todo(None) | Standing::Covered(None));
    if let Some(mode) = board.input.layers.unknown(seen).filter(|_| is_new) {
        return layer::unknown(change, mode, decision);
    }
    let found = match standing {
        Standing::Done
        | Standing::Failed
        | Standing::Outgrown
        | Standing::Gone
        | Standing::Settled
        | Standing::Busy => Found::Nothing,
        Standing::Todo(None) => {
            let entry = fresh(board.input, at, change, amendment, sight, seen);
            begun(board.input, change, entry)
        }
        Standing::Covered(earlier) => covered(match earlier {
            Some(earlier) => superseding(at, change, amendment, seen, earlier),
            None => fresh(board.input, at, change, amendment, sight, seen),
        }),
        Standing::Todo(Some(earlier)) => {
            let judged = judged(board.input, at, earlier, sight, seen, desk);
            given_up(board.input, earlier, &judged, decision)
                .unwrap_or_else(|| replace(at, change, amendment, seen, earlier, &judged))
        }
        Standing::Doing(entry) => {
            let judged = judged(board.input, at, entry, sight, seen, desk);
            doing(at.plan, entry, seen, &judged)
        }
    };
    match found {
        Found::Nothing => {}
        Found::Note(outcome) => desk.note(&change.target, at.rank, outcome),
        Found::Write(mut item) => {
            let (input, plan, manager) = (board.input, at.plan, &desk.manager);
            item.to = taken::spared(input, plan, &item.entry, (sight, seen), manager);
            item.first = work::first(at.plan, &at.words.0, &at.words.1, &change.target);
            desk.switch(sight, at.rank, *item);
        }
    }
}

pub(super) fn judged(
    input: &Input<'_>,
    at: &Place<'_>,
    entry: &Entry,
    sight: &Projection,
    seen: &Seen,
    desk: &Desk,
) -> Judgement {
    let live = live(input, sight, seen, &desk.manager, entry);
    let (active, restore) = (at.step.drift_active, at.step.drift_restore);
    judge::judge(entry, Some(&live), Way::Wartime, active, restore, None)
}

/// Holds what is written and planned still. What is not is on its way back, and judged so: judged as
/// both, a value of ours that somebody else writes would drift and hold in turn.
pub(super) fn decide(board: &Board<'_>, plan: &Plan, desk: &mut Desk, decision: &mut Decision) {
    let held = board.input.ledger.live();
    for entry in held.filter(|entry| board.plans(entry)) {
        match entry.state {
            State::Applied | State::Drifted => hold(board.input, plan, entry, desk, decision),
            State::Intended
            | State::Reverting
            | State::Reverted
            | State::OwnersBack
            | State::Refused
            | State::Withdrawn
            | State::Shadowed
            | State::Overtaken
            | State::Stuck
            | State::Kept
            | State::Gone => {}
        }
    }
}

/// Puts values of a mode that a person stopped back where another mode's layer lay over them and turns
/// back: they are to stay as they were, and nothing else is written.
pub(super) fn uncover(input: &Input<'_>, desk: &mut Desk, decision: &mut Decision) {
    for entry in input.ledger.live() {
        let (uid, path) = (&entry.target.uid, &entry.path);
        let is_left_to_us = !input.layers.of(uid, path).is_empty()
            && input.layers.over(uid, path).is_none()
            && entry.confirmed
            && entry.is_wartime();
        if !is_left_to_us {
            continue;
        }
        match look(input, uid, path) {
            Look::Unseen => desk.unseen(&entry.target, path),
            Look::Unreadable => decision.unreadable(input.now),
            Look::Gone => {}
            Look::Seen(sight, seen) => {
                let is_theirs = input.layers.wrote(sight, seen, &desk.manager);
                if is_theirs
                    && !entry.is_ours(&seen.image)
                    && !is_refused_lately(input, uid, decision)
                {
                    let item = write(entry, entry.after.clone(), Event::Reasserted);
                    desk.rewrite(&entry.target, sight, HOLD_RANK, item);
                }
            }
        }
    }
}

fn hold(input: &Input<'_>, plan: &Plan, entry: &Entry, desk: &mut Desk, decision: &mut Decision) {
    let Some(step) = plan.step(&entry.stage, &entry.step) else {
        return;
    };
    if input.layers.over(&entry.target.uid, &entry.path).is_some() {
        // Whoever covers it answers for what is there.
        return;
    }
    let (sight, seen) = match look(input, &entry.target.uid, &entry.path) {
        Look::Unseen => return desk.unseen(&entry.target, &entry.path),
        Look::Unreadable => return decision.unreadable(input.now),
        Look::Gone => return desk.note(&entry.target, HOLD_RANK, gone(entry)),
        Look::Seen(sight, seen) => (sight, seen),
    };
    if create::goes(input, sight, decision) {
        return;
    }
    let verdict = verdict(input, entry, &seen.image);
    let live = live(input, sight, seen, &desk.manager, entry);
    let judged = judge::judge(
        entry,
        Some(&live),
        Way::Wartime,
        step.drift_active,
        step.drift_restore,
        verdict,
    );
    let is_drifted = entry.state == State::Drifted;
    match taken::held(plan, entry, &seen.image, judged) {
        Judgement::Holds | Judgement::EqualForeign if is_drifted => {
            desk.note(&entry.target, HOLD_RANK, applied(entry, &seen.image, None));
        }
        Judgement::Holds | Judgement::EqualForeign | Judgement::Done | Judgement::Wait => {}
        Judgement::Write(to, Why::Uncovered) => {
            if !is_refused_lately(input, &entry.target.uid, decision) {
                let event = Event::Reasserted;
                desk.rewrite(&entry.target, sight, HOLD_RANK, write(entry, to, event));
            }
        }
        Judgement::Write(to, why) => {
            let waits = is_drifted && is_refused_lately(input, &entry.target.uid, decision);
            if waits || contested(input, entry, seen, decision) {
                return;
            }
            // What the step allows no other value for needs nobody's word.
            let event = if is_drifted && why != Why::Enforce {
                Event::Ours
            } else {
                Event::Reasserted
            };
            desk.rewrite(&entry.target, sight, HOLD_RANK, write(entry, to, event));
        }
        Judgement::Drift | Judgement::Withdraw => {
            desk.note(&entry.target, HOLD_RANK, drifted(input, entry, seen));
        }
        Judgement::Keep => {
            let why = Some(format!("the value of {} stays", rival(seen)));
            desk.note(&entry.target, HOLD_RANK, outcome(Event::Kept, entry, why));
        }
        Judgement::Gone => desk.note(&entry.target, HOLD_RANK, gone(entry)),
    }
}

/// Holding comes after every stage's own writes.
pub(super) const HOLD_RANK: u64 = Class::REST.rank(1 << 55);

/// The verdict on a field, where a person gave one on the value that is there.
pub(super) fn verdict(input: &Input<'_>, entry: &Entry, live: &Image) -> Option<VerdictChoice> {
    let spec = input.mode.spec?;
    judge::verdict_for(entry, &spec.verdicts, live)
}

/// Whether the last write of a target was refused so lately that the next one would be too.
fn is_refused_lately(input: &Input<'_>, uid: &str, decision: &mut Decision) -> bool {
    let at = input.retry_at.get(uid).filter(|at| **at > input.now);
    if let Some(at) = at {
        decision.look_again(*at);
    }
    at.is_some()
}

fn contested(input: &Input<'_>, entry: &Entry, seen: &Seen, decision: &mut Decision) -> bool {
    let uid = &entry.target.uid;
    let recent: Vec<_> = input
        .rewrites
        .get(uid)
        .map(|times| {
            times
                .iter()
                .filter(|at| **at + WINDOW > input.now)
                .collect()
        })
        .unwrap_or_default();
    if recent.len() < REWRITES {
        return false;
    }
    if let Some(oldest) = recent.first() {
        decision.look_again(**oldest + WINDOW);
    }
    decision.findings.contested.insert(uid.clone(), rival(seen));
    true
}

/// Writing our value again.
fn write(entry: &Entry, to: Image, event: Event) -> WriteItem {
    let after = to.clone();
    let edit = Edit {
        path: entry.path.clone(),
        to,
        remove_parents: Vec::new(),
    };
    WriteItem {
        id: entry.id,
        edit,
        event,
        after,
        first: None,
    }
}

pub(super) fn outcome(event: Event, entry: &Entry, reason: Option<String>) -> NewOutcome {
    NewOutcome {
        reason,
        ..NewOutcome::new(event, vec![entry.id])
    }
}

/// Somebody else's value, with how many verdicts there were: those say nothing about it.
pub(super) fn drifted(input: &Input<'_>, entry: &Entry, seen: &Seen) -> NewOutcome {
    let verdicts = input.mode.spec.map_or(0, |spec| spec.verdicts.len());
    let wrote = || format!("{} wrote {}", rival(seen), seen.image.display());
    NewOutcome {
        observed: Some(seen.image.clone()),
        verdicts: i64::try_from(verdicts).unwrap_or(i64::MAX),
        reason: Some(create::drift(entry, seen).unwrap_or_else(wrote)),
        ..NewOutcome::new(Event::Drifted, vec![entry.id])
    }
}

pub(super) fn gone(entry: &Entry) -> NewOutcome {
    outcome(
        Event::Gone,
        entry,
        Some("the object is gone, or another one has its name".into()),
    )
}

pub(super) fn applied(entry: &Entry, live: &Image, reason: Option<String>) -> NewOutcome {
    let observed = (live != &entry.after).then(|| live.clone());
    NewOutcome {
        observed,
        reason,
        ..NewOutcome::new(Event::Applied, vec![entry.id])
    }
}
