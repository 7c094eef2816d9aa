//! The operator: elected, it watches modes and playbooks and keeps one actor a mode; deposed, it
//! lets go of everything and stands for election again.

use std::net::SocketAddr;
use std::sync::Arc;

use snafu::{ResultExt, Snafu};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::api::names;
use crate::cluster::{self, Accounts, Clients, Discovery, whoami};
use crate::policies::Names;

use super::alarms::Alarms;
use super::clock::Clock;
use super::crew::{Crew, Playbooks};
use super::enforcement::{self, Rules};
use super::events::Events;
use super::executor::{self, Deps};
use super::lease::{self, Elector, Leader, Leadership};
use super::metrics::Metrics;
use super::playbooks::{self, Readiness};
use super::registry::Registry;
use super::server::{self, Health};
use super::signal::Signals;
use super::task;

/// Orders that wait for the executor, all modes together: a mode sends at most two a second.
const ORDERS: usize = 64;

/// How the operator runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The operator's own namespace: its Lease is there, and nothing there is ever touched.
    pub namespace: String,
    /// The namespace of playbooks' accounts.
    pub accounts_namespace: String,
    /// Who this process is, in the Lease and in journals.
    pub identity: String,
    /// Writes in flight at most (1 to 32).
    pub concurrency: usize,
    /// Where health and metrics are served; `None` for nowhere.
    pub address: Option<SocketAddr>,
    /// How long the records of a mode that is over are kept.
    pub record_retention: std::time::Duration,
    /// Times of the lease.
    pub lease: lease::Settings,
    /// Where signals to other systems go.
    pub signals: Arc<Signals>,
    /// How often playbooks are held against the cluster where nothing changes; nothing for never.
    pub readiness: Option<std::time::Duration>,
}

/// Why the operator does not run.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(super)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("{source}"))]
    Connect { source: cluster::clients::Error },
    #[snafu(display("health and metrics cannot be served: {source}"))]
    Serve { source: server::Error },
}

/// Runs until `stop` says so.
///
/// Guarantees: nothing is written, status included, unless this process leads.
pub async fn run(
    config: kube::Config,
    settings: Settings,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let metrics = Metrics::new();
    let counted = Some(metrics.requests_counted());
    let clients = cluster::connect(config, counted).context(ConnectSnafu)?;
    carry_on(clients, metrics, settings, clock, stop).await
}

/// Runs against a server in this process until `stop` says so.
///
/// # Errors
/// As with [`run`].
pub async fn run_over(
    client: kube::Client,
    settings: Settings,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let metrics = Metrics::new();
    let counted = Some(metrics.requests_counted());
    let clients = cluster::over(client, counted);
    carry_on(clients, metrics, settings, clock, stop).await
}

async fn carry_on(
    (own, accounts): (Clients, Accounts),
    metrics: Metrics,
    settings: Settings,
    clock: Clock,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let health = Health::default();
    if let Some(address) = settings.address {
        let server = server::Server::bind(address, health.clone(), metrics.clone())
            .await
            .context(ServeSnafu)?;
        let address = server.address().context(ServeSnafu)?;
        tracing::info!(%address, "serving /livez, /readyz and /metrics");
        tokio::spawn(task::own(server.serve(std::future::pending())));
    }
    let process = Process {
        own,
        accounts,
        settings,
        clock,
        metrics,
        health,
    };
    process.stand(stop).await;
    Ok(())
}

/// The runtime of an operator: one thread for everything, however many cores there are.
///
/// A write takes about 0.4 ms of its processor time and ten times as much of the API server's, so that
/// one thread is not what a switch waits for. Each further one has a heap of its own in the C library's
/// allocator, in which what it needed once stays free for it alone: 12 MiB more for a fleet of 10,000.
///
/// # Errors
/// The operating system grants no thread.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
}

/// What outlives a term of leadership.
struct Process {
    own: Clients,
    accounts: Accounts,
    settings: Settings,
    clock: Clock,
    metrics: Metrics,
    health: Health,
}

