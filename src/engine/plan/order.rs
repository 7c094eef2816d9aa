//! Which steps of a plan are done before which others.

use std::collections::BTreeSet;

use super::{Plan, PlannedStage};

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
        let stages = plan.stages.iter().map(|stage| {
            let place = |name: &String| plan.stages.iter().position(|one| one.name == *name);
            stage.depends_on.iter().filter_map(place).collect()
        });
        Self {
            stages: closed(stages.collect()),
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
