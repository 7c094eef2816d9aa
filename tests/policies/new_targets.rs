//! `newTargets: Deny`: what the policy refuses and what it lets through, for a mode whose status says
//! what the operator would say. The operator itself has no part in it: see `scenarios::denied`.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use kube::{Client, Error};
use pingzhan::api::{DenyRule, EmergencyMode, Level, Nature, PlaybookSpec, Term, names};
use pingzhan::engine::denies;
use pingzhan::engine::facts::Facts;
use pingzhan::engine::plan::{self, Request};
use pingzhan::playbook::expand::expand;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::{load, schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support;
use crate::support::people::{self, person, who_acts};

/// The policy and its binding, as they are shipped.
pub const POLICY: &str = include_str!("../../manifests/policies/new-targets.yaml");
/// A policy is enforced about a second after it is stored; on a busy machine later.
const PATIENCE: Duration = Duration::from_secs(45);
/// Groups in which somebody has every right, so that nothing but admission refuses.
const MASTERS: &str = "system:masters";

/// Who creates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Who {
    /// A person with every right.
    #[default]
    Person,
    /// The account of a playbook.
    Playbook,
    /// One of the cluster's own controllers.
    Controller,
    /// A GitOps controller, which brings what people wrote.
    GitOps,
}

impl Who {
    const ALL: [Self; 4] = [Self::Person, Self::Playbook, Self::Controller, Self::GitOps];

    fn identity(self) -> (String, Vec<String>) {
        let account = |namespace: &str, name: &str| {
            let name = format!("system:serviceaccount:{namespace}:{name}");
            (name, vec![format!("system:serviceaccounts:{namespace}")])
        };
        match self {
            Self::Person => ("he".to_owned(), Vec::new()),
            Self::Playbook => account(names::ACCOUNT_NAMESPACE, "flood"),
            Self::Controller => account("kube-system", "deployment-controller"),
            Self::GitOps => account("flux-system", "kustomize-controller"),
        }
    }
}

/// The table of creations.
const CASES: &str = include_str!("new-targets.yaml");

/// A creation, and the step that refuses it, if one does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[serde(default)]
    who: Who,
    #[serde(default = "offices")]
    space: String,
    #[serde(default = "deployment")]
    kind: String,
    #[serde(default = "a")]
    name: String,
    labels: Option<Value>,
    /// Whether its owner controls it, where it has one.
    controller: Option<bool>,
    step: Option<String>,
}

fn offices() -> String {
    "offices".to_owned()
}

fn deployment() -> String {
    "Deployment".to_owned()
}

fn a() -> String {
    "a".to_owned()
}

impl Case {
    /// The object, without its namespace.
    fn object(&self) -> Value {
        let mut object = match self.kind.as_str() {
            "ConfigMap" => json!({ "apiVersion": "v1" }),
            "PriorityClass" => json!({ "apiVersion": "scheduling.k8s.io/v1", "value": 7 }),
            _ => workload(&self.name),
        };
        object["kind"] = self.kind.clone().into();
        object["metadata"] = json!({ "name": self.name });
        if let Some(labels) = &self.labels {
            object["metadata"]["labels"] = labels.clone();
        }
        if let Some(controller) = self.controller {
            object["metadata"]["ownerReferences"] = json!([{ "apiVersion": "apps/v1",
                "kind": "Deployment", "name": "above", "uid": "1", "controller": controller }]);
        }
        object
    }
}

fn workload(name: &str) -> Value {
    let labels = json!({ "is": name });
    json!({ "apiVersion": "apps/v1", "spec": {
        "serviceName": name, "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "web", "image": "web:1" }] } },
    } })
}

/// The table, in namespaces whose names begin so.
struct Table<'a> {
    prefix: &'a str,
}

