//! `pingzhan snapshot` on a real API server: what of a city leaves it, what never does, and that what is
//! in the file is what the server has.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::snapshot::Snapshot;
use serde_json::{Value, json};

use super::town::expect;
use crate::conformance::recorder::Recorder;
use crate::support::{self, ControlPlane, kubectl_with};

/// A password that stands everywhere where people put one.
const MARKER: &str = "hunter2-5e1f";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A small fleet, applied as people apply: what was applied stands in an annotation.
fn build(plane: &ControlPlane, namespace: &str) {
    let fill = |text: &str| {
        let encoded = STANDARD.encode(MARKER);
        let text = text
            .replace("NAMESPACE", namespace)
            .replace("MARKER", MARKER);
        text.replace("TUFSS0VS", &encoded)
    };
    apply(plane, &fill(include_str!("snapshot-crd.yaml")));
    let established = "--for=condition=Established";
    let crd = "crd/pools.snapshot.example.com";
    plane.kubectl(&["wait", established, crd, "--timeout=60s"]);
    apply(plane, &fill(include_str!("snapshot.yaml")));
    apply(plane, &pod(namespace).to_string());
    let allocatable = json!({ "cpu": "8", "memory": "32Gi", "pods": "110" });
    let node = json!({ "status": { "allocatable": allocatable, "capacity": allocatable,
        "images": [{ "names": [format!("registry.example/{MARKER}")], "sizeBytes": 1 }],
        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady",
            "message": "", "lastHeartbeatTime": "2026-07-01T08:00:00Z",
            "lastTransitionTime": "2026-07-01T08:00:00Z" }] } });
    patch_status(plane, namespace, &format!("node/{namespace}-node"), &node);
    let ready = json!({ "status": { "phase": "Running", "startTime": "2026-07-01T08:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-07-01T08:00:12Z" }],
        "containerStatuses": [{ "name": "web", "image": "i", "imageID": "i", "ready": true, "restartCount": 0 }] } });
    patch_status(plane, namespace, "pod/web-5d4f8c7b9-x", &ready);
}

fn pod(namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web-5d4f8c7b9-x", "namespace": namespace, "ownerReferences": [
            { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9", "controller": true,
              "uid": "7d9a1f5e-0000-4000-8000-000000000000" }] },
        "spec": { "nodeName": format!("{namespace}-node"), "serviceAccountName": "web",
            "automountServiceAccountToken": false,
            "containers": [{ "name": "web", "image": "registry.example/web:1", "args": [MARKER],
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } } }] } })
}

