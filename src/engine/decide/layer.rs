//! Fields on which other modes have layers: what peacetime's value is, and who answers for a field
//! that this mode gives up.

use std::sync::Arc;

use crate::api::{Nature, names};
use crate::engine::judge;
use crate::engine::layers::{Layer, Layers};
use crate::engine::plan::{self, Change};
use crate::field::{FormerOwner, Image, Path, Projection, Seen, Target};
use crate::ledger::{Entry, Event, State};

use super::back::waits_for_the_dead;
use super::field::missing_parents;
use super::hold::outcome;
use super::work::Desk;
use super::{Blocked, Decision, Input, Waiting, wartime};

/// What stands in peacetime.
pub(super) struct Peacetime {
    pub(super) base: Image,
    pub(super) owners: Arc<[FormerOwner]>,
    pub(super) parents: Vec<Path>,
    /// The mode that journalled it before.
    pub(super) covers: Option<String>,
}

/// What stands in peacetime, of a field that this mode has no change of: what another mode
/// journalled, as long as it has not brought it back; else what is there now.
pub(super) fn peacetime(layers: &Layers, sight: &Projection, seen: &Seen) -> Peacetime {
    let layers = layers.of(&sight.target.uid, &seen.path);
    let journalled = layers
        .iter()
        .find(|layer| layer.entry.state != State::Reverted);
    if let Some(layer) = journalled {
        return of(layer);
    }
    // The value is back and its owners are not. Unless somebody has written it since, both are as the
    // other mode journalled them, even where what was seen is older than that.
    let unowned = layers.iter().find(|layer| {
        let manager = names::field_manager(&layer.mode, &layer.uid);
        seen.ours.contains(&manager) || layer.entry.is_ours(&seen.image)
    });
    if let Some(layer) = unowned {
        return of(layer);
    }
    let owners = if sight.tracked {
        seen.owners.clone()
    } else {
        Arc::default()
    };
    Peacetime {
        base: seen.image.clone(),
        owners,
        parents: missing_parents(seen),
        covers: None,
    }
}

fn of(layer: &Layer) -> Peacetime {
    Peacetime {
        base: layer.entry.base.clone(),
        owners: layer.entry.owners.clone(),
        parents: layer.entry.parents.clone(),
        covers: Some(layer.uid.clone()),
    }
}

/// Gives a change that turns back up to the layer that is to stand after it. False where there is
/// none, so that peacetime's value is to be written.
///
/// Guarantees: a field is given up only to a mode that journalled its peacetime value too, and only
/// once nothing of this mode is there, or can arrive any more.
pub(super) fn give_up(
    input: &Input<'_>,
    entry: &Entry,
    (sight, seen): (&Projection, &Seen),
    (rank, turned): (u64, bool),
    desk: &mut Desk,
    decision: &mut Decision,
) -> bool {
    let Some(next) = input.layers.next(&entry.target.uid, &entry.path) else {
        return false;
    };
    if turned {
        desk.note(&entry.target, rank, outcome(Event::Turned, entry, None));
        return true;
    }
    let is_ours = judge::is_ours(sight, seen, entry, &desk.manager);
    let stands = next.entry.confirmed && next.entry.is_ours(&seen.image);
    if is_ours && !stands && !input.layers.is_alone() {
        wait(next, decision);
        return true;
    }
    if !waits_for_the_dead(input, entry, decision) {
        give(entry, next, rank, desk);
    }
    true
}

/// Whether this mode's name has to stay on a target on which it has nothing any more: another mode
/// holds the very value that this one wrote, and the name says that it is one of ours. It goes with
/// the marks of that mode.
pub(super) fn leaves_marks(
    input: &Input<'_>,
    target: &Target,
    sight: &Projection,
    desk: &mut Desk,
) -> bool {
    let first = (target.uid.clone(), Path::new(Vec::new()));
    let heads = input.ledger.heads.range(first..);
    let heads = heads.take_while(|((uid, _), _)| *uid == target.uid);
    let mut leaves = false;
    for ((uid, path), id) in heads {
        let entry = input.ledger.entries.get(*id);
        let is_left = entry.is_some_and(|entry| entry.state == State::Shadowed);
        if !is_left || input.layers.of(uid, path).is_empty() {
            continue;
        }
        match sight.field(path) {
            Some(seen) => leaves |= seen.ours.contains(&desk.manager),
            None => desk.unseen(target, path),
        }
    }
    leaves
}

/// A field is left alone of which nobody knows what it held in peacetime.
pub(super) fn unknown(change: &Change, mode: &str, decision: &mut Decision) {
    let target = plan::describe(&change.target);
    let field = change.path.to_pointer();
    let sentence = format!("{target} {field} was written by {mode}, whose journal is damaged");
    match &mut decision.blocked {
        Some(Blocked::HeldBy(fields)) => fields.push(sentence),
        Some(_) => {}
        None => decision.blocked = Some(Blocked::HeldBy(vec![sentence])),
    }
}

/// Gives a change whose value is back, and whose owners are not, up to a mode that wants the field
/// again: it journalled them too.
pub(super) fn give_up_owners(input: &Input<'_>, entry: &Entry, rank: u64, desk: &mut Desk) {
    if let Some(next) = input.layers.next(&entry.target.uid, &entry.path) {
        give(entry, next, rank, desk);
    }
}

fn give(entry: &Entry, next: &Layer, rank: u64, desk: &mut Desk) {
    let why = Some(format!("left to {}, which holds the field too", next.mode));
    desk.note(&entry.target, rank, outcome(Event::Superseded, entry, why));
}

fn wait(next: &Layer, decision: &mut Decision) {
    let mode = next.mode.clone();
    match &mut decision.waiting {
        Some(Waiting::Layer { modes, count }) => {
            *count += 1;
            if !modes.contains(&mode) {
                modes.push(mode);
            }
        }
        Some(_) => {}
        None => {
            decision.waiting = Some(Waiting::Layer {
                modes: vec![mode],
                count: 1,
            });
        }
    }
}

/// The Actual mode that needs targets of this exercise, if it is one and there is any.
pub(super) fn preempted<'a>(input: &Input<'a>) -> Option<&'a str> {
    if input.layers.is_empty() {
        return None;
    }
    let makes_room = |plan: &&plan::Plan| plan.nature == Nature::Exercise && !plan.tabletop;
    let plan = wartime::in_force(input).filter(makes_room)?;
    let planned = plan.changes().map(|(_, _, change)| &change.target.uid);
    let written = input.ledger.live().map(|entry| &entry.target.uid);
    input.layers.preempted(planned.chain(written))
}
