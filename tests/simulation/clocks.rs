//! Clocks on the wall that are wrong: each machine has its own, minutes ahead or behind, and somebody
//! may set it in the middle of an emergency.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pingzhan::run::clock::Clock;

/// The clock of one machine, in seconds: how far it is ahead, and when somebody sets it by how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hands {
    pub ahead: i64,
    /// When, since the first process began, and by how many seconds.
    pub set: Option<(u64, i64)>,
}

impl Hands {
    /// Up to a quarter of an hour ahead or behind; one in three is set in the first ten minutes.
    pub fn drawn(rng: &mut Rng) -> Self {
        Self {
            ahead: rng.i64(-900..=900),
            set: (rng.u8(0..3) == 0).then(|| (rng.u64(5..600), rng.i64(-900..=900))),
        }
    }

    /// What a machine that begins now has on its wall. `now` is the right time, `since` how long ago
    /// the first process began.
    pub fn clock(self, now: Timestamp, since: Duration) -> Clock {
        let wall = |error: i64| {
            let error = SignedDuration::from_secs(error);
            now.saturating_add(error).expect("a time")
        };
        match self.set {
            Some((at, by)) if since >= Duration::from_secs(at) => {
                Clock::from(wall(self.ahead + by))
            }
            Some((at, by)) => {
                let left = Duration::from_secs(at).saturating_sub(since);
                Clock::from(wall(self.ahead)).set_after(left, SignedDuration::from_secs(by))
            }
            None => Clock::from(wall(self.ahead)),
        }
    }

    /// How far it was ahead at most, and at least, in a time: both in milliseconds since the first
    /// process began.
    pub fn errors(self, from: u64, to: u64) -> (SignedDuration, SignedDuration) {
        let before = self.ahead;
        let (most, least) = match self.set {
            Some((at, by)) if at * 1000 <= from => (before + by, before + by),
            Some((at, by)) if at * 1000 <= to => (before.max(before + by), before.min(before + by)),
            Some(_) | None => (before, before),
        };
        (
            SignedDuration::from_secs(most),
            SignedDuration::from_secs(least),
        )
    }
}

impl fmt::Display for Hands {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:+} s", self.ahead)?;
        match self.set {
            Some((at, by)) => write!(to, ", set by {by:+} s at {at} s"),
            None => Ok(()),
        }
    }
}
