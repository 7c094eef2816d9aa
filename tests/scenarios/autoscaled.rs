//! A count that an autoscaler owns is changed through its bounds.

use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::{Objects, World};

/// An autoscaler as its owner applies it. One that is never touched has a label that says so.
fn autoscaler(world: &World, name: &str, excluded: bool) -> Value {
    let labels = if excluded {
        json!({ "pingzhan.dev/exclude": "true" })
    } else {
        json!({ "app": "portal" })
    };
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": name, "namespace": world.namespace, "labels": labels },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "portal-web" },
            "minReplicas": 2, "maxReplicas": 20,
        },
    })
}

fn of<'a>(objects: &'a Objects, kind: &str, name: &str) -> &'a Value {
    &objects[&(kind.to_owned(), name.to_owned())]["spec"]
}

fn stages(world: &World, rule: &Value) -> Value {
    json!([{ "name": "counts", "steps": [{
        "name": "change", "scale": rule,
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": ["portal-web", "legacy"] },
    }] }])
}

/// The autoscaler would put its own count back, and the operator ours, for as long as the emergency
/// lasts. Its bounds are its owner's, and come back as theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_an_autoscaler_owns_is_changed_through_its_bounds_and_comes_back() {
    let world = World::with_fleet().await;
    let own = autoscaler(&world, "web", false);
    let applied = world.apply("helm", &own).await;
    applied.expect("the autoscaler is accepted");
    let before = world.snapshot().await;
    let stages = stages(&world, &json!({ "percent": 800 }));
    let active = world.switch("flood", &stages).await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.ledger(&active).entries.len(), 3);
    let wartime = world.snapshot().await;
    let workload = ("Deployment", "portal-web");
    assert_eq!(
        of(&wartime, workload.0, workload.1),
        of(&before, workload.0, workload.1)
    );
    let bounds = of(&wartime, "HorizontalPodAutoscaler", "web");
    let count = 8 * of(&before, workload.0, workload.1)["replicas"]
        .as_i64()
        .expect("a count");
    assert_eq!(bounds["minReplicas"], count);
    assert_eq!(bounds["maxReplicas"], count.max(20));
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// What is never touched is not touched because something else would have been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_autoscaler_that_is_never_touched_keeps_its_workload_as_it_is() {
    let world = World::with_fleet().await;
    let own = autoscaler(&world, "web", true);
    let applied = world.apply("helm", &own).await;
    applied.expect("the autoscaler is accepted");
    let before = world.snapshot().await;
    let active = world
        .switch("flood", &stages(&world, &json!({ "percent": 800 })))
        .await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.ledger(&active).entries.len(), 1);
    let wartime = world.snapshot().await;
    for (kind, name) in [
        ("Deployment", "portal-web"),
        ("HorizontalPodAutoscaler", "web"),
    ] {
        assert_eq!(of(&wartime, kind, name), of(&before, kind, name), "{name}");
    }
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
