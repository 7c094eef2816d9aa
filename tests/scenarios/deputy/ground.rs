//! The ground on which the playbooks are played: what lies in wait where nothing is ever touched, what may be
//! changed, accounts with every right and with few, and addresses of loopback at which it is counted who
//! comes. And how it is left again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, DeleteParams, PostParams};
use pingzhan::api::names;
use pingzhan::run::signal::Signals;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::access;
use super::case::{Account, Ground};
use super::own::{LABEL, MARKED, NEEDED, NEVER, needed_name};
use super::policies::{GATHERS, RBAC, WAYS};
use crate::scenarios::fleet;
use crate::scenarios::world::{PATIENCE, World, anything};

/// The engineer who may write playbooks, and lend no account.
pub const BORROWER: &str = "engineer-xu";

/// Where one object is, so that it can be taken away.
struct Put {
    version: String,
    plural: &'static str,
    space: String,
    object: Value,
}

/// The ground, and what was put on it.
pub struct Site {
    pub ground: Ground,
    /// How often somebody came where nobody may.
    pub intruders: Arc<AtomicUsize>,
    /// How often somebody came where anybody may.
    pub visitors: Arc<AtomicUsize>,
    put: Vec<Put>,
}

/// What answers where calls may go.
#[derive(Clone)]
struct Open {
    inside: u16,
    came: Arc<AtomicUsize>,
}

/// Answers with success, or sends whoever asks for it to where nobody may come.
async fn answer(State(open): State<Open>, request: Request) -> Response {
    open.came.fetch_add(1, Ordering::SeqCst);
    let code = request.uri().path().strip_prefix("/redirect/");
    let code = code.and_then(|code| code.parse().ok());
    let Some(code) = code.and_then(|code| StatusCode::from_u16(code).ok()) else {
        return StatusCode::OK.into_response();
    };
    let there = format!("http://127.0.0.1:{}/", open.inside);
    let there = HeaderValue::try_from(there).expect("an address is a header");
    (code, [(LOCATION, there)]).into_response()
}

/// Somebody to whom nobody may come, and the count of those who did.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, came)
}

/// The one address of loopback to which calls may go, and the count of those that came.
async fn open(inside: u16) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.2:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let came = Arc::new(AtomicUsize::new(0));
    let state = Open {
        inside,
        came: came.clone(),
    };
    let router = Router::new().fallback(answer).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, came)
}

/// Calls are signed, and of loopback go to one address only.
pub fn signals() -> Signals {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, file) = (
        folder.path().join("key"),
        folder.path().join("signals.yaml"),
    );
    std::fs::write(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("it is written");
    let text = format!("allow: ['127.0.0.2/32']\ncallKeyFile: {}\n", key.display());
    std::fs::write(&file, text).expect("it is written");
    Signals::read(file).expect("a signals file")
}

fn role_of(name: &str) -> Value {
    json!({ "apiGroup": RBAC, "kind": "ClusterRole", "name": name })
}

fn account(name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": names::ACCOUNT_NAMESPACE, "name": name })
}

fn group(name: &str) -> Value {
    json!({ "apiGroup": RBAC, "kind": "Group", "name": name })
}

impl Site {
    /// Makes it in a world whose operator does not run yet.
    pub async fn of(world: &World) -> Self {
        let (inside, intruders) = inside().await;
        let (open, visitors) = open(inside).await;
        let ground = Ground {
            space: world.namespace.clone(),
            open,
            inside,
            server: world.plane.url.clone(),
        };
        let mut site = Self {
            ground,
            intruders,
            visitors,
            put: Vec::new(),
        };
        site.rights(world).await;
        site.lies_in_wait(world).await;
        site.lies_free(world).await;
        site.is_needed(world).await;
        site.settles(world).await;
        site
    }

