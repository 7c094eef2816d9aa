//! The small scenario of the crash tests: every kind of step of this version on seven objects that
//! belong to other people, in a namespace of its own.

use kube::Client;
use pingzhan::api::names;
use serde_json::{Value, json};

use crate::support::people::{person, who_acts};

/// The account of the playbooks, in the accounts' namespace.
const ACCOUNT: &str = "crash";
/// Who declares, and who approves.
const OFFICER: (&str, &str) = ("zhou", "emergency-duty");
/// Who approves.
const APPROVER: (&str, &str) = ("chen", "emergency-approvers");

/// One run's own things; its name is that of its mode, its playbook and its targets' namespace.
#[derive(Clone)]
pub struct Scenario {
    /// The administrator.
    pub admin: Client,
    /// The name.
    pub name: String,
    /// Whether its playbook freezes and makes objects, and does nothing else.
    pub makes: bool,
}

/// What every run on a control plane needs, once.
pub async fn prepare(admin: &Client) {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": ACCOUNT, "namespace": names::ACCOUNT_NAMESPACE },
    });
    let at = format!(
        "/api/v1/namespaces/{}/serviceaccounts/{ACCOUNT}",
        names::ACCOUNT_NAMESPACE
    );
    apply(admin, &at, "test", &account).await;
    let rights = "/apis/rbac.authorization.k8s.io/v1";
    let bound = |name: &str, role: &str, namespace: &str, account: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        })
    };
    own(admin).await;
    let bindings = [
        bound(
            "crash-leases",
            "crash-leases",
            names::DEFAULT_NAMESPACE,
            "pingzhan",
        ),
        bound(
            "crash-account",
            "cluster-admin",
            names::ACCOUNT_NAMESPACE,
            ACCOUNT,
        ),
    ];
    for binding in bindings {
        let name = binding["metadata"]["name"].as_str().unwrap_or_default();
        apply(
            admin,
            &format!("{rights}/clusterrolebindings/{name}"),
            "test",
            &binding,
        )
        .await;
    }
}

/// What the operators of runs may do in their own namespaces: a lease each, in a namespace each, so that
/// operators of runs side by side are not rivals.
async fn own(admin: &Client) {
    let leases = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "crash-leases" },
        "rules": [{
            "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
            "verbs": ["get", "create", "update"],
        }],
    });
    let at = "/apis/rbac.authorization.k8s.io/v1/clusterroles/crash-leases";
    apply(admin, at, "test", &leases).await;
}

impl Scenario {
    /// The namespace of the run's operators.
    pub fn operators(&self) -> String {
        format!("{}-op", self.name)
    }

