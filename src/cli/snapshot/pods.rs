//! Pods: of each only what it takes of which node, and what they tell of how long a workload takes to be
//! ready.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::cli::error::Error;
use crate::cluster::Collection;
use crate::cluster::list::Query;
use crate::engine::room::guests::Guests;
use crate::field::sieve::Sieve;

use super::kind::Part;
use super::left::{Group, Left};
use super::piece::Piece;
use super::reader::{Answered, Reader};

/// Seconds until pods were ready, by `Kind namespace/name` of their workload.
pub type Delays = BTreeMap<String, Vec<u64>>;

/// Where the caller may not list all pods, those of at most so many namespaces are asked how fast they
/// were.
const MANY: usize = 32;

/// Takes all pods that have not ended, in the parts by which capacity is counted. Where not all can be
/// read none is kept, since half of them would look like room; those of `spaces` are asked how long they
/// took.
///
/// # Errors
/// The server cannot answer.
pub async fn take(
    reader: &Reader,
    spaces: &BTreeSet<String>,
    part: &mut Part,
) -> Result<Delays, Error> {
    let mut delays = Delays::new();
    match list(reader, "", true).await? {
        Answered::Yes(pods) => {
            let count = u64::try_from(pods.len()).unwrap_or_default();
            if count > 0 {
                part.counts.insert(Group::Pods, count);
            }
            for (piece, delay) in pods {
                part.pieces.extend(piece);
                add(&mut delays, delay);
            }
        }
        Answered::Refused(why) => {
            part.left.push(Left::refused(&collection(""), "", why));
            for space in spaces.iter().take(MANY) {
                if let Answered::Yes(pods) = list(reader, space, false).await? {
                    for (_, delay) in pods {
                        add(&mut delays, delay);
                    }
                }
            }
        }
    }
    Ok(delays)
}

fn add(delays: &mut Delays, delay: Option<(String, u64)>) {
    if let Some((workload, seconds)) = delay {
        delays.entry(workload).or_default().push(seconds);
    }
}

/// The middle of each workload's delays, of those that are in the snapshot.
pub fn medians(delays: Delays, workloads: &BTreeSet<String>) -> BTreeMap<String, f64> {
    let known = delays
        .into_iter()
        .filter(|(workload, _)| workloads.contains(workload));
    known
        .filter_map(|(workload, mut seconds)| {
            seconds.sort_unstable();
            let median = *seconds.get(seconds.len() / 2)?;
            Some((workload, median as f64))
        })
        .collect()
}

/// What is kept of a pod: itself, where it is kept, and how long it took.
type Kept = (Option<Piece>, Option<(String, u64)>);

async fn list(reader: &Reader, space: &str, is_kept: bool) -> Result<Answered<Vec<Kept>>, Error> {
    let query = Query {
        collection: collection(space),
        fields: "status.phase!=Succeeded,status.phase!=Failed".to_owned(),
        sieve: Some(Sieve::of(&Guests::paths())),
        ..Query::default()
    };
    let kept = |pod: Value| {
        let piece = is_kept.then(|| Piece::of(stripped(&pod), &[])).flatten();
        Some((piece.map(|(piece, _)| piece), delay(&pod)))
    };
    reader.list(query, kept).await
}

fn collection(space: &str) -> Collection {
    Collection {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        plural: "pods".to_owned(),
        namespace: space.to_owned(),
    }
}

/// A pod without its insides.
fn stripped(pod: &Value) -> Value {
    let members = |of: &Value, names: &[&str]| -> Value {
        let given = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), of.get(*name)?.clone())));
        given
            .filter(|(_, value)| !value.is_null())
            .collect::<Map<_, _>>()
            .into()
    };
    let mut spec = members(&pod["spec"], &["nodeName", "overhead", "resources"]);
    for list in ["containers", "initContainers"] {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        let parts: Vec<Value> = containers
            .map(|one| members(one, &["name", "resources", "restartPolicy"]))
            .collect();
        if !parts.is_empty() {
            spec[list] = parts.into();
        }
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": members(
            &pod["metadata"],
            &["creationTimestamp", "name", "namespace", "ownerReferences", "uid"],
        ),
        "spec": spec,
        "status": members(&pod["status"], &["phase"]),
    })
}

