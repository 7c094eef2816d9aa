//! The order of release: which targets the cluster's controllers are busy with, and what may be
//! written meanwhile.
//!
//! People wait for Ready pods, and a controller takes targets in the order in which they were
//! changed. So while it is busy with a lower class, only a few targets of higher ones are given to
//! it: as many as keep it busy, and not so many that the lower class waits behind them.
//!
//! Nobody is held up for ever: a target that is not observed, or not ready, in time is not waited
//! for any longer; where no controller says anything, no class waits for another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::types::{Class, Observed, Standing};
use crate::field::Uid;

/// How long a target is waited for that its controller has not seen. A controller that is up takes
/// it within a second or two, as few as there are before it: it is down, or has no such habit.
const OBSERVED_MS: u64 = 10_000;
/// How long a target is waited for that its controller has seen. Images are pulled and probes
/// passed in a minute; and what waits behind it goes on meanwhile as fast as the controllers do.
const READY_MS: u64 = 60_000;
/// What the controllers have before them at most, in what they did of late: two seconds of work, so
/// that they are never idle, and that what is urgent waits two seconds for its turn.
const PIPE_MS: u64 = 2_000;
/// The fewest targets that they have before them: more than a stock controller has workers for one
/// kind (5), so that it is busy also before its rate is known.
const FEWEST: usize = 8;

/// Where a target is that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Being written.
    Flying,
    /// Its controller has not seen it.
    Unobserved,
    /// Its controller has seen it and is not done.
    Unready,
}

#[derive(Debug)]
struct Known {
    mode: String,
    class: Class,
    stage: Stage,
    /// Since when it is in this stage.
    since: u64,
    /// When it is not waited for any longer.
    until: u64,
    /// Its generation as the answer to its write had it: what was seen before says nothing.
    generation: i64,
    /// The newest that was seen of it while it was written.
    early: Option<Observed>,
}

/// How many targets of a class there are.
#[derive(Debug, Default)]
struct Count {
    /// All.
    open: usize,
    /// Those that are before the controllers: being written, or not observed.
    ahead: usize,
}

/// A target that is not waited for any longer: its mode and how far the controllers were.
pub type GivenUp = (String, Uid, Standing);

/// What is released and not done.
#[derive(Debug, Default)]
pub struct Release {
    known: BTreeMap<Uid, Known>,
    counts: BTreeMap<Class, Count>,
    until: BTreeSet<(u64, Uid)>,
    /// When targets were observed of late.
    observed: VecDeque<u64>,
    last_observed: u64,
    /// Nothing was observed for so long that the controllers are taken for down.
    silent: bool,
    following: bool,
}

impl Release {
    /// Whether a value of this class may be written now.
    pub fn admits(&self, class: Class) -> bool {
        let Some(top) = self.top().filter(|top| class > *top) else {
            return true;
        };
        self.silent || self.ahead_after(top) < self.window()
    }

    /// The lowest class with which the controllers are busy.
    pub fn top(&self) -> Option<Class> {
        self.counts.keys().next().copied()
    }

    /// Sets whether it is told; whether that is new. Where it is not, nobody waits, and of what is
    /// urgent it stays known for a while that it may not be ready.
    pub fn follow(&mut self, following: bool) -> bool {
        let new = self.following != following;
        self.following = following;
        if new && !following {
            self.silent = false;
            let idle = |known: &Known| known.class == Class::REST && known.stage != Stage::Flying;
            self.forget(idle);
        }
        new
    }

    /// A value of a target is being written.
    pub fn fly(&mut self, uid: &Uid, mode: &str, class: Class, now: u64) {
        self.remove(uid);
        if class == Class::NOTE {
            return;
        }
        let known = Known {
            mode: mode.to_owned(),
            class,
            stage: Stage::Flying,
            since: now,
            until: u64::MAX,
            generation: 0,
            early: None,
        };
        self.insert(uid, known);
    }

    /// A write was answered; with what the answer says of the target, where it was written.
    pub fn land(&mut self, uid: &Uid, seen: Option<Observed>, now: u64) {
        let flying = |known: &Known| known.stage == Stage::Flying;
        if !self.known.get(uid).is_some_and(flying) {
            return;
        }
        let Some(mut known) = self.remove(uid) else {
            return;
        };
        let Some(answer) = seen else { return };
        if known.class == Class::REST && !self.following {
            return;
        }
        known.generation = answer.generation;
        let early = known.early.take();
        let newest = early.filter(|early| early.generation >= answer.generation);
        if newest.is_some_and(|newest| newest.standing != Standing::Unobserved) {
            known.stage = Stage::Unobserved;
        }
        self.place(uid, known, newest.unwrap_or(answer).standing, now);
    }

