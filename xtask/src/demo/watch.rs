//! Waiting for what the story needs, by watching objects; late is an error that says where things
//! stand.

use std::fmt::Debug;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, Resource};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, TargetStatus};
use serde::de::DeserializeOwned;
use snafu::OptionExt;

use super::{Error, LateSnafu, PATIENCE};

/// Waits until an object is as wanted. `describe` says where it stands, should it not come.
async fn until<K>(
    api: Api<K>,
    name: &str,
    what: &str,
    describe: impl Fn(&K) -> String,
    mut wanted: impl FnMut(&K) -> bool,
) -> Result<K, Error>
where
    K: Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    let mut last = "it does not exist".to_owned();
    let come = async {
        let mut states = Box::pin(watch_object(api, name));
        while let Some(state) = states.next().await {
            match state {
                Ok(Some(object)) => {
                    last = describe(&object);
                    if wanted(&object) {
                        return Some(object);
                    }
                }
                Ok(None) => "it does not exist".clone_into(&mut last),
                Err(error) => last = error.to_string(),
            }
        }
        None
    };
    let found = tokio::time::timeout(PATIENCE, come).await.ok().flatten();
    found.context(LateSnafu {
        what: format!("{name} to be {what}"),
        state: last,
    })
}

/// Waits until a mode's status is as wanted. `seen` is told of every status on the way.
pub async fn mode(
    client: &Client,
    name: &str,
    what: &str,
    mut seen: impl FnMut(&EmergencyModeStatus),
    wanted: impl Fn(&EmergencyModeStatus) -> bool,
) -> Result<EmergencyModeStatus, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let object = until(api, name, what, describe, |mode: &EmergencyMode| {
        let Some(status) = &mode.status else {
            return false;
        };
        seen(status);
        // A status of an older spec says nothing about what a person just wrote.
        Some(status.observed_generation) == mode.metadata.generation && wanted(status)
    });
    Ok(object.await?.status.unwrap_or_default())
}

/// Waits until a Deployment has so many replicas, in a generation after this one.
pub async fn replicas(
    client: &Client,
    at: (&str, &str),
    wanted: i32,
    after: i64,
) -> Result<(), Error> {
    let (namespace, name) = at;
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let number = |object: &Deployment| object.spec.as_ref().and_then(|spec| spec.replicas);
    let describe = |object: &Deployment| format!("it has {:?} replicas", number(object));
    let what = format!("at {wanted} replicas");
    let come = until(api, name, &what, describe, |object| {
        number(object) == Some(wanted) && object.metadata.generation > Some(after)
    });
    come.await.map(|_| ())
}

/// Where a mode stands, for people who want to know why it is late.
fn describe(mode: &EmergencyMode) -> String {
    let Some(status) = &mode.status else {
        return "nobody has looked at it yet".to_owned();
    };
    let phase = status.phase.map_or("none", phase_name);
    let mut lines = vec![format!("its phase is {phase}")];
    lines.extend(status.waiting_on.clone());
    lines.extend(status.counts.map(|counts| format!("{counts:?}")));
    let told = status.conditions.iter().filter(|one| one.status == "True");
    lines.extend(told.map(|one| format!("{}: {}: {}", one.type_, one.reason, one.message)));
    lines.extend(status.targets.iter().map(|target| {
        let message = target.message.as_deref().unwrap_or_default();
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let TargetStatus {
            kind,
            name,
            path,
            state,
            ..
        } = target;
        format!("{kind} {namespace}/{name} {path}: {state} {message}")
    }));
    lines.join("\n  ")
}

/// A phase as it is written in objects.
const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Activating => "Activating",
        Phase::Active => "Active",
        Phase::Restoring => "Restoring",
        Phase::Closed => "Closed",
    }
}
