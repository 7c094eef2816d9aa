//! The stored form of a plan: compact canonical JSON, from which the plan is read back and whose
//! hash is what people approve.
//!
//! Words that repeat stand once; a change is a row `[target, path, after, wave]`. `after` is
//! canonical JSON text, or null where the field is to be absent. Whom a change takes out of a list stands
//! beside it: that is what people approve, whatever becomes of the list until it is written.

mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::Chars;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snafu::{ResultExt, Snafu};

use crate::api::{Level, Nature, PlaybookSpec, Scalar, Scope, Term};
use crate::engine::scheduler::Class;
use crate::playbook::{Expanded, ExpandedStage, expand};
use crate::step::Rule;

use super::{Plan, PlannedStage, PlannedStep};
use words::{Row, Tables, Words, class_sign, intent_sign};

/// Why a stored plan cannot be read.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("the stored plan is not what this version writes: {source}"))]
    Read { source: serde_json::Error },
    #[snafu(display("the stored plan does not have the hash {expected}: the journal is damaged"))]
    Hash { expected: String },
    #[snafu(display("the stored plan's playbook does not expand: {problem}"))]
    Playbook { problem: String },
    #[snafu(display("the stored plan names a {what} that is not there"))]
    Index { what: &'static str },
}

/// What is hashed: what would be done, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hashed {
    format: i32,
    playbook: String,
    playbook_uid: String,
    spec_hash: String,
    level: Level,
    nature: Nature,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    tabletop: bool,
    expires_after: Term,
    parameters: BTreeMap<String, Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "is_first")]
    round: u32,
    /// `[apiVersion, kind, plural]`
    kinds: Vec<(String, String, String)>,
    paths: Vec<String>,
    /// `[kind, namespace, name, uid]`
    targets: Vec<(usize, String, String, String)>,
    /// People who are taken out of lists together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    people: Vec<Vec<String>>,
    stages: Vec<HashedStage>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HashedStage {
    name: String,
    left_out: bool,
    steps: Vec<HashedStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedStep {
    name: String,
    act: String,
    /// `[target, path, after, wave]`
    changes: Vec<Row>,
    /// `[change, people]`, by their places, of changes that take people out of lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    without: Vec<(usize, usize)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    plan: Hashed,
    spec: PlaybookSpec,
    /// One character a change, in order: `+` grows, `-` shrinks, `.` neither.
    intents: String,
    /// One character a change, in order: its place in the `priority` of its stage in base 36, `.`
    /// where it has none. Empty where no change has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    classes: String,
}

/// A declaration's plan has the hash that its preview showed.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_first(round: &u32) -> bool {
    *round == 0
}

/// What of a plan is hashed.
pub fn hashed(plan: &Plan) -> Hashed {
    let mut tables = Tables::default();
    let mut stages = Vec::with_capacity(plan.stages.len());
    for stage in &plan.stages {
        let mut steps = Vec::with_capacity(stage.steps.len());
        for step in &stage.steps {
            let changes = step.changes.iter().map(|change| tables.row(change));
            let changes = changes.collect();
            let people = step.changes.iter().map(|change| tables.people(change));
            let without = people
                .enumerate()
                .filter_map(|(place, people)| Some((place, people?)));
            steps.push(HashedStep {
                name: step.name.clone(),
                act: step.act.clone(),
                changes,
                without: without.collect(),
            });
        }
        stages.push(HashedStage {
            name: stage.name.clone(),
            left_out: stage.left_out.is_some(),
            steps,
        });
    }
    Hashed {
        format: 1,
        playbook: plan.playbook.clone(),
        playbook_uid: plan.playbook_uid.clone(),
        spec_hash: sha256(&canonical(&plan.spec)),
        level: plan.level,
        nature: plan.nature,
        tabletop: plan.tabletop,
        expires_after: plan.expires_after.clone(),
        parameters: plan.parameters.clone(),
        scope: plan.scope.clone(),
        round: plan.round,
        kinds: tables.kinds.items,
        paths: tables.paths.items,
        targets: tables.targets.items,
        people: tables.people.items,
        stages,
    }
}

/// The hash of a plan.
pub fn hash(plan: &Plan) -> String {
    sha256(&canonical(&hashed(plan)))
}

