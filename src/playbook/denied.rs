//! What admission can judge of a selection whose new objects are refused (`newTargets: Deny`).

use crate::api::Act;

use super::kinds;

/// Steps of one playbook that may refuse new objects: the API server judges every creation by the
/// rules of all modes, one after the other.
pub const MOST: usize = 64;

/// Groups of which no creation is judged: what the cluster writes all the time, questions that are
/// no objects, what admission is never asked about, and Pingzhan's own.
pub const UNJUDGED_GROUPS: [&str; 7] = [
    "admissionregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    crate::api::names::GROUP,
];

/// A kind with its group, however it is written: `apps/Deployment`, `ConfigMap`.
pub fn qualified(written: &str) -> String {
    kinds::find(written).map_or_else(|| written.to_owned(), kinds::Kind::qualified)
}

/// Whether creations of a kind are judged. In the core group these are the kinds of the table.
pub fn is_judged(written: &str) -> bool {
    match written.split_once('/') {
        Some((group, _)) => !UNJUDGED_GROUPS.contains(&group),
        None => kinds::find(written).is_some(),
    }
}

/// Whether an act changes what its step selects, so that there is something to refuse.
pub const fn selects(act: &Act<'_>) -> bool {
    match act {
        Act::Scale(_) | Act::Suspend(_) | Act::Config(_) | Act::Route(_) | Act::Patch(_) => true,
        Act::Isolate(_)
        | Act::Access(_)
        | Act::Freeze(_)
        | Act::Apply(_)
        | Act::Run(_)
        | Act::Call(_)
        | Act::Wait(_)
        | Act::Gate(_)
        | Act::Notify(_) => false,
    }
}
