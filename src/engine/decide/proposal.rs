//! A change of level or term of a mode in force: planned, stored and approved beside what was
//! granted, which goes on meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::EmergencyModeSpec;
use crate::engine::authority;
use crate::engine::enforcement::FRESH;
use crate::engine::plan::Plan;

use super::pending::{admissible, append_plan, block, candidate, granted, stored, takes_back};
use super::{Blocked, Decision, Input, Need, Waiting, rules, undo};

/// Decides about what the spec asks for beyond what was granted. True when something is journalled
/// or read first, so that nothing else is decided now.
pub(super) fn decide(input: &Input<'_>, decision: &mut Decision, in_force: &Plan) -> bool {
    let Some(spec) = input.mode.spec else {
        return false;
    };
    if takes_back(input, spec, decision) {
        return true;
    }
    if spec.level == in_force.level && spec.expires_after == in_force.expires_after {
        return false;
    }
    let Some(plan) = stored(input, spec) else {
        match fresh(input, spec, in_force) {
            Ok(None) => decision.need = Some(Need::Plan),
            Ok(Some(plan)) => append_plan(input, &plan, decision),
            Err(blocked) => {
                block(input, decision, blocked);
                return false;
            }
        }
        return true;
    };
    decision.findings.proposed = Some(plan.clone());
    let from = input.ledger.activated_at.unwrap_or(input.now);
    let runs = follows(input, plan, in_force)
        .and_then(|()| admissible(input, spec, plan))
        .and_then(|()| still_runs(spec, plan, from, input.now).map_err(Blocked::Term));
    match runs {
        Ok(term) => approve(input, decision, plan, (from, term), in_force),
        Err(blocked) => {
            block(input, decision, blocked);
            false
        }
    }
}

/// The fresh plan for what the spec asks for, where it may take the place of the one in force. One that may
/// not is not stored: it would be asked about for ever, whatever becomes of the playbook.
fn fresh(
    input: &Input<'_>,
    spec: &EmergencyModeSpec,
    in_force: &Plan,
) -> Result<Option<Arc<Plan>>, Blocked> {
    let plan = candidate(input, spec)?;
    if let Some(plan) = &plan {
        follows(input, plan, in_force)?;
    }
    Ok(plan)
}

/// Whether a plan may take the place of the one in force at all, whoever agrees: what was done by that one
/// goes back by the plan that is in force then.
fn follows(input: &Input<'_>, plan: &Plan, in_force: &Plan) -> Result<(), Blocked> {
    same_account(plan, in_force)?;
    let lost = undo::lost(input, in_force, plan);
    if lost.is_empty() {
        return Ok(());
    }
    Err(Blocked::Faulty(vec![format!(
        "this mode has carried out {}, and playbook {} does not undo that any more, or in another way: put \
         its `undo` back as it was, or stand down and declare anew",
        lost.join(", "),
        plan.playbook
    )]))
}

/// A mode in force keeps its account: what is there was written as it, and goes back as it.
fn same_account(plan: &Plan, in_force: &Plan) -> Result<(), Blocked> {
    let (old, new) = (
        &in_force.spec.service_account_name,
        &plan.spec.service_account_name,
    );
    if old == new {
        return Ok(());
    }
    Err(Blocked::Faulty(vec![format!(
        "playbook {} names the account {new} now, and this mode is carried out as {old}: level and term \
         change under the old account only; stand down and declare anew to use the other",
        plan.playbook
    )]))
}

fn approve(
    input: &Input<'_>,
    decision: &mut Decision,
    plan: &Plan,
    (from, term): (Timestamp, Duration),
    in_force: &Plan,
) -> bool {
    let Some(spec) = input.mode.spec else {
        return false;
    };
    // Whoever edits the playbook of a mode in force does not decide by it who agrees to more, and whoever
    // asks for a level that needs fewer does not end by it what more people have approved.
    let granted_by = &in_force.spec.authority;
    let mut quorum = authority::approvals(spec, granted_by, plan.level, &plan.hash);
    let before = granted_by.quorum_over(Some(in_force.level), plan.level);
    quorum.needed = before.max(plan.spec.authority.quorum(plan.level));
    decision.findings.approvals = quorum.given.len();
    if !quorum.met() {
        decision.waiting = Some(if decision.is_explained(input, &plan.hash) {
            Waiting::ProposalApprovals(quorum.sentence())
        } else {
            Waiting::Preflight(quorum.sentence())
        });
        return false;
    }
    if !rules::are_in_force(input, FRESH, decision) {
        return decision.need.is_some();
    }
    decision.turn(granted(plan, from, term, quorum.given));
    true
}

/// How long the mode lasts from its activation, where that is not over already: who may ask for another
/// term may not end the mode by it.
fn still_runs(
    spec: &EmergencyModeSpec,
    plan: &Plan,
    from: Timestamp,
    now: Timestamp,
) -> Result<Duration, String> {
    let term = authority::term(spec, &plan.spec.authority, plan.level)?;
    let left = SignedDuration::try_from(term).unwrap_or(SignedDuration::MAX);
    if from.checked_add(left).is_ok_and(|end| end <= now) {
        return Err(format!(
            "expiresAfter {}, from the activation at {from:.0}, is over already: ask for a longer term, \
             or stand the mode down",
            spec.expires_after.0
        ));
    }
    Ok(term)
}
