//! Exercises at the table: decisions are recorded, and no service is touched.

use pingzhan::api::{Phase, StageState};
use serde_json::{Value, json};

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::World;

/// Halves two Deployments, one of which another mode has; carries something out; asks.
fn stages(world: &World) -> Value {
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let ask = json!({ "name": "ask", "dependsOn": ["shed"], "steps": [
        { "name": "export", "run": { "namespace": world.namespace,
            "job": { "template": { "spec": pods } }, "irreversible": true } },
        { "name": "settled", "wait": { "expression": "object.spec.replicas == 0" },
            "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] },
                "names": ["legacy"] } },
        { "name": "confirm", "after": ["settled"], "gate": { "groups": ["emergency-command"],
            "prompt": { "en": "Go on?", "zh-CN": "继续?" }, "timeout": "10m" } } ] });
    let last = after(halve(world, "rest", &["helm-api"]), "ask");
    json!([halve(world, "shed", &["portal-web", "legacy"]), ask, last])
}

/// What is practised at the table goes its whole way beside a real emergency on the same services:
/// it waits for people, it is not in the way, and nothing of it is written anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exercise_at_the_table_goes_its_way_and_touches_nothing() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let real = json!([halve(&world, "shed", &["legacy"])]);
    world.switch("flood", &real).await;
    let during = world.snapshot().await;
    world
        .publish("table", world.playbook(&stages(&world)))
        .await;
    let spec = json!({ "nature": "Exercise", "tabletop": true, "level": "III" });
    world.declare("table", spec).await;
    let planned = world
        .until("table", "is planned", |status| status.plan.is_some())
        .await;
    let plan = planned.status.and_then(|status| status.plan);
    let plan = plan.expect("a plan");
    assert_eq!(plan.changes, 3, "it says what would be done");
    world.approve("table", "lin", &plan.hash).await;
    let asks = "ask/confirm waits for: an answer (Proceed, Skip or Stop) of emergency-command";
    world
        .until("table", "asks people", |status| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            said.contains(asks)
        })
        .await;
    let answer = json!({ "stage": "ask", "step": "confirm", "answer": "Proceed",
        "by": "commander-wang", "as": "emergency-command" });
    world.add("table", "answers", answer).await;
    let active = world.phase("table", Phase::Active).await;
    let status = active.status.clone().expect("it has a status");
    let reached = status.stages.iter();
    let reached: Vec<_> = reached.map(|one| (one.state, one.applied)).collect();
    assert_eq!(reached, [(StageState::Done, 0); 3]);
    let told: Vec<&str> = status
        .timeline
        .iter()
        .map(|entry| entry.message.as_str())
        .collect();
    for wanted in [
        "ask/confirm by commander-wang: Proceed, answered as emergency-command",
        "ask/export: at the table only: not carried out",
    ] {
        assert!(told.contains(&wanted), "{wanted}: {told:#?}");
    }
    assert_eq!(world.snapshot().await, during, "not even a version moved");
    world.stand_down("table").await;
    let over = world.phase("table", Phase::Closed).await;
    let evidence = world.judge(Allowed::default()).await;
    let entries = &evidence.ledger(&over).entries;
    assert!(entries.is_empty(), "{entries:#?}");
    assert_eq!(world.snapshot().await, during);
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// A mistake in the declaration must not turn an emergency into talk, nor talk into an emergency.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_for_exercises_and_stays_one() {
    let world = World::with_fleet().await;
    let stages = json!([halve(&world, "shed", &["legacy"])]);
    world.publish("table", world.playbook(&stages)).await;
    let wrong = world
        .try_declare("table", json!({ "tabletop": true }))
        .await;
    let said = wrong.expect_err("an emergency is not for the table");
    assert!(said.contains("tabletop is for exercises"), "{said}");
    let spec = json!({ "nature": "Exercise", "tabletop": true });
    world.declare("table", spec).await;
    world.phase("table", Phase::Active).await;
    for change in [json!({ "tabletop": false }), json!({ "tabletop": null })] {
        let said = world.try_change("table", change).await;
        let said = said.expect_err("it stays at the table");
        assert!(said.contains("tabletop never changes"), "{said}");
    }
    world.stand_down("table").await;
    world.phase("table", Phase::Closed).await;
    world.judge(Allowed::default()).await;
}
