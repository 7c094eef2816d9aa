//! What is worth knowing of a plan beyond its changes. Nothing of it changes what is done, nor the
//! hash.

use std::collections::BTreeSet;

use super::order::{Order, Place};
use super::{Finding, Plan, capacity, join, made, moves, rivals, traps};
use crate::engine::facts::Facts;
use crate::engine::room::Room;
use crate::step::remark::NAMED;

pub(super) use crate::step::remark::few;

/// The namespaces in which a plan changes how many pods there are; empty where it does not, and the
/// cluster's room need not be looked at.
pub fn scales(plan: &Plan) -> BTreeSet<String> {
    let changes = plan.changes();
    let counts = changes.filter(|(_, step, change)| {
        moves::is_count(step, change) || moves::is_bound(step, change) || made::is(change)
    });
    let mut namespaces = BTreeSet::new();
    for (_, _, change) in counts {
        let namespace = &change.target.namespace;
        if !namespaces.contains(namespace) {
            namespaces.insert(namespace.clone());
        }
    }
    namespaces
}

/// Adds to a plan's findings who would put values back, what its targets have to be handled with
/// care for, and, where the room was looked at, whether the pods fit.
///
/// Guarantees: the hash stays what it is; the same input gives the same sentences in the same order.
pub fn explain(plan: &mut Plan, facts: &Facts, room: Option<&Room>) {
    let order = Order::of(plan);
    let joined = join::all(plan, facts);
    let made = made::all(plan);
    let walks = moves::walks(&joined, &made);
    let mut of_steps: Vec<(Place, Finding)> = rivals::findings(plan, &joined, &order)
        .into_iter()
        .map(|(place, sentence)| (place, Finding::risk(sentence)))
        .collect();
    of_steps.extend(traps::findings(&joined, &walks, room));
    let of_plan = room.map(|room| capacity::findings(plan, &walks, &order, room));
    for ((stage, step), finding) in of_steps {
        plan.stages[stage].steps[step].findings.push(finding);
    }
    plan.findings.extend(of_plan.into_iter().flatten());
}

/// Names of which the first are said: of ten thousand no text is made that nobody reads.
#[derive(Default)]
pub(super) struct Names {
    first: Vec<String>,
    count: usize,
}

impl Names {
    pub(super) fn add(&mut self, name: impl FnOnce() -> String) {
        if self.count <= NAMED {
            self.first.push(name());
        }
        self.count += 1;
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// As [`few`] says them.
    pub(super) fn said(&self) -> String {
        match self.count {
            0..=NAMED => few(&self.first),
            count => {
                let first = self.first[..NAMED].join(", ");
                format!("{first} and {} more", count - NAMED)
            }
        }
    }
}
