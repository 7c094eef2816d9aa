//! Time that a story has for itself: it stands still while something is done, and where nothing is to
//! be done it is at once at the next thing that is. A story of an hour takes as long as its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Plays a story in its own time, and does nothing else on this thread meanwhile.
///
/// # Errors
/// The operating system grants no event loop.
pub fn play<F: Future>(seed: u64, story: F) -> std::io::Result<F::Output> {
    fastrand::seed(seed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build()?;
    Ok(runtime.block_on(story))
}

/// How often a story waits for whoever looks at it.
const STEP: Duration = Duration::from_millis(40);

/// How fast a story goes by for whoever looks at it. Clones agree.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<AtomicU64>);

impl Pace {
    /// A story that is over as soon as its work is done.
    pub fn at_once() -> Self {
        Self::default()
    }

    /// From now on so many of its milliseconds take a second; none: as many as can be.
    pub fn set(&self, milliseconds_a_second: Option<u64>) {
        self.0
            .store(milliseconds_a_second.unwrap_or_default(), Ordering::SeqCst);
    }

    /// Holds the story back, for as long as this is polled. To be spawned once, inside of the story.
    ///
    /// `wait` lets so much of everybody's time go by.
    pub async fn keep(self, wait: impl Fn(Duration)) {
        loop {
            let speed = self.0.load(Ordering::SeqCst);
            if speed == 0 {
                // Whoever sets another waits no longer than this.
                tokio::time::sleep(STEP).await;
                continue;
            }
            let part = STEP.saturating_mul(u32::try_from(speed).unwrap_or(u32::MAX)) / 1000;
            tokio::time::sleep(part.max(Duration::from_millis(1))).await;
            wait(STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// Whoever looks on sees a story as fast as they asked for, whatever it is about.
    #[test]
    fn a_story_is_held_back_as_much_as_was_asked_for() {
        let waited = Arc::new(Mutex::new(Duration::ZERO));
        let seen = waited.clone();
        let took = play(1, async move {
            let pace = Pace::at_once();
            let began = Instant::now();
            tokio::spawn(
                pace.clone()
                    .keep(move |part| *seen.lock().expect("no panic") += part),
            );
            sleep(Duration::from_mins(10)).await;
            pace.set(Some(60_000));
            sleep(Duration::from_mins(1)).await;
            began.elapsed()
        });
        let took = took.expect("a runtime");
        assert_eq!(took, Duration::from_mins(11), "its own time");
        let waited = *waited.lock().expect("no panic");
        let second = Duration::from_secs(1);
        assert!(
            waited > second * 9 / 10 && waited < second * 11 / 10,
            "{waited:?}"
        );
    }
}
