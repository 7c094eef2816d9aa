//! Who is likely to put values back: GitOps controllers, as far as they own what a step changes.
//!
//! That a controller owns a field is said by `managedFields`; which object of it has the target, by
//! labels and annotations. An object without `managedFields` is judged by its marks alone.

use std::collections::BTreeMap;

use super::explain::Names;
use super::join::Joined;
use super::order::{Order, Place};
use super::{Change, Plan};
use crate::engine::beside::{Beside, Origin, Program};
use crate::field::{Projection, Target};
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

/// Sentences by step: who puts back what is changed, unless a step before it suspends them. Objects
/// of one program are one sentence: a fleet may have one for each service.
pub(super) fn findings(plan: &Plan, joined: &[Joined<'_>], order: &Order) -> Vec<(Place, String)> {
    let suspended = suspended(plan);
    let mut said = Vec::new();
    for one in joined {
        let mut groups: BTreeMap<(Program, Stopped), Group> = BTreeMap::new();
        for (rival, many) in rivals(one) {
            let stopped = rival.stopped(&suspended, order, one.place);
            let group = groups.entry((rival.program(), stopped)).or_default();
            group.objects += many;
            match rival {
                Rival::Known(origin) => group.names.add(|| origin.place()),
                Rival::Unknown(_) => group.unknown = true,
            }
        }
        for ((program, stopped), group) in groups {
            let sentence = sentence(plan, program, stopped, &group);
            said.extend(sentence.map(|sentence| (one.place, sentence)));
        }
    }
    said
}

/// Rivals of one program that are stopped in one way.
#[derive(Default)]
struct Group {
    names: Names,
    unknown: bool,
    objects: usize,
}

/// Who puts values back: which object, or only which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rival<'a> {
    Known(&'a Origin),
    Unknown(Program),
}

/// Whether a plan suspends a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The rivals of a step, each with how many objects it has. Changes of one object stand together.
fn rivals<'a>(joined: &Joined<'a>) -> BTreeMap<Rival<'a>, usize> {
    let mut rivals: BTreeMap<Rival<'a>, (usize, Option<&Target>)> = BTreeMap::new();
    for known in &joined.changes {
        let Some(rival) = known
            .object
            .and_then(|object| rival(object, known.change, known.beside))
        else {
            continue;
        };
        let target = Some(&known.change.target);
        let (many, last) = rivals.entry(rival).or_default();
        if *last != target {
            *many += 1;
            *last = target;
        }
    }
    let counted = rivals.into_iter();
    counted.map(|(rival, (many, _))| (rival, many)).collect()
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
    const fn program(self) -> Program {
        match self {
            Self::Known(origin) => origin.program,
            Self::Unknown(program) => program,
        }
    }

    fn stopped(self, suspended: &Suspended<'_>, order: &Order, place: Place) -> Stopped {
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

fn sentence(plan: &Plan, program: Program, stopped: Stopped, group: &Group) -> Option<String> {
    let many = group.objects;
    let one = group.names.count() + usize::from(group.unknown) < 2;
    let objects = format!("{many} {}", if many == 1 { "object" } else { "objects" });
    let kind = program.named();
    let known = group.names.said();
    let who = match (one, group.unknown) {
        (true, true) => program.any().to_owned(),
        (true, false) => format!("{kind} {known}"),
        (false, false) => format!("{kind}s {known}"),
        (false, true) => format!("{kind}s {known} and one whose name is not known"),
    };
    if program == Program::Release {
        return Some(format!(
            "{who}: an upgrade puts this back ({objects}), or meets a conflict, so let nobody call \
             one meanwhile"
        ));
    }
    let (puts, them) = if one { ("puts", "it") } else { ("put", "them") };
    let back = format!("{who} {puts} this back ({objects})");
    match stopped {
        Stopped::Before => None,
        Stopped::Nowhere => Some(format!(
            "{back}; suspend {them} in an earlier stage, or expect it to be contested"
        )),
        Stopped::Elsewhere((stage, step)) => {
            let stage = &plan.stages[stage];
            Some(format!(
                "{back}; step {}/{} suspends {them}, but not before this step: let this one wait for \
                 it",
                stage.name, stage.steps[step].name
            ))
        }
    }
}

#[cfg(test)]
mod tests;
