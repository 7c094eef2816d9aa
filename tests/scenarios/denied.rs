//! `newTargets: Deny`: new objects that a step would select are refused while the mode is in force,
//! and admitted again when it is over.

use kube::api::{Patch, PatchParams};
use pingzhan::api::{EmergencyMode, Phase, names};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::fleet;
use super::oracles::Allowed;
use super::world::{PATIENCE, World};
use crate::policies::new_targets::POLICY;

/// The policy, as it is shipped.
async fn install(world: &World) {
    let group = "admissionregistration.k8s.io/v1";
    for document in serde_yaml::Deserializer::from_str(POLICY) {
        let object = Value::deserialize(document).expect("YAML");
        let plural = match object["kind"].as_str() {
            Some("ValidatingAdmissionPolicy") => "validatingadmissionpolicies",
            _ => "validatingadmissionpolicybindings",
        };
        world.put(group, plural, "", object).await;
    }
}

/// A playbook whose one step sheds what is labelled so, and refuses what is new.
fn playbook(world: &World) -> Value {
    let stages = json!([{ "name": "shed", "steps": [{
        "name": "halve", "scale": { "percent": 50, "minimum": 1 },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] },
            "selector": { "matchExpressions": [
                { "key": "shed", "operator": "Exists" },
                { "key": "tier", "operator": "NotIn", "values": ["critical"] } ] } },
    }] }]);
    let mut playbook = world.playbook(&stages);
    playbook["newTargets"] = json!("Deny");
    playbook
}

fn deployment(world: &World, name: &str, labels: Value) -> Value {
    let mut manifest = fleet::deployment(&world.namespace, name, Some(6));
    manifest["metadata"]["labels"] = labels;
    manifest
}

/// Why a Deployment that the step would select is refused, tried without making it.
async fn refusal(world: &World, name: &str) -> Option<kube::core::Status> {
    let manifest = deployment(world, name, json!({ "shed": "yes" }));
    let params = PatchParams::apply("office").dry_run();
    let api = world.api("Deployment");
    match api.patch(name, &params, &Patch::Apply(&manifest)).await {
        Ok(_) => None,
        Err(kube::Error::Api(answer)) => Some(*answer),
        Err(error) => panic!("{error}"),
    }
}

/// Waits until it is refused, or is not any more.
async fn becomes(world: &World, name: &str, refused: bool) {
    let follows = async {
        while refusal(world, name).await.is_some() != refused {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, follows).await;
    in_time.unwrap_or_else(|_| panic!("{name} does not become refused = {refused}"));
}

fn is_marked(mode: &EmergencyMode) -> bool {
    let labels = mode.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(names::DENIES_LABEL))
}

/// The whole way: what people write is refused by name with what to do, everything else is made, and
/// after the return nothing is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_object_that_matches_is_refused_until_the_mode_is_over() {
    let world = World::new().await.started().await;
    install(&world).await;
    let first = deployment(&world, "first", json!({ "shed": "yes" }));
    world.apply("office", &first).await.expect("it is created");
    let before = world.snapshot().await;
    world.publish("flood", playbook(&world)).await;
    world.declare("flood", json!({})).await;
    let active = world.phase("flood", Phase::Active).await;
    let rules = active.status.expect("a status").denies;
    assert_eq!(rules.len(), 1, "{rules:?}");

    becomes(&world, "second", true).await;
    assert!(is_marked(&world.mode("flood").await));
    let said = refusal(&world, "second").await.expect("it is refused");
    assert_eq!(said.code, 403, "{said:?}");
    assert_eq!(said.reason, "Forbidden");
    let what = "EmergencyMode flood refuses new objects that its step shed/halve selects";
    assert!(said.message.contains(what), "{}", said.message);
    for (name, labels) in [
        ("other", json!({ "app": "other" })),
        ("critical", json!({ "shed": "yes", "tier": "critical" })),
        (
            "excluded",
            json!({ "shed": "yes", names::EXCLUDE_LABEL: "true" }),
        ),
    ] {
        let manifest = deployment(&world, name, labels);
        let made = world.apply("office", &manifest).await;
        made.unwrap_or_else(|error| panic!("{name} is admitted: {error}"));
    }
    // What is there already is not new: people go on with it.
    for rev in [json!("2"), Value::Null] {
        let patch = json!({ "metadata": { "labels": { "rev": rev } } });
        world.merge("office", "Deployment", "first", patch).await;
    }
    world.judge(Allowed::default()).await;

    let closed = world.come_back("flood").await;
    assert!(closed.status.expect("a status").denies.is_empty());
    becomes(&world, "second", false).await;
    assert!(!is_marked(&world.mode("flood").await));
    let second = deployment(&world, "second", json!({ "shed": "yes" }));
    world.apply("office", &second).await.expect("it is created");
    world.judge(Allowed::default()).await;
    let new = ["second", "other", "critical", "excluded"];
    world.compare_but(&before, &new).await;
}

/// Where nobody runs the operator, or it is the operator that is broken, a person still ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_ends_the_refusal_where_no_operator_runs() {
    let mut world = World::new().await.started().await;
    install(&world).await;
    let first = deployment(&world, "first", json!({ "shed": "yes" }));
    world.apply("office", &first).await.expect("it is created");
    world.publish("flood", playbook(&world)).await;
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await;
    becomes(&world, "second", true).await;
    world.stop().await;
    world.stand_down("flood").await;
    becomes(&world, "second", false).await;
    assert!(is_marked(&world.mode("flood").await), "nobody took it away");
    world.start().await;
    world.phase("flood", Phase::Closed).await;
    assert!(!is_marked(&world.mode("flood").await));
    world.judge(Allowed::default()).await;
}

/// Without the policy nothing is refused: what appears is left alone, and it is said that it should
/// not have been there, and what to look at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slips_through_is_reported_as_such() {
    let world = World::new().await.started().await;
    let policy = "ValidatingAdmissionPolicyBinding";
    world
        .plane
        .kubectl(&["delete", policy, names::DENY_POLICY, "--ignore-not-found"]);
    let first = deployment(&world, "first", json!({ "shed": "yes" }));
    world.apply("office", &first).await.expect("it is created");
    world.publish("flood", playbook(&world)).await;
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await;
    becomes(&world, "second", false).await;
    let second = deployment(&world, "second", json!({ "shed": "yes" }));
    world
        .apply("office", &second)
        .await
        .expect("nothing refuses it");
    let said = "although such creations are refused (newTargets: Deny): Deployment ";
    world
        .until("flood", "says that it slipped through", |status| {
            let mut conditions = status.conditions.iter();
            conditions.any(|one| one.message.contains(said) && one.message.contains("second"))
        })
        .await;
    assert_eq!(
        world.get("Deployment", "second").await["spec"]["replicas"],
        6
    );
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
}