impl Process {
    /// Stands for election, leads, and stands again, until `stop` says so.
    async fn stand(&self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        loop {
            let (elector, leader) = Elector::new(
                self.own.writes.clone(),
                &self.settings.namespace,
                names::LEASE,
                self.settings.identity.clone(),
                self.settings.lease,
                self.clock,
            );
            let (release, released) = oneshot::channel::<()>();
            let election = tokio::spawn(task::own(elector.run(async {
                let _ = released.await;
            })));
            let stopped = tokio::select! {
                biased;
                () = &mut stop => true,
                () = self.lead(&leader) => false,
                () = self.probes(&leader) => false,
            };
            self.metrics.follows();
            // A term that ended early gives its lease back and stands for election anew, so that
            // the next one has an epoch of its own.
            drop(release);
            let _ = election.await;
            if stopped {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until this process leads, and then leads until it does not any more.
    async fn lead(&self, leader: &Leader) {
        let mut leadership = leader.watch();
        let leads = |now: &Leadership| matches!(now, Leadership::Leader { .. });
        let Ok(now) = leadership.wait_for(leads).await.map(|now| now.clone()) else {
            return;
        };
        let Leadership::Leader { epoch, .. } = now else {
            return;
        };
        self.metrics.leader.set(1);
        // What was known as a follower says nothing of what a leader needs to know.
        self.health.set_synced(false);
        self.term(leader, epoch).await;
        tracing::warn!("not leading any more; everything is let go");
    }

    /// Keeps the readiness true while this process stands for election: a follower of a known leader
    /// has nothing to list, a leader is ready once its crew has listed. Ends with the elector.
    async fn probes(&self, leader: &Leader) {
        let mut leadership = leader.watch();
        loop {
            match &*leadership.borrow_and_update() {
                Leadership::Leader { .. } => self.health.set_settled(true),
                Leadership::Follower { holder } => {
                    let known = holder.as_deref().is_some_and(|holder| !holder.is_empty());
                    self.health.set_settled(known);
                    self.health.set_synced(true);
                }
            }
            if leadership.changed().await.is_err() {
                return;
            }
        }
    }

    /// What says whether the rules of authority are in force. They name the user that this process is.
    async fn rules(&self) -> Option<Rules> {
        let user = match whoami::ask(&self.own.writes).await {
            Ok(user) => user.name,
            Err(error) => {
                tracing::warn!(%error, "the API server does not say who this process is");
                return None;
            }
        };
        // They are shipped for one place; where a process has its lease is its own matter.
        let accounts = &self.settings.accounts_namespace;
        match Names::new(&user, names::DEFAULT_NAMESPACE, accounts) {
            Ok(names) => {
                let (own, metrics) = (self.own.clone(), self.metrics.clone());
                Some(Rules::new(own, self.clock, metrics, names))
            }
            Err(error) => {
                tracing::error!(%error, "the rules of authority cannot be looked at");
                None
            }
        }
    }

    fn deps(&self, leader: &Leader, registry: &Registry, deposed: mpsc::Sender<()>) -> Deps {
        let (signals, metrics) = (self.settings.signals.clone(), self.metrics.clone());
        Deps {
            own: self.own.clone(),
            namespace: self.settings.namespace.clone(),
            clock: self.clock,
            leader: leader.clone(),
            metrics: self.metrics.clone(),
            events: Events::start(self.own.writes.clone(), self.settings.identity.clone()),
            alarms: Alarms::start(signals, metrics, self.clock),
            registry: registry.clone(),
            deposed,
        }
    }

    /// What says whether playbooks are ready.
    fn readiness(
        &self,
        discovery: &Discovery,
        registry: &Registry,
        playbooks: &watch::Receiver<Playbooks>,
    ) -> Readiness {
        Readiness {
            own: self.own.clone(),
            accounts: self.accounts.clone(),
            discovery: discovery.clone(),
            settings: self.settings.clone(),
            clock: self.clock,
            metrics: self.metrics.clone(),
            registry: registry.clone(),
            playbooks: playbooks.clone(),
        }
    }

    /// One term of leadership: ends when it is lost.
    async fn term(&self, leader: &Leader, epoch: i64) {
        let (deposed, mut told) = mpsc::channel(1);
        let registry = Registry::default();
        let Some(rules) = self.rules().await else {
            return;
        };
        let deps = self.deps(leader, &registry, deposed);
        let (orders, commands) = mpsc::channel(ORDERS);
        let mut tasks = JoinSet::new();
        let writes = executor::run(deps.clone(), self.settings.concurrency, commands);
        tasks.spawn(task::own(writes));
        let keep = self.settings.record_retention;
        let (own, of) = (self.own.clone(), deps.clone());
        tasks.spawn(task::own(task::anew("retention", move || {
            super::retention::run(own.clone(), of.clone(), keep)
        })));
        tasks.spawn(task::own(enforcement::follow(rules.clone())));
        let (playbooks_in, playbooks) = watch::channel(Playbooks::default());
        let (listed_in, mut listed) = watch::channel(false);
        let reading = playbooks::follow(self.own.clone(), playbooks_in, listed_in);
        tasks.spawn(task::own(reading));
        let discovery = Discovery::new(self.own.reads.clone());
        let readiness = self.readiness(&discovery, &registry, &playbooks);
        let known = listed.clone();
        tasks.spawn(task::own(task::anew("readiness", move || {
            readiness.clone().run(known.clone())
        })));
        let crew = Crew {
            own: self.own.clone(),
            accounts: self.accounts.clone(),
            discovery,
            settings: self.settings.clone(),
            deps,
            rules,
            registry,
            playbooks,
            orders,
            epoch,
            health: self.health.clone(),
        };
        tasks.spawn(task::own(async move {
            // A mode must not be told that its playbook is missing because nobody has looked yet.
            let _ = listed.wait_for(|whole| *whole).await;
            crew.follow_modes().await;
        }));
        let mut leadership = leader.watch();
        let lost = leadership.wait_for(
            |now| !matches!(now, Leadership::Leader { epoch: held, .. } if *held == epoch),
        );
        tokio::select! {
            biased;
            _ = lost => {}
            _ = told.recv() => tracing::error!("another leader has taken over a journal"),
            ended = tasks.join_next() => tracing::error!(?ended, "a part of the operator ended"),
        }
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }
}

/// The pause before standing for election again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(500);
