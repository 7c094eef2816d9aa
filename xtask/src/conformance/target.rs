//! A server that the table is played on, and what no client can ask of it: that it forgets.

use std::path::Path;
use std::time::Duration;

use kube::client::Body;
use kube::{Client, Config};
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
}

/// A real server learns of rights, policies and kinds a moment after they are written. Events are
/// there already, or on their way.
const REAL: Patience = Patience {
    event: Duration::from_secs(10),
    tries: 100,
};
/// The sand table does everything at once. What waits for an event that is not there would wait for
/// ever: this much is for a machine that is busy with other things.
const AT_ONCE: Patience = Patience {
    event: Duration::from_millis(200),
    tries: 1,
};

/// Where what happened is remembered.
#[derive(Clone)]
enum Memory {
    /// In the store of a real server.
    Etcd(Box<Client>),
    /// In the sand table.
    Sandtable(Service),
    /// Where nobody can reach it.
    Unreachable,
}

impl Target {
    /// The server of a kubeconfig, of an administrator.
    ///
    /// # Errors
    /// The kubeconfig cannot be used.
    pub async fn real(kubeconfig: &Path) -> Result<Self, Error> {
        let memory = match Cluster::of(kubeconfig).filter(|cluster| !cluster.etcd.is_empty()) {
            Some(cluster) => Memory::Etcd(Box::new(store(&cluster.etcd)?)),
            None => Memory::Unreachable,
        };
        Ok(Self {
            client: cluster::client(kubeconfig).await?,
            patience: REAL,
            memory,
        })
    }

    /// A sand table, asked by this client.
    pub fn sandtable(service: &Service, client: Client) -> Self {
        Self {
            client,
            patience: AT_ONCE,
            memory: Memory::Sandtable(service.clone()),
        }
    }

    /// Has it forget everything that happened up to now.
    ///
    /// # Errors
    /// Its store cannot be reached.
    pub async fn forget(&self) -> Result<(), Error> {
        match &self.memory {
            Memory::Sandtable(service) => service.lock().store.compact(),
            Memory::Etcd(etcd) => {
                let read = ask(etcd, "/v3/kv/range", &json!({ "key": "AA==" })).await?;
                let revision = &read["header"]["revision"];
                let problem = format!("the store does not say its revision: {read}");
                let revision = revision.as_str().context(UnfitSnafu { problem })?;
                let forget = json!({ "revision": revision, "physical": true });
                ask(etcd, "/v3/kv/compaction", &forget).await?;
            }
            Memory::Unreachable => {
                let problem = "a case needs a server that forgets: give the admin's kubeconfig of a cluster that `cargo xtask cluster up` brought up (an older one: down first)";
                return UnfitSnafu { problem }.fail();
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
