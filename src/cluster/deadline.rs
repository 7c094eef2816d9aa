//! A deadline that is looked at before the work, not after it.
//!
//! `tokio::time::timeout` polls the work first. A process that was frozen for a minute and thaws
//! would then send one more write before it notices that its time was over.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::poll_fn;
use snafu::Snafu;
use tokio::time::{Instant, sleep_until};

/// The time was over.
#[derive(Debug, Snafu)]
#[snafu(display("the API server gave no answer within {limit:?}"))]
pub struct Elapsed {
    /// How long it was given.
    pub limit: Duration,
}

/// Runs some work until a limit is over.
///
/// Guarantees: the work is never polled after the deadline, also when the process stood still
/// meanwhile.
pub async fn first<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let deadline = Instant::now() + limit;
    let mut timer = pin!(sleep_until(deadline));
    let mut work = pin!(work);
    poll_fn(|context| {
        if Instant::now() >= deadline || timer.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(Err(Elapsed { limit }));
        }
        work.as_mut().poll(context).map(Ok)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole point of not using tokio's own timeout, which polls the work first: after a
    /// freeze nothing is sent any more.
    #[tokio::test]
    async fn work_is_not_polled_after_the_deadline() {
        let mut polled = false;
        let work = async { polled = true };
        assert!(first(Duration::ZERO, work).await.is_err());
        assert!(!polled);
    }

    /// Work that is done in time is not disturbed.
    #[tokio::test]
    async fn work_in_time_gives_its_result() {
        let done = first(Duration::from_mins(1), async { 7 }).await;
        assert_eq!(done.expect("in time"), 7);
    }
}
