//! Acts that change fields, and are brought back from the journal.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::{Count, Percent};
use super::schema::{any_object, any_objects, any_value};
use super::selector::{LabelSelector, NamespaceSelector};

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

/// Cut the network, by policies that exist for the mode's lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Isolate {
    /// Which cut.
    pub preset: IsolatePreset,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
    /// Which pods there; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<LabelSelector>,
    /// For `AllowOnly` and Open: the namespaces from which traffic is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NamespaceSelector>,
    /// For `AllowOnly` and Open: the ports to which traffic is let in; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub ports: Vec<IsolatePort>,
    /// For `CutThirdParties`: the one label, of a pod or of its namespace, that says who is a third
    /// party; `pingzhan.dev/party: third` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third: Option<LabelSelector>,
    /// For `CutThirdParties`: ranges of addresses outside the cluster that are let in beside those
    /// of the public internet, such as nodes that traffic comes through, e.g. `10.0.0.0/24`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)))]
    pub outside: Vec<String>,
}

/// A port that stays open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IsolatePort {
    /// Its number, as the pod has it.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Its protocol; TCP when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<PortProtocol>,
}

/// The protocol of an [`IsolatePort`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PortProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Presets of [`Isolate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IsolatePreset {
    /// Nothing in, nothing out, but questions for names.
    DenyAll,
    /// Nothing in but from pods of the same namespace and of those under `from`.
    AllowOnly,
    /// Third parties are cut off: they get nothing in, and those inside get nothing out.
    CutThirdParties,
    /// One department's service is opened to another, where something closes it.
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
    /// Whether the right is given in the whole cluster instead: only where that is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cluster_wide: bool,
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
    /// Where; in every namespace, and in the cluster as a whole, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
}

/// Bindings that are emptied for the mode's lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLockDown {
    /// Which `RoleBindings` and `ClusterRoleBindings`, by label.
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
