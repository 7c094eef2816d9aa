//! The outcomes of a mode that are not stored yet.

use std::collections::VecDeque;

use crate::field::Uid;
use crate::ledger::record::GROUP;

/// How long the first outcome of a batch waits for others while writes go on: a record for hundreds
/// of writes, and people who watch see it move. Nothing is lost by waiting: what a crash leaves
/// unrecorded is read from the targets again.
const FLUSH_MS: u64 = 2_000;

/// What one write left to be recorded.
type Settled<O> = (Uid, Vec<O>);

/// Outcomes, waiting and being stored.
#[derive(Debug)]
pub struct Outcomes<O> {
    waiting: VecDeque<Settled<O>>,
    count: usize,
    since: u64,
    storing: Vec<Settled<O>>,
    hold: u64,
    failures: u32,
}

impl<O> Default for Outcomes<O> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            count: 0,
            since: 0,
            storing: Vec::new(),
            hold: 0,
            failures: 0,
        }
    }
}

impl<O: Clone> Outcomes<O> {
    /// Whether there is nothing to store and nothing being stored.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.storing.is_empty()
    }

    /// A write left these.
    pub fn push(&mut self, uid: &Uid, outcomes: Vec<O>, now: u64) {
        if self.waiting.is_empty() {
            self.since = now;
        }
        self.count += outcomes.len();
        self.waiting.push_back((uid.clone(), outcomes));
    }

    /// The batch that is to be stored now. `last` says that nothing else of the mode is under way.
    pub fn flush(&mut self, now: u64, last: bool) -> Option<Vec<O>> {
        let ripe = self.count >= GROUP || last || now >= self.since.saturating_add(FLUSH_MS);
        if self.waiting.is_empty() || !self.storing.is_empty() || now < self.hold || !ripe {
            return None;
        }
        let mut taken = 0;
        while let Some((_, outcomes)) = self.waiting.front() {
            if taken > 0 && taken + outcomes.len() > GROUP {
                break;
            }
            taken += outcomes.len();
            self.storing.extend(self.waiting.pop_front());
        }
        self.count -= taken;
        self.since = now;
        Some(
            self.storing
                .iter()
                .flat_map(|(_, outcomes)| outcomes.iter().cloned())
                .collect(),
        )
    }

    /// The batch is stored: the targets that it was about.
    pub fn stored(&mut self) -> Vec<Uid> {
        self.failures = 0;
        std::mem::take(&mut self.storing)
            .into_iter()
            .map(|(uid, _)| uid)
            .collect()
    }

    /// The batch was not stored: it goes back to the front.
    pub fn failed(&mut self, retry_after_ms: Option<u64>, now: u64) {
        self.hold = now.saturating_add(super::queue::back_off(retry_after_ms, self.failures));
        self.failures += 1;
        for (uid, outcomes) in std::mem::take(&mut self.storing).into_iter().rev() {
            self.count += outcomes.len();
            self.waiting.push_front((uid, outcomes));
        }
    }

    /// When the waiting batch is ripe at the latest.
    pub fn next_at(&self) -> Option<u64> {
        (!self.waiting.is_empty() && self.storing.is_empty())
            .then(|| self.since.saturating_add(FLUSH_MS).max(self.hold))
    }
}
