//! Looking at targets: at a few while the actor waits, at a fleet beside its decisions, so that the
//! first of it is written while the last is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinError, JoinSet};

use crate::cluster::Clients;
use crate::engine::decide::Sight;
use crate::engine::facts::Facts;
use crate::engine::judge;
use crate::field::{Path, Projection, Target, Uid};
use crate::ledger::{Direction, Entry, State as EntryState};
use crate::run::mode::{Mode, State};
use crate::run::observe::{self, Told, Wanted};
use crate::run::task;
use crate::step::freeze;

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
    objects: BTreeMap<Uid, Projection>,
}

impl Recent {
    /// What was seen from this time on.
    pub(super) fn new(seen_at: Timestamp, facts: Facts) -> Self {
        let found = facts.steps.into_values().flat_map(|step| step.found);
        let mut objects: BTreeMap<Uid, Projection> = BTreeMap::new();
        for seen in found.flatten() {
            let uid = seen.target.uid.clone();
            objects.entry(uid).or_insert(seen);
        }
        Self { seen_at, objects }
    }

    /// Moves the time along with the clock.
    pub(super) fn shift(&mut self, by: SignedDuration) {
        self.seen_at = self.seen_at.saturating_add(by).unwrap_or(Timestamp::MAX);
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

/// Forgets every target but those all of whose changes were last seen to stand, and that nobody has
/// touched since as far as we know.
pub(super) fn keep_standing(state: &mut State, manager: &str) {
    let stand = standing(state.ledger.live(), &state.sights, &state.dirty, manager);
    state.sights.retain(|uid, _| stand.contains(uid));
}

/// The targets of these changes that all of them were last seen to stand on.
fn standing<'a>(
    changes: impl Iterator<Item = &'a Entry>,
    sights: &BTreeMap<Uid, Sight>,
    dirty: &BTreeSet<Uid>,
    manager: &str,
) -> BTreeSet<Uid> {
    let mut stand: BTreeMap<&Uid, bool> = BTreeMap::new();
    for entry in changes {
        let uid = &entry.target.uid;
        let holds = match sights.get(uid) {
            Some(Sight::Present(seen)) => judge::stands(seen, entry, manager),
            Some(Sight::Gone | Sight::Unreadable) | None => false,
        };
        *stand.entry(uid).or_insert(true) &= holds && !dirty.contains(uid);
    }
    let stand = stand.into_iter().filter(|(_, stands)| *stands);
    stand.map(|(uid, _)| uid.clone()).collect()
}

/// A look that goes on while decisions are made, if any.
#[derive(Default)]
pub(super) struct Looking {
    task: JoinSet<()>,
    over: Arc<AtomicBool>,
    /// Why the last one failed, until somebody is told.
    problem: Option<String>,
}

impl Looking {
    /// Waits until the look has ended; for ever where none is under way. What became unknown since
    /// it began is looked at by the next one, which the actor begins when it wakes.
    ///
    /// May be dropped and called anew.
    pub(super) async fn ended(&mut self) {
        match self.task.join_next().await {
            Some(ended) => self.note(ended),
            None => std::future::pending().await,
        }
    }

    /// Whether a look is under way.
    ///
    /// # Errors
    /// Why the last one failed, once.
    fn is_under_way(&mut self) -> Result<bool, String> {
        while let Some(ended) = self.task.try_join_next() {
            self.note(ended);
        }
        match self.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(!self.task.is_empty()),
        }
    }

    fn note(&mut self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            self.problem = Some(format!("looking at targets failed: {error}"));
        }
    }

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
        if !memory.looking.is_under_way()? {
            let mut look = self.prepare(targets).await?;
            look.over = memory.looking.over.clone();
            memory.looking.task.spawn(task::own(look.run()));
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
        let own = self.deps.own.clone();
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
        let (ours, wanted) = wanted.partition(|one| freeze::is_own(&one.target));
        Ok(Look {
            mode: self.mode.clone(),
            account,
            own,
            ours,
            wanted,
            over: Arc::default(),
        })
    }
}

struct Look {
    mode: Arc<Mode>,
    account: Clients,
    own: Clients,
    wanted: Vec<Wanted>,
    /// Freezes, which are the operator's own.
    ours: Vec<Wanted>,
    over: Arc<AtomicBool>,
}

impl Look {
    async fn run(self) {
        let (tell, told) = unbounded_channel();
        let read = async {
            let tell = tell;
            let theirs = observe::observe_targets(&self.account, &self.wanted, &tell).await;
            let ours = observe::observe_targets(&self.own, &self.ours, &tell).await;
            [theirs.problems, ours.problems].concat()
        };
        let (problems, unread) = futures::join!(read, self.remember(told));
        for problem in &problems {
            tracing::warn!(mode = self.mode.id.name, problem, "targets cannot be read");
        }
        self.with_state(|state| {
            state.unread = problems.into_iter().next();
            for uid in unread {
                state.sights.insert(uid, Sight::Unreadable);
            }
        })
        .await;
    }

