//! What targets have to be handled with care for: software that decides by a majority, budgets of
//! disruption, paused Deployments, rollouts that go on, vertical autoscalers. Each is a finding, no
//! refusal: who approves may know better.

use std::collections::BTreeMap;

use super::explain::few;
use super::join::{Joined, Known};
use super::moves::{Move, Walk};
use super::order::Place;
use super::{Finding, describe};
use crate::engine::beside::quorum;
use crate::engine::room::{Budget, Room};
use crate::field::{Progress, Segment};

/// The findings, by step.
pub(super) fn findings(
    joined: &[Joined<'_>],
    walks: &[Walk<'_>],
    room: Option<&Room>,
) -> Vec<(Place, Finding)> {
    let mut said = Vec::new();
    for one in joined {
        let own = paused(one).into_iter().chain(rolling(one));
        said.extend(own.map(|sentence| (one.place, Finding::risk(sentence))));
    }
    for walk in walks {
        let mut own = majorities(walk);
        own.extend(volumes(walk).map(Finding::harm));
        if let Some(room) = room {
            own.extend(budgets(walk, room).into_iter().map(Finding::risk));
            own.extend(verticals(walk, room).map(Finding::note));
        }
        said.extend(own.into_iter().map(|finding| (walk.place, finding)));
    }
    said
}

/// The objects of a step for which something holds.
fn objects<'a>(joined: &Joined<'a>, holds: impl Fn(&Known<'a>) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut last = None;
    for known in joined.changes.iter().filter(|known| holds(known)) {
        // Changes of one object stand together.
        if last != Some(&known.change.target) {
            last = Some(&known.change.target);
            names.push(describe(&known.change.target));
        }
    }
    names
}

/// Deployments that roll nothing out.
fn paused(joined: &Joined<'_>) -> Option<String> {
    let names = objects(joined, |known| {
        known.beside.is_some_and(|beside| beside.paused)
    });
    if names.is_empty() {
        return None;
    }
    let template = joined.step.changes.iter().any(|change| {
        let mut segments = change.path.segments().iter();
        let at = |segment: Option<&Segment>, name: &str| {
            matches!(segment, Some(Segment::Field(field)) if field == name)
        };
        at(segments.next(), "spec") && at(segments.next(), "template")
    });
    let what = if template {
        "what is changed in its template takes effect only when somebody resumes it"
    } else {
        "its count follows, but nothing new is rolled out"
    };
    Some(format!("{}: paused, so {what}", few(&names)))
}

/// Workloads in the middle of a rollout.
fn rolling(joined: &Joined<'_>) -> Option<String> {
    let names = objects(joined, |known| {
        known.object.is_some_and(|object| match object.progress {
            Progress::Unobserved => true,
            Progress::Unready => object.target.api_version.starts_with("apps/"),
            Progress::Unknown | Progress::Ready => false,
        })
    });
    (!names.is_empty()).then(|| {
        format!(
            "{}: in the middle of a rollout, or not all pods are ready: what was there before may not \
             be what comes back to work",
            few(&names)
        )
    })
}

/// Members of software that decides by a majority.
fn majorities(walk: &Walk<'_>) -> Vec<Finding> {
    let moves = walk.moves.iter();
    let said = moves.filter_map(|one| {
        let software = one.beside?.quorum?;
        let (concern, said) = quorum::said(software, one.from, one.to)?;
        let text = format!("{}: {said}", describe(one.workload));
        Some(Finding { concern, text })
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
