//! What an emergency is played on: the sand table as a snapshot has it, with Pingzhan installed, the
//! cluster's own controllers, and operators that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use serde::Deserialize as _;
use serde_json::Value;
use snafu::{ResultExt, Snafu};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::{EmergencyMode, names};
use crate::run::clock::Clock;
use crate::run::operator::{self, Settings as Operator};
use crate::run::signal::Signals;
use crate::run::{lease, retention};
use crate::sandtable::people::{MASTERS, User};
use crate::sandtable::server::Server;
use crate::sandtable::service::Service;
use crate::sandtable::snapshot::{self, Loaded, Snapshot};
use crate::sandtable::standins::{self, Standins};
use crate::sandtable::{installed, load, managed, schema};

use super::guests;
use super::line::{self, Costs, Life, Line};
use super::people::Person;

/// The account of the operator.
const OPERATOR: &str = "pingzhan";

/// So many events are remembered: whoever watches follows at once, and each keeps a whole object.
const REMEMBERED: usize = 2_000;

/// Why nothing can be played.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The snapshot cannot be used.
    #[snafu(display("the snapshot cannot be used: {source}"))]
    Snapshot {
        /// Why.
        source: snapshot::Error,
    },
    /// Pingzhan cannot be installed beside what is there.
    #[snafu(display("Pingzhan cannot be installed beside what the snapshot has: {source}"))]
    Install {
        /// Why.
        source: load::Error,
    },
}

/// How it is played.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When the story begins.
    pub begin: Timestamp,
    /// Uids of new objects follow from it.
    pub seed: u64,
    /// How fast the cluster's own controllers are.
    pub controllers: standins::Settings,
    /// How long pods of some workloads take to be ready, by `Kind namespace/name`, where that is known.
    pub delays: BTreeMap<String, Duration>,
    /// What requests of operators cost.
    pub costs: Costs,
    /// Seconds of the operators' lease.
    pub lease: u32,
    /// Writes that an operator has in flight at most.
    pub concurrency: usize,
    /// Where the operators' signals go.
    pub signals: Arc<Signals>,
}

impl Settings {
    /// Everything as it usually is, from a moment on.
    pub fn at(begin: Timestamp) -> Self {
        Self {
            begin,
            seed: 1,
            controllers: standins::Settings::default(),
            delays: BTreeMap::new(),
            costs: Costs::default(),
            lease: 15,
            concurrency: 8,
            signals: Arc::default(),
        }
    }
}

/// A cluster in a time of its own. To be made inside of [`super::time::play`].
pub struct Stage {
    /// The server, as an administrator.
    pub service: Service,
    /// The server's clock.
    pub clock: Clock,
    /// What was loaded.
    pub loaded: Loaded,
    /// What operators' connections share.
    pub line: line::Server,
    settings: Settings,
    operators: Vec<Process>,
    controllers: JoinHandle<()>,
}