    async fn put(&mut self, world: &World, plural: &'static str, object: Value) {
        let text = |at: &str| {
            let found = object.pointer(at).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let (version, space) = (text("/apiVersion"), text("/metadata/namespace"));
        world.put(&version, plural, &space, object.clone()).await;
        self.put.push(Put {
            version,
            plural,
            space,
            object,
        });
    }

    /// One object of each kind that acts select, in a namespace.
    async fn each_kind(&mut self, world: &World, space: &str, name: &str, whom: &Value) {
        let metadata = json!({ "name": name, "namespace": space, "labels": { LABEL: name } });
        let mut web = fleet::deployment(space, name, Some(3));
        web["metadata"] = metadata.clone();
        let pods = json!({ "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
        let nightly = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
            "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": pods } } } } });
        let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "carousel": "on" } });
        let backend = json!({ "service": { "name": "start", "port": { "number": 80 } } });
        let way = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
            "spec": { "defaultBackend": backend } });
        let binding = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": role_of("view"), "subjects": [whom] });
        for (plural, object) in [
            ("deployments", web),
            ("cronjobs", nightly),
            ("configmaps", flags),
            ("ingresses", way),
            ("rolebindings", binding),
        ] {
            self.put(world, plural, object).await;
        }
    }

    async fn lies_in_wait(&mut self, world: &World) {
        let (name, vendors) = (self.ground.bait(), group(&self.ground.named("vendors")));
        for (space, _) in NEVER {
            self.each_kind(world, space, &name, &vendors).await;
        }
        let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": name, "namespace": "kube-node-lease" },
            "spec": { "holderIdentity": "node-1" } });
        self.put(world, "leases", lease).await;
        self.otherwise_written(world).await;
        // What gives an account of a playbook its rights, in the scenario's own namespace and in none.
        let version = format!("{RBAC}/v1");
        let name = self.ground.named("rights");
        let reader = role_of(&self.ground.named(access::READER));
        let whom = json!([vendors, account(&self.ground.space)]);
        for (plural, kind) in [
            ("rolebindings", "RoleBinding"),
            ("clusterrolebindings", "ClusterRoleBinding"),
        ] {
            let mut metadata = json!({ "name": name, "labels": { LABEL: name } });
            if kind == "RoleBinding" {
                metadata["namespace"] = json!(self.ground.space);
            }
            let object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata,
                "roleRef": reader, "subjects": whom });
            self.put(world, plural, object).await;
        }
    }

    /// What gives an account of a playbook its rights without its own name.
    async fn otherwise_written(&mut self, world: &World) {
        let (space, accounts) = (self.ground.space.clone(), names::ACCOUNT_NAMESPACE);
        let user = format!("system:serviceaccount:{accounts}:{space}");
        let whom = [
            json!({ "apiGroup": RBAC, "kind": "User", "name": user }),
            group(&format!("system:serviceaccounts:{accounts}")),
            group("system:serviceaccounts"),
        ];
        let vendors = group(&self.ground.named("vendors"));
        for (end, who) in WAYS.into_iter().zip(whom) {
            let name = self.ground.named(end);
            let metadata = json!({ "name": name, "namespace": space, "labels": { LABEL: name } });
            let object = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
                "metadata": metadata, "roleRef": role_of(&self.ground.named(access::READER)),
                "subjects": [vendors, who] });
            self.put(world, "rolebindings", object).await;
        }
    }

    async fn lies_free(&mut self, world: &World) {
        let (space, name) = (self.ground.space.clone(), self.ground.free());
        let helpers = group(&self.ground.named("helpers"));
        self.each_kind(world, &space, &name, &helpers).await;
    }

    /// What people cannot act without, and what its owner has left out.
    async fn is_needed(&mut self, world: &World) {
        let space = self.ground.space.clone();
        for (place, (key, value, _)) in NEEDED.into_iter().enumerate() {
            let mut web = fleet::deployment(&space, &needed_name(place), Some(3));
            web["metadata"]["labels"] = json!({ key: value });
            self.put(world, "deployments", web).await;
        }
        for (end, key, value, _) in MARKED {
            let name = self.ground.named(end);
            // A namespace stays: without controllers it would never end.
            let manifest = json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": { key: value } } });
            world.put("v1", "namespaces", "", manifest).await;
            let web = fleet::deployment(&name, &self.ground.free(), Some(3));
            self.put(world, "deployments", web).await;
        }
    }

    /// A role of the cluster, and whom it is given.
    async fn give(&mut self, world: &World, name: &str, role: &str, subject: Value) {
        let binding = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding",
            "metadata": { "name": name }, "roleRef": role_of(role), "subjects": [subject] });
        self.put(world, "clusterrolebindings", binding).await;
    }

    async fn role(&mut self, world: &World, name: &str, rules: Value) {
        let role = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
            "metadata": { "name": name }, "rules": rules });
        self.put(world, "clusterroles", role).await;
    }

    async fn rights(&mut self, world: &World) {
        for (end, rules) in access::roles() {
            let name = self.ground.named(end);
            self.role(world, &name, rules).await;
        }
        let gathers = self.ground.named(GATHERS);
        let of = json!([{ "matchLabels": { LABEL: gathers } }]);
        let gathers = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
            "metadata": { "name": gathers }, "aggregationRule": { "clusterRoleSelectors": of },
            "rules": [{ "apiGroups": [""], "resources": ["services"], "verbs": ["get"] }] });
        self.put(world, "clusterroles", gathers).await;
        let wide = self.ground.account(Account::Wide);
        let own = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": wide, "namespace": names::ACCOUNT_NAMESPACE } });
        self.put(world, "serviceaccounts", own).await;
        self.give(world, &wide, "cluster-admin", account(&wide))
            .await;
        let binder = self.ground.account(Account::Binder);
        let all = json!(["get", "list", "watch", "patch", "create", "delete"]);
        world
            .account(&binder, &json!(["get", "list", "watch", "patch"]))
            .await;
        let rbac = [
            "roles",
            "rolebindings",
            "clusterroles",
            "clusterrolebindings",
        ];
        let rules = json!([
            { "apiGroups": [RBAC], "resources": rbac, "verbs": all },
            { "apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["bind"],
              "resourceNames": [self.ground.named(access::READER)] },
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"] },
        ]);
        let more = self.ground.named("binds");
        self.role(world, &more, rules).await;
        self.give(world, &more, &more, account(&binder)).await;
        let writes = self.ground.named("writes");
        let rules = json!([{ "apiGroups": [names::GROUP], "resources": ["playbooks"], "verbs": ["create"] }]);
        self.role(world, &writes, rules).await;
        let borrower = json!({ "apiGroup": RBAC, "kind": "User", "name": BORROWER });
        self.give(world, &writes, &writes, borrower).await;
    }

    /// Waits until the authorizer follows what is stored.
    async fn settles(&self, world: &World) {
        let user = |account| {
            let name = self.ground.account(account);
            format!("system:serviceaccount:{}:{name}", names::ACCOUNT_NAMESPACE)
        };
        let asked = [
            (user(Account::Wide), "get", "", "secrets"),
            (user(Account::Binder), "create", RBAC, "clusterrolebindings"),
            (BORROWER.to_owned(), "create", names::GROUP, "playbooks"),
        ];
        for (user, verb, group, resource) in asked {
            let attributes = json!({ "verb": verb, "group": group, "resource": resource });
            let holds = async {
                while !may(world, &user, &attributes).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let in_time = tokio::time::timeout(PATIENCE, holds).await;
            in_time.unwrap_or_else(|_| panic!("{user} never may {verb} {resource}"));
        }
    }

    /// Takes away what was put here: other tests on this server know nothing of it.
    pub async fn leave(&self, world: &World) {
        for put in self.put.iter().rev() {
            let Put {
                version,
                plural,
                space,
                object,
            } = put;
            let name = object["metadata"]["name"].as_str().expect("a name");
            let api = anything(&world.client, version, plural, space, object);
            match api.delete(name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                removed => drop(removed.expect("what was put here may be taken away")),
            }
        }
    }
}

/// Whether a user may do something.
async fn may(world: &World, user: &str, attributes: &Value) -> bool {
    let review: SubjectAccessReview = serde_json::from_value(json!({
        "metadata": {}, "spec": { "user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes },
    }))
    .expect("a review");
    let api: Api<SubjectAccessReview> = Api::all(world.client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    let status = answer.expect("the server answers").status;
    status.expect("an answer").allowed
}
