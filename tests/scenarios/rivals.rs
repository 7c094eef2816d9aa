//! Rivals: others write the fields that a mode holds.

use pingzhan::api::Phase;
use pingzhan::api::condition::types;
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::acts::message;
use super::drift::assert_let_go;
use super::ending::halve;
use super::fleet;
use super::oracles::Allowed;
use super::world::World;

/// `portal-web` has 7 in peacetime and 4 in wartime.
const PEACE: i64 = 7;
/// See [`PEACE`].
const WAR: i64 = 4;

fn has(replicas: i64) -> impl Fn(&Value) -> bool {
    move |object| object["spec"]["replicas"] == replicas
}

impl World {
    async fn holding(&self, names: &[&str]) {
        self.switch("flood", &json!([halve(self, "shed", names)]))
            .await;
    }

    pub async fn replicas(&self, name: &str) -> i64 {
        self.get("Deployment", name).await["spec"]["replicas"]
            .as_i64()
            .unwrap_or_default()
    }
}

/// GitOps, autoscalers and old scripts put the peacetime value back; whichever way they write, it
/// is written again, and the end is exact for the owner who did not fight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_value_put_back_is_written_again_whichever_way_it_came() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web", "legacy"]).await;
    world
        .merge(
            "old-script",
            "Deployment",
            "portal-web",
            json!({ "spec": { "replicas": PEACE } }),
        )
        .await;
    world
        .becomes(
            "Deployment",
            "portal-web",
            "is held after an update",
            has(WAR),
        )
        .await;
    world.judge(Allowed::default()).await;
    world
        .scale("autoscaler", "Deployment", "portal-web", PEACE)
        .await;
    world
        .becomes(
            "Deployment",
            "portal-web",
            "is held after a scale",
            has(WAR),
        )
        .await;
    world.judge(Allowed::default()).await;
    world
        .force(
            "gitops",
            &fleet::deployment(&world.namespace, "portal-web", Some(PEACE)),
        )
        .await;
    world
        .becomes(
            "Deployment",
            "portal-web",
            "is held after a forced apply",
            has(WAR),
        )
        .await;
    let mode = world.mode("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert!(
        evidence
            .ledger(&mode)
            .entries
            .values()
            .all(|entry| entry.state == State::Applied)
    );
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    assert_eq!(world.replicas("portal-web").await, PEACE);
    world.compare_but(&before, &["portal-web"]).await;
    world.owners_go_on_but(&["portal-web"]).await;
}

/// GitOps applies its manifest again and again, over whoever owns a field, and loses each time: it did
/// not let the field go, and is its owner again at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_took_its_field_again_and_again_owns_it_at_the_end() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web"]).await;
    let manifest = fleet::fleet(&world.namespace)[0].manifest.clone();
    for what in ["is held", "is held again"] {
        world.force("portal-team", &manifest).await;
        world
            .becomes("Deployment", "portal-web", what, has(WAR))
            .await;
    }
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// The owner's own apply without force is refused by the API server: it learns of the mode, and
/// nothing is fought over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apply_without_force_meets_a_conflict_that_names_the_mode() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web"]).await;
    let mut manifest = fleet::fleet(&world.namespace)[0].manifest.clone();
    manifest["spec"]["replicas"] = json!(8);
    let refused = world
        .apply("portal-team", &manifest)
        .await
        .expect_err("the field is held");
    assert!(refused.to_string().contains("pingzhan/flood/"), "{refused}");
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// A third value is somebody's intent. It is not written over; a person says that it stays, and
/// the mode lets go of the object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_value_waits_and_the_verdict_keep_leaves_it_and_lets_go() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web", "legacy"]).await;
    world
        .scale("colleague", "Deployment", "portal-web", 5)
        .await;
    world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    world.judge(Allowed::default()).await;
    assert_eq!(world.replicas("portal-web").await, 5);
    world.verdict("flood", "Keep").await;
    let kept = world
        .until("flood", "kept it", |status| {
            status
                .counts
                .is_some_and(|counts| counts.kept == 1 && counts.drifted == 0)
        })
        .await;
    assert_eq!(
        kept.status.and_then(|status| status.phase),
        Some(Phase::Active)
    );
    world.judge(Allowed::default()).await;
    // Not only once the emergency is over.
    assert_let_go(&world.get("Deployment", "portal-web").await);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    assert_eq!(world.replicas("portal-web").await, 5);
    world.compare_but(&before, &["portal-web"]).await;
    world.owners_go_on_but(&["portal-web"]).await;
}

/// The verdict Ours writes the wartime value over the one that the person saw, and the return is
/// exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verdict_ours_writes_over_the_value_that_was_seen() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web"]).await;
    world
        .merge(
            "colleague",
            "Deployment",
            "portal-web",
            json!({ "spec": { "replicas": 5 } }),
        )
        .await;
    let mode = world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    let target = mode.status.expect("a status").targets.remove(0);
    let wrong = json!({ "of": { "uid": target.uid, "path": target.path }, "choice": "Ours", "seen": format!("sha256:{:064}", 0), "by": "he", "as": "emergency-approvers" });
    world.add("flood", "verdicts", wrong.clone()).await;
    world.judge(Allowed::default()).await;
    assert_eq!(
        world.replicas("portal-web").await,
        5,
        "a verdict on another value does not count"
    );
    let mut right = wrong;
    right["seen"] = json!(target.seen);
    world.add("flood", "verdicts", right).await;
    world
        .becomes("Deployment", "portal-web", "is ours again", has(WAR))
        .await;
    world.judge(Allowed::OVERWRITE).await;
    world.come_back("flood").await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// At the return a third value waits for a person as well, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_value_at_the_return_waits_alone_and_a_verdict_ends_it() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.holding(&["portal-web", "helm-api", "legacy"]).await;
    world.scale("colleague", "Deployment", "legacy", 9).await;
    world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    world.stand_down("flood").await;
    world
        .until("flood", "waits for a verdict alone", |status| {
            status.phase == Some(Phase::Restoring)
                && status
                    .counts
                    .is_some_and(|counts| counts.restored == 2 && counts.drifted == 1)
        })
        .await;
    world.judge(Allowed::default()).await;
    world.compare_but(&before, &["legacy"]).await;
    world.verdict("flood", "Ours").await;
    world.phase("flood", Phase::Closed).await;
    world.judge(Allowed::OVERWRITE).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// Two controllers must not fight: after three writes in a minute the rival is named and a person
/// looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_keeps_on_is_named_and_fought_at_most_three_times_a_minute() {
    let world = World::with_fleet().await;
    world.holding(&["portal-web"]).await;
    for _ in 0..3 {
        world
            .merge(
                "argocd-controller",
                "Deployment",
                "portal-web",
                json!({ "spec": { "replicas": PEACE } }),
            )
            .await;
        world
            .becomes("Deployment", "portal-web", "is held", has(WAR))
            .await;
    }
    world
        .merge(
            "argocd-controller",
            "Deployment",
            "portal-web",
            json!({ "spec": { "replicas": PEACE } }),
        )
        .await;
    let mode = world
        .condition("flood", types::CONTESTED, "RivalWrites")
        .await;
    let said = message(&mode, types::CONTESTED);
    assert!(said.contains("argocd-controller"), "{said}");
    let evidence = world.judge(Allowed::default()).await;
    let ours = evidence.write_count();
    assert_eq!(ours, 4, "one to switch, three to hold");
    assert_eq!(world.replicas("portal-web").await, PEACE);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
}
