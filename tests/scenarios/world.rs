//! The world of one scenario: a control plane, a fleet in a namespace of its own, an operator under
//! its own identity, and everything that happened.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, TypeMeta,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ApiResource;
use kube::{Client, Config};
use pingzhan::api::names;
use pingzhan::run::clock::Clock;
use pingzhan::run::lease;
use pingzhan::run::operator::{self, Settings};
use pingzhan::run::retention;
use pingzhan::run::signal::Signals;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fleet::{self, How, Owned};
use super::history::History;
use crate::support::{self, ControlPlane};

/// Seconds of the lease: short, so that a scenario with two operators is; long enough that a busy
/// machine does not lose it.
const LEASE: u32 = 6;
/// Longest wait for anything; a second or two, on a busy machine many more.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// Stands for the version of a removal that the scenario itself made: no write has it.
pub const REMOVED: u64 = u64::MAX;

/// Objects of the fleet, by kind and name.
pub type Objects = BTreeMap<(String, String), Value>;

/// An operator in this process.
struct Operator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), operator::Error>>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(operator) = &self.operator {
            operator.task.abort();
        }
    }
}

/// One scenario's world.
pub struct World {
    operator: Option<Operator>,
    /// Everything that happened.
    pub history: History,
    /// The namespace of the fleet.
    pub namespace: String,
    /// The admin's client.
    pub client: Client,
    /// Where the operator's signals go; nowhere, unless a scenario says so before it starts one.
    pub signals: Arc<Signals>,
    /// Where the operator tells its metrics; nowhere, unless a scenario says so before it starts one.
    pub metrics: Option<SocketAddr>,
    /// Kinds that this world has beside those of the fleet.
    more: &'static [&'static str],
    /// How often the operator looks whether playbooks are ready; never, unless a scenario says so.
    pub readiness: Option<Duration>,
    /// Writes that the scenario made: uid and resource version.
    foreign: Mutex<BTreeSet<(String, u64)>>,
    /// The control plane; given back last.
    pub plane: ControlPlane,
}

/// The kinds of the fleet.
pub const KINDS: [&str; 7] = [
    "Deployment",
    "StatefulSet",
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Job",
    "Pool",
];

/// Kinds of Flux, Argo CD and KEDA: where they are watched they are targets as well.
pub const MORE_KINDS: [&str; 5] = [
    "Kustomization",
    "HelmRelease",
    "Application",
    "Rollout",
    "ScaledObject",
];

/// Kinds of what closes and opens: where a world has them they are targets as well.
pub const CLOSED_KINDS: [&str; 4] = ["Ingress", "HTTPRoute", "NetworkPolicy", "RoleBinding"];