impl Table<'_> {
    fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Namespaces and their labels.
    fn spaces(&self) -> Vec<(String, Value)> {
        vec![
            (self.space("offices"), json!({ "tier": "back-office" })),
            (self.space("critical"), json!({ "tier": "critical" })),
            (self.space("bare"), json!({})),
            (
                self.space("left-alone"),
                json!({ "tier": "back-office", names::EXCLUDE_LABEL: "true" }),
            ),
            (
                self.space("ingress"),
                json!({ "tier": "back-office", names::ROLE_LABEL: "ingress" }),
            ),
        ]
    }

    /// Steps with every operator of a selector.
    fn playbook(&self) -> PlaybookSpec {
        let scale = json!({ "percent": 50, "minimum": 1 });
        let ours = self.spaces().into_iter().map(|(name, _)| name);
        let ours: Vec<String> = ours.collect();
        let step = |name: &str, targets: Value| json!({ "name": name, "targets": targets, "scale": scale });
        let playbook = json!({
            "title": { "en": "Flood", "zh-CN": "洪水" }, "hazard": "Flood", "owner": "office",
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
            "serviceAccountName": "flood", "newTargets": "Deny",
            "stages": [{ "name": "shed", "steps": [
                step("offices", json!({ "kinds": ["Deployment", "StatefulSet"],
                    "namespaces": { "names": ours, "matchLabels": { "tier": "back-office" } },
                    "selector": { "matchExpressions": [
                        { "key": "vital", "operator": "NotIn", "values": ["yes", "very"] },
                        { "key": "temporary", "operator": "DoesNotExist" } ] } })),
                step("shops", json!({ "kinds": ["Deployment"],
                    "namespaces": { "names": [self.space("critical")], "matchExpressions": [
                        { "key": "tier", "operator": "Exists" } ] },
                    "selector": { "matchLabels": { "app": "shop" }, "matchExpressions": [
                        { "key": "size", "operator": "In", "values": ["s", "m"] },
                        { "key": "owner", "operator": "Exists" } ] } })),
                { "name": "flags", "config": { "set": { "carousel": "off" } },
                    "targets": { "kinds": ["ConfigMap"], "names": ["flags"],
                        "namespaces": { "names": [self.space("bare")], "matchExpressions": [
                            { "key": "tier", "operator": "NotIn", "values": ["critical"] },
                            { "key": "tier", "operator": "DoesNotExist" } ] } } },
                { "name": "ranks", "targets": { "kinds": ["PriorityClass"],
                        "selector": { "matchLabels": { "city": "here" } } },
                    "patch": { "set": [{ "path": "/metadata/annotations/a", "value": "b" }] } },
            ] }],
        });
        serde_json::from_value(playbook).expect("a playbook")
    }

    /// What the operator would say in the status of a mode of this playbook.
    fn rules(&self) -> Vec<DenyRule> {
        let spec = self.playbook();
        let expanded = expand(&spec, Level::II, &BTreeMap::new()).expect("it expands");
        let request = Request {
            playbook: "flood",
            playbook_uid: "pb",
            spec: &spec,
            level: Level::II,
            nature: Nature::Actual,
            tabletop: false,
            scope: None,
            expires_after: &Term("12h".into()),
            round: 0,
        };
        let rules = denies::rules(&plan::compute(&request, &expanded, &Facts::default()));
        assert_eq!(rules.len(), 4, "every step has a rule");
        rules
    }

    /// The creations, in namespaces of this table.
    fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = serde_yaml::from_str(CASES).expect("the table");
        for case in &mut cases {
            case.space = match (case.kind.as_str(), case.space.as_str()) {
                ("PriorityClass", _) => String::new(),
                (_, "kube-system") => continue,
                (_, space) => self.space(space),
            };
        }
        cases
    }
}

/// A patch of the label by which the policy finds a mode.
fn marked(value: &Value) -> Value {
    json!({ "metadata": { "labels": { names::DENIES_LABEL: value } } })
}

fn api(client: &Client, space: &str, object: &Value) -> Api<DynamicObject> {
    let text = |key: &str| object[key].as_str().expect("a manifest").to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let plural = match kind.as_str() {
        "ValidatingAdmissionPolicy" => "validatingadmissionpolicies".to_owned(),
        "PriorityClass" => "priorityclasses".to_owned(),
        _ => format!("{}s", kind.to_lowercase()),
    };
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.clone(),
        kind,
        plural,
    };
    if space.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), space, &resource)
    }
}

/// One of the two servers.
struct Stage {
    admin: Client,
    clients: Vec<(Who, Client)>,
    prefix: String,
}

impl Stage {
    async fn put(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let params = PatchParams::apply("admin").force();
        let all = api(&self.admin, "", object);
        let put = all.patch(name, &params, &Patch::Apply(object)).await;
        put.expect("it is accepted");
    }

    /// Modes, as the operator writes them.
    fn operators(&self) -> Api<EmergencyMode> {
        Api::all(people::operator(&self.admin))
    }

