//! A playbook for one level and its parameters: `${parameters.x}` replaced, defaults filled in,
//! acts resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::api::{
    Act, Call, DriftActive, DriftRestore, Freeze, Gate, Level, NewTargets, Notify, ObjectRef,
    OnFailure, OnResume, PlaybookSpec, PriorityItem, RouteTo, Run, Scalar, Scale, Stage, Step,
    Targets, Term, Wait,
};

use super::conditions::{self, Where};
use super::lint::{self, Finding, Severity, codes};
use super::numbers::{Number, percentage};
use super::order::{Item, order};
use super::resolved::firmly;
use super::{deeds, fields, parameters};

pub use super::resolved::{Cut, Field, Making, Rights, ScaleRule};

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
    /// Why the stage is not part of this plan (it is for other levels), if so. A
    /// stage that is left out counts as done for those that depend on it.
    pub left_out: Option<String>,
    /// What must hold for the stage to be part of the plan, if anything.
    pub when: Option<String>,
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
    /// What is to be ready first.
    pub priority: Vec<PriorityItem>,
    /// What of it only, if anything.
    pub condition: Option<Where>,
    /// The values of the playbook's parameters, as conditions see them.
    pub parameters: Value,
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
    /// Make objects that exist for the mode's lifetime; references are replaced.
    Apply(Making),
    /// Keep people and named automation from changes.
    Freeze(Freeze),
    /// Stop what runs by itself, until the return.
    Suspend(OnResume),
    /// Send traffic to this service.
    Route(RouteTo),
    /// Cut the network.
    Isolate(Cut),
    /// Give and take rights.
    Access(Rights),
    /// Wait for a state of the cluster.
    Wait(Wait),
    /// Ask people.
    Gate(Gate),
    /// Tell people.
    Notify(Notify),
    /// Run a Job; references are replaced.
    Run(Run),
    /// Make an HTTP call; references are replaced.
    Call(Call),
}

impl ResolvedAct {
    /// The act's word in a playbook.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Scale(_) => "scale",
            Self::Config { .. } => "config",
            Self::Patch(_) => "patch",
            Self::Suspend(_) => "suspend",
            Self::Route(_) => "route",
            Self::Isolate(_) => "isolate",
            Self::Access(_) => "access",
            Self::Apply(_) => "apply",
            Self::Freeze(_) => "freeze",
            Self::Wait(_) => "wait",
            Self::Gate(_) => "gate",
            Self::Notify(_) => "notify",
            Self::Run(_) => "run",
            Self::Call(_) => "call",
        }
    }
}

/// Expands a playbook.
///
/// # Errors
/// Everything that is wrong, as findings: unknown, missing or out-of-range parameters, references
/// to nothing, cycles. A playbook that lints clean expands with every allowed set of parameters.
/// Findings on the playbook point into it, findings on parameters into the mode's
/// `/spec/parameters`.
pub fn expand(
    playbook: &PlaybookSpec,
    level: Level,
    parameters: &BTreeMap<String, Scalar>,
) -> Result<Expanded, Vec<Finding>> {
    let errors: Vec<Finding> = lint::playbook(playbook)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        stored(playbook, level, parameters)
    } else {
        Err(errors)
    }
}

/// Expands a playbook that was expanded before and is pinned in a journal. It is not linted
/// again: a later version that is stricter must still be able to carry out, and to bring back,
/// what an earlier one began.
///
/// # Errors
/// What cannot be expanded at all, as findings.
pub fn stored(
    playbook: &PlaybookSpec,
    level: Level,
    parameters: &BTreeMap<String, Scalar>,
) -> Result<Expanded, Vec<Finding>> {
    let mut errors = Vec::new();
    let values = parameters::resolve(&playbook.parameters, parameters)?;
    let expansion = Expansion {
        playbook,
        level,
        values: &values,
    };
    let items: Vec<Item<'_>> = playbook
        .stages
        .iter()
        .map(|stage| Item {
            name: &stage.name,
            after: &stage.depends_on,
        })
        .collect();
    let places =
        order(&items).map_err(|names| vec![cycle(&items, &names, "/spec/stages", "dependsOn")])?;
    let mut stages = Vec::with_capacity(places.len());
    for at in places {
        match expansion.stage(at) {
            Ok(stage) => stages.push(stage),
            Err(findings) => errors.extend(findings),
        }
    }
    if errors.is_empty() {
        Ok(Expanded {
            parameters: values,
            stages,
        })
    } else {
        Err(errors)
    }
}

