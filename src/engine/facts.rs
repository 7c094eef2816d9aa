//! What was seen of the cluster, as data: the answers to the steps' queries.

use std::collections::{BTreeMap, BTreeSet};

use super::beside::Beside;
use crate::field::Projection;
use crate::ledger::Ledger;
use crate::step::Skipped;

/// What was seen for every step of a playbook, by stage and step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The steps.
    pub steps: BTreeMap<(String, String), StepFacts>,
    /// How many requests it took.
    pub requests: usize,
}

/// What was seen for one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepFacts {
    /// What its queries found, in the order of [`crate::step::needs`].
    pub found: Vec<Vec<Projection>>,
    /// Objects that are never touched, whatever the playbook says.
    pub protected: Vec<Skipped>,
    /// Objects that are never touched, but are among those found, since they say something of others.
    pub guarded: Vec<Skipped>,
    /// What could not be read, each a sentence that says what to do: the step's selection may be
    /// incomplete, so the plan is refused while there is any.
    pub problems: Vec<String>,
    /// What of the step cannot be carried out as it is written, each a sentence that says what to
    /// write instead: the plan is refused while there is any.
    pub faults: Vec<String>,
    /// What is worth knowing, each a sentence.
    pub findings: Vec<String>,
    /// What is worth knowing of the objects beside the fields, in the order of `found`, where it was
    /// asked for.
    pub beside: Vec<Vec<Beside>>,
    /// The queries of what stands beside targets that were not answered, by their places in `found`;
    /// nothing where nobody asked for what is worth knowing.
    pub unread: Option<BTreeSet<usize>>,
}

impl Facts {
    /// The same as it would be seen had a mode never begun: every field that it holds has its
    /// peacetime value.
    ///
    /// A change of level or term is planned on this. Planned on wartime values, a percentage would
    /// be taken twice, and what is as asked already would be left out and brought back.
    #[must_use]
    pub fn in_peacetime(mut self, ledger: &Ledger) -> Self {
        let found = self.steps.values_mut().flat_map(|step| &mut step.found);
        for projection in found.flatten() {
            for seen in &mut projection.seen {
                if let Some(base) = ledger.base(&projection.target.uid, &seen.path) {
                    seen.image = base.clone();
                }
            }
        }
        self
    }
}
