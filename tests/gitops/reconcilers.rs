//! Stand-ins for the controllers of Flux and Argo CD: small programs that do to an API server what the
//! documentation of the real ones says that they do, over and over, real server or sand table alike.
//!
//! - kustomize-controller applies what a Kustomization has, by server-side apply with force, under its own
//!   name, and marks it by labels; nothing while `spec.suspend` is true. Fields that it never wrote it
//!   leaves alone, fields that it wrote and Git has no more go away. Then it says Ready.
//! - helm-controller, where drift is detected, writes what the chart has over what differs, and nothing
//!   else; nothing while `spec.suspend` is true. Then it says Ready.
//! - Argo CD's application-controller compares what an Application has with what is there and says Synced or
//!   `OutOfSync`; it applies it where `automated.selfHeal` says so.
//!
//! What they leave out: sources and rendering (what Git has is given to them), pruning, health checks of
//! what was applied, and that kustomize-controller takes over fields which `kubectl` wrote.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::fleet::load::place;

/// The controllers, by their names as field managers.
pub const KUSTOMIZE: &str = "kustomize-controller";
/// See [`KUSTOMIZE`].
pub const HELM: &str = "helm-controller";
/// See [`KUSTOMIZE`].
pub const ARGO: &str = "argocd-controller";

/// An object of Flux or Argo CD, and what it has in Git.
pub struct Applier {
    /// The object: kind, namespace and name.
    pub object: Value,
    /// What it applies.
    pub has: Vec<Value>,
}

/// All controllers of one cluster.
pub struct Reconcilers {
    client: Client,
    git: Vec<Applier>,
    broken: Mutex<BTreeSet<String>>,
}

impl Reconcilers {
    /// Controllers of these objects.
    pub fn new(client: Client, git: Vec<Applier>) -> Arc<Self> {
        Arc::new(Self {
            client,
            git,
            broken: Mutex::default(),
        })
    }

    /// From now on whatever this object applies does not become healthy.
    pub fn break_down(&self, kind: &str, name: &str) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.insert(format!("{kind} {name}"));
    }

    /// Works for ever, at this interval.
    pub async fn run(self: Arc<Self>, interval: Duration) {
        loop {
            self.pass().await;
            tokio::time::sleep(interval).await;
        }
    }

    /// Everything once, roots first.
    pub async fn pass(&self) {
        for applier in &self.git {
            let Some(live) = self.live(&applier.object).await else {
                continue;
            };
            match live["kind"].as_str() {
                Some("Kustomization") => self.kustomization(&live, &applier.has).await,
                Some("HelmRelease") => self.release(&live, &applier.has).await,
                Some("Application") => self.application(&live, &applier.has).await,
                other => panic!("no controller has a {other:?}"),
            }
        }
    }

    async fn kustomization(&self, live: &Value, has: &[Value]) {
        if live["spec"]["suspend"] == json!(true) {
            return;
        }
        for object in has {
            let object = marked(object, "kustomize.toolkit.fluxcd.io", live);
            self.apply(KUSTOMIZE, &object).await;
        }
        self.say_ready(KUSTOMIZE, live).await;
    }

    async fn release(&self, live: &Value, has: &[Value]) {
        if live["spec"]["suspend"] == json!(true) {
            return;
        }
        for object in has {
            let object = marked(object, "helm.toolkit.fluxcd.io", live);
            let (api, name) = place(&self.client, &object);
            match self.live(&object).await {
                None => {
                    let params = PostParams {
                        field_manager: Some(HELM.to_owned()),
                        ..PostParams::default()
                    };
                    let object = serde_json::from_value(object).expect("an object");
                    api.create(&params, &object).await.expect("it is accepted");
                }
                Some(found) if !covers(&found, &object) => {
                    let patched = api.patch(&name, &by(HELM), &Patch::Merge(&object)).await;
                    patched.expect("it is accepted");
                }
                Some(_) => {}
            }
        }
        self.say_ready(HELM, live).await;
    }

    async fn application(&self, live: &Value, has: &[Value]) {
        let heals = live["spec"]["syncPolicy"]["automated"]["selfHeal"] == json!(true);
        let mut synced = !self.is_broken(live);
        for object in has {
            let object = tracked(object, live);
            let found = self.live(&object).await;
            if found.is_none_or(|found| !covers(&found, &object)) {
                if heals {
                    self.apply(ARGO, &object).await;
                } else {
                    synced = false;
                }
            }
        }
        let sync = if synced { "Synced" } else { "OutOfSync" };
        let status = json!({ "status": { "sync": { "status": sync } } });
        let (api, name) = place(&self.client, live);
        let manager = by("argocd-application-controller");
        let said = api.patch(&name, &manager, &Patch::Merge(&status)).await;
        said.expect("it is accepted");
    }

    /// As kstatus has it: the condition Ready, of the spec as it was looked at.
    async fn say_ready(&self, manager: &str, live: &Value) {
        let generation = &live["metadata"]["generation"];
        let ready = if self.is_broken(live) {
            "False"
        } else {
            "True"
        };
        let known = &live["status"]["conditions"][0];
        if known["status"] == ready && live["status"]["observedGeneration"] == *generation {
            return;
        }
        let condition = json!({ "type": "Ready", "status": ready, "reason": "Reconciled", "message": "",
            "observedGeneration": generation, "lastTransitionTime": "2026-07-01T00:00:00Z" });
        let status = json!({ "observedGeneration": generation, "conditions": [condition] });
        let (api, name) = place(&self.client, live);
        let patch = Patch::Merge(json!({ "status": status }));
        let said = api.patch_status(&name, &by(manager), &patch).await;
        said.expect("it is accepted");
    }

    async fn apply(&self, manager: &str, object: &Value) {
        let (api, name) = place(&self.client, object);
        let params = PatchParams::apply(manager).force();
        let applied = api.patch(&name, &params, &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("{manager} cannot apply {object}: {error}"));
    }

    async fn live(&self, object: &Value) -> Option<Value> {
        let (api, name) = place(&self.client, object);
        let found = api.get_opt(&name).await.expect("the API server answers");
        found.map(|found| serde_json::to_value(found).expect("an object is JSON"))
    }

    fn is_broken(&self, live: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = format!(
            "{} {}",
            text(&live["kind"]),
            text(&live["metadata"]["name"])
        );
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.contains(&of)
    }
}

fn by(manager: &str) -> PatchParams {
    PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    }
}

/// How Flux marks what it applies.
fn marked(object: &Value, group: &str, applier: &Value) -> Value {
    let mut object = object.clone();
    for field in ["name", "namespace"] {
        object["metadata"]["labels"][format!("{group}/{field}")] =
            applier["metadata"][field].clone();
    }
    object
}

/// How Argo CD does.
fn tracked(object: &Value, applier: &Value) -> Value {
    let mut object = object.clone();
    let application = applier["metadata"]["name"].as_str().unwrap_or_default();
    let id = crate::fleet::gitops::tracking(application, &object);
    object["metadata"]["annotations"] = id.into();
    object
}

/// Whether everything that is wanted is there; what else is there does not count.
fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            let found = found.get(key);
            found.is_some_and(|found| covers(found, wanted))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            let mut both = found.iter().zip(wanted);
            found.len() == wanted.len() && both.all(|(found, wanted)| covers(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}
