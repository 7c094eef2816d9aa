//! The return goes on when what was brought back is ready again.

use pingzhan::api::Phase;
use serde_json::json;

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::World;

/// A service that comes back before what it stands on is ready falls over a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_goes_back_only_when_what_depends_on_it_is_ready_again() {
    let world = World::with_fleet().await;
    let starting = json!({ "observedGeneration": 99, "replicas": 1, "unavailableReplicas": 1 });
    world.status("Deployment", "legacy", starting).await;
    let before = world.snapshot().await;
    let first = halve(&world, "first", &["portal-web"]);
    let second = after(halve(&world, "second", &["legacy"]), "first");
    world.switch("flood", &json!([first, second])).await;
    let wartime = world.get("Deployment", "portal-web").await["spec"]["replicas"].clone();
    world.stand_down("flood").await;
    world
        .until("flood", "waits for readiness", |status| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            said.contains("1 object of stage second to be ready again")
        })
        .await;
    let now = world.get("Deployment", "portal-web").await["spec"]["replicas"].clone();
    assert_eq!(now, wartime, "the first stage waits");
    let wanted = world.get("Deployment", "legacy").await["spec"]["replicas"].clone();
    let ready = json!({
        "replicas": wanted, "readyReplicas": wanted, "updatedReplicas": wanted,
        "availableReplicas": wanted, "unavailableReplicas": null,
    });
    world.status("Deployment", "legacy", ready).await;
    world.phase("flood", Phase::Closed).await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
