//! What the moves of a step take and free: requests and limits of pods, as their namespaces have
//! them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::amounts::Sum;
use crate::engine::beside::Pods;
use crate::engine::plan::moves::{Move, Walk};
use crate::engine::room::{Limit, Room};

/// What the moves of one step take and free.
pub(super) struct Load<'a> {
    pub(super) walk: &'a Walk<'a>,
    /// By namespace, and by the pods of it that a quota may tell apart.
    pub(super) parts: BTreeMap<&'a str, BTreeMap<Part<'a>, Takes>>,
    /// Everything together.
    pub(super) all: Takes,
    /// What autoscalers may add to that.
    pub(super) may: Sum,
}

/// Pods that a quota may tell apart: their class of priority, and whether they ask for nothing.
pub(super) type Part<'a> = (Option<&'a str>, bool);

/// What is taken, and what is freed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Takes {
    pub(super) grows: Amount,
    pub(super) shrinks: Amount,
}

/// Requests and limits of some pods.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amount {
    pub(super) requests: Sum,
    pub(super) limits: Sum,
}

impl Amount {
    fn add(&mut self, one: Self, times: i64) {
        self.requests += one.requests * times;
        self.limits += one.limits * times;
    }
}

impl<'a> Load<'a> {
    pub(super) fn of(walk: &'a Walk<'a>, room: &Room) -> Self {
        let mut load = Self {
            walk,
            parts: BTreeMap::new(),
            all: Takes::default(),
            may: Sum::default(),
        };
        // Neighbours in a fleet have the same pods.
        let mut last: Option<(&str, &Arc<Pods>, Amount, bool)> = None;
        for one in &walk.moves {
            let Some(pods) = pods(one) else { continue };
            let namespace = one.workload.namespace.as_str();
            let known =
                last.filter(|(of, shared, ..)| *of == namespace && Arc::ptr_eq(shared, pods));
            let (amount, best_effort) = match known {
                Some((.., amount, best_effort)) => (amount, best_effort),
                None => read(room, namespace, pods),
            };
            last = Some((namespace, pods, amount, best_effort));
            let part = (pods.class.as_deref(), best_effort);
            load.add(namespace, part, amount, one);
        }
        load
    }

    fn add(&mut self, namespace: &'a str, part: Part<'a>, amount: Amount, one: &Move<'_>) {
        let more = one.to - one.from;
        let own = self.parts.entry(namespace).or_default();
        for takes in [&mut self.all, own.entry(part).or_default()] {
            if more > 0 {
                takes.grows.add(amount, more);
            } else {
                takes.shrinks.add(amount, -more);
            }
        }
        if more > 0 {
            self.may += amount.requests * (one.most - one.to);
        }
    }
}

/// One pod as its namespace has it, and whether it asks for nothing.
fn read(room: &Room, namespace: &str, pods: &Pods) -> (Amount, bool) {
    let pods = filled(room, namespace, pods);
    let amount = Amount {
        requests: pods.requests(),
        limits: pods.limits(),
    };
    (amount, pods.is_best_effort())
}

pub(super) fn pods<'a>(one: &Move<'a>) -> Option<&'a Arc<Pods>> {
    one.beside?.pods.as_ref()
}

/// The pods with what their namespace gives to those that name nothing.
pub(super) fn filled<'a>(room: &Room, namespace: &str, pods: &'a Pods) -> Cow<'a, Pods> {
    let limits = room.limits.get(namespace).map_or(&[][..], Vec::as_slice);
    let mut fills = limits.iter().filter(|limit| !limit.pod).peekable();
    if fills.peek().is_none() {
        return Cow::Borrowed(pods);
    }
    let mut own = pods.clone();
    fills.for_each(|limit: &Limit| limit.fill(&mut own));
    Cow::Owned(own)
}
