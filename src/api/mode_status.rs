//! The status of an `EmergencyMode`: what the operator says of it. Bounded, and never the truth:
//! the truth is the journal and the cluster. Two things that no record has are read back from it: that
//! a stage was done, and in which times nothing could be switched.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Level, Term};
use super::condition::Condition;
use super::selector::Requirement;

/// What the operator says of a mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyModeStatus {
    /// Pending, Activating, Active, Restoring or Closed; derived from journal and conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The generation of the spec that this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// The stored plan; the whole of it is in the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The authority in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantedStatus>,
    /// What awaits approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<ProposedStatus>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What the mode waits for, and who can end the wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub waiting_on: Option<String>,
    /// The stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub stages: Vec<StageStatus>,
    /// New objects that are refused as long as the mode is in wartime, one rule a step with
    /// `newTargets: Deny`. The admission policy `pingzhan-new-targets` refuses by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub denies: Vec<DenyRule>,
    /// How many changes are in which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// When the mode was set in motion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub activated_at: Option<Timestamp>,
    /// Times in which nothing more could be switched, the oldest first: the mode was paused or
    /// stopped, the rules of authority were not known to be in force, or no record could be stored.
    /// They are no part of what a step may take. Of more than 16 the two oldest are told as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub interruptions: Vec<Interruption>,
    /// How long the switch took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SwitchStatus>,
    /// How long the return took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<SwitchStatus>,
    /// The first 50 targets that are not as they should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub targets: Vec<TargetStatus>,
    /// The last 50 events, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub timeline: Vec<TimelineEntry>,
}

/// A time in which nothing more could be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interruption {
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// Until when; not there as long as it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
}

/// Where a mode is on its way.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Declared; nothing was written.
    Pending,
    /// The switch is under way.
    Activating,
    /// Every stage is done; values are held.
    Active,
    /// The return is under way.
    Restoring,
    /// Over.
    Closed,
}

/// The stored plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStatus {
    /// Its hash: what is approved.
    #[schemars(length(max = 71))]
    pub hash: String,
    /// How many fields it changes.
    pub changes: i64,
    /// Of how many objects.
    pub targets: i64,
    /// How many changes were added since, under the approved rule.
    pub amendments: i64,
    /// What was found when it was to be approved; nothing where nobody had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<PlanFindings>,
}

/// What is worth knowing of a plan before it is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanFindings {
    /// When the cluster was looked at.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The gravest ones first, and in the order of the plan.
    #[schemars(length(max = 10))]
    pub listed: Vec<PlanFinding>,
    /// How many more there are.
    #[serde(default)]
    pub left_out: i64,
}

/// One thing that is worth knowing of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFinding {
    /// How grave it is.
    pub concern: Concern,
    /// Of which stage and step, `stage/step`; nothing where it is of the plan as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 127))]
    pub step: Option<String>,
    /// What, in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// How grave a finding is, the gravest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Concern {
    /// Something does not come about, is lost, or cannot be undone.
    Harm,
    /// It may come otherwise than planned.
    Risk,
    /// Worth knowing.
    Note,
}

/// The authority in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantedStatus {
    /// The hash of the plan that was approved.
    #[schemars(length(max = 71))]
    pub plan_hash: String,
    /// The level that was approved.
    pub level: Level,
    /// When the mode ends by itself.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Timestamp,
    /// How many distinct people approved it.
    pub approvals: i64,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// A change of level or term that awaits approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposedStatus {
    /// The hash of the proposed plan.
    #[schemars(length(max = 71))]
    pub plan_hash: String,
    /// The proposed level.
    pub level: Level,
    /// The proposed term.
    pub expires_after: Term,
    /// How many fields would change.
    pub changes: i64,
    /// What was found when it was to be approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<PlanFindings>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Where it is.
    pub state: StageState,
    /// How many fields it changes.
    pub changes: i64,
    /// How many are changed.
    pub applied: i64,
    /// How many failed.
    pub failed: i64,
    /// How many objects were ready when a wait of its own last looked, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<i64>,
    /// Its gates that ask people now. What was answered at one before it asks again is not about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 63)))]
    pub asks: Vec<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<Timestamp>,
    /// Why it is where it is, where that needs a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// Where a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StageState {
    /// Waits for stages that it depends on.
    Waiting,
    /// Under way.
    Running,
    /// All its changes are settled and enough succeeded.
    Done,
    /// Too few of its changes succeeded.
    Failed,
    /// Not part of this level, or left out by a person.
    Skipped,
    /// Brought back.
    Restored,
}

/// Which new objects a step refuses: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DenyRule {
    /// The step's stage.
    #[schemars(length(max = 63))]
    pub stage: String,
    /// The step.
    #[schemars(length(max = 63))]
    pub step: String,
    /// Kinds with their groups: `apps/Deployment`, and just `ConfigMap` in the core group.
    #[schemars(length(max = 16), inner(length(max = 317)))]
    pub kinds: Vec<String>,
    /// Names of namespaces; any when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    pub namespaces: Vec<String>,
    /// What the namespace's labels must satisfy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub namespace_labels: Vec<Requirement>,
    /// What the object's labels must satisfy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: Vec<Requirement>,
    /// Names of objects; any when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub names: Vec<String>,
}

/// How many changes are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Written and held.
    pub applied: i64,
    /// Changed by somebody else; a verdict is awaited.
    pub drifted: i64,
    /// The return was refused; the operator tries again.
    pub stuck: i64,
    /// The object is gone.
    pub gone: i64,
    /// Another's value stays, by verdict or policy.
    pub kept: i64,
    /// Not written, since it would have moved against the step's intent.
    pub overtaken: i64,
    /// Not there, since another mode's layer lies over it.
    #[serde(default)]
    pub covered: i64,
    /// The API server refused the change.
    #[serde(default)]
    pub refused: i64,
    /// Brought back, ownership included.
    #[serde(default)]
    pub restored: i64,
}

/// How long a switch or a return took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchStatus {
    /// From the first to the last value.
    #[schemars(length(max = 32))]
    pub took: String,
    /// What the playbook asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub objective: Option<String>,
    /// Whether that was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
}

/// A target that is not as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Its kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its uid, as a verdict names it.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// The field, a JSON Pointer.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// The state of the change.
    #[schemars(length(max = 32))]
    pub state: String,
    /// Why, and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// The hash of the value that is there now, as a verdict names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub seen: Option<String>,
}

impl TargetStatus {
    /// The state of a change over which another mode's layer lies: nobody has to do anything.
    pub const COVERED: &'static str = "Covered";
}

/// One event of a mode's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// What, in a word.
    #[schemars(length(max = 63))]
    pub event: String,
    /// What, in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
}
