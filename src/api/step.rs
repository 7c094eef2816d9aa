//! Steps of a playbook: one act each. Every field of the contract is here, also of the steps that
//! this version does not carry out yet: `lint`, `plan` and status say so, nothing is ignored.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Localized, Term};
use super::playbook::{Drift, NewTargets};
use super::scalar::{Count, Percent};
use super::selector::{LabelSelector, NamespaceSelector, Targets};

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
    /// How long the step may take before it counts as failed; 10m when left out.
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

/// Change the number of replicas: a fixed count, a percentage of the peacetime value, or bounds.
/// Bounds may be combined with a percentage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.replicas) ? !(has(self.percent) || has(self.minimum) || has(self.maximum)) : (has(self.percent) || has(self.minimum) || has(self.maximum))",
    "message": "scale is either replicas, or percent, minimum and maximum"
}]))]
pub struct Scale {
    /// This many replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Count>,
    /// This percentage of the peacetime value, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// At least this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Count>,
    /// At most this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Count>,
}

/// Suspend what runs by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspend {
    /// What a `CronJob` does with the runs that it missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_resume: Option<OnResume>,
}

/// What a resumed `CronJob` does with missed runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnResume {
    /// What Kubernetes does: one run, late.
    #[default]
    RunMissedOnce,
    /// No late run.
    SkipMissed,
}

/// Cut the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Isolate {
    /// Which cut.
    pub preset: IsolatePreset,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
    /// For `AllowOnly` and Open: from where traffic is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NamespaceSelector>,
}

/// Presets of [`Isolate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IsolatePreset {
    /// Nothing in, nothing out.
    DenyAll,
    /// Only what is named.
    AllowOnly,
    /// Third parties are cut off.
    CutThirdParties,
    /// One department's service is opened to another.
    Open,
}

/// Access rights for the mode's lifetime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// Rights that are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub grant: Vec<AccessGrant>,
    /// Rights that are taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub revoke: Vec<AccessRevoke>,
    /// Bindings that are emptied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_down: Option<AccessLockDown>,
}

/// A right that is given for the mode's lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessGrant {
    /// To whom.
    #[schemars(length(min = 1, max = 32))]
    pub subjects: Vec<Principal>,
    /// Which role.
    pub role: RoleRef,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
    /// What for: recorded, shown, and part of the audit trail.
    #[schemars(length(min = 1, max = 1024))]
    pub purpose: String,
    /// The law that allows it.
    #[schemars(length(min = 1, max = 1024))]
    pub legal_basis: String,
}

/// A right that is taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessRevoke {
    /// From whom.
    #[schemars(length(min = 1, max = 32))]
    pub subjects: Vec<Principal>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
}

/// Bindings that are emptied for the mode's lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLockDown {
    /// Which bindings, by label.
    pub bindings: LabelSelector,
}

/// A user, group or service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// `User`, `Group` or `ServiceAccount`.
    #[schemars(length(min = 1, max = 32))]
    pub kind: String,
    /// The namespace of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// The name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A Role or `ClusterRole`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    #[schemars(length(min = 1, max = 32))]
    pub kind: String,
    /// The name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Set keys of the selected `ConfigMaps`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Keys and their wartime values. `${parameters.x}` may stand for a whole value.
    #[schemars(extend("maxProperties" = 256, "minProperties" = 1))]
    pub set: BTreeMap<String, String>,
    /// Workloads of the same namespace that are restarted, so that they read the new values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub restart: Vec<ObjectRef>,
}

/// An object of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// The kind, as in [`Targets::kinds`].
    #[schemars(length(min = 1, max = 317))]
    pub kind: String,
    /// The name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Send traffic elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The service that receives the traffic.
    pub to: RouteTo,
}

/// The service that receives redirected traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTo {
    /// The service's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Its namespace, when it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
}