    /// A target is written already, by whom it is not known, and people wait for it.
    pub fn urge(&mut self, uid: &Uid, mode: &str, class: Class, now: u64) {
        if self.known.contains_key(uid) || class == Class::REST {
            return;
        }
        let known = Known {
            mode: mode.to_owned(),
            class,
            stage: Stage::Unobserved,
            since: now,
            until: now.saturating_add(OBSERVED_MS),
            generation: 0,
            early: None,
        };
        self.insert(uid, known);
    }

    /// A target was seen.
    pub fn observed(&mut self, uid: &Uid, seen: Observed, now: u64) {
        match self.known.get_mut(uid) {
            Some(known) if known.stage == Stage::Flying => known.early = Some(seen),
            Some(known) if seen.generation >= known.generation => {
                if let Some(known) = self.remove(uid) {
                    self.place(uid, known, seen.standing, now);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Puts a target where it stands.
    fn place(&mut self, uid: &Uid, mut known: Known, standing: Standing, now: u64) {
        let (stage, room) = match standing {
            Standing::Unobserved => (Stage::Unobserved, OBSERVED_MS),
            Standing::Unready => (Stage::Unready, READY_MS),
            Standing::Settled => {
                self.note(known.stage, now);
                return;
            }
        };
        if stage == Stage::Unready {
            self.note(known.stage, now);
        }
        // The same again is no news, and gives no more time.
        if known.stage != stage {
            known.stage = stage;
            known.since = now;
            known.until = now.saturating_add(room);
        }
        self.insert(uid, known);
    }

    /// A controller has seen a target that was in this stage.
    fn note(&mut self, before: Stage, now: u64) {
        if before == Stage::Unobserved {
            self.observed.push_back(now);
            self.last_observed = now;
            self.silent = false;
        }
    }

    /// Time has passed: what is not waited for any longer, where that is worth saying.
    pub fn tick(&mut self, now: u64) -> Vec<GivenUp> {
        while self
            .observed
            .front()
            .is_some_and(|at| at.saturating_add(PIPE_MS) <= now)
        {
            self.observed.pop_front();
        }
        let mut given_up = Vec::new();
        while let Some((at, uid)) = self.until.first().cloned()
            && at <= now
        {
            self.until.pop_first();
            let Some(known) = self.remove(&uid) else {
                continue;
            };
            let standing = match known.stage {
                Stage::Flying => continue,
                Stage::Unobserved => Standing::Unobserved,
                Stage::Unready => Standing::Unready,
            };
            // A controller that took others meanwhile is up: only this one is not taken.
            self.silent |= standing == Standing::Unobserved && self.last_observed <= known.since;
            if self.following {
                given_up.push((known.mode, uid, standing));
            }
        }
        given_up
    }

    /// When the next target is not waited for any longer.
    pub fn next_at(&self) -> Option<u64> {
        self.until.first().map(|(at, _)| *at)
    }

    /// Nobody waits for a mode's targets any longer.
    pub fn drop_mode(&mut self, mode: &str) {
        self.forget(|known| known.mode == mode && known.stage != Stage::Flying);
    }

    fn forget(&mut self, which: impl Fn(&Known) -> bool) {
        let known = self.known.iter().filter(|(_, known)| which(known));
        let uids: Vec<Uid> = known.map(|(uid, _)| uid.clone()).collect();
        for uid in uids {
            self.remove(&uid);
        }
    }

    /// How many targets of classes after this one are before the controllers.
    fn ahead_after(&self, top: Class) -> usize {
        let after = self.counts.iter().filter(|(class, _)| **class > top);
        after.map(|(_, count)| count.ahead).sum()
    }

    /// How many may be.
    fn window(&self) -> usize {
        self.observed.len().max(FEWEST)
    }

    fn insert(&mut self, uid: &Uid, known: Known) {
        let count = self.counts.entry(known.class).or_default();
        count.open += 1;
        count.ahead += usize::from(known.stage != Stage::Unready);
        if known.until < u64::MAX {
            self.until.insert((known.until, uid.clone()));
        }
        self.known.insert(uid.clone(), known);
    }

    fn remove(&mut self, uid: &Uid) -> Option<Known> {
        let known = self.known.remove(uid)?;
        self.until.remove(&(known.until, uid.clone()));
        if let Some(count) = self.counts.get_mut(&known.class) {
            count.open -= 1;
            count.ahead -= usize::from(known.stage != Stage::Unready);
            if count.open == 0 {
                self.counts.remove(&known.class);
            }
        }
        Some(known)
    }
}
