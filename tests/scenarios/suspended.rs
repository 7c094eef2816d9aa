//! What runs by itself stops, and is as it was at the return.

use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

fn pods() -> Value {
    json!({ "restartPolicy": "Never", "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] })
}

fn nightly(world: &World, name: &str, suspend: Option<bool>) -> Value {
    let mut object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": { "name": name, "namespace": world.namespace },
        "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": pods() } } } },
    });
    if let Some(suspend) = suspend {
        object["spec"]["suspend"] = suspend.into();
    }
    object
}

fn migration(world: &World) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "migration", "namespace": world.namespace },
        "spec": { "template": { "spec": pods() } },
    })
}

/// A nightly run in the middle of an emergency takes what the surge needs; one that does not run again
/// afterwards is a pension that is not paid. Whoever owned the switch owns it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_by_itself_is_suspended_and_goes_on_at_the_return() {
    let world = World::with_fleet().await;
    let objects = [
        ("helm", nightly(&world, "pensions", Some(false))),
        ("kubectl", nightly(&world, "reports", None)),
        // In peacetime it does not run: it does not afterwards.
        ("helm", nightly(&world, "archive", Some(true))),
        ("helm", migration(&world)),
    ];
    for (owner, object) in &objects {
        let applied = world.apply(owner, object).await;
        applied.expect("it is accepted");
    }
    let before = world.snapshot().await;
    let stages = json!([{ "name": "shed", "steps": [{
        "name": "stop", "suspend": {},
        "targets": { "kinds": ["CronJob", "Job"], "namespaces": { "names": [world.namespace] } },
    }] }]);
    let active = world.switch("flood", &stages).await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.ledger(&active).entries.len(), 3);
    let wartime = world.snapshot().await;
    for (_, object) in &objects {
        let kind = object["kind"].as_str().expect("a kind").to_owned();
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let now = &wartime[&(kind, name.clone())]["spec"]["suspend"];
        assert_eq!(now, &json!(true), "{name}");
    }
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// Passed over means that the cluster's own controller finds nothing to make up for: it is told so
/// before the runs go on, and nothing else of the object differs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missed_runs_are_passed_over_where_the_playbook_says_so() {
    let world = World::with_fleet().await;
    let applied = world
        .apply("helm", &nightly(&world, "pensions", Some(false)))
        .await;
    applied.expect("it is accepted");
    let before = world.snapshot().await;
    let stages = json!([{ "name": "shed", "steps": [{
        "name": "stop", "suspend": { "onResume": "SkipMissed" },
        "targets": { "kinds": ["CronJob"], "namespaces": { "names": [world.namespace] } },
    }] }]);
    world.switch("flood", &stages).await;
    let wartime = world.get("CronJob", "pensions").await;
    assert_eq!(wartime["spec"]["suspend"], json!(true));
    assert_eq!(wartime["status"].get("lastScheduleTime"), None);
    world.come_back("flood").await;
    let told = world.get("CronJob", "pensions").await;
    assert!(told["status"]["lastScheduleTime"].is_string(), "{told}");
    let owners = told["metadata"]["managedFields"]
        .as_array()
        .expect("owners");
    let ours: Vec<&Value> = owners
        .iter()
        .filter(|owner| owner["manager"] == "pingzhan-skip-missed")
        .collect();
    assert_eq!(ours.len(), 1, "{owners:?}");
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// What could not go on as the playbook says must not be stopped: the account may not write what the
/// controller has to be told, and the run goes on, while the rest is switched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_passed_over_is_not_suspended() {
    let world = World::with_fleet().await;
    world.narrow(&["cronjobs/status"]).await;
    let applied = world
        .apply("helm", &nightly(&world, "pensions", Some(false)))
        .await;
    applied.expect("it is accepted");
    let before = world.snapshot().await;
    let stages = json!([{ "name": "shed", "onFailure": "Continue", "steps": [{
        "name": "stop", "suspend": { "onResume": "SkipMissed" },
        "targets": { "kinds": ["CronJob"], "namespaces": { "names": [world.namespace] } },
    }] }]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    let mode = world.condition("flood", "Degraded", "SomeRefused").await;
    let targets = mode.status.expect("it has a status").targets;
    let why = targets[0].message.as_deref().unwrap_or_default();
    assert!(
        why.starts_with("its missed runs could not be passed over at the return: Forbidden"),
        "{why}"
    );
    let now = world.get("CronJob", "pensions").await;
    assert_eq!(now["spec"]["suspend"], json!(false));
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
