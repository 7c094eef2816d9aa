//! The order of the return.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::plan::Plan;
use crate::engine::scheduler::Class;
use crate::field::Path;
use crate::ledger::{Entry, State};
use crate::step::freeze;

use super::{Input, undo};

/// The order of the return: a freeze is lifted last, when all else is back; a stage goes back when every
/// stage that depends on it is back, a step when every step after it is back, and inside a step the waves go
/// in the same order as there; but of what is suspended the root goes on last, or it would apply what does not go on yet.
pub(super) struct Order<'a> {
    pub(super) plan: &'a Plan,
    /// For each stage those that it depends on, through any number of stages.
    before: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Stage and step of entries whose value is still to be brought back.
    open: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The lowest wave still to be brought back, by stage and step.
    waves: BTreeMap<(&'a str, &'a str), u8>,
    wave_of: BTreeMap<(&'a str, &'a Path), u8>,
    /// What people wait for first.
    classes: BTreeMap<(&'a str, &'a Path), Class>,
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
        let listed = plan.changes().map(|(_, _, change)| change);
        let classes = listed
            .filter(|change| change.class != Class::REST)
            .map(|change| ((change.target.uid.as_str(), &change.path), change.class))
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
            before: plan.stages_before(),
            open,
            waves,
            wave_of,
            classes,
            parents,
        };
        // A field that is left to another mode is written by that one, and holds nothing up here.
        let is_left = |entry: &Entry| {
            let next = input.layers.next(&entry.target.uid, &entry.path);
            next.is_some()
        };
        let others = entries.iter().filter(|entry| !is_left(entry));
        for entry in others.filter(|entry| !freeze::is_own(&entry.target)) {
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

    /// The same, where acts are undone, too: what they come after goes back after them.
    pub(super) fn with_acts(mut self, input: &'a Input<'_>) -> Self {
        for (stage, step) in undo::undone_later(input, self.plan) {
            self.open.entry(stage).or_default().insert(step);
        }
        self
    }

    /// Whether everything is back that depends on a step: stages, and later steps of its own.
    pub(super) fn is_free(&self, stage: &str, step: &str) -> bool {
        let mut open = self.open.keys();
        open.all(|other| !self.depends(other, stage)) && !self.has_later(stage, step)
    }

    /// Whether a step of a stage that comes after this one is still to be brought back.
    fn has_later(&self, stage: &str, step: &str) -> bool {
        let open = self.open.get(stage);
        let planned = self.plan.stages.iter().find(|own| own.name == stage);
        let mut steps = planned.into_iter().flat_map(|own| &own.steps);
        steps.any(|later| {
            later.after.iter().any(|after| after == step)
                && open.is_some_and(|open| open.contains(later.name.as_str()))
        })
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
        let there = self.wave_of.get(&(entry.target.uid.as_str(), &entry.path));
        let there = there.copied().unwrap_or(0);
        let source = self.plan.source(&entry.stage, &entry.step);
        if source.is_some_and(|step| step.suspend.is_some()) {
            u8::MAX - there
        } else {
            there
        }
    }

    pub(super) fn may_go(&self, entry: &Entry) -> bool {
        // Whatever a plan in force says of its step: people are let in when everything else is back.
        if freeze::is_own(&entry.target) {
            return self.open.is_empty();
        }
        let later_stage = self.plan.stages.iter().any(|stage| {
            self.open.contains_key(stage.name.as_str()) && self.depends(&stage.name, &entry.stage)
        });
        let later_step = self.has_later(&entry.stage, &entry.step);
        let lowest = self.waves.get(&(&*entry.stage, &*entry.step)).copied();
        !later_stage && !later_step && lowest.is_none_or(|lowest| self.wave(entry) <= lowest)
    }

    /// Whether a stage depends on another, through any number of stages.
    pub(super) fn depends(&self, stage: &str, on: &str) -> bool {
        let before = self.before.get(stage);
        before.is_some_and(|before| before.contains(on))
    }

    pub(super) fn rank(&self, entry: &Entry) -> u64 {
        let place = self
            .plan
            .stages
            .iter()
            .position(|stage| stage.name == *entry.stage);
        let reverse = self.plan.stages.len() - place.unwrap_or(0);
        let field = (entry.target.uid.as_str(), &entry.path);
        let class = self.classes.get(&field);
        let class = class.copied().unwrap_or(Class::REST);
        class.rank(((reverse as u64) << 32) | u64::from(self.wave(entry)))
    }
}
