//! Looking at targets: at a few while the actor waits, at a fleet beside its decisions, so that the
//! first of it is written while the last is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::cluster::Clients;
use crate::engine::decide::Sight;
use crate::engine::facts::Facts;
use crate::field::{Path, Projection, Target};
use crate::ledger::{Direction, Entry, State as EntryState};
use crate::run::mode::{Mode, State};
use crate::run::observe::{self, Told, Wanted};

use super::{Actor, Memory};

/// Most objects that are remembered under one lock of the mode's state.
const BATCH: usize = 256;

/// How long what a plan was made of is good for the first writes, where its approval follows at
/// once: not longer than the fleet of a large switch is known before its last write. A value that
/// has changed since fails the write's guard.
const RECENT: SignedDuration = SignedDuration::from_secs(10);

/// The objects that a plan was made of.
pub(super) struct Recent {
    seen_at: Timestamp,
    objects: BTreeMap<String, Projection>,
}

impl Recent {
    /// What was seen from this time on.
    pub(super) fn new(seen_at: Timestamp, facts: Facts) -> Self {
        let found = facts.steps.into_values().flat_map(|step| step.found);
        let mut objects: BTreeMap<String, Projection> = BTreeMap::new();
        for seen in found.flatten() {
            let uid = seen.target.uid.clone();
            objects.entry(uid).or_insert(seen);
        }
        Self { seen_at, objects }
    }

    /// What is known of a target, where these fields are.
    fn take(&mut self, target: &Target, paths: &[Path]) -> Option<Projection> {
        let seen = self.objects.get(&target.uid)?;
        if paths.iter().any(|path| seen.field(path).is_none()) {
            return None;
        }
        let mut seen = self.objects.remove(&target.uid)?;
        seen.target = target.clone();
        Some(seen)
    }
}

/// Forgets what a plan was made of, or says when to.
pub(super) fn forget(memory: &mut Memory, now: Timestamp) -> Option<Timestamp> {
    let until = memory.recent.as_ref()?.seen_at + RECENT;
    if until <= now {
        memory.recent = None;
    }
    Some(until).filter(|until| *until > now)
}

/// A look that goes on while decisions are made, if any.
#[derive(Default)]
pub(super) struct Looking {
    task: JoinSet<()>,
    over: Arc<AtomicBool>,
}

impl Looking {
    /// Gives the look up.
    ///
    /// Assumptions: the caller has the mode's state, so that nothing more is remembered by it.
    pub(super) fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        *self = Self::default();
    }
}

impl Actor {
    /// Takes targets for seen that the plan was made of a moment ago, and says whether there were any.
    /// Only before anything was written: later the plan's view is one of peacetime, not of what is.
    pub(super) async fn recall(
        &self,
        memory: &mut Memory,
        targets: &[(Target, Vec<Path>)],
    ) -> bool {
        let Some(mut recent) = memory.recent.take() else {
            return false;
        };
        let mut state = self.mode.state.lock().await;
        let untouched = state.ledger.entries.is_empty();
        if !untouched || state.ledger.direction != Direction::Wartime {
            return false;
        }
        let mut any = false;
        for (target, paths) in targets {
            if let Some(seen) = recent.take(target, paths) {
                any = true;
                let seen = Sight::Present(Arc::new(seen));
                state.sights.insert(target.uid.clone(), seen);
            }
        }
        any
    }

    /// Begins to read targets that nothing is known of, unless that is under way. Wakes the actor
    /// whenever something is known.
    pub(super) async fn begin_look(
        &self,
        memory: &mut Memory,
        targets: &[(Target, Vec<Path>)],
    ) -> Result<(), String> {
        while let Some(ended) = memory.looking.task.try_join_next() {
            ended.map_err(|error| format!("looking at targets failed: {error}"))?;
        }
        if memory.looking.task.is_empty() {
            let mut look = self.prepare(targets).await?;
            look.over = memory.looking.over.clone();
            memory.looking.task.spawn(look.run());
        }
        Ok(())
    }

    /// Reads targets, and waits for it.
    pub(super) async fn look(&self, targets: &[(Target, Vec<Path>)]) -> Result<(), String> {
        self.prepare(targets).await?.run().await;
        Ok(())
    }

    async fn prepare(&self, targets: &[(Target, Vec<Path>)]) -> Result<Look, String> {
        let account = self.account_in_force().await?;
        let state = self.mode.state.lock().await;
        let is_back = |entry: &&Entry| entry.state == EntryState::Reverted;
        let back = state.ledger.live().filter(is_back);
        let back: BTreeSet<&str> = back.map(|entry| entry.target.uid.as_str()).collect();
        let wanted = targets.iter().map(|(target, paths)| Wanted {
            // Of the others the answer to the write of the value brings them.
            with_managed_fields: back.contains(target.uid.as_str()),
            target: target.clone(),
            paths: with_known(&state, target, paths),
        });
        Ok(Look {
            mode: self.mode.clone(),
            account,
            wanted: wanted.collect(),
            over: Arc::default(),
        })
    }
}

struct Look {
    mode: Arc<Mode>,
    account: Clients,
    wanted: Vec<Wanted>,
    over: Arc<AtomicBool>,
}

impl Look {
    async fn run(self) {
        let (tell, told) = unbounded_channel();
        let read = async {
            let tell = tell;
            observe::observe_targets(&self.account, &self.wanted, &tell).await
        };
        let (observed, unread) = futures::join!(read, self.remember(told));
        for problem in observed.problems {
            tracing::warn!(mode = self.mode.id.name, problem, "targets cannot be read");
        }
        self.with_state(|state| {
            for uid in unread {
                state.sights.insert(uid.to_owned(), Sight::Unreadable);
            }
        })
        .await;
    }

    /// Keeps what is told, until nothing more is. Of whom nothing was told is returned.
    async fn remember(&self, mut told: UnboundedReceiver<Told>) -> BTreeSet<&str> {
        let uids = self.wanted.iter().map(|one| one.target.uid.as_str());
        let mut unread: BTreeSet<&str> = uids.collect();
        let mut batch = Vec::new();
        while told.recv_many(&mut batch, BATCH).await > 0 {
            for (target, _) in &batch {
                unread.remove(target.uid.as_str());
            }
            self.with_state(|state| {
                for (target, seen) in batch.drain(..) {
                    let seen = seen.map_or(Sight::Gone, |seen| Sight::Present(Arc::new(seen)));
                    state.sights.insert(target.uid.clone(), seen);
                }
            })
            .await;
        }
        unread
    }

    /// Changes the mode's state and wakes its actor, unless the look was given up.
    async fn with_state(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.mode.state.lock().await;
        if !self.over.load(Ordering::Relaxed) {
            change(&mut state);
            self.mode.wake.notify_one();
        }
    }
}

/// The fields that are asked for, and those that are known already, since a sight takes the place of
/// the one before.
fn with_known(state: &State, target: &Target, paths: &[Path]) -> Vec<Path> {
    let mut paths = paths.to_vec();
    if let Some(Sight::Present(sight)) = state.sights.get(&target.uid) {
        paths.extend(sight.seen.iter().map(|seen| seen.path.clone()));
    }
    paths.sort();
    paths.dedup();
    paths
}
