//! Acts that leave no field behind: they run, call, wait, ask and tell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Localized, Term};
use super::schema::{any_object, any_value};

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
