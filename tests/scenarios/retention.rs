//! Records of modes that are over go when they were kept as long as promised; no others do.

use std::time::Duration;

use kube::api::{Api, ListParams};
use pingzhan::api::{ChangeRecord, names};
use serde_json::json;

use super::ending::halve;
use super::oracles::Allowed;
use super::world::World;

/// How many records a mode has.
async fn records(world: &World, uid: &str) -> usize {
    let api: Api<ChangeRecord> = Api::all(world.client.clone());
    let of = ListParams::default().labels(&format!("{}={uid}", names::MODE_UID_LABEL));
    api.list(&of).await.expect("records are listed").items.len()
}

/// What is over may go; what is in force, or may still be brought back, never.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_a_closed_mode_are_deleted_when_due_and_those_of_a_live_one_stay() {
    let mut world = World::with_fleet().await;
    let uid = |mode: &pingzhan::api::EmergencyMode| mode.metadata.uid.clone().expect("a uid");
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    let over = uid(&world.switch("over", &stages).await);
    world.come_back("over").await;
    let stages = json!([halve(&world, "shed", &["legacy"])]);
    let live = uid(&world.switch("live", &stages).await);
    world.judge(Allowed::default()).await;
    world.stop().await;

    world.start().await;
    world
        .until("live", "is held by the new leader", |_| true)
        .await;
    let (kept, held) = (records(&world, &over).await, records(&world, &live).await);
    assert!(kept > 0 && held > 0, "three months are not over");
    world.stop().await;

    world.start_with_retention(Duration::ZERO).await;
    let deleted = async {
        while records(&world, &over).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(super::world::PATIENCE, deleted).await;
    in_time.expect("what is due is deleted");
    assert!(
        records(&world, &live).await >= held,
        "a live mode's records stay"
    );
    world.come_back("live").await;
}
