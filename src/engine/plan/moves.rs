//! How a plan moves the counts of workloads, step by step: by their own field, or by the bounds of
//! the autoscaler that owns them. What a plan makes is a move from none.

use std::collections::BTreeMap;

use super::join::Joined;
use super::made::Made;
use super::order::Place;
use super::{Change, PlannedStep};
use crate::engine::beside::Beside;
use crate::engine::facts::StepFacts;
use crate::field::{Path, Projection, Target};
use crate::step::{count, kinds, scale};

/// The moves of one step.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) place: Place,
    pub(super) step: &'a PlannedStep,
    pub(super) moves: Vec<Move<'a>>,
}

/// One workload whose count moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Move<'a> {
    pub(super) workload: &'a Target,
    pub(super) beside: Option<&'a Beside>,
    /// How many there are.
    pub(super) from: i64,
    /// How many there certainly are then.
    pub(super) to: i64,
    /// How many its autoscaler may make of them.
    pub(super) most: i64,
}

/// Every step that moves counts, in plan order.
pub(super) fn walks<'a>(joined: &[Joined<'a>], made: &'a Made<'a>) -> Vec<Walk<'a>> {
    let mut counts = BTreeMap::new();
    let mut walks = Vec::new();
    for one in joined {
        let moves = moves(one, made, &mut counts);
        if !moves.is_empty() {
            let (place, step) = (one.place, one.step);
            walks.push(Walk { place, step, moves });
        }
    }
    walks
}

/// Whether a change is of a count of the workload itself.
pub(super) fn is_count(step: &PlannedStep, change: &Change) -> bool {
    let target = &change.target;
    match kinds::of_object(&target.api_version, &target.kind) {
        Some(kind) => kind
            .replicas
            .is_some_and(|names| is_at(&change.path, names)),
        None => step.act == "scale" && !is_autoscaler(target),
    }
}

/// Whether a change is of what an autoscaler keeps a count to.
pub(super) fn is_bound(step: &PlannedStep, change: &Change) -> bool {
    step.act == "scale" && is_autoscaler(&change.target)
}

fn is_autoscaler(target: &Target) -> bool {
    matches!(
        (kinds::group_of(&target.api_version), target.kind.as_str()),
        ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject")
    )
}

fn is_at(path: &Path, names: [&str; 2]) -> bool {
    use crate::field::Segment::Field;
    match path.segments() {
        [Field(one), Field(other)] => names == [one.as_str(), other.as_str()],
        _ => false,
    }
}

fn moves<'a>(
    joined: &Joined<'a>,
    made: &'a Made<'a>,
    counts: &mut BTreeMap<&'a str, i64>,
) -> Vec<Move<'a>> {
    let mut moves = Vec::new();
    let mut told: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for known in &joined.changes {
        let change = known.change;
        if let Some(made) = made.get(change.target.uid.as_str()) {
            moves.push(Move {
                workload: &change.target,
                beside: made.beside.as_ref(),
                from: 0,
                to: made.count,
                most: made.count,
            });
        } else if is_count(joined.step, change) {
            let numbers = (kinds::number(&change.base), kinds::number(&change.after));
            if let (Some(from), Some(to)) = numbers {
                moves.push(Move {
                    workload: &change.target,
                    beside: known.beside,
                    from,
                    to,
                    most: to,
                });
            }
        } else if is_bound(joined.step, change) {
            let changes = told.entry(change.target.uid.as_str()).or_default();
            changes.push(change);
        }
    }
    if !told.is_empty() {
        moves.extend(through(joined.seen, &told, counts));
    }
    moves
}

/// The moves of workloads whose autoscalers are told.
fn through<'a>(
    seen: &'a StepFacts,
    told: &BTreeMap<&str, Vec<&'a Change>>,
    counts: &mut BTreeMap<&'a str, i64>,
) -> Vec<Move<'a>> {
    let lists = seen.found.iter().enumerate();
    let objects = lists.flat_map(|(list, objects)| {
        let beside = seen.beside.get(list);
        let objects = objects.iter().enumerate();
        objects.map(move |(at, object)| (object, beside.and_then(|beside| beside.get(at))))
    });
    let workloads = objects.map(|(object, beside)| {
        let target = &object.target;
        let group = kinds::group_of(&target.api_version);
        let place = (
            target.namespace.as_str(),
            group,
            target.kind.as_str(),
            target.name.as_str(),
        );
        (place, (object, beside))
    });
    let workloads: BTreeMap<_, (&Projection, Option<&Beside>)> = workloads.collect();
    let autoscalers = seen.found.iter().flatten();
    let autoscalers = autoscalers.filter_map(|object| {
        let changes = told.get(object.target.uid.as_str())?;
        count::kept(object, |path| {
            let change = changes.iter().find(|change| change.path == *path)?;
            Some(&change.after)
        })
    });
    let moves = autoscalers.filter_map(|kept| {
        let (namespace, group, kind, name) = &kept.of;
        let place = (
            namespace.as_str(),
            group.as_str(),
            kind.as_str(),
            name.as_str(),
        );
        let (workload, beside) = *workloads.get(&place)?;
        let uid = workload.target.uid.as_str();
        let from = counts
            .get(uid)
            .copied()
            .or_else(|| scale::count(workload))?;
        let to = from.max(kept.least).min(kept.most);
        counts.insert(uid, to);
        Some(Move {
            workload: &workload.target,
            beside,
            from,
            to,
            most: kept.most.max(to),
        })
    });
    moves.collect()
}
