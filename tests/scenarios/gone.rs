//! Objects that vanish, come again, or are new.

use pingzhan::api::condition::types;
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::acts::message;
use super::ending::halve;
use super::fleet;
use super::oracles::Allowed;
use super::world::World;

fn all_deployments(world: &World) -> Value {
    json!([{ "name": "shed", "steps": [{
        "name": "halve", "scale": { "percent": 50, "minimum": 1 },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "selector": { "matchLabels": { "shed": "yes" } } },
    }] }])
}

fn shed(world: &World, name: &str, replicas: i64) -> Value {
    let mut manifest = fleet::deployment(&world.namespace, name, Some(replicas));
    manifest["metadata"]["labels"] = json!({ "shed": "yes" });
    manifest
}

/// A name is not an identity: the new object of an old name is never given the old one's value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recreated_object_is_never_given_the_old_ones_value() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([halve(&world, "shed", &["portal-web", "legacy"])]),
        )
        .await;
    world.remove("Deployment", "portal-web").await;
    let manifest = fleet::deployment(&world.namespace, "portal-web", Some(2));
    world
        .apply("portal-team", &manifest)
        .await
        .expect("it is created anew");
    world
        .until("flood", "says that it is gone", |status| {
            status.counts.is_some_and(|counts| counts.gone == 1)
        })
        .await;
    let recreated = world.snapshot().await;
    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    let states: Vec<State> = evidence
        .ledger(&closed)
        .entries
        .values()
        .map(|entry| entry.state)
        .collect();
    assert!(
        states.contains(&State::Gone) && states.contains(&State::OwnersBack),
        "{states:?}"
    );
    let key = ("Deployment".to_owned(), "portal-web".to_owned());
    assert_eq!(
        world.snapshot().await[&key],
        recreated[&key],
        "the new object was never touched"
    );
    world.compare_but(&before, &["portal-web"]).await;
}

/// `newTargets: Report` says what is new and leaves it alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_object_that_matches_is_reported_and_left_alone() {
    let world = World::new().await.started().await;
    world
        .apply("portal-team", &shed(&world, "first", 6))
        .await
        .expect("it is created");
    world.switch("flood", &all_deployments(&world)).await;
    world
        .apply("portal-team", &shed(&world, "second", 6))
        .await
        .expect("it is created");
    world
        .until("flood", "reports it", |status| {
            status
                .conditions
                .iter()
                .any(|found| found.message.contains("second"))
        })
        .await;
    world.judge(Allowed::default()).await;
    assert_eq!(
        world.get("Deployment", "second").await["spec"]["replicas"],
        6
    );
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
}

/// `newTargets: Adopt` switches it under the approved rule, and brings it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_object_that_matches_is_adopted_where_the_playbook_says_so() {
    let world = World::new().await.started().await;
    world
        .apply("portal-team", &shed(&world, "first", 6))
        .await
        .expect("it is created");
    let mut playbook = world.playbook(&all_deployments(&world));
    playbook["newTargets"] = json!("Adopt");
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    world.phase("flood", pingzhan::api::Phase::Active).await;
    world
        .apply("portal-team", &shed(&world, "second", 8))
        .await
        .expect("it is created");
    let before = world.snapshot().await;
    world
        .becomes("Deployment", "second", "is adopted", |object| {
            object["spec"]["replicas"] == 4
        })
        .await;
    world
        .until("flood", "counts it", |status| {
            status.counts.is_some_and(|counts| counts.applied == 2)
        })
        .await;
    let mode = world.mode("flood").await;
    assert_eq!(
        mode.status
            .and_then(|status| status.plan)
            .map(|plan| plan.amendments),
        Some(1)
    );
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare_but(&before, &["first"]).await;
    let mut next = shed(&world, "second", 9);
    next["metadata"]["labels"]["rev"] = json!("2");
    world
        .apply("portal-team", &next)
        .await
        .expect("the owner goes on");
}

/// An object of which the server tracks no owners is switched and returned by its values alone,
/// and the plan says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_without_managed_fields_is_switched_and_returned_and_said_to_be_untracked() {
    let world = World::with_fleet().await;
    world
        .merge(
            "admin",
            "Deployment",
            "portal-web",
            json!({ "metadata": { "managedFields": [{}] } }),
        )
        .await;
    let untracked = world.get("Deployment", "portal-web").await;
    assert_eq!(untracked["metadata"].get("managedFields"), None);
    let active = world
        .switch("flood", &json!([halve(&world, "shed", &["portal-web"])]))
        .await;
    assert_eq!(
        world.get("Deployment", "portal-web").await["spec"]["replicas"],
        4
    );
    let said = message(&active, types::ACTIVE);
    assert!(said.contains("1 objects have no managedFields"), "{said}");
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    let after = world.get("Deployment", "portal-web").await;
    assert_eq!(after["spec"], untracked["spec"]);
    assert_eq!(after["metadata"]["labels"], untracked["metadata"]["labels"]);
}