    /// Creates the objects as their owners write them, and the playbook.
    pub async fn load(&self) {
        for namespace in [self.name.clone(), self.operators()] {
            let object = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace },
            });
            apply(
                &self.admin,
                &format!("/api/v1/namespaces/{namespace}"),
                "test",
                &object,
            )
            .await;
        }
        for (manager, path, object) in self.objects() {
            if manager == "kubectl-client-side-apply" {
                let (collection, _) = path.rsplit_once('/').expect("a path");
                let at = format!("{collection}?fieldManager={manager}");
                send(&self.admin, "POST", &at, "application/json", &object).await;
            } else {
                apply(&self.admin, &path, manager, &object).await;
            }
        }
        let at = format!("/apis/pingzhan.dev/v1alpha1/playbooks/{}", self.name);
        apply(&self.admin, &at, "engineer", &self.playbook()).await;
    }

    /// Who writes what, in order.
    fn objects(&self) -> Vec<(&'static str, String, Value)> {
        let apps = format!("/apis/apps/v1/namespaces/{}", self.name);
        let flags = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "flags", "namespace": self.name },
            "data": { "banner": "normal", "carousel": "on" },
        });
        let replicas = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": { "name": "db", "namespace": self.name },
            "spec": { "replicas": 3 },
        });
        vec![
            (
                "helm",
                format!("{apps}/deployments/web"),
                self.workload("Deployment", "web", 3),
            ),
            (
                "kubectl-client-side-apply",
                format!("{apps}/deployments/api"),
                self.workload("Deployment", "api", 2),
            ),
            (
                "helm",
                format!("{apps}/statefulsets/db"),
                self.workload("StatefulSet", "db", 3),
            ),
            // A second owner of one field, of the same mind.
            ("capacity-team", format!("{apps}/statefulsets/db"), replicas),
            (
                "argocd-controller",
                format!("{apps}/deployments/portal"),
                self.portal(),
            ),
            (
                "portal-team",
                format!("/api/v1/namespaces/{}/configmaps/flags", self.name),
                flags,
            ),
            (
                "helm",
                format!(
                    "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/portal",
                    self.name
                ),
                self.ingress(),
            ),
            (
                "flux",
                format!(
                    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings/suppliers",
                    self.name
                ),
                self.suppliers(),
            ),
        ]
    }

    fn ingress(&self) -> Value {
        let backend = json!({ "service": { "name": "portal", "port": { "number": 80 } } });
        let path = json!({ "path": "/", "pathType": "Prefix", "backend": backend });
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": "portal", "namespace": self.name },
            "spec": { "rules": [{ "host": "portal.example.gov.cn", "http": { "paths": [path] } }] },
        })
    }

    fn suppliers(&self) -> Value {
        let group = |name: &str| json!({ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name });
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "suppliers", "namespace": self.name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
            "subjects": [group("yunsoft"), group("staff")],
        })
    }

    fn workload(&self, kind: &str, name: &str, replicas: i32) -> Value {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {
                "name": name, "namespace": self.name,
                "labels": { "tier": "critical" }, "annotations": { "owner": "operations" },
            },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{
                        "name": "server", "image": format!("city/{name}:1"),
                        "resources": { "requests": { "cpu": "500m" } },
                    }] },
                },
            },
        });
        if kind == "StatefulSet" {
            object["spec"]["serviceName"] = json!(name);
        }
        object
    }

    /// Not scaled, but restarted and patched.
    fn portal(&self) -> Value {
        let mut object = self.workload("Deployment", "portal", 2);
        object["metadata"]["labels"]["tier"] = json!("office");
        object
    }

    fn playbook(&self) -> Value {
        let mut playbook = self.every_step();
        if self.makes {
            playbook["spec"]["stages"] = self.told();
        }
        playbook
    }

    /// A freeze; then objects that are made by each kind of step that makes any, and one that is adopted.
    fn told(&self) -> Value {
        let here = json!({ "names": [self.name] });
        let grant = json!({
            "subjects": [{ "kind": "Group", "name": "responders" }],
            "role": { "kind": "ClusterRole", "name": "view" }, "namespaces": here,
            "purpose": "look into it", "legalBasis": "article 27",
        });
        let map = |name: &str| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "text": "stay at home" },
                "metadata": { "name": name, "namespace": self.name } })
        };
        let freeze = json!({ "namespaces": { "names": [self.name] } });
        json!([{ "name": "calm", "steps": [{ "name": "no-changes", "freeze": freeze }] },
        { "name": "tell", "dependsOn": ["calm"], "steps": [
            { "name": "notices", "apply": { "objects": [map("notice"), map("contacts")] } },
            { "name": "flags", "apply": { "objects": [map("flags")], "adopt": true } },
            { "name": "cut", "isolate": { "preset": "DenyAll", "namespaces": here } },
            { "name": "look", "access": { "grant": [grant] } },
        ] }])
    }

    /// What was made and is still there.
    pub async fn left(&self) -> Vec<Value> {
        let label = names::MADE_FOR_LABEL.replace('/', "%2F");
        let mut left = Vec::new();
        let kinds = [
            ("api/v1", "configmaps"),
            ("apis/networking.k8s.io/v1", "networkpolicies"),
            ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
        ];
        let space = &self.name;
        let mut places: Vec<String> = kinds
            .iter()
            .map(|(group, plural)| {
                format!("/{group}/namespaces/{space}/{plural}?labelSelector={label}")
            })
            .collect();
        places.push(self.freezes());
        for at in places {
            let list = send(&self.admin, "GET", &at, "", &Value::Null).await;
            left.extend(list["items"].as_array().cloned().unwrap_or_default());
        }
        left
    }

    /// Where the freezes of this run are: it freezes its own namespace, and nobody else freezes it.
    fn freezes(&self) -> String {
        format!(
            "/apis/pingzhan.dev/v1alpha1/namespaces/{}/changefreezes",
            self.name
        )
    }

    /// Traffic goes elsewhere, and a supplier is taken out of a binding.
    fn closed(&self) -> Value {
        let here = json!({ "names": [self.name] });
        let revoke = json!({
            "subjects": [{ "kind": "Group", "name": "yunsoft" }], "namespaces": here,
        });
        json!({ "name": "close", "steps": [
            {
                "name": "page", "route": { "to": { "name": "page", "port": 80 } },
                "targets": { "kinds": ["Ingress"], "namespaces": here, "names": ["portal"] },
            },
            { "name": "suppliers-out", "access": { "revoke": [revoke] } },
        ] })
    }

    fn every_step(&self) -> Value {
        let here = json!({ "names": [self.name] });
        json!({
            "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook",
            "metadata": { "name": self.name },
            "spec": {
                "title": { "en": "Crash", "zh-CN": "崩溃" },
                "hazard": "Flood", "owner": "operations",
                "authority": {
                    "requesterGroups": [OFFICER.1], "approverGroups": [APPROVER.1],
                    "quorum": { "I": 1, "II": 1, "III": 1, "IV": 1 },
                    "maxTerm": { "I": "24h", "II": "24h", "III": "24h", "IV": "24h" },
                },
                "serviceAccountName": ACCOUNT,
                "objective": { "switchWithin": "10m", "restoreWithin": "30m" },
                "drift": { "active": "Reassert", "restore": "Hold" },
                "stages": [
                    { "name": "calm", "steps": [{
                        "name": "flags",
                        "targets": { "kinds": ["ConfigMap"], "namespaces": here, "names": ["flags"] },
                        "config": {
                            "set": { "banner": "flood", "search": "off" },
                            "restart": [{ "kind": "Deployment", "name": "portal" }],
                        },
                    }] },
                    self.closed(),
                    { "name": "surge", "dependsOn": ["calm"], "steps": [
                        {
                            "name": "grow",
                            "targets": {
                                "kinds": ["Deployment", "StatefulSet"], "namespaces": here,
                                "selector": { "matchLabels": { "tier": "critical" } },
                            },
                            "scale": { "percent": 300 },
                        },
                        {
                            "name": "tune",
                            "targets": {
                                "kinds": ["Deployment"], "namespaces": here, "names": ["portal", "web"],
                            },
                            // The API server makes "2" of "2000m".
                            "patch": { "set": [
                                { "path": "/spec/minReadySeconds", "value": 5 },
                                {
                                    "path": "/spec/template/spec/containers[name=server]/resources/requests/cpu",
                                    "value": "2000m",
                                },
                            ] },
                        },
                    ] },
                ],
            },
        })
    }

    /// Declares.
    pub async fn declare(&self) -> Value {
        let mode = json!({
            "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
            "metadata": { "name": self.name },
            "spec": {
                "playbookRef": { "name": self.name }, "level": "II", "reason": "a crash test",
                "requestedBy": OFFICER.0, "requestedAs": OFFICER.1, "expiresAfter": "1h",
            },
        });
        let at = "/apis/pingzhan.dev/v1alpha1/emergencymodes?fieldManager=pingzhan-cli";
        let officer = person(&self.admin, OFFICER.0, OFFICER.1);
        send(&officer, "POST", at, "application/json", &mode).await
    }

    /// The mode as it is.
    pub async fn mode(&self) -> Value {
        send(&self.admin, "GET", &self.at(), "", &Value::Null).await
    }

    /// Approves a plan.
    pub async fn approve(&self, hash: &str) {
        let approval = json!({ "by": APPROVER.0, "as": APPROVER.1, "planHash": hash });
        let change = json!({ "spec": { "approvals": [approval] } });
        self.change(&change).await;
    }

    /// Stands down.
    pub async fn stand_down(&self) {
        self.change(&json!({ "spec": { "posture": "Peacetime" } }))
            .await;
    }

    async fn change(&self, change: &Value) {
        let at = format!("{}?fieldManager=pingzhan-cli", self.at());
        let (name, group) = who_acts(&change["spec"]).unwrap_or(OFFICER);
        send(
            &person(&self.admin, name, group),
            "PATCH",
            &at,
            "application/merge-patch+json",
            change,
        )
        .await;
    }

    fn at(&self) -> String {
        format!("/apis/pingzhan.dev/v1alpha1/emergencymodes/{}", self.name)
    }

    /// The whole objects, by path.
    pub async fn objects_now(&self) -> Vec<(String, Value)> {
        let mut paths: Vec<String> = self
            .objects()
            .into_iter()
            .map(|(_, path, _)| path)
            .collect();
        paths.sort();
        paths.dedup();
        let mut found = Vec::new();
        for path in paths {
            let object = send(&self.admin, "GET", &path, "", &Value::Null).await;
            found.push((path, object));
        }
        found
    }

    /// The specs of a mode's records.
    pub async fn records(&self, uid: &str) -> Vec<Value> {
        let label = names::MODE_UID_LABEL.replace('/', "%2F");
        let at = format!("/apis/pingzhan.dev/v1alpha1/changerecords?labelSelector={label}%3D{uid}");
        let list = send(&self.admin, "GET", &at, "", &Value::Null).await;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["spec"].clone()).collect()
    }
}

/// Server-side apply, without force.
async fn apply(client: &Client, path: &str, manager: &str, object: &Value) -> Value {
    let at = format!("{path}?fieldManager={manager}");
    send(client, "PATCH", &at, "application/apply-patch+yaml", object).await
}

/// One request that must succeed.
async fn send(client: &Client, method: &str, at: &str, content: &str, object: &Value) -> Value {
    let mut request = http::Request::builder().method(method).uri(at);
    let mut body = Vec::new();
    if !object.is_null() {
        request = request.header("content-type", content);
        body = object.to_string().into_bytes();
    }
    let request = request.body(body).expect("a request");
    let answer = client.request::<Value>(request).await;
    answer.unwrap_or_else(|error| panic!("{method} {at}: {error}"))
}
