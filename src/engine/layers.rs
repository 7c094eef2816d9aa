//! Layers: what other modes have on the fields of one mode, and which of them stands on top.
//!
//! The layers of one field lie over the one peacetime value that all of them journalled. An Actual
//! mode lies over an Exercise, then the graver level over the lighter one, then the mode that came
//! into force later. A layer is there once its change is journalled, and goes when its mode turns
//! back or its change ends.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::{Level, Nature, names};
use crate::engine::plan::Plan;
use crate::field::{Image, Path, Projection, Seen, Uid, creation};
use crate::ledger::entry::NewEntry;
use crate::ledger::{Direction, Entry, Ledger, State};

/// A mode's place among the layers; the greater one lies on top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_actual: bool,
    level: Reverse<Level>,
    since: Timestamp,
    uid: String,
}

impl Rank {
    /// The place that a mode would have that came into force now.
    pub const fn declared_now(nature: Nature, level: Level) -> Self {
        Self {
            is_actual: matches!(nature, Nature::Actual),
            level: Reverse(level),
            since: Timestamp::MAX,
            uid: String::new(),
        }
    }

    /// Whether the mode is an exercise.
    pub const fn is_exercise(&self) -> bool {
        !self.is_actual
    }

    /// The place of a mode, once a plan of it is in force.
    pub fn of(plan: &Plan, ledger: &Ledger) -> Option<Self> {
        let granted = ledger.granted.as_ref()?;
        Some(Self {
            is_actual: plan.nature == Nature::Actual,
            level: Reverse(granted.level),
            since: ledger.activated_at.unwrap_or(granted.at),
            uid: ledger.mode.uid.clone(),
        })
    }
}

/// What another mode has on a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The other mode's place.
    pub rank: Rank,
    /// Its name.
    pub mode: String,
    /// Its uid.
    pub uid: String,
    /// Whether its value is to stand: it is in force, and this change has not turned back.
    pub claims: bool,
    /// Its latest change of the field, which is not settled.
    pub entry: Entry,
}

/// What other modes have on the fields of one mode.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    own: Option<Rank>,
    fields: BTreeMap<(Uid, Path), Vec<Layer>>,
    /// Modes of which an Exercise must make room, and by which of its targets.
    actual: BTreeMap<Uid, String>,
    /// Modes whose journals cannot be read, by field manager.
    unreadable: BTreeMap<String, String>,
    is_alone: bool,
}

impl Layers {
    /// For a mode of this place, with nothing of others yet. `is_alone` says that other modes cannot
    /// act: nobody waits for them to write, and what they journalled answers for their fields.
    ///
    /// `unreadable` are the names of modes whose journals cannot be read, by field manager.
    pub const fn new(
        own: Option<Rank>,
        is_alone: bool,
        unreadable: BTreeMap<String, String>,
    ) -> Self {
        Self {
            own,
            unreadable,
            fields: BTreeMap::new(),
            actual: BTreeMap::new(),
            is_alone,
        }
    }

    /// Adds what another mode has on some targets.
    pub fn add(&mut self, plan: &Plan, ledger: &Ledger, targets: &BTreeSet<Uid>) {
        let is_in_force = matches!(ledger.direction, Direction::Wartime | Direction::Held);
        self.lay(plan, ledger, targets, is_in_force);
    }

    /// Adds what a mode has on some targets whose object is gone and whom nobody carries out: it knows
    /// what they were in peacetime, and claims nothing.
    pub fn add_vanished(&mut self, plan: &Plan, ledger: &Ledger, targets: &BTreeSet<Uid>) {
        self.lay(plan, ledger, targets, false);
    }

    fn lay(&mut self, plan: &Plan, ledger: &Ledger, targets: &BTreeSet<Uid>, is_in_force: bool) {
        let Some(rank) = Rank::of(plan, ledger) else {
            return;
        };
        if matches!(ledger.direction, Direction::Pending | Direction::Closed) {
            return;
        }
        if is_in_force && plan.nature == Nature::Actual {
            let planned = plan.changes().map(|(_, _, change)| &change.target.uid);
            let written = ledger.live().map(|entry| &entry.target.uid);
            for uid in planned.chain(written).filter(|uid| targets.contains(*uid)) {
                self.actual
                    .entry(uid.clone())
                    .or_insert_with(|| ledger.mode.name.clone());
            }
        }
        for entry in ledger.live() {
            // An object that a mode makes is no layer of another's.
            if !targets.contains(&entry.target.uid) || creation::is(&entry.target.uid) {
                continue;
            }
            // Of one that was stopped what stood is to stay; what never stood is not written any more.
            let goes_on = ledger.direction == Direction::Wartime || entry.confirmed;
            let layers = self
                .fields
                .entry((entry.target.uid.clone(), entry.path.clone()))
                .or_default();
            layers.push(Layer {
                rank: rank.clone(),
                mode: ledger.mode.name.clone(),
                uid: ledger.mode.uid.clone(),
                claims: is_in_force && goes_on && entry.is_wartime(),
                entry: entry.clone(),
            });
            layers.sort_by(|a, b| b.rank.cmp(&a.rank));
        }
    }

