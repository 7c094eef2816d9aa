//! `ChangeRecord`: one immutable record of a mode's journal. It outlives its mode.
//!
//! The format is numbered, and every later version reads every earlier one. Values are canonical
//! JSON *text*: a null or a big number inside a custom resource would be lost otherwise. A value
//! that is missing was absent. Words that repeat (stage, step, kind, path, owner) stand once a
//! record and entries point to them, so that a change costs a few hundred bytes.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Level;

/// One immutable record of a mode's journal.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "pingzhan.dev",
    version = "v1alpha1",
    kind = "ChangeRecord",
    plural = "changerecords",
    shortname = "cr",
    category = "pingzhan",
    label("app.kubernetes.io/name", "pingzhan"),
    printcolumn = r#"{"name":"Mode","type":"string","jsonPath":".spec.mode.name"}"#,
    printcolumn = r#"{"name":"Sequence","type":"integer","jsonPath":".spec.sequence"}"#,
    printcolumn = r#"{"name":"Type","type":"string","jsonPath":".spec.type"}"#,
    printcolumn = r#"{"name":"Epoch","type":"integer","jsonPath":".spec.epoch"}"#,
    printcolumn = r#"{"name":"At","type":"string","jsonPath":".spec.at"}"#,
    doc = "One immutable record of a mode's journal (变更日志); written by the operator only."
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "self == oldSelf", "message": "a record is never changed" }
]))]
pub struct ChangeRecordSpec {
    /// The number of this format.
    #[schemars(range(min = 1, max = 1))]
    pub format: i32,
    /// The mode whose journal this is.
    pub mode: RecordMode,
    /// The record's place in the journal, from 1, without gaps.
    #[schemars(range(min = 1, max = 999_999))]
    pub sequence: i64,
    /// The epoch of the leader who wrote it.
    pub epoch: i64,
    /// When, by the writer's clock.
    #[schemars(length(max = 40))]
    pub at: String,
    /// The hash of the record before; empty in the first.
    #[schemars(length(max = 71))]
    pub prev: String,
    /// Which of the bodies below is there.
    #[serde(rename = "type")]
    pub type_: RecordType,
    /// A part of a stored plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanPart>,
    /// Changes that are about to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intents: Option<Intents>,
    /// What became of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Outcomes>,
    /// What became of acts that leave no field behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts: Option<Acts>,
    /// The mode changes direction, or a new leader takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "each variant is the body of the same name")]
pub enum RecordType {
    Plan,
    Intents,
    Outcomes,
    Acts,
    Turn,
}

/// The mode of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordMode {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its uid.
    #[schemars(length(min = 1, max = 63))]
    pub uid: String,
}

/// A part of a stored plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanPart {
    /// The hash of the whole plan.
    #[schemars(length(max = 71))]
    pub hash: String,
    /// Which part, from 1.
    pub part: i32,
    /// Of how many.
    pub parts: i32,
    /// The text: parts in order, joined, are the stored plan's canonical JSON.
    #[schemars(length(max = 131_072))]
    pub text: String,
}

/// Changes that are about to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Intents {
    /// What entries have in common.
    #[schemars(length(max = 256))]
    pub groups: Vec<IntentGroup>,
    /// Former owners that entries point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub owners: Vec<OwnerRef>,
    /// The changes.
    #[schemars(length(max = 256))]
    pub entries: Vec<Intent>,
}

/// What entries have in common.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct IntentGroup {
    /// The stage.
    #[schemars(length(max = 63))]
    pub stage: String,
    /// The step.
    #[schemars(length(max = 63))]
    pub step: String,
    /// The targets' group and version.
    #[schemars(length(max = 253))]
    pub api_version: String,
    /// The targets' kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// The targets' plural, as in the API's addresses.
    #[schemars(length(max = 63))]
    pub plural: String,
    /// The field, in fieldsV1 form.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// 0 for the approved plan, else the number of the amendment.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub amendment: i64,
}

/// A field manager that owned a field.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRef {
    /// Its name.
    #[schemars(length(max = 128))]
    pub manager: String,
    /// `Apply` or `Update`.
    #[schemars(length(max = 16))]
    pub operation: String,
    /// The version under which it wrote.
    #[schemars(length(max = 253))]
    pub api_version: String,
    /// The subresource through which it wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub subresource: String,
}

