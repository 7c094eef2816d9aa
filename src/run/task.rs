//! Where every task of the process begins, so that a simulation can stop a whole process for a while
//! and let it go on, as SIGSTOP and SIGCONT do.
//!
//! In a real process there is no gate, and a task is what it is.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

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

    /// A process that nobody can stop pays for no gate.
    #[tokio::test(start_paused = true)]
    async fn a_future_without_a_gate_is_what_it_is() {
        assert!(matches!(own(async {}), Either::Left(_)));
    }
}
