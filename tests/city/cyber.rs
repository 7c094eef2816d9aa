//! The playbook for cyber incidents: it reads clean, and the operator plays it on the city, with the rights of
//! its own account file and no others, to the exact return.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, core::GroupVersionKind};
use pingzhan::api::{EmergencyMode, Level, Phase, Playbook, PlaybookSpec, names};
use pingzhan::field::exact;
use pingzhan::playbook::expand;
use pingzhan::playbook::parse::{Body, check, render};
use pingzhan::run::operator;
use pingzhan::sandtable::people::User;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::loaded::whole;
use super::played::{Peace, at_peace, phase, settings, unlike, until, write_as};
use crate::fleet::{self, City};
use crate::support::people::person;

const TEXT: &str = include_str!("../../playbooks/cyber-incident/playbook.yaml");
pub const ACCOUNT: &str = include_str!("../../playbooks/cyber-incident/account.yaml");
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const NETWORKING: &str = "networking.k8s.io/v1";
const GATEWAY: &str = "gateway.networking.k8s.io/v1";
/// What people put on whatever is hit.
const HIT: &str = "incident";

pub fn spec() -> PlaybookSpec {
    let parsed = check(TEXT, |_| None);
    match &parsed.documents[0].body {
        Body::Playbook(spec) => (**spec).clone(),
        Body::Mode(_) => panic!("not a playbook"),
    }
}

/// What is published must be beyond reproach: nothing is said of it.
#[test]
fn the_playbook_for_cyber_incidents_lints_clean() {
    let parsed = check(TEXT, |_| None);
    let said = parsed.diagnostics.iter();
    let said: Vec<String> = said.map(|one| render(one, TEXT, "playbook.yaml")).collect();
    assert_eq!(said, Vec::<String>::new());
    for level in Level::ALL {
        expand::expand(&spec(), level, &BTreeMap::new()).expect("it expands at every level");
    }
}

fn api(client: &Client, object: &Value) -> Api<DynamicObject> {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (group, version) = text("/apiVersion")
        .split_once('/')
        .unwrap_or(("", text("/apiVersion")));
    let kind = text("/kind");
    let plural = match kind {
        "Ingress" => "ingresses".to_owned(),
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
    match text("/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        space => Api::namespaced_with(client.clone(), space, &resource),
    }
}

pub async fn apply(client: &Client, owner: &str, object: &Value) {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let params = PatchParams::apply(owner).force();
    let applied = api(client, object)
        .patch(name, &params, &Patch::Apply(object))
        .await;
    applied.unwrap_or_else(|error| panic!("{object}: {error}"));
}

/// What was hit: a route of the city's, and an Ingress that somebody made by hand.
pub async fn hit(client: &Client) {
    let route = json!({ "apiVersion": GATEWAY, "kind": "HTTPRoute",
        "metadata": { "name": "portal", "namespace": "portal" } });
    let mark = json!({ "metadata": { "labels": { HIT: "hit" } } });
    let params = PatchParams {
        field_manager: Some("kubectl-label".to_owned()),
        ..PatchParams::default()
    };
    let marked = api(client, &route)
        .patch("portal", &params, &Patch::Merge(mark))
        .await;
    marked.expect("the city has this route");
    apply(client, "helm", &ingress()).await;
}

fn ingress() -> Value {
    let backend = json!({ "service": { "name": "hotline-web", "port": { "number": 80 } } });
    json!({ "apiVersion": NETWORKING, "kind": "Ingress",
        "metadata": { "name": "hotline", "namespace": "hotline", "labels": { HIT: "hit" } },
        "spec": { "defaultBackend": backend } })
}

/// What the playbook is to close, as it is now.
pub async fn now(client: &Client) -> Vec<Value> {
    let of = |api_version: &str, kind: &str, namespace: &str, name: &str| {
        let mut metadata = json!({ "name": name });
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata })
    };
    let closed = [
        of(RBAC, "RoleBinding", "portal", "yunsoft"),
        of(RBAC, "ClusterRoleBinding", "", "yunsoft-monitoring"),
        of(GATEWAY, "HTTPRoute", "portal", "portal"),
        ingress(),
    ];
    let mut all = Vec::new();
    for object in closed {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let found = api(client, &object).get(name).await.expect("it is there");
        all.push(serde_json::to_value(found).expect("an object is JSON"));
    }
    all
}

/// Policies that modes made, by namespace.
async fn cuts(client: &Client) -> BTreeMap<String, usize> {
    let any = json!({ "apiVersion": NETWORKING, "kind": "NetworkPolicy", "metadata": {} });
    let params = kube::api::ListParams::default().labels(names::MADE_FOR_LABEL);
    let listed = api(client, &any).list(&params).await.expect("policies");
    let mut count = BTreeMap::new();
    for policy in listed {
        *count
            .entry(policy.metadata.namespace.unwrap_or_default())
            .or_default() += 1;
    }
    count
}

