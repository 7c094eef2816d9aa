//! Makes a plan of an expanded playbook and what was seen of the cluster. Pure: the same input
//! gives the same plan, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{EmergencyModeSpec, Level, Nature, PlaybookSpec, Scope, Term};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::scheduler::Class;
use crate::field::{Path, Target, Uid};
use crate::playbook::conditions::{self, Situation};
use crate::playbook::{Expanded, ExpandedStage, ExpandedStep, ResolvedAct};
use crate::step::{self, Compiled, Proposal, Role};

use super::{
    Change, Finding, Plan, PlannedStage, PlannedStep, Skip, additive, bounds, depended, lockout,
    store, templates,
};

/// What is planned: whose playbook, and what the declarer chose.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The playbook's name.
    pub playbook: &'a str,
    /// Its uid.
    pub playbook_uid: &'a str,
    /// The playbook.
    pub spec: &'a PlaybookSpec,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// Whether nothing of it is carried out.
    pub tabletop: bool,
    /// What narrows the selection.
    pub scope: Option<&'a Scope>,
    /// How long the mode lasts.
    pub expires_after: &'a Term,
    /// How often this mode's plan was granted or taken back before.
    pub round: u32,
}

impl<'a> Request<'a> {
    /// The request of a mode that is declared.
    pub fn of(
        mode: &'a EmergencyModeSpec,
        playbook: &'a str,
        playbook_uid: &'a str,
        spec: &'a PlaybookSpec,
    ) -> Self {
        Self {
            playbook,
            playbook_uid,
            spec,
            level: mode.level,
            nature: mode.nature,
            tabletop: mode.tabletop,
            scope: mode.scope.as_ref(),
            expires_after: &mode.expires_after,
            round: 0,
        }
    }
}

/// What earlier steps of the same plan change already, so that no field is changed twice.
#[derive(Default)]
struct Taken {
    by_uid: BTreeMap<String, BTreeMap<Path, String>>,
}

impl Taken {
    /// The step that changes this field, or a parent or child of it, already.
    fn holder(&self, uid: &str, path: &Path) -> Option<&str> {
        self.by_uid
            .get(uid)?
            .iter()
            .find(|(taken, _)| taken.overlaps(path))
            .map(|(_, step)| step.as_str())
    }

    fn take(&mut self, uid: &str, path: &Path, step: &str) {
        self.by_uid
            .entry(uid.to_owned())
            .or_default()
            .insert(path.clone(), step.to_owned());
    }
}

/// Makes the plan.
///
/// Guarantees: no field is changed twice (the earlier stage wins, the later is listed as skipped);
/// nothing that is protected is changed; the hash does not depend on present values, times or
/// estimates, only on what would be done.
pub fn compute(request: &Request<'_>, expanded: &Expanded, facts: &Facts) -> Plan {
    let mut taken = Taken::default();
    let selected = selected(expanded, facts);
    let situation = Situation {
        parameters: &expanded.parameters,
        level: request.level,
        nature: request.nature,
        selected: &selected,
    };
    let stages = expanded
        .stages
        .iter()
        .map(|stage| planned_stage(request.playbook_uid, stage, &situation, facts, &mut taken))
        .collect();
    let mut plan = Plan {
        playbook: request.playbook.to_owned(),
        playbook_uid: request.playbook_uid.to_owned(),
        spec: request.spec.clone(),
        level: request.level,
        nature: request.nature,
        tabletop: request.tabletop,
        parameters: expanded.parameters.clone(),
        scope: request.scope.cloned(),
        expires_after: request.expires_after.clone(),
        round: request.round,
        stages,
        findings: Vec::new(),
        hash: String::new(),
    };
    plan.hash = store::hash(&plan);
    lockout::find(&mut plan);
    additive::find(&mut plan);
    templates::find(&mut plan);
    plan
}