/// The finding on a cycle, at the first item's `field`. `at` is the list of items.
pub(super) fn cycle(items: &[Item<'_>], names: &[String], at: &str, field: &str) -> Finding {
    let first = names.first().map_or("", String::as_str);
    let place = items.iter().position(|item| item.name == first);
    codes::CYCLE.at(
        format!("{at}/{}/{field}", place.unwrap_or_default()),
        format!(
            "each of these waits for the next: {} → {first}",
            names.join(" → ")
        ),
    )
}

/// What every part of an expansion reads.
struct Expansion<'a> {
    playbook: &'a PlaybookSpec,
    level: Level,
    values: &'a BTreeMap<String, Scalar>,
}

impl Expansion<'_> {
    fn stage(&self, at: usize) -> Result<ExpandedStage, Vec<Finding>> {
        let stage = &self.playbook.stages[at];
        let items: Vec<Item<'_>> = stage
            .steps
            .iter()
            .map(|step| Item {
                name: &step.name,
                after: &step.after,
            })
            .collect();
        let pointer = format!("/spec/stages/{at}/steps");
        let places =
            order(&items).map_err(|names| vec![cycle(&items, &names, &pointer, "after")])?;
        let mut steps = Vec::with_capacity(places.len());
        let mut findings = Vec::new();
        for place in places {
            match self.step(at, place) {
                Ok(step) => steps.push(step),
                Err(wrong) => findings.extend(wrong),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(ExpandedStage {
            name: stage.name.clone(),
            depends_on: stage.depends_on.clone(),
            left_out: left_out(stage, self.level),
            when: stage.when.clone(),
            on_failure: stage.on_failure.unwrap_or_default(),
            min_success: stage
                .min_success
                .as_deref()
                .and_then(percentage)
                .unwrap_or(100),
            steps,
        })
    }

    fn step(&self, stage_at: usize, at: usize) -> Result<ExpandedStep, Vec<Finding>> {
        let stage = &self.playbook.stages[stage_at];
        let step = &stage.steps[at];
        let timeout = step.timeout.as_ref().map(Term::to_duration);
        let book = self.playbook.drift.unwrap_or_default();
        let own = step.drift.unwrap_or_default();
        Ok(ExpandedStep {
            name: step.name.clone(),
            after: step.after.clone(),
            timeout: timeout.and_then(Result::ok).unwrap_or(DEFAULT_TIMEOUT),
            critical: step.critical,
            drift_active: own.active.or(book.active).unwrap_or_else(|| firmly(step)),
            drift_restore: own.restore.or(book.restore).unwrap_or_default(),
            new_targets: step
                .new_targets
                .or(self.playbook.new_targets)
                .unwrap_or_default(),
            targets: step.targets.clone(),
            priority: stage.priority.clone(),
            condition: self.condition(step),
            parameters: conditions::values(self.values),
            act: self.act(stage_at, at)?,
        })
    }

    /// Whose the steps of a stage are: no two playbooks have one account, as a rule.
    fn of<'b>(&'b self, stage: &'b Stage) -> [&'b str; 2] {
        [&self.playbook.service_account_name, &stage.name]
    }

    fn condition(&self, step: &Step) -> Option<Where> {
        let text = step.targets.as_ref()?.condition.clone()?;
        let parameters = conditions::values(self.values);
        Some(Where {
            texts: vec![text],
            parameters,
        })
    }

    fn act(&self, stage_at: usize, at: usize) -> Result<ResolvedAct, Vec<Finding>> {
        let stage = &self.playbook.stages[stage_at];
        let step = &stage.steps[at];
        let pointer = format!("/spec/stages/{stage_at}/steps/{at}");
        let acts = step.acts();
        let [act] = acts.as_slice() else {
            let why = "the step has not exactly one act";
            return Err(vec![codes::NO_ACT.at(pointer, why)]);
        };
        match act {
            Act::Scale(scale) => self
                .scale(scale, &format!("{pointer}/scale"))
                .map(ResolvedAct::Scale),
            Act::Config(config) => Ok(ResolvedAct::Config {
                set: config
                    .set
                    .iter()
                    .map(|(key, value)| (key.clone(), parameters::replace_text(value, self.values)))
                    .collect(),
                restart: config.restart.clone(),
            }),
            Act::Patch(patch) => fields::fields(patch, self.values, &format!("{pointer}/patch"))
                .map(ResolvedAct::Patch),
            Act::Suspend(own) => Ok(ResolvedAct::Suspend(own.on_resume.unwrap_or_default())),
            Act::Wait(wait) => Ok(ResolvedAct::Wait((*wait).clone())),
            Act::Gate(gate) => Ok(ResolvedAct::Gate((*gate).clone())),
            Act::Notify(notify) => Ok(ResolvedAct::Notify((*notify).clone())),
            Act::Run(run) => Ok(ResolvedAct::Run(deeds::run(run, self.values))),
            Act::Call(call) => Ok(ResolvedAct::Call(deeds::call(call, self.values))),
            Act::Apply(apply) => Ok(ResolvedAct::Apply(deeds::apply(apply, self.values))),
            Act::Route(route) => Ok(ResolvedAct::Route(route.to.clone())),
            Act::Isolate(isolate) => Ok(ResolvedAct::Isolate(deeds::isolate(
                isolate,
                &step.name,
                &self.of(stage),
            ))),
            Act::Access(access) => Ok(ResolvedAct::Access(deeds::access(
                access,
                self.values,
                &step.name,
                &self.of(stage),
            ))),
            Act::Freeze(freeze) => Ok(ResolvedAct::Freeze((*freeze).clone())),
        }
    }

    fn scale(&self, scale: &Scale, at: &str) -> Result<ScaleRule, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut number = |field: &str, given: Option<Number<'_>>| {
            let resolved = given?.resolve(self.values);
            if resolved.is_none() {
                findings.push(codes::OUT_OF_RANGE.at(
                    format!("{at}/{field}"),
                    format!("`{field}` does not come to a number that is accepted"),
                ));
            }
            resolved
        };
        let rule = ScaleRule {
            replicas: number("replicas", scale.replicas.as_ref().map(Number::count)),
            percent: number("percent", scale.percent.as_ref().map(Number::percent)),
            minimum: number("minimum", scale.minimum.as_ref().map(Number::count)),
            maximum: number("maximum", scale.maximum.as_ref().map(Number::count)),
        };
        if findings.is_empty() {
            Ok(rule)
        } else {
            Err(findings)
        }
    }
}