/// Who declares and stands down, and in whose name.
pub const SECURITY: (&str, &str) = ("zhou", "security-duty");

/// Publishes, declares at the gravest level, approves and answers, until it is in force.
async fn carry_out(admin: &Client, modes: &Api<EmergencyMode>) {
    let playbooks: Api<Playbook> = Api::all(admin.clone());
    let published = playbooks
        .create(
            &PostParams::default(),
            &Playbook::new("cyber-incident", spec()),
        )
        .await;
    published.expect("the playbook is accepted");
    let declared = serde_json::from_value(json!({
        "playbookRef": { "name": "cyber-incident" }, "level": "I", "reason": "an intruder",
        "requestedBy": SECURITY.0, "requestedAs": SECURITY.1, "expiresAfter": "24h",
    }));
    let mode = EmergencyMode::new("flood", declared.expect("a mode"));
    let officer: Api<EmergencyMode> = Api::all(person(admin, SECURITY.0, SECURITY.1));
    officer
        .create(&PostParams::default(), &mode)
        .await
        .expect("the mode is accepted");
    let planned = until(modes, |status| status.plan.is_some())
        .await
        .plan
        .expect("a plan");
    let approval = json!({ "by": "lin", "as": "emergency-approvers", "planHash": planned.hash });
    write_as(SECURITY, admin, json!({ "approvals": [approval] })).await;
    let asks = |status: &pingzhan::api::EmergencyModeStatus| {
        let said = status.waiting_on.as_deref().unwrap_or_default();
        said.contains("public/confirm waits for: an answer")
    };
    until(modes, asks).await;
    let answer = json!({ "stage": "public", "step": "confirm", "answer": "Proceed", "by": "wang", "as": "emergency-command" });
    write_as(SECURITY, admin, json!({ "answers": [answer] })).await;
    let active = until(modes, phase(Phase::Active)).await;
    let failed: i64 = active.stages.iter().map(|stage| stage.failed).sum();
    assert_eq!(failed, 0, "{:?}", active.stages);
}

/// Whether everything is closed that is to be, and nothing else.
async fn is_closed(admin: &Client, city: &City) {
    let wartime = now(admin).await;
    assert_eq!(wartime[0].get("subjects"), None);
    assert_eq!(wartime[1].get("subjects"), None);
    assert_eq!(
        wartime[2]["spec"]["rules"][0]["backendRefs"][0]["name"],
        "emergency-page"
    );
    assert_eq!(
        wartime[3]["spec"]["defaultBackend"]["service"]["name"],
        "emergency-page"
    );
    let made = cuts(admin).await;
    let tier = |wanted: fleet::table::Tier| {
        let all = city
            .departments
            .iter()
            .filter(move |one| one.tier == wanted && !one.exclude);
        all.map(|one| one.namespace.clone())
    };
    let mut expected: BTreeMap<String, usize> = tier(fleet::table::Tier::Critical)
        .map(|space| (space, 3))
        .collect();
    expected.extend(tier(fleet::table::Tier::BackOffice).map(|space| (space, 1)));
    assert_eq!(made, expected);
}

/// An incident is no rehearsal: with these rights it must go through, close what it says and nothing else, and
/// leave no trace.
#[tokio::test(start_paused = true)]
async fn the_playbook_for_cyber_incidents_is_played_and_everything_is_as_it_was() {
    let Peace {
        clock,
        service,
        admin,
        city,
        before: _,
    } = at_peace().await;
    for document in serde_yaml::Deserializer::from_str(ACCOUNT) {
        let object = Value::deserialize(document).expect("YAML");
        apply(&admin, "admin", &object).await;
    }
    hit(&admin).await;
    let (before, whole_before) = (now(&admin).await, whole(&admin, &city).await);
    let own = service.of(User::account(names::DEFAULT_NAMESPACE, "pingzhan"));
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(operator::run_over(own.client(), settings(), clock, stopped));

    let modes: Api<EmergencyMode> = Api::all(admin.clone());
    carry_out(&admin, &modes).await;
    is_closed(&admin, &city).await;

    write_as(SECURITY, &admin, json!({ "posture": "Peacetime" })).await;
    until(&modes, phase(Phase::Closed)).await;
    for (was, is) in before.iter().zip(now(&admin).await) {
        assert_eq!(exact::differences(was, &is), Vec::<String>::new());
    }
    let after = whole(&admin, &city).await;
    assert_eq!(unlike(&city, &whole_before, &after), Vec::<String>::new());
    assert_eq!(cuts(&admin).await, BTreeMap::new());
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.send(()).expect("the operator runs");
    task.await.expect("no panic").expect("it ends in peace");
}
