//! A playbook's paths are held against what the API server says of each kind, and what one record
//! cannot hold is said and written all the same.

use pingzhan::api::{Phase, RecordType};
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

fn patch(world: &World, kind: &str, name: &str, set: &Value) -> Value {
    json!([{ "name": "calm", "steps": [{
        "name": "patch", "patch": { "set": set },
        "targets": { "kinds": [kind], "namespaces": { "names": [world.namespace] }, "names": [name] },
    }] }])
}

/// A key that the server does not know would be an item that nobody owns and nothing brings back:
/// the mode says what to write before it writes anything, and goes on once it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_the_server_does_not_know_block_the_mode_and_say_what_to_write() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let cpu = "/resources/limits/cpu";
    let containers = "/spec/template/spec/containers";
    let wrong = json!([
        { "path": format!("{containers}[0]{cpu}"), "value": "1" },
        { "path": "/spec/replicsa", "value": 1 },
    ]);
    let stages = patch(&world, "Deployment", "portal-web", &wrong);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    let said = world.blocked("flood", "PlanFaulty").await;
    let write = format!("write `{containers}[name=…]{cpu}`");
    assert!(said.contains(&write), "{said}");
    assert!(
        said.contains("there is no field `/spec/replicsa`"),
        "{said}"
    );
    world.compare(&before).await;

    let pool = json!([{ "path": "/spec/sice", "value": 1 }]);
    let stages = patch(&world, "fleet.example.com/Pool", "counters", &pool);
    world.publish("pool", world.playbook(&stages)).await;
    world.declare("pool", json!({})).await;
    let said = world.blocked("pool", "PlanFaulty").await;
    assert!(said.contains("`size`"), "a CRD says its fields too: {said}");

    world.unpublish("flood").await;
    let right = json!([{ "path": format!("{containers}[name=web]{cpu}"), "value": "1" }]);
    let stages = patch(&world, "Deployment", "portal-web", &right);
    world.publish("flood", world.playbook(&stages)).await;
    world.phase("flood", Phase::Active).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// The API server refuses a record of more than 256 intents; one object may have more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_more_changes_than_a_record_holds_is_switched_and_comes_back() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let step = |name: &str, from: usize| {
        let keys = (from..from + 150).map(|key| (format!("key-{key}"), json!("off")));
        let set: serde_json::Map<String, Value> = keys.collect();
        json!({
            "name": name, "config": { "set": set },
            "targets": { "kinds": ["ConfigMap"], "namespaces": { "names": [world.namespace] }, "names": ["portal-flags"] },
        })
    };
    let steps = [step("first", 0), step("second", 150)];
    let stages = json!([{ "name": "calm", "steps": steps }]);
    let active = world.switch("flood", &stages).await;
    let evidence = world.judge(Allowed::default()).await;
    assert!(evidence.count(&active, RecordType::Intents) > 1);
    assert_eq!(evidence.ledger(&active).entries.len(), 300);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
