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
    /// Stands for election, leads, and stands again, until `stop` says so. Where a term could not begin,
    /// it pauses longer each time.
    async fn stand(&self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut pause = AGAIN;
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
            let began = tokio::select! {
                biased;
                () = &mut stop => None,
                began = self.lead(&leader) => Some(began),
                () = self.probes(&leader) => Some(false),
            };
            self.metrics.follows();
            // A term that ended early gives its lease back and stands for election anew, so that
            // the next one has an epoch of its own.
            drop(release);
            let _ = election.await;
            let Some(began) = began else {
                return;
            };
            if began {
                pause = AGAIN;
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = pause.saturating_mul(2).min(LONGEST);
        }
    }

    /// Waits until this process leads, and then leads until it does not any more. Returns whether its term
    /// began.
    async fn lead(&self, leader: &Leader) -> bool {
        let mut leadership = leader.watch();
        let leads = |now: &Leadership| matches!(now, Leadership::Leader { .. });
        let Ok(now) = leadership.wait_for(leads).await.map(|now| now.clone()) else {
            return false;
        };
        let Leadership::Leader { epoch, .. } = now else {
            return false;
        };
        self.metrics.leader.set(1);
        // What was known as a follower says nothing of what a leader needs to know.
        self.health.set_synced(false);
        let began = self.term(leader, epoch).await;
        tracing::warn!("not leading any more; everything is let go");
        began
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

    /// One term of leadership: ends when it is lost, or at once where it cannot begin. Returns whether it
    /// began.
    async fn term(&self, leader: &Leader, epoch: i64) -> bool {
        let (deposed, mut told) = mpsc::channel(1);
        let registry = Registry::default();
        let Some(rules) = self.rules().await else {
            return false;
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
        true
    }
}

/// The pause before standing for election again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(500);
/// The longest one, where terms cannot begin: each try is two writes of the lease and an epoch.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fake::{Asked, Fake, Reply, reply};
    use crate::run::testing::settings;

    /// A server that keeps one lease and tells nobody who they are.
    fn server() -> Fake {
        let lease: Mutex<Option<Value>> = Mutex::default();
        Fake::new(move |asked: &Asked| -> Reply {
            let refused = |code: u16, reason: &str| {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": reason, "message": "no", "code": code });
                reply(code, status)
            };
            if !asked.path.contains("/leases") {
                return refused(403, "Forbidden");
            }
            let mut lease = lease.lock().expect("no panic");
            if asked.method == "GET" {
                let stored = lease.clone();
                return stored
                    .map_or_else(|| refused(404, "NotFound"), |stored| reply(200, stored));
            }
            let version = |stored: &Value| stored["metadata"]["resourceVersion"].clone();
            let before = lease.as_ref().map(version);
            let mut sent = asked.body.clone();
            if before
                .as_ref()
                .is_some_and(|before| *before != version(&sent))
            {
                return refused(409, "Conflict");
            }
            let number = before.as_ref().and_then(Value::as_str);
            let number: u64 = number.and_then(|text| text.parse().ok()).unwrap_or(0);
            sent["metadata"]["resourceVersion"] = json!((number + 1).to_string());
            *lease = Some(sent.clone());
            reply(200, sent)
        })
    }

    /// Whoever is not told who they are cannot lead. Each try writes the lease twice and uses up an epoch:
    /// without pauses that grow it is a storm, on a server that may have trouble already.
    #[tokio::test(start_paused = true)]
    async fn a_term_that_cannot_begin_is_tried_ever_more_rarely() {
        let server = server();
        let clock = Clock::from(Timestamp::UNIX_EPOCH);
        let stop = tokio::time::sleep(Duration::from_mins(5));
        let ran = run_over(server.client(), settings(), clock, stop).await;
        assert!(ran.is_ok(), "it ends as it is told");
        let asked = server.addresses();
        let reviews = asked
            .iter()
            .filter(|one| one.contains("selfsubjectreviews"));
        let reviews = reviews.count();
        assert!((5..=20).contains(&reviews), "{reviews} in five minutes");
    }
}
