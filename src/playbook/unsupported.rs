//! What this version does not carry out, one sentence each. Lint, plan and status say it in the
//! same words; nothing is ignored.

use crate::api::Act;

/// Why an act is not carried out by this version; nothing where it is.
pub const fn act(act: &Act<'_>) -> Option<&'static str> {
    match act {
        Act::Scale(_)
        | Act::Config(_)
        | Act::Suspend(_)
        | Act::Patch(_)
        | Act::Apply(_)
        | Act::Run(_)
        | Act::Call(_)
        | Act::Wait(_)
        | Act::Gate(_)
        | Act::Notify(_) => None,
        Act::Isolate(_) => Some(
            "`isolate` is not carried out by this version: the network stays as it is; apply network policies by hand",
        ),
        Act::Access(_) => Some(
            "`access` is not carried out by this version: rights stay as they are; change the bindings by hand",
        ),
        Act::Route(_) => Some(
            "`route` is not carried out by this version: traffic stays where it is; change the routes by hand, or by `patch`",
        ),
        Act::Freeze(_) => Some(
            "`freeze` is not carried out by this version: nobody is stopped from making changes; announce the freeze by hand",
        ),
    }
}
