//! The executor: the only writer of targets, one task a process. It drives the pure scheduler and
//! chooses nothing: record intents, fenced writes, record outcomes.
//!
//! A panic in a write quarantines its target; one while something is journalled ends the term after a
//! while, so that its journal is read anew; one in the scheduler starts it anew, and every mode decides
//! again from its journal.

mod again;
mod confirm;
mod create;
mod first;
mod follow;
mod frozen;
pub(in crate::run) mod outcomes;
mod ownership;
#[cfg(test)]
pub(super) mod testing;
mod write;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cluster::Clients;
use crate::engine::scheduler::{Effect, Event, Order, Recording, Scheduler, Work, Wrote};
use crate::engine::work::Task;
use crate::field::Target;
use crate::step::freeze;

use super::clock::Clock;
use super::lease::{Leader, Leadership};
use super::metrics::Metrics;
use super::mode::Mode;
use super::records;
use super::registry::Registry;
use super::task;

use follow::Followed;
pub use outcomes::Settlement;

/// What the executor is told.
pub enum Command {
    /// A mode's order; the latest wins.
    Order(Arc<Mode>, Order<Task>),
    /// A mode is over: forget it.
    Forget(String),
}

/// What the executor stands on.
#[derive(Clone)]
pub struct Deps {
    /// The operator's own account.
    pub own: Clients,
    /// The clock.
    pub clock: Clock,
    /// Whether we may write at all.
    pub leader: Leader,
    /// Counters.
    pub metrics: Metrics,
    /// Tells people on the target itself.
    pub events: super::events::Events,
    /// Tells people what they may not miss.
    pub alarms: super::alarms::Alarms,
    /// All modes.
    pub registry: Registry,
    /// Told when another leader took our place in a journal.
    pub deposed: mpsc::Sender<()>,
}

impl Deps {
    /// The clients that read and write a target: those of the playbook's account; of a freeze, which is
    /// the one kind of ours that is a target, the operator's own.
    pub(in crate::run) fn clients(&self, cell: &Mode, target: &Target) -> Option<Clients> {
        if freeze::is_own(target) {
            return Some(self.own.clone());
        }
        cell.account()
    }

    /// Until when we lead, as the journal asks for it.
    pub(in crate::run) fn lease(&self) -> impl Fn() -> Option<tokio::time::Instant> + Send + Sync {
        let (leader, clock) = (self.leader.watch(), self.clock);
        move || match *leader.borrow() {
            Leadership::Leader { valid_until_ms, .. } => {
                let left = valid_until_ms.checked_sub(clock.monotonic_ms())?;
                let left = std::time::Duration::from_millis(left.min(LEASE_LOOK_MS));
                Some(tokio::time::Instant::now() + left)
            }
            Leadership::Follower { .. } => None,
        }
    }

    /// Whether an error of the journal ends this term of leadership: somebody else leads, or it is
    /// not known what was stored, so that everything is opened anew.
    pub(in crate::run) fn ends_term(&self, error: &records::Error) -> bool {
        let ends = match error {
            records::Error::NotLeader { .. }
            | records::Error::Deposed { .. }
            | records::Error::Mangled { .. }
            | records::Error::Unsettled { .. } => true,
            records::Error::Read { .. }
            | records::Error::Damaged { .. }
            | records::Error::Refused { .. }
            | records::Error::NoCrd
            | records::Error::Encode { .. }
            | records::Error::Release { .. } => false,
        };
        if ends {
            let _ = self.deposed.try_send(());
        }
        ends
    }
}

/// How far ahead a lease is believed without another look: a fixed leader's never ends.
const LEASE_LOOK_MS: u64 = 60_000;

/// How long a mode waits whose journal is not known: to open all journals anew costs every mode a pause.
const UNKNOWN_MS: u64 = 60_000;

type Job = JoinSet<Event<Task, Settlement>>;

/// Runs until the commands end.
pub async fn run(deps: Deps, limit: usize, mut commands: mpsc::Receiver<Command>) {
    let mut modes: BTreeMap<String, Arc<Mode>> = BTreeMap::new();
    let mut scheduler = Scheduler::new(limit);
    let mut jobs: Job = JoinSet::new();
    let mut wake_at: Option<u64> = None;
    let mut followed = Followed::default();
    loop {
        // In this order always, so that a run can be played again: the newest word of a mode, then
        // what is due, then what was done. The first two are rare, and never keep the third waiting.
        let event = tokio::select! {
            biased;
            command = commands.recv() => match command {
                None => return,
                Some(Command::Order(mode, order)) => {
                    followed.join(&mode);
                    modes.insert(order.mode.clone(), mode);
                    Event::Order(order)
                }
                Some(Command::Forget(mode)) => {
                    followed.leave(&mode);
                    modes.remove(&mode);
                    Event::Drop { mode }
                }
            },
            () = sleep_until(&deps.clock, wake_at) => {
                wake_at = None;
                Event::Tick
            }
            seen = followed.next() => seen,
            Some(done) = jobs.join_next() => match done {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(%error, "a task of the executor ended without an answer");
                    continue;
                }
            },
        };
        let now = deps.clock.monotonic_ms();
        let step = std::panic::catch_unwind(AssertUnwindSafe(|| scheduler.step(event, now)));
        let Ok(effects) = step else {
            deps.metrics.panics.inc();
            tracing::error!("the scheduler failed; it starts anew from the journals");
            scheduler = Scheduler::new(limit);
            followed.stop();
            wake(&modes);
            continue;
        };
        let depth = scheduler.depth();
        deps.metrics
            .flow(depth, scheduler.in_flight(), scheduler.limit());
        for effect in effects {
            match effect {
                Effect::Wake { at } => {
                    wake_at = Some(wake_at.map_or(at, |known| known.min(at)));
                }
                Effect::Follow(true) => followed.start(modes.values()),
                Effect::Follow(false) => followed.stop(),
                effect => start(&deps, &modes, effect, &mut jobs),
            }
        }
    }
}