/// Why a stage is not part of a plan of this level, if so.
pub(super) fn left_out(stage: &Stage, level: Level) -> Option<String> {
    if stage.levels.is_empty() || stage.levels.contains(&level) {
        return None;
    }
    let levels: Vec<&str> = stage.levels.iter().map(|level| level.as_str()).collect();
    Some(format!(
        "it is for level {}, and this is level {level}",
        levels.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Image;

    fn example() -> PlaybookSpec {
        let text = r#"
title: { en: Flood, zh-CN: 洪水 }
hazard: Flood
owner: bureau
serviceAccountName: flood
parameters:
  - { name: surge, type: Integer, default: 300, minimum: 100, maximum: 1000 }
  - { name: mode, type: String, default: low }
authority: { requesterGroups: [duty], approverGroups: [chiefs] }
drift: { active: Enforce }
stages:
  - name: surge
    dependsOn: [shed]
    steps:
      - { name: second, after: [first], targets: { kinds: [Deployment], names: [a] }, scale: { replicas: 2 } }
      - name: first
        critical: true
        timeout: 3m
        drift: { restore: Keep }
        targets: { kinds: [Deployment], names: [a] }
        scale: { percent: "${parameters.surge}", maximum: 40 }
  - name: shed
    levels: [I, II]
    minSuccess: 90%
    onFailure: Continue
    steps:
      - name: flags
        targets: { kinds: [ConfigMap], names: [flags] }
        config: { set: { mode: "${parameters.mode}", n: "${parameters.surge}" } }
      - name: fields
        targets: { kinds: [Deployment], names: [a] }
        patch: { set: [ { path: /spec/b, value: "${parameters.surge}" } ], remove: [ /spec/a ] }
"#;
        serde_yaml::from_str(text).unwrap()
    }

    fn act<'a>(expanded: &'a Expanded, stage: &str, step: &str) -> &'a ResolvedAct {
        let stage = expanded.stages.iter().find(|s| s.name == stage).unwrap();
        &stage.steps.iter().find(|s| s.name == step).unwrap().act
    }

    /// Everything after this works on the expansion alone, so nothing may be left to resolve.
    #[test]
    fn order_defaults_and_parameters_are_resolved() {
        let given = BTreeMap::from([("surge".to_owned(), Scalar::Int(250))]);
        let expanded = expand(&example(), Level::II, &given).unwrap();
        let names: Vec<_> = expanded.stages.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["shed", "surge"]);
        let shed = &expanded.stages[0];
        assert_eq!(
            (shed.min_success, shed.on_failure),
            (90, OnFailure::Continue)
        );
        let surge = &expanded.stages[1];
        assert_eq!(
            (surge.min_success, surge.on_failure),
            (100, OnFailure::Halt)
        );
        let first = &surge.steps[0];
        assert_eq!(first.name, "first");
        assert_eq!(first.timeout, Duration::from_mins(3));
        assert_eq!(first.drift_active, DriftActive::Enforce);
        assert_eq!(first.drift_restore, DriftRestore::Keep);
        assert_eq!(first.new_targets, NewTargets::Report);
        assert_eq!(surge.steps[1].timeout, DEFAULT_TIMEOUT);
        let rule = ScaleRule {
            percent: Some(250),
            maximum: Some(40),
            ..ScaleRule::default()
        };
        assert_eq!(first.act, ResolvedAct::Scale(rule));
        let ResolvedAct::Config { set, .. } = act(&expanded, "shed", "flags") else {
            panic!("not a config")
        };
        assert_eq!((set["mode"].as_str(), set["n"].as_str()), ("low", "250"));
        let ResolvedAct::Patch(fields) = act(&expanded, "shed", "fields") else {
            panic!("not a patch")
        };
        assert_eq!(fields[0].to, Image::Absent);
        assert_eq!(fields[1].to, Image::Present(250.into()));
    }

    /// A stage of another level is shown with its reason, and holds nobody up.
    #[test]
    fn a_stage_of_another_level_is_left_out_with_a_sentence() {
        let expanded = expand(&example(), Level::IV, &BTreeMap::new()).unwrap();
        assert_eq!(
            expanded.stages[0].left_out.as_deref(),
            Some("it is for level I, II, and this is level IV")
        );
        assert_eq!(expanded.stages[1].left_out, None);
    }

    /// What is judged later must come with all that it is judged on.
    #[test]
    fn conditions_come_with_what_they_are_judged_on() {
        let mut playbook = example();
        playbook.stages[1].when = Some("parameters.mode == 'low'".into());
        let targets = playbook.stages[0].steps[0].targets.as_mut().unwrap();
        targets.condition = Some("object.spec.replicas < parameters.surge".into());
        let expanded = expand(&playbook, Level::I, &BTreeMap::new()).unwrap();
        let (shed, surge) = (&expanded.stages[0], &expanded.stages[1]);
        assert_eq!(shed.when.as_deref(), Some("parameters.mode == 'low'"));
        assert!(shed.steps.iter().all(|step| step.condition.is_none()));
        let condition = surge.steps[1].condition.as_ref().unwrap();
        let ready = condition.read().unwrap();
        for (replicas, expected) in [(3, true), (300, false)] {
            let object = serde_json::json!({ "spec": { "replicas": replicas } });
            assert_eq!(condition.holds(&ready, &object), Ok(expected));
        }
    }

    /// A playbook with errors is never expanded, so never planned.
    #[test]
    fn a_playbook_with_errors_is_refused() {
        let mut playbook = example();
        playbook.stages[1].depends_on = vec!["surge".into()];
        let findings = expand(&playbook, Level::I, &BTreeMap::new()).unwrap_err();
        assert_eq!(findings[0].code, "PZ0306");
        assert_eq!(
            findings[0].message,
            "each of these waits for the next: surge → shed → surge"
        );
    }
}
