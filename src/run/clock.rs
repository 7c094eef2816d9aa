//! The one clock and the one source of randomness. Everything below `run` takes `now` as data;
//! everything above asks here, so that a test can replace both.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::time::Duration;

use jiff::Timestamp;
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

    fn starting(wall: Wall) -> Self {
        Self {
            start: Instant::now(),
            wall,
        }
    }

    /// The wall time, for people and records; never for deadlines.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one clock that the rule speaks of"
    )]
    pub fn now(&self) -> Timestamp {
        match self.wall {
            Wall::Machine => Timestamp::now(),
            Wall::From(start) => start
                .saturating_add(self.start.elapsed())
                .unwrap_or(Timestamp::MAX),
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

    /// Two processes of one name that took each other for themselves would both lead.
    #[tokio::test]
    async fn identities_of_one_name_differ() {
        let clock = Clock::machine();
        let (one, two) = (clock.identity("pod"), clock.identity("pod"));
        assert!(one.starts_with("pod_") && one != two, "{one} {two}");
    }
}
