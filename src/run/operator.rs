//! The operator: elected, it watches modes and playbooks and keeps one actor a mode; deposed, it
//! lets go of everything and stands for election again.

use std::net::SocketAddr;

use snafu::{ResultExt, Snafu};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::api::names;
use crate::cluster::{self, Accounts, Clients, Discovery};

use super::clock::Clock;
use super::crew::{self, Crew, Playbooks, Registry};
use super::events::Events;
use super::executor::{self, Deps};
use super::lease::{self, Elector, Leader, Leadership};
use super::metrics::Metrics;
use super::server;

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
    /// Times of the lease.
    pub lease: lease::Settings,
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
    let (own, accounts) = cluster::connect(config).context(ConnectSnafu)?;
    let metrics = Metrics::new();
    let health = server::Health::default();
    if let Some(address) = settings.address {
        let server = server::Server::bind(address, health.clone(), metrics.clone())
            .await
            .context(ServeSnafu)?;
        tokio::spawn(server.serve(std::future::pending()));
    }
    tokio::pin!(stop);
    loop {
        let (elector, leader) = Elector::new(
            own.writes.clone(),
            &settings.namespace,
            names::LEASE,
            settings.identity.clone(),
            settings.lease,
            clock,
        );
        let (release, released) = oneshot::channel::<()>();
        let election = tokio::spawn(elector.run(async {
            let _ = released.await;
        }));
        let lead = async {
            let mut leadership = leader.watch();
            let leads = |now: &Leadership| matches!(now, Leadership::Leader { .. });
            let Ok(now) = leadership.wait_for(leads).await.map(|now| now.clone()) else {
                return;
            };
            let Leadership::Leader { epoch, .. } = now else {
                return;
            };
            tracing::info!(epoch, identity = settings.identity, "leading");
            metrics.leader.set(1);
            term(&own, &accounts, &settings, clock, &leader, &metrics, epoch).await;
            tracing::warn!("not leading any more; everything is let go");
        };
        let stopped = tokio::select! {
            () = &mut stop => true,
            () = lead => false,
        };
        metrics.leader.set(0);
        // A term that ended early gives its lease back and stands for election anew, so that the
        // next one has an epoch of its own.
        drop(release);
        let _ = election.await;
        if stopped {
            return Ok(());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The pause before standing for election again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// One term of leadership: ends when it is lost.
async fn term(
    own: &Clients,
    accounts: &Accounts,
    settings: &Settings,
    clock: Clock,
    leader: &Leader,
    metrics: &Metrics,
    epoch: i64,
) {
    let (deposed, mut told) = mpsc::channel(1);
    let deps = Deps {
        clock,
        leader: leader.clone(),
        metrics: metrics.clone(),
        events: Events::start(own.writes.clone(), settings.identity.clone()),
        deposed,
    };
    let (orders, commands) = mpsc::channel(ORDERS);
    let mut tasks = JoinSet::new();
    tasks.spawn(executor::run(deps.clone(), settings.concurrency, commands));
    let (playbooks_in, playbooks) = watch::channel(Playbooks::default());
    let (listed_in, mut listed) = watch::channel(false);
    tasks.spawn(crew::follow_playbooks(own.clone(), playbooks_in, listed_in));
    let crew = Crew {
        own: own.clone(),
        accounts: accounts.clone(),
        discovery: Discovery::new(own.reads.clone()),
        settings: settings.clone(),
        deps,
        registry: Registry::default(),
        playbooks,
        orders,
        epoch,
    };
    tasks.spawn(async move {
        // A mode must not be told that its playbook is missing because nobody has looked yet.
        let _ = listed.wait_for(|whole| *whole).await;
        crew.follow_modes().await;
    });
    let mut leadership = leader.watch();
    let lost = leadership
        .wait_for(|now| !matches!(now, Leadership::Leader { epoch: held, .. } if *held == epoch));
    tokio::select! {
        _ = lost => {}
        _ = told.recv() => tracing::error!("another leader has taken over a journal"),
        ended = tasks.join_next() => tracing::error!(?ended, "a part of the operator ended"),
    }
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
}