/// Change freeze (封网): stops people and the named automation, never the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Where.
    pub namespaces: NamespaceSelector,
    /// Service accounts (CI, GitOps) that are stopped as people are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub automation: Vec<Principal>,
    /// Who may go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub except: Vec<Principal>,
}

/// Change any field of the selected objects. Paths are JSON Pointers, in which
/// `[name=web]` names an item of a list by its key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.set) || has(self.remove) || has(self.merge)",
    "message": "a patch has at least one of: set remove merge"
}]))]
pub struct Patch {
    /// Fields and their wartime values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set: Vec<SetField>,
    /// Fields that are absent in wartime.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 2, max = 1024)))]
    pub remove: Vec<String>,
    /// A JSON merge patch: every leaf is one field, `null` means absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub merge: Option<serde_json::Value>,
}

/// A field and its wartime value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetField {
    /// Where, e.g. `/spec/template/spec/containers[name=web]/image`.
    #[schemars(length(min = 2, max = 1024))]
    pub path: String,
    /// What, any JSON value. `${parameters.x}` may stand for the whole of a text.
    #[schemars(schema_with = "any_value")]
    pub value: serde_json::Value,
}

/// Objects that exist for the mode's lifetime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// The objects, whole.
    #[schemars(length(min = 1, max = 32), schema_with = "any_objects")]
    pub objects: Vec<serde_json::Value>,
    /// Whether an object that is there already is taken over instead of refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
}

/// Run a Job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The namespace of the Job.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The Job's spec.
    #[schemars(schema_with = "any_object")]
    pub job: serde_json::Value,
    /// The Job's spec that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub undo: Option<serde_json::Value>,
    /// Said where nothing undoes it; the plan shows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irreversible: bool,
}

/// Make a signed HTTP call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The address.
    #[schemars(length(min = 8, max = 2048))]
    pub url: String,
    /// The method; POST when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub method: Option<String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_value")]
    pub body: Option<serde_json::Value>,
    /// The address of the call that undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub undo: Option<String>,
    /// Said where nothing undoes it; the plan shows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irreversible: bool,
}

/// Wait for a state of the cluster. Exactly one of its fields is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.ready), has(self.condition), has(self.rollout), has(self.expression), has(self.promQL)].filter(x, x).size() == 1",
    "message": "wait has exactly one of: ready condition rollout expression promQL"
}]))]
pub struct Wait {
    /// Pods of a step's targets are Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<WaitReady>,
    /// A condition of the targets is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<WaitCondition>,
    /// A rollout has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<WaitRollout>,
    /// A CEL expression over `object` is true for every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expression: Option<String>,
    /// A Prometheus query answers with at least one sample.
    #[serde(default, rename = "promQL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub prom_ql: Option<String>,
}

/// Pods of a step's targets are Ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitReady {
    /// The step, of the same stage or an earlier one.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// Of how many targets in a hundred.
    #[schemars(range(min = 1, max = 100))]
    pub percent: i32,
}

/// A condition of the targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitCondition {
    /// The condition's type.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub type_: String,
    /// Its status; `True` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub status: Option<String>,
}

/// A rollout of a step's targets has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitRollout {
    /// The step, of the same stage or an earlier one.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
}

/// A named group must answer here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// Whose answer counts.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)))]
    pub groups: Vec<String>,
    /// What they are asked.
    pub prompt: Localized,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Term>,
    /// What silence means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
}

/// What silence at a gate means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnTimeout {
    /// The stage goes on as if somebody had said Proceed.
    Proceed,
    /// The steps after the gate are left out.
    Skip,
    /// The stage stops.
    #[default]
    Stop,
}

/// Tell people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notify {
    /// Over which channels.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 63)))]
    pub channels: Vec<String>,
    /// How urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What.
    pub message: Localized,
    /// How soon somebody must acknowledge it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_within: Option<Term>,
}

/// How urgent a notification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of the common alerting protocol")]
pub enum Severity {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

fn any_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

fn any_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn any_objects(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}
