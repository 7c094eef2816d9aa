//! What this version does not carry out, one sentence each. Lint, plan and status say it in the
//! same words; nothing is ignored.

use crate::api::Act;

/// Why an act is not carried out by this version; nothing where it is.
pub const fn act(act: &Act<'_>) -> Option<&'static str> {
    match act {
        Act::Scale(_) | Act::Config(_) | Act::Suspend(_) | Act::Patch(_) | Act::Gate(_) => None,
        Act::Wait(wait) if wait.prom_ql.is_none() => None,
        Act::Wait(_) => Some(
            "`wait` for `promQL` is not carried out by this version: nobody asks Prometheus; wait for `ready`, `rollout`, `condition` or `expression`",
        ),
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
        Act::Apply(_) => Some(
            "`apply` is not carried out by this version: the objects are not created; apply them by hand",
        ),
        Act::Run(_) => {
            Some("`run` is not carried out by this version: the Job is not created; run it by hand")
        }
        Act::Call(_) => Some(
            "`call` is not carried out by this version: no request is sent; make the call by hand",
        ),
        Act::Notify(_) => Some(
            "`notify` is not carried out by this version: nobody is told; send the message by hand",
        ),
    }
}
