//! A stand-in for KEDA, where its kinds are: the autoscaler that it made of a `ScaledObject` has that one's bounds. It makes
//! none, and looks at no metrics.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use crate::sandtable::people::User;

/// The manager under which KEDA writes, and its account.
const MANAGER: &str = "keda-operator";
/// Where KEDA is.
const NAMESPACE: &str = "keda";
/// How often bounds are passed on.
const AGAIN: Duration = Duration::from_secs(2);

/// Who KEDA is.
pub fn user() -> User {
    User::controller(NAMESPACE, MANAGER)
}

/// Passes bounds on for ever, as [`user`]. What cannot be read or written now is tried again.
pub async fn play(keda: Client) {
    loop {
        sleep(AGAIN).await;
        // The next round tries it again; whoever waits for it says that it did not come.
        let _ = pass_on(&keda).await;
    }
}

async fn pass_on(keda: &Client) -> Result<(), kube::Error> {
    let objects = resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects");
    let objects: Api<DynamicObject> = Api::all_with(keda.clone(), &objects);
    let kind = "HorizontalPodAutoscaler";
    let autoscalers = resource("autoscaling", "v2", kind, "horizontalpodautoscalers");
    for object in objects.list(&ListParams::default()).await? {
        let space = object.metadata.namespace.unwrap_or_default();
        let name = format!("keda-hpa-{}", object.metadata.name.unwrap_or_default());
        let made: Api<DynamicObject> = Api::namespaced_with(keda.clone(), &space, &autoscalers);
        let now = made.get(&name).await?;
        let bounds = json!({
            "minReplicas": object.data["spec"]["minReplicaCount"],
            "maxReplicas": object.data["spec"]["maxReplicaCount"],
        });
        let same = |field: &str| now.data["spec"][field] == bounds[field];
        if same("minReplicas") && same("maxReplicas") {
            continue;
        }
        let by = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "spec": bounds }));
        made.patch(&name, &by, &patch).await?;
    }
    Ok(())
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.into(),
        version: version.into(),
        api_version: format!("{group}/{version}"),
        kind: kind.into(),
        plural: plural.into(),
    }
}
