//! What a mode relies on beside the rules of authority: policies without which it goes on and everything
//! comes back. Where one is not as it is shipped, the mode that relies on it says what lapsed.

use crate::api::condition::types;
use crate::api::names::{ADVICE_POLICY, DENY_POLICY, FREEZE_POLICY, MADE_POLICY};
use crate::field::creation;
use crate::ledger::{Direction, State};
use crate::step::freeze;

use super::super::Input;
use super::{Said, say};

/// Says what lapsed before whatever else degrades the mode.
pub(super) fn first<'a>(input: &Input<'_>, said: Said<'a>) -> Said<'a> {
    let Some(lapsed) = relied_on(input) else {
        return said;
    };
    let rest = if said.holds {
        format!("; {}", said.message)
    } else {
        String::new()
    };
    let message = format!("{lapsed}{rest}");
    say(types::DEGRADED, true, "RulesLapsed", "", message)
}

/// That people are not advised, for the message of Active: nothing relies on it.
pub(super) fn unadvised(input: &Input<'_>) -> String {
    let in_force = matches!(input.ledger.direction, Direction::Wartime | Direction::Held);
    match lapse(input, ADVICE_POLICY).filter(|_| in_force) {
        None => String::new(),
        Some(problem) => format!(
            "; whoever writes modes is not advised: {problem}; apply manifests/policies of this version"
        ),
    }
}

/// What this mode relies on and is not as it is shipped: a sentence, and what to do.
fn relied_on(input: &Input<'_>) -> Option<String> {
    // What is over relies on nothing, whatever was given up for lost.
    if input.ledger.direction == Direction::Closed {
        return None;
    }
    let rows = [
        (
            FREEZE_POLICY,
            freezes(input),
            "the change freeze is not enforced, so people are not kept from changes",
        ),
        (
            MADE_POLICY,
            makes(input),
            "a creation that arrives late is not refused, so it may make again what the return deletes",
        ),
        (
            DENY_POLICY,
            denies(input),
            "new objects that should be refused (newTargets: Deny) are not",
        ),
    ];
    let relied = rows.into_iter().filter(|(_, relies, _)| *relies);
    let said = relied.filter_map(|(policy, _, what)| {
        let problem = lapse(input, policy)?;
        Some(format!("{what}: {problem}"))
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| {
        format!(
            "{}; apply manifests/policies of this version (or `helm upgrade`; `kubectl replace` takes away \
             what was added)",
            said.join("; ")
        )
    })
}

/// What of a policy, or of its binding, is not as it is shipped.
fn lapse<'a>(input: &Input<'a>, policy: &str) -> Option<&'a str> {
    let mut all = input.lapsed.iter();
    let problem = all.find(|problem| problem.contains(policy));
    problem.map(String::as_str)
}

/// Whether a freeze of this mode is to hold.
fn freezes(input: &Input<'_>) -> bool {
    let mut live = input.ledger.live();
    live.any(|entry| freeze::is_own(&entry.target) && entry.state != State::Reverted)
}

/// Whether something was made for this mode as its playbook's account, until nothing of it is left.
fn makes(input: &Input<'_>) -> bool {
    let mut live = input.ledger.live();
    live.any(|entry| creation::is(&entry.target.uid) && !freeze::is_own(&entry.target))
}

/// Whether new objects are refused for this mode.
fn denies(input: &Input<'_>) -> bool {
    let status = input.mode.status;
    status.is_some_and(|status| !status.denies.is_empty())
}
