//! How a mode ends: stood down half-way, by its term, paused, aborted, deleted; and restored when
//! nobody is left to carry it out.

use std::time::Duration;

use kube::api::DeleteParams;
use pingzhan::api::condition::types;
use pingzhan::api::{Phase, StageState};
use pingzhan::ledger::State;
use pingzhan::recover;
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;
use crate::support::people::take_away;

/// How long a scenario waits for the lease of an operator that has stopped.
pub const LEASE: Duration = Duration::from_secs(20);

/// A stage that halves some Deployments.
pub fn halve(world: &World, stage: &str, names: &[&str]) -> Value {
    json!({ "name": stage, "steps": [{
        "name": "halve", "scale": { "percent": 50, "minimum": 1 },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": names },
    }] })
}

/// A stage that depends on another.
pub fn after(mut stage: Value, before: &str) -> Value {
    stage["dependsOn"] = json!([before]);
    stage
}

/// A person must be able to turn back at any moment, and only what was done may be undone: the
/// second stage cannot finish, the third never began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stood_down_half_way_only_what_was_done_is_undone() {
    let world = World::with_fleet().await;
    world.refuse("poison", &["legacy"]).await;
    let before = world.snapshot().await;
    let mut second = after(halve(&world, "second", &["helm-api", "legacy"]), "first");
    second["onFailure"] = json!("Halt");
    let stages = json!([
        halve(&world, "first", &["portal-web"]),
        second,
        after(halve(&world, "third", &["both"]), "second"),
    ]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    world.blocked("flood", "StageFailed").await;
    let mode = world.mode("flood").await;
    let found: Vec<StageState> = mode
        .status
        .expect("a status")
        .stages
        .iter()
        .map(|stage| stage.state)
        .collect();
    assert_eq!(
        found,
        [StageState::Done, StageState::Failed, StageState::Waiting]
    );
    world.judge(Allowed::default()).await;
    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    let ledger = evidence.ledger(&closed);
    assert!(
        ledger
            .entries
            .values()
            .all(|entry| entry.target.name != "both"),
        "the third stage never began"
    );
    let back: Vec<&str> = ledger
        .entries
        .values()
        .filter(|entry| entry.state == State::OwnersBack)
        .map(|entry| entry.target.name.as_str())
        .collect();
    assert_eq!(back, ["portal-web", "helm-api"]);
    world.compare(&before).await;
    world.accept("poison", "legacy").await;
    world.owners_go_on().await;
}

/// Everything has a term: a forgotten emergency ends by itself, also while it is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_term_ends_a_mode_by_itself_even_while_it_is_paused() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "shared"])]);
    world.publish("flood", world.playbook(&stages)).await;
    world
        .declare("flood", json!({ "expiresAfter": "15s" }))
        .await;
    world.phase("flood", Phase::Active).await;
    world.change("flood", json!({ "paused": true })).await;
    world.condition("flood", types::PAUSED, "ByAPerson").await;
    let closed = world.phase("flood", Phase::Closed).await;
    let timeline = closed.status.expect("a status").timeline;
    assert!(
        timeline
            .iter()
            .any(|event| event.event == "Restoring" && event.message.contains("Expired")),
        "{timeline:?}"
    );
    world.is_exact(&before).await;
}

