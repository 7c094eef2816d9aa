//! Drift policies and verdicts: whose value stays, in wartime and at the return, and that nothing
//! of ours stays on what is somebody else's.

use pingzhan::api::condition::types;
use pingzhan::api::{Phase, names};
use serde_json::{Value, json};

use super::acts::message;
use super::ending::halve;
use super::oracles::Allowed;
use super::world::World;

/// Checks that an object is not marked as ours any more.
pub fn assert_let_go(object: &Value) {
    let metadata = &object["metadata"];
    let label = metadata["labels"].get(names::HELD_BY_LABEL);
    assert_eq!(label, None, "the label is gone");
    let owners = metadata["managedFields"].to_string();
    assert!(!owners.contains("pingzhan/"), "no field is ours: {owners}");
}

impl World {
    /// Halves some Deployments under this drift policy.
    async fn under(&self, drift: Value, names: &[&str]) {
        let mut playbook = self.playbook(&json!([halve(self, "shed", names)]));
        playbook["drift"] = drift;
        self.publish("flood", playbook).await;
        self.declare("flood", json!({})).await;
        self.phase("flood", Phase::Active).await;
    }

    /// A colleague wants another number.
    async fn colleague(&self, name: &str, replicas: i64) {
        let patch = json!({ "spec": { "replicas": replicas } });
        self.merge("colleague", "Deployment", name, patch).await;
    }

    /// Waits until a Deployment has this many replicas.
    async fn has(&self, name: &str, replicas: i64) -> Value {
        let what = format!("has {replicas} replicas");
        self.becomes("Deployment", name, &what, |object| {
            object["spec"]["replicas"] == replicas
        })
        .await
    }

    /// Waits until this many fields are kept and none waits for a verdict.
    async fn kept(&self, many: i64) {
        self.until("flood", "keeps it", |status| {
            let counts = status.counts.unwrap_or_default();
            counts.kept == many && counts.drifted == 0
        })
        .await;
    }
}

/// Isolation and access must hold against anybody; but two controllers must not fight for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enforce_writes_over_a_third_value_three_times_a_minute_and_then_names_the_rival() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .under(json!({ "active": "Enforce" }), &["portal-web", "legacy"])
        .await;
    for third in [5, 6, 5] {
        world.colleague("portal-web", third).await;
        world.has("portal-web", 4).await;
    }
    world.colleague("portal-web", 6).await;
    let mode = world
        .condition("flood", types::CONTESTED, "RivalWrites")
        .await;
    let said = message(&mode, types::CONTESTED);
    assert!(said.contains("colleague"), "{said}");
    let evidence = world.judge(Allowed::OVERWRITE).await;
    assert_eq!(evidence.write_count(), 5, "two to switch, three to hold");
    world.has("portal-web", 6).await;
    // At the return the value is still somebody's, and Hold waits for a person.
    world.stand_down("flood").await;
    world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    world.verdict("flood", "Ours").await;
    world.phase("flood", Phase::Closed).await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// Where the playbook yields, somebody else's value stays at once, and so does the object; what
/// other steps say of other objects is not touched by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yield_lets_go_of_what_somebody_else_changes_and_of_nothing_else() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let mut stage = halve(&world, "shed", &["portal-web", "both"]);
    stage["steps"][0]["drift"] = json!({ "active": "Yield" });
    let mut held = halve(&world, "shed", &["legacy"])["steps"][0].take();
    held["name"] = json!("held");
    stage["steps"].as_array_mut().expect("steps").push(held);
    world.switch("flood", &json!([stage])).await;
    world.colleague("portal-web", 5).await;
    world.colleague("legacy", 5).await;
    world.kept(1).await;
    world.has("legacy", 3).await;
    let kept = world
        .becomes("Deployment", "portal-web", "is let go", |object| {
            object["metadata"]["labels"]
                .get(names::HELD_BY_LABEL)
                .is_none()
        })
        .await;
    assert_eq!(kept["spec"]["replicas"], 5);
    assert_let_go(&kept);
    world.judge(Allowed::default()).await;
    let mode = world.come_back("flood").await;
    assert_eq!(
        mode.status.and_then(|status| status.phase),
        Some(Phase::Closed)
    );
    world.judge(Allowed::default()).await;
    let after = world.get("Deployment", "portal-web").await;
    assert_eq!(
        after["metadata"], kept["metadata"],
        "it was not touched again"
    );
    world.compare_but(&before, &["portal-web"]).await;
    world.owners_go_on_but(&["portal-web"]).await;
}

