//! What the connection of an operator meets: faults from a seed, or exactly these.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// What one request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is refused with this code; with 429 the client is asked to stay away for some seconds.
    Refused(u16),
    /// It is carried out, and the answer is this code.
    Lost(u16),
    /// A conflict is answered, and nothing was done.
    Conflict,
    /// No answer comes; it was carried out or not.
    Silent(bool),
    /// It arrives so many milliseconds later, whether or not the client still waits.
    Late(u64),
    /// It is answered with 504 at once, and arrives so many milliseconds later all the same.
    Astray(u64),
    /// The process dies; its request is carried out or not.
    Death(bool),
    /// The process dies; its request arrives so many milliseconds later.
    Posthumous(u64),
    /// Of a watch: it ends after so many milliseconds.
    Cut(u64),
    /// Of a watch: the server says that it has forgotten what it is to tell (410).
    Expired,
    /// Of a watch: each event is told twice.
    Twice,
    /// Of a watch: everything is told so many milliseconds late.
    Stale(u64),
    /// Of a watch: the connection is open, and nothing comes.
    HalfOpen,
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = |carried: bool| {
            if carried {
                "carried out"
            } else {
                "not carried out"
            }
        };
        match self {
            Self::Refused(429) => {
                write!(to, "was refused: too many requests, come back in {AWAY} s")
            }
            Self::Refused(code) => write!(to, "was refused with {code}"),
            Self::Lost(code) => write!(to, "was carried out and answered with {code}"),
            Self::Conflict => write!(to, "met a conflict that was none"),
            Self::Silent(carried) => write!(to, "was {} and never answered", done(*carried)),
            Self::Late(ms) => write!(to, "arrived {} late", seconds(*ms)),
            Self::Astray(ms) => {
                write!(
                    to,
                    "was answered with 504, and arrived {} late",
                    seconds(*ms)
                )
            }
            Self::Death(carried) => write!(to, "was the last of its process, {}", done(*carried)),
            Self::Posthumous(ms) => {
                write!(
                    to,
                    "was the last of its process, and arrived {} late",
                    seconds(*ms)
                )
            }
            Self::Cut(ms) => write!(to, "was cut after {}", seconds(*ms)),
            Self::Expired => write!(to, "was told that it is too old (410)"),
            Self::Twice => write!(to, "was told everything twice"),
            Self::Stale(ms) => write!(to, "was told everything {} late", seconds(*ms)),
            Self::HalfOpen => write!(to, "was never told anything"),
        }
    }
}

/// For how many seconds a client that asked too often is to stay away.
pub const AWAY: u64 = 2;

fn seconds(ms: u64) -> String {
    format!("{}", humane(Duration::from_millis(ms)))
}

fn humane(time: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX)
}

/// Which request: of which process, and its number among all of them or among its writes. Renewals of
/// the lease are no writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// By its number among all requests.
    Request(usize, usize),
    /// By its number among the writes.
    Write(usize, usize),
}

/// How many of a thousand requests meet each kind of fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub refused: u32,
    pub busy: u32,
    pub lost: u32,
    pub conflict: u32,
    pub silent: u32,
    pub late: u32,
    /// How late at most, in milliseconds.
    pub latest: u64,
    /// Deaths in the whole schedule, at most.
    pub deaths: u32,
    /// Of a thousand watches, how many meet one of their faults.
    pub watches: u32,
    /// How late watches tell at most, in milliseconds.
    pub stalest: u64,
}

impl Rates {
    /// C5: 5 % each of 500, 504 after the write, 429 and 409; 30 % of watches; up to three deaths.
    pub const RANDOM: Self = Self {
        refused: 50,
        busy: 50,
        lost: 50,
        conflict: 50,
        silent: 10,
        late: 10,
        latest: 8_000,
        deaths: 3,
        watches: 300,
        stalest: 30_000,
    };
}

/// What requests meet.
#[derive(Clone, Debug)]
pub enum Weather {
    /// Drawn for each request; the same seed draws the same.
    Drawn(u64, Rates),
    /// Exactly these.
    Listed(BTreeMap<Which, Fault>),
    /// Every write of a target or a record is carried out and its first answer is lost.
    Unanswered,
}

/// A request, as the weather sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub process: usize,
    pub request: usize,
    /// Its number among the writes of its process; none where it is no write.
    pub write: Option<usize>,
    pub watch: bool,
    pub lease: bool,
    pub creates: bool,
    /// Deaths so far.
    pub deaths: u32,
}

impl Weather {
    /// Without faults.
    pub const fn fine() -> Self {
        Self::Listed(BTreeMap::new())
    }

    /// One fault.
    pub fn one(which: Which, fault: Fault) -> Self {
        Self::Listed(BTreeMap::from([(which, fault)]))
    }

    /// What a request meets.
    pub fn draw(&self, seen: Seen) -> Option<Fault> {
        match self {
            Self::Listed(listed) => {
                let by_write = seen
                    .write
                    .and_then(|write| listed.get(&Which::Write(seen.process, write)));
                by_write
                    .or_else(|| listed.get(&Which::Request(seen.process, seen.request)))
                    .copied()
            }
            Self::Drawn(chance, rates) => rates.draw(*chance, seen),
            Self::Unanswered => seen.write.map(|_| Fault::Lost(504)),
        }
    }
}

impl Rates {
    fn draw(&self, chance: u64, seen: Seen) -> Option<Fault> {
        let mut rng = Rng::with_seed(mixed(chance, seen.process as u64, seen.request as u64));
        if seen.watch {
            return (rng.u32(0..1000) < self.watches).then(|| self.of_a_watch(&mut rng));
        }
        let drawn = rng.u32(0..1000);
        let writes = seen.write.is_some() || seen.lease;
        // Deaths are rare enough that they fall into every part of a story.
        if seen.deaths < self.deaths && !seen.lease && rng.u32(0..1000) < 8 {
            return Some(Fault::Death(rng.bool()));
        }
        let rows = [
            (
                self.refused,
                Fault::Refused(if rng.bool() { 500 } else { 503 }),
            ),
            (self.busy, Fault::Refused(429)),
            (self.lost, Fault::Lost(if rng.bool() { 504 } else { 500 })),
            (
                if writes && !seen.creates {
                    self.conflict
                } else {
                    0
                },
                Fault::Conflict,
            ),
            (self.silent, Fault::Silent(rng.bool())),
            (self.late, Fault::Late(rng.u64(0..self.latest.max(1)))),
        ];
        let mut below = 0;
        rows.into_iter().find_map(|(share, fault)| {
            below += share;
            (drawn < below).then_some(fault)
        })
    }

    fn of_a_watch(&self, rng: &mut Rng) -> Fault {
        match rng.u8(0..5) {
            0 => Fault::Cut(rng.u64(0..60_000)),
            1 => Fault::Expired,
            2 => Fault::Twice,
            3 => Fault::Stale(rng.u64(0..self.stalest.max(1))),
            _ => Fault::HalfOpen,
        }
    }
}

/// One number of three, in which a change of any changes everything.
pub fn mixed(seed: u64, a: u64, b: u64) -> u64 {
    let mut rng = Rng::with_seed(seed ^ a.rotate_left(40));
    let first = rng.u64(..);
    Rng::with_seed(first ^ b).u64(..)
}
