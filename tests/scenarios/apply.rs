//! Objects that exist for a mode's lifetime.

use pingzhan::api::Phase;
use pingzhan::field::creation;
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

/// A notice that the playbook makes.
fn notice(world: &World, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": world.namespace, "labels": { "for": "citizens" } },
        "data": { "text": "stay at home" },
    })
}

fn stages(objects: &[Value]) -> Value {
    json!([{ "name": "tell", "steps": [{ "name": "notices", "apply": { "objects": objects } }] }])
}

/// A world whose account may make and delete, with an operator that runs.
async fn world() -> World {
    let world = World::new().await;
    may(
        &world,
        &["get", "list", "watch", "patch", "create", "delete"],
    )
    .await;
    world.started().await
}

async fn may(world: &World, verbs: &[&str]) {
    world.account(&world.namespace, &json!(verbs)).await;
}

/// The promise: it is there in wartime under our name, its uid is in the journal, and then it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_there_for_the_modes_lifetime_and_gone_after() {
    let world = world().await;
    let before = world.snapshot().await;
    let active = world
        .switch("flood", &stages(&[notice(&world, "notice")]))
        .await;
    let made = world.get("ConfigMap", "notice").await;
    assert_eq!(made["data"], json!({ "text": "stay at home" }));
    let labels = &made["metadata"]["labels"];
    assert_eq!(labels["pingzhan.dev/held-by"], "flood");
    assert_eq!(labels["pingzhan.dev/made-for"], json!(active.metadata.uid));
    assert_eq!(labels["for"], "citizens");
    let evidence = world.judge(Allowed::default()).await;
    let ledger = evidence.ledger(&active);
    let entry = ledger.entries.values().next().expect("one entry");
    assert_eq!(entry.state, State::Applied);
    assert!(entry.confirmed);
    assert_eq!(
        creation::given(entry.ours()),
        made["metadata"]["uid"].as_str()
    );

    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    let states: Vec<State> = evidence
        .ledger(&closed)
        .entries
        .values()
        .map(|entry| entry.state)
        .collect();
    assert_eq!(states, [State::OwnersBack]);
    assert_eq!(world.version_of("ConfigMap", "notice").await, None);
    assert_eq!(world.snapshot().await.len(), before.len());
    let _ = Phase::Closed;
}
