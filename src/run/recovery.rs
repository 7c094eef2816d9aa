//! The operator's crew without its watches: modes are carried back from their records alone, for
//! [`recover`](crate::recover).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{RecordMode, names};
use crate::cluster::{self, Clients, Discovery};
use crate::engine::decide::Sight;
use crate::field::{Path, Uid};
use crate::ledger::{Direction, State};
use crate::policies::Names;

use super::alarms::Alarms;
use super::clock::Clock;
use super::crew::{Crew, Playbooks};
use super::enforcement::Rules;
use super::events::Events;
use super::executor::{self, Deps};
use super::lease::{Elector, Leader, Leadership};
use super::metrics::Metrics;
use super::operator::{ConnectSnafu, Error, Settings};
use super::records;
use super::registry::Registry;
use super::server::Health;
use super::task;

use snafu::ResultExt;

/// A term of leadership that only brings back.
pub struct Recovery {
    crew: Crew,
    tasks: JoinSet<String>,
    executor: JoinHandle<()>,
    release: oneshot::Sender<()>,
    election: JoinHandle<()>,
    _playbooks: watch::Sender<Playbooks>,
}

/// A mode that is carried back.
#[derive(Clone)]
pub struct Carried {
    /// Which.
    pub id: RecordMode,
    registry: Registry,
}

/// A field that was left to another mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// `Kind namespace/name`.
    pub target: String,
    /// The field, a JSON Pointer.
    pub path: String,
    /// The name of the mode that holds it.
    pub mode: String,
}

/// A field of a journal: target, path, state, reason.
pub type Field = (String, String, State, Option<String>);

impl Recovery {
    /// Takes the lease. With `ourselves` targets are read and written as our own user, not as accounts.
    /// `None` when another process keeps it for longer than `wait`.
    pub async fn begin(
        config: kube::Config,
        settings: Settings,
        clock: Clock,
        ourselves: bool,
        wait: Duration,
    ) -> Result<Option<Self>, Error> {
        let (own, mut accounts) = cluster::connect(config, None).context(ConnectSnafu)?;
        if ourselves {
            accounts = accounts.ourselves();
        }
        let (elector, leader) = Elector::new(
            own.writes.clone(),
            &settings.namespace,
            names::LEASE,
            settings.identity.clone(),
            settings.lease,
            clock,
        );
        let (release, released) = oneshot::channel::<()>();
        let election = tokio::spawn(task::own(elector.run(async {
            let _ = released.await;
        })));
        let Some(epoch) = led(&leader, wait).await else {
            drop(release);
            let _ = election.await;
            return Ok(None);
        };
        let (deposed, _) = mpsc::channel(1);
        let registry = Registry::alone();
        let deps = deps(&own, &settings, clock, leader, registry.clone(), deposed);
        let (orders, commands) = mpsc::channel(64);
        let writes = executor::run(deps.clone(), settings.concurrency, commands);
        let executor = tokio::spawn(task::own(writes));
        let (playbooks_in, playbooks) = watch::channel(Playbooks::default());
        let discovery = Discovery::new(own.reads.clone());
        // Nothing is set in force here, so that nobody asks whether the rules are.
        let rules = Rules::new(own.clone(), clock, Metrics::new(), Names::default());
        let crew = Crew {
            own,
            accounts,
            discovery,
            settings,
            deps,
            rules,
            registry,
            playbooks,
            orders,
            epoch,
            health: Health::default(),
        };
        let tasks = JoinSet::new();
        Ok(Some(Self {
            crew,
            tasks,
            executor,
            release,
            election,
            _playbooks: playbooks_in,
        }))
    }

    /// The modes that have records: the one of that name or uid, or all; and the others.
    pub async fn modes(
        &self,
        only: Option<&str>,
    ) -> Result<(Vec<RecordMode>, Vec<RecordMode>), records::Error> {
        let modes = records::list_modes(&self.crew.own).await?;
        let all = modes.into_iter().map(|(mode, _)| mode);
        Ok(all.partition(|mode| only.is_none_or(|only| mode.name == only || mode.uid == only)))
    }

