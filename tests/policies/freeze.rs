//! The change freeze: what the policy refuses and what it lets through, for a freeze as the step writes
//! it. The operator itself has no part in it: see `scenarios::frozen`.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::{Client, Error};
use pingzhan::api::{Freeze, NamespaceSelector, Principal, kinds, names};
use pingzhan::field::{Identity, Projection, Target, creation};
use pingzhan::run::clock::Clock;
use pingzhan::run::freeze::{Probed, prove};
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::{load, schema};
use pingzhan::step::freeze;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support;

/// The policy and its binding, as they are shipped.
pub const POLICY: &str = include_str!("../../manifests/policies/freeze.yaml");
const NAMESPACES: &str = include_str!("../../manifests/namespaces.yaml");
/// The table of requests.
const CASES: &str = include_str!("freeze.yaml");
/// A policy is enforced about a second after it is stored; on a busy machine later.
const PATIENCE: Duration = Duration::from_secs(45);
/// Groups in which somebody has every right, so that nothing but admission refuses.
pub const MASTERS: &str = "system:masters";
const COMMAND: &str = "emergency-command";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Who {
    Person,
    Officer,
    Excepted,
    Similar,
    Named,
    Almost,
    GitOps,
    Local,
    Playbook,
    Operator,
    Manager,
    Controller,
    Kubelet,
}

impl Who {
    const ALL: [Self; 13] = [
        Self::Person,
        Self::Officer,
        Self::Excepted,
        Self::Similar,
        Self::Named,
        Self::Almost,
        Self::GitOps,
        Self::Local,
        Self::Playbook,
        Self::Operator,
        Self::Manager,
        Self::Controller,
        Self::Kubelet,
    ];

    pub fn identity(self, prefix: &str) -> (String, Vec<String>) {
        let account = |namespace: &str, name: &str| {
            let name = format!("system:serviceaccount:{namespace}:{name}");
            (name, vec![format!("system:serviceaccounts:{namespace}")])
        };
        let user = |name: &str, groups: &[&str]| {
            let groups = groups.iter().map(|group| (*group).to_owned());
            (name.to_owned(), groups.collect())
        };
        match self {
            Self::Person => user("he", &["developers"]),
            Self::Officer => user("wang", &[COMMAND]),
            Self::Excepted => user("zhang", &[]),
            Self::Similar => user("zhan", &["emergency-comman"]),
            Self::Named => account("ci", "deployer"),
            Self::Almost => account("ci", "deploy"),
            Self::GitOps => account("flux-system", "kustomize-controller"),
            Self::Local => account(&format!("{prefix}-frozen"), "robot"),
            Self::Playbook => account(names::ACCOUNT_NAMESPACE, "flood"),
            Self::Operator => account(names::DEFAULT_NAMESPACE, "pingzhan"),
            Self::Manager => user("system:kube-controller-manager", &[]),
            Self::Controller => account("kube-system", "deployment-controller"),
            Self::Kubelet => user("system:node:one", &["system:nodes"]),
        }
    }
}

/// A request, and whether the freeze refuses it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    who: Who,
    send: String,
    body: Option<Value>,
    #[serde(default)]
    refused: bool,
    /// Whether it comes to nothing by itself.
    #[serde(default)]
    fails: bool,
    /// Whether only the real server serves it.
    #[serde(default)]
    real: bool,
}

/// One of the two servers.
pub struct Stage {
    pub admin: Client,
    pub clients: BTreeMap<Who, Client>,
    pub prefix: String,
    pub is_real: bool,
}

/// A freeze of some namespaces, as the step writes it: an object in each of them, by name.
pub(super) fn freeze_of(namespaces: &[&str], step: &str) -> Vec<Value> {
    let principal = |kind: &str, namespace: Option<&str>, name: &str| Principal {
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    };
    let asked = Freeze {
        namespaces: NamespaceSelector::default(),
        automation: vec![principal("ServiceAccount", Some("ci"), "deployer")],
        except: vec![
            principal("Group", None, COMMAND),
            principal("User", None, "zhang"),
        ],
    };
    let seen = |name: &&str| -> Projection {
        let target = Target::from(Identity {
            name: (*name).to_owned(),
            ..Identity::default()
        });
        creation::seen(&target, None)
    };
    let found = [namespaces.iter().map(seen).collect::<Vec<_>>()];
    let compiled = freeze::compile(&asked, &found, &["pb", "calm", step]);
    let bodies = compiled.changes.iter().map(|change| {
        let manifest = change.after.value().expect("a manifest");
        let mut body = creation::body(manifest, "flood-2026", "uid");
        freeze::complete(&mut body, "flood-2026", "2026-07-01T12:00:00Z");
        body
    });
    bodies.collect()
}

/// Where the objects of a freeze are, one of which this is.
fn place(freeze: &Value) -> String {
    let space = freeze::namespace(freeze).expect("a freeze");
    format!("/apis/pingzhan.dev/v1alpha1/namespaces/{space}/changefreezes")
}

