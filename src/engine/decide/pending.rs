//! A mode that has not begun: its plan is made, stored, approved, and set in force.

use std::sync::Arc;

use crate::api::{EmergencyModeSpec, Turn, TurnKind};
use crate::engine::authority;
use crate::engine::enforcement::FRESH;
use crate::engine::plan::{Plan, store};
use crate::ledger::record::{self, Body};

use super::{Blocked, Candidate, Decision, Input, Need, Waiting, glass, rules};

/// Seconds after which a plan that could not be made is tried again: a person repairs the cause,
/// the mode goes on by itself.
pub(super) const REPLAN_SECONDS: i64 = 15;

/// Decides for a mode without a granted plan.
pub(super) fn decide(input: &Input<'_>, decision: &mut Decision) {
    let Some(spec) = input.mode.spec else { return };
    if takes_back(input, spec, decision) {
        return;
    }
    let Some(plan) = stored(input, spec) else {
        match candidate(input, spec) {
            Ok(None) => decision.need = Some(Need::Plan),
            Ok(Some(plan)) => append_plan(input, &plan, decision),
            Err(blocked) => block(input, decision, blocked),
        }
        return;
    };
    if let Err(blocked) = admissible(input, spec, plan) {
        block(input, decision, blocked);
        return;
    }
    let quorum = authority::approvals(spec, &plan.spec.authority, plan.level, &plan.hash);
    decision.findings.approvals = quorum.given.len();
    // Where enough people agreed, nobody's act without them counts for or against it.
    let mut without_quorum = None;
    if !quorum.met() {
        match authority::break_glass(spec, &plan.spec.authority) {
            Ok(Some(act)) => without_quorum = Some(act),
            Ok(None) => {
                decision.waiting = Some(if decision.is_explained(input, &plan.hash) {
                    Waiting::Approvals(quorum.sentence())
                } else {
                    Waiting::Preflight(quorum.sentence())
                });
                return;
            }
            Err(problem) => {
                block(input, decision, Blocked::BreakGlass(problem));
                return;
            }
        }
    }
    if spec.paused {
        decision.waiting = Some(Waiting::Resume);
        return;
    }
    match authority::term(spec, &plan.spec.authority, plan.level) {
        Err(problem) => block(input, decision, Blocked::Term(problem)),
        Ok(term) => {
            if !rules::are_in_force(input, FRESH, decision) {
                return;
            }
            let mut turn = granted(plan, input.now, term, quorum.given);
            if let Some(act) = without_quorum {
                glass::mark(&mut turn, act);
            }
            decision.turn(turn);
        }
    }
}

/// The turn that sets a plan in force. `from` is when the mode was activated.
pub(super) fn granted(
    plan: &Plan,
    from: jiff::Timestamp,
    term: std::time::Duration,
    approvals: Vec<String>,
) -> Turn {
    let expires = from
        .checked_add(jiff::SignedDuration::try_from(term).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(jiff::Timestamp::MAX);
    // People read it at night: whole seconds.
    let expires = jiff::Timestamp::from_second(expires.as_second()).unwrap_or(expires);
    Turn {
        kind: TurnKind::Granted,
        by: None,
        reason: None,
        plan_hash: Some(plan.hash.clone()),
        level: Some(plan.level),
        expires_at: Some(expires.to_string()),
        approvals,
    }
}

/// The plan that was stored in this round, if there is one and it is for what the spec asks for.
///
/// Guarantees: it was neither granted nor taken back. People approved an earlier one for what was then,
/// and not for whoever asks for the same again.
pub(super) fn stored<'a>(input: &Input<'a>, spec: &EmergencyModeSpec) -> Option<&'a Arc<Plan>> {
    of_round(input).find(|plan| is_for(plan, spec))
}

