//! Traffic goes to another service, and where it went at the return, its owners included.

use pingzhan::api::{Concern, EmergencyMode, Phase};
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

const NETWORKING: &str = "networking.k8s.io/v1";
const GATEWAY: &str = "gateway.networking.k8s.io/v1";

fn ingress(world: &World) -> Value {
    let backend = |name: &str| json!({ "service": { "name": name, "port": { "name": "http" } } });
    json!({
        "apiVersion": NETWORKING, "kind": "Ingress",
        "metadata": { "name": "counters", "namespace": world.namespace },
        "spec": {
            "ingressClassName": "city", "defaultBackend": backend("start"),
            "rules": [
                { "host": "counters.example.gov.cn", "http": { "paths": [
                    { "path": "/book", "pathType": "Prefix", "backend": backend("booking") },
                    { "path": "/", "pathType": "Prefix", "backend": backend("counters") },
                ] } },
                { "host": "empty.example.gov.cn" },
            ],
        },
    })
}

fn route(world: &World, backend: &str) -> Value {
    json!({
        "apiVersion": GATEWAY, "kind": "HTTPRoute",
        "metadata": { "name": "counters", "namespace": world.namespace },
        "spec": {
            "parentRefs": [{ "name": "city" }], "hostnames": ["counters.example.gov.cn"],
            "rules": [
                { "matches": [{ "path": { "type": "PathPrefix", "value": "/book" } }],
                  "backendRefs": [{ "name": backend, "port": 80, "weight": 9 }, { "name": "canary", "port": 80, "weight": 1 }] },
                { "matches": [{ "path": { "type": "PathPrefix", "value": "/old" } }],
                  "filters": [{ "type": "RequestRedirect", "requestRedirect": { "statusCode": 301, "path": { "type": "ReplaceFullPath", "replaceFullPath": "/new" } } }] },
            ],
        },
    })
}

fn stages(world: &World) -> Value {
    json!([{ "name": "close", "steps": [{
        "name": "to-page", "route": { "to": { "name": "emergency-page", "port": 80 } },
        "targets": {
            "kinds": ["Ingress", "gateway.networking.k8s.io/HTTPRoute"],
            "namespaces": { "names": [world.namespace] }, "names": ["counters"],
        },
    }] }])
}

/// A world with an Ingress and a route, whose account may change them and see what stands beside.
async fn world() -> World {
    let world = World::with_closed_kinds().await;
    let all = json!(["get", "list", "watch", "patch"]);
    let see = json!(["get", "list"]);
    world
        .allow(json!([
            { "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": all },
            { "apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": all },
            { "apiGroups": ["gateway.networking.k8s.io"], "resources": ["referencegrants"], "verbs": see },
            { "apiGroups": [""], "resources": ["services"], "verbs": see },
            { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": see },
        ]))
        .await;
    for (owner, object) in [
        ("helm", ingress(&world)),
        ("flux", route(&world, "booking")),
    ] {
        world.apply(owner, &object).await.expect("it is accepted");
    }
    world.started().await
}

/// A page service that answers.
async fn page(world: &World) {
    let metadata = json!({ "name": "emergency-page", "namespace": world.namespace });
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": { "ports": [{ "port": 80 }] } });
    world.put("v1", "services", &world.namespace, service).await;
    let metadata = json!({ "name": "emergency-page-1", "namespace": world.namespace,
        "labels": { "kubernetes.io/service-name": "emergency-page" } });
    let slice = json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
        "addressType": "IPv4", "endpoints": [{ "addresses": ["10.0.0.9"], "conditions": { "ready": true } }] });
    world
        .put(
            "discovery.k8s.io/v1",
            "endpointslices",
            &world.namespace,
            slice,
        )
        .await;
}

/// What a plan finds of its step, and how grave.
fn findings(mode: &EmergencyMode) -> Vec<(Concern, String)> {
    let plan = mode.status.as_ref().and_then(|status| status.plan.as_ref());
    let findings = plan.and_then(|plan| plan.findings.as_ref());
    let listed = findings.map(|findings| findings.listed.as_slice());
    let listed = listed.unwrap_or_default().iter();
    listed
        .map(|one| (one.concern, one.message.clone()))
        .collect()
}

