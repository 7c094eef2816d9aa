//! The return: values first, stage by stage in reverse, then ownership. One target that cannot be
//! brought back never holds the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{DriftActive, DriftRestore, Turn, TurnKind, names};
use crate::engine::acts::Key;
use crate::engine::judge::{self, Judgement, Way, Why};
use crate::engine::plan::Plan;
use crate::engine::scheduler::Class;
use crate::engine::work::{self, WriteItem};
use crate::field::giveback::Return;
use crate::field::patch::Edit;
use crate::field::{Image, Projection, Target, creation};
use crate::ledger::{Entry, EntryId, Event, State};

use super::acts;
use super::create;
use super::field::{Look, live, look, rival};
use super::gate::Gate;
use super::hold::{drifted, gone, outcome, verdict};
use super::order::Order;
use super::work::Desk;
use super::{Decision, Input, Need, Sight, Waiting, layer, resumed, taken, undo, wartime};

/// Why entries are brought back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// The mode turned to Restoring: that turn covers every return.
    Restoring,
    /// The granted plan does not name them any more: each return is journalled first.
    Lowered,
}

/// Decides for a mode on its way back.
pub(super) fn decide(input: &Input<'_>, decision: &mut Decision) {
    let Some(plan) = wartime::in_force(input) else {
        decision.blocked = Some(super::Blocked::JournalDamaged(
            "the plan that was granted is not in the journal".into(),
        ));
        return;
    };
    let entries: Vec<&Entry> = input.ledger.live().collect();
    let mut desk = Desk::new(input);
    bring_back(
        input,
        plan,
        &entries,
        Errand::Restoring,
        &mut desk,
        decision,
    );
    let undoing = undo_acts(input, plan, decision);
    let labels = let_go(input, &mut desk);
    let (works, unseen) = desk.finish();
    if !unseen.is_empty() {
        decision.works = works;
        decision.need = Some(Need::Sights(unseen));
        return;
    }
    let over = entries.is_empty() && labels == 0 && undoing.is_empty();
    if over && works.is_empty() && resumed::watch(input, decision) {
        decision.turn(closed());
    }
    let ready_soon = matches!(decision.waiting, Some(Waiting::Readiness { .. }));
    decision.hold = !over && decision.waiting.is_some() && !ready_soon;
    if entries.is_empty() && labels > 0 {
        decision.waiting.get_or_insert(Waiting::Marks(labels));
    }
    decision.works = works;
}

fn closed() -> Turn {
    Turn {
        kind: TurnKind::Closed,
        by: None,
        reason: Some("Restored".into()),
        plan_hash: None,
        level: None,
        expires_at: None,
        approvals: Vec::new(),
    }
}

/// Undoes what was carried out in stages on which no stage depends that is still to come back.
fn undo_acts(input: &Input<'_>, plan: &Plan, decision: &mut Decision) -> BTreeSet<Key> {
    let entries: Vec<&Entry> = input.ledger.live().collect();
    let order = Order::new(input, plan, &entries).with_acts(input);
    // A freeze is lifted once what it wrote is gone.
    let stands = |(stage, step): &Key| {
        let mut own = entries.iter();
        own.any(|entry| {
            entry.state != State::Reverted && (&*entry.stage, &*entry.step) == (&**stage, &**step)
        })
    };
    let is_free = |key: &Key| {
        if undo::is_proof(plan, key) {
            !stands(key)
        } else {
            order.is_free(&key.0, &key.1)
        }
    };
    let left = undo::undo(input, plan, is_free, decision);
    acts::journal(decision);
    left
}

/// Brings some entries back.
pub(super) fn bring_back(
    input: &Input<'_>,
    plan: &Plan,
    entries: &[&Entry],
    errand: Errand,
    desk: &mut Desk,
    decision: &mut Decision,
) {
    if entries.is_empty() {
        return;
    }
    let mut order = Order::new(input, plan, entries);
    if errand == Errand::Restoring {
        order = order.with_acts(input);
    }
    let mut gate = Gate::new(input, plan);
    let mut drifts = 0;
    let (mut stuck, mut forbidden) = (0, 0);
    for entry in entries {
        match entry.state {
            State::Intended | State::Applied | State::Reverting | State::Drifted | State::Stuck => {
                let depends = |stage: &str, on: &str| order.depends(stage, on);
                if order.may_go(entry) && !gate.holds(&entry.stage, depends) {
                    value(input, &order, entry, errand, desk, decision);
                }
            }
            State::Reverted => layer::give_up_owners(input, entry, order.rank(entry), desk),
            State::OwnersBack
            | State::Refused
            | State::Withdrawn
            | State::Shadowed
            | State::Overtaken
            | State::Kept
            | State::Gone => {}
        }
        drifts += usize::from(entry.state == State::Drifted && errand == Errand::Restoring);
        stuck += usize::from(entry.state == State::Stuck);
        forbidden += usize::from(errand == Errand::Restoring && is_forbidden(entry));
    }
    ownership(input, entries, desk, decision);
    if stuck > 0 {
        decision.waiting = Some(Waiting::Retry {
            count: stuck,
            forbidden,
            mode: input.mode.name.to_owned(),
        });
    }
    if drifts > 0 {
        decision.waiting = Some(Waiting::Verdicts(drifts));
    }
    gate.tell(input, decision);
}

