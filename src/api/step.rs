//! Steps of a playbook: one act each. Every field of the contract is here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Access, Apply, Config, Freeze, Isolate, Patch, Route, Scale, Suspend};
use super::common::Term;
use super::playbook::{Drift, NewTargets};
use super::selector::Targets;
use super::signal::{Call, Gate, Notify, Run, Wait};

/// One act of a stage. Exactly one of the acts (`scale` to `notify`) is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.scale), has(self.suspend), has(self.isolate), has(self.access), has(self.config), has(self.route), has(self.freeze), has(self.patch), has(self.apply), has(self.run), has(self.call), has(self.wait), has(self.gate), has(self.notify)].filter(x, x).size() == 1",
    "message": "a step has exactly one of: scale suspend isolate access config route freeze patch apply | run call wait gate notify"
}]))]
pub struct Step {
    /// The step's name, unique in its stage.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Steps of the same stage that must be done first. Steps without it run in parallel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)))]
    pub after: Vec<String>,
    /// How long the step may take before it counts as failed; times in which nothing may be written
    /// do not count. 10m when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Term>,
    /// A failure here is a failure of the stage, whatever its minSuccess says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// What happens to fields that others change, instead of the playbook's drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What happens to objects that appear later and match, instead of the playbook's newTargets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_targets: Option<NewTargets>,
    /// What the step acts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Targets>,
    /// Change the number of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Suspend `CronJobs`, Jobs, GitOps objects, autoscalers and rollouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
    /// Cut the network by a preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolate: Option<Isolate>,
    /// Grant, revoke or lock down access rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Set keys of `ConfigMaps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
    /// Send traffic elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Change freeze (封网).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// Change any field of any kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// Objects that exist for the mode's lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<Apply>,
    /// Run a Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Make a signed HTTP call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// Wait for a state of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// A named group must answer here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Tell people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

/// The one act of a step, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    missing_docs,
    reason = "each variant is the step's field of the same name"
)]
pub enum Act<'a> {
    Scale(&'a Scale),
    Suspend(&'a Suspend),
    Isolate(&'a Isolate),
    Access(&'a Access),
    Config(&'a Config),
    Route(&'a Route),
    Freeze(&'a Freeze),
    Patch(&'a Patch),
    Apply(&'a Apply),
    Run(&'a Run),
    Call(&'a Call),
    Wait(&'a Wait),
    Gate(&'a Gate),
    Notify(&'a Notify),
}

impl Act<'_> {
    /// The act's word in a playbook.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Scale(_) => "scale",
            Self::Suspend(_) => "suspend",
            Self::Isolate(_) => "isolate",
            Self::Access(_) => "access",
            Self::Config(_) => "config",
            Self::Route(_) => "route",
            Self::Freeze(_) => "freeze",
            Self::Patch(_) => "patch",
            Self::Apply(_) => "apply",
            Self::Run(_) => "run",
            Self::Call(_) => "call",
            Self::Wait(_) => "wait",
            Self::Gate(_) => "gate",
            Self::Notify(_) => "notify",
        }
    }
}

impl Step {
    /// All acts that the step gives, in the order of the contract. Lint demands exactly one.
    pub fn acts(&self) -> Vec<Act<'_>> {
        [
            self.scale.as_ref().map(Act::Scale),
            self.suspend.as_ref().map(Act::Suspend),
            self.isolate.as_ref().map(Act::Isolate),
            self.access.as_ref().map(Act::Access),
            self.config.as_ref().map(Act::Config),
            self.route.as_ref().map(Act::Route),
            self.freeze.as_ref().map(Act::Freeze),
            self.patch.as_ref().map(Act::Patch),
            self.apply.as_ref().map(Act::Apply),
            self.run.as_ref().map(Act::Run),
            self.call.as_ref().map(Act::Call),
            self.wait.as_ref().map(Act::Wait),
            self.gate.as_ref().map(Act::Gate),
            self.notify.as_ref().map(Act::Notify),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
