//! Who is likely to put values back: GitOps controllers, as far as they own what a step changes.
//!
//! That a controller owns a field is said by `managedFields`; which object of it has the target, by
//! labels and annotations. An object without `managedFields` is judged by its marks alone.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{Order, Place};
use super::{Change, Plan, PlannedStep};
use crate::engine::beside::{Beside, Origin, Program};
use crate::engine::facts::{Facts, StepFacts};
use crate::field::Projection;
use crate::step::kinds;

/// Controllers that put back what they own, by their names as field managers.
const CONTROLLERS: [(&str, Program); 4] = [
    ("kustomize-controller", Program::Kustomization),
    ("helm-controller", Program::HelmRelease),
    ("argocd-controller", Program::Application),
    ("argocd-application-controller", Program::Application),
];

/// How Helm calls itself as a field manager: it puts values back when somebody calls it.
const HELM: &str = "helm";

/// Sentences by step: who puts back what is changed, unless a step before it suspends them.
pub(super) fn findings(plan: &Plan, facts: &Facts, order: &Order) -> Vec<(Place, String)> {
    let suspended = suspended(plan);
    let mut said = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        for (within, step) in stage.steps.iter().enumerate() {
            let key = (stage.name.clone(), step.name.clone());
            let Some(seen) = facts.steps.get(&key) else {
                continue;
            };
            let place = (at, within);
            for (rival, uids) in rivals(step, seen) {
                let stopped = rival.stopped(&suspended, order, place);
                said.extend(
                    sentence(plan, &rival, uids.len(), stopped).map(|sentence| (place, sentence)),
                );
            }
        }
    }
    said
}

/// Who puts values back: which object, or only which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rival<'a> {
    Known(&'a Origin),
    Unknown(Program),
}

/// Whether a plan suspends a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// Before the step.
    Before,
    /// In a step that is not before it.
    Elsewhere(Place),
    /// Nowhere.
    Nowhere,
}

/// Kind, namespace and name of each object that a step suspends.
type Suspended<'a> = Vec<(Place, String, &'a str, &'a str)>;

fn suspended(plan: &Plan) -> Suspended<'_> {
    let stages = plan.stages.iter().enumerate();
    let steps = stages.flat_map(|(at, stage)| {
        let steps = stage.steps.iter().enumerate();
        steps.map(move |(within, step)| ((at, within), step))
    });
    let steps = steps.filter(|(_, step)| step.act == "suspend");
    let changes = steps.flat_map(|(place, step)| {
        step.changes.iter().map(move |change| {
            let target = &change.target;
            let kind = format!("{}/{}", kinds::group_of(&target.api_version), target.kind);
            (place, kind, target.namespace.as_str(), target.name.as_str())
        })
    });
    changes.collect()
}

/// The rivals of a step, each with the objects that it has.
fn rivals<'a>(
    step: &'a PlannedStep,
    seen: &'a StepFacts,
) -> BTreeMap<Rival<'a>, BTreeSet<&'a str>> {
    let mut rivals: BTreeMap<Rival<'a>, BTreeSet<&str>> = BTreeMap::new();
    if step.changes.is_empty() {
        return rivals;
    }
    let all = seen.found.iter().flatten();
    let objects: BTreeMap<&str, &Projection> = all
        .map(|object| (object.target.uid.as_str(), object))
        .collect();
    for change in &step.changes {
        let uid = change.target.uid.as_str();
        let Some(object) = objects.get(uid) else {
            continue;
        };
        let beside = seen.beside.get(&change.target.uid);
        if let Some(rival) = rival(object, change, beside) {
            rivals.entry(rival).or_default().insert(uid);
        }
    }
    rivals
}

/// Who would put back a change.
fn rival<'a>(
    object: &Projection,
    change: &Change,
    beside: Option<&'a Beside>,
) -> Option<Rival<'a>> {
    let origins = beside.map_or(&[][..], |beside| &beside.origins);
    let of = |program: Program| {
        let mut origins = origins.iter();
        let origin = origins.find(|origin| origin.program == program);
        origin.map_or(Rival::Unknown(program), Rival::Known)
    };
    if !object.tracked {
        // A label of charts says nothing alone.
        return origins.iter().find(|origin| origin.sure).map(Rival::Known);
    }
    let owners = &object.field(&change.path)?.owners;
    let manager = |name: &str| owners.iter().any(|former| former.owner.manager == name);
    let mut controllers = CONTROLLERS.iter().filter(|(name, _)| manager(name));
    if let Some((_, program)) = controllers.next() {
        return Some(of(*program));
    }
    let release = || origins.iter().find(|one| one.program == Program::Release);
    manager(HELM).then(release)?.map(Rival::Known)
}

impl Rival<'_> {
    fn stopped(&self, suspended: &Suspended<'_>, order: &Order, place: Place) -> Stopped {
        let Self::Known(origin) = self else {
            return Stopped::Nowhere;
        };
        let of_it = suspended
            .iter()
            .filter(|(_, kind, namespace, name)| origin.is(kind, namespace, name));
        let mut elsewhere = Stopped::Nowhere;
        for (at, ..) in of_it {
            // What is suspended in one step with what it has is suspended at the same moment.
            if *at == place || order.is_before(*at, place) {
                return Stopped::Before;
            }
            elsewhere = Stopped::Elsewhere(*at);
        }
        elsewhere
    }
}

fn sentence(plan: &Plan, rival: &Rival<'_>, many: usize, stopped: Stopped) -> Option<String> {
    let objects = format!("{many} {}", if many == 1 { "object" } else { "objects" });
    let (named, kind) = match rival {
        Rival::Known(origin) if origin.program == Program::Release => {
            return Some(format!(
                "{} has {objects} of this: its next upgrade puts this back, or meets a conflict, so \
                 let nobody call it meanwhile",
                origin.said()
            ));
        }
        Rival::Known(origin) => (origin.said(), origin.program.named()),
        Rival::Unknown(program) => {
            let of = match program {
                Program::Application => "of Argo CD",
                Program::Kustomization | Program::HelmRelease | Program::Release => "of Flux",
            };
            let kind = program.named();
            let article = if kind.starts_with('A') { "an" } else { "a" };
            (format!("{article} {kind} {of}"), kind)
        }
    };
    let back = format!("{named} puts this back ({objects})");
    match stopped {
        Stopped::Before => None,
        Stopped::Nowhere => Some(format!(
            "{back}; suspend it in an earlier stage, or expect it to be contested"
        )),
        Stopped::Elsewhere((stage, step)) => {
            let stage = &plan.stages[stage];
            Some(format!(
                "{back}; step {}/{} suspends this {kind}, but not before this step: let this one \
                 wait for it",
                stage.name, stage.steps[step].name
            ))
        }
    }
}

#[cfg(test)]
mod tests;
