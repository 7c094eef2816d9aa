//! The one clock and the one source of randomness. Everything below `run` takes `now` as data;
//! everything above asks here, so that a test can replace both.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall and monotonic time.
///
/// Guarantees: [`monotonic_ms`](Self::monotonic_ms) never goes back, and stands still while tokio's
/// time is paused; clones agree. A machine that is suspended does not count the time, so the lease
/// alone does not fence a suspended leader: the journal's turn does.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: Wall,
    /// After how much time somebody sets the wall clock, and by how much.
    set: Option<(Duration, SignedDuration)>,
}

/// What the wall time follows.
#[derive(Clone, Copy, Debug)]
enum Wall {
    /// The machine's clock.
    Machine,
    /// A fixed beginning and tokio's time.
    From(Timestamp),
}

impl Clock {
    /// The machine's clock. Only `main` and the CLI make one.
    pub fn machine() -> Self {
        Self::starting(Wall::Machine)
    }

    /// A clock that begins at `start` and goes with tokio's time, for tests and rehearsals.
    pub fn from(start: Timestamp) -> Self {
        Self::starting(Wall::From(start))
    }

    /// The same clock, but that somebody sets its wall time forward or back after a while: a machine
    /// that was wrong and is put right, or the other way round.
    #[must_use]
    pub const fn set_after(self, after: Duration, by: SignedDuration) -> Self {
        Self {
            set: Some((after, by)),
            ..self
        }
    }

    fn starting(wall: Wall) -> Self {
        Self {
            start: Instant::now(),
            wall,
            set: None,
        }
    }

    /// The wall time, for people and records; never for deadlines.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one clock that the rule speaks of"
    )]
    pub fn now(&self) -> Timestamp {
        let elapsed = self.start.elapsed();
        let time = match self.wall {
            Wall::Machine => Timestamp::now(),
            Wall::From(start) => start.saturating_add(elapsed).unwrap_or(Timestamp::MAX),
        };
        match self.set {
            Some((after, by)) if elapsed >= after => {
                time.saturating_add(by).unwrap_or(Timestamp::MAX)
            }
            Some(_) | None => time,
        }
    }

    /// Milliseconds since the clock was made, for deadlines.
    pub fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until the monotonic time is `at`.
    pub fn sleep_until(&self, at: u64) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep_until(self.start + Duration::from_millis(at))
    }

    /// A new identity of this process: the given name and 16 random hexadecimal digits, so that a
    /// restarted process is not taken for the one before.
    pub fn identity(&self, name: &str) -> String {
        // The standard library seeds it from the operating system's randomness.
        format!("{name}_{:016x}", RandomState::new().hash_one(name))
    }

    /// A secret that nobody guesses: 256 random bits of the operating system, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// The operating system gives none.
    pub fn secret(&self) -> Result<String, rustls::crypto::GetRandomFailed> {
        use std::fmt::Write as _;
        let mut bytes = [0; 32];
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(&mut bytes)?;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(text)
    }
}

/// How far the wall clock was from the monotonic one when somebody last looked.
///
/// Times that this process has set itself (when to try again, when an unanswered write is dead) are
/// wall times, and are moved with the clock when somebody sets it: a wait is neither longer nor shorter
/// for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting(Option<SignedDuration>);

/// Less is what a clock is corrected by all the time.
const CORRECTED: SignedDuration = SignedDuration::from_secs(1);

impl Setting {
    /// By how much the wall clock was set since this was last asked, if it was.
    pub fn moved(&mut self, clock: &Clock) -> Option<SignedDuration> {
        let elapsed = SignedDuration::try_from(clock.start.elapsed()).ok()?;
        let is = clock.now().duration_since(Timestamp::UNIX_EPOCH) - elapsed;
        let by = is - self.0.unwrap_or(is);
        if self.0.is_some() && by.abs() < CORRECTED {
            return None;
        }
        self.0 = Some(is);
        (!by.is_zero()).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every test of a deadline rests on this: waiting costs no real time and moves both clocks.
    #[tokio::test(start_paused = true)]
    async fn paused_time_moves_wall_and_monotonic_time_alike() {
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::from(start);
        clock.sleep_until(3_600_000).await;
        assert_eq!(clock.monotonic_ms(), 3_600_000);
        assert_eq!(clock.now().to_string(), "2026-06-01T01:00:00Z");
    }

    /// Whoever waits must not wait longer since somebody put the clock on the wall back.
    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_leaves_the_monotonic_one_alone() {
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        let back = SignedDuration::from_mins(-10);
        let clock = Clock::from(start).set_after(Duration::from_mins(1), back);
        clock.sleep_until(59_999).await;
        assert_eq!(clock.now().to_string(), "2026-06-01T00:00:59.999Z");
        clock.sleep_until(60_000).await;
        assert_eq!(clock.now().to_string(), "2026-05-31T23:51:00Z");
        assert_eq!(clock.monotonic_ms(), 60_000);
    }

    /// A clock that is set is noticed once, and one that only goes is not.
    #[tokio::test(start_paused = true)]
    async fn that_a_clock_was_set_is_told_once() {
        let by = SignedDuration::from_mins(15);
        let clock = Clock::from(Timestamp::UNIX_EPOCH).set_after(Duration::from_mins(1), by);
        let mut setting = Setting::default();
        assert_eq!(setting.moved(&clock), None);
        clock.sleep_until(30_000).await;
        assert_eq!(setting.moved(&clock), None);
        clock.sleep_until(61_000).await;
        assert_eq!(setting.moved(&clock), Some(by));
        clock.sleep_until(90_000).await;
        assert_eq!(setting.moved(&clock), None);
    }

    /// Two processes of one name that took each other for themselves would both lead.
    #[tokio::test]
    async fn identities_of_one_name_differ() {
        let clock = Clock::machine();
        let (one, two) = (clock.identity("pod"), clock.identity("pod"));
        assert!(one.starts_with("pod_") && one != two, "{one} {two}");
    }
}
