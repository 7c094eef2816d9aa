//! The executor's scheduler: which write goes next, when what is recorded, and who waits.
//!
//! It sits between [`decide`](crate::engine), whose orders it takes, and the executor, which
//! carries its effects out and answers each with an event. Pure: `now` is the monotonic clock in
//! milliseconds and is data; equal events give equal effects.
//!
//! Guarantees, each held by a property test:
//! - never two writes in flight on one uid, over all modes;
//! - a work with a `before` is written only after its record is stored;
//! - the lowest class and rank of a mode goes first, and modes take turns;
//! - while the controllers are busy with targets of one class, few of later ones are before them;
//!   nobody waits for a target that is not observed within 10 s or not ready within a minute;
//! - a work of the ownership lane never delays a value;
//! - nothing starts before a `Retry-After` has passed;
//! - at most one record of intents and one of outcomes in flight a mode;
//! - a work that was decided from an older journal than the target's last record is not written;
//! - as long as effects are answered, every other work of the latest order is written.
//!
//! Assumptions: each effect but `Wake` and `Quarantine` is answered once. `RecordFailed` means
//! that the record is known not to be stored. An order holds at most one work a uid (later ones
//! are ignored), and after each stored record or settled write a new order is decided. `mode`
//! names one journal: use the mode's uid.

mod limit;
mod outcomes;
mod pump;
mod queue;
mod release;
mod targets;
#[cfg(test)]
mod tests;
mod types;

use crate::field::Uid;
use std::collections::{BTreeMap, BTreeSet};

pub use limit::Limit;
pub use types::{
    Before, Class, Effect, Event, Lane, Observed, Order, Recording, Standing, Work, Wrote,
};

use queue::Queue;
use release::Release;
use targets::Targets;

/// Retries of one target in its own place before it goes to the tail of its queue: a target that
/// moves under every one of five reads has a rival, and others should not wait for that.
const QUICK_RETRIES: u32 = 5;
/// The first delay at the tail; doubles up to [`TAIL_DELAY_MOST_MS`].
const TAIL_DELAY_MS: u64 = 1_000;
/// The longest delay at the tail: a target that comes free is noticed within a minute.
const TAIL_DELAY_MOST_MS: u64 = 60_000;

/// The state of everything that is to be written. See the module's guarantees.
#[derive(Debug)]
pub struct Scheduler<P, O> {
    modes: BTreeMap<String, Queue<P, O>>,
    /// Of each mode that was dropped, the last sequence seen: what was decided before is stale.
    finished: BTreeMap<String, i64>,
    targets: Targets,
    release: Release,
    limit: Limit,
    delayed: BTreeSet<(u64, String, Uid)>,
    /// No request starts before this.
    hold_until: u64,
    /// Grows with every placing and every write: order among equals, and turns among modes.
    counter: u64,
    deposed: bool,
    wake: Option<u64>,
}

impl<P: Clone, O: Clone> Scheduler<P, O> {
    /// An empty scheduler that keeps at most `most` writes in flight (1 to 32).
    pub fn new(most: usize) -> Self {
        Self {
            modes: BTreeMap::new(),
            finished: BTreeMap::new(),
            targets: Targets::default(),
            release: Release::default(),
            limit: Limit::new(most),
            delayed: BTreeSet::new(),
            hold_until: 0,
            counter: 0,
            deposed: false,
            wake: None,
        }
    }

    /// Takes an event in and says what is to be done now.
    ///
    /// Guarantees: costs O(log n) of the queued works and O(modes) an event and effect; an order
    /// costs O(log n) for each of its works and of the works that it drops.
    pub fn step(&mut self, event: Event<P, O>, now: u64) -> Vec<Effect<P, O>> {
        let mut effects = Vec::new();
        if self.deposed {
            if let Event::Wrote { mode, uid, .. } = &event {
                self.targets.land(mode, uid, now, 0);
            }
            return effects;
        }
        match event {
            Event::Order(order) => self.order(order, now, &mut effects),
            Event::Drop { mode } => {
                self.release.drop_mode(&mode);
                if let Some(queue) = self.modes.get_mut(&mode) {
                    queue.drop_all();
                }
            }
            Event::Recorded {
                mode,
                sequence,
                works,
            } => {
                if let Some(queue) = self.modes.get_mut(&mode) {
                    queue.recorded(sequence, works, &mut self.counter);
                }
            }
            Event::RecordFailed { deposed: true, .. } => {
                self.deposed = true;
                self.modes.clear();
                self.delayed.clear();
                return effects;
            }
            Event::RecordFailed {
                mode,
                recording,
                retry_after_ms,
                deposed: false,
            } => {
                if let Some(queue) = self.modes.get_mut(&mode) {
                    queue.record_failed(recording, retry_after_ms, now, &mut self.counter);
                }
            }
            Event::Wrote {
                mode,
                uid,
                result,
                seen,
            } => {
                self.wrote(&mode, &uid, result, seen, now, &mut effects);
            }
            Event::Observed { uid, seen } => self.release.observed(&uid, seen, now),
            Event::OutcomesRecorded { mode, sequence } => {
                if let Some(queue) = self.modes.get_mut(&mode) {
                    queue.outcomes_recorded(sequence, &mut self.counter);
                }
            }
            Event::Tick => {}
        }
        self.pump(now, &mut effects);
        effects
    }

