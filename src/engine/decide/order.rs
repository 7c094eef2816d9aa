//! The order of the return.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::plan::{Change, Plan};
use crate::engine::scheduler::Class;
use crate::field::Path;
use crate::ledger::{Entry, State};
use crate::step::freeze;

use super::{Input, undo, wartime};

/// Where a change is: uid and path.
type Field<'a> = (&'a str, &'a Path);

fn field(change: &Change) -> Field<'_> {
    (change.target.uid.as_str(), &change.path)
}

/// The order of the return: a freeze is lifted last, when all else is back; a stage goes back when every
/// stage that depends on it is back, a step when every step after it is back, and inside a step the waves go
/// in the same order as there; but of what is suspended the root goes on last, or it would apply what does not
/// go on yet. What the plan in force names no more goes by the latest granted one that does.
pub(super) struct Order<'a> {
    pub(super) plan: &'a Plan,
    /// For each stage those that it depends on, through any number of stages.
    before: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Stage and step of entries whose value is still to be brought back.
    open: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The lowest wave still to be brought back, by stage and step.
    waves: BTreeMap<(&'a str, &'a str), u8>,
    wave_of: BTreeMap<Field<'a>, u8>,
    /// What people wait for first.
    classes: BTreeMap<Field<'a>, Class>,
    /// Plans that were granted before, by which what the plan in force names no more goes back: the latest first.
    earlier: Vec<&'a Plan>,
    /// Fields of whose step the plan in force has nothing, and which of those plans says how it goes back.
    lost: BTreeMap<Field<'a>, &'a Plan>,
    /// Parents that the mode created, by target: a sibling's write may have created the one that
    /// this return leaves empty.
    parents: BTreeMap<&'a str, BTreeSet<&'a Path>>,
}

impl<'a> Order<'a> {
    pub(super) fn new(input: &'a Input<'_>, plan: &'a Plan, entries: &[&'a Entry]) -> Self {
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
        let mut order = Self {
            plan,
            before: plan.stages_before(),
            open: BTreeMap::new(),
            waves: BTreeMap::new(),
            wave_of: BTreeMap::new(),
            classes: BTreeMap::new(),
            earlier: Vec::new(),
            lost: BTreeMap::new(),
            parents,
        };
        for (.., change) in plan.changes() {
            order.note(change);
        }
        order.remember(input, entries);
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

    /// When a change goes back among those of its step.
    fn note(&mut self, change: &'a Change) {
        let field = field(change);
        if change.wave > 0 {
            self.wave_of.insert(field, change.wave);
        }
        if change.class != Class::REST {
            self.classes.insert(field, change.class);
        }
    }

    /// Learns of entries that the plan in force names no more from those that were granted before: a level was
    /// lowered, or a renewal granted under a playbook that had changed.
    fn remember(&mut self, input: &Input<'a>, entries: &[&'a Entry]) {
        let in_force = self.plan;
        let granted = wartime::granted(input).filter(|plan| plan.hash != in_force.hash);
        let mut granted = granted.peekable();
        if granted.peek().is_none() {
            return;
        }
        let planned: BTreeSet<Field<'_>> = in_force.changes().map(|(.., one)| field(one)).collect();
        let of = |entry: &&'a Entry| (entry.target.uid.as_str(), &entry.path);
        let mut wanted: BTreeSet<Field<'_>> = entries.iter().map(of).collect();
        wanted.retain(|field| !planned.contains(field));
        for plan in granted {
            if wanted.is_empty() {
                return;
            }
            for (stage, step, change) in plan.changes() {
                if !wanted.remove(&field(change)) {
                    continue;
                }
                self.note(change);
                let now = in_force.step(&stage.name, &step.name);
                if now.is_none_or(|now| now.act != step.act) {
                    self.lost.insert(field(change), plan);
                }
            }
            for (stage, before) in plan.stages_before() {
                self.before.entry(stage).or_insert(before);
            }
            self.earlier.push(plan);
        }
    }

    /// The plan by which an entry goes back: that in force, or, where that has its step no more, the latest that
    /// was granted with it.
    pub(super) fn plan_of(&self, entry: &Entry) -> &'a Plan {
        let field = (entry.target.uid.as_str(), &entry.path);
        self.lost.get(&field).copied().unwrap_or(self.plan)
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
        let mut open = self.open.get(stage).into_iter().flatten();
        let plans = || std::iter::once(self.plan).chain(self.earlier.iter().copied());
        open.any(|later| {
            // The latest that has it says what it comes after: so no two can wait for each other.
            let later = plans().find_map(|plan| plan.step(stage, later));
            later.is_some_and(|later| later.after.iter().any(|after| after == step))
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
        let source = self.plan_of(entry).source(&entry.stage, &entry.step);
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
        let lowest = self.waves.get(&(&*entry.stage, &*entry.step)).copied();
        self.is_free(&entry.stage, &entry.step)
            && lowest.is_none_or(|lowest| self.wave(entry) <= lowest)
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
