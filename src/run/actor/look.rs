//! Looking at targets: at a few while the actor waits, at a fleet beside its decisions, so that the
//! first of it is written while the last is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::cluster::Clients;
use crate::engine::decide::Sight;
use crate::field::{Path, Target};
use crate::ledger::Direction;
use crate::run::mode::{Mode, State};
use crate::run::observe::{self, Told, Wanted};

use super::{Actor, Memory};

/// Most objects that are remembered under one lock of the mode's state.
const BATCH: usize = 256;

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
        Ok(Look {
            mode: self.mode.clone(),
            account,
            restoring: state.ledger.direction == Direction::Restoring,
            wanted: targets
                .iter()
                .map(|(target, paths)| wanted(&state, target, paths))
                .collect(),
            over: Arc::default(),
        })
    }
}

struct Look {
    mode: Arc<Mode>,
    account: Clients,
    restoring: bool,
    wanted: Vec<Wanted>,
    over: Arc<AtomicBool>,
}

impl Look {
    async fn run(self) {
        let (tell, told) = unbounded_channel();
        let read = async {
            let tell = tell;
            observe::observe_targets(&self.account, &self.wanted, self.restoring, &tell).await
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

/// A target to be read: the fields that are asked for, and those that are known already, since a
/// sight takes the place of the one before.
fn wanted(state: &State, target: &Target, paths: &[Path]) -> Wanted {
    let mut paths = paths.to_vec();
    if let Some(Sight::Present(sight)) = state.sights.get(&target.uid) {
        paths.extend(sight.seen.iter().map(|seen| seen.path.clone()));
    }
    paths.sort();
    paths.dedup();
    Wanted {
        target: target.clone(),
        paths,
    }
}
