//! What other modes have that matters to this one: layers on its fields, and fields that it may not
//! touch at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{EmergencyMode, Nature};
use crate::engine::facts::Facts;
use crate::engine::layers::{Layers, Rank};
use crate::engine::plan::{Plan, describe};
use crate::engine::shared;
use crate::field::{Path, Uid, creation};
use crate::ledger::held::{self, Holder};
use crate::ledger::{Direction, EntryId, Ledger};
use crate::run::mode::{Mode, State};
use crate::run::registry::Registry;

use super::Actor;

/// Fields that other modes have or were granted, and whether each is an Actual one's.
pub(super) struct Held {
    fields: BTreeMap<(Uid, Path), Holder>,
    actual: BTreeSet<String>,
    nature: Nature,
}

impl Held {
    /// Of two modes that hold one field the Actual one is named.
    fn add(&mut self, known: BTreeMap<(Uid, Path), Holder>, is_actual: bool) {
        for (field, holder) in known {
            if is_actual {
                self.fields.insert(field, holder);
            } else {
                self.fields.entry(field).or_insert(holder);
            }
        }
    }

    /// Why a plan may not be set in force beside other modes: a sentence each.
    ///
    /// Equal fields are layers, and no conflict; a parent and a child of it would be written over by
    /// each other. An exercise makes no layer under an Actual mode: it would practise nothing there.
    pub(super) fn conflicts(&self, plan: &Plan) -> Vec<String> {
        if plan.tabletop {
            return Vec::new();
        }
        let changes = plan.changes().map(|(_, _, change)| change);
        let found = changes.filter_map(|change| {
            let (uid, path) = (&change.target.uid, &change.path);
            let mut holders = held::overlapping(&self.fields, uid, path);
            let (holder, why) = holders.find_map(|(other, holder)| {
                if other != path {
                    return Some((holder, format!(" as {}", other.to_pointer())));
                }
                if creation::is(uid) {
                    return Some((holder, ", which makes it".to_owned()));
                }
                let yields = self.nature == Nature::Exercise && self.actual.contains(&holder.uid);
                yields.then(|| (holder, ", and an exercise gives way to it".to_owned()))
            })?;
            let target = describe(&change.target);
            let field = path.to_pointer();
            Some(format!("{target} {field} is held by {}{why}", holder.mode))
        });
        found.collect()
    }
}

impl Actor {
    /// What other modes hold or were granted to hold. Nothing is asked where the mode's object is
    /// gone, since then nothing is set in force.
    pub(super) async fn held_by_others(&self, object: Option<&EmergencyMode>) -> Held {
        let mut held = Held {
            fields: BTreeMap::new(),
            actual: BTreeSet::new(),
            nature: object.map_or(Nature::Actual, |object| object.spec.nature),
        };
        if object.is_none() {
            return held;
        }
        for other in self.registry.others(&self.mode.id.uid).await {
            let state = other.state.lock().await;
            if other.is_vanished {
                held.add(vanished(&other.id.name, &state.ledger), false);
                continue;
            }
            let is_live = matches!(state.ledger.direction, Direction::Wartime | Direction::Held);
            let plan = state.plan_in_force();
            let plan = plan.filter(|plan| is_live && !plan.tabletop);
            let is_actual = plan.is_some_and(|plan| plan.nature == Nature::Actual);
            if is_actual {
                held.actual.insert(other.id.uid.clone());
            }
            let mut known = held::held(std::iter::once(&state.ledger));
            for (_, _, change) in plan.into_iter().flat_map(|plan| plan.changes()) {
                let key = (change.target.uid.clone(), change.path.clone());
                known.entry(key).or_insert_with(|| Holder {
                    mode: other.id.name.clone(),
                    uid: other.id.uid.clone(),
                    entry: EntryId(0),
                });
            }
            held.add(known, is_actual);
        }
        held
    }

    /// The layers of other modes on the fields of this one, whose state the caller has. One decision
    /// at a time asks this, so that no two wait for each other.
    pub(super) async fn layers(&self, state: &State) -> Layers {
        let plan = state.plan_in_force();
        let own = plan.and_then(|plan| Rank::of(plan, &state.ledger));
        let mut layers = Layers::new(
            own,
            self.registry.is_alone(),
            self.registry.unreadable().await,
        );
        // Made of all that this mode has or wants only where there is somebody to compare it with.
        let mut targets = None;
        for other in self.registry.others(&self.mode.id.uid).await {
            let is_vanished = other.is_vanished;
            let other = other.state.lock().await;
            let is_over = matches!(
                other.ledger.direction,
                Direction::Pending | Direction::Closed
            );
            if let Some(theirs) = other.plan_in_force().filter(|_| !is_over) {
                let targets = targets.get_or_insert_with(|| targets_of(state));
                if is_vanished {
                    layers.add_vanished(theirs, &other.ledger, targets);
                } else {
                    layers.add(theirs, &other.ledger, targets);
                }
            }
        }
        layers
    }
}

/// What a mode holds that nobody carries out: whoever is told of it reads how it comes back. It takes
/// nothing from an exercise, since it wants nothing any more.
fn vanished(name: &str, ledger: &Ledger) -> BTreeMap<(Uid, Path), Holder> {
    let mut known = held::held(std::iter::once(ledger));
    for holder in known.values_mut() {
        holder.mode = format!(
            "{name} (its EmergencyMode is gone: stop the operator, and `pingzhan restore \
             --from-records {name}` brings it back)"
        );
    }
    known
}

/// What would be seen in peacetime, where modes hold anything of it: nothing else is planned on.
pub(super) async fn beside_others(
    registry: &Registry,
    own: &Arc<Mode>,
    facts: &Facts,
) -> Option<Facts> {
    let mut peacetime = None;
    let mut modes = registry.others(&own.id.uid).await;
    modes.push(own.clone());
    for mode in modes {
        let state = mode.state.lock().await;
        if state.ledger.live().next().is_some() {
            let known: Facts = peacetime.take().unwrap_or_else(|| facts.clone());
            peacetime = Some(known.in_peacetime(&state.ledger));
        }
    }
    peacetime
}

/// The fields that a plan of a mode shares with other modes, a sentence each.
pub(super) async fn shared_with_others(
    registry: &Registry,
    own: &Arc<Mode>,
    plan: &Plan,
) -> Vec<String> {
    let state = own.state.lock().await;
    let granted = state.plan_in_force();
    let granted = granted.and_then(|plan| Rank::of(plan, &state.ledger));
    drop(state);
    let rank = granted.unwrap_or_else(|| Rank::declared_now(plan.nature, plan.level));
    let mut said = Vec::new();
    for mode in registry.others(&own.id.uid).await {
        let state = mode.state.lock().await;
        let theirs = state.plan_in_force();
        let Some(theirs) = theirs.and_then(|plan| Rank::of(plan, &state.ledger)) else {
            continue;
        };
        let holder = shared::Holder {
            ledger: &state.ledger,
            rank: theirs,
            is_gone: mode.is_vanished,
        };
        said.extend(shared::shared(plan, &rank, &[holder]));
    }
    said
}

/// Everything that a mode has or wants.
fn targets_of(state: &State) -> BTreeSet<Uid> {
    let plan = state.plan_in_force().into_iter();
    let planned = plan.flat_map(|plan| plan.changes());
    let planned = planned.map(|(_, _, change)| change.target.uid.clone());
    let written = state.ledger.live().map(|entry| entry.target.uid.clone());
    planned.chain(written).collect()
}
