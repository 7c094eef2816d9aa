//! A change of level or term of a mode in force: planned, stored and approved beside what was
//! granted, which goes on meanwhile.

use crate::api::EmergencyModeSpec;
use crate::engine::authority;
use crate::engine::enforcement::FRESH;
use crate::engine::plan::Plan;

use super::pending::{admissible, append_plan, block, candidate, granted, stored};
use super::status::found;
use super::{Decision, Input, Need, Waiting, rules};

/// Decides about what the spec asks for beyond what was granted. True when something is journalled
/// or read first, so that nothing else is decided now.
pub(super) fn decide(input: &Input<'_>, decision: &mut Decision, in_force: &Plan) -> bool {
    let Some(spec) = input.mode.spec else {
        return false;
    };
    if spec.level == in_force.level && spec.expires_after == in_force.expires_after {
        return false;
    }
    let Some(plan) = stored(input, spec) else {
        match candidate(input, spec) {
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
    if let Err(blocked) = admissible(input, spec, &plan) {
        block(input, decision, blocked);
        return false;
    }
    approve(input, decision, spec, &plan)
}

fn approve(
    input: &Input<'_>,
    decision: &mut Decision,
    spec: &EmergencyModeSpec,
    plan: &Plan,
) -> bool {
    let quorum = authority::approvals(spec, &plan.spec.authority, plan.level, &plan.hash);
    decision.findings.approvals = quorum.given.len();
    if !quorum.met() {
        let asked = if found(input, &plan.hash).is_some() {
            Waiting::ProposalApprovals
        } else {
            Waiting::Preflight
        };
        decision.waiting = Some(asked(quorum.sentence()));
        return false;
    }
    let from = input.ledger.activated_at.unwrap_or(input.now);
    match authority::term(spec, &plan.spec.authority, plan.level) {
        Ok(term) => {
            if !rules::are_in_force(input, FRESH, decision) {
                return decision.need.is_some();
            }
            decision.turn(granted(plan, from, term, quorum.given));
            true
        }
        Err(problem) => {
            block(input, decision, super::Blocked::Term(problem));
            false
        }
    }
}