/// How many objects each step selects, by `stage/step`.
fn selected(expanded: &Expanded, facts: &Facts) -> BTreeMap<String, usize> {
    let steps = expanded.stages.iter().flat_map(|stage| {
        let steps = stage.steps.iter();
        steps.map(move |step| (stage.name.as_str(), step))
    });
    let count = |stage: &str, step: &ExpandedStep| {
        let seen = facts.steps.get(&(stage.to_owned(), step.name.clone()))?;
        let of_targets = step::needs(step)
            .into_iter()
            .zip(&seen.found)
            .filter(|(query, _)| query.role == Role::Target);
        Some(of_targets.map(|(_, found)| found.len()).sum())
    };
    steps
        .map(|(stage, step)| {
            let count = count(stage, step).unwrap_or_default();
            (format!("{stage}/{}", step.name), count)
        })
        .collect()
}

/// Why a stage is not part of the plan, if so; and what is wrong with its `when`, if anything.
fn left_out(stage: &ExpandedStage, situation: &Situation<'_>) -> (Option<String>, Option<String>) {
    let (None, Some(text)) = (&stage.left_out, &stage.when) else {
        return (stage.left_out.clone(), None);
    };
    match conditions::when(text, situation) {
        Ok(true) => (None, None),
        Ok(false) => (Some(store::when_fails(text)), None),
        Err(why) => (
            None,
            Some(format!("`when: {text}` cannot be judged: {why}")),
        ),
    }
}

fn planned_stage(
    book: &str,
    stage: &ExpandedStage,
    situation: &Situation<'_>,
    facts: &Facts,
    taken: &mut Taken,
) -> PlannedStage {
    let nothing = StepFacts::default();
    let (left_out, fault) = left_out(stage, situation);
    let mut steps: Vec<PlannedStep> = stage
        .steps
        .iter()
        .map(|step| {
            let seen = facts
                .steps
                .get(&(stage.name.clone(), step.name.clone()))
                .unwrap_or(&nothing);
            if left_out.is_some() {
                return unplanned_step(step);
            }
            planned_step(book, stage, step, seen, taken)
        })
        .collect();
    if let Some(first) = steps.first_mut() {
        first.faults.extend(fault);
    }
    let mut planned = PlannedStage {
        name: stage.name.clone(),
        depends_on: stage.depends_on.clone(),
        left_out,
        on_failure: stage.on_failure,
        min_success: stage.min_success,
        steps,
    };
    bounds::hold(&mut planned);
    planned
}

/// A step with nothing to do.
fn unplanned_step(step: &ExpandedStep) -> PlannedStep {
    PlannedStep {
        name: step.name.clone(),
        act: step.act.word().to_owned(),
        after: step.after.clone(),
        timeout_seconds: step.timeout.as_secs(),
        critical: step.critical,
        drift_active: step.drift_active,
        drift_restore: step.drift_restore,
        new_targets: step.new_targets,
        changes: Vec::new(),
        skipped: Vec::new(),
        findings: Vec::new(),
        problems: Vec::new(),
        faults: Vec::new(),
    }
}

fn planned_step(
    book: &str,
    stage: &ExpandedStage,
    step: &ExpandedStep,
    seen: &StepFacts,
    taken: &mut Taken,
) -> PlannedStep {
    let mut planned = unplanned_step(step);
    planned.problems.clone_from(&seen.problems);
    planned.faults.clone_from(&seen.faults);
    // A step that is wrong as it is written changes nothing that is worth showing.
    if !planned.faults.is_empty() {
        return planned;
    }
    let mut compiled = compiled(book, stage, step, seen);
    if !compiled.faults.is_empty() {
        planned.faults = compiled.faults;
        return planned;
    }
    planned.findings = findings(seen, &compiled.changes);
    let undone = irreversible(&step.act);
    planned.findings.extend(undone.map(Finding::harm));
    let refused = seen.protected.iter().chain(&compiled.skipped);
    planned.skipped = refused
        .map(|skip| Skip {
            target: describe(&skip.target),
            why: skip.why.clone(),
        })
        .collect();
    let label = format!("{}/{}", stage.name, step.name);
    let listed = listed(seen);
    for proposal in std::mem::take(&mut compiled.changes) {
        let (uid, path) = (&proposal.target.uid, &proposal.path);
        let guard = seen.guarded.iter().find(|guard| guard.target.uid == *uid);
        let why = match (guard, taken.holder(uid, path)) {
            (Some(guard), _) => guard.why.clone(),
            (None, Some(other)) => format!("{} is changed by {other} already", path.to_pointer()),
            (None, None) => {
                taken.take(uid, path, &label);
                let class = Class::listed(listed.get(uid).copied());
                let rule = compiled.rule(&step.act, &proposal);
                planned.changes.push(Change::of(proposal, class, rule));
                continue;
            }
        };
        let skip = Skip {
            target: describe(&proposal.target),
            why,
        };
        // Changes of one object stand together.
        if planned.skipped.last() != Some(&skip) {
            planned.skipped.push(skip);
        }
    }
    let held = |field: &Option<(Uid, Path)>| {
        let holder = field
            .as_ref()
            .and_then(|(uid, path)| taken.holder(uid, path));
        holder.is_some()
    };
    let unheld = compiled
        .unheld
        .into_iter()
        .filter(|unheld| !held(&unheld.field));
    planned
        .findings
        .extend(unheld.map(|unheld| Finding::risk(unheld.sentence)));
    planned.findings.extend(remarks(step, seen, taken));
    planned
}

