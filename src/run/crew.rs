//! The operator's crew: one actor a mode, fed by watches of modes and playbooks.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::api::{EmergencyMode, Phase, Playbook, RecordMode};
use crate::cluster::{Accounts, Clients, Discovery};
use crate::engine::decide::{self, Damaged, Decision};

use super::actor::Actor;
use super::enforcement::Rules;
use super::executor::{self, Deps};
use super::mode::{Mode, State};
use super::operator::Settings;
use super::publish;
use super::records::{self, Journal};
use super::registry::Registry;
use super::server::Health;
use super::task;
use super::vanished;

/// The pause before what could not be read or said is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Why a journal is not known, where it is the program that failed at it.
pub(super) const FAILED: &str =
    "pingzhan itself failed at it: the operator's log says where; report it";

/// All playbooks, by name; of one that cannot be read, why.
pub type Playbooks = Arc<BTreeMap<String, Result<Arc<Playbook>, String>>>;

/// What every actor gets.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) own: Clients,
    pub(super) accounts: Accounts,
    pub(super) discovery: Discovery,
    pub(super) settings: Settings,
    pub(super) deps: Deps,
    pub(super) rules: Rules,
    pub(super) registry: Registry,
    pub(super) playbooks: watch::Receiver<Playbooks>,
    pub(super) orders: mpsc::Sender<executor::Command>,
    pub(super) epoch: i64,
    /// Is told once all modes have been listed.
    pub(super) health: Health,
}

/// The objects that actors follow, by uid.
type Objects = BTreeMap<String, watch::Sender<Option<Arc<EmergencyMode>>>>;

impl Crew {
    /// Keeps one actor a mode. An object that does not parse is said and skipped; others go on.
    pub(super) async fn follow_modes(self) {
        let api: Api<DeserializeGuard<EmergencyMode>> = Api::all(self.own.watches.clone());
        let mut events = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
        let mut objects = Objects::new();
        let mut actors: JoinSet<String> = JoinSet::new();
        let mut present: Option<Vec<String>> = None;
        let mut is_first = true;
        loop {
            // In this order always, so that a run can be played again: what ended is forgotten first.
            let event = tokio::select! {
                biased;
                Some(ended) = actors.join_next() => {
                    if let Ok(uid) = ended {
                        objects.remove(&uid);
                        self.registry.remove(&uid).await;
                    }
                    continue;
                }
                event = events.next() => event,
            };
            match event {
                None => return,
                Some(Err(error)) => tracing::warn!(%error, "the watch on modes was interrupted"),
                Some(Ok(Event::Init)) => present = Some(Vec::new()),
                Some(Ok(Event::InitApply(object) | Event::Apply(object))) => {
                    if let Some(present) = &mut present {
                        present.extend(object.uid());
                    }
                    self.seen(object, &mut objects, &mut actors);
                }
                Some(Ok(Event::InitDone)) => {
                    let present = present.take().unwrap_or_default();
                    for (uid, sender) in &objects {
                        if !present.contains(uid) {
                            sender.send_replace(None);
                        }
                    }
                    if std::mem::take(&mut is_first) {
                        self.registry.opens(vanished::SEARCH);
                        let search = self.clone().find_vanished(present.into_iter().collect());
                        actors.spawn(task::own(search));
                    }
                    self.registry.listed();
                    self.health.set_synced(true);
                }
                Some(Ok(Event::Delete(object))) => {
                    if let Some(sender) = object.uid().and_then(|uid| objects.get(&uid)) {
                        sender.send_replace(None);
                    }
                }
            }
        }
    }