/// Whether a return is stuck for what the API server itself calls `Forbidden`: a right is missing, or a
/// policy is against it.
fn is_forbidden(entry: &Entry) -> bool {
    let why = entry.reason.as_deref().unwrap_or_default();
    entry.state == State::Stuck && why.contains("Forbidden: ")
}

fn value(
    input: &Input<'_>,
    order: &Order<'_>,
    entry: &Entry,
    errand: Errand,
    desk: &mut Desk,
    decision: &mut Decision,
) {
    let (plan, rank) = (order.plan_of(entry), order.rank(entry));
    let (sight, seen) = match look(input, &entry.target.uid, &entry.path) {
        Look::Unseen => {
            desk.unseen(&entry.target, &entry.path);
            return desk.urgent(&entry.target.uid, Class::of(rank));
        }
        Look::Unreadable => return decision.unreadable(input.now),
        Look::Gone => return desk.note(&entry.target, rank, gone(entry)),
        Look::Seen(sight, seen) => (sight, seen),
    };
    // Nothing of a return is judged in the middle of a lowering before it is journalled as turned.
    let turned = errand == Errand::Lowered && entry.is_wartime();
    if create::back(input, entry, sight, (rank, turned), desk, decision)
        || layer::give_up(input, entry, (sight, seen), (rank, turned), desk, decision)
        || waits_for_retry(input, entry, decision)
    {
        return;
    }
    let drift = plan
        .step(&entry.stage, &entry.step)
        .map_or(DriftRestore::Hold, |s| s.drift_restore);
    let live = live(input, sight, seen, &desk.manager, entry);
    let live = taken::credited(input, plan, entry, live);
    let judged = judge::judge(
        entry,
        Some(&live),
        Way::Restoring,
        DriftActive::Reassert,
        drift,
        verdict(input, entry, &seen.image),
    );
    match judged {
        // Somebody's object that has its name is not deleted for a policy.
        Judgement::Write(_, Why::Revert)
            if creation::is(&entry.target.uid) && !live.ours && !turned =>
        {
            let why = create::drift(entry, seen);
            desk.note(&entry.target, rank, outcome(Event::Kept, entry, why));
        }
        Judgement::Write(to, _) => {
            let item = back_item(order, entry, to);
            desk.revert(&entry.target, sight, rank, item, turned);
        }
        Judgement::Done | Judgement::Withdraw if turned => {
            desk.note(&entry.target, rank, outcome(Event::Turned, entry, None));
        }
        Judgement::Done | Judgement::Withdraw => {
            if !waits_for_the_dead(input, entry, decision) {
                desk.note(&entry.target, rank, outcome(Event::Reverted, entry, None));
            }
        }
        Judgement::Drift | Judgement::EqualForeign => {
            desk.note(&entry.target, rank, drifted(input, entry, seen));
        }
        Judgement::Keep => {
            let why = Some(format!("the value of {} stays", rival(seen)));
            desk.note(&entry.target, rank, outcome(Event::Kept, entry, why));
        }
        Judgement::Gone => desk.note(&entry.target, rank, gone(entry)),
        Judgement::Holds | Judgement::Wait => {}
    }
}

/// Whether a write that was never confirmed may still take effect.
pub(super) fn waits_for_the_dead(
    input: &Input<'_>,
    entry: &Entry,
    decision: &mut Decision,
) -> bool {
    !entry.confirmed && is_under_way(input, &entry.target, decision)
}

/// Whether a request to a target may still take effect: then it is waited, and said.
pub(super) fn is_under_way(input: &Input<'_>, target: &Target, decision: &mut Decision) -> bool {
    let dead_at = input.dead_at(&target.uid);
    let is = input.now < dead_at;
    if is {
        decision.look_again(dead_at);
        decision
            .waiting
            .get_or_insert(Waiting::Unconfirmed(dead_at));
    }
    is
}