/// `restore: Revert` brings peacetime back whatever is there, without asking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revert_brings_the_peacetime_value_back_over_a_third_one() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .under(json!({ "restore": "Revert" }), &["portal-web", "helm-api"])
        .await;
    world.colleague("portal-web", 5).await;
    world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    world.judge(Allowed::default()).await;
    world.has("portal-web", 5).await;
    world.come_back("flood").await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// `restore: Keep` leaves what somebody else wrote, and leaves it to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_at_the_return_leaves_a_third_value_and_its_owner() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .under(json!({ "restore": "Keep" }), &["portal-web", "legacy"])
        .await;
    world.colleague("portal-web", 5).await;
    world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    let kept = world.get("Deployment", "portal-web").await;
    assert_eq!(kept["spec"]["replicas"], 5);
    assert_let_go(&kept);
    world.compare_but(&before, &["portal-web"]).await;
    world.owners_go_on_but(&["portal-web"]).await;
    // Whoever wrote it goes on, too.
    world.colleague("portal-web", 6).await;
}

/// The verdict Keep at the return ends the wait and lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verdict_keep_at_the_return_leaves_the_value_and_lets_go() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.under(json!({}), &["portal-web", "legacy"]).await;
    world.colleague("legacy", 9).await;
    world.stand_down("flood").await;
    world
        .until("flood", "waits for a verdict", |status| {
            let counts = status.counts.unwrap_or_default();
            status.phase == Some(Phase::Restoring) && counts.drifted == 1 && counts.restored == 1
        })
        .await;
    world.judge(Allowed::default()).await;
    world.verdict("flood", "Keep").await;
    world.phase("flood", Phase::Closed).await;
    world.judge(Allowed::default()).await;
    let kept = world.get("Deployment", "legacy").await;
    assert_eq!(kept["spec"]["replicas"], 9);
    assert_let_go(&kept);
    world.compare_but(&before, &["legacy"]).await;
    world.owners_go_on().await;
}

/// What cannot be brought back may be given up by a person: the wartime value stays, but it is
/// nobody's emergency any more once the object can be written again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verdict_keep_on_what_is_stuck_lets_go_of_it() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.under(json!({}), &["portal-web", "legacy"]).await;
    world.refuse("poison", &["legacy"]).await;
    world.stand_down("flood").await;
    let mode = world
        .until("flood", "is stuck", |status| {
            status
                .counts
                .is_some_and(|counts| counts.stuck == 1 && counts.restored == 1)
        })
        .await;
    let target = mode.status.expect("a status").targets.remove(0);
    assert_eq!((&*target.name, &*target.state), ("legacy", "Stuck"));
    let verdict = json!({ "of": { "uid": target.uid, "path": target.path }, "choice": "Keep", "seen": target.seen, "by": "he", "as": "emergency-approvers" });
    world.add("flood", "verdicts", verdict).await;
    world.kept(1).await;
    world.accept("poison", "legacy").await;
    world.phase("flood", Phase::Closed).await;
    world.judge(Allowed::default()).await;
    let kept = world.get("Deployment", "legacy").await;
    assert_eq!(kept["spec"]["replicas"], 3);
    assert_let_go(&kept);
    world.compare_but(&before, &["legacy"]).await;
    world.owners_go_on().await;
}