/// How many seconds a pod took from its start until it was ready, and of which workload it is. Nothing
/// of one that was started again since: when it was ready first is not known.
fn delay(pod: &Value) -> Option<(String, u64)> {
    let status = &pod["status"];
    let containers = status["containerStatuses"].as_array()?;
    if containers.iter().any(|one| one["restartCount"] != 0) {
        return None;
    }
    let started: Timestamp = status["startTime"].as_str()?.parse().ok()?;
    let mut conditions = status["conditions"].as_array()?.iter();
    let ready = conditions.find(|one| one["type"] == "Ready" && one["status"] == "True")?;
    let ready: Timestamp = ready["lastTransitionTime"].as_str()?.parse().ok()?;
    let seconds = u64::try_from(ready.as_second() - started.as_second()).ok()?;
    Some((workload(pod)?, seconds))
}

/// The workload that a pod is of, as its owner says. That of a `ReplicaSet` is told by its name, which
/// ends in the hash of the template.
fn workload(pod: &Value) -> Option<String> {
    let metadata = &pod["metadata"];
    let owners = metadata["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    let (kind, name) = match kind {
        "ReplicaSet" => ("Deployment", name.rsplit_once('-')?.0),
        other => (other, name),
    };
    let namespace = metadata["namespace"].as_str()?;
    Some(format!("{kind} {namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(owner: (&str, &str), restarts: u64, ready: &str) -> Value {
        json!({
            "metadata": { "name": "p", "namespace": "portal", "uid": "u",
                "labels": { "a": "b" }, "annotations": { "note": "hunter2" },
                "ownerReferences": [{ "controller": true, "kind": owner.0, "name": owner.1 }] },
            "spec": { "nodeName": "n", "overhead": null, "containers": [
                { "name": "c", "image": "i", "env": [{ "name": "A", "value": "hunter2" }],
                  "resources": { "requests": { "cpu": "1" } } }] },
            "status": { "phase": "Running", "startTime": "2026-07-01T08:00:00Z",
                "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": ready }],
                "containerStatuses": [{ "restartCount": restarts }] },
        })
    }

    /// The insides of pods hold what the templates hold, and what was injected besides.
    #[test]
    fn of_a_pod_only_what_it_takes_is_kept() {
        let pod = pod(("ReplicaSet", "web-5d4f8c7b9"), 0, "2026-07-01T08:00:12Z");
        let kept = stripped(&pod);
        assert_eq!(
            kept["spec"],
            json!({ "nodeName": "n", "containers": [
                { "name": "c", "resources": { "requests": { "cpu": "1" } } }] })
        );
        assert_eq!(kept["status"], json!({ "phase": "Running" }));
        assert!(!kept.to_string().contains("hunter2"), "{kept}");
        let (mut whole, mut part) = (Guests::default(), Guests::default());
        whole.add(&pod);
        part.add(&kept);
        assert_eq!(whole, part, "capacity is counted the same");
    }

    /// A rehearsal whose pods are ready sooner than the cluster's promises an hour that nobody has.
    #[test]
    fn how_long_pods_took_is_told_by_those_that_began_once() {
        let deployment = ("ReplicaSet", "web-5d4f8c7b9");
        let rows = [
            (
                pod(deployment, 0, "2026-07-01T08:00:12Z"),
                Some(("Deployment portal/web", 12)),
            ),
            (
                pod(("StatefulSet", "db"), 0, "2026-07-01T08:01:00Z"),
                Some(("StatefulSet portal/db", 60)),
            ),
            (pod(deployment, 1, "2026-07-01T08:00:12Z"), None),
            (pod(deployment, 0, "2026-07-01T07:00:00Z"), None),
        ];
        for (pod, expected) in rows {
            let expected = expected.map(|(workload, seconds)| (workload.to_owned(), seconds));
            assert_eq!(delay(&pod), expected, "{pod}");
        }
        let delays = Delays::from([
            ("Deployment portal/web".to_owned(), vec![30, 2, 9]),
            ("Deployment portal/other".to_owned(), vec![1]),
        ]);
        let known = BTreeSet::from(["Deployment portal/web".to_owned()]);
        let medians = medians(delays, &known);
        assert_eq!(
            medians,
            BTreeMap::from([("Deployment portal/web".to_owned(), 9.0)])
        );
    }
}
