//! A playbook for one level and its parameters: `${parameters.x}` replaced, defaults filled in,
//! acts resolved. What this version does not carry out is [`ResolvedAct::Unsupported`], with a
//! sentence; it is never ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::{
    DriftActive, DriftRestore, Level, NewTargets, ObjectRef, OnFailure, PlaybookSpec, Scalar,
    Targets,
};
use crate::field::{Image, Path};

use super::lint::Finding;

/// How long a step may take where the playbook does not say: long enough for a slow API server,
/// short enough that a person is told within one cup of tea.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// A playbook, expanded. Stages are in an order in which none stands before one that it depends
/// on; among equals, the declared order.
#[derive(Clone, Debug, PartialEq)]
pub struct Expanded {
    /// Every parameter with its value.
    pub parameters: BTreeMap<String, Scalar>,
    /// The stages.
    pub stages: Vec<ExpandedStage>,
}

/// A stage, expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandedStage {
    /// Its name.
    pub name: String,
    /// Stages that must be done first.
    pub depends_on: Vec<String>,
    /// Why the stage is not part of this plan (not this level, an unsupported `when`), if so. A
    /// stage that is left out counts as done for those that depend on it.
    pub left_out: Option<String>,
    /// What a failure means.
    pub on_failure: OnFailure,
    /// How many of its changes must succeed, in a hundred.
    pub min_success: u8,
    /// The steps, none before one that it is after.
    pub steps: Vec<ExpandedStep>,
}

/// A step, expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandedStep {
    /// Its name.
    pub name: String,
    /// Steps that must be done first.
    pub after: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether a failure here fails the stage.
    pub critical: bool,
    /// What happens to fields that others change while active.
    pub drift_active: DriftActive,
    /// What happens to them at the return.
    pub drift_restore: DriftRestore,
    /// What happens to new objects that match.
    pub new_targets: NewTargets,
    /// What it acts on.
    pub targets: Option<Targets>,
    /// What it does.
    pub act: ResolvedAct,
}

/// What a step does, with nothing left to resolve.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolvedAct {
    /// Change replicas.
    Scale(ScaleRule),
    /// Set keys of `ConfigMaps`, then restart workloads of the same namespace.
    Config {
        /// Keys and values.
        set: BTreeMap<String, String>,
        /// Workloads.
        restart: Vec<ObjectRef>,
    },
    /// Change fields; sorted by path, no path beneath another.
    Patch(Vec<Field>),
    /// This version does not carry it out.
    Unsupported {
        /// The act's word.
        word: &'static str,
        /// What to tell people, a sentence.
        sentence: String,
    },
}

/// A field and what it is to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Which field.
    pub path: Path,
    /// What it is to hold.
    pub to: Image,
}

/// How a number of replicas is computed from the peacetime value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScaleRule {
    /// A fixed number.
    pub replicas: Option<i64>,
    /// A percentage, rounded up.
    pub percent: Option<i64>,
    /// At least.
    pub minimum: Option<i64>,
    /// At most.
    pub maximum: Option<i64>,
}

/// Expands a playbook.
///
/// # Errors
/// Everything that is wrong, as findings: unknown, missing or out-of-range parameters, references
/// to nothing, cycles. A playbook that lints clean expands with every allowed set of parameters.
pub fn expand(
    _playbook: &PlaybookSpec,
    _level: Level,
    _parameters: &BTreeMap<String, Scalar>,
) -> Result<Expanded, Vec<Finding>> {
    todo!()
}