    /// Keeps what is told, until nothing more is. Of whom nothing was told is returned.
    async fn remember(&self, mut told: UnboundedReceiver<Told>) -> BTreeSet<Uid> {
        let uids = self
            .wanted
            .iter()
            .chain(&self.ours)
            .map(|one| one.target.uid.clone());
        let mut unread: BTreeSet<Uid> = uids.collect();
        let mut batch = Vec::new();
        while told.recv_many(&mut batch, BATCH).await > 0 {
            for (target, _) in &batch {
                unread.remove(&target.uid);
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::api::names;
    use crate::field::project;
    use crate::ledger::entry::sample;

    /// A look wakes its actor before its task is seen to have ended; what became unknown meanwhile
    /// must not wait for a timer.
    #[tokio::test]
    async fn the_end_of_a_look_is_waited_for_and_then_none_is_under_way() {
        let mut looking = Looking::default();
        assert_eq!(looking.is_under_way(), Ok(false));
        let (end, ended) = oneshot::channel::<()>();
        looking.task.spawn(async { ended.await.expect("told") });
        tokio::select! {
            biased;
            () = looking.ended() => panic!("it goes on"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(looking.is_under_way(), Ok(true));
        end.send(()).expect("it waits");
        looking.ended().await;
        assert_eq!(looking.is_under_way(), Ok(false));
    }

    /// A look that failed is said, and the next one may begin.
    #[tokio::test]
    async fn a_look_that_failed_is_told_once() {
        let mut looking = Looking::default();
        looking.task.spawn(async { panic!("on purpose") });
        looking.ended().await;
        let told = looking.is_under_way().expect_err("it failed");
        assert!(told.contains("on purpose"), "{told}");
        assert_eq!(looking.is_under_way(), Ok(false));
    }

    /// A return begins with what was seen to stand; what somebody touched since, or what was not seen,
    /// is read anew.
    #[test]
    fn what_stands_is_kept_and_the_rest_forgotten() {
        let manager = names::field_manager("flood", "m1");
        let object = |uid: &str, replicas: i64| {
            serde_json::json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": uid, "uid": uid, "managedFields": [
                    { "manager": manager, "operation": "Update", "apiVersion": "apps/v1",
                      "fieldsV1": { "f:spec": { "f:replicas": {} } } }] },
                "spec": { "replicas": replicas },
            })
        };
        let paths = [Path::fields(["spec", "replicas"])];
        let seen = |uid: &str, replicas| {
            let seen = project::project(&object(uid, replicas), "deployments", &paths, false);
            Sight::Present(Arc::new(seen.expect("an object")))
        };
        let names = ["stands", "moved", "touched", "gone", "unseen"];
        let changes: Vec<Entry> = names.iter().map(|name| change(name)).collect();
        let sights = [
            ("stands".into(), seen("stands", 9)),
            ("moved".into(), seen("moved", 7)),
            ("touched".into(), seen("touched", 9)),
            ("gone".into(), Sight::Gone),
            ("another".into(), seen("another", 9)),
        ];
        let dirty = BTreeSet::from(["touched".into()]);
        let kept = standing(changes.iter(), &sights.into(), &dirty, &manager);
        assert_eq!(Vec::from_iter(kept), ["stands"]);
    }

    /// What a plan was made of stands for a first look for ten seconds, once, and only where it has
    /// the fields that are asked for.
    #[test]
    fn what_a_plan_was_made_of_is_used_once_and_forgotten_in_time() {
        let path = Path::fields(["spec", "replicas"]);
        let other = Path::fields(["spec", "paused"]);
        let object = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "city", "uid": "u1", "resourceVersion": "7" },
            "spec": { "replicas": 3 },
        });
        let paths = std::slice::from_ref(&path);
        let seen = project::project(&object, "deployments", paths, false).expect("an object");
        let target = seen.target.clone();
        let at: Timestamp = "2026-07-01T00:00:00Z".parse().expect("a time");
        let mut memory = Memory {
            recent: Some(Recent {
                seen_at: at,
                objects: [("u1".into(), seen)].into(),
            }),
            ..Memory::default()
        };
        assert_eq!(forget(&mut memory, at), Some(at + RECENT));
        let recent = memory.recent.as_mut().expect("not forgotten yet");
        assert!(
            recent.take(&target, &[other]).is_none(),
            "not all that is asked for"
        );
        assert!(recent.take(&target, paths).is_some());
        assert!(recent.take(&target, paths).is_none(), "once");
        assert_eq!(forget(&mut memory, at + RECENT), None);
        assert!(memory.recent.is_none(), "after ten seconds it is read anew");
    }

    /// A change from 3 to 9 that is on its way back.
    fn change(uid: &str) -> Entry {
        Entry {
            state: EntryState::Reverting,
            confirmed: true,
            turned: true,
            ..sample(uid)
        }
    }
}
