//! The order of the return.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::plan::Plan;
use crate::field::Path;
use crate::ledger::{Entry, State};

use super::Input;

/// The order of the return: a stage goes back when every stage that depends on it is back, a step
/// when every step after it is back, and inside a step the waves go in the same order as there.
pub(super) struct Order<'a> {
    pub(super) plan: &'a Plan,
    /// Stage and step of entries whose value is still to be brought back.
    open: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The lowest wave still to be brought back, by stage and step.
    waves: BTreeMap<(&'a str, &'a str), u8>,
    wave_of: BTreeMap<(&'a str, &'a Path), u8>,
    /// Parents that the mode created, by target: a sibling's write may have created the one that
    /// this return leaves empty.
    parents: BTreeMap<&'a str, BTreeSet<&'a Path>>,
}

impl<'a> Order<'a> {
    pub(super) fn new(input: &'a Input<'_>, plan: &'a Plan, entries: &[&'a Entry]) -> Self {
        let wave_of: BTreeMap<_, _> = plan
            .changes()
            .filter(|(_, _, change)| change.wave > 0)
            .map(|(_, _, change)| ((change.target.uid.as_str(), &change.path), change.wave))
            .collect();
        let mut parents: BTreeMap<&str, BTreeSet<&Path>> = BTreeMap::new();
        for entry in input
            .ledger
            .entries
            .values()
            .filter(|entry| !entry.parents.is_empty())
        {
            parents
                .entry(&entry.target.uid)
                .or_default()
                .extend(&entry.parents);
        }
        let (open, waves) = (BTreeMap::new(), BTreeMap::new());
        let mut order = Self {
            plan,
            open,
            waves,
            wave_of,
            parents,
        };
        for entry in entries {
            if matches!(
                entry.state,
                State::Intended | State::Applied | State::Reverting
            ) {
                order
                    .open
                    .entry(&entry.stage)
                    .or_default()
                    .insert(&entry.step);
                let wave = order.wave(entry);
                let lowest = order
                    .waves
                    .entry((&entry.stage, &entry.step))
                    .or_insert(wave);
                *lowest = wave.min(*lowest);
            }
        }
        order
    }

    pub(super) fn parents_of(&self, entry: &Entry) -> Vec<Path> {
        let created = self
            .parents
            .get(entry.target.uid.as_str())
            .into_iter()
            .flatten();
        created
            .filter(|parent| entry.path.starts_with(parent))
            .map(|parent| (*parent).clone())
            .collect()
    }

    fn wave(&self, entry: &Entry) -> u8 {
        self.wave_of
            .get(&(entry.target.uid.as_str(), &entry.path))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn may_go(&self, entry: &Entry) -> bool {
        let later_stage = self.plan.stages.iter().any(|stage| {
            self.open.contains_key(stage.name.as_str()) && self.depends(&stage.name, &entry.stage)
        });
        let Some(stage) = self
            .plan
            .stages
            .iter()
            .find(|stage| stage.name == *entry.stage)
        else {
            return true;
        };
        let open = self.open.get(&*entry.stage);
        let later_step = stage.steps.iter().any(|step| {
            step.after.iter().any(|after| *after == *entry.step)
                && open.is_some_and(|open| open.contains(step.name.as_str()))
        });
        let lowest = self.waves.get(&(&*entry.stage, &*entry.step)).copied();
        !later_stage && !later_step && lowest.is_none_or(|lowest| self.wave(entry) <= lowest)
    }

    /// Whether a stage depends on another, through any number of stages.
    pub(super) fn depends(&self, stage: &str, on: &str) -> bool {
        self.plan
            .stages
            .iter()
            .find(|planned| planned.name == stage)
            .is_some_and(|planned| {
                planned
                    .depends_on
                    .iter()
                    .any(|name| name == on || self.depends(name, on))
            })
    }

    pub(super) fn rank(&self, entry: &Entry) -> u64 {
        let place = self
            .plan
            .stages
            .iter()
            .position(|stage| stage.name == *entry.stage);
        let reverse = self.plan.stages.len() - place.unwrap_or(0);
        ((reverse as u64) << 32) | u64::from(self.wave(entry))
    }
}
