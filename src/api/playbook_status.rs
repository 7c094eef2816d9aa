//! The status of a `Playbook`: whether it would work now, and who carries out which copy of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::mode_status::Concern;

/// What the operator says of a playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// Conditions: Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// When it was last held against the cluster: its account, and the rights of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_checked: Option<Timestamp>,
    /// What was found, the gravest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub findings: Vec<PlaybookFinding>,
    /// How many more findings there are.
    #[serde(default)]
    pub left_out: i64,
    /// Modes that carry it out: each its own copy, as it was when its plan was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub in_use: Vec<PlaybookUse>,
}

/// One thing that is worth knowing of a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookFinding {
    /// How grave it is.
    pub concern: Concern,
    /// What, in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// A mode that carries a playbook out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookUse {
    /// The mode's name.
    #[schemars(length(max = 253))]
    pub mode: String,
    /// Whether its copy is the playbook as it is now.
    pub current: bool,
    /// The generation that its copy is of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}
