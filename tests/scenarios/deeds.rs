//! Acts that do something outside: a Job and what undoes it, a call, and a word to people.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use kube::api::ListParams;
use pingzhan::api::Phase;
use pingzhan::run::signal::Signals;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::ending::halve;
use super::world::World;
use crate::support;

/// What a receiver was sent: path, headers, body.
pub type Received = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

async fn receive(State(received): State<Received>, request: Request) {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.expect("a body");
    let body = serde_json::from_slice(&body).expect("JSON");
    let received_now = (parts.uri.path().to_owned(), parts.headers, body);
    received.lock().expect("nobody panicked").push(received_now);
}

/// A receiver on loopback: its address, and what it was sent.
pub async fn listen() -> (String, Received) {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(receive).with_state(received.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), received)
}

/// A receiver on loopback, and signals that go there.
async fn receiver() -> (String, Received, Signals) {
    let (address, received) = listen().await;
    let signals = support::signals("districts", &format!("{address}/districts"));
    (address, received, signals)
}

/// Says of the Job that is there that it is complete, as its controller does.
async fn complete(world: &World, end: &str) -> Value {
    let jobs = world.api("Job");
    let found = async {
        loop {
            let listed = jobs
                .list(&ListParams::default())
                .await
                .expect("Jobs can be listed");
            let mut names = listed.items.into_iter().filter_map(|job| job.metadata.name);
            if let Some(name) = names.find(|name| name.ends_with(end)) {
                return name;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let name = tokio::time::timeout(super::world::PATIENCE, found).await;
    let name = name.expect("the Job is created");
    let now = "2026-07-01T08:00:00Z";
    let condition =
        |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": now });
    let status = json!({
        "startTime": now, "completionTime": now, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    });
    world.status("Job", &name, status).await;
    world.get("Job", &name).await
}

/// What an emergency does outside of the cluster's fields must be done once, be known, and be undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_a_call_and_a_word_are_done_once_and_undone() {
    let (address, received, signals) = receiver().await;
    let mut world = World::new().await;
    for owned in super::fleet::fleet(&world.namespace) {
        world.write(&owned).await;
    }
    let verbs = json!(["get", "list", "watch", "patch", "create"]);
    world.account(&world.namespace, &verbs).await;
    world.signals = Arc::new(signals);
    world.start().await;
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let job = json!({ "template": { "spec": pods } });
    let mut stage = halve(&world, "first", &["portal-web"]);
    stage["steps"].as_array_mut().expect("steps").extend([
        json!({ "name": "export", "run": { "namespace": world.namespace, "job": job, "undo": job } }),
        json!({ "name": "divert", "after": ["export"], "call": {
            "url": format!("{address}/divert"), "body": { "lines": 12 }, "undo": format!("{address}/normal") } }),
        json!({ "name": "tell", "after": ["divert"], "notify": { "channels": ["districts"],
            "severity": "High", "message": { "en": "Lines are diverted", "zh-CN": "话务已分流" } } }),
    ]);
    world
        .publish("flood", world.playbook(&json!([stage])))
        .await;
    world
        .declare("flood", json!({ "nature": "Exercise" }))
        .await;
    let export = complete(&world, "").await;
    assert_eq!(export["spec"]["ttlSecondsAfterFinished"], json!(604_800));
    world.phase("flood", Phase::Active).await;
    world
        .until("flood", "has told everybody", |status| {
            let told = |entry: &pingzhan::api::TimelineEntry| {
                entry.message.starts_with("first/tell: told over districts")
            };
            status.timeline.iter().any(told)
        })
        .await;
    world.stand_down("flood").await;
    complete(&world, "-undo").await;
    world.phase("flood", Phase::Closed).await;
    let received = received.lock().expect("nobody panicked").clone();
    let paths: Vec<&str> = received.iter().map(|(path, _, _)| path.as_str()).collect();
    assert_eq!(paths, ["/divert", "/districts", "/normal"]);
    let (_, headers, body) = &received[0];
    assert_eq!(body, &json!({ "lines": 12 }));
    assert!(
        headers["webhook-signature"]
            .to_str()
            .is_ok_and(|own| own.starts_with("v1,"))
    );
    let (_, _, told) = &received[1];
    assert_eq!(told["message"]["zh-CN"], "【演练】话务已分流");
    assert_eq!(told["message"]["en"], "EXERCISE: Lines are diverted");
    let jobs = world.api("Job").list(&ListParams::default()).await;
    assert_eq!(jobs.expect("Jobs can be listed").items.len(), 2);
}

/// Whoever has a namespace left out while people are still asked is heard: no Job is created there any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_created_where_its_owner_has_left_it_out_since_the_plan() {
    let world = World::new().await;
    let verbs = json!(["get", "list", "watch", "patch", "create"]);
    world.account(&world.namespace, &verbs).await;
    let world = world.started().await;
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let job = json!({ "template": { "spec": pods } });
    let step = json!({ "name": "export", "run": { "namespace": world.namespace, "job": job, "irreversible": true } });
    let stages = json!([{ "name": "only", "steps": [step] }]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({ "level": "III" })).await;
    let asked = world
        .until("flood", "waits for approval", |status| {
            let waits = status.waiting_on.as_deref().unwrap_or_default();
            status.plan.is_some() && waits.contains("from emergency-approvers")
        })
        .await;
    let left_out = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": world.namespace, "labels": { "pingzhan.dev/exclude": "true" } } });
    world.put("v1", "namespaces", "", left_out).await;
    let plan = asked.status.and_then(|status| status.plan);
    let hash = plan.expect("a plan").hash;
    world.approve("flood", "chief-li", &hash).await;
    let why = world.blocked("flood", "ActFailed").await;
    assert!(
        why.contains("no Job runs in") && why.contains("pingzhan.dev/exclude=true"),
        "{why}"
    );
    let jobs = world.api("Job").list(&ListParams::default()).await;
    assert_eq!(jobs.expect("Jobs can be listed").items.len(), 0);
    world.stand_down("flood").await;
    world.phase("flood", Phase::Closed).await;
}
