//! A count that an autoscaler owns is not ours to write.

use serde_json::{Value, json};

use super::oracles::Allowed;
use super::world::World;

/// The autoscaler would put its own count back, and the operator ours, for as long as the emergency
/// lasts: the workload is left alone, and the others beside it are switched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_that_an_autoscaler_scales_is_left_alone_and_the_others_are_switched() {
    let world = World::with_fleet().await;
    let group = "autoscaling/v2";
    let autoscaler = json!({
        "apiVersion": group, "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web", "namespace": world.namespace },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "portal-web" },
            "minReplicas": 2, "maxReplicas": 20,
        },
    });
    let plural = "horizontalpodautoscalers";
    world.put(group, plural, &world.namespace, autoscaler).await;
    let before = world.snapshot().await;
    let replicas = |objects: &super::world::Objects, name: &str| -> Value {
        objects[&("Deployment".to_owned(), name.to_owned())]["spec"]["replicas"].clone()
    };
    let stages = json!([{ "name": "shed", "steps": [{
        "name": "halve", "scale": { "percent": 50, "minimum": 1 },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": ["portal-web", "legacy"] },
    }] }]);
    let active = world.switch("flood", &stages).await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.ledger(&active).entries.len(), 1);
    let wartime = world.snapshot().await;
    assert_eq!(
        replicas(&wartime, "portal-web"),
        replicas(&before, "portal-web")
    );
    assert_ne!(replicas(&wartime, "legacy"), replicas(&before, "legacy"));
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}
