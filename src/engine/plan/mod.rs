//! The plan: playbook × level × parameters × observed cluster, frozen, hashed and explained.
//!
//! [`compute`] makes it, [`store`] turns it into the text that is journalled and back. What is
//! approved is its hash: sha256 over the sorted-key JSON of [`store::hashed`].

mod additive;
mod bounds;
mod capacity;
mod compute;
mod depended;
mod explain;
mod finding;
mod join;
mod lockout;
mod made;
mod moves;
mod order;
mod rivals;
pub mod store;
mod templates;
#[cfg(test)]
pub(in crate::engine) mod testing;
mod traps;
pub mod writers;

use std::collections::BTreeMap;

use crate::api::{
    DriftActive, DriftRestore, Level, Nature, NewTargets, OnFailure, PlaybookSpec, Scalar, Scope,
    Step, Term,
};
use crate::engine::scheduler::Class;
use crate::field::{Image, Path, Target};
use crate::step::{Proposal, Rule};

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The playbook's name.
    pub playbook: String,
    /// The playbook's uid.
    pub playbook_uid: String,
    /// The playbook as it was when the plan was made: stored with the plan, so that a later edit
    /// changes nothing.
    pub spec: PlaybookSpec,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// Whether it is for the table only: nothing of it is carried out.
    pub tabletop: bool,
    /// Every parameter with its value.
    pub parameters: BTreeMap<String, Scalar>,
    /// What narrows the selection.
    pub scope: Option<Scope>,
    /// How long the mode lasts. Part of the hash: who approves a day has not approved a week.
    pub expires_after: Term,
    /// How often a plan of this mode was granted or taken back before this one was made. Part of the
    /// hash: what was approved once is not approved again by itself.
    pub round: u32,
    /// The stages, none before one that it depends on.
    pub stages: Vec<PlannedStage>,
    /// What is worth knowing of the plan as a whole. Not part of the hash, not stored.
    pub findings: Vec<Finding>,
    /// `sha256:…`: what is approved.
    pub hash: String,
}

pub(crate) use crate::step::remark::few;
pub use compute::{Request, compute, describe};
pub use explain::{explain, scales};
pub use finding::{Finding, unknown, worst};

impl Plan {
    /// All changes, with their stage and step, in plan order.
    pub fn changes(&self) -> impl Iterator<Item = (&PlannedStage, &PlannedStep, &Change)> {
        self.stages.iter().flat_map(|stage| {
            stage
                .steps
                .iter()
                .flat_map(move |step| step.changes.iter().map(move |change| (stage, step, change)))
        })
    }

    /// How many fields are changed.
    pub fn change_count(&self) -> usize {
        self.changes().count()
    }

    /// How many objects are changed.
    pub fn target_count(&self) -> usize {
        let uids: std::collections::BTreeSet<&str> = self
            .changes()
            .map(|(_, _, change)| change.target.uid.as_str())
            .collect();
        uids.len()
    }

    /// What could not be read: `stage/step` and a sentence. A plan with problems is refused.
    pub fn problems(&self) -> Vec<(String, &str)> {
        self.steps()
            .flat_map(|(stage, step)| {
                step.problems
                    .iter()
                    .map(move |why| (format!("{}/{}", stage.name, step.name), why.as_str()))
            })
            .collect()
    }

    /// What cannot be carried out as it is written: `stage/step` and a sentence. A plan with faults
    /// is refused.
    pub fn faults(&self) -> Vec<(String, &str)> {
        self.steps()
            .flat_map(|(stage, step)| {
                step.faults
                    .iter()
                    .map(move |why| (format!("{}/{}", stage.name, step.name), why.as_str()))
            })
            .collect()
    }

    /// The step of that name.
    pub fn step(&self, stage: &str, step: &str) -> Option<&PlannedStep> {
        self.stages
            .iter()
            .find(|planned| planned.name == stage)?
            .steps
            .iter()
            .find(|planned| planned.name == step)
    }

    /// The step of that name, where its stage is part of the plan.
    pub fn planned(&self, stage: &str, step: &str) -> Option<&PlannedStep> {
        let mut stages = self.stages.iter();
        let stage = stages.find(|own| own.name == stage && own.left_out.is_none())?;
        stage.steps.iter().find(|own| own.name == step)
    }