    /// Namespaces and the policy.
    async fn prepare(&self, table: &Table<'_>) {
        for (name, labels) in table.spaces() {
            let metadata = json!({ "name": name, "labels": labels });
            self.put(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }))
                .await;
        }
        for document in serde_yaml::Deserializer::from_str(POLICY) {
            let object = Value::deserialize(document).expect("YAML");
            self.put(&object).await;
        }
    }

    /// A mode in wartime that is marked and says what it refuses.
    async fn declare(&self, name: &str, table: &Table<'_>) {
        let spec = json!({
            "playbookRef": { "name": "flood" }, "level": "II", "reason": "the river rises",
            "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "12h",
        });
        let spec = serde_json::from_value(spec).expect("a mode");
        let mode = EmergencyMode::new(name, spec);
        let officer: Api<EmergencyMode> = Api::all(person(&self.admin, "zhou", "duty"));
        let declared = officer.create(&PostParams::default(), &mode).await;
        declared.expect("the mode is accepted");
        let status = json!({ "status": { "phase": "Active", "denies": table.rules() } });
        let params = PatchParams::default();
        let told = self.operators();
        let told = told
            .patch_status(name, &params, &Patch::Merge(&status))
            .await;
        told.expect("its status is accepted");
        self.change(name, marked(&"true".into())).await;
    }

    /// The operator changes a mode's label, or a person its spec.
    async fn change(&self, name: &str, patch: Value) {
        let params = PatchParams::default();
        let acts = patch
            .get("spec")
            .map(|spec| who_acts(spec).unwrap_or(("zhou", "duty")));
        let changed = match acts {
            Some((name, group)) => Api::all(person(&self.admin, name, group)),
            None => self.operators(),
        };
        let changed = changed.patch(name, &params, &Patch::Merge(&patch)).await;
        changed.expect("the mode is changed");
    }

    /// Why a creation is refused, tried without making anything.
    async fn refusal(&self, case: &Case) -> Option<(u16, String)> {
        let found = self.clients.iter().find(|(who, _)| *who == case.who);
        let (_, client) = found.expect("everybody has a client");
        let all = api(client, &case.space, &case.object());
        let object = serde_json::from_value(case.object()).expect("an object");
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        match all.create(&params, &object).await {
            Ok(_) => None,
            Err(Error::Api(answer)) => Some((answer.code, answer.message)),
            Err(error) => panic!("{}: {error}", case.why),
        }
    }

    /// Waits until a creation is refused, or is not any more: admission follows a moment later.
    async fn becomes(&self, case: &Case, refused: bool) {
        let follows = async {
            while self.refusal(case).await.is_some() != refused {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, follows).await;
        in_time.unwrap_or_else(|_| panic!("it does not become refused = {refused}"));
    }

    /// Plays the table, then what ends it.
    async fn play(&self) {
        let table = Table {
            prefix: &self.prefix,
        };
        self.prepare(&table).await;
        let cases = table.cases();
        let first = &cases[0];
        self.becomes(first, false).await;
        self.declare("flood-2026", &table).await;
        self.becomes(first, true).await;
        for case in &cases {
            self.compare(case).await;
        }
        self.change("flood-2026", marked(&Value::Null)).await;
        self.becomes(first, false).await;
        self.change("flood-2026", marked(&"true".into())).await;
        self.becomes(first, true).await;
        // A person's word counts at once, before any operator has taken it up.
        let down = json!({ "spec": { "posture": "Peacetime" } });
        self.change("flood-2026", down).await;
        self.becomes(first, false).await;
        self.declare("flood-2027", &table).await;
        self.becomes(first, true).await;
        let abort = json!({ "choice": "Hold", "by": "wang", "as": "command", "reason": "enough" });
        self.change("flood-2027", json!({ "spec": { "abort": abort } }))
            .await;
        self.becomes(first, false).await;
    }

    async fn compare(&self, case: &Case) {
        let refusal = self.refusal(case).await;
        let shown = format!("{:?}: {} in {}", case.who, case.why, case.space);
        let Some(step) = &case.step else {
            assert_eq!(refusal, None, "{shown}");
            return;
        };
        let (code, message) = refusal.unwrap_or_else(|| panic!("{shown}: it is let through"));
        assert_eq!(code, 403, "{shown}: {message}");
        let kind = &case.kind;
        let expected = format!(
            "ValidatingAdmissionPolicy 'pingzhan-new-targets' with binding 'pingzhan-new-targets' denied \
             request: EmergencyMode flood-2026 refuses new objects that its step {step} selects \
             (newTargets: Deny): wait until the mode is stood down, or label this {kind} \
             pingzhan.dev/exclude=true if it is none of the plan"
        );
        assert!(message.ends_with(&expected), "{shown}: {message}");
    }
}

/// What the policy says is what people meet in an emergency; only a real server shows that its
/// expressions are ones that it takes.
#[tokio::test]
async fn a_real_api_server_refuses_what_the_rules_select_and_nothing_else() {
    let plane = support::cluster().await;
    let mut clients = Vec::new();
    for who in Who::ALL {
        let (name, groups) = who.identity();
        let groups: Vec<&str> = groups.iter().map(String::as_str).chain([MASTERS]).collect();
        clients.push((who, plane.client_as(&name, &groups).await));
    }
    let stage = Stage {
        admin: plane.client.clone(),
        clients,
        prefix: plane.namespace("deny"),
    };
    stage.play().await;
}

/// A rehearsal in which more is refused than on the cluster, or less, rehearses something else.
#[tokio::test]
async fn the_sand_table_answers_as_the_real_server_does() {
    let clock = Clock::machine();
    let now = clock.now();
    let mut server = Server::new(schema::builtin(), 7, now);
    for crd in pingzhan::api::crds() {
        let text = serde_json::to_string(&crd).expect("a kind is JSON");
        load::manifests(&mut server, &text, now).expect("it is accepted");
    }
    let service = Service::new(server, move || clock.now());
    let clients = Who::ALL.into_iter().map(|who| {
        let (name, groups) = who.identity();
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
    };
    stage.play().await;
}