/// The promise, for both kinds: whoever asks comes to the page, and nobody's rule is lost by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_goes_to_the_page_and_back_exactly() {
    let world = world().await;
    page(&world).await;
    let before = world.snapshot().await;
    let active = world.switch("flood", &stages(&world)).await;
    let evidence = world.judge(Allowed::default()).await;
    // The Ingress's rules and two parts of its backend for all else; the route's rules.
    assert_eq!(evidence.ledger(&active).entries.len(), 4);
    let closed = world.get("Ingress", "counters").await["spec"].clone();
    let there = json!({ "service": { "name": "emergency-page", "port": { "number": 80 } } });
    assert_eq!(closed["defaultBackend"], there);
    for path in closed["rules"][0]["http"]["paths"]
        .as_array()
        .expect("paths")
    {
        assert_eq!(path["backend"], there);
    }
    assert_eq!(
        closed["rules"][1],
        json!({ "host": "empty.example.gov.cn" })
    );
    let rules = world.get("HTTPRoute", "counters").await["spec"]["rules"].clone();
    assert_eq!(rules[0]["backendRefs"][0]["name"], "emergency-page");
    assert_eq!(rules[0]["backendRefs"].as_array().map(Vec::len), Some(1));
    assert_eq!(rules[1]["filters"][0]["type"], "RequestRedirect");
    assert_eq!(rules[1].get("backendRefs"), None);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    let next = world.apply("flux", &route(&world, "booking-2")).await;
    next.expect("the owner goes on without a conflict");
}

/// Who approves must know that people would find an error where they look for help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_that_nobody_answers_at_the_destination() {
    let world = world().await;
    let found = async |name: &str| {
        world.publish(name, world.playbook(&stages(&world))).await;
        world.declare(name, json!({ "level": "III" })).await;
        let planned = world.until(name, "has a plan", |status| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some())
        });
        findings(&planned.await)
    };
    let said = found("nowhere").await;
    assert!(
        said.iter().any(
            |(concern, text)| *concern == Concern::Harm && text.contains("there is no Service")
        ),
        "{said:?}"
    );
    page(&world).await;
    let said = found("answered").await;
    assert!(
        said.iter()
            .all(|(_, text)| !text.contains("emergency-page")),
        "{said:?}"
    );
}

/// An owner goes on working on its rules while a plan waits for its approval: what it took away does not come
/// back by the switch, and what it added is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_came_and_went_while_a_plan_waited_stay_so() {
    let world = world().await;
    page(&world).await;
    let playbook = world.playbook(&stages(&world));
    world.publish("flood", playbook).await;
    world.declare("flood", json!({ "level": "II" })).await;
    let planned = world
        .until("flood", "has a plan", |status| status.plan.is_some())
        .await;
    let plan = planned.status.and_then(|status| status.plan);
    let hash = plan.expect("a plan").hash;
    let mut since = route(&world, "booking");
    since["spec"]["rules"][1] = json!({
        "matches": [{ "path": { "type": "PathPrefix", "value": "/pay" } }],
        "backendRefs": [{ "name": "payments", "port": 80 }],
    });
    world.apply("flux", &since).await.expect("it is accepted");
    let before = world.snapshot().await;
    world.approve("flood", "lin", &hash).await;
    world.approve("flood", "he", &hash).await;
    world.phase("flood", Phase::Active).await;
    let rules = world.get("HTTPRoute", "counters").await["spec"]["rules"].clone();
    let led: Vec<(&Value, &Value)> = rules
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| {
            let path = &rule["matches"][0]["path"]["value"];
            (path, &rule["backendRefs"][0]["name"])
        })
        .collect();
    let [book, pay, page] = ["/book", "/pay", "emergency-page"].map(Value::from);
    assert_eq!(led, [(&book, &page), (&pay, &page)]);
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
