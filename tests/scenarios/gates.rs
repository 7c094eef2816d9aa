//! What a playbook judges, waits for and asks before it goes on.

use pingzhan::api::{Phase, StageState};
use serde_json::{Value, json};

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::World;

fn ready(wanted: &Value, is_ready: bool) -> Value {
    let count = if is_ready {
        wanted.clone()
    } else {
        Value::Null
    };
    json!({
        "observedGeneration": 99, "replicas": wanted, "readyReplicas": count,
        "updatedReplicas": count, "availableReplicas": count,
    })
}

async fn replicas(world: &World, name: &str) -> Value {
    world.get("Deployment", name).await["spec"]["replicas"].clone()
}

/// Halves the portal alone, waits for it, asks, and then halves the rest; what is for level I is
/// not done.
fn stages(world: &World) -> Value {
    let mut first = halve(world, "first", &["portal-web", "legacy"]);
    first["steps"][0]["targets"]["where"] = json!(
        "object.spec.template.spec.containers.exists(c, c.name == 'web') && object.metadata.name.startsWith('portal')"
    );
    first["steps"].as_array_mut().expect("steps").extend([
        json!({ "name": "settled", "after": ["halve"], "timeout": "5m",
            "wait": { "ready": { "step": "halve", "percent": 100 } } }),
        json!({ "name": "confirm", "after": ["settled"], "gate": {
            "groups": ["emergency-command"], "timeout": "10m",
            "prompt": { "en": "Halve the rest?", "zh-CN": "其余也减半?" } } }),
    ]);
    let second = after(halve(world, "second", &["legacy"]), "first");
    let mut never = after(halve(world, "never", &["both"]), "first");
    never["when"] = json!("level == 'I' && facts.selected['first/halve'] > 0");
    json!([first, second, never])
}

/// A playbook's own conditions decide what is touched; its waits and gates decide when: whoever is
/// asked must find the state as it is said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_waits_for_its_services_and_then_for_people() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .publish("flood", world.playbook(&stages(&world)))
        .await;
    world.declare("flood", json!({})).await;
    let waits = "first/settled waits for: 0 of 1 objects of step halve ready";
    let says = |wanted: &'static str| {
        move |status: &pingzhan::api::EmergencyModeStatus| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            said.contains(wanted)
        }
    };
    world
        .until("flood", "waits for readiness", says(waits))
        .await;
    let wanted = replicas(&world, "portal-web").await;
    world
        .status("Deployment", "portal-web", ready(&wanted, false))
        .await;
    world
        .status("Deployment", "portal-web", ready(&wanted, true))
        .await;
    let asks = "first/confirm waits for: an answer (Proceed, Skip or Stop) of emergency-command";
    world.until("flood", "asks people", says(asks)).await;
    let peace = &before[&("Deployment".to_owned(), "legacy".to_owned())]["spec"]["replicas"];
    assert_eq!(
        &replicas(&world, "legacy").await,
        peace,
        "nobody has answered"
    );
    let answer = json!({ "stage": "first", "step": "confirm", "answer": "Proceed",
        "by": "commander-wang", "as": "emergency-command" });
    world.add("flood", "answers", answer).await;
    let active = world.phase("flood", Phase::Active).await;
    assert_ne!(&replicas(&world, "legacy").await, peace);
    let status = active.status.expect("it has a status");
    let reached: Vec<StageState> = status.stages.iter().map(|stage| stage.state).collect();
    assert_eq!(
        reached,
        [StageState::Done, StageState::Done, StageState::Skipped]
    );
    let told = &status.timeline;
    assert!(
        told.iter().any(|entry| entry.event == "ActDone"
            && entry.message
                == "first/confirm by commander-wang: Proceed, answered as emergency-command"),
        "{told:#?}"
    );
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// What cannot be judged must not be taken for what does not match: the plan is refused, and says
/// which object and why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_cannot_be_judged_blocks_the_plan() {
    let world = World::with_fleet().await;
    let mut stage = halve(&world, "first", &["portal-web"]);
    stage["steps"][0]["targets"]["where"] = json!("object.spec.nothing.here");
    world
        .publish("flood", world.playbook(&json!([stage])))
        .await;
    world.declare("flood", json!({})).await;
    let said = world.blocked("flood", "Unreadable").await;
    assert!(
        said.contains("satisfies `object.spec.nothing.here`: no such key: nothing"),
        "{said}"
    );
    world.judge(Allowed::default()).await;
}
