//! The queue's writes: which is next, and what follows from an answer.

use std::mem::replace;

use crate::field::Uid;

use super::super::types::{Class, Lane, Work};
use super::{Later, Queue, State};

impl<P: Clone, O: Clone> Queue<P, O> {
    /// The lane of the first ready work.
    pub fn ready_lane(&self) -> Option<Lane> {
        self.first_ready().map(|(lane, _)| lane)
    }

    /// The lane and class of the first ready work.
    pub fn first_ready(&self) -> Option<(Lane, Class)> {
        let ((lane, class, ..), _) = self.ready.first_key_value()?;
        Some((*lane, *class))
    }

    /// The last class of values that are to be written, but for those that are delayed.
    pub fn last_class(&self) -> Option<Class> {
        let values = ..(Lane::Ownership, Class::NOTE, false, 0, 0);
        let last = [&self.ready, &self.waiting].map(|index| {
            let last = index.range(values).next_back();
            last.map(|((_, class, ..), _)| *class)
        });
        let recording = self.recording_value.filter(|_| !self.recording.is_empty());
        last.into_iter().chain([recording]).flatten().max()
    }

    /// Whether a value is about to be recorded or written.
    pub fn presses_value(&self, now: u64) -> bool {
        let first = self.waiting.first_key_value().map(|((lane, ..), _)| *lane);
        self.ready_lane() == Some(Lane::Value)
            || (!self.recording.is_empty() && self.recording_value.is_some())
            || (first == Some(Lane::Value) && now >= self.hold)
    }

    /// Takes the first ready work out of the index.
    pub fn pop_ready(&mut self) -> Option<Uid> {
        self.count();
        self.ready.pop_first().map(|(_, uid)| uid)
    }

    /// The work waits for its target.
    pub fn park(&mut self, uid: &Uid) {
        if let Some(item) = self.items.get_mut(uid) {
            item.state = State::Parked;
        }
    }

    /// The work's target is free.
    pub fn unpark(&mut self, uid: &Uid) {
        if self
            .items
            .get(uid)
            .is_some_and(|item| item.state == State::Parked)
        {
            self.place(uid);
        }
    }

    /// The work, and how often it was tried, for a write that starts now.
    pub fn start_write(&mut self, uid: &Uid) -> Option<(Work<P>, u32)> {
        let item = self.items.get_mut(uid)?;
        item.state = State::Writing;
        item.attempts += 1;
        self.writing += 1;
        Some((item.work.clone(), item.attempts - 1))
    }

    /// A write was answered.
    pub fn landed(&mut self) {
        self.writing = self.writing.saturating_sub(1);
    }

    /// How often the work was tried.
    pub fn attempts(&self, uid: &Uid) -> u32 {
        self.items.get(uid).map_or(0, |item| item.attempts)
    }

    /// A write ended with nothing to record, and the work goes on: at once in its place, or after
    /// `at`. Whether a delay began.
    pub fn retry(&mut self, uid: &Uid, at: Option<u64>, tail: bool, counter: &mut u64) -> bool {
        let Some(item) = self.items.get_mut(uid) else {
            return false;
        };
        match replace(&mut item.later, Later::Nothing) {
            Later::Nothing => {}
            Later::Absent => {
                self.remove(uid);
                return false;
            }
            Later::Wanted(work, _) if work.tag == item.work.tag => {
                self.renew(*work, false, counter);
            }
            Later::Wanted(work, basis) => {
                self.remove(uid);
                if self.is_fresh(uid, basis) {
                    self.insert(*work, counter);
                }
                return false;
            }
        }
        if let Some(item) = self.items.get_mut(uid) {
            if let Some(at) = at {
                item.key.2 = tail;
                item.state = State::Delayed(at);
                return true;
            }
            // The server did not look at it: this was no try.
            item.attempts -= 1;
        }
        self.place(uid);
        false
    }

    /// A delay is over.
    pub fn due(&mut self, uid: &Uid, at: u64) {
        if self
            .items
            .get(uid)
            .is_some_and(|item| item.state == State::Delayed(at))
        {
            self.place(uid);
        }
    }

    /// A write is done for good.
    pub fn settled(&mut self, uid: &Uid, outcomes: Vec<O>, now: u64, counter: &mut u64) {
        let Some(item) = self.items.get_mut(uid) else {
            return;
        };
        if !outcomes.is_empty() {
            item.state = State::Settled;
            self.outcomes.push(uid, outcomes, now);
            return;
        }
        let tag = item.work.tag;
        let later = replace(&mut item.later, Later::Nothing);
        self.remove(uid);
        if let Later::Wanted(work, basis) = later
            && work.tag != tag
            && self.is_fresh(uid, basis)
        {
            self.insert(*work, counter);
        }
        self.rest();
    }

    /// The outcomes that are to be stored now.
    pub fn flush(&mut self, now: u64) -> Option<Vec<O>> {
        let last = self.writing == 0
            && self.recording.is_empty()
            && self.ready.is_empty()
            && self.waiting.is_empty();
        self.outcomes.flush(now, last)
    }

    /// Outcomes are stored.
    pub fn outcomes_recorded(&mut self, sequence: i64, counter: &mut u64) {
        for uid in self.outcomes.stored() {
            self.touch(&uid, sequence);
            let later = self.items.remove(&uid).map(|item| item.later);
            if let Some(Later::Wanted(work, basis)) = later
                && basis >= sequence
            {
                self.insert(*work, counter);
            }
        }
        self.rest();
    }

    /// When something of this queue is due, if not through an answer.
    pub fn next_at(&self, now: u64) -> Option<u64> {
        let record = (!self.waiting.is_empty() && self.recording.is_empty() && self.hold > now)
            .then_some(self.hold);
        record.into_iter().chain(self.outcomes.next_at()).min()
    }
}