    fn seen(
        &self,
        object: DeserializeGuard<EmergencyMode>,
        objects: &mut Objects,
        actors: &mut JoinSet<String>,
    ) {
        let object = match object.0 {
            Ok(object) => Arc::new(object),
            Err(error) => {
                tracing::error!(
                    mode = error.metadata.name,
                    error = error.error,
                    "a mode cannot be read and is skipped"
                );
                // One that was carried out before goes on as it was.
                let uid = error.metadata.uid.clone().unwrap_or_default();
                if !objects.contains_key(&uid) {
                    self.registry.opens(&uid);
                    let said = self.clone().say_malformed(error.metadata, error.error);
                    actors.spawn(task::own(said));
                }
                return;
            }
        };
        let Some(uid) = object.uid() else { return };
        if let Some(sender) = objects.get(&uid) {
            sender.send_replace(Some(object));
            return;
        }
        // Of what is over nothing is waited for any more, but the review of an act without quorum.
        let awaited = object.status.as_ref().is_some_and(decide::awaits_review);
        if is_closed(&object) && !awaited && object.finalizers().is_empty() {
            return;
        }
        let id = RecordMode {
            name: object.name_any(),
            uid: uid.clone(),
        };
        let (sender, receiver) = watch::channel(Some(object));
        objects.insert(uid.clone(), sender);
        self.registry.opens(&uid);
        actors.spawn(task::own(self.clone().confined(id, receiver)));
    }

    /// Carries a mode out, and anew where the program fails at it otherwise than in a decision. Returns the
    /// mode's uid when it is over.
    ///
    /// Guarantees: a panic is said on the mode and ends nothing else; no other mode waits for its journal.
    pub(super) async fn confined(
        self,
        id: RecordMode,
        object: watch::Receiver<Option<Arc<EmergencyMode>>>,
    ) -> String {
        loop {
            let carried = Box::pin(self.clone().carry(id.clone(), object.clone()));
            if let Ok(uid) = AssertUnwindSafe(carried).catch_unwind().await {
                return uid;
            }
            let seen = object.borrow().clone();
            self.failed(&id, seen.as_deref()).await;
            tokio::time::sleep(task::ANEW).await;
        }
    }

    /// Says on a mode that the program failed at it.
    async fn failed(&self, id: &RecordMode, seen: Option<&EmergencyMode>) {
        self.deps.metrics.panics.inc();
        tracing::error!(
            mode = id.name,
            "pingzhan failed at this mode and begins anew with it; others go on"
        );
        // Its journal may be in force all the same, and is read by nobody.
        if self.registry.find(&id.uid).await.is_none() {
            self.registry.damaged(id, FAILED.to_owned()).await;
        }
        let clock = &self.deps.clock;
        let leads = self.deps.leader.still_leader(clock.monotonic_ms());
        let Some(seen) = seen.filter(|_| leads.is_some()) else {
            return;
        };
        let (own, version) = (&self.own.writes, seen.resource_version());
        let version = version.unwrap_or_default();
        let told = publish::panicked(own, seen, &version, seen.status.clone(), clock.now()).await;
        if let Err(error) = told {
            tracing::warn!(%error, "the failure could not be published");
        }
    }

    /// Opens a mode's journal and runs its actor. Returns the mode's uid when it is over.
    ///
    /// Guarantees: what is closed is never begun again, also where its records are gone.
    async fn carry(
        self,
        id: RecordMode,
        object: watch::Receiver<Option<Arc<EmergencyMode>>>,
    ) -> String {
        let uid = id.uid.clone();
        let mode = self.open(id, &object).await;
        let over = object.borrow().as_deref().is_some_and(is_closed);
        if over && mode.state.lock().await.ledger.head.sequence == 0 {
            // By a journal without records it would be begun anew.
            let name = &mode.id.name;
            tracing::warn!(mode = name, "it is over, and its records are gone");
            return uid;
        }
        Box::pin(self.act(mode, object)).await;
        uid
    }

    /// Opens a mode's journal, and does nothing about it. Returns the mode's uid.
    pub(super) async fn look_into(self, id: RecordMode) -> String {
        let (_sender, object) = watch::channel(None);
        let opened = AssertUnwindSafe(self.open(id.clone(), &object));
        if opened.catch_unwind().await.is_err() {
            self.failed(&id, None).await;
        }
        id.uid
    }