impl Stage {
    pub fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn filled(&self, text: &str) -> String {
        text.replace("{frozen}", &self.space("frozen"))
            .replace("{free}", &self.space("free"))
    }

    /// Sends a request: the status, and what is said.
    pub async fn send(&self, client: &Client, send: &str, body: Option<&Value>) -> (u16, String) {
        let send = self.filled(send);
        let (method, at) = send.split_once(' ').expect("a method and a path");
        let (method, content) = match method {
            "PATCH" => ("PATCH", "application/merge-patch+json"),
            "APPLY" => ("PATCH", "application/apply-patch+yaml"),
            method => (method, "application/json"),
        };
        let mut request = http::Request::builder().method(method).uri(at);
        let mut bytes = Vec::new();
        if let Some(body) = body {
            let text = self.filled(&whole(at, content, body).to_string());
            bytes = text.into_bytes();
            request = request.header("content-type", content);
        }
        let request = request.body(bytes).expect("a request");
        match client.request_text(request).await {
            Ok(text) => (200, text),
            Err(Error::Api(status)) => (status.code, status.message.clone()),
            Err(error) => (500, error.to_string()),
        }
    }

    async fn must(&self, send: &str, body: &Value) {
        let (code, said) = self.send(&self.admin, send, Some(body)).await;
        assert!(code == 200, "{send}: {said}");
    }

    pub async fn put(&self, at: &str, body: &Value) {
        let name = body["metadata"]["name"].as_str().expect("a name");
        let at = format!("APPLY {at}/{name}?fieldManager=admin&force=true");
        self.must(&at, body).await;
    }