    /// The mode that wrote a field and whose journal cannot be read, if any: nobody knows what the
    /// field held in peacetime.
    pub fn unknown(&self, seen: &Seen) -> Option<&str> {
        let mut writers = seen.ours.iter();
        writers.find_map(|manager| self.unreadable.get(manager).map(String::as_str))
    }

    /// Whether nobody else has anything here.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.actual.is_empty()
    }

    /// Whether other modes cannot act.
    pub const fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// What others have on a field, the top one first.
    pub fn of(&self, uid: &Uid, path: &Path) -> &[Layer] {
        if self.fields.is_empty() {
            return &[];
        }
        self.fields
            .get(&(uid.clone(), path.clone()))
            .map_or(&[], Vec::as_slice)
    }

    /// The layer that covers this mode's, if any.
    pub fn over(&self, uid: &Uid, path: &Path) -> Option<&Layer> {
        let own = self.own.as_ref()?;
        let mut layers = self.of(uid, path).iter();
        layers.find(|layer| layer.claims && layer.rank > *own)
    }

    /// The layer whose value is to stand once this mode's is gone, if any.
    pub fn next(&self, uid: &Uid, path: &Path) -> Option<&Layer> {
        self.of(uid, path).iter().find(|layer| layer.claims)
    }

    /// The Actual mode in force that wants, or has, something of these targets, if any.
    pub fn preempted<'a>(&self, mut targets: impl Iterator<Item = &'a Uid>) -> Option<&str> {
        if self.actual.is_empty() {
            return None;
        }
        targets.find_map(|uid| self.actual.get(uid).map(String::as_str))
    }

    /// Whether what a field holds was put there by another mode.
    ///
    /// The name by which it was written says so. Where the server tracks no owners, and of what was
    /// taken away, the value alone does.
    pub fn wrote(&self, of: &Projection, seen: &Seen, manager: &str) -> bool {
        let is_own = seen.ours.iter().any(|holder| holder == manager);
        if is_own || creation::is(&of.target.uid) {
            return false;
        }
        if !seen.ours.is_empty() {
            return true;
        }
        let untold = !of.tracked || seen.image == Image::Absent;
        untold
            && self
                .of(&of.target.uid, &seen.path)
                .iter()
                .any(|layer| layer.entry.is_ours(&seen.image) && layer.entry.base != seen.image)
    }

    /// The managers of other modes that hold something of a target still.
    pub fn managers(&self, uid: &Uid) -> Vec<String> {
        let first = (uid.clone(), Path::new(Vec::new()));
        let fields = self.fields.range(first..);
        let layers = fields
            .take_while(|((of, _), _)| of == uid)
            .flat_map(|(_, layers)| layers);
        let mut managers: Vec<String> = layers
            .map(|layer| names::field_manager(&layer.mode, &layer.uid))
            .collect();
        managers.sort();
        managers.dedup();
        managers
    }
}

/// Whether a change that another mode is about to journal may know this value for peacetime's,
/// beside an entry of this mode: the two were decided upon apart.
pub fn agree(known: &Entry, change: &NewEntry) -> bool {
    if known.state.is_settled_back() || known.base == change.base {
        return true;
    }
    // Brought back, and written by somebody else since.
    known.state == State::Reverted && !known.is_ours(&change.base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::sample;

    fn image(number: i64) -> Image {
        Image::Present(number.into())
    }

    /// A change that takes this value for peacetime's.
    fn change(base: i64) -> NewEntry {
        let entry = sample("u1");
        NewEntry {
            stage: entry.stage,
            step: entry.step,
            target: entry.target,
            path: entry.path,
            base: image(base),
            seen: image(base),
            after: image(20),
            owners: entry.owners,
            parents: Vec::new(),
            covers: None,
            supersedes: None,
            amendment: 0,
        }
    }

    /// Of two modes that want a field in the same moment the later one may have seen what the earlier
    /// one wrote: its record would lose the original value for ever.
    #[test]
    fn a_wartime_value_of_another_mode_is_never_peacetimes() {
        // 3 in peacetime, 9 in wartime.
        let known = |state| Entry {
            state,
            confirmed: true,
            ..sample("u1")
        };
        for state in State::ALL {
            let takes = |base| agree(&known(state), &change(base));
            assert!(takes(3), "{state:?}: the same base");
            let settled = state.is_settled_back();
            assert_eq!(takes(9), settled, "{state:?}: what it wrote");
            let free = settled || state == State::Reverted;
            assert_eq!(takes(5), free, "{state:?}: somebody else's");
        }
    }

    /// The order of the layers is a promise: Actual, then gravity, then the later one.
    #[test]
    fn an_actual_mode_lies_over_an_exercise_then_the_graver_then_the_later_one() {
        let rank = |is_actual, level, since: i64| Rank {
            is_actual,
            level: Reverse(level),
            since: Timestamp::from_second(since).expect("a time"),
            uid: "u".into(),
        };
        let order = [
            rank(false, Level::IV, 9),
            rank(false, Level::I, 1),
            rank(true, Level::IV, 1),
            rank(true, Level::IV, 2),
            rank(true, Level::I, 1),
        ];
        assert!(order.is_sorted());
        let now = Rank::declared_now(Nature::Actual, Level::I);
        assert!(now > order[4], "the next one of the same gravity");
    }
}
