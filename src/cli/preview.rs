//! The plan as it would be computed now, with the same planner as the operator's.

use std::collections::BTreeMap;

use kube::Client;

use crate::api::{Level, Nature, Playbook, Scalar, Scope, Term};
use crate::engine::plan::Plan;

use super::context::Context;
use super::error::Error;

/// What a plan is computed from, besides the cluster.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The playbook: stored in the cluster, or read from a file.
    pub playbook: Playbook,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// The chosen parameters.
    pub parameters: BTreeMap<String, Scalar>,
    /// What narrows the selection.
    pub scope: Option<Scope>,
    /// How long the mode would last.
    pub term: Term,
}

/// Computes the plan; writes nothing.
///
/// # Errors
/// `Unsupported` where this build does not observe the cluster yet, else what a request says.
#[allow(clippy::unused_async, reason = "it observes the cluster")]
pub async fn compute(_: &Context, _: &Client, _: &Wish) -> Result<Plan, Error> {
    Err(Error::Unsupported {
        verb: "plan".to_owned(),
    })
}
