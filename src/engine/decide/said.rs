//! What people say of a single step: that it is left out.

use crate::api::{EmergencyModeSpec, Skip};

use super::acts::Act;

/// A person's word that a step is left out: the first that counts.
///
/// Of a gate (`act`) it counts from a group that the gate asks, as an answer does: whoever else could leave
/// out a step would decide in their place. By whom others are left out the API server has seen to.
pub(super) fn skip<'a>(
    spec: &'a EmergencyModeSpec,
    stage: &str,
    step: &str,
    act: Option<Act<'_>>,
) -> Option<&'a Skip> {
    let counts = |skip: &Skip| match act {
        Some(Act::Gate(gate)) => gate.groups.contains(&skip.as_),
        Some(Act::Wait | Act::Deed(_) | Act::Proof | Act::Notify) | None => true,
    };
    let mut skips = spec.skips.iter();
    skips.find(|skip| skip.stage == stage && skip.step == step && counts(skip))
}
