//! What the requests of one query found, as one answer.

use std::collections::BTreeMap;

use crate::engine::beside::Beside;
use crate::field::{Projection, Uid};
use crate::step::Skipped;

/// What a query found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What was asked for, by namespace and name.
    pub(super) objects: Vec<Projection>,
    /// What is worth knowing of them, where it was asked for.
    pub(super) beside: BTreeMap<Uid, Beside>,
    /// What is never touched, and left out of the objects.
    pub(super) protected: Vec<Skipped>,
    /// What is never touched, and is among the objects, since it says something of others.
    pub(super) guarded: Vec<Skipped>,
    /// What could not be read.
    pub(super) problems: Vec<String>,
    /// What cannot be as it is written.
    pub(super) faults: Vec<String>,
    /// How many requests it took.
    pub(super) requests: usize,
}

impl Found {
    pub(super) fn problem(sentence: String) -> Self {
        Self {
            problems: vec![sentence],
            ..Self::default()
        }
    }
}

/// Parts of one answer as one.
pub(super) fn merge(parts: Vec<Found>) -> Found {
    let mut whole = Found::default();
    for Found {
        objects,
        beside,
        protected,
        guarded,
        problems,
        faults,
        requests,
    } in parts
    {
        whole.objects.extend(objects);
        whole.beside.extend(beside);
        whole.protected.extend(protected);
        whole.guarded.extend(guarded);
        whole.problems.extend(problems);
        whole.faults.extend(faults);
        whole.requests += requests;
    }
    whole
}