/// One change that is about to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Intent {
    /// The entry's number in its journal, from 1.
    pub id: i64,
    /// The first entry of the same write, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<i64>,
    /// The index of its group.
    #[serde(default, skip_serializing_if = "is_first")]
    pub group: i32,
    /// The target's namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The target's name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The target's uid.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// The peacetime value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub base: Option<String>,
    /// What is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub seen: Option<String>,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub after: Option<String>,
    /// Who owned the field in peacetime, one text an owner: its index among the record's owners;
    /// the time of its entry, or `-`; and, where it loses more or less than just the field, the
    /// fieldsV1 that it loses. Separated by blanks: `0 2026-07-01T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 65_600)))]
    pub owners: Vec<String>,
    /// Parents that had to be created, in fieldsV1 form, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 1024)))]
    pub parents: Vec<String>,
    /// The uid of the mode whose layer this one covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub covers: Option<String>,
    /// The entry of the same mode that this one takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<i64>,
}

/// What became of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// The outcomes, in the order in which they came.
    #[schemars(length(max = 1024))]
    pub items: Vec<Outcome>,
}

/// What became of some changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// What happened: a word of the transition table.
    #[schemars(length(max = 32))]
    pub event: String,
    /// To which entries: numbers and ranges, `3,7-12`.
    #[schemars(length(max = 8192))]
    pub entries: String,
    /// What the API server made of the value, where that is not what was asked for. For Drifted:
    /// what was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// For Drifted: how many verdicts the mode had then. Only a later one is about this drift.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub verdicts: i64,
    /// Why, where that needs a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// For a value that was written again: who had taken the field meanwhile, one text an owner: the
    /// time of its entry, or `-`; its operation; and its name. `2026-07-01T08:00:00Z Apply flux`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 256)))]
    pub owners: Vec<String>,
}

/// A value as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Canonical JSON; missing when the field is absent. For a value of more than 65,536
    /// characters its hash and length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub value: Option<String>,
}

/// What became of acts that leave no field behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acts {
    /// The acts, in order.
    #[schemars(length(max = 64))]
    pub acts: Vec<ActNote>,
}

/// What became of one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActNote {
    /// The stage.
    #[schemars(length(max = 63))]
    pub stage: String,
    /// The step.
    #[schemars(length(max = 63))]
    pub step: String,
    /// What happened.
    pub event: ActEvent,
    /// Who decided, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub by: Option<String>,
    /// Why, a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// How many objects were ready, where that was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<i64>,
    /// For Begun, where it begins again since its stage had left the plan: how many answers people had
    /// given at the mode's gates by then. For Undoing: how many steps they had left out by then. Only a
    /// later one is about it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub answers: i64,
}

/// What can happen to an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActEvent {
    /// It begins, or begins again: stored before anything of it is done.
    Begun,
    /// It is done.
    Done,
    /// A person left it out.
    Skipped,
    /// People said that what comes after it is left out.
    Declined,
    /// It failed.
    Failed,
    /// What undoes it begins.
    Undoing,
    /// It is undone.
    Undone,
}

/// The mode changes direction, or a new leader takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// Which turn.
    pub kind: TurnKind,
    /// For Leader: who leads. For the others: who decided, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub by: Option<String>,
    /// Why: a word, e.g. `StoodDown` or `Expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub reason: Option<String>,
    /// For Granted: the hash of the plan in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub plan_hash: Option<String>,
    /// For Granted: the level in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// For Granted: when the mode ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub expires_at: Option<String>,
    /// For Granted: the distinct people who approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 253)))]
    pub approvals: Vec<String>,
}

/// The kind of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TurnKind {
    /// A new leader takes over with the record's epoch.
    Leader,
    /// A plan is in force: the switch begins, or its level or term changes.
    Granted,
    /// What was asked for was taken back before it was granted: approvals of its plan count no more.
    Withdrawn,
    /// The return begins.
    Restoring,
    /// A person stopped the switch; the values stay.
    Held,
    /// The mode is over.
    Closed,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_first(index: &i32) -> bool {
    *index == 0
}