/// A kind, as it is served.
pub fn resource(kind: &str) -> ApiResource {
    let (group, version, plural) = match kind {
        "Deployment" => ("apps", "v1", "deployments"),
        "StatefulSet" => ("apps", "v1", "statefulsets"),
        "ConfigMap" => ("", "v1", "configmaps"),
        "HorizontalPodAutoscaler" => ("autoscaling", "v2", "horizontalpodautoscalers"),
        "CronJob" => ("batch", "v1", "cronjobs"),
        "Job" => ("batch", "v1", "jobs"),
        "Pool" => (fleet::GROUP, "v1", "pools"),
        "Tower" => (fleet::GROUP, "v1", "towers"),
        "Kustomization" => ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
        "HelmRelease" => ("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
        "Application" => ("argoproj.io", "v1alpha1", "applications"),
        "Rollout" => ("argoproj.io", "v1alpha1", "rollouts"),
        "ScaledObject" => ("keda.sh", "v1alpha1", "scaledobjects"),
        "Ingress" => ("networking.k8s.io", "v1", "ingresses"),
        "NetworkPolicy" => ("networking.k8s.io", "v1", "networkpolicies"),
        "HTTPRoute" => ("gateway.networking.k8s.io", "v1", "httproutes"),
        "ReferenceGrant" => ("gateway.networking.k8s.io", "v1beta1", "referencegrants"),
        "RoleBinding" => ("rbac.authorization.k8s.io", "v1", "rolebindings"),
        "Service" => ("", "v1", "services"),
        "EmergencyMode" => (names::GROUP, names::VERSION, "emergencymodes"),
        "ChangeRecord" => (names::GROUP, names::VERSION, "changerecords"),
        "ChangeFreeze" => (names::GROUP, names::VERSION, "changefreezes"),
        "Playbook" => (names::GROUP, names::VERSION, "playbooks"),
        other => panic!("no scenario has a {other}"),
    };
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

impl World {
    /// A control plane, an empty namespace, an account with the rights that the fleet's playbooks
    /// need, and no operator yet.
    pub async fn new() -> Self {
        Self::on(support::cluster().await).await
    }

    /// The same on this control plane.
    pub async fn on(plane: ControlPlane) -> Self {
        Self::having(plane, &[]).await
    }

    /// One that has routes, network policies and bindings beside the fleet.
    pub async fn with_closed_kinds() -> Self {
        Self::with_closed_kinds_on(support::cluster().await).await
    }

    /// The same on this control plane.
    pub async fn with_closed_kinds_on(plane: ControlPlane) -> Self {
        for kind in crate::fleet::gateway() {
            let name = kind["spec"]["names"]["kind"].as_str().expect("a kind");
            serve(&plane.client, &kind, name).await;
        }
        Self::having(plane, &CLOSED_KINDS).await
    }

    async fn having(plane: ControlPlane, more: &'static [&'static str]) -> Self {
        let client = plane.client.clone();
        let namespace = plane.namespace("city");
        serve(&client, &fleet::pool_kind(), "Pool").await;
        let mut watched = Vec::new();
        for kind in KINDS.iter().chain(more) {
            let resource = resource(kind);
            watched.push((
                Api::namespaced_with(client.clone(), &namespace, &resource),
                resource,
            ));
        }
        for kind in ["EmergencyMode", "ChangeRecord"] {
            let resource = resource(kind);
            watched.push((Api::all_with(client.clone(), &resource), resource));
        }
        let history = History::of(watched);
        let world = Self {
            operator: None,
            history,
            namespace,
            client,
            signals: Arc::default(),
            metrics: None,
            more,
            readiness: None,
            foreign: Mutex::default(),
            plane,
        };
        let manifest = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": world.namespace } });
        world.put("v1", "namespaces", "", manifest).await;
        world
            .account(&world.namespace, &json!(["get", "list", "watch", "patch"]))
            .await;
        world
    }

    /// A world with the whole fleet, whose operator runs.
    pub async fn with_fleet() -> Self {
        Self::with_fleet_alone().await.started().await
    }

    /// A world with the whole fleet, and no operator yet.
    pub async fn with_fleet_alone() -> Self {
        let world = Self::new().await;
        world.fill().await;
        world
    }

    /// Writes the whole fleet, each object as its owner does.
    pub async fn fill(&self) {
        for owned in fleet::fleet(&self.namespace) {
            self.write(&owned).await;
        }
        // The second owner of `shared` scales it, as a capacity tool does.
        self.scale("capacity", "Deployment", "shared", 9).await;
    }

    /// An account for playbooks, which may do this to the fleet's kinds in the fleet's namespace.
    pub async fn account(&self, name: &str, verbs: &Value) {
        let accounts = names::ACCOUNT_NAMESPACE;
        let subject = json!([{ "kind": "ServiceAccount", "name": name, "namespace": accounts }]);
        let role = |kind: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
        let rbac = "rbac.authorization.k8s.io/v1";
        let space = &self.namespace;
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": accounts } });
        self.put("v1", "serviceaccounts", accounts, account).await;
        let rules = json!([
            { "apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": verbs },
            { "apiGroups": [""], "resources": ["configmaps"], "verbs": verbs },
            { "apiGroups": [fleet::GROUP], "resources": ["pools", "towers"], "verbs": verbs },
            { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": verbs },
            // Another test of the same server may have brought KEDA's kinds.
            { "apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": verbs },
            { "apiGroups": ["batch"], "resources": ["cronjobs", "cronjobs/status", "jobs"], "verbs": verbs },
        ]);
        let metadata = json!({ "name": name, "namespace": space });
        self.put(
            rbac,
            "roles",
            space,
            json!({ "apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules }),
        )
        .await;
        let binding = json!({ "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role("Role"), "subjects": subject });
        self.put(rbac, "rolebindings", space, binding).await;
        let rules = json!([
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
            { "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"] },
        ]);
        let metadata = json!({ "name": name });
        self.put(rbac, "clusterroles", "", json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": metadata, "rules": rules })).await;
        let binding = json!({ "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role("ClusterRole"), "subjects": subject });
        self.put(rbac, "clusterrolebindings", "", binding).await;
    }

    /// Takes the right to these resources from the fleet's account.
    pub async fn narrow(&self, without: &[&str]) {
        let manifest = json!({ "kind": "Role" });
        let (rbac, space) = ("rbac.authorization.k8s.io/v1", &self.namespace);
        let api = anything(&self.client, rbac, "roles", space, &manifest);
        let role = api.get(space).await.expect("the account has a role");
        let mut rules = role.data["rules"].clone();
        let each = rules.as_array_mut().into_iter().flatten();
        for resources in each.filter_map(|rule| rule["resources"].as_array_mut()) {
            resources.retain(|one| !without.iter().any(|left| one == left));
        }
        let metadata = json!({ "name": space, "namespace": space });
        let role =
            json!({ "apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules });
        self.put(rbac, "roles", space, role).await;
    }

    /// Puts an object of any kind there, whatever it was.
    pub async fn put(&self, api_version: &str, plural: &str, namespace: &str, manifest: Value) {
        let api = anything(&self.client, api_version, plural, namespace, &manifest);
        let name = manifest["metadata"]["name"]
            .as_str()
            .expect("a manifest has a name")
            .to_owned();
        let params = PatchParams::apply("admin").force();
        let put = api.patch(&name, &params, &Patch::Apply(&manifest)).await;
        let put = put.unwrap_or_else(|error| panic!("{plural}/{name} is not accepted: {error}"));
        self.note(&put, None);
    }

    /// Lets the fleet's account do more, in the whole cluster.
    pub async fn allow(&self, rules: Value) {
        let rbac = "rbac.authorization.k8s.io/v1";
        let name = format!("{}-more", self.namespace);
        let metadata = json!({ "name": name });
        let role = json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": metadata, "rules": rules });
        self.put(rbac, "clusterroles", "", role).await;
        let binding = json!({
            "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": self.namespace, "namespace": names::ACCOUNT_NAMESPACE }],
        });
        self.put(rbac, "clusterrolebindings", "", binding).await;
    }

    /// Lets admission refuse every write of these objects of the fleet.
    pub async fn refuse(&self, policy: &str, names: &[&str]) {
        let group = "admissionregistration.k8s.io/v1";
        let name = format!("{policy}-{}", self.namespace);
        let listed = names
            .iter()
            .map(|name| format!("'{name}'"))
            .collect::<Vec<_>>()
            .join(", ");
        let spec = json!({
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"] }] },
            "validations": [{ "expression": format!("!(object.metadata.name in [{listed}])"), "message": "this one is not to be changed" }],
        });
        let manifest = json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name }, "spec": spec });
        self.put(group, "validatingadmissionpolicies", "", manifest)
            .await;
        let spec = json!({
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": self.namespace } } },
        });
        let manifest = json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name }, "spec": spec });
        self.put(group, "validatingadmissionpolicybindings", "", manifest)
            .await;
        self.is_refused(names[0], true).await;
    }

    /// Takes the refusal back.
    pub async fn accept(&self, policy: &str, name: &str) {
        let group = "admissionregistration.k8s.io/v1";
        let of = format!("{policy}-{}", self.namespace);
        let manifest = json!({ "kind": "ValidatingAdmissionPolicyBinding" });
        let api = anything(
            &self.client,
            group,
            "validatingadmissionpolicybindings",
            "",
            &manifest,
        );
        api.delete(&of, &DeleteParams::default())
            .await
            .expect("the binding is removed");
        self.is_refused(name, false).await;
    }

    /// A policy is in force, or not any more, when a dry run says so: a moment after it is stored.
    async fn is_refused(&self, name: &str, wanted: bool) {
        let probe = async {
            let params = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            let patch = Patch::Merge(json!({ "metadata": { "labels": { "probe": "1" } } }));
            while self
                .api("Deployment")
                .patch(name, &params, &patch)
                .await
                .is_err()
                != wanted
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, probe).await;
        in_time.expect("admission follows its policies");
    }

    /// How the operator of this world runs.
    pub fn settings(&self, identity: &str) -> Settings {
        Settings {
            namespace: names::DEFAULT_NAMESPACE.into(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.into(),
            identity: format!("{identity}-{}", self.namespace),
            concurrency: 8,
            address: self.metrics,
            record_retention: retention::DEFAULT,
            lease: lease::settings(LEASE),
            signals: self.signals.clone(),
            readiness: self.readiness,
        }
    }

    /// The operator's own identity.
    pub async fn operator_config(&self) -> Config {
        Self::config(&self.plane.operator()).await
    }

    /// A person's.
    pub async fn config_as(&self, user: &str, groups: &[&str]) -> Config {
        Self::config(&self.plane.identity(user, groups)).await
    }

    async fn config(kubeconfig: &Path) -> Config {
        let read = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is readable");
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        config.expect("the kubeconfig names a server")
    }

    /// Starts the operator.
    pub async fn start(&mut self) {
        self.start_with_retention(retention::DEFAULT).await;
    }

    /// Starts an operator that keeps records of closed modes so long.
    pub async fn start_with_retention(&mut self, keep: Duration) {
        let config = self.operator_config().await;
        let (stop, stopped) = oneshot::channel();
        let settings = Settings {
            record_retention: keep,
            ..self.settings("operator")
        };
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(operator::run(config, settings, Clock::machine(), stopped));
        self.operator = Some(Operator { stop, task });
    }

    /// The same world, with an operator that runs.
    pub async fn started(mut self) -> Self {
        self.start().await;
        self
    }

    /// Stops the operator and waits until it has given its lease back.
    pub async fn stop(&mut self) {
        let operator = self.operator.take().expect("an operator runs");
        let Operator { stop, task } = operator;
        stop.send(()).expect("the operator waits to be stopped");
        let ended = tokio::time::timeout(PATIENCE, task).await;
        let ended = ended
            .expect("the operator stops")
            .expect("the operator does not panic");
        ended.expect("the operator ran without an error");
    }

    /// The objects of a kind of the fleet.
    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(kind))
    }

    /// One object of the fleet, as it is.
    pub async fn get(&self, kind: &str, name: &str) -> Value {
        let object = self.api(kind).get(name).await.expect("the object is there");
        serde_json::to_value(object).expect("an object is JSON")
    }

    /// The whole fleet, as it is.
    pub async fn snapshot(&self) -> Objects {
        let mut all = Objects::new();
        for kind in KINDS.iter().chain(self.more) {
            let listed = self.api(kind).list(&ListParams::default()).await;
            for mut object in listed.expect("the fleet can be listed") {
                // The server leaves the kind out of the items of a list.
                object.types = Some(TypeMeta {
                    api_version: resource(kind).api_version,
                    kind: (*kind).to_owned(),
                });
                let name = object.metadata.name.clone().unwrap_or_default();
                let object = serde_json::to_value(object).expect("an object is JSON");
                all.insert(((*kind).to_owned(), name), object);
            }
        }
        all
    }

    /// An owner writes its manifest, without force, as it always does.
    pub async fn write(&self, owned: &Owned) {
        let (manager, manifest) = (owned.manager, &owned.manifest);
        match owned.how {
            How::Apply => self
                .apply(manager, manifest)
                .await
                .unwrap_or_else(|error| panic!("{manager} cannot apply {manifest}: {error}")),
            How::ClientSide => self.client_side(manager, manifest).await,
        }
    }

    async fn client_side(&self, manager: &str, manifest: &Value) {
        let (kind, name) = kind_and_name(manifest);
        let mut object = manifest.clone();
        object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            json!(manifest.to_string());
        if self
            .api(kind)
            .get_opt(name)
            .await
            .expect("the API server answers")
            .is_some()
        {
            return self.merge(manager, kind, name, object).await;
        }
        let params = PostParams {
            field_manager: Some(manager.to_owned()),
            ..PostParams::default()
        };
        let object: DynamicObject =
            serde_json::from_value(object).expect("a manifest is an object");
        let created = self
            .api(kind)
            .create(&params, &object)
            .await
            .expect("the object is created");
        self.note(&created, None);
    }

    /// Server-side apply without force.
    pub async fn apply(&self, manager: &str, manifest: &Value) -> Result<(), kube::Error> {
        self.apply_with(PatchParams::apply(manager), manifest).await
    }

    /// Server-side apply with force.
    pub async fn force(&self, manager: &str, manifest: &Value) {
        let applied = self
            .apply_with(PatchParams::apply(manager).force(), manifest)
            .await;
        applied.expect("what is forced is accepted");
    }

    async fn apply_with(&self, params: PatchParams, manifest: &Value) -> Result<(), kube::Error> {
        let (kind, name) = kind_and_name(manifest);
        let before = self.version_of(kind, name).await;
        let applied = self
            .api(kind)
            .patch(name, &params, &Patch::Apply(manifest))
            .await?;
        self.note(&applied, before.as_ref());
        Ok(())
    }

    /// A merge patch, as tools that update do.
    pub async fn merge(&self, manager: &str, kind: &str, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let before = self.version_of(kind, name).await;
        let patched = self
            .api(kind)
            .patch(name, &params, &Patch::Merge(patch))
            .await;
        self.note(&patched.expect("the patch is accepted"), before.as_ref());
    }

    /// Sets replicas through the subresource, as `kubectl scale` and autoscalers do.
    pub async fn scale(&self, manager: &str, kind: &str, name: &str, replicas: i64) {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let before = self.version_of(kind, name).await;
        let patch = json!({ "spec": { "replicas": replicas } });
        let scaled = self
            .api(kind)
            .patch_scale(name, &params, &Patch::Merge(patch))
            .await;
        let scaled = scaled.expect("the object is scaled");
        self.note_version(
            scaled.metadata.uid,
            scaled.metadata.resource_version,
            before.as_ref(),
        );
    }

    /// A controller writes an object's status.
    pub async fn status(&self, kind: &str, name: &str, status: Value) {
        let params = PatchParams {
            field_manager: Some("controller".to_owned()),
            ..PatchParams::default()
        };
        let before = self.version_of(kind, name).await;
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = self.api(kind).patch_status(name, &params, &patch).await;
        self.note(&patched.expect("the status is accepted"), before.as_ref());
    }

    /// Removes an object of the fleet.
    pub async fn remove(&self, kind: &str, name: &str) {
        let found = self.api(kind).get_metadata(name).await;
        let uid = found.expect("it is there").metadata.uid;
        let key = (uid.expect("an object has a uid"), REMOVED);
        self.foreign
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        let removed = self.api(kind).delete(name, &DeleteParams::default()).await;
        removed.expect("the object is removed");
    }

    /// Which version an object of the fleet has, where it is there.
    pub async fn version_of(&self, kind: &str, name: &str) -> Option<String> {
        let found = self.api(kind).get_metadata_opt(name).await;
        found
            .expect("the API server answers")
            .and_then(|object| object.metadata.resource_version)
    }

    /// Notes a write of the scenario, unless it changed nothing.
    pub fn note(&self, written: &DynamicObject, before: Option<&String>) {
        let metadata = &written.metadata;
        self.note_version(
            metadata.uid.clone(),
            metadata.resource_version.clone(),
            before,
        );
    }

    /// A write that changes nothing is none.
    fn note_version(&self, uid: Option<String>, version: Option<String>, before: Option<&String>) {
        if version.as_ref() != before {
            let version = version
                .and_then(|text| text.parse().ok())
                .expect("a version is a number");
            let key = (uid.expect("an object has a uid"), version);
            self.foreign
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key);
        }
    }

    /// Writes that the scenario itself made: uid and version, [`REMOVED`] for a removal.
    pub fn foreign(&self) -> BTreeSet<(String, u64)> {
        let foreign = self.foreign.lock();
        foreign.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn kind_and_name(manifest: &Value) -> (&str, &str) {
    let text = |value: &'_ Value| value.as_str().map(str::len);
    assert!(text(&manifest["kind"]).is_some() && text(&manifest["metadata"]["name"]).is_some());
    (
        manifest["kind"].as_str().unwrap_or_default(),
        manifest["metadata"]["name"].as_str().unwrap_or_default(),
    )
}

pub fn anything(
    client: &Client,
    api_version: &str,
    plural: &str,
    namespace: &str,
    manifest: &Value,
) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: manifest["kind"].as_str().unwrap_or_default().to_owned(),
        plural: plural.to_owned(),
    };
    if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

/// Puts a kind of the fleet's own there, and waits until it is served.
pub async fn serve(client: &Client, manifest: &Value, kind: &str) {
    let api = anything(
        client,
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "",
        manifest,
    );
    let (_, name) = kind_and_name(manifest);
    let params = PatchParams::apply("admin").force();
    let put = api.patch(name, &params, &Patch::Apply(manifest)).await;
    put.expect("the kind is accepted");
    let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource(kind));
    let served = async {
        while objects.list(&ListParams::default().limit(1)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, served).await;
    in_time.expect("the fleet's own kind is served");
}
