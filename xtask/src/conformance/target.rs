//! A server that the table is played on, and what an administrator cannot ask of it: that it forgets,
//! and to be somebody else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use kube::{Client, Config};
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::service::Service;
use serde_json::{Value, json};
use snafu::{OptionExt, ResultExt, ensure};

use super::{Error, RequestSnafu, UnfitSnafu};
use crate::cluster::{self, Cluster};

/// A server.
#[derive(Clone)]
pub struct Target {
    /// An administrator's client.
    pub client: Client,
    /// How long one waits for it.
    pub patience: Patience,
    memory: Memory,
}

/// How long one waits for a server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long an event of a watch may take.
    pub event: Duration,
    /// How often a request is sent that is to be answered otherwise in a while.
    pub tries: usize,
    /// Whether a case is played once more that was answered otherwise than recorded.
    pub again: bool,
}

/// A real server learns of rights, policies and kinds a moment after they are written. Events are
/// there already, or on their way.
const REAL: Patience = Patience {
    event: Duration::from_secs(10),
    tries: 100,
    again: true,
};
/// The sand table does everything at once. What waits for an event that is not there would wait for
/// ever: this much is for a machine that is busy with other things.
const AT_ONCE: Patience = Patience {
    event: Duration::from_millis(200),
    tries: 1,
    again: false,
};

/// What is said where a case needs more than an administrator's client.
const UNREACHABLE: &str = "a case needs a server that forgets, or other people: give the admin's kubeconfig of a cluster that `cargo xtask cluster up` brought up (an older one: down first)";

/// What stands behind a server.
#[derive(Clone)]
enum Memory {
    /// A cluster of this tool's, with its store.
    Cluster(Box<Cluster>, Box<Client>),
    /// A sand table, and how its clients are made.
    Sandtable(Service, Made),
    /// Something that nobody can reach.
    Unreachable,
}

/// Makes a client of a sand table.
type Made = Arc<dyn Fn(Service) -> Client + Send + Sync>;

impl Target {
    /// The server of a kubeconfig, of an administrator.
    ///
    /// # Errors
    /// The kubeconfig cannot be used.
    pub async fn real(kubeconfig: &Path) -> Result<Self, Error> {
        let memory = match Cluster::of(kubeconfig).filter(|cluster| !cluster.etcd.is_empty()) {
            Some(cluster) => {
                let etcd = store(&cluster.etcd)?;
                Memory::Cluster(Box::new(cluster), Box::new(etcd))
            }
            None => Memory::Unreachable,
        };
        Ok(Self {
            client: cluster::client(kubeconfig).await?,
            patience: REAL,
            memory,
        })
    }

    /// A sand table, asked by clients that are made so.
    pub fn sandtable(
        service: &Service,
        made: impl Fn(Service) -> Client + Send + Sync + 'static,
    ) -> Self {
        Self {
            client: made(service.clone()),
            patience: AT_ONCE,
            memory: Memory::Sandtable(service.clone(), Arc::new(made)),
        }
    }

    /// A client of somebody with no rights but their own.
    ///
    /// # Errors
    /// Nobody can be given an identity here.
    pub async fn client_of(&self, user: &str, groups: &[String]) -> Result<Client, Error> {
        match &self.memory {
            Memory::Sandtable(service, made) => {
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                Ok(made(service.of(User::authenticated(user, &groups))))
            }
            Memory::Cluster(cluster, _) => {
                let kubeconfig = cluster.identity(user, groups)?;
                Ok(cluster::client(&kubeconfig).await?)
            }
            Memory::Unreachable => UnfitSnafu {
                problem: UNREACHABLE,
            }
            .fail(),
        }
    }

    /// Has it forget everything that happened up to now.
    ///
    /// # Errors
    /// Its store cannot be reached.
    pub async fn forget(&self) -> Result<(), Error> {
        match &self.memory {
            Memory::Sandtable(service, _) => service.lock().store.compact(),
            Memory::Cluster(_, etcd) => {
                let read = ask(etcd, "/v3/kv/range", &json!({ "key": "AA==" })).await?;
                let revision = &read["header"]["revision"];
                let problem = format!("the store does not say its revision: {read}");
                let revision = revision.as_str().context(UnfitSnafu { problem })?;
                let forget = json!({ "revision": revision, "physical": true });
                ask(etcd, "/v3/kv/compaction", &forget).await?;
            }
            Memory::Unreachable => {
                return UnfitSnafu {
                    problem: UNREACHABLE,
                }
                .fail();
            }
        }
        Ok(())
    }
}

/// A client of etcd's JSON gateway.
fn store(url: &str) -> Result<Client, Error> {
    let problem = format!("the store is at {url}, which is no address");
    let url = url.parse().ok().context(UnfitSnafu { problem })?;
    let doing = "a client of the store";
    let client = Client::try_from(Config::new(url)).map_err(Box::new);
    client.context(RequestSnafu { doing })
}

async fn ask(etcd: &Client, path: &str, body: &Value) -> Result<Value, Error> {
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string().into_bytes()))
        .map_err(|error| Error::Unfit {
            problem: format!("a request cannot be made: {error}"),
        })?;
    let doing = format!("POST {path} of the store");
    let answer = etcd.send(request).await.map_err(Box::new);
    let answer = answer.context(RequestSnafu { doing: &doing })?;
    let status = answer.status();
    let bytes = answer.into_body().collect_bytes().await.map_err(Box::new);
    let bytes = bytes.context(RequestSnafu { doing })?;
    let text = String::from_utf8_lossy(&bytes);
    let problem = format!("{path} of the store: {status}: {text}");
    ensure!(status.is_success(), UnfitSnafu { problem });
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}