fn waits_for_retry(input: &Input<'_>, entry: &Entry, decision: &mut Decision) -> bool {
    let at = input
        .retry_at
        .get(&entry.target.uid)
        .filter(|at| **at > input.now);
    match at {
        Some(at) if entry.state == State::Stuck => {
            decision.look_again(*at);
            true
        }
        Some(_) | None => false,
    }
}

fn back_item(order: &Order<'_>, entry: &Entry, to: Image) -> WriteItem {
    let remove_parents = if to == Image::Absent {
        order.parents_of(entry)
    } else {
        Vec::new()
    };
    WriteItem {
        id: entry.id,
        edit: Edit {
            path: entry.path.clone(),
            to,
            remove_parents,
        },
        event: Event::Reverted,
        after: entry.base.clone(),
        first: work::first(
            order.plan_of(entry),
            &entry.stage,
            &entry.step,
            &entry.target,
        ),
    }
}

/// The ownership pass: a target whose values are all back.
fn ownership(input: &Input<'_>, entries: &[&Entry], desk: &mut Desk, decision: &mut Decision) {
    let mut by_uid: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_uid.entry(&entry.target.uid).or_default().push(entry);
    }
    let holding: BTreeSet<&str> = input
        .ledger
        .live()
        .filter(|entry| entry.state != State::Reverted)
        .map(|entry| entry.target.uid.as_str())
        .collect();
    for (uid, entries) in by_uid {
        if entries.iter().any(|entry| entry.state != State::Reverted) {
            continue;
        }
        let target = &entries[0].target;
        if creation::is(uid) {
            create::last_look(input, target, &entries, desk, decision);
            continue;
        }
        match input.sights.get(uid) {
            None => {
                for entry in &entries {
                    desk.unseen(target, &entry.path);
                }
            }
            Some(Sight::Unreadable) => decision.unreadable(input.now),
            Some(Sight::Gone) => {
                for entry in &entries {
                    desk.note(target, OWNERS_RANK, gone(entry));
                }
            }
            Some(Sight::Present(sight)) => {
                // A field that was not read is not an absent one: its owners would lose it.
                let unread = entries
                    .iter()
                    .filter(|entry| sight.field(&entry.path).is_none());
                for entry in unread {
                    desk.unseen(target, &entry.path);
                }
                let items = entries
                    .iter()
                    .filter_map(|entry| give(entry, sight))
                    .collect();
                let leaves = layer::leaves_marks(input, target, sight, desk);
                let others = input.layers.managers(&target.uid);
                let last = (!holding.contains(uid) && !leaves).then_some(others);
                desk.give_back(target, sight, OWNERS_RANK, items, last);
            }
        }
    }
}

/// The ownership of one field, as it is given back.
fn give(entry: &Entry, sight: &Projection) -> Option<(EntryId, Return)> {
    let seen = sight.field(&entry.path)?;
    let back = Return {
        path: entry.path.clone(),
        owners: entry.owners.clone(),
        present: seen.image != Image::Absent,
    };
    Some((entry.id, back))
}

/// Takes our marks off targets of which the mode holds nothing any more, since another's value
/// stays there. Returns how many still carry them.
pub(super) fn let_go(input: &Input<'_>, desk: &mut Desk) -> usize {
    let all = input.ledger.entries.values();
    let kept: Vec<&Entry> = all.filter(|entry| entry.state == State::Kept).collect();
    if kept.is_empty() {
        return 0;
    }
    let live = input.ledger.live();
    let unsettled: BTreeSet<&str> = live.map(|entry| entry.target.uid.as_str()).collect();
    let label = names::label_value(input.mode.name);
    let mut seen = BTreeSet::new();
    for entry in kept {
        let uid = entry.target.uid.as_str();
        if unsettled.contains(uid) || !seen.insert(uid) {
            continue;
        }
        match input.sights.get(uid) {
            Some(Sight::Present(sight)) if sight.held_by.as_deref() == Some(label.as_str()) => {
                let others = input.layers.managers(&entry.target.uid);
                desk.give_back(&entry.target, sight, OWNERS_RANK, Vec::new(), Some(others));
            }
            Some(_) => {
                seen.remove(uid);
            }
            None => desk.unseen(&entry.target, &entry.path),
        }
    }
    seen.len()
}

/// Ownership comes after every value.
pub(super) const OWNERS_RANK: u64 = 1 << 62;
