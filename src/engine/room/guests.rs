//! Nodes, and what the pods on them take.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::amounts::{Asked, Sum, whole};
use crate::engine::beside::Pods;
use crate::field::Path;

/// The nodes that take pods, and what waits for a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    /// Those that are ready, and take pods.
    pub all: Vec<Node>,
    /// How many there are that are not ready, are cordoned off, or are kept for the control plane.
    pub left_out: usize,
    /// How many of those that are counted have further taints.
    pub tainted: usize,
    /// What is free on all of them together.
    pub free: Sum,
    /// What pods that have no node ask for.
    pub waiting: Sum,
}

/// A node that takes pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it has for pods.
    pub allocatable: Sum,
    /// Whether it has taints that some pods do not tolerate.
    pub tainted: bool,
}

/// What is read of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// It takes pods.
    Takes(Node),
    /// It does not, as things are.
    LeftOut,
}

/// What begins the names of taints by which the cluster itself keeps pods away.
const CLUSTER_TAINTS: [&str; 2] = ["node.kubernetes.io/", "node-role.kubernetes.io/"];

impl Read {
    /// Reads a node.
    pub fn of(object: &Value) -> Self {
        let list = |pointer: &str| {
            let list = object.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten()
        };
        let mut conditions = list("/status/conditions");
        let ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
        let closed = object
            .pointer("/spec/unschedulable")
            .and_then(Value::as_bool)
            == Some(true);
        let taints: Vec<&str> = list("/spec/taints")
            .filter(|taint| taint["effect"] != "PreferNoSchedule")
            .filter_map(|taint| taint["key"].as_str())
            .collect();
        let kept = |key: &&str| CLUSTER_TAINTS.iter().any(|begin| key.starts_with(begin));
        if !ready || closed || taints.iter().any(kept) {
            return Self::LeftOut;
        }
        let list = object.pointer("/status/allocatable");
        let pods = list.and_then(|list| list.get("pods")).and_then(whole);
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        Self::Takes(Node {
            name: name.unwrap_or_default().to_owned(),
            allocatable: Sum {
                pods: pods.unwrap_or(0),
                ..Asked::of(list).sum()
            },
            tainted: !taints.is_empty(),
        })
    }

    /// The fields of a node that are read.
    pub fn paths() -> [Path; 1] {
        [Path::fields(["spec"])]
    }
}

/// What the pods of a cluster take, by node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guests {
    by_node: BTreeMap<String, Sum>,
    waiting: Sum,
}

impl Guests {
    /// Counts a pod. One that has ended takes nothing.
    pub fn add(&mut self, pod: &Value) {
        let phase = pod.pointer("/status/phase").and_then(Value::as_str);
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return;
        }
        let takes = Pods::of(pod).requests();
        let node = pod.pointer("/spec/nodeName").and_then(Value::as_str);
        match node.filter(|node| !node.is_empty()) {
            None => self.waiting += takes,
            Some(node) => match self.by_node.get_mut(node) {
                Some(sum) => *sum += takes,
                None => {
                    self.by_node.insert(node.to_owned(), takes);
                }
            },
        }
    }

    /// The fields of a pod that are read.
    pub fn paths() -> [Path; 5] {
        [
            "containers",
            "initContainers",
            "nodeName",
            "overhead",
            "resources",
        ]
        .map(|name| Path::fields(["spec", name]))
    }
}

impl Nodes {
    /// Puts nodes and what runs on them together. What is taken beyond what a node has is not
    /// taken from the others.
    pub fn of(read: Vec<Read>, guests: &Guests) -> Self {
        let mut nodes = Self {
            waiting: guests.waiting,
            ..Self::default()
        };
        for one in read {
            match one {
                Read::LeftOut => nodes.left_out += 1,
                Read::Takes(node) => {
                    let taken = guests.by_node.get(&node.name).copied().unwrap_or_default();
                    nodes.free += (node.allocatable - taken).or_nothing();
                    nodes.tainted += usize::from(node.tainted);
                    nodes.all.push(node);
                }
            }
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::sieve::Sieve;

    fn node(name: &str, spec: &Value, ready: &str) -> Value {
        json!({ "metadata": { "name": name }, "spec": spec, "status": {
            "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" },
            "conditions": [{ "type": "MemoryPressure", "status": "False" },
                           { "type": "Ready", "status": ready }],
        } })
    }

    fn pod(node: &str, phase: &str, cpu: &str) -> Value {
        let containers = json!([{ "resources": { "requests": { "cpu": cpu, "memory": "1Gi" } } }]);
        json!({ "metadata": {}, "spec": { "nodeName": node, "containers": containers },
            "status": { "phase": phase } })
    }

    /// A node that takes no pods is no room, however much it has.
    #[test]
    fn only_ready_nodes_that_take_pods_are_counted() {
        let taint =
            |key: &str, effect: &str| json!({ "taints": [{ "key": key, "effect": effect }] });
        let objects = [
            node("a", &json!({}), "True"),
            node("b", &taint("example.com/gpu", "NoSchedule"), "True"),
            node("c", &taint("example.com/slow", "PreferNoSchedule"), "True"),
            node("d", &json!({}), "Unknown"),
            node("e", &json!({ "unschedulable": true }), "True"),
            node(
                "f",
                &taint("node-role.kubernetes.io/control-plane", "NoSchedule"),
                "True",
            ),
            node(
                "g",
                &taint("node.kubernetes.io/disk-pressure", "NoSchedule"),
                "True",
            ),
        ];
        let sieve = Sieve::of(&Read::paths());
        let read = objects.iter().map(|object| {
            let sieved = sieve.read(object.to_string().as_bytes());
            Read::of(&sieved.expect("it is JSON"))
        });
        let nodes = Nodes::of(read.collect(), &Guests::default());
        let names: Vec<&str> = nodes.all.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!((nodes.left_out, nodes.tainted), (4, 1));
        assert_eq!((nodes.free.cpu, nodes.free.pods), (12_000, 330));
        assert_eq!(nodes.free.memory, 24 << 30);
    }

    /// What has ended takes nothing, what has no node waits, and a node that is full beyond its
    /// measure does not make the next one smaller.
    #[test]
    fn pods_take_from_their_own_node() {
        let mut guests = Guests::default();
        let sieve = Sieve::of(&Guests::paths());
        for object in [
            pod("a", "Running", "1"),
            pod("a", "Succeeded", "3"),
            pod("a", "Failed", "3"),
            pod("b", "Running", "9"),
            pod("", "Pending", "2"),
            pod("gone", "Running", "1"),
        ] {
            let sieved = sieve.read(object.to_string().as_bytes());
            guests.add(&sieved.expect("it is JSON"));
        }
        let read = ["a", "b"].map(|name| Read::of(&node(name, &json!({}), "True")));
        let nodes = Nodes::of(read.into(), &guests);
        assert_eq!((nodes.free.cpu, nodes.free.pods), (3000, 218));
        assert_eq!((nodes.waiting.cpu, nodes.waiting.pods), (2000, 1));
    }
}
