//! When a step of the plan in force has taken longer than it may.
//!
//! What a step may take is counted from where its stage began under that plan: whoever grants another
//! one, of another level or a longer term, gives every stage its time anew. What a step comes after
//! does not count, nor do interruptions ([`super::interrupted`]).

use jiff::{SignedDuration, Timestamp};

use crate::engine::plan::{Plan, PlannedStage, PlannedStep};

use super::{Input, interrupted, stay};

/// When a stage began under the plan in force by its records, if it did.
pub(super) fn recorded(input: &Input<'_>, stage: &PlannedStage) -> Option<Timestamp> {
    input.ledger.stage_began.get(&stage.name).copied()
}

/// When one begins that goes on without another record: what was journalled under an earlier plan and is
/// not confirmed, or what waits. It begins with the plan, or when the stages that it depends on last moved.
pub(super) fn released(input: &Input<'_>, plan: &Plan, stage: &PlannedStage) -> Option<Timestamp> {
    let granted = input.ledger.in_force_since?;
    Some(last_moved(input, plan, stage).map_or(granted, |at| at.max(granted)))
}

/// When the stages that a stage depends on, through any number of stages, last moved.
fn last_moved(input: &Input<'_>, plan: &Plan, stage: &PlannedStage) -> Option<Timestamp> {
    let before = plan.stages_before().remove(stage.name.as_str());
    let moved = before.into_iter().flatten();
    let moved = moved.filter_map(|name| input.ledger.stage_last.get(name).copied());
    moved.max()
}

/// When the last of the acts that a step comes after ended: it could not begin before.
fn held_until(
    input: &Input<'_>,
    plan: &Plan,
    stage: &PlannedStage,
    step: &PlannedStep,
) -> Option<Timestamp> {
    let before = stage.steps_before().remove(step.name.as_str());
    let acts = before.into_iter().flatten();
    let acts = acts.filter_map(|name| stay::known(input, plan, &stage.name, name));
    acts.map(|act| act.at).max()
}

/// Whether a step of a stage that began then has taken longer than it may.
pub(super) fn is_late(
    input: &Input<'_>,
    plan: &Plan,
    stage: &PlannedStage,
    step: &PlannedStep,
    began: Option<Timestamp>,
) -> bool {
    late_at(input, plan, stage, step, began).is_some_and(|end| end <= input.now)
}

/// When a step of a stage that began then will have taken longer than it may.
pub(super) fn late_at(
    input: &Input<'_>,
    plan: &Plan,
    stage: &PlannedStage,
    step: &PlannedStep,
    began: Option<Timestamp>,
) -> Option<Timestamp> {
    let began = began?;
    let from = held_until(input, plan, stage, step).map_or(began, |held| held.max(began));
    let seconds = i64::try_from(step.timeout_seconds).unwrap_or(i64::MAX);
    Some(interrupted::end(
        input,
        from,
        SignedDuration::from_secs(seconds),
    ))
}
