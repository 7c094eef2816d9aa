//! The city of the demo: the fleet of `tests/fleet` as it is at rest on the sand table, with the accounts of
//! its playbooks and their rights, as a snapshot.

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
/// The accounts of its playbooks, with their rights.
const ACCOUNTS: [&str; 2] = [
    include_str!("../../../playbooks/flood-response/account.yaml"),
    include_str!("../../../playbooks/skeleton-surge/account.yaml"),
];
/// How long the cluster's own controllers take until the city is at rest.
const SETTLED: Duration = Duration::from_mins(2);
/// Chains of writes at the same time: one after another, so that it is the same each time.
const IN_FLIGHT: usize = 1;
/// How many nodes it has, of 32 cores and 128 GiB each: room for what the playbook asks for.
const NODES: usize = 12;
/// What is taken beside what the demo compares.
const MORE: [(&str, &str); 6] = [
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("", "nodes"),
    ("", "serviceaccounts"),
    ("apps", "daemonsets"),
    ("discovery.k8s.io", "endpointslices"),
    ("rbac.authorization.k8s.io", "clusterroles"),
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
    for account in ACCOUNTS {
        let rights = |server: &mut _, now| load::manifests(server, account, now);
        stage.service.act(rights).expect("the rights are accepted");
    }
    stage
        .service
        .act(|server, _| (1..=NODES).for_each(|number| build(server, number)));
    let city = fleet::yunxi();
    fleet::load::kinds(&admin)
        .await
        .expect("the kinds are served");
    let loaded = fleet::load::city(&admin, &city, IN_FLIGHT, |_| {}).await;
    loaded.expect("the city is accepted");
    tokio::spawn(keda::play(stage.service.of(keda::user()).client()));
    tokio::time::sleep(SETTLED).await;
    stage.service.act(|server, _| answer(server));
    let taken = stage.clock.now();
    let kinds = [&MORE[..], &KINDS].concat();
    let mut snapshot = Snapshot::of(&stage.service.lock(), &kinds, taken);
    "demo".clone_into(&mut snapshot.by);
    snapshot.objects.retain(is_of_the_city);
    snapshot.objects.iter_mut().for_each(lean);
    stage.close().await;
    snapshot
}

/// Who answers behind each Service, as the cluster's own controller lists them, for which nobody stands in:
/// the copies of the workload of its name.
fn answer(server: &mut Server) {
    let Some(kind) = server
        .kinds
        .find("discovery.k8s.io", "endpointslices")
        .cloned()
    else {
        return;
    };
    let services = server.store.list("", "services", "", None);
    let places: Vec<Key> = services.map(|(key, _)| key.clone()).collect();
    for place in places {
        let Key {
            namespace, name, ..
        } = place;
        let copies = copies(server, &namespace, &name);
        if copies == 0 {
            continue;
        }
        let endpoints = (1..=copies).map(|number| {
            let address = format!("10.{}.{}.{number}", namespace.len(), name.len());
            json!({ "addresses": [address], "conditions": { "ready": true } })
        });
        let endpoints: Vec<Value> = endpoints.collect();
        let key = Key {
            group: "discovery.k8s.io".to_owned(),
            plural: "endpointslices".to_owned(),
            namespace: namespace.clone(),
            name: format!("{name}-1"),
        };
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": key.name, "namespace": namespace, "uid": server.uid(),
                "creationTimestamp": TAKEN, "labels": { "kubernetes.io/service-name": name } },
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
        });
        server.keep(&kind, key, slice);
    }
}

/// How many copies the workload of a name has.
fn copies(server: &Server, namespace: &str, name: &str) -> i64 {
    let counts = ["deployments", "statefulsets"].map(|plural| {
        let key = Key {
            group: "apps".to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let found = server.store.get(&key);
        found.and_then(|object| object["spec"]["replicas"].as_i64())
    });
    counts.into_iter().flatten().sum()
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
        // Those of people are where the sand table is.
        "ClusterRole" | "ClusterRoleBinding" => {
            object["metadata"]["labels"].get("fleet").is_some()
                || name == "flood-response"
                || name.starts_with("pingzhan-playbook-")
        }
        "RoleBinding" | "NetworkPolicy" | "Service" | "ConfigMap" => {
            !["default", "pingzhan-system", "pingzhan-playbooks"].contains(&namespace)
                && !namespace.starts_with("kube-")
        }
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
