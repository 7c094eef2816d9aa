//! Nobody acts where the API server does not enforce who may: a plan is set in force only when it was
//! just proven that it does, and a switch stops where that is not true any more. A return never stops
//! for it: it takes away what was done, and its end is the law's.

use jiff::SignedDuration;

use crate::engine::enforcement::Enforcement;

use super::{Blocked, Decision, Input, Need};

/// Seconds after which it is looked at again whether the rules are in force.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Whether the rules of authority are in force, proven no longer than `within` ago. Where they are not,
/// or nobody has tried, the decision says so.
pub(super) fn are_in_force(
    input: &Input<'_>,
    within: SignedDuration,
    decision: &mut Decision,
) -> bool {
    match input.enforcement {
        Enforcement::Broken(problems) => {
            decision.look_again(input.now + AGAIN);
            decision.blocked = Some(Blocked::NotEnforced(problems.clone()));
            false
        }
        Enforcement::Proven(at)
        | Enforcement::Unknown {
            proven: Some(at), ..
        } if input.now.duration_since(*at) < within => {
            decision.look_again(*at + within);
            true
        }
        Enforcement::Unknown { why, .. } => {
            decision.blocked = Some(Blocked::NotProven(why.clone()));
            decision.need = Some(Need::Proof);
            false
        }
        Enforcement::Proven(_) | Enforcement::Untried => {
            decision.need = Some(Need::Proof);
            false
        }
    }
}
