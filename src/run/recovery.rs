//! The operator's crew without its watches: modes are carried back from their records alone, for
//! [`recover`](crate::recover).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{RecordMode, names};
use crate::cluster::{self, Clients, Discovery, whoami};
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
use super::operator::Settings;
use super::records;
use super::registry::Registry;
use super::server::Health;
use super::task;

use snafu::{ResultExt, Snafu};

/// Characters of who acts: what the schema of records accepts.
const WHO: usize = 253;

/// Why nothing is carried back.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("{source}"))]
    Connect { source: cluster::clients::Error },
    #[snafu(display(
        "another operator leads and renews its lease: stop it first, or stand the mode down through it"
    ))]
    Led,
    #[snafu(display(
        "you may not take the operator's lease: {problem}; whoever brings back without the operator \
         needs the verb `recover` on playbooks, and the lease"
    ))]
    Refused { problem: String },
}

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
    /// Takes the lease; the journals then say which person does it. With `ourselves` targets are read and
    /// written as our own user, not as accounts.
    ///
    /// # Errors
    /// Within `wait` another process keeps the lease, or the API server does not let us have it.
    pub async fn begin(
        config: kube::Config,
        mut settings: Settings,
        clock: Clock,
        ourselves: bool,
        wait: Duration,
    ) -> Result<Self, Error> {
        let (own, mut accounts) = cluster::connect(config, None).context(ConnectSnafu)?;
        if ourselves {
            accounts = accounts.ourselves();
        }
        let process = settings.identity.clone();
        settings.identity = signed(&own, &process).await;
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
            return Err(why_not(&leader));
        };
        let registry = Registry::alone();
        let deps = deps(&own, &settings, process, clock, leader, registry.clone());
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
        Ok(Self {
            crew,
            tasks,
            executor,
            release,
            election,
            _playbooks: playbooks_in,
        })
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
                crew.confined(id, receiver).await
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

/// What the executor stands on. Events have no room for the name of a person.
fn deps(
    own: &Clients,
    settings: &Settings,
    process: String,
    clock: Clock,
    leader: Leader,
    registry: Registry,
) -> Deps {
    let (deposed, _) = mpsc::channel(1);
    Deps {
        own: own.clone(),
        clock,
        leader,
        metrics: Metrics::new(),
        events: Events::start(own.writes.clone(), process),
        alarms: Alarms::start(settings.signals.clone(), Metrics::new(), clock),
        registry,
        deposed,
    }
}

/// Why this process does not lead.
fn why_not(leader: &Leader) -> Error {
    match leader.refused() {
        Some(problem) => Error::Refused { problem },
        None => Error::Led,
    }
}

/// The name of this process with that of the person who runs it, as the API server knows them: who reads
/// the journal later must learn who brought everything back. Where it does not say, the process has to do.
async fn signed(own: &Clients, process: &str) -> String {
    match whoami::ask(&own.writes).await {
        Ok(user) if user.name.is_empty() => process.to_owned(),
        Ok(user) => named(&user.name, process),
        Err(error) => {
            tracing::warn!(%error, "the API server does not say who you are");
            process.to_owned()
        }
    }
}

/// Both names, in what the schema of records accepts: a process is told from others by the end of its name.
fn named(person: &str, process: &str) -> String {
    let person: String = person.chars().take(WHO / 2).collect();
    let process = format!(" ({process})");
    let room = WHO.saturating_sub(person.chars().count());
    let over = process.chars().count().saturating_sub(room);
    format!("{person}{}", process.chars().skip(over).collect::<String>())
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
            // What is the matter now, not what was the matter with whoever tried before.
            let unread = state.unread.clone().filter(|_| is_unread);
            let reason = unread.or_else(|| entry.reason.clone());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A record that is longer than its schema is refused, and then nothing comes back: whatever people
    /// and machines are called, both are told from others.
    #[test]
    fn who_acts_is_named_in_what_a_record_holds() {
        let process = "restore-bastion_0123456789abcdef";
        assert_eq!(
            named("rao", process),
            "rao (restore-bastion_0123456789abcdef)"
        );
        let long = "oidc:".to_owned() + &"饶".repeat(400);
        for machine in [process.to_owned(), "m".repeat(300) + process] {
            let both = named(&long, &machine);
            assert!(both.chars().count() <= WHO, "{both}");
            assert!(both.starts_with("oidc:饶饶"), "{both}");
            assert!(both.ends_with("0123456789abcdef)"), "{both}");
        }
    }
}