    /// Whether another leader has taken over. A deposed scheduler does nothing more: make a new
    /// one once [`in_flight`](Self::in_flight) is 0.
    pub fn is_deposed(&self) -> bool {
        self.deposed
    }

    /// Writes that are in flight.
    pub fn in_flight(&self) -> usize {
        self.targets.flying()
    }

    /// The present limit of writes in flight.
    pub fn limit(&self) -> usize {
        self.limit.now()
    }

    /// Works that are queued or in flight, over all modes.
    pub fn depth(&self) -> usize {
        self.modes.values().map(Queue::depth).sum()
    }

    /// Index operations so far, which a test holds to a bound.
    #[cfg(test)]
    fn operations(&self) -> u64 {
        self.modes.values().map(|queue| queue.operations).sum()
    }

    fn order(&mut self, order: Order<P>, now: u64, effects: &mut Vec<Effect<P, O>>) {
        let Order {
            mode,
            basis,
            works,
            urgent,
        } = order;
        if !self.modes.contains_key(&mode) {
            for (uid, class) in urgent {
                self.release.urge(&uid, &mode, class, now);
            }
        }
        let finished = &mut self.finished;
        let queue = self
            .modes
            .entry(mode.clone())
            .or_insert_with(|| Queue::since(finished.remove(&mode).unwrap_or(i64::MIN)));
        let (sound, poisoned): (Vec<_>, Vec<_>) = works
            .into_iter()
            .partition(|work| !self.targets.is_quarantined(&work.uid));
        for work in poisoned {
            if self.targets.quarantine(&work.uid, &mode) {
                effects.push(Effect::Quarantine {
                    mode: mode.clone(),
                    uid: work.uid,
                });
            }
        }
        queue.order(basis, sound, &mut self.counter);
    }

    fn wrote(
        &mut self,
        mode: &str,
        uid: &Uid,
        result: Wrote<O>,
        seen: Option<Observed>,
        now: u64,
        effects: &mut Vec<Effect<P, O>>,
    ) {
        let cooling = match &result {
            Wrote::Ambiguous { after_ms } => now.saturating_add(*after_ms),
            Wrote::Settled(_) | Wrote::Busy { .. } | Wrote::Again { .. } | Wrote::Panicked => 0,
        };
        let Some(flight) = self.targets.land(mode, uid, now, cooling) else {
            return;
        };
        self.release.land(uid, seen, now);
        self.unpark(uid);
        let flying = self.targets.flying() + 1;
        let Some(queue) = self.modes.get_mut(mode) else {
            return;
        };
        queue.landed();
        match result {
            Wrote::Settled(outcomes) => {
                self.limit.answered(flying);
                queue.settled(uid, outcomes, now, &mut self.counter);
            }
            Wrote::Busy { after_ms } => {
                self.hold_until = self.hold_until.max(now.saturating_add(after_ms));
                self.limit.refused(flight.issue, self.counter);
                queue.retry(uid, None, false, &mut self.counter);
            }
            Wrote::Again { after_ms } => {
                self.limit.answered(flying);
                self.again(mode, uid, after_ms, now);
            }
            Wrote::Ambiguous { after_ms } => {
                self.limit.unanswered();
                self.again(mode, uid, after_ms, now);
            }
            Wrote::Panicked => {
                queue.remove(uid);
                self.targets.quarantine(uid, mode);
                effects.push(Effect::Quarantine {
                    mode: mode.to_owned(),
                    uid: uid.clone(),
                });
            }
        }
    }

    /// A target is to be tried again: in its place a few times, then at the tail, ever later.
    fn again(&mut self, mode: &str, uid: &Uid, after_ms: u64, now: u64) {
        let Some(queue) = self.modes.get_mut(mode) else {
            return;
        };
        let attempts = queue.attempts(uid);
        let tail = attempts > QUICK_RETRIES;
        let growing = if tail {
            let doublings = (attempts - QUICK_RETRIES - 1).min(6);
            (TAIL_DELAY_MS << doublings).min(TAIL_DELAY_MOST_MS)
        } else {
            0
        };
        let at = now.saturating_add(after_ms.max(growing));
        if queue.retry(uid, Some(at), tail, &mut self.counter) {
            self.delayed.insert((at, mode.to_owned(), uid.clone()));
        }
    }

    fn unpark(&mut self, uid: &Uid) {
        for mode in self.targets.unpark(uid) {
            if let Some(queue) = self.modes.get_mut(&mode) {
                queue.unpark(uid);
            }
        }
    }
}
