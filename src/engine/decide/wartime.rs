//! A mode in force: proposals first, then the switch, then holding.

use crate::api::{AbortChoice, OnFailure, TurnKind};
use crate::engine::enforcement::GOOD;
use crate::engine::plan::Plan;

use super::work::Desk;
use super::{
    Blocked, Decision, Ending, Input, Need, Waiting, abort, hold, proposal, rules, switch, term,
    turn,
};

/// Decides for a mode in force.
pub(super) fn decide(input: &Input<'_>, decision: &mut Decision) {
    if let Some(abort) = abort(input).filter(|abort| abort.choice == AbortChoice::Hold) {
        let held = Ending {
            reason: "Aborted",
            by: Some(abort.by.clone()),
        };
        decision.turn(turn(TurnKind::Held, &held));
        return;
    }
    let Some(plan) = in_force(input) else {
        decision.blocked = Some(Blocked::JournalDamaged(
            "the plan that was granted is not in the journal".into(),
        ));
        return;
    };
    look_at_term(input, decision);
    if !rules::are_in_force(input, GOOD, decision) {
        switch::stages_only(input, plan, decision);
        return;
    }
    if proposal::decide(input, decision, plan) {
        return;
    }
    if input.mode.spec.is_some_and(|spec| spec.paused) {
        decision.waiting = Some(Waiting::Resume);
        switch::stages_only(input, plan, decision);
        return;
    }
    switch::decide(input, plan, decision);
    if decision.need.is_some() {
        return;
    }
    failed_stages(plan, decision);
    let quiet = decision.findings.all_done || decision.works.is_empty();
    decision.hold = quiet && decision.append.is_empty() && !plan.tabletop;
}

/// Decides for a mode that a person stopped: what stands stays, nothing else is written, the term
/// still runs, and a longer one may be granted.
pub(super) fn held(input: &Input<'_>, decision: &mut Decision) {
    decision.hold = !input.layers.is_empty();
    look_at_term(input, decision);
    if let Some(plan) = in_force(input) {
        let comes_first = renewal(input, plan, decision);
        decision.waiting.get_or_insert(Waiting::StandDown);
        // What has to be read for it keeps nothing from being put back meanwhile.
        if comes_first && decision.need.is_none() {
            return;
        }
        switch::stages_only(input, plan, decision);
    }
    decision.waiting.get_or_insert(Waiting::StandDown);
    let mut desk = Desk::new(input);
    hold::uncover(input, &mut desk, decision);
    let (works, unseen) = desk.finish();
    decision.works = works;
    if !unseen.is_empty() {
        decision.need = Some(Need::Sights(unseen));
    }
}

/// Decides about a longer term of a mode that a person stopped. No other level is switched to any more,
/// which is said. True as with [`proposal::decide`].
fn renewal(input: &Input<'_>, plan: &Plan, decision: &mut Decision) -> bool {
    if input.mode.spec.is_some_and(|spec| spec.level != plan.level) {
        decision.waiting = Some(Waiting::LevelHeld(plan.level));
        return false;
    }
    proposal::decide(input, decision, plan)
}

/// The plan that was granted.
pub(super) fn in_force<'a>(input: &Input<'a>) -> Option<&'a Plan> {
    let granted = input.ledger.granted.as_ref()?;
    input.plans.get(&granted.plan_hash).map(AsRef::as_ref)
}

/// The plans that were granted, the latest first, which is the one in force.
pub(super) fn granted<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a Plan> + use<'a> {
    let (turns, plans) = (&input.ledger.turns, input.plans);
    let granted = turns.iter().rev().map(|(_, turn)| turn);
    let granted = granted.filter(|turn| turn.kind == TurnKind::Granted);
    granted.filter_map(|turn| plans.get(turn.plan_hash.as_ref()?).map(AsRef::as_ref))
}

fn look_at_term(input: &Input<'_>, decision: &mut Decision) {
    if let Some(next) = term::next(input) {
        decision.look_again(next);
    }
}

/// What failed stages mean for the rest: one that says Restore turns the mode back, one that says
/// Halt waits for a person.
fn failed_stages(plan: &Plan, decision: &mut Decision) {
    let failed = |wanted: OnFailure| -> Vec<String> {
        plan.stages
            .iter()
            .filter(|stage| stage.on_failure == wanted)
            .filter(|stage| decision.findings.failed.contains(&stage.name))
            .map(|stage| stage.name.clone())
            .collect()
    };
    if !failed(OnFailure::Restore).is_empty() {
        let ending = Ending {
            reason: "StageFailed",
            by: None,
        };
        decision.works.clear();
        decision.turn(turn(TurnKind::Restoring, &ending));
        return;
    }
    let halted = failed(OnFailure::Halt);
    if !halted.is_empty() && decision.blocked.is_none() {
        let failed = decision.findings.failed_acts.iter();
        let acts: Vec<String> = failed
            .filter(|(stage, _)| halted.contains(stage))
            .map(|(_, sentence)| sentence.clone())
            .collect();
        decision.blocked = Some(if acts.is_empty() {
            Blocked::StageFailed(halted)
        } else {
            Blocked::ActFailed(acts)
        });
    }
}
