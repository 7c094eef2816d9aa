//! What targets have to be handled with care for: software that decides by a majority, budgets of
//! disruption, paused Deployments, rollouts that go on, vertical autoscalers. Each is a finding, no
//! refusal: who approves may know better.

use std::collections::{BTreeMap, BTreeSet};

use super::explain::few;
use super::moves::{Move, Walk};
use super::order::Place;
use super::{Plan, PlannedStep, describe};
use crate::engine::beside::quorum;
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::room::{Budget, Room};
use crate::field::{Progress, Projection, Segment};

/// The findings, by step.
pub(super) fn findings(
    plan: &Plan,
    facts: &Facts,
    walks: &[Walk<'_>],
    room: Option<&Room>,
) -> Vec<(Place, String)> {
    let mut said = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        for (within, step) in stage.steps.iter().enumerate() {
            let key = (stage.name.clone(), step.name.clone());
            let Some(seen) = facts.steps.get(&key) else {
                continue;
            };
            let own = paused(step, seen).into_iter().chain(rolling(step, seen));
            said.extend(own.map(|sentence| ((at, within), sentence)));
        }
    }
    for walk in walks {
        let mut own = majorities(walk);
        own.extend(volumes(walk));
        if let Some(room) = room {
            own.extend(budgets(walk, room));
            own.extend(verticals(walk, room));
        }
        said.extend(own.into_iter().map(|sentence| (walk.place, sentence)));
    }
    said
}

/// Deployments that roll nothing out.
fn paused(step: &PlannedStep, seen: &StepFacts) -> Option<String> {
    let mut names = Vec::new();
    let mut last = None;
    for change in &step.changes {
        let beside = seen.beside.get(&change.target.uid);
        if last == Some(&change.target) || !beside.is_some_and(|beside| beside.paused) {
            continue;
        }
        last = Some(&change.target);
        names.push(describe(&change.target));
    }
    let template = step.changes.iter().any(|change| {
        let mut segments = change.path.segments().iter();
        let at = |segment: Option<&Segment>, name: &str| {
            matches!(segment, Some(Segment::Field(field)) if field == name)
        };
        at(segments.next(), "spec") && at(segments.next(), "template")
    });
    (!names.is_empty()).then(|| {
        let what = if template {
            "what is changed in its template takes effect only when somebody resumes it"
        } else {
            "its count follows, but nothing new is rolled out"
        };
        format!("{}: paused, so {what}", few(&names))
    })
}

/// Workloads in the middle of a rollout.
fn rolling(step: &PlannedStep, seen: &StepFacts) -> Option<String> {
    let found = seen.found.iter().flatten();
    let rolling = found.filter(|object| match object.progress {
        Progress::Unobserved => true,
        Progress::Unready => object.target.api_version.starts_with("apps/"),
        Progress::Unknown | Progress::Ready => false,
    });
    let rolling: BTreeMap<&str, &Projection> = rolling
        .map(|object| (object.target.uid.as_str(), object))
        .collect();
    if rolling.is_empty() {
        return None;
    }
    let changed = step.changes.iter();
    let changed: BTreeSet<&str> = changed
        .map(|change| change.target.uid.as_str())
        .filter(|uid| rolling.contains_key(uid))
        .collect();
    let names: Vec<String> = changed
        .iter()
        .map(|uid| describe(&rolling[uid].target))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: in the middle of a rollout, or not all pods are ready: what was there before may not \
             be what comes back to work",
            few(&names)
        )
    })
}

/// Members of software that decides by a majority.
fn majorities(walk: &Walk<'_>) -> Vec<String> {
    let moves = walk.moves.iter();
    let said = moves.filter_map(|one| {
        let software = one.beside?.quorum?;
        let said = quorum::said(software, one.from, one.to)?;
        Some(format!("{}: {said}", describe(one.workload)))
    });
    said.collect()
}

/// Members that are added and taken away again at the return, with what was written there.
fn volumes(walk: &Walk<'_>) -> Option<String> {
    let moves = walk.moves.iter().filter(|one| one.to > one.from);
    let moves = moves.filter(|one| one.beside.is_some_and(|beside| beside.deletes_volumes));
    let names: Vec<String> = moves.map(|one| describe(one.workload)).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: deletes the volumes of members that are taken away \
             (persistentVolumeClaimRetentionPolicy.whenScaled is Delete), so at the return what was \
             written to those of added members is lost",
            few(&names)
        )
    })
}

/// Budgets that spare no pod any more once a workload has shrunk: nodes cannot be drained then.
fn budgets(walk: &Walk<'_>, room: &Room) -> Vec<String> {
    let mut by_namespace: BTreeMap<&str, Vec<&Move<'_>>> = BTreeMap::new();
    for one in walk.moves.iter().filter(|one| one.to < one.from) {
        let namespace = one.workload.namespace.as_str();
        if room.budgets.contains_key(namespace) {
            by_namespace.entry(namespace).or_default().push(one);
        }
    }
    let mut said = Vec::new();
    for (namespace, moves) in by_namespace {
        for budget in &room.budgets[namespace] {
            said.extend(spent(budget, &moves));
        }
    }
    said
}

fn spent(budget: &Budget, moves: &[&Move<'_>]) -> Option<String> {
    let of = moves.iter().filter(|one| {
        one.beside
            .is_some_and(|beside| beside.pods.is_some() && budget.is_for(&beside.labels))
    });
    let of: Vec<_> = of.collect();
    let first = of.first()?;
    let before = of.iter().map(|one| one.from).sum::<i64>();
    let before = before.max(budget.expected);
    let after = before - of.iter().map(|one| one.from - one.to).sum::<i64>();
    if after == 0 || budget.spares(after) > 0 || budget.spares(before) <= 0 {
        return None;
    }
    let names: Vec<String> = of.iter().map(|one| describe(one.workload)).collect();
    Some(format!(
        "{}: of {before} pods {after} are left, of which PodDisruptionBudget {}/{} keeps {}: no pod \
         may be evicted until the return, so no node with one of them can be drained",
        few(&names),
        first.workload.namespace,
        budget.name,
        budget.said(),
    ))
}

/// Workloads whose requests somebody else changes.
fn verticals(walk: &Walk<'_>, room: &Room) -> Option<String> {
    if room.verticals.is_empty() {
        return None;
    }
    let moves = walk.moves.iter();
    let changed = moves.filter_map(|one| {
        let of = room.verticals.get(&one.workload.namespace)?;
        let mut of = of.iter();
        of.find(|vertical| {
            (&vertical.of.0, &vertical.of.1) == (&one.workload.kind, &one.workload.name)
        })?;
        Some(describe(one.workload))
    });
    let names: Vec<String> = changed.collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: a VerticalPodAutoscaler changes what its pods ask for, so what is said of capacity \
             may be wrong for them",
            few(&names)
        )
    })
}

#[cfg(test)]
mod tests;
