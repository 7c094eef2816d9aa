//! `EmergencyMode`: one declared emergency or exercise, and the acts of people upon it.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Level, Nature, Posture, Term};
use super::mode_status::EmergencyModeStatus;
use super::scalar::Scalar;
use super::selector::NamespaceSelector;

/// One declared emergency or exercise (应急模式), and the record of it.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "pingzhan.dev",
    version = "v1alpha1",
    kind = "EmergencyMode",
    plural = "emergencymodes",
    shortname = "em",
    category = "pingzhan",
    label("app.kubernetes.io/name", "pingzhan"),
    status = "EmergencyModeStatus",
    selectable = ".spec.playbookRef.name",
    printcolumn = r#"{"name":"Playbook","type":"string","jsonPath":".spec.playbookRef.name"}"#,
    printcolumn = r#"{"name":"Level","type":"string","jsonPath":".spec.level"}"#,
    printcolumn = r#"{"name":"Nature","type":"string","jsonPath":".spec.nature"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Waiting on","type":"string","jsonPath":".status.waitingOn","priority":1}"#,
    printcolumn = r#"{"name":"Expires","type":"string","jsonPath":".status.granted.expiresAt"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    doc = "One declared emergency or exercise (应急模式), and the record of it."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "self.playbookRef == oldSelf.playbookRef", "message": "playbookRef never changes: declare another mode", "optionalOldSelf": false },
    { "rule": "self.nature == oldSelf.nature", "message": "nature never changes: declare another mode" },
    { "rule": "!has(self.tabletop) || !self.tabletop || self.nature == 'Exercise'", "message": "tabletop is for exercises: set nature to Exercise" },
    { "rule": "(has(self.tabletop) && self.tabletop) == (has(oldSelf.tabletop) && oldSelf.tabletop)", "message": "tabletop never changes: declare another mode" },
    { "rule": "oldSelf.posture == 'Wartime' || self.posture == 'Peacetime'", "message": "posture goes from Wartime to Peacetime, once: declare another mode" },
    { "rule": "!has(oldSelf.abort) || (has(self.abort) && self.abort == oldSelf.abort)", "message": "abort is set once" },
    { "rule": "!has(oldSelf.breakGlass) || (has(self.breakGlass) && self.breakGlass == oldSelf.breakGlass)", "message": "breakGlass is set once" }
]))]
pub struct EmergencyModeSpec {
    /// Which playbook.
    pub playbook_ref: NameRef,
    /// Response level; may be raised or lowered later, which is a proposal until approved.
    pub level: Level,
    /// Actual or Exercise.
    #[serde(default)]
    pub nature: Nature,
    /// An exercise at the table (桌面推演): people declare, approve and answer, their decisions are
    /// recorded, and nothing is carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tabletop: bool,
    /// The lever: Wartime, or Peacetime to stand down. One way.
    #[serde(default)]
    pub posture: Posture,
    /// What has happened.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The law or plan that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// Who answers for it; not necessarily who typed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy>,
    /// Who declared, or who last changed level or term: the authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub requested_by: String,
    /// The group in whose name; one of the authenticated user's groups.
    #[schemars(length(min = 1, max = 253))]
    pub requested_as: String,
    /// The plan hash that the declarer saw in the preview. If the plan differs, the mode is
    /// blocked with reason `PlanDiffers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub plan_hash: Option<String>,
    /// How long the mode lasts from its activation; never longer than the playbook's maxTerm.
    /// A change is a proposal until approved.
    pub expires_after: Term,
    /// Values for the playbook's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub parameters: BTreeMap<String, Scalar>,
    /// Narrows what the playbook selects; never widens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Stops writing until it is false again. An expiry overrides it.
    #[serde(default)]
    pub paused: bool,
    /// Approvals of the plan hash in status, append-only, one a request, each for oneself, never
    /// by the requester.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub approvals: Vec<Approval>,
    /// Answers at gates, append-only; at most half of them by one person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub answers: Vec<Answer>,
    /// Verdicts on drifted fields, append-only; at most half of them by one person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub verdicts: Vec<Verdict>,
    /// Steps that are left out, append-only; at most half of them by one person. A gate is left out by a
    /// group that it asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub skips: Vec<Skip>,
    /// Stops the switch where it is. Set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// Acts without quorum, is reviewed afterwards. Set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// Reviews of what was done without quorum, append-only, one a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub reviews: Vec<Review>,
    /// Two people may give a mode up for lost: its targets stay as they are. Append-only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub abandon: Vec<Abandonment>,
}

/// An object of a known kind, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameRef {
    /// The name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The law or plan that allows a declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalBasis {
    /// The law, regulation or plan.
    #[schemars(length(min = 1, max = 253))]
    pub instrument: String,
    /// Its article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub article: Option<String>,
    /// The number of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub order_number: Option<String>,
}

/// Who answers for a declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidedBy {
    /// A person or body.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// In which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub role: Option<String>,
}

/// Narrows what a playbook selects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only in these namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<NamespaceSelector>,
}

/// One person's approval of one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
    /// The hash of the plan that they approve.
    #[schemars(length(max = 71), regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub plan_hash: String,
    /// What they say to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
}

/// An answer at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The stage.
    #[schemars(length(min = 1, max = 63))]
    pub stage: String,
    /// The gate's step.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// The answer.
    pub answer: AnswerChoice,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// What is answered at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AnswerChoice {
    /// Go on.
    Proceed,
    /// Leave out the steps after the gate.
    Skip,
    /// Stop the stage.
    Stop,
}

/// A person's decision about fields that somebody else changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.of.uid) || has(self.seen)",
    "message": "a verdict on one field names the value that was seen there: copy seen from status.targets"
}]))]
pub struct Verdict {
    /// Which fields.
    pub of: VerdictOf,
    /// Keep or Ours.
    pub choice: VerdictChoice,
    /// The hash of the value that the person saw; another edit needs another verdict. Needed for
    /// a verdict on one field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub seen: Option<String>,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// Which fields a verdict is about: one of one target, those of a step, or all that are drifted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.uid) && has(self.path), has(self.step), has(self.all) && self.all].filter(x, x).size() == 1 && has(self.uid) == has(self.path)",
    "message": "of is either uid and path, or step, or all: true"
}]))]
pub struct VerdictOf {
    /// The uid of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub uid: Option<String>,
    /// The field's path, a JSON Pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub path: Option<String>,
    /// Every drifted field of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub step: Option<String>,
    /// Every drifted field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
}

/// What a verdict decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VerdictChoice {
    /// The other's value stays; the mode lets go of the field.
    Keep,
    /// The value of the present direction is written over it.
    Ours,
}

/// A step that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// The stage.
    #[schemars(length(min = 1, max = 63))]
    pub stage: String,
    /// The step.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// Why.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// Stops the switch where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// Hold or Restore.
    pub choice: AbortChoice,
    /// Why.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// What an abort does with what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AbortChoice {
    /// Stop writing. The values stay; the term still runs.
    Hold,
    /// Bring everything back.
    Restore,
}

/// Acts without quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Why there is no time for a quorum.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// A review of what was done without quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What is reviewed, e.g. `breakGlass`.
    #[schemars(length(min = 1, max = 63))]
    pub of: String,
    /// What the reviewer finds.
    pub outcome: ReviewOutcome,
    /// What they say to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
    /// The authenticated user, not the one who is reviewed.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}

/// What a review finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReviewOutcome {
    /// It was right.
    Justified,
    /// It was not.
    Unjustified,
}

/// One of two people who give a mode up for lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Abandonment {
    /// Why.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The authenticated user.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// One of their groups.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
}
