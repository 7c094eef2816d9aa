//! Stages that stand still: all that is open in them waits for a verdict, for an earlier change to be
//! brought back, or for what cannot be read. No record says that they began, and they are late all the same.

use jiff::Timestamp;

use crate::api::StageState;
use crate::engine::plan::{Change, Plan, PlannedStage};
use crate::ledger::State;

use super::super::field::{Look, look};
use super::super::{Input, late};
use super::{StageView, Standing, StepView, was};

/// When a stage began under the plan in force, if it did: by its records, or where it goes on without any.
pub(super) fn began(
    input: &Input<'_>,
    plan: &Plan,
    stage: &PlannedStage,
    steps: &[StepView<'_>],
    earlier: &[StageView<'_>],
) -> Option<Timestamp> {
    late::recorded(input, stage).or_else(|| {
        let is_under_way = steps.iter().any(StepView::is_under_way);
        let since = if is_under_way {
            input.ledger.in_force_since?
        } else {
            still_since(input, stage, steps)?
        };
        let released = late::released(input, plan, stage)?.max(since);
        let given_up = given_up(input, plan, stage, earlier);
        Some(given_up.map_or(released, |at| at.max(released)))
    })
}

/// When the last of what a stage depends on, through any number of stages, was late: it waited so long.
fn given_up(
    input: &Input<'_>,
    plan: &Plan,
    stage: &PlannedStage,
    earlier: &[StageView<'_>],
) -> Option<Timestamp> {
    let before = plan.stages_before().remove(stage.name.as_str())?;
    let views = earlier.iter();
    let views = views.filter(|view| before.contains(view.stage.name.as_str()));
    let ends = views.flat_map(|view| {
        let open = view.steps.iter().filter(|step| step.open() > 0);
        open.filter_map(|step| late::late_at(input, plan, view.stage, step.step, view.began))
    });
    ends.filter(|end| *end <= input.now).max()
}

/// Since when a stage stands still at the latest, under the plan in force. `None` where something of it
/// may begin: that is recorded when its turn comes, however many are written before it.
fn still_since(
    input: &Input<'_>,
    stage: &PlannedStage,
    steps: &[StepView<'_>],
) -> Option<Timestamp> {
    let has_failed = was(input, stage, StageState::Failed);
    let mut since = input.ledger.in_force_since?;
    let mut is_open = false;
    let open = steps.iter().filter(|step| step.is_open());
    for step in open.filter(|step| !is_held(step, steps)) {
        // An act says itself that it begins.
        if step.open() == 0 {
            return None;
        }
        for (change, standing) in first_wave(step) {
            since = waits(input, change, standing, since, has_failed)?;
            is_open = true;
        }
    }
    is_open.then_some(since)
}

/// Whether something that a step comes after is still open.
fn is_held(step: &StepView<'_>, steps: &[StepView<'_>]) -> bool {
    let mut open = steps.iter().filter(|other| other.is_open());
    open.any(|other| step.step.after.contains(&other.step.name))
}

/// What is planned and open in the first wave of a step.
fn first_wave<'v, 'a>(
    step: &'v StepView<'a>,
) -> impl Iterator<Item = (&'a Change, &'v Standing<'a>)> {
    let first = open_in(step).map(|(change, _)| change.wave).min();
    open_in(step).filter(move |(change, _)| Some(change.wave) == first)
}

/// What is planned and open in a step.
fn open_in<'v, 'a>(step: &'v StepView<'a>) -> impl Iterator<Item = (&'a Change, &'v Standing<'a>)> {
    let changes = step.changes.iter();
    let open = changes.filter(|(_, amendment, standing)| *amendment == 0 && standing.is_open());
    open.map(|(change, _, standing)| (*change, standing))
}

/// Since when an open change waits at the latest, or `since` where nobody knows it later. `None` where it
/// may begin.
fn waits(
    input: &Input<'_>,
    change: &Change,
    standing: &Standing<'_>,
    since: Timestamp,
    has_failed: bool,
) -> Option<Timestamp> {
    let moved = &input.ledger.stage_last;
    let at = match standing {
        // It was so when the plan was granted.
        Standing::Busy => None,
        Standing::Todo(Some(earlier)) if earlier.state == State::Drifted => {
            moved.get(&*earlier.stage)
        }
        Standing::Todo(_) | Standing::Covered(_) => {
            match look(input, &change.target.uid, &change.path) {
                // While others are written it may have waited for its turn alone.
                Look::Unreadable => moved.values().max(),
                // It is read again: until then it is as it was.
                Look::Unseen if has_failed => moved.values().max(),
                Look::Unseen | Look::Gone | Look::Seen(..) => return None,
            }
        }
        Standing::Doing(_)
        | Standing::Done
        | Standing::Failed
        | Standing::Outgrown
        | Standing::Gone
        | Standing::Settled => return None,
    };
    Some(at.map_or(since, |at| since.max(*at)))
}
