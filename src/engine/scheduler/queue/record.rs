//! The queue's records of works: when one is due, what goes into it, what follows from it.

use std::collections::BTreeMap;
use std::mem::{discriminant, replace, take};

use crate::field::Uid;
use crate::ledger::record::BYTES;

use super::super::types::{Before, Lane, Recording, Work};
use super::{Later, Queue, State};

/// The first delay after a record that could not be stored; doubles up to [`RECORD_MOST_MS`].
const RECORD_DELAY_MS: u64 = 500;
/// The longest delay between tries to store a record: an API server that is back is used within
/// this time.
const RECORD_MOST_MS: u64 = 16_000;

/// Milliseconds until a record is tried again.
pub fn back_off(retry_after_ms: Option<u64>, failures: u32) -> u64 {
    let own = (RECORD_DELAY_MS << failures.min(5)).min(RECORD_MOST_MS);
    retry_after_ms.unwrap_or(own)
}

impl<P: Clone, O: Clone> Queue<P, O> {
    /// Whether a group is to be recorded now, so that `lead` works are ready.
    pub fn wants_record(&self, now: u64, lead: usize) -> bool {
        let Some((first, _)) = self.waiting.first_key_value() else {
            return false;
        };
        let urgent = self
            .ready
            .first_key_value()
            .is_none_or(|(ready, _)| first < ready);
        self.recording.is_empty() && now >= self.hold && (urgent || self.ready.len() < lead)
    }

    /// Takes the next group out: works of one kind of [`Before`], up to `first` changes when the
    /// mode was at rest, so that the first writes start at once, else up to `later`.
    pub fn group(&mut self, first: usize, later: usize) -> Vec<Work<P>> {
        let most = if self.started { later } else { first };
        let (mut changes, mut bytes) = (0, 0);
        let mut group: Vec<Work<P>> = Vec::new();
        while let Some(entry) = self.waiting.first_entry() {
            let Some(item) = self.items.get_mut(entry.get()) else {
                entry.remove();
                continue;
            };
            let (more, size) = match item.work.before {
                Before::Intents { changes, bytes } => (changes, bytes),
                Before::Nothing | Before::Turned => (1, 0),
            };
            let fits = changes + more <= most && bytes + size <= BYTES;
            let alike = group
                .first()
                .is_none_or(|work| discriminant(&work.before) == discriminant(&item.work.before));
            if !(group.is_empty() || fits && alike) {
                break;
            }
            (changes, bytes) = (changes + more, bytes + size);
            item.state = State::Recording;
            group.push(item.work.clone());
            entry.remove();
            self.count();
        }
        group
    }

    /// The record of these works is in flight.
    pub fn start_record(&mut self, works: &[Work<P>]) {
        self.started |= !works.is_empty();
        let values = works.iter().filter(|work| work.lane == Lane::Value);
        self.recording_value = values.map(|work| work.class).max();
        self.recording = works.iter().map(|work| work.uid.clone()).collect();
    }

    /// The record is stored.
    pub fn recorded(&mut self, sequence: i64, works: Vec<(Uid, P)>, counter: &mut u64) {
        self.failures = 0;
        let mut payloads: BTreeMap<Uid, P> = works.into_iter().collect();
        for uid in take(&mut self.recording) {
            match payloads.remove(&uid) {
                Some(payload) => {
                    self.touch(&uid, sequence);
                    self.cleared(&uid, payload, sequence, counter);
                }
                None => self.uncleared(&uid, counter),
            }
        }
        self.rest();
    }

    fn cleared(&mut self, uid: &Uid, payload: P, sequence: i64, counter: &mut u64) {
        let Some(item) = self.items.get_mut(uid) else {
            return;
        };
        item.cleared = true;
        item.work.payload = payload;
        match replace(&mut item.later, Later::Nothing) {
            Later::Nothing => self.place(uid),
            Later::Wanted(work, basis) if basis >= sequence => {
                self.remove(uid);
                self.insert(*work, counter);
            }
            Later::Wanted(work, _) if work.tag == item.work.tag => {
                self.renew(*work, false, counter);
                self.place(uid);
            }
            Later::Absent | Later::Wanted(..) => self.remove(uid),
        }
    }

    /// The work's record was not stored.
    fn uncleared(&mut self, uid: &Uid, counter: &mut u64) {
        let Some(item) = self.items.get_mut(uid) else {
            return;
        };
        match replace(&mut item.later, Later::Nothing) {
            Later::Nothing => self.place(uid),
            Later::Absent => self.remove(uid),
            Later::Wanted(work, basis) => {
                self.remove(uid);
                if self.is_fresh(uid, basis) {
                    self.insert(*work, counter);
                }
            }
        }
    }

    /// A record is known not to be stored.
    pub fn record_failed(
        &mut self,
        recording: Recording,
        retry_after_ms: Option<u64>,
        now: u64,
        counter: &mut u64,
    ) {
        match recording {
            Recording::Works => {
                self.hold = now.saturating_add(back_off(retry_after_ms, self.failures));
                self.failures += 1;
                for uid in take(&mut self.recording) {
                    self.uncleared(&uid, counter);
                }
            }
            Recording::Outcomes => self.outcomes.failed(retry_after_ms, now),
        }
        self.rest();
    }
}
