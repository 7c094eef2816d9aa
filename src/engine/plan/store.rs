//! The stored form of a plan: compact canonical JSON, from which the plan is read back and whose
//! hash is what people approve.
//!
//! Words that repeat stand once; a change is a row `[target, path, after, wave]`. `after` is
//! canonical JSON text, or null where the field is to be absent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::Chars;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snafu::{ResultExt, Snafu};

use crate::api::{Level, Nature, PlaybookSpec, Scalar, Scope, Term};
use crate::engine::scheduler::Class;
use crate::field::{Identity, Image, Path, Target};
use crate::playbook::{Expanded, ExpandedStage, expand};

use super::{Change, Intent, Plan, PlannedStage, PlannedStep};

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
    changes: Vec<(usize, usize, Option<String>, u8)>,
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
    let mut kinds = Numbered::default();
    let mut paths = Numbered::default();
    let mut targets = Numbered::default();
    let mut stages = Vec::with_capacity(plan.stages.len());
    for stage in &plan.stages {
        let mut steps = Vec::with_capacity(stage.steps.len());
        for step in &stage.steps {
            let mut changes = Vec::with_capacity(step.changes.len());
            for change in &step.changes {
                let target = &change.target;
                let kind = kinds.number((
                    target.api_version.clone(),
                    target.kind.clone(),
                    target.plural.clone(),
                ));
                let target = targets.number((
                    kind,
                    target.namespace.clone(),
                    target.name.clone(),
                    target.uid.to_string(),
                ));
                let path = paths.number(change.path.to_string());
                changes.push((target, path, change.after.to_text(), change.wave));
            }
            steps.push(HashedStep {
                name: step.name.clone(),
                act: step.act.clone(),
                changes,
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
        kinds: kinds.items,
        paths: paths.items,
        targets: targets.items,
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
            for row in &step.changes {
                changes.push(words.change(row, intents.next(), classes.next())?);
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

const fn intent_sign(intent: Intent) -> char {
    match intent {
        Intent::Grow => '+',
        Intent::Shrink => '-',
        Intent::Other => '.',
    }
}

/// A place in a `priority` has at most two digits.
const BASE: u32 = 36;

fn class_sign(class: Class) -> char {
    let place = class.place().map(u32::from);
    place
        .and_then(|place| char::from_digit(place, BASE))
        .unwrap_or('.')
}

/// The place that a character stands for.
fn place(sign: Option<char>) -> Option<u8> {
    u8::try_from(sign?.to_digit(BASE)?).ok()
}

type Row = (usize, usize, Option<String>, u8);

/// What the changes of a plan have in common, in memory once.
struct Words {
    targets: Vec<Target>,
    paths: Vec<Path>,
}

impl Words {
    fn of(plan: &Hashed) -> Result<Self, Error> {
        let mut targets = Vec::with_capacity(plan.targets.len());
        for (kind, namespace, name, uid) in &plan.targets {
            let kind = plan.kinds.get(*kind).ok_or(Error::Index { what: "kind" })?;
            let (api_version, kind, plural) = kind;
            targets.push(Target::from(Identity {
                api_version: api_version.clone(),
                kind: kind.clone(),
                plural: plural.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.as_str().into(),
            }));
        }
        let paths = plan.paths.iter().map(|path| Path::parse(path));
        let paths = paths.collect::<Result<_, _>>();
        Ok(Self {
            targets,
            paths: paths.map_err(|_| Error::Index { what: "path" })?,
        })
    }

    fn change(
        &self,
        row: &Row,
        intent: Option<char>,
        class: Option<char>,
    ) -> Result<Change, Error> {
        let (target, path, after, wave) = row;
        let target = self.targets.get(*target);
        let path = self.paths.get(*path);
        Ok(Change {
            target: target.ok_or(Error::Index { what: "target" })?.clone(),
            path: path.ok_or(Error::Index { what: "path" })?.clone(),
            base: Image::Absent,
            after: Image::from_text(after.as_deref()).context(ReadSnafu)?,
            why: String::new(),
            wave: *wave,
            class: Class::listed(place(class)),
            intent: match intent {
                Some('+') => Intent::Grow,
                Some('-') => Intent::Shrink,
                Some(_) | None => Intent::Other,
            },
        })
    }
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

/// Gives every distinct item a number, in the order of first use.
struct Numbered<T> {
    items: Vec<T>,
    numbers: BTreeMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Ord + Clone> Numbered<T> {
    fn number(&mut self, item: T) -> usize {
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let number = self.items.len();
        self.numbers.insert(item.clone(), number);
        self.items.push(item);
        number
    }
}
