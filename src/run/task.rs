//! Where every task of the process begins, so that a simulation can stop a whole process for a while
//! and let it go on, as SIGSTOP and SIGCONT do.
//!
//! In a real process there is no gate, and a task is what it is.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use futures::FutureExt as _;
use futures::future::Either;

tokio::task_local! {
    static GATE: Gate;
}

/// Through which all tasks of one process go.
///
/// Guarantees: while it is shut, none of them is polled. What they waited for happens all the same, and
/// time goes on; once it is open, all that came meanwhile is there at once.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    is_shut: bool,
    /// Tasks that would have gone on, in the order in which they came.
    waiting: Vec<Waker>,
}

/// A future that goes through a gate, if its process has one.
pub type Own<F> = Either<F, Pin<Box<dyn Future<Output = <F as Future>::Output> + Send>>>;

/// A future of this process, to be spawned: it stands still when the process does.
pub fn own<F>(future: F) -> Own<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    match GATE.try_with(Gate::clone) {
        Ok(gate) => Either::Right(Box::pin(gate.guard(future))),
        Err(_) => Either::Left(future),
    }
}

/// How long a part waits that begins anew.
pub const ANEW: std::time::Duration = std::time::Duration::from_secs(30);

/// A part of the process without which the rest goes on: where the program fails in it, it begins anew.
///
/// Guarantees: a panic in it is said in the log and ends nothing else.
pub async fn anew<F: Future<Output = ()>>(what: &'static str, mut make: impl FnMut() -> F) {
    while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
        tracing::error!(
            what,
            "pingzhan failed at a part of itself, which begins anew; the rest goes on"
        );
        tokio::time::sleep(ANEW).await;
    }
}

impl Gate {
    /// Shuts it, or opens it and wakes whoever waits.
    pub fn shut(&self, is_shut: bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.is_shut = is_shut;
        let waiting = if is_shut {
            Vec::new()
        } else {
            std::mem::take(&mut held.waiting)
        };
        drop(held);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// A future, and whatever it spawns as its [`own`], that goes through this gate.
    pub async fn guard<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(GATE.scope(self.clone(), future));
        poll_fn(|context| {
            if self.holds(context.waker()) {
                return Poll::Pending;
            }
            future.as_mut().poll(context)
        })
        .await
    }

    fn holds(&self, waker: &Waker) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_shut && !held.waiting.iter().any(|known| known.will_wake(waker)) {
            held.waiting.push(waker.clone());
        }
        held.is_shut
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, interval, sleep};

    use super::*;

    /// Counts seconds, in a task that a task of the process began.
    fn counting(ticks: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + 'static {
        let ticks = ticks.clone();
        async move {
            let inner = tokio::spawn(own(async move {
                let mut seconds = interval(Duration::from_secs(1));
                loop {
                    seconds.tick().await;
                    ticks.fetch_add(1, Ordering::SeqCst);
                }
            }));
            inner.await.expect("it never ends");
        }
    }

    /// A frozen process of which a task went on would be a kinder machine than there is.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_polled_while_it_is_shut_and_all_that_elapsed_comes_at_once() {
        let (gate, ticks) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(gate.clone().guard(counting(&ticks)));
        let count = || ticks.load(Ordering::SeqCst);
        sleep(Duration::from_millis(2500)).await;
        assert_eq!(count(), 3);
        gate.shut(true);
        sleep(Duration::from_mins(1)).await;
        assert_eq!(count(), 3, "it stands still");
        let thawed = Instant::now();
        gate.shut(false);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(count(), 63, "every tick that it missed, at once");
        assert!(thawed.elapsed() < Duration::from_millis(10));
    }

    /// What looks after playbooks must not end what brings services back.
    #[tokio::test(start_paused = true)]
    async fn a_part_at_which_the_program_fails_begins_anew() {
        let begun = Arc::new(AtomicUsize::new(0));
        anew("a part", || {
            let begun = begun.clone();
            async move { assert!(begun.fetch_add(1, Ordering::SeqCst) >= 2, "it fails twice") }
        })
        .await;
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }

    /// A process that nobody can stop pays for no gate.
    #[tokio::test(start_paused = true)]
    async fn a_future_without_a_gate_is_what_it_is() {
        assert!(matches!(own(async {}), Either::Left(_)));
    }
}
