//! What goes into the scheduler and what comes out.

use crate::field::Uid;

/// What is written first: people wait for values, nobody waits for ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The write changes a value.
    Value,
    /// The write gives ownership back.
    Ownership,
}

/// How soon people wait for what a work brings about: a lower class is released first, and what is
/// written of a higher one is few while the controllers are busy with a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u8);

impl Class {
    /// Nothing is written, so that no controller has anything to do.
    pub const NOTE: Self = Self(0);
    /// What no playbook names.
    pub const REST: Self = Self(u8::MAX);

    /// That of a place in a stage's `priority`, 0 first; of what is not listed with none.
    pub const fn listed(place: Option<u8>) -> Self {
        match place {
            Some(place) if place < u8::MAX - 1 => Self(place + 1),
            Some(_) | None => Self::REST,
        }
    }

    /// Its place in a `priority`, if it has one.
    pub const fn place(self) -> Option<u8> {
        match self {
            Self::NOTE | Self::REST => None,
            Self(place) => Some(place - 1),
        }
    }

    /// A rank of this class: what has a lower class has a lower rank, whatever its place, of which
    /// 56 bits count.
    pub const fn rank(self, place: u64) -> u64 {
        (self.0 as u64) << 56 | place & (u64::MAX >> 8)
    }

    /// The class of a rank.
    #[allow(clippy::cast_possible_truncation, reason = "only eight bits are left")]
    pub const fn of(rank: u64) -> Self {
        Self((rank >> 56) as u8)
    }
}

/// How far the cluster's controllers are with a target that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They have not seen what was written.
    Unobserved,
    /// They have, and are not done.
    Unready,
    /// They are done, or nothing is to be waited for.
    Settled,
}

/// A target as it was seen after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its generation.
    pub generation: i64,
    /// How far the controllers are with it.
    pub standing: Standing,
}

/// What must be stored before a work may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: the intent is stored already.
    Nothing,
    /// Its intents.
    Intents {
        /// How many entries.
        changes: usize,
        /// Their size in a record.
        bytes: usize,
    },
    /// Outcomes that say that its entries turned.
    Turned,
}

/// One thing to be done to one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Work<P> {
    /// The target's uid.
    pub uid: Uid,
    /// How soon people wait for it.
    pub class: Class,
    /// Place among the works of its mode and class: lower goes first.
    pub rank: u64,
    /// What is to be done: works of one uid with equal tags are the same work.
    pub tag: u64,
    /// The lane.
    pub lane: Lane,
    /// What must be stored first.
    pub before: Before,
    /// What the executor needs to carry it out.
    pub payload: P,
}

/// Everything that a mode wants to be done now. The latest order wins.
#[derive(Clone, Debug, PartialEq)]
pub struct Order<P> {
    /// The mode.
    pub mode: String,
    /// The sequence of the last journal record that the decision knew.
    pub basis: i64,
    /// The works, at most one a uid.
    pub works: Vec<Work<P>>,
    /// Targets that are written already and that people wait for: whether the controllers are done
    /// with them is not known to a scheduler that has not written them itself.
    pub urgent: Vec<(Uid, Class)>,
}

/// Which of a mode's two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// What [`Effect::Record`] asked for.
    Works,
    /// What [`Effect::RecordOutcomes`] asked for.
    Outcomes,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrote<O> {
    /// It is done, or refused for good: these outcomes are to be recorded.
    Settled(Vec<O>),
    /// 429: the whole process holds back for this long, and the limit is halved.
    Busy {
        /// Milliseconds, from `Retry-After`.
        after_ms: u64,
    },
    /// The target moved: try it again.
    Again {
        /// Milliseconds to wait at least.
        after_ms: u64,
    },
    /// Nobody knows whether it was applied. No mode writes the target before this has passed.
    Ambiguous {
        /// Milliseconds until the write is known to be dead.
        after_ms: u64,
    },
    /// The executor's code panicked on it: this process does not touch the target again.
    Panicked,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<P, O> {
    /// A mode has a new order.
    Order(Order<P>),
    /// A mode wants nothing more. What is in flight is still recorded.
    Drop {
        /// The mode.
        mode: String,
    },
    /// A record of works is stored.
    Recorded {
        /// The mode.
        mode: String,
        /// Its sequence.
        sequence: i64,
        /// By uid, the payloads, which now know their entries.
        works: Vec<(Uid, P)>,
    },
    /// A record is known not to be stored.
    RecordFailed {
        /// The mode.
        mode: String,
        /// Which record.
        recording: Recording,
        /// When to try again; with none, after a delay that grows.
        retry_after_ms: Option<u64>,
        /// Another leader has taken over: everything of every mode is dropped.
        deposed: bool,
    },
    /// A write was answered.
    Wrote {
        /// The mode.
        mode: String,
        /// The target.
        uid: Uid,
        /// The answer.
        result: Wrote<O>,
        /// The target as the answer has it, where it says anything.
        seen: Option<Observed>,
    },
    /// A target was seen; asked for by [`Effect::Follow`].
    Observed {
        /// The target.
        uid: Uid,
        /// As it is.
        seen: Observed,
    },
    /// A record of outcomes is stored.
    OutcomesRecorded {
        /// The mode.
        mode: String,
        /// Its sequence.
        sequence: i64,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect<P, O> {
    /// Store these works' intents, or their turn: all have the same kind of [`Before`].
    Record {
        /// The mode.
        mode: String,
        /// The works.
        works: Vec<Work<P>>,
    },
    /// Write a target.
    Write {
        /// The mode.
        mode: String,
        /// The work.
        work: Work<P>,
        /// How often it was tried before: with 1 or more, read the target first.
        attempt: u32,
    },
    /// Store these outcomes.
    RecordOutcomes {
        /// The mode.
        mode: String,
        /// The outcomes, in the order of their writes' answers.
        outcomes: Vec<O>,
    },
    /// Send a tick at this time. A later `Wake` never takes an earlier one back.
    Wake {
        /// The time.
        at: u64,
    },
    /// The target is not touched again by this process: say so. Once a mode and uid.
    Quarantine {
        /// The mode.
        mode: String,
        /// The target.
        uid: Uid,
    },
    /// From now on, or until now, tell how far the controllers are with what is written.
    Follow(bool),
    /// A target is not waited for any longer, though the controllers are not done with it: say so.
    GaveUp {
        /// The mode.
        mode: String,
        /// The target.
        uid: Uid,
        /// How far they were.
        standing: Standing,
    },
}
