//! The city of the demo: the fleet of `tests/fleet` as it is at rest on the sand table, with the rights of
//! the playbook's account, as a snapshot.

use std::time::Duration;

use jiff::Timestamp;
use pingzhan::cli::demo::story::KINDS;
use pingzhan::rehearsal::stage::{Settings, Stage};
use pingzhan::rehearsal::{keda, time};
use pingzhan::sandtable::load;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::snapshot::{FORMAT, Snapshot};
use pingzhan::sandtable::store::Key;
use serde_json::{Value, json};

use super::Generated;
use crate::fleet;

/// When it is at rest: before the story begins.
const TAKEN: &str = "2026-07-08T05:00:00Z";
/// The rights of the playbook's account are there, and those of people, which the sand table has.
const RIGHTS: &str = include_str!("../demo/rights.yaml");
/// How long the cluster's own controllers take until the city is at rest.
const SETTLED: Duration = Duration::from_mins(2);
/// Chains of writes at the same time: one after another, so that it is the same each time.
const IN_FLIGHT: usize = 1;
/// How many nodes it has, of 32 cores and 128 GiB each: room for what the playbook asks for.
const NODES: usize = 12;
/// What is taken beside what the demo compares.
const MORE: [(&str, &str); 5] = [
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("", "nodes"),
    ("", "serviceaccounts"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
];

/// The snapshot.
pub fn file() -> Generated {
    // It has a time of its own, and this thread may have a runtime already.
    let played = std::thread::spawn(|| time::play(1, taken())).join();
    let snapshot = played.expect("no panic");
    let snapshot = snapshot.expect("the operating system grants an event loop");
    Generated {
        path: "src/cli/demo/yunxi.json.gz".into(),
        contents: snapshot.write().expect("a snapshot can be written"),
    }
}

async fn taken() -> Snapshot {
    let begin: Timestamp = TAKEN.parse().expect("a moment");
    let nothing = Snapshot {
        format: FORMAT.to_owned(),
        taken: begin,
        by: "demo".to_owned(),
        server: String::new(),
        left_out: Vec::new(),
        measured: None,
        objects: Vec::new(),
    };
    let settings = Settings {
        concurrency: 1,
        ..Settings::at(begin)
    };
    let stage = Stage::open(&nothing, settings).expect("an empty cluster");
    let admin = stage.service.client();
    let rights = |server: &mut _, now| load::manifests(server, RIGHTS, now);
    stage.service.act(rights).expect("the rights are accepted");
    stage
        .service
        .act(|server, _| (1..=NODES).for_each(|number| build(server, number)));
    let city = fleet::yunxi();
    fleet::load::kinds(&admin)
        .await
        .expect("the kinds are served");
    let loaded = fleet::load::city(&admin, &city, IN_FLIGHT, |_| {}).await;
    loaded.expect("the city is accepted");
    tokio::spawn(keda::play(admin));
    tokio::time::sleep(SETTLED).await;
    let taken = stage.clock.now();
    let kinds = [&MORE[..], &KINDS].concat();
    let mut snapshot = Snapshot::of(&stage.service.lock(), &kinds, taken);
    "demo".clone_into(&mut snapshot.by);
    snapshot.objects.retain(is_of_the_city);
    snapshot.objects.iter_mut().for_each(lean);
    stage.close().await;
    snapshot
}

/// A node that takes pods.
fn build(server: &mut Server, number: usize) {
    let Some(kind) = server.kinds.find("", "nodes").cloned() else {
        return;
    };
    let name = format!("node-{number:02}");
    let amounts = json!({ "cpu": "32", "memory": "128Gi", "pods": "110" });
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "uid": server.uid(), "creationTimestamp": TAKEN,
            "labels": { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
        "spec": {},
        "status": { "capacity": amounts, "allocatable": amounts,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }] },
    });
    let key = Key {
        plural: "nodes".to_owned(),
        name,
        ..Key::default()
    };
    server.keep(&kind, key, node);
}

/// Whether it is the city's own: not what every cluster has, nor what Pingzhan brings along.
fn is_of_the_city(object: &Value) -> bool {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
    match text("/kind") {
        "CustomResourceDefinition" => !name.ends_with(".pingzhan.dev"),
        "ClusterRole" | "ClusterRoleBinding" => name.starts_with("playbook-"),
        "Namespace" => {
            !["default", "pingzhan-system"].contains(&name) && !name.starts_with("kube-")
        }
        "ServiceAccount" => namespace == "pingzhan-playbooks",
        _ => true,
    }
}

/// Who owns the fields of a definition is of no interest, and takes as much as the definition.
fn lean(object: &mut Value) {
    if object["kind"] == "CustomResourceDefinition"
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.remove("managedFields");
    }
}