/// An operator.
struct Process {
    life: Life,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Stage {
    /// A cluster as a snapshot has it, with Pingzhan installed and controllers at work; no operator yet.
    ///
    /// # Errors
    /// The snapshot or what is installed beside it does not fit.
    pub fn open(snapshot: &Snapshot, settings: Settings) -> Result<Self, Error> {
        let clock = Clock::from(settings.begin);
        let mut server = Server::new(schema::builtin(), settings.seed, settings.begin);
        server.store.remember_at_most(REMEMBERED);
        let loaded = snapshot.load(&mut server).context(SnapshotSnafu)?;
        installed::install(&mut server, settings.begin).context(InstallSnafu)?;
        let service = Service::new(server, move || clock.now());
        let standins = Standins::new(settings.controllers)
            .with_delays(settings.delays.clone())
            .with_guests(guests::of(snapshot).into_iter());
        let controllers = tokio::spawn(standins::drive(service.clone(), standins));
        Ok(Self {
            service,
            clock,
            loaded,
            line: line::Server::default(),
            settings,
            operators: Vec::new(),
            controllers,
        })
    }

    /// A client of a person.
    pub fn client(&self, person: &Person<'_>) -> Client {
        let user = User::authenticated(person.name, &[person.group]);
        self.service.of(user).client()
    }

    /// A client of a person in a rehearsal, who may do everything: whether they may in the cluster is
    /// not what is rehearsed.
    pub fn player(&self, person: &Person<'_>) -> Client {
        let user = User::authenticated(person.name, &[person.group, MASTERS]);
        self.service.of(user).client()
    }

    /// A client of the operator's own account, without a connection that takes time.
    pub fn operator(&self) -> Client {
        let user = User::account(names::DEFAULT_NAMESPACE, OPERATOR);
        self.service.of(user).client()
    }

    /// Begins one more operator, and says which it is.
    pub fn begin_operator(&mut self) -> usize {
        let number = self.operators.len();
        let life = Life::default();
        let connection = Line {
            service: self
                .service
                .of(User::account(names::DEFAULT_NAMESPACE, OPERATOR)),
            server: self.line.clone(),
            costs: self.settings.costs,
            life: life.clone(),
        };
        let settings = Operator {
            namespace: names::DEFAULT_NAMESPACE.to_owned(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.to_owned(),
            identity: format!("operator-{number}"),
            concurrency: self.settings.concurrency,
            address: None,
            record_retention: retention::DEFAULT,
            lease: lease::settings(self.settings.lease),
            signals: self.settings.signals.clone(),
            readiness: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let client = Client::new(connection, "default");
        let clock = self.clock;
        let task = tokio::spawn(async move {
            let until = async {
                // A sender that is dropped is an operator that is stopped.
                let _ = stopped.await;
            };
            if let Err(error) = operator::run_over(client, settings, clock, until).await {
                tracing::error!(%error, "an operator ended");
            }
        });
        self.operators.push(Process {
            life,
            stop: Some(stop),
            task,
        });
        number
    }

    /// Kills an operator, as SIGKILL does.
    pub fn kill_operator(&mut self, number: usize) {
        if let Some(process) = self.operators.get_mut(number) {
            process.life.end();
            process.task.abort();
        }
    }

    /// Stops the operators, and waits until they have.
    pub async fn stop_operators(&mut self) {
        for process in &mut self.operators {
            process.stop.take();
            // Cut off at the end of a rehearsal: what it left is in the journal.
            let _ = tokio::time::timeout(Duration::from_secs(30), &mut process.task).await;
        }
        self.operators.clear();
    }

    /// Ends everything that goes on by itself.
    pub async fn close(mut self) {
        self.stop_operators().await;
        self.controllers.abort();
    }

    /// A mode, as the server has it.
    pub fn mode(&self, name: &str) -> Option<EmergencyMode> {
        let server = self.service.lock();
        let mut all = server.store.list(names::GROUP, "emergencymodes", "", None);
        let (_, mode) = all.find(|(key, _)| key.name == name)?;
        EmergencyMode::deserialize(&**mode).ok()
    }

    /// Each object of these kinds, whole, with `Kind namespace/name`.
    pub fn each(&self, kinds: &[(&str, &str)], mut visit: impl FnMut(String, Value)) {
        let server = self.service.lock();
        for (group, plural) in kinds {
            for (key, object) in server.store.list(group, plural, "", None) {
                let kind = object["kind"].as_str().unwrap_or_default();
                let name = format!("{kind} {}/{}", key.namespace, key.name);
                visit(name, managed::unpacked(object));
            }
        }
    }

    /// All of them, by that name.
    pub fn objects(&self, kinds: &[(&str, &str)]) -> BTreeMap<String, Value> {
        let mut objects = BTreeMap::new();
        self.each(kinds, |name, object| {
            objects.insert(name, object);
        });
        objects
    }
}