    /// Opens a mode's journal. A damaged one is said, and never opened; its mode is let go once two
    /// people have given it up.
    async fn open(
        &self,
        id: RecordMode,
        object: &watch::Receiver<Option<Arc<EmergencyMode>>>,
    ) -> Arc<Mode> {
        let opened = loop {
            match Journal::open(&self.own, id.clone(), self.epoch).await {
                Ok(opened) => break opened,
                Err(error @ records::Error::Damaged { .. }) => {
                    tracing::error!(mode = id.name, %error, "the journal is damaged; nothing is touched");
                    self.registry.damaged(&id, error.to_string()).await;
                    self.say_damaged(&id, object.clone(), &error.to_string())
                        .await;
                    std::future::pending::<()>().await;
                }
                Err(error) => {
                    tracing::warn!(mode = id.name, %error, "the journal cannot be read yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        let (journal, ledger) = opened;
        let state = State::new(journal, ledger, self.deps.clock.now());
        let mode = Arc::new(Mode::new(id, state));
        self.registry.insert(mode.clone()).await;
        mode
    }

    async fn act(self, mode: Arc<Mode>, object: watch::Receiver<Option<Arc<EmergencyMode>>>) {
        let actor = Actor {
            mode,
            deps: self.deps,
            own: self.own,
            accounts: self.accounts,
            discovery: self.discovery,
            settings: self.settings,
            object,
            playbooks: self.playbooks,
            rules: self.rules,
            registry: self.registry,
            orders: self.orders,
        };
        actor.run().await;
    }

    /// Says on a mode that its journal is damaged, and lets its object go once two people have given it
    /// up. Its records are not touched. Ends when the object is gone.
    async fn say_damaged(
        &self,
        id: &RecordMode,
        mut object: watch::Receiver<Option<Arc<EmergencyMode>>>,
        damage: &str,
    ) {
        loop {
            let Some(seen) = object.borrow_and_update().clone() else {
                return;
            };
            let done = self.tell_damaged(id, &seen, damage).await;
            let changed = object.changed();
            let changed = if done {
                changed.await
            } else {
                let waited = tokio::time::timeout(AGAIN, changed).await;
                waited.unwrap_or(Ok(()))
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// The same once. False where it is to be said again, also if nobody changes the object.
    async fn tell_damaged(&self, id: &RecordMode, seen: &EmergencyMode, damage: &str) -> bool {
        let mut said = self.decide_damaged(seen, damage);
        if said.need == Some(decide::Need::Proof) {
            if let Err(error) = self.rules.prove().await {
                tracing::warn!(error, "whether the rules are enforced is tried again");
            }
            said = self.decide_damaged(seen, damage);
        }
        let clock = self.deps.clock.monotonic_ms();
        if self.deps.leader.still_leader(clock).is_none() {
            return true;
        }
        let own = &self.own.writes;
        if seen.status.as_ref() != Some(&said.status) {
            let version = seen.resource_version().unwrap_or_default();
            let written = publish::status(own, &id.name, &id.uid, &version, &said.status).await;
            if let Err(error) = written {
                tracing::warn!(%error, "the damage could not be published");
                return false;
            }
        }
        if !said.closed {
            return said.need.is_none() && said.again_at.is_none();
        }
        let released = publish::release(own, seen).await;
        if let Err(error) = &released {
            tracing::warn!(%error, "a mode that was given up is let go later");
        }
        released.is_ok()
    }

    fn decide_damaged(&self, seen: &EmergencyMode, damage: &str) -> Decision {
        let playbooks = self.playbooks.borrow().clone();
        let playbook = playbooks.get(&seen.spec.playbook_ref.name);
        let playbook = playbook.and_then(|known| known.as_ref().ok());
        decide::damaged(&Damaged {
            damage,
            generation: seen.metadata.generation.unwrap_or_default(),
            spec: Some(&seen.spec),
            status: seen.status.as_ref(),
            authority: playbook.map(|book| &book.spec.authority),
            enforcement: &self.rules.now(),
            now: self.deps.clock.now(),
        })
    }
}

/// Whether a mode's status says that it is over.
fn is_closed(mode: &EmergencyMode) -> bool {
    mode.status.as_ref().and_then(|status| status.phase) == Some(Phase::Closed)
}
