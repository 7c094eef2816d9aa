//! The works of one mode, and what has become of each.

mod record;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use super::outcomes::Outcomes;
use super::types::{Before, Class, Lane, Work};
use crate::field::Uid;

pub use record::back_off;

/// The place of a work: lane, class, tail, rank, then the order in which works were placed.
type Key = (Lane, Class, bool, u64, u64);

/// Where a work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be recorded.
    Waiting,
    /// Its record is in flight.
    Recording,
    /// To be written.
    Ready,
    /// To be written, when its target comes free.
    Parked,
    /// Tried; not before this time.
    Delayed(u64),
    /// Being written.
    Writing,
    /// Written; its outcomes are not stored yet.
    Settled,
}

/// What later orders said of a work that was under way.
#[derive(Debug)]
enum Later<P> {
    /// There was none.
    Nothing,
    /// It is not wanted any more.
    Absent,
    /// This is wanted, decided from this sequence.
    Wanted(Box<Work<P>>, i64),
}

#[derive(Debug)]
struct Item<P> {
    work: Work<P>,
    state: State,
    /// What must be stored before the write is stored.
    cleared: bool,
    attempts: u32,
    key: Key,
    later: Later<P>,
}

/// The queue of a mode.
#[derive(Debug)]
pub struct Queue<P, O> {
    items: BTreeMap<Uid, Item<P>>,
    waiting: BTreeMap<Key, Uid>,
    ready: BTreeMap<Key, Uid>,
    /// Of each target, the sequence of the last record about it, where orders may be older.
    touched: BTreeMap<Uid, i64>,
    basis: i64,
    recording: Vec<Uid>,
    /// The last class of values that are being recorded.
    recording_value: Option<Class>,
    hold: u64,
    failures: u32,
    /// Whether something was recorded since the mode was last at rest.
    started: bool,
    writing: usize,
    outcomes: Outcomes<O>,
    dropped: bool,
    /// When the mode last had its turn.
    pub served: u64,
    /// Index operations so far.
    #[cfg(test)]
    pub operations: u64,
}

impl<P: Clone, O: Clone> Queue<P, O> {
    /// The queue of a mode of which orders from before `basis` are stale.
    pub fn since(basis: i64) -> Self {
        Self {
            items: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ready: BTreeMap::new(),
            touched: BTreeMap::new(),
            basis,
            recording: Vec::new(),
            recording_value: None,
            hold: 0,
            failures: 0,
            started: false,
            writing: 0,
            outcomes: Outcomes::default(),
            dropped: false,
            served: 0,
            #[cfg(test)]
            operations: 0,
        }
    }

    /// Works that are queued or under way.
    pub fn depth(&self) -> usize {
        self.items.len()
    }

    /// Once the mode was dropped and nothing of it is under way: the last sequence seen.
    pub fn finished_at(&self) -> Option<i64> {
        (self.dropped && self.items.is_empty() && self.outcomes.is_empty()).then(|| {
            self.touched
                .values()
                .fold(self.basis, |last, more| last.max(*more))
        })
    }

    /// Takes a new order; one that was decided from an older journal than the last is ignored.
    pub fn order(&mut self, basis: i64, works: Vec<Work<P>>, counter: &mut u64) {
        if basis < self.basis {
            return;
        }
        self.basis = basis;
        self.dropped = false;
        self.touched.retain(|_, sequence| *sequence > basis);
        let mut wanted = BTreeSet::new();
        for work in works {
            if wanted.insert(work.uid.clone()) {
                self.offer(work, basis, counter);
            }
        }
        let unwanted: Vec<Uid> = self
            .items
            .keys()
            .filter(|uid| !wanted.contains(*uid))
            .cloned()
            .collect();
        for uid in unwanted {
            self.unwant(&uid);
        }
        self.rest();
    }

    /// Nothing more is wanted.
    pub fn drop_all(&mut self) {
        let uids: Vec<Uid> = self.items.keys().cloned().collect();
        for uid in uids {
            self.unwant(&uid);
        }
        self.dropped = true;
        self.rest();
    }

