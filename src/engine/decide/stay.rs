//! What is known of an act in the present stay of its stage in the plan.
//!
//! Where a level is lowered, stages leave the plan, and where it is raised they come back and begin
//! again: what was waited for may not hold any more, people agreed to the situation of another hour, and
//! who was told has to be told again. So what an act came to counts for as long as each plan that is
//! granted has its step, and no longer. The proof of a freeze counts for what it was the proof of.

use crate::api::TurnKind;
use crate::engine::plan::{Change, Plan};
use crate::ledger::Act;

use super::Input;

/// What is known of an act since its step is part of the plan in force.
pub(super) fn known<'a>(
    input: &Input<'a>,
    plan: &Plan,
    stage: &str,
    step: &str,
) -> Option<&'a Act> {
    let known = input
        .ledger
        .acts
        .get(&(stage.to_owned(), step.to_owned()))?;
    let since = since(input, plan, stage, step)?;
    (known.turns > since).then_some(known)
}

/// The place among the turns of the first of those plans, up to the one in force, that all have a step
/// as it is now; none where the one in force does not have it.
fn since(input: &Input<'_>, plan: &Plan, stage: &str, step: &str) -> Option<usize> {
    let turns = input.ledger.turns.iter().enumerate().rev();
    let granted = turns.filter(|(_, (_, turn))| turn.kind == TurnKind::Granted);
    let stays = granted.take_while(|(_, (_, turn))| {
        let earlier = turn.plan_hash.as_ref();
        let earlier = earlier.and_then(|hash| input.plans.get(hash));
        earlier.is_some_and(|earlier| is_same(earlier, plan, stage, step))
    });
    stays.last().map(|(place, _)| place)
}

/// Whether a step is part of both plans and, where it freezes, freezes the same.
fn is_same(one: &Plan, other: &Plan, stage: &str, step: &str) -> bool {
    let (Some(ours), Some(theirs)) = (one.planned(stage, step), other.planned(stage, step)) else {
        return false;
    };
    let equal = |(ours, theirs): (&Change, &Change)| {
        ours.target.uid == theirs.target.uid && ours.after == theirs.after
    };
    let mut pairs = ours.changes.iter().zip(&theirs.changes);
    let freezes_the_same = ours.changes.len() == theirs.changes.len() && pairs.all(equal);
    freezes_the_same || !other.freezes(stage, step)
}