    /// Carries modes back: as if their objects were gone. Of the others only the journals are read:
    /// a field that one of these holds, too, is left to it.
    pub fn carry(&mut self, modes: Vec<RecordMode>, others: Vec<RecordMode>) -> Vec<Carried> {
        let mut carried = Vec::with_capacity(modes.len());
        for id in modes.iter().chain(&others) {
            self.crew.registry.opens(&id.uid);
        }
        self.crew.registry.listed();
        for id in others {
            let crew = self.crew.clone();
            self.tasks
                .spawn(task::own(async move { crew.look_into(id).await }));
        }
        for id in modes {
            let (sender, receiver) = watch::channel(None);
            let crew = self.crew.clone();
            carried.push(Carried {
                id: id.clone(),
                registry: self.crew.registry.clone(),
            });
            self.tasks.spawn(task::own(async move {
                // The sender lives as long as the actor: a closed channel would say nothing.
                let _object = sender;
                Box::pin(crew.carry(id, receiver)).await
            }));
        }
        carried
    }

    /// Ends the term: nothing is written any more when the lease is given back.
    pub async fn end(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.executor.abort();
        let _ = self.executor.await;
        drop(self.release);
        let _ = self.election.await;
    }
}

/// What the executor stands on.
fn deps(
    own: &Clients,
    settings: &Settings,
    clock: Clock,
    leader: Leader,
    registry: Registry,
    deposed: mpsc::Sender<()>,
) -> Deps {
    Deps {
        own: own.clone(),
        namespace: settings.namespace.clone(),
        clock,
        leader,
        metrics: Metrics::new(),
        events: Events::start(own.writes.clone(), settings.identity.clone()),
        alarms: Alarms::start(settings.signals.clone(), Metrics::new(), clock),
        registry,
        deposed,
    }
}

/// The epoch, once this process leads.
async fn led(leader: &Leader, wait: Duration) -> Option<i64> {
    let mut leadership = leader.watch();
    let leads = leadership.wait_for(|now| matches!(now, Leadership::Leader { .. }));
    let now = tokio::time::timeout(wait, leads).await.ok()?.ok()?;
    if let Leadership::Leader { epoch, .. } = &*now {
        Some(*epoch)
    } else {
        None
    }
}

impl Carried {
    /// Why the mode's journal cannot be opened, if so.
    pub async fn problem(&self) -> Option<String> {
        self.registry.problem(&self.id.uid).await
    }

    /// Whether the mode's journal is closed.
    pub async fn is_closed(&self) -> bool {
        match self.registry.find(&self.id.uid).await {
            Some(mode) => mode.state.lock().await.ledger.direction == Direction::Closed,
            None => false,
        }
    }

    /// The latest change of every field, once the journal is open; with why it waits, where that is known.
    pub async fn entries(&self) -> Option<Vec<Field>> {
        let mode = self.registry.find(&self.id.uid).await?;
        let state = mode.state.lock().await;
        let fields = state.ledger.entries.values().map(|entry| {
            let target = crate::engine::plan::describe(&entry.target);
            let is_unread = state.sights.get(&entry.target.uid) == Some(&Sight::Unreadable);
            let unread = state.unread.clone().filter(|_| is_unread);
            let reason = entry.reason.clone().or(unread);
            (target, entry.path.to_pointer(), entry.state, reason)
        });
        Some(fields.collect())
    }

    /// The fields that this mode gave up to others that hold them still, by target and path. What these
    /// have brought back since is left to nobody.
    pub async fn left_to_others(&self) -> Vec<Left> {
        let Some(mode) = self.registry.find(&self.id.uid).await else {
            return Vec::new();
        };
        let given_up: BTreeSet<(Uid, Path)> = {
            let state = mode.state.lock().await;
            let heads = state.ledger.heads.iter();
            let given_up = heads.filter(|(_, id)| {
                let entry = state.ledger.entries.get(**id);
                entry.is_some_and(|entry| entry.state == State::Shadowed)
            });
            given_up.map(|(field, _)| field.clone()).collect()
        };
        let mut left = BTreeMap::new();
        if given_up.is_empty() {
            return Vec::new();
        }
        for other in self.registry.others(&self.id.uid).await {
            let state = other.state.lock().await;
            if state.ledger.direction == Direction::Closed {
                continue;
            }
            for entry in state.ledger.live() {
                let field = (entry.target.uid.clone(), entry.path.clone());
                if given_up.contains(&field) {
                    left.entry(field).or_insert_with(|| Left {
                        target: crate::engine::plan::describe(&entry.target),
                        path: entry.path.to_pointer(),
                        mode: other.id.name.clone(),
                    });
                }
            }
        }
        left.into_values().collect()
    }
}