fn apply(plane: &ControlPlane, manifest: &str) {
    let mut apply = kubectl_with(&plane.kubeconfig);
    let mut child = apply
        .args(["apply", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("kubectl runs");
    let mut input = child.stdin.take().expect("its input is piped");
    input.write_all(manifest.as_bytes()).expect("it is read");
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

fn patch_status(plane: &ControlPlane, namespace: &str, object: &str, patch: &Value) {
    let patch = patch.to_string();
    plane.kubectl(&[
        "-n",
        namespace,
        "patch",
        object,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ]);
}

/// The object as the server has it.
fn on_server(plane: &ControlPlane, object: &Value) -> Value {
    let text = |place: &str| {
        object
            .pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let api_version = text("/apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = format!("{}.{version}.{group}", text("/kind"));
    let mut args = vec![
        "get",
        &kind,
        text("/metadata/name"),
        "-o",
        "json",
        "--show-managed-fields",
    ];
    let namespace = text("/metadata/namespace");
    if !namespace.is_empty() {
        args.extend(["-n", namespace]);
    }
    serde_json::from_str(&plane.kubectl(&args)).expect("JSON")
}

/// What the snapshot has to say of an object that the server has: the places of this fleet that are
/// redacted, one by one.
fn expected(mut object: Value) -> Value {
    if let Some(text) = object.pointer_mut("/metadata/annotations") {
        let all = text.as_object_mut().expect("annotations");
        for (name, value) in all {
            if name == LAST_APPLIED || name == "example.com/config" {
                *value = json!("{}");
            }
        }
    }
    let kind = object["kind"].as_str().expect("a kind").to_owned();
    let container = "/spec/template/spec/containers/0";
    let places: &[(String, Value)] = match kind.as_str() {
        "Deployment" => &[
            (
                format!("{container}/command"),
                json!(["redacted-0", "redacted-1"]),
            ),
            (
                format!("{container}/args"),
                json!(["redacted-0", "redacted-1"]),
            ),
            (format!("{container}/env/1/value"), json!("redacted")),
        ],
        "ConfigMap" => &[
            ("/data/dsn".to_owned(), json!("redacted")),
            ("/binaryData/key".to_owned(), json!("cmVkYWN0ZWQ=")),
        ],
        "Pool" => &[
            ("/spec/adminPassword".to_owned(), json!("redacted")),
            (
                "/spec/hosts/0".to_owned(),
                json!("https://portal:redacted@a"),
            ),
        ],
        _ => &[],
    };
    for (place, value) in places {
        if let Some(found) = object.pointer_mut(place) {
            let as_many = found.as_array().map(Vec::len);
            *found = value.clone();
            if let (Some(found), Some(count)) = (found.as_array_mut(), as_many) {
                found.truncate(count);
            }
        }
    }
    if kind == "Node" {
        without_images(&mut object);
    }
    let owners = object["metadata"]["managedFields"].to_string();
    let owners = owners.replace(MARKER, "redacted");
    object["metadata"]["managedFields"] = serde_json::from_str(&owners).expect("JSON");
    object
}

fn without_images(object: &mut Value) {
    let status = object["status"].as_object_mut().expect("a status");
    status.remove("images").expect("it has images");
    for entry in object["metadata"]["managedFields"]
        .as_array_mut()
        .expect("owners")
    {
        let status = entry.pointer_mut("/fieldsV1/f:status");
        if let Some(status) = status.and_then(Value::as_object_mut) {
            status.remove("f:images");
        }
    }
}

fn unpacked(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("it is there");
    let mut text = String::new();
    let mut unpacker = GzDecoder::new(file);
    unpacker.read_to_string(&mut text).expect("it is unpacked");
    text
}

fn names(snapshot: &Snapshot) -> BTreeSet<String> {
    let name = |object: &Value| {
        let text = |place: &str| {
            object
                .pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        format!("{} {}", text("/kind"), text("/metadata/name"))
    };
    snapshot.objects.iter().map(name).collect()
}

/// A file that is handed on must not open anything; and a rehearsal on what the server does not have says
/// nothing about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_has_what_the_server_has_and_no_password() {
    let plane = support::cluster().await;
    let namespace = plane.namespace("snapshot");
    let mut recorder = Recorder::new();
    let admin = recorder.of("snapshot", &plane.kubeconfig).await;
    let folder = tempfile::tempdir().expect("a folder");
    tokio::task::block_in_place(|| {
        build(&plane, &namespace);
        let path = folder.path().join("city.json.gz");
        let line = format!("snapshot -o {}", path.display());
        let said = expect(&admin, &line, 0);
        assert!(
            said.out.contains("pingzhan rehearse --snapshot"),
            "{}",
            said.out
        );
        assert_eq!(said.err, "");
        let text = unpacked(&path);
        for secret in [MARKER, &STANDARD.encode(MARKER)] {
            assert!(!text.contains(secret), "{}", around(&text, secret));
        }
        let packed = std::fs::read(&path).expect("it is there");
        let snapshot = Snapshot::read(&packed).expect("a snapshot");
        for object in &snapshot.objects {
            // Of pods and definitions only a part is there: see below.
            if ["Pod", "CustomResourceDefinition"].contains(&object["kind"].as_str().unwrap()) {
                continue;
            }
            assert_eq!(*object, expected(on_server(&plane, object)));
        }
        has_all_of_it(&snapshot, &namespace);
        let mut server = Server::new(schema::builtin(), 1, Timestamp::UNIX_EPOCH);
        let loaded = snapshot.load(&mut server).expect("it loads");
        assert_eq!(loaded.unknown.len(), 0, "{:?}", loaded.unknown);
        assert_eq!(loaded.objects, snapshot.objects.len());
    });
    let sent = recorder.sent_by("snapshot");
    assert!(sent.len() > 10, "{sent:?}");
    let secrets: Vec<&String> = sent
        .iter()
        .filter(|shape| shape.contains("secrets"))
        .collect();
    assert!(secrets.is_empty(), "{secrets:?}");
    let writes = sent.iter().filter(|shape| !shape.starts_with("GET "));
    let writes: Vec<&String> = writes
        .filter(|shape| !shape.contains("selfsubjectreviews"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}

fn around<'a>(text: &'a str, what: &str) -> &'a str {
    let at = text.find(what).unwrap_or_default();
    text.get(at.saturating_sub(200)..(at + 100).min(text.len()))
        .unwrap_or(text)
}

/// What a plan and a rehearsal look at.
const THERE: &[&str] = &[
    "ClusterRole system:basic-user",
    "ClusterRoleBinding system:basic-user",
    "ConfigMap flags",
    "CustomResourceDefinition playbooks.pingzhan.dev",
    "CustomResourceDefinition pools.snapshot.example.com",
    "Deployment back",
    "Deployment web",
    "HorizontalPodAutoscaler web",
    "Namespace pingzhan-playbooks",
    "Playbook snapshot",
    "Pod web-5d4f8c7b9-x",
    "PodDisruptionBudget web",
    "Pool db",
    "PriorityClass system-node-critical",
    "Role flood",
    "RoleBinding flood",
    "ServiceAccount snapshot-flood",
];
/// What is redacted of the fleet, or not there.
const LEFT: &[&str] = &[
    "Secrets",
    "values of environment variables and headers",
    "commands and arguments",
    "values in ConfigMaps",
    "annotations that hold documents",
    "passwords, tokens and keys in other fields",
    "descriptions in definitions of kinds",
    "lists of images on nodes",
    "the insides of pods",
    "other namespaces",
    "admission webhooks and mutating policies",
];

/// Everything of the fleet that a plan and a rehearsal look at is there, and what is not is said.
fn has_all_of_it(snapshot: &Snapshot, namespace: &str) {
    let there = names(snapshot);
    for name in THERE {
        assert!(there.contains(*name), "{name} of {there:#?}");
    }
    assert!(there.contains(&format!("Namespace {namespace}")));
    assert!(there.contains(&format!("Node {namespace}-node")));
    assert!(!there.contains("Namespace kube-system"), "{there:#?}");
    let mut pods = snapshot.objects.iter();
    let pod = pods.find(|object| object["metadata"]["name"] == "web-5d4f8c7b9-x");
    let pod = pod.expect("it is there");
    assert_eq!(pod["spec"]["nodeName"], format!("{namespace}-node"));
    assert_eq!(
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"],
        "100m"
    );
    assert_eq!(pod["spec"]["containers"][0].get("args"), None);
    let left: BTreeSet<&str> = snapshot
        .left_out
        .iter()
        .map(|left| left.what.as_str())
        .collect();
    for what in LEFT {
        assert!(left.contains(what), "{what} of {left:?}");
    }
    let measured = snapshot.measured.as_ref().expect("it was measured");
    assert!(
        measured.requests >= 5 && measured.round_trip_milliseconds > Some(0.0),
        "{measured:?}"
    );
    let web = format!("Deployment {namespace}/web");
    assert_eq!(
        measured.ready_seconds.get(&web),
        Some(&12.0),
        "{measured:?}"
    );
}

/// A caller who may not look everywhere has to know that this is not the city; and what goes wrong leaves
/// no file that looks like one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_caller_may_not_read_is_said_and_half_a_file_is_none() {
    let plane = support::cluster().await;
    let namespace = plane.namespace("snapshot");
    let taker = plane.identity("wu", &["snapshot-takers"]);
    let nobody = plane.identity("nobody", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    tokio::task::block_in_place(|| {
        build(&plane, &namespace);
        let path = folder.path().join("city.json.gz");
        let line = format!("snapshot -o {}", path.display());
        let said = expect(&nobody, &line, 4);
        assert!(said.err.contains("playbooks.pingzhan.dev"), "{}", said.err);
        assert!(!path.exists());
        let said = expect(&taker, &line, 1);
        assert!(said.out.contains("this is no whole"), "{}", said.out);
        let snapshot = Snapshot::read(&std::fs::read(&path).expect("it is there"));
        let snapshot = snapshot.expect("a snapshot");
        assert_eq!(snapshot.by, "wu");
        let there = names(&snapshot);
        assert!(there.contains("Deployment web") && !there.contains("Deployment back"));
        let mut left = snapshot.left_out.iter();
        let refused = left
            .find(|left| left.what == "deployments.apps")
            .expect("it is said");
        assert!(
            refused.why.ends_with(&format!("In: {namespace}-closed.")),
            "{refused:?}"
        );
        // What is there is written over, whole; to a pipe it goes as well.
        let streamed = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
            .args(["snapshot", "-o", "-", "--playbook", "snapshot"])
            .env("KUBECONFIG", &plane.kubeconfig)
            .output()
            .expect("it runs");
        let whole = Snapshot::read(&streamed.stdout).expect("a snapshot and nothing else");
        assert!(names(&whole).contains("Deployment back"));
        let entries = std::fs::read_dir(folder.path()).expect("a folder");
        assert_eq!(entries.count(), 1, "nothing is left beside it");
    });
}