    /// Namespaces, what is in them, and the policy.
    pub async fn prepare(&self) {
        for text in [NAMESPACES, POLICY] {
            for document in serde_yaml::Deserializer::from_str(text) {
                let object = Value::deserialize(document).expect("YAML");
                let at = match object["kind"].as_str() {
                    Some("Namespace") => "/api/v1/namespaces",
                    Some("ValidatingAdmissionPolicy") => {
                        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
                    }
                    _ => "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
                };
                self.put(at, &object).await;
            }
        }
        for name in ["frozen", "free"] {
            let space = self.space(name);
            let object =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": space } });
            self.put("/api/v1/namespaces", &object).await;
            let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "flags" }, "data": { "carousel": "on" } });
            self.put(&format!("/api/v1/namespaces/{space}/configmaps"), &flags)
                .await;
        }
        let space = self.space("frozen");
        let labels = json!({ "is": "web" });
        let pod = json!({ "containers": [{ "name": "web", "image": "web:1" }] });
        let web = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
            "spec": { "replicas": 3, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": pod } } });
        let robot = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot" } });
        let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
            "spec": { "selector": labels, "ports": [{ "port": 80 }] } });
        let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": pod });
        pod["spec"]["serviceAccountName"] = "robot".into();
        self.put(
            &format!("/apis/apps/v1/namespaces/{space}/deployments"),
            &web,
        )
        .await;
        let core = format!("/api/v1/namespaces/{space}");
        self.put(&format!("{core}/serviceaccounts"), &robot).await;
        self.put(&format!("{core}/services"), &service).await;
        self.put(&format!("{core}/pods"), &pod).await;
    }

    pub(super) async fn freeze(&self, freeze: &[Value]) {
        for one in freeze {
            self.put(&place(one), one).await;
        }
    }

    pub(super) async fn lift(&self, freeze: &[Value]) {
        for one in freeze {
            let name = one["metadata"]["name"].as_str().expect("a name");
            let at = format!("DELETE {}/{name}", place(one));
            let (code, said) = self.send(&self.admin, &at, None).await;
            assert_eq!(code, 200, "{said}");
        }
    }

    /// Waits until the operator's probe says that a freeze is in force, or is not any more.
    pub(super) async fn becomes(&self, freeze: &[Value], frozen: bool) {
        let own = support::clients(&self.clients[&Who::Operator]);
        let spaces = freeze.iter().filter_map(freeze::namespace);
        let probed = Probed {
            name: freeze[0]["metadata"]["name"]
                .as_str()
                .expect("a name")
                .to_owned(),
            namespaces: spaces.map(str::to_owned).collect(),
        };
        let follows = async {
            loop {
                let now = Clock::machine().now();
                let proof = prove(&own, std::slice::from_ref(&probed), now).await;
                assert_eq!(proof.unknown, None, "the probe is answered");
                let done = if frozen {
                    proof.holds()
                } else {
                    proof.is_lifted()
                };
                if done {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, follows).await;
        in_time.unwrap_or_else(|_| panic!("it does not become frozen = {frozen}"));
    }

    /// Plays the table, then what ends it.
    async fn play(&self) {
        self.prepare().await;
        let cases: Vec<Case> = serde_yaml::from_str(CASES).expect("the table");
        let space = self.space("frozen");
        let first = freeze_of(&[&space], "first");
        self.becomes(&first, false).await;
        self.freeze(&first).await;
        self.becomes(&first, true).await;
        for case in cases.iter().filter(|case| self.is_real || !case.real) {
            self.compare(case).await;
        }
        // Another mode freezes the same, and what is not there: its proof is its own, and lifting one leaves the
        // other.
        let second = freeze_of(&[&space, &self.space("other")], "second");
        let (there, absent) = second.split_at(1);
        assert_eq!((there.len(), absent.len()), (1, 1));
        self.becomes(&second, false).await;
        self.freeze(there).await;
        self.is_frozen(&second).await;
        self.lift(&first).await;
        self.becomes(&first, false).await;
        self.compare(&cases[0]).await;
        self.lift(there).await;
        self.becomes(&second, false).await;
        let open = Case {
            refused: false,
            why: "after the freeze a person makes something".to_owned(),
            body: cases[0].body.clone(),
            send: cases[0].send.clone(),
            ..cases[0]
        };
        self.compare(&open).await;
    }

    /// As [`Self::becomes`], of a freeze one of whose namespaces is not there.
    async fn is_frozen(&self, freeze: &[Value]) {
        self.becomes(freeze, true).await;
    }

    async fn compare(&self, case: &Case) {
        let client = &self.clients[&case.who];
        let (code, said) = self.send(client, &case.send, case.body.as_ref()).await;
        let shown = format!("{:?}: {}: {code} {said}", case.who, case.why);
        let ours = said.contains("ValidatingAdmissionPolicy 'pingzhan-freeze'");
        if !case.refused {
            assert!(!ours, "{shown}");
            assert_eq!(code == 200, !case.fails, "{shown}");
            return;
        }
        assert!(ours && code == 403, "it is let through: {shown}");
        let (user, _) = case.who.identity(&self.prefix);
        for part in [
            "change freeze 封网: EmergencyMode flood-2026 holds",
            &format!("by {user} until it is stood down or its term ends"),
            "granted until 2026-07-01T12:00:00Z",
            "emergency-command, zhang may act",
        ] {
            assert!(said.contains(part), "{part}: {shown}");
        }
    }
}

/// The body with what its address says of it.
fn whole(at: &str, content: &str, body: &Value) -> Value {
    let mut body = body.clone();
    let path = at.split('?').next().unwrap_or_default();
    if content.contains("apply")
        && let Some((_, name)) = path.rsplit_once('/')
    {
        body["metadata"]["name"] = name.into();
    }
    if content.contains("merge") || body.get("kind").is_some() {
        return body;
    }
    let (api_version, kind) = [
        ("/configmaps", "v1", "ConfigMap"),
        (
            "/rolebindings",
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
        ),
        ("/apis/events.k8s.io", "events.k8s.io/v1", "Event"),
        ("/events", "v1", "Event"),
        ("/leases", "coordination.k8s.io/v1", "Lease"),
        (
            "/localsubjectaccessreviews",
            "authorization.k8s.io/v1",
            "LocalSubjectAccessReview",
        ),
    ]
    .into_iter()
    .find(|(part, ..)| path.contains(part))
    .map(|(_, api_version, kind)| (api_version, kind))
    .expect("it is of a kind of the table");
    body["apiVersion"] = api_version.into();
    body["kind"] = kind.into();
    body
}

/// What the policy says is what people meet in an emergency; only a real server shows that its
/// expressions are ones that it takes, and what connects to a pod goes through no other.
#[tokio::test]
async fn a_real_api_server_stops_people_and_named_automation_and_nothing_else() {
    let plane = support::cluster().await;
    let prefix = plane.namespace("freeze");
    let mut clients = BTreeMap::new();
    for who in Who::ALL {
        let (name, groups) = who.identity(&prefix);
        let groups: Vec<&str> = groups.iter().map(String::as_str).chain([MASTERS]).collect();
        clients.insert(who, plane.client_as(&name, &groups).await);
    }
    let stage = Stage {
        admin: plane.client.clone(),
        clients,
        prefix,
        is_real: true,
    };
    stage.play().await;
}

/// A rehearsal in which more is stopped than on the cluster, or less, rehearses something else.
#[tokio::test]
async fn the_sand_table_stops_what_the_real_server_does() {
    let clock = Clock::machine();
    let now = clock.now();
    let mut server = Server::new(schema::builtin(), 7, now);
    for kind in kinds() {
        load::manifests(&mut server, &kind.to_string(), now).expect("it is accepted");
    }
    load::manifests(&mut server, NAMESPACES, now).expect("it is accepted");
    let service = Service::new(server, move || clock.now());
    let clients = Who::ALL.into_iter().map(|who| {
        let (name, groups) = who.identity("city");
        let groups: Vec<&str> = groups.iter().map(String::as_str).chain([MASTERS]).collect();
        (
            who,
            service.of(User::authenticated(&name, &groups)).client(),
        )
    });
    let stage = Stage {
        admin: service.client(),
        clients: clients.collect(),
        prefix: "city".to_owned(),
        is_real: false,
    };
    stage.play().await;
}