/// What is worth knowing by what stands beside the targets, where it was looked at for people.
fn remarks(step: &ExpandedStep, seen: &StepFacts, taken: &Taken) -> Vec<Finding> {
    let Some(unread) = &seen.unread else {
        return Vec::new();
    };
    let found = seen.found.as_slice();
    let remarks = step::remarks(step, step::Beside { found, unread }).into_iter();
    let stands = |unless: &Option<(Uid, Path)>| {
        let moot = unless
            .as_ref()
            .and_then(|(uid, path)| taken.holder(uid, path));
        moot.is_none()
    };
    remarks
        .filter(|remark| stands(&remark.unless))
        .map(|remark| Finding {
            concern: remark.concern,
            text: remark.text,
        })
        .chain(depended::find(step, seen))
        .collect()
}

/// What a step asks for. A freeze has a name of its own, which tells it apart from those of other steps.
fn compiled(book: &str, stage: &ExpandedStage, step: &ExpandedStep, seen: &StepFacts) -> Compiled {
    if let ResolvedAct::Freeze(freeze) = &step.act {
        return step::freeze::compile(freeze, &seen.found, &[book, &stage.name, &step.name]);
    }
    step::compile(step, &seen.found)
}

/// What nothing undoes.
fn irreversible(act: &ResolvedAct) -> Option<String> {
    let is = match act {
        ResolvedAct::Run(run) => run.irreversible,
        ResolvedAct::Call(call) => call.irreversible,
        ResolvedAct::Scale(_)
        | ResolvedAct::Config { .. }
        | ResolvedAct::Patch(_)
        | ResolvedAct::Suspend(_)
        | ResolvedAct::Route(_)
        | ResolvedAct::Isolate(_)
        | ResolvedAct::Access(_)
        | ResolvedAct::Apply(_)
        | ResolvedAct::Freeze(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_) => false,
    };
    is.then(|| "it is irreversible: nothing undoes it at the return".to_owned())
}

/// The targets that the stage's `priority` names, and their places in it.
fn listed(seen: &StepFacts) -> BTreeMap<Uid, u8> {
    let found = seen.found.iter().flatten();
    found
        .filter_map(|object| Some((object.target.uid.clone(), object.priority?)))
        .collect()
}

/// `Kind namespace/name`, as people read it.
pub fn describe(target: &Target) -> String {
    if target.namespace.is_empty() {
        format!("{} {}", target.kind, target.name)
    } else {
        format!("{} {}/{}", target.kind, target.namespace, target.name)
    }
}

fn findings(seen: &StepFacts, changes: &[Proposal]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = seen.findings.iter().map(Finding::risk).collect();
    // Of what only says something of targets nothing is brought back.
    let touched: BTreeSet<&Uid> = changes.iter().map(|change| &change.target.uid).collect();
    let untracked = seen
        .found
        .iter()
        .flatten()
        .filter(|object| !object.tracked && touched.contains(&object.target.uid))
        .count();
    if untracked > 0 {
        findings.push(Finding::risk(format!(
            "{untracked} objects have no managedFields: their values come back, their owners cannot"
        )));
    }
    findings
}
