//! Where the matrix is played: an API server, real or sand table, with the kinds of GitOps and KEDA, whoever
//! hears signals, and whoever says that Jobs are complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use pingzhan::api::names;
use pingzhan::run::signal::Signals;
use pingzhan::run::signal::http::Reply;
use serde_json::{Value, json};

use super::line::Trouble;
use crate::fleet;
use crate::fleet::load::place;
use crate::scenarios::history::History;
use crate::scenarios::world::{CLOSED_KINDS, KINDS, MORE_KINDS, resource};
use crate::support;

/// The channel over which people are told.
pub const CHANNEL: &str = "districts";

/// Which server it is.
pub enum Server {
    /// The real one.
    Real,
    /// The sand table, and what the operator's connection meets on the way to it.
    Sand(Arc<Mutex<BTreeMap<String, Trouble>>>),
}

/// One server, for all columns of the matrix.
pub struct Site {
    pub client: Client,
    pub server: Server,
    pub outside: Arc<Outside>,
    /// The longest that anything may take.
    pub patience: Duration,
    /// How often people look.
    pub look: Duration,
    pub history: History,
    /// Begins the names of namespaces.
    pub prefix: String,
    foreign: Mutex<BTreeSet<(String, u64)>>,
}

impl Site {
    /// Prepares it; the operator may begin afterwards.
    pub async fn prepare(client: Client, server: Server, prefix: &str) -> Self {
        let installed = fleet::load::kinds(&client).await;
        installed.expect("the kinds are served");
        let watched = KINDS
            .into_iter()
            .chain(MORE_KINDS)
            .chain(CLOSED_KINDS)
            .filter(|kind| *kind != "Pool");
        let watched = watched
            .chain(["EmergencyMode", "ChangeRecord", "ChangeFreeze"])
            .map(|kind| {
                let resource = resource(kind);
                (Api::all_with(client.clone(), &resource), resource)
            });
        let history = History::of(watched.collect());
        let is_real = matches!(server, Server::Real);
        tokio::spawn(complete(client.clone()));
        Self {
            client,
            server,
            outside: Arc::default(),
            patience: Duration::from_secs(if is_real { 180 } else { 1800 }),
            look: Duration::from_millis(if is_real { 300 } else { 1000 }),
            history,
            prefix: prefix.to_owned(),
            foreign: Mutex::default(),
        }
    }

    /// Whatever was written by somebody else: uid and version.
    pub fn foreign(&self) -> BTreeSet<(String, u64)> {
        locked(&self.foreign).clone()
    }

    /// Notes a write that was not the operator's.
    pub fn note(&self, written: &DynamicObject) {
        let uid = written.metadata.uid.clone().unwrap_or_default();
        let version = written.metadata.resource_version.as_ref();
        let version = version.and_then(|text| text.parse().ok());
        self.note_version(uid, version.expect("a version is a number"));
    }

    pub fn note_version(&self, uid: String, version: u64) {
        locked(&self.foreign).insert((uid, version));
    }

    /// An owner applies.
    pub async fn apply(&self, manager: &str, object: &Value) {
        let (api, name) = place(&self.client, object);
        let params = PatchParams::apply(manager).force();
        let put = api.patch(&name, &params, &Patch::Apply(object)).await;
        let put = put.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
        self.note(&put);
    }

    /// An object as it is, where it is there.
    pub async fn get(&self, kind: &str, space: &str, name: &str) -> Option<Value> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), space, &resource(kind));
        let found = api.get_opt(name).await.expect("the API server answers");
        found.map(|found| serde_json::to_value(found).expect("an object is JSON"))
    }

    /// Signals that go nowhere but to whoever plays everything outside.
    pub fn signals(&self) -> Signals {
        let outside = self.outside.clone();
        let answer = move |_: &Method, url: &str, headers: &HeaderMap, body: &[u8]| {
            outside.answer(url, headers, body)
        };
        support::signals(CHANNEL, "http://127.0.0.1/told").played(Arc::new(answer))
    }
}

/// Everything outside: it hears what is sent, and refuses where it is told to.
#[derive(Default)]
pub struct Outside {
    /// Modes of which nothing is taken.
    pub deaf: Mutex<BTreeSet<String>>,
    /// Mode, address and idempotency key of all that was taken.
    pub heard: Mutex<Vec<(String, String, String)>>,
}

impl Outside {
    fn answer(&self, url: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let mode = body["mode"]
            .as_str()
            .expect("a signal names its mode")
            .to_owned();
        let status = if locked(&self.deaf).contains(&mode) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            let key = headers["webhook-id"].to_str().expect("a key").to_owned();
            let path = url.rsplit('/').next().unwrap_or_default().to_owned();
            locked(&self.heard).push((mode, path, key));
            StatusCode::OK
        };
        Reply {
            status,
            body: bytes::Bytes::new(),
        }
    }

    /// From now on nothing of a mode is taken, or all again.
    pub fn refuses(&self, mode: &str, there: bool) {
        let mut deaf = locked(&self.deaf);
        if there {
            deaf.insert(mode.to_owned());
        } else {
            deaf.remove(mode);
        }
    }

    /// What was taken of a mode: each address once for each key.
    pub fn heard(&self, mode: &str) -> Vec<String> {
        let heard = locked(&self.heard);
        let mut known = BTreeSet::new();
        let of = heard
            .iter()
            .filter(|(own, _, key)| own == mode && known.insert(key.clone()));
        of.map(|(_, path, _)| path.clone()).collect()
    }
}

pub fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says of every Job that an act began that it is complete, as its controller would.
pub async fn complete(client: Client) {
    let jobs: Api<DynamicObject> = Api::all_with(client.clone(), &resource("Job"));
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Ok(all) = jobs.list(&ListParams::default()).await else {
            continue;
        };
        for job in all {
            let annotations = job.metadata.annotations.unwrap_or_default();
            if !annotations.contains_key(names::ACT) || !job.data["status"]["conditions"].is_null()
            {
                continue;
            }
            let now = "2026-07-01T08:00:00Z";
            let condition =
                |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": now });
            let status = json!({ "status": { "startTime": now, "completionTime": now, "succeeded": 1,
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")] } });
            let space = job.metadata.namespace.unwrap_or_default();
            let name = job.metadata.name.unwrap_or_default();
            let api: Api<DynamicObject> =
                Api::namespaced_with(client.clone(), &space, &resource("Job"));
            // The next round tries it again.
            let params = PatchParams::default();
            let _ = api
                .patch_status(&name, &params, &Patch::Merge(status))
                .await;
        }
    }
}