/// Has every mode decide again.
fn wake(modes: &BTreeMap<String, Arc<Mode>>) {
    for mode in modes.values() {
        mode.wake.notify_one();
    }
}

async fn sleep_until(clock: &Clock, at: Option<u64>) {
    match at {
        None => std::future::pending().await,
        Some(at) => {
            let left = at.saturating_sub(clock.monotonic_ms());
            tokio::time::sleep(std::time::Duration::from_millis(left)).await;
        }
    }
}

fn start(
    deps: &Deps,
    modes: &BTreeMap<String, Arc<Mode>>,
    effect: Effect<Task, Settlement>,
    jobs: &mut Job,
) {
    let deps = deps.clone();
    match effect {
        Effect::Wake { .. } | Effect::Follow(_) => {}
        Effect::Record { mode, works } => {
            if let Some(cell) = modes.get(&mode).cloned() {
                let of = (cell.clone(), deps.metrics.clone());
                let record = async move { outcomes::record_before(&deps, &cell, works).await };
                jobs.spawn(task::own(guarded_record(of, Recording::Works, record)));
            }
        }
        Effect::Write {
            mode,
            work,
            attempt: _,
        } => {
            if let Some(cell) = modes.get(&mode).cloned() {
                jobs.spawn(task::own(guarded_write(deps, cell, mode, work)));
            }
        }
        Effect::RecordOutcomes { mode, outcomes } => {
            if let Some(cell) = modes.get(&mode).cloned() {
                let of = (cell.clone(), deps.metrics.clone());
                let record = async move { outcomes::record(&deps, &cell, outcomes).await };
                jobs.spawn(task::own(guarded_record(of, Recording::Outcomes, record)));
            }
        }
        Effect::Quarantine { mode, uid } => {
            tracing::error!(
                mode,
                uid = uid.as_str(),
                "a write failed in pingzhan itself; the target is left alone"
            );
            if let Some(cell) = modes.get(&mode).cloned() {
                jobs.spawn(task::own(async move {
                    cell.state.lock().await.quarantined.insert(uid);
                    cell.wake.notify_one();
                    Event::Tick
                }));
            }
        }
        Effect::GaveUp {
            mode,
            uid,
            standing,
        } => {
            if let Some(cell) = modes.get(&mode).cloned() {
                jobs.spawn(task::own(async move {
                    cell.state.lock().await.given_up.insert(uid, standing);
                    cell.wake.notify_one();
                    Event::Tick
                }));
            }
        }
    }
}

/// Journals. Where the program fails at it nobody knows what of it is stored: the mode waits a while, others
/// go on, and then all journals are opened anew.
async fn guarded_record(
    (cell, metrics): (Arc<Mode>, Metrics),
    recording: Recording,
    record: impl Future<Output = Event<Task, Settlement>>,
) -> Event<Task, Settlement> {
    if let Ok(recorded) = AssertUnwindSafe(record).catch_unwind().await {
        return recorded;
    }
    metrics.panics.inc();
    let mode = cell.id.uid.clone();
    tracing::error!(
        mode = cell.id.name,
        "pingzhan failed while it journalled; what is stored is read anew later"
    );
    cell.state.lock().await.journal.distrust();
    Event::RecordFailed {
        mode,
        recording,
        retry_after_ms: Some(UNKNOWN_MS),
        deposed: false,
    }
}

async fn guarded_write(
    deps: Deps,
    cell: Arc<Mode>,
    mode: String,
    work: Work<Task>,
) -> Event<Task, Settlement> {
    let uid = work.uid.clone();
    let result = AssertUnwindSafe(write::write(&deps, &cell, work.payload))
        .catch_unwind()
        .await;
    let result = result.unwrap_or_else(|_| {
        deps.metrics.panics.inc();
        Wrote::Panicked
    });
    let seen = follow::answered(&result);
    Event::Wrote {
        mode,
        uid,
        result,
        seen,
    }
}
