//! What starts after each event: records, writes in their order, outcomes, and the next wake.

use crate::ledger::record::{FIRST_GROUP, GROUP};

use super::Scheduler;
use super::queue::Queue;
use super::release::Release;
use super::targets::Flight;
use super::types::{Effect, Lane, Work};

/// Recorded works kept ready, in limits: a record of 256 changes takes a few writes' time, and
/// four limits of writes outlast it, so that no slot runs dry while the next group is stored.
const LEAD: usize = 4;
impl<P: Clone, O: Clone> Scheduler<P, O> {
    /// Everything that can start now, starts.
    pub(super) fn pump(&mut self, now: u64, effects: &mut Vec<Effect<P, O>>) {
        self.due(now);
        let given_up = self.release.tick(now).into_iter();
        effects.extend(given_up.map(|(mode, uid, standing)| Effect::GaveUp {
            mode,
            uid,
            standing,
        }));
        if now >= self.hold_until {
            // Records before writes: the next group is stored while the present one is written.
            self.records(now, effects);
            while let Some((mode, work, attempt)) = self.next_write(now, effects) {
                effects.push(Effect::Write {
                    mode,
                    work,
                    attempt,
                });
            }
            self.records(now, effects);
            for (mode, queue) in &mut self.modes {
                if let Some(outcomes) = queue.flush(now) {
                    effects.push(Effect::RecordOutcomes {
                        mode: mode.clone(),
                        outcomes,
                    });
                }
            }
        }
        let finished = &mut self.finished;
        self.modes.retain(|mode, queue| {
            let last = queue.finished_at();
            finished.extend(last.map(|sequence| (mode.clone(), sequence)));
            last.is_none()
        });
        self.follow(effects);
        self.set_wake(now, effects);
    }

    /// Whether some class waits for another, so that it is worth knowing how far that is.
    fn follow(&mut self, effects: &mut Vec<Effect<P, O>>) {
        let waits = self.release.top().is_some_and(|top| {
            let mut last = self.modes.values().filter_map(Queue::last_class);
            last.any(|class| class > top)
        });
        if self.release.follow(waits) {
            effects.push(Effect::Follow(waits));
        }
    }

    fn due(&mut self, now: u64) {
        while self.delayed.first().is_some_and(|(at, _, _)| *at <= now) {
            if let Some((at, mode, uid)) = self.delayed.pop_first()
                && let Some(queue) = self.modes.get_mut(&mode)
            {
                queue.due(&uid, at);
            }
        }
        for uid in self.targets.cooled(now) {
            self.unpark(&uid);
        }
    }

    fn records(&mut self, now: u64, effects: &mut Vec<Effect<P, O>>) {
        let lead = LEAD * self.limit.now();
        for (mode, queue) in &mut self.modes {
            while queue.wants_record(now, lead) {
                let works = queue.group(FIRST_GROUP, GROUP);
                let (sound, poisoned): (Vec<_>, Vec<_>) = works
                    .into_iter()
                    .partition(|work| !self.targets.is_quarantined(&work.uid));
                for work in poisoned {
                    queue.remove(&work.uid);
                    if self.targets.quarantine(&work.uid, mode) {
                        effects.push(Effect::Quarantine {
                            mode: mode.clone(),
                            uid: work.uid,
                        });
                    }
                }
                queue.start_record(&sound);
                if !sound.is_empty() {
                    effects.push(Effect::Record {
                        mode: mode.clone(),
                        works: sound,
                    });
                }
            }
        }
    }

    /// The next write, if a slot is free: a value of the mode whose last turn is longest ago, else
    /// ownership.
    fn next_write(
        &mut self,
        now: u64,
        effects: &mut Vec<Effect<P, O>>,
    ) -> Option<(String, Work<P>, u32)> {
        loop {
            let lane = self.open_lane(now)?;
            let release = &self.release;
            let (mode, queue) = self
                .modes
                .iter_mut()
                .filter(|(_, queue)| next_lane(queue, release) == Some(lane))
                .min_by_key(|(_, queue)| queue.served)?;
            let uid = queue.pop_ready()?;
            if self.targets.is_quarantined(&uid) {
                queue.remove(&uid);
                if self.targets.quarantine(&uid, mode) {
                    effects.push(Effect::Quarantine {
                        mode: mode.clone(),
                        uid,
                    });
                }
                continue;
            }
            if self.targets.is_busy(&uid, now) {
                queue.park(&uid);
                self.targets.park(&uid, mode);
                continue;
            }
            self.counter += 1;
            queue.served = self.counter;
            let Some((work, attempt)) = queue.start_write(&uid) else {
                continue;
            };
            let flight = Flight {
                mode: mode.clone(),
                lane: work.lane,
                issue: self.counter,
            };
            self.targets.fly(&uid, flight);
            if work.lane == Lane::Value {
                self.release.fly(&uid, mode, work.class, now);
            }
            return Some((mode.clone(), work, attempt));
        }
    }

    /// The lane from which a write may start now.
    fn open_lane(&self, now: u64) -> Option<Lane> {
        let room = self.targets.flying() < self.limit.now();
        let value = self
            .modes
            .values()
            .any(|queue| next_lane(queue, &self.release) == Some(Lane::Value));
        if value {
            return room.then_some(Lane::Value);
        }
        let pressing = self.targets.flying_in(Lane::Value) > 0
            || self.modes.values().any(|queue| queue.presses_value(now));
        // Half the slots stay free, so that a value that comes now starts at once.
        let share = (self.limit.now() / 2).max(1);
        (room && !pressing && self.targets.flying_in(Lane::Ownership) < share)
            .then_some(Lane::Ownership)
    }

    fn set_wake(&mut self, now: u64, effects: &mut Vec<Effect<P, O>>) {
        let hold = (self.hold_until > now && !self.modes.is_empty()).then_some(self.hold_until);
        let next = self
            .modes
            .values()
            .filter_map(|queue| queue.next_at(now))
            .chain(self.delayed.first().map(|(at, _, _)| *at))
            .chain(self.targets.next_cooled())
            .chain(self.release.next_at())
            // What is due during a hold starts after it.
            .map(|at| at.max(self.hold_until))
            .chain(hold)
            .min();
        self.wake = self.wake.filter(|at| *at > now);
        if let Some(at) = next
            && self.wake.is_none_or(|before| at < before)
        {
            self.wake = Some(at);
            effects.push(Effect::Wake { at });
        }
    }
}

/// The lane of a mode's next write, unless it has to wait for the controllers.
fn next_lane<P: Clone, O: Clone>(queue: &Queue<P, O>, release: &Release) -> Option<Lane> {
    let (lane, class) = queue.first_ready()?;
    match lane {
        Lane::Value => release.admits(class).then_some(lane),
        Lane::Ownership => Some(lane),
    }
}
