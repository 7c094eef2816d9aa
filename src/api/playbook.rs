//! `Playbook`: the plan as an engineer writes it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Level, Localized, Term};
use super::playbook_status::PlaybookStatus;
use super::scalar::Scalar;
use super::selector::LabelSelector;
use super::step::Step;

/// A plan for one hazard (应急预案): stages of steps, who may set it in motion, and for how long.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "pingzhan.dev",
    version = "v1alpha1",
    kind = "Playbook",
    plural = "playbooks",
    shortname = "pb",
    category = "pingzhan",
    label("app.kubernetes.io/name", "pingzhan"),
    status = "PlaybookStatus",
    printcolumn = r#"{"name":"Hazard","type":"string","jsonPath":".spec.hazard"}"#,
    printcolumn = r#"{"name":"Owner","type":"string","jsonPath":".spec.owner"}"#,
    printcolumn = r#"{"name":"Account","type":"string","jsonPath":".spec.serviceAccountName","priority":1}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Why","type":"string","jsonPath":".status.conditions[?(@.type=='Ready')].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    doc = "A plan for one hazard (应急预案): stages of steps, who may set it in motion, and for how long."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaybookSpec {
    /// What people call the plan.
    pub title: Localized,
    /// What the plan is for: a word from the glossary, or your own.
    #[schemars(length(min = 1, max = 63))]
    pub hazard: String,
    /// Who keeps this playbook true; shown in every report.
    #[schemars(length(min = 1, max = 253))]
    pub owner: String,
    /// Values that the declarer may choose. `${parameters.NAME}` stands for one in a step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub parameters: Vec<Parameter>,
    /// Who may declare, approve and act without quorum, and for how long a mode may last.
    pub authority: Authority,
    /// The service account, in the namespace of playbook accounts, as which every read and write
    /// of targets is made.
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,
    /// How fast the switch and the return should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// What happens to objects that appear later and match. Report when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_targets: Option<NewTargets>,
    /// What happens to fields that others change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// The stages. They run in parallel unless one depends on another.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub stages: Vec<Stage>,
}

/// A value that the declarer may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The name, as in `${parameters.NAME}`.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub name: String,
    /// What kind of value.
    #[serde(rename = "type")]
    pub type_: ParameterType,
    /// The value when none is chosen. Without it the declarer must choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Scalar>,
    /// The smallest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// The largest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    /// The only texts allowed.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub values: Vec<String>,
    /// What it means, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words say it")]
pub enum ParameterType {
    Integer,
    Boolean,
    String,
}

/// Who may do what. The right itself is RBAC: the verbs declare, approve, standdown, breakglass,
/// abandon, decide, adjudicate and recover on this playbook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authority {
    /// Groups that may declare.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)))]
    pub requester_groups: Vec<String>,
    /// Groups that may approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub approver_groups: Vec<String>,
    /// How many distinct approvers a declaration of each level needs, none of them the requester.
    /// 0 means that the declaration suffices. A level that is left out needs 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "[has(self.I) ? self.I : 0, has(self.II) ? self.II : 0, has(self.III) ? self.III : 0, has(self.IV) ? self.IV : 0].all(n, n >= 0 && n <= 8)",
        "message": "a quorum is a number from 0 to 8"
    }]))]
    pub quorum: Option<PerLevel<i32>>,
    /// The longest term of each level. 72h where a level is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_term: Option<PerLevel<Term>>,
    /// Groups one of whose people may act without quorum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub break_glass_groups: Vec<String>,
}

impl Authority {
    /// Distinct approvers that a level needs where the playbook does not say: two, so that no
    /// single person's word moves services by omission.
    pub const DEFAULT_QUORUM: i32 = 2;

    /// How many distinct approvers a level needs.
    pub fn quorum(&self, level: Level) -> usize {
        let wanted = self
            .quorum
            .as_ref()
            .and_then(|quorum| quorum.get(level).copied())
            .unwrap_or(Self::DEFAULT_QUORUM);
        usize::try_from(wanted).unwrap_or(usize::MAX)
    }

    /// How many distinct approvers a change of what is in force needs: as many as either level does. Who may
    /// ask for a level that nobody has to approve does not end by it what others have approved.
    pub fn quorum_over(&self, in_force: Option<Level>, level: Level) -> usize {
        let before = in_force.map_or(0, |level| self.quorum(level));
        before.max(self.quorum(level))
    }
}

/// A value for each response level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerLevel<T> {
    /// For level I.
    #[serde(rename = "I", skip_serializing_if = "Option::is_none")]
    pub i: Option<T>,
    /// For level II.
    #[serde(rename = "II", skip_serializing_if = "Option::is_none")]
    pub ii: Option<T>,
    /// For level III.
    #[serde(rename = "III", skip_serializing_if = "Option::is_none")]
    pub iii: Option<T>,
    /// For level IV.
    #[serde(rename = "IV", skip_serializing_if = "Option::is_none")]
    pub iv: Option<T>,
}

impl<T> PerLevel<T> {
    /// The value for a level.
    pub const fn get(&self, level: Level) -> Option<&T> {
        match level {
            Level::I => self.i.as_ref(),
            Level::II => self.ii.as_ref(),
            Level::III => self.iii.as_ref(),
            Level::IV => self.iv.as_ref(),
        }
    }
}

/// How fast the switch and the return should be. Missing it is reported, nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objective {
    /// From activation to the last value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch_within: Option<Term>,
    /// From stand-down to the last value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_within: Option<Term>,
}

/// What happens to objects that appear while the mode is active and match a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NewTargets {
    /// They are switched too, as an amendment of the plan.
    Adopt,
    /// They are listed and left alone.
    #[default]
    Report,
    /// Their creation is refused.
    Deny,
}

/// What happens to fields that others change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// While the mode is active; Reassert when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<DriftActive>,
    /// At the return; Hold when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<DriftRestore>,
}

/// What happens while the mode is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftActive {
    /// Write again only when the peacetime value was put back; any other value waits for a person.
    #[default]
    Reassert,
    /// Write again over any value.
    Enforce,
    /// Let the other's value stand.
    Yield,
}

/// What happens at the return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftRestore {
    /// A field that somebody else changed waits for a person.
    #[default]
    Hold,
    /// The peacetime value is written over it.
    Revert,
    /// The other's value stays.
    Keep,
}

/// A stage: an ordered group of steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// The stage's name, unique in its playbook.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Stages that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)))]
    pub depends_on: Vec<String>,
    /// Levels at which the stage runs; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub levels: Vec<Level>,
    /// A CEL expression over parameters, level and facts; the stage runs when it is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub when: Option<String>,
    /// Order of release: what is to be Ready first. A text is a namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub priority: Vec<PriorityItem>,
    /// What a failure of this stage means for the rest. Halt when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// How many of its changes must succeed, e.g. `90%`. 100% when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), regex(pattern = "^(100|[0-9]{1,2})%$"))]
    pub min_success: Option<String>,
    /// The steps. They run in parallel unless one is after another.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
}

/// What a failed stage means for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// Stages that depend on it do not start; what was done stays and waits for a person.
    #[default]
    Halt,
    /// The rest goes on.
    Continue,
    /// Everything that was done is brought back.
    Restore,
}

/// One place in the order of release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PriorityItem {
    /// A namespace.
    Namespace(String),
    /// Objects by label.
    Selector {
        /// Which.
        selector: LabelSelector,
    },
}

impl JsonSchema for PriorityItem {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PriorityItem".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A namespace's name, or an object with a selector.",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}