/// The text that is journalled.
pub fn text(plan: &Plan) -> String {
    let intents = plan
        .changes()
        .map(|(_, _, change)| intent_sign(change.intent))
        .collect();
    let changes = || plan.changes().map(|(_, _, change)| change.class);
    let classes = if changes().all(|class| class == Class::REST) {
        String::new()
    } else {
        changes().map(class_sign).collect()
    };
    canonical(&Stored {
        plan: hashed(plan),
        spec: plan.spec.clone(),
        intents,
        classes,
    })
}

/// Reads a stored plan back. Bases and reasons of changes are not stored: they are absent and
/// empty.
///
/// # Errors
/// When the text is not what this version writes or does not have the hash: the journal is
/// damaged, and nothing may be done by it.
pub fn load(text: &str, expected: &str) -> Result<Plan, Error> {
    let stored: Stored = serde_json::from_str(text).context(ReadSnafu)?;
    let found = sha256(&canonical(&stored.plan));
    if found != expected || stored.plan.spec_hash != sha256(&canonical(&stored.spec)) {
        return HashSnafu { expected }.fail();
    }
    let Stored {
        plan,
        spec,
        intents,
        classes,
    } = stored;
    let expanded = expand::stored(&spec, plan.level, &plan.parameters).map_err(|findings| {
        let problem = findings
            .first()
            .map_or_else(String::new, |finding| finding.message.clone());
        Error::Playbook { problem }
    })?;
    let mut signs = (intents.chars(), classes.chars());
    let stages = stages(&plan, &expanded, &mut signs)?;
    Ok(Plan {
        playbook: plan.playbook,
        playbook_uid: plan.playbook_uid,
        spec,
        level: plan.level,
        nature: plan.nature,
        tabletop: plan.tabletop,
        parameters: plan.parameters,
        scope: plan.scope,
        expires_after: plan.expires_after,
        round: plan.round,
        stages,
        findings: Vec::new(),
        hash: expected.to_owned(),
    })
}

fn stages(
    plan: &Hashed,
    expanded: &Expanded,
    (intents, classes): &mut (Chars<'_>, Chars<'_>),
) -> Result<Vec<PlannedStage>, Error> {
    let words = Words::of(plan)?;
    let mut stages = Vec::with_capacity(plan.stages.len());
    for stored in &plan.stages {
        let stage = expanded
            .stages
            .iter()
            .find(|stage| stage.name == stored.name)
            .ok_or(Error::Index { what: "stage" })?;
        let mut steps = Vec::with_capacity(stored.steps.len());
        for step in &stored.steps {
            let source = stage
                .steps
                .iter()
                .find(|source| source.name == step.name)
                .ok_or(Error::Index { what: "step" })?;
            let mut changes = Vec::with_capacity(step.changes.len());
            for (place, row) in step.changes.iter().enumerate() {
                let mut change = words.change(row, intents.next(), classes.next())?;
                let without = words.without(step, place)?;
                change.rule = Rule::of(&source.act, &change.target, &change.path, without);
                changes.push(change);
            }
            steps.push(PlannedStep {
                name: step.name.clone(),
                act: step.act.clone(),
                after: source.after.clone(),
                timeout_seconds: Duration::as_secs(&source.timeout),
                critical: source.critical,
                drift_active: source.drift_active,
                drift_restore: source.drift_restore,
                new_targets: source.new_targets,
                changes,
                skipped: Vec::new(),
                findings: Vec::new(),
                problems: Vec::new(),
                faults: Vec::new(),
            });
        }
        stages.push(PlannedStage {
            name: stage.name.clone(),
            depends_on: stage.depends_on.clone(),
            left_out: left_out(stage, stored.left_out),
            on_failure: stage.on_failure,
            min_success: stage.min_success,
            steps,
        });
    }
    Ok(stages)
}

/// Why a stored stage was left out, if it was: that is what was approved, whatever would be judged
/// now.
fn left_out(stage: &ExpandedStage, was_left_out: bool) -> Option<String> {
    let when = || when_fails(stage.when.as_deref().unwrap_or_default());
    was_left_out.then(|| stage.left_out.clone().unwrap_or_else(when))
}

/// Why a stage is not part of a plan whose facts do not satisfy its `when`.
pub(super) fn when_fails(text: &str) -> String {
    format!("its `when` does not hold: {text}")
}

/// Sorted-key JSON without white space. Only integers, texts, booleans and nulls occur.
fn canonical<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    crate::field::path::canonical(&value)
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hash = String::with_capacity(7 + 64);
    hash.push_str("sha256:");
    for byte in digest {
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

#[cfg(test)]
mod tests;
