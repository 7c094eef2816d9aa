//! Pods of a snapshot whose workloads are not in it: they hold room on nodes, and stay where they are.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sandtable::snapshot::Snapshot;

/// The pods that no workload of a snapshot has, with their nodes.
pub fn of(snapshot: &Snapshot) -> Vec<(&str, &Value)> {
    let place = |object: &Value| {
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        (
            text("/kind").to_owned(),
            text("/metadata/namespace").to_owned(),
            text("/metadata/name").to_owned(),
        )
    };
    let known: BTreeSet<_> = snapshot.objects.iter().map(place).collect();
    let is_known = |pod: &Value| {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let owners = pod["metadata"]["ownerReferences"].as_array();
        owners.into_iter().flatten().any(|owner| {
            let (kind, name) = (owner["kind"].as_str(), owner["name"].as_str());
            let (kind, name) = (kind.unwrap_or_default(), name.unwrap_or_default());
            // The name of a ReplicaSet ends in the hash of the template.
            let deployment = name.rsplit_once('-').map_or("", |(name, _)| name);
            let is = |kind: &str, name: &str| {
                known.contains(&(kind.to_owned(), namespace.to_owned(), name.to_owned()))
            };
            is(kind, name) || kind == "ReplicaSet" && is("Deployment", deployment)
        })
    };
    let pods = snapshot
        .objects
        .iter()
        .filter(|object| object["kind"] == "Pod");
    let guests = pods.filter(|pod| !is_known(pod));
    guests
        .filter_map(|pod| Some((pod["spec"]["nodeName"].as_str()?, pod)))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::sandtable::snapshot::FORMAT;

    /// A pod that is counted twice, or not at all, makes room where there is none.
    #[test]
    fn pods_of_others_are_guests() {
        let pod = |name: &str, node: Value, owner: Value| {
            json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "n", "uid": name, "ownerReferences": owner },
            "spec": { "nodeName": node } })
        };
        let owner =
            |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "controller": true }]);
        let workload = |kind: &str, name: &str| {
            json!({ "apiVersion": "apps/v1", "kind": kind,
            "metadata": { "name": name, "namespace": "n", "uid": name } })
        };
        let snapshot = Snapshot {
            format: FORMAT.to_owned(),
            taken: Timestamp::UNIX_EPOCH,
            by: String::new(),
            server: String::new(),
            left_out: Vec::new(),
            measured: None,
            objects: vec![
                workload("Deployment", "web"),
                workload("StatefulSet", "db"),
                pod("web-1", "a".into(), owner("ReplicaSet", "web-5d4f8c7b9")),
                pod("db-0", "a".into(), owner("StatefulSet", "db")),
                pod(
                    "other-1",
                    "a".into(),
                    owner("ReplicaSet", "web-other-5d4f8c7b9"),
                ),
                pod("logs-x", "b".into(), owner("DaemonSet", "logs")),
                pod("alone", "b".into(), Value::Null),
                pod("waits", Value::Null, owner("DaemonSet", "logs")),
            ],
        };
        let guests = of(&snapshot);
        let names: Vec<(&str, &str)> = guests
            .iter()
            .map(|(node, pod)| (*node, pod["metadata"]["name"].as_str().expect("a name")))
            .collect();
        assert_eq!(names, [("a", "other-1"), ("b", "logs-x"), ("b", "alone")]);
    }
}
