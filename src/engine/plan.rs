//! The plan: playbook × level × parameters × observed cluster, frozen, hashed and explained.

use std::collections::BTreeMap;

use crate::api::{DriftActive, DriftRestore, Level, Nature, NewTargets, OnFailure, Scalar, Scope};
use crate::field::{Image, Path, Target};

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The playbook's name.
    pub playbook: String,
    /// The playbook's uid.
    pub playbook_uid: String,
    /// The account that everything is done as.
    pub account: String,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// Every parameter with its value.
    pub parameters: BTreeMap<String, Scalar>,
    /// What narrows the selection.
    pub scope: Option<Scope>,
    /// The stages, none before one that it depends on.
    pub stages: Vec<PlannedStage>,
    /// `sha256:…`: what is approved.
    pub hash: String,
}

/// A stage of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// Stages that must be done first.
    pub depends_on: Vec<String>,
    /// Why the stage is not part of this plan, if so.
    pub left_out: Option<String>,
    /// What a failure means.
    pub on_failure: OnFailure,
    /// How many of its changes must succeed, in a hundred.
    pub min_success: u8,
    /// The steps, none before one that it is after.
    pub steps: Vec<PlannedStep>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// The act's word.
    pub act: String,
    /// Steps that must be done first.
    pub after: Vec<String>,
    /// Seconds that it may take.
    pub timeout_seconds: u64,
    /// Whether a failure here fails the stage.
    pub critical: bool,
    /// What happens to fields that others change while active.
    pub drift_active: DriftActive,
    /// What happens to them at the return.
    pub drift_restore: DriftRestore,
    /// What happens to new objects that match.
    pub new_targets: NewTargets,
    /// Why this version does not carry the step out, if so.
    pub unsupported: Option<String>,
    /// The changes.
    pub changes: Vec<Change>,
    /// What is left alone, and why.
    pub skipped: Vec<Skip>,
    /// What is worth knowing: cannot be undone, is in the middle of a rollout, is not tracked.
    pub findings: Vec<String>,
}

/// A change of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which object.
    pub target: Target,
    /// Which field.
    pub path: Path,
    /// What it held when the plan was made. Not part of the hash, not stored.
    pub base: Image,
    /// What it is to hold.
    pub after: Image,
    /// Why, in a sentence. Not part of the hash, not stored.
    pub why: String,
    /// Order inside the step, there and back: 0 first.
    pub wave: u8,
}

/// An object that a step leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// `Kind namespace/name`.
    pub target: String,
    /// Why, in a sentence.
    pub why: String,
}