/// Whether the plan that waits for approvals is not what the spec asks for any more: then its round is
/// over, which is journalled first.
pub(super) fn takes_back(
    input: &Input<'_>,
    spec: &EmergencyModeSpec,
    decision: &mut Decision,
) -> bool {
    let taken_back = of_round(input).any(|plan| !is_for(plan, spec));
    if taken_back {
        decision.turn(Turn {
            kind: TurnKind::Withdrawn,
            by: Some(spec.requested_by.clone()),
            reason: None,
            plan_hash: None,
            level: None,
            expires_at: None,
            approvals: Vec::new(),
        });
    }
    taken_back
}

fn of_round<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a Arc<Plan>> {
    let round = input.ledger.round;
    let plans = input.plans.values();
    plans.filter(move |plan| plan.round == round)
}

fn is_for(plan: &Plan, spec: &EmergencyModeSpec) -> bool {
    plan.level == spec.level && plan.expires_after == spec.expires_after
}

/// The fresh plan for what the spec asks for: `Ok(None)` when it has to be made first.
pub(super) fn candidate(
    input: &Input<'_>,
    spec: &EmergencyModeSpec,
) -> Result<Option<Arc<Plan>>, Blocked> {
    let name = &spec.playbook_ref.name;
    if let Some(problem) = input.malformed {
        return Err(Blocked::PlaybookMalformed {
            name: name.clone(),
            problem: problem.to_owned(),
        });
    }
    if input.playbook.is_none() {
        return Err(Blocked::PlaybookMissing(name.clone()));
    }
    let plan = match input.candidate {
        None => return Ok(None),
        Some(Candidate::Invalid(problems)) => {
            return Err(Blocked::PlaybookInvalid(problems.clone()));
        }
        Some(Candidate::Unreadable(problems)) => return Err(Blocked::Unreadable(problems.clone())),
        Some(Candidate::Planned(plan)) => plan,
    };
    if !is_for(plan, spec) || plan.round != input.ledger.round {
        return Ok(None);
    }
    let problems = sentences(plan.problems());
    if !problems.is_empty() {
        return Err(Blocked::Unreadable(problems));
    }
    let faults = sentences(plan.faults());
    if !faults.is_empty() {
        return Err(Blocked::Faulty(faults));
    }
    admissible(input, spec, plan)?;
    // Who changed level or term since has seen another plan.
    if let Some(seen) = &spec.plan_hash
        && plan.round == 0
        && seen != &plan.hash
    {
        return Err(Blocked::PlanDiffers {
            seen: seen.clone(),
            now: plan.hash.clone(),
        });
    }
    Ok(Some(plan.clone()))
}

/// Whether a plan may be set in force at all, whoever approves it.
pub(super) fn admissible(
    input: &Input<'_>,
    spec: &EmergencyModeSpec,
    plan: &Plan,
) -> Result<(), Blocked> {
    let authority = &plan.spec.authority;
    authority::may_declare(spec, authority).map_err(Blocked::NotARequester)?;
    authority::term(spec, authority, plan.level).map_err(Blocked::Term)?;
    let conflicts = (input.conflicts)(plan);
    if conflicts.is_empty() {
        Ok(())
    } else {
        Err(Blocked::HeldBy(conflicts))
    }
}

/// Journals a plan. Its hash is published only once all of it is there.
///
/// Parts that an earlier leader has stored are not stored again.
pub(super) fn append_plan(input: &Input<'_>, plan: &Plan, decision: &mut Decision) {
    let known = input.ledger.plan_parts.get(&plan.hash);
    let parts = record::plan_parts(&plan.hash, &store::text(plan));
    let missing = parts
        .into_iter()
        .filter(|part| known.is_none_or(|k| !k.contains_key(&part.part)));
    decision.append.extend(missing.map(Body::Plan));
}

pub(super) fn block(input: &Input<'_>, decision: &mut Decision, blocked: Blocked) {
    decision.look_again(input.now + jiff::SignedDuration::from_secs(REPLAN_SECONDS));
    decision.blocked = Some(blocked);
}

fn sentences(found: Vec<(String, &str)>) -> Vec<String> {
    found
        .into_iter()
        .map(|(step, why)| format!("{step}: {why}"))
        .collect()
}