    fn unwant(&mut self, uid: &Uid) {
        if let Some(item) = self.items.get_mut(uid) {
            match item.state {
                State::Recording | State::Writing | State::Settled => item.later = Later::Absent,
                State::Waiting | State::Ready | State::Parked | State::Delayed(_) => {
                    self.remove(uid);
                }
            }
        }
    }

    fn is_fresh(&self, uid: &Uid, basis: i64) -> bool {
        self.touched
            .get(uid)
            .is_none_or(|sequence| basis >= *sequence)
    }

    fn offer(&mut self, work: Work<P>, basis: i64, counter: &mut u64) {
        let fresh = self.is_fresh(&work.uid, basis);
        let Some(item) = self.items.get_mut(&work.uid) else {
            if fresh {
                self.insert(work, counter);
            }
            return;
        };
        match item.state {
            State::Recording | State::Writing | State::Settled => {
                item.later = Later::Wanted(Box::new(work), basis);
            }
            State::Waiting | State::Ready | State::Parked | State::Delayed(_) => {
                let same = item.work.tag == work.tag;
                match (fresh, same) {
                    (true, true) => self.renew(work, true, counter),
                    (false, true) => self.renew(work, false, counter),
                    (true, false) => {
                        self.remove(&work.uid);
                        self.insert(work, counter);
                    }
                    (false, false) => self.remove(&work.uid),
                }
            }
        }
    }

    /// The same work is wanted again: its place may be new; with `whole` so is all else but its
    /// attempts and delay.
    fn renew(&mut self, work: Work<P>, whole: bool, counter: &mut u64) {
        let uid = work.uid.clone();
        self.unindex(&uid);
        let Some(item) = self.items.get_mut(&uid) else {
            return;
        };
        *counter += 1;
        item.key = (work.lane, work.class, item.key.2, work.rank, *counter);
        if whole {
            item.cleared = work.before == Before::Nothing;
            item.work = work;
        } else {
            (item.work.rank, item.work.lane, item.work.class) = (work.rank, work.lane, work.class);
        }
        if let State::Waiting | State::Ready = item.state {
            self.place(&uid);
        }
    }

    fn insert(&mut self, work: Work<P>, counter: &mut u64) {
        *counter += 1;
        let uid = work.uid.clone();
        let item = Item {
            state: State::Waiting,
            cleared: work.before == Before::Nothing,
            attempts: 0,
            key: (work.lane, work.class, false, work.rank, *counter),
            later: Later::Nothing,
            work,
        };
        self.items.insert(uid.clone(), item);
        self.place(&uid);
    }

    /// Puts a work where it can go on: to be recorded, or to be written.
    fn place(&mut self, uid: &Uid) {
        self.count();
        if let Some(item) = self.items.get_mut(uid) {
            let (state, index) = if item.cleared {
                (State::Ready, &mut self.ready)
            } else {
                (State::Waiting, &mut self.waiting)
            };
            item.state = state;
            index.insert(item.key, uid.clone());
        }
    }

    fn unindex(&mut self, uid: &Uid) {
        self.count();
        if let Some(item) = self.items.get(uid) {
            match item.state {
                State::Waiting => self.waiting.remove(&item.key),
                State::Ready => self.ready.remove(&item.key),
                State::Recording
                | State::Parked
                | State::Delayed(_)
                | State::Writing
                | State::Settled => None,
            };
        }
    }

    /// Forgets a work.
    pub fn remove(&mut self, uid: &Uid) {
        self.unindex(uid);
        self.items.remove(uid);
    }

    fn touch(&mut self, uid: &Uid, sequence: i64) {
        let touched = self.touched.entry(uid.clone()).or_insert(sequence);
        *touched = sequence.max(*touched);
    }

    /// A mode without works is at rest: its next record is a first one again.
    fn rest(&mut self) {
        self.started &= !self.items.is_empty();
    }

    #[cfg(test)]
    fn count(&mut self) {
        self.operations += 1;
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "the count is kept in tests only")]
    fn count(&mut self) {}
}