    /// A step as its playbook has it.
    pub fn source(&self, stage: &str, step: &str) -> Option<&Step> {
        let stage = self.spec.stages.iter().find(|own| own.name == stage)?;
        stage.steps.iter().find(|own| own.name == step)
    }

    /// Whether a step freezes.
    pub fn freezes(&self, stage: &str, step: &str) -> bool {
        let source = self.source(stage, step);
        source.is_some_and(|step| step.freeze.is_some())
    }

    /// How many requests the switch takes, about: a page of 200 objects is one, a target is one,
    /// and 256 changes are two records.
    pub fn requests(&self) -> usize {
        let targets = self.target_count();
        targets + targets.div_ceil(200) + 2 * self.change_count().div_ceil(256)
    }

    fn steps(&self) -> impl Iterator<Item = (&PlannedStage, &PlannedStep)> {
        self.stages
            .iter()
            .filter(|stage| stage.left_out.is_none())
            .flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)))
    }
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
    /// The changes.
    pub changes: Vec<Change>,
    /// What is left alone, and why.
    pub skipped: Vec<Skip>,
    /// What is worth knowing: cannot be undone, is in the middle of a rollout, is not tracked.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub problems: Vec<String>,
    /// What cannot be carried out as it is written, and what to write instead.
    pub faults: Vec<String>,
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
    /// What it is to hold, by what it held when the plan was made.
    pub after: Image,
    /// Why, in a sentence. Not part of the hash, not stored.
    pub why: String,
    /// Order inside the step, there and back: 0 first.
    pub wave: u8,
    /// How soon people wait for it: from the stage's `priority`. Stored, but not part of the hash:
    /// it follows from the playbook and from labels.
    pub class: Class,
    /// Which way the number was meant to go. Stored, but not part of the hash: it follows from the
    /// value that the plan saw.
    pub intent: Intent,
    /// How what it asks for follows from what the field holds when its turn comes. Whom it takes out is
    /// part of the hash; the rest follows from the playbook.
    pub rule: Rule,
}

impl Change {
    /// The change that a step proposes.
    fn of(proposal: Proposal, class: Class, rule: Rule) -> Self {
        Self {
            class,
            rule,
            intent: Intent::between(&proposal.base, &proposal.after),
            target: proposal.target,
            path: proposal.path,
            base: proposal.base,
            after: proposal.after,
            why: proposal.why,
            wave: proposal.wave,
        }
    }

    /// What it asks for of a field that holds `base` in peacetime.
    pub fn asks(&self, base: &Image) -> Image {
        self.rule.on(base).unwrap_or_else(|| self.after.clone())
    }

    /// Whether `after` is what it asks for of a field that holds `base` in peacetime.
    pub fn is_asked(&self, base: &Image, after: &Image) -> bool {
        match self.rule.on(base) {
            Some(asked) => asked == *after,
            None => self.after == *after,
        }
    }
}

/// Which way a change was meant to move a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// Up: a surge.
    Grow,
    /// Down: a shedding.
    Shrink,
    /// Not a number, or not known.
    #[default]
    Other,
}

impl Intent {
    /// Which way it is from one value to another.
    pub fn between(from: &Image, to: &Image) -> Self {
        match (number(from), number(to)) {
            (Some(from), Some(to)) if to > from => Self::Grow,
            (Some(from), Some(to)) if to < from => Self::Shrink,
            _ => Self::Other,
        }
    }

    /// Whether writing `after` over `now` would move against the intent: a surge that shrinks.
    pub fn is_against(self, now: &Image, after: &Image) -> bool {
        match (self, Self::between(now, after)) {
            (Self::Grow, Self::Shrink) | (Self::Shrink, Self::Grow) => true,
            (Self::Grow | Self::Shrink | Self::Other, _) => false,
        }
    }
}

fn number(image: &Image) -> Option<f64> {
    image.value().and_then(serde_json::Value::as_f64)
}

/// An object that a step leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// `Kind namespace/name`.
    pub target: String,
    /// Why, in a sentence.
    pub why: String,
}
