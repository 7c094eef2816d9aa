//! What this version does not carry out, one sentence each. Lint, plan and status say it in the
//! same words; nothing is ignored.

use crate::api::Act;

/// Why an act is not carried out by this version; nothing where it is.
pub const fn act(act: &Act<'_>) -> Option<&'static str> {
    match act {
        Act::Scale(_)
        | Act::Config(_)
        | Act::Suspend(_)
        | Act::Route(_)
        | Act::Isolate(_)
        | Act::Access(_)
        | Act::Patch(_)
        | Act::Apply(_)
        | Act::Freeze(_)
        | Act::Run(_)
        | Act::Call(_)
        | Act::Wait(_)
        | Act::Gate(_)
        | Act::Notify(_) => None,
    }
}
