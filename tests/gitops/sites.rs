//! Where a story is played: a namespace with what Flux and Argo CD apply to it, an account for the
//! playbook, an operator, and people.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Playbook, names};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::reconcilers::{Applier, Reconcilers};
use super::witness::Witness;
use crate::fleet;
use crate::fleet::load::place;
use crate::support::people::person;

/// What everything has in peacetime.
pub const PEACE: i64 = 7;
/// What it is to have in the emergency.
pub const WAR: i64 = 4;
/// Deployments, by who applies them.
pub const DEPLOYMENTS: [&str; 3] = ["argo-web", "flux-web", "helm-web"];
/// Kinds, as they are watched.
pub const KINDS: [(&str, &str, &str); 5] = [
    ("apps", "v1", "Deployment"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
    ("argoproj.io", "v1alpha1", "Application"),
    ("argoproj.io", "v1alpha1", "Rollout"),
];
/// The mode and its playbook.
const NAME: &str = "flood";
/// Who declares and stands down, and in whose name.
const OFFICER: (&str, &str) = ("zhou", "emergency-duty");
/// How often controllers look, far more often than the real ones: a fight of an hour is played in seconds.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often people look.
const LOOK: Duration = Duration::from_millis(500);

/// One site.
pub struct Site {
    pub admin: Client,
    pub namespace: String,
    pub reconcilers: Arc<Reconcilers>,
    pub witness: Witness,
    /// The longest that anything may take.
    pub patience: Duration,
    work: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Site {
    /// Prepares one; the operator may begin afterwards.
    pub async fn prepare(admin: Client, namespace: &str, patience: Duration) -> Self {
        let installed = fleet::load::kinds(&admin).await;
        installed.expect("the kinds are served");
        account(&admin, namespace).await;
        let git = git(namespace);
        // The roots and the Rollout are somebody's own; everything else is applied.
        for object in [root(namespace), argo_root(namespace), rollout(namespace)] {
            put(&admin, "platform-team", &object).await;
        }
        let reconcilers = Reconcilers::new(admin.clone(), git);
        // What the second pass says, the first has made.
        reconcilers.pass().await;
        reconcilers.pass().await;
        let witness = Witness::of(&admin, namespace, &KINDS);
        let work = tokio::spawn(reconcilers.clone().run(INTERVAL));
        Self {
            admin,
            namespace: namespace.to_owned(),
            reconcilers,
            witness,
            patience,
            work,
        }
    }

    /// One object of the site.
    pub async fn get(&self, kind: &str, name: &str) -> Value {
        let row = KINDS
            .iter()
            .find(|(_, _, own)| *own == kind)
            .expect("a kind");
        let object = json!({ "apiVersion": format!("{}/{}", row.0, row.1), "kind": kind,
            "metadata": { "namespace": self.namespace, "name": name } });
        let (api, name) = place(&self.admin, &object);
        let found = api.get(&name).await.expect("it is there");
        serde_json::to_value(found).expect("an object is JSON")
    }

    /// Every object of the site, without what controllers say of it.
    pub async fn all(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let deployments = DEPLOYMENTS.map(|name| ("Deployment", name));
        let others = [
            ("Kustomization", "root"),
            ("Kustomization", "city"),
            ("HelmRelease", "city"),
            ("Application", "root"),
            ("Application", "city"),
            ("Rollout", "city"),
        ];
        for (kind, name) in deployments.into_iter().chain(others) {
            let mut object = self.get(kind, name).await;
            object.as_object_mut().expect("an object").remove("status");
            all.push(object);
        }
        all
    }

    /// Publishes and declares.
    pub async fn declare(&self, stages: &Value) {
        let playbook = serde_json::from_value(json!({
            "title": { "en": "Flood" }, "hazard": "Flood", "owner": "scenarios",
            "serviceAccountName": who(&self.namespace),
            "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers"],
                "quorum": { "IV": 0 } },
            "stages": stages,
        }));
        let playbook = Playbook::new(NAME, playbook.expect("a playbook"));
        let playbooks: Api<Playbook> = Api::all(self.admin.clone());
        let published = playbooks.create(&PostParams::default(), &playbook).await;
        published.expect("the playbook is accepted");
        let mode = serde_json::from_value(json!({
            "playbookRef": { "name": NAME }, "level": "IV", "reason": "the river rises",
            "requestedBy": OFFICER.0, "requestedAs": OFFICER.1, "expiresAfter": "5h",
        }));
        let mode = EmergencyMode::new(NAME, mode.expect("a mode"));
        let declared = self.officer().create(&PostParams::default(), &mode).await;
        declared.expect("the mode is accepted");
    }

    pub async fn stand_down(&self) {
        let patch = Patch::Merge(json!({ "spec": { "posture": "Peacetime" } }));
        let changed = self
            .officer()
            .patch(NAME, &PatchParams::default(), &patch)
            .await;
        changed.expect("the change is accepted");
    }

    fn officer(&self) -> Api<EmergencyMode> {
        Api::all(person(&self.admin, OFFICER.0, OFFICER.1))
    }

    fn modes(&self) -> Api<EmergencyMode> {
        Api::all(self.admin.clone())
    }

    /// Waits until the mode is as wanted.
    pub async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> EmergencyModeStatus {
        let mut last = EmergencyModeStatus::default();
        let comes = async {
            loop {
                let mode = self.modes().get(NAME).await.expect("the mode is there");
                last = mode.status.unwrap_or_default();
                if wanted(&last) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let in_time = tokio::time::timeout(self.patience, comes).await;
        assert!(in_time.is_ok(), "the mode never {what}: {last:#?}");
        last
    }
}

/// The playbook's account.
fn who(namespace: &str) -> String {
    format!("{namespace}-gitops")
}

async fn account(admin: &Client, namespace: &str) {
    let (name, accounts) = (who(namespace), names::ACCOUNT_NAMESPACE);
    let group = "rbac.authorization.k8s.io";
    let api_version = format!("{group}/v1");
    let subjects = json!([{ "kind": "ServiceAccount", "name": name, "namespace": accounts }]);
    let verbs = json!(["get", "list", "watch", "patch"]);
    let rules = json!([
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs },
        { "apiGroups": ["kustomize.toolkit.fluxcd.io"], "resources": ["kustomizations"], "verbs": verbs },
        { "apiGroups": ["helm.toolkit.fluxcd.io"], "resources": ["helmreleases"], "verbs": verbs },
        { "apiGroups": ["argoproj.io"], "resources": ["applications", "rollouts"], "verbs": verbs },
        { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"] },
        { "apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["list"] },
    ]);
    let wide = json!([
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
        { "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"] },
    ]);
    let own = json!({ "name": name, "namespace": namespace });
    let role = |kind: &str| json!({ "apiGroup": group, "kind": kind, "name": name });
    let objects = [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": accounts } }),
        json!({ "apiVersion": api_version, "kind": "Role", "metadata": own, "rules": rules }),
        json!({ "apiVersion": api_version, "kind": "RoleBinding", "metadata": own,
            "roleRef": role("Role"), "subjects": subjects }),
        json!({ "apiVersion": api_version, "kind": "ClusterRole", "metadata": { "name": name }, "rules": wide }),
        json!({ "apiVersion": api_version, "kind": "ClusterRoleBinding", "metadata": { "name": name },
            "roleRef": role("ClusterRole"), "subjects": subjects }),
    ];
    for object in objects {
        put(admin, "admin", &object).await;
    }
}

async fn put(admin: &Client, manager: &str, object: &Value) {
    let (api, name) = place(admin, object);
    let params = PatchParams::apply(manager).force();
    let put = api.patch(&name, &params, &Patch::Apply(object)).await;
    put.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
}

/// What Git has, roots first.
fn git(namespace: &str) -> Vec<Applier> {
    let city = |kind: &str| match kind {
        // Written out, as many do: whoever applies it puts that back.
        "Kustomization" => kustomization(namespace, "city", Some(false)),
        "HelmRelease" => release(namespace),
        _ => application(namespace, "city"),
    };
    let one = |object, has| Applier { object, has };
    vec![
        one(root(namespace), vec![city("Kustomization")]),
        one(
            city("Kustomization"),
            vec![deployment(namespace, "flux-web"), city("HelmRelease")],
        ),
        one(city("HelmRelease"), vec![deployment(namespace, "helm-web")]),
        one(argo_root(namespace), vec![city("Application")]),
        one(city("Application"), vec![deployment(namespace, "argo-web")]),
    ]
}

fn root(namespace: &str) -> Value {
    kustomization(namespace, "root", None)
}

fn argo_root(namespace: &str) -> Value {
    application(namespace, "root")
}

fn kustomization(namespace: &str, name: &str, suspend: Option<bool>) -> Value {
    let mut object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "interval": "10m", "path": format!("./{name}"), "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "yunxi" } },
    });
    if let Some(suspend) = suspend {
        object["spec"]["suspend"] = suspend.into();
    }
    object
}

fn release(namespace: &str) -> Value {
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": { "name": "city", "namespace": namespace },
        "spec": { "interval": "10m", "driftDetection": { "mode": "enabled" },
            "chart": { "spec": { "chart": "city",
                "sourceRef": { "kind": "HelmRepository", "name": "yunxi" } } } },
    })
}

fn application(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "project": "default",
            "source": { "repoURL": "https://git.yunxi.example/apps.git", "path": name },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": namespace },
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true } } },
    })
}

fn deployment(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "replicas": PEACE, "selector": { "matchLabels": { "app": name } }, "template": pods(name) },
    })
}

fn rollout(namespace: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": { "name": "city", "namespace": namespace },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "city" } }, "template": pods("city"),
            "strategy": { "canary": {} } },
    })
}

fn pods(app: &str) -> Value {
    json!({ "metadata": { "labels": { "app": app } },
        "spec": { "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] } })
}
