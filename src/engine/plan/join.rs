//! The changes of a step with what was seen of their objects, found once for all findings.

use std::collections::BTreeMap;

use super::order::Place;
use super::{Change, Plan, PlannedStep};
use crate::engine::beside::Beside;
use crate::engine::facts::{Facts, StepFacts};
use crate::field::Projection;

/// A step that changes something.
pub(super) struct Joined<'a> {
    pub(super) place: Place,
    pub(super) step: &'a PlannedStep,
    pub(super) seen: &'a StepFacts,
    pub(super) changes: Vec<Known<'a>>,
}

/// A change with what was seen of its object.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) change: &'a Change,
    pub(super) object: Option<&'a Projection>,
    pub(super) beside: Option<&'a Beside>,
}

/// Every step that changes something, in plan order.
pub(super) fn all<'a>(plan: &'a Plan, facts: &'a Facts) -> Vec<Joined<'a>> {
    let mut joined = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        for (within, step) in stage.steps.iter().enumerate() {
            let key = (stage.name.clone(), step.name.clone());
            if let (Some(seen), false) = (facts.steps.get(&key), step.changes.is_empty()) {
                let mut finder = Finder::of(seen);
                let changes = step.changes.iter().map(|change| finder.find(change));
                joined.push(Joined {
                    place: (at, within),
                    changes: changes.collect(),
                    step,
                    seen,
                });
            }
        }
    }
    joined
}

/// Looks where the last object was found, since changes and objects are in the same order as a rule.
struct Finder<'a> {
    seen: &'a StepFacts,
    at: (usize, usize),
    by_uid: Option<BTreeMap<&'a str, (usize, usize)>>,
}

/// How far ahead the next object is looked for, before all are put in order: what lies between is
/// left alone by the step, and in a step that leaves most alone that is much.
const AHEAD: usize = 64;

impl<'a> Finder<'a> {
    const fn of(seen: &'a StepFacts) -> Self {
        Self {
            seen,
            at: (0, 0),
            by_uid: None,
        }
    }

    fn find(&mut self, change: &'a Change) -> Known<'a> {
        let place = self.ahead(change).or_else(|| self.anywhere(change));
        if let Some(place) = place {
            self.at = place;
        }
        let of = |(list, at): (usize, usize)| self.seen.found.get(list)?.get(at);
        let beside = |(list, at): (usize, usize)| self.seen.beside.get(list)?.get(at);
        Known {
            change,
            object: place.and_then(of),
            beside: place.and_then(beside),
        }
    }

    fn ahead(&self, change: &Change) -> Option<(usize, usize)> {
        let (list, from) = self.at;
        let objects = self.seen.found.get(list)?.iter().enumerate();
        let mut objects = objects.skip(from).take(AHEAD);
        let found = objects.find(|(_, object)| object.target == change.target);
        found.map(|(at, _)| (list, at))
    }

    fn anywhere(&mut self, change: &Change) -> Option<(usize, usize)> {
        let seen = self.seen;
        let by_uid = self.by_uid.get_or_insert_with(|| {
            let lists = seen.found.iter().enumerate();
            let all = lists.flat_map(|(list, objects)| {
                let objects = objects.iter().enumerate();
                objects.map(move |(at, object)| (object.target.uid.as_str(), (list, at)))
            });
            all.collect()
        });
        by_uid.get(change.target.uid.as_str()).copied()
    }
}
