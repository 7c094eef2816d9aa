//! Which steps of a plan are done before which others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, PlannedStage};

impl Plan {
    /// For each stage the names of those that it depends on, through any number of stages.
    pub fn stages_before(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let names: Vec<&str> = self
            .stages
            .iter()
            .map(|stage| stage.name.as_str())
            .collect();
        named(&names, stages(self))
    }
}

impl PlannedStage {
    /// For each step the names of those that it comes after, through any number of steps.
    pub fn steps_before(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let names: Vec<&str> = self.steps.iter().map(|step| step.name.as_str()).collect();
        named(&names, steps(self))
    }
}

/// Each with those before it, by name.
fn named<'a>(
    names: &[&'a str],
    before: Vec<BTreeSet<usize>>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let before = before
        .into_iter()
        .map(|before| before.into_iter().map(|at| names[at]).collect());
    names.iter().copied().zip(before).collect()
}

/// The place of a step: of its stage, and in it.
pub(super) type Place = (usize, usize);

/// The steps that are done before others, through any number of stages and steps. Those that no
/// order holds between run at the same time.
pub(super) struct Order {
    /// For each stage the stages before it.
    stages: Vec<BTreeSet<usize>>,
    /// For each step of each stage the steps of the stage before it.
    steps: Vec<Vec<BTreeSet<usize>>>,
}

impl Order {
    /// Reads it off a plan, in which no stage and no step stands before one that it waits for.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            stages: stages(plan),
            steps: plan.stages.iter().map(steps).collect(),
        }
    }

    /// Whether one step is done before another.
    pub(super) fn is_before(&self, one: Place, other: Place) -> bool {
        if one.0 == other.0 {
            self.steps[other.0][other.1].contains(&one.1)
        } else {
            self.stages[other.0].contains(&one.0)
        }
    }
}

fn stages(plan: &Plan) -> Vec<BTreeSet<usize>> {
    let stages = plan.stages.iter().map(|stage| {
        let place = |name: &String| plan.stages.iter().position(|one| one.name == *name);
        stage.depends_on.iter().filter_map(place).collect()
    });
    closed(stages.collect())
}

fn steps(stage: &PlannedStage) -> Vec<BTreeSet<usize>> {
    let steps = stage.steps.iter().map(|step| {
        let place = |name: &String| stage.steps.iter().position(|one| one.name == *name);
        step.after.iter().filter_map(place).collect()
    });
    closed(steps.collect())
}

/// Each with those of its own before it: they stand before it in the list.
fn closed(mut before: Vec<BTreeSet<usize>>) -> Vec<BTreeSet<usize>> {
    for at in 0..before.len() {
        let further = before[at].iter().filter(|one| **one < at);
        let further: BTreeSet<usize> = further.flat_map(|one| before[*one].clone()).collect();
        before[at].extend(further);
    }
    before
}