/// A pause stops everything, also what a rival would have caused; a resume goes on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_mode_writes_nothing_until_it_is_resumed() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "helm-api"])]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({ "paused": true })).await;
    world
        .until("flood", "waits to be resumed", |status| {
            status
                .waiting_on
                .as_deref()
                .is_some_and(|text| text.contains("paused"))
        })
        .await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    world.change("flood", json!({ "paused": false })).await;
    world.phase("flood", Phase::Active).await;
    world.change("flood", json!({ "paused": true })).await;
    world.condition("flood", types::PAUSED, "ByAPerson").await;
    world
        .merge(
            "gitops",
            "Deployment",
            "portal-web",
            json!({ "spec": { "replicas": 7 } }),
        )
        .await;
    let late = world.history.quiet(Duration::from_secs(2)).await;
    assert!(
        late.iter().all(|event| event.kind != "Deployment"),
        "a paused mode wrote: {late:?}"
    );
    world.change("flood", json!({ "paused": false })).await;
    world
        .becomes("Deployment", "portal-web", "is held again", |object| {
            object["spec"]["replicas"] == 4
        })
        .await;
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// Abort with Hold freezes the emergency as it is, for people who need time to think.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_with_hold_keeps_values_until_it_is_stood_down() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([halve(&world, "shed", &["portal-web", "legacy"])]),
        )
        .await;
    let wartime = world.snapshot().await;
    world.change("flood", json!({ "abort": { "choice": "Hold", "reason": "think", "by": "wang", "as": "emergency-command" } })).await;
    world
        .until("flood", "is held", |status| {
            status
                .waiting_on
                .as_deref()
                .is_some_and(|text| text.contains("aborted with Hold"))
        })
        .await;
    world.scale("rival", "Deployment", "legacy", 5).await;
    world.judge(Allowed::default()).await;
    let key = ("Deployment".to_owned(), "portal-web".to_owned());
    assert_eq!(world.snapshot().await[&key]["spec"], wartime[&key]["spec"]);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    let portal = [(key.clone(), before[&key].clone())].into();
    world.compare(&portal).await;
    world.owners_go_on().await;
}

/// Abort with Restore is a stand-down by whoever may abort.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_with_restore_brings_everything_back() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([halve(&world, "shed", &["portal-web", "shared", "idle"])]),
        )
        .await;
    world.change("flood", json!({ "abort": { "choice": "Restore", "reason": "false alarm", "by": "wang", "as": "emergency-command" } })).await;
    world.phase("flood", Phase::Closed).await;
    world.is_exact(&before).await;
}

impl World {
    /// Somebody deletes a mode and takes its finalizer away, while no operator runs.
    pub async fn take_away(&self, name: &str) {
        take_away(&self.client, name).await;
        self.vanishes(name).await;
    }
}

/// `kubectl delete` in haste is refused; where somebody has taken the rules away before, it must not
/// leave wartime behind, though nothing else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_mode_stands_it_down_and_then_lets_it_go() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let active = world
        .switch(
            "flood",
            &json!([halve(&world, "shed", &["portal-web", "both"])]),
        )
        .await;
    assert!(
        active
            .metadata
            .finalizers
            .is_some_and(|list| !list.is_empty()),
        "the finalizer is there before the first write"
    );
    let refused = world
        .modes()
        .delete("flood", &DeleteParams::default())
        .await;
    let refused = refused.expect_err("it is in force").to_string();
    assert!(refused.contains("stand it down"), "{refused}");
    world.plane.disarm("pingzhan-emergencymode").await;
    world.blocked("flood", "RulesNotEnforced").await;
    let deleted = world
        .modes()
        .delete("flood", &DeleteParams::default())
        .await;
    deleted.expect("nothing refuses it any more");
    world.vanishes("flood").await;
    world.is_exact(&before).await;
}

/// The worst day: operator and mode are both gone. The records alone bring everything back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_alone_restore_when_operator_and_mode_are_gone() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch("flood", &super::fleet::every_step(&world.namespace))
        .await;
    world.stop().await;
    world.take_away("flood").await;
    let config = world.operator_config().await;
    let settings = world.settings("restore");
    let mut looks = 0;
    let restored = recover::restore(
        config,
        settings,
        Clock::machine(),
        false,
        Some("flood"),
        LEASE,
        |_| looks += 1,
    )
    .await;
    let restored = restored.expect("the records can be carried out");
    assert_eq!(restored.len(), 1);
    assert!(restored[0].closed, "{restored:?}");
    assert_eq!(restored[0].left, Vec::<String>::new());
    assert_eq!(restored[0].back, super::switch::CHANGES);
    assert!(looks > 0, "progress was told");
    world.is_exact(&before).await;
}
