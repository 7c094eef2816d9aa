//! Why a mode ends: a person's word, the clock, or another mode.

use crate::api::Abort;
use crate::engine::authority;
use crate::engine::enforcement::{Enforcement, FRESH};
use crate::ledger::{ABANDONED, Direction};

use super::{Decision, Input, Need, layer, rules};

/// Hours after which a mode that nobody approves closes by itself.
const PENDING_HOURS: i64 = 24;

/// Why a mode ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) reason: &'static str,
    pub(super) by: Option<String>,
}

/// The abort, where it counts: somebody of the playbook's groups said it.
pub(super) fn abort<'a>(input: &Input<'a>) -> Option<&'a Abort> {
    let abort = input.mode.spec?.abort.as_ref()?;
    let known = input.authorities();
    let counts =
        authority::identified(&abort.by, &abort.as_) && authority::listed(&abort.as_, &known);
    counts.then_some(abort)
}

/// Why the mode ends now, if it does. A person's word comes before the clock's.
///
/// That people gave it up for lost counts only while the API server enforces who may say so: the values
/// stay as they are.
pub(super) fn ending(input: &Input<'_>, decision: &mut Decision) -> Option<Ending> {
    use crate::api::{AbortChoice, Posture};
    let ends = |reason, by: Option<&str>| {
        Some(Ending {
            reason,
            by: by.map(str::to_owned),
        })
    };
    if let Some(spec) = input.mode.spec {
        let abandoned = authority::abandoned(spec, &input.authorities());
        if abandoned.met() && input.ledger.direction != Direction::Closed {
            let is_restoring = input.ledger.direction == Direction::Restoring;
            match input.enforcement.vouches(input.now) {
                Some(true) => return ends(ABANDONED, Some(&abandoned.given.join(", "))),
                Some(false) => {
                    // It says so.
                    let _ = rules::are_in_force(input, FRESH, decision);
                }
                // A return goes on meanwhile, and where they cannot be tried now whatever else there is.
                None if is_restoring
                    || matches!(input.enforcement, Enforcement::Unknown { .. }) =>
                {
                    decision.findings.doubted = true;
                }
                None => {
                    decision.need = Some(Need::Proof);
                    return None;
                }
            }
        }
        if spec.posture == Posture::Peacetime {
            return ends("StoodDown", None);
        }
        if let Some(abort) = abort(input).filter(|abort| abort.choice == AbortChoice::Restore) {
            return ends("Aborted", Some(&abort.by));
        }
    }
    if input.mode.deleting {
        return ends("Deleted", None);
    }
    if let Some(mode) = layer::preempted(input) {
        return ends("Preempted", Some(mode));
    }
    match &input.ledger.granted {
        Some(granted) if granted.expires_at <= input.now => ends("Expired", None),
        Some(_) => None,
        None => {
            let end = input.mode.created + jiff::SignedDuration::from_hours(PENDING_HOURS);
            (end <= input.now).then_some(Ending {
                reason: "NotApproved",
                by: None,
            })
        }
    }
}
