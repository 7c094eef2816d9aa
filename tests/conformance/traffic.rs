//! What the operator, the command line and kubectl really send: every kind of it is in some case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::recorder::Recorder;
use super::shape::{Request, shapes};
use crate::cli::town::{Town, expect};
use crate::support::{self, kubectl_as};

/// Set to write what is sent into the list.
const WRITE: &str = "PINGZHAN_WRITE_TRAFFIC";

/// Kinds of requests, by who sends them.
type Traffic = BTreeMap<String, BTreeSet<String>>;

fn list() -> PathBuf {
    support::repository().join("tests/conformance/traffic.yaml")
}

fn listed() -> Traffic {
    let text = std::fs::read_to_string(list()).unwrap_or_default();
    serde_yaml::from_str(&text).unwrap_or_default()
}

/// The table is about what clients ask, not about what its authors thought of: what is not in it is not
/// known to be answered as by the real server.
#[test]
fn every_kind_of_request_that_is_sent_is_in_a_case() {
    let known = in_cases();
    let listed = listed();
    assert!(listed.len() >= 3, "{listed:?}");
    let mut missing = Vec::new();
    for (client, shapes) in &listed {
        assert!(shapes.len() >= 10, "{client} sends more than {shapes:?}");
        let unknown = shapes.iter().filter(|shape| !known.contains(*shape));
        missing.extend(unknown.map(|shape| format!("{client}: {shape}")));
    }
    assert!(missing.is_empty(), "no case has:\n{}", missing.join("\n"));
    let count: usize = listed.values().map(BTreeSet::len).sum();
    println!("{count} of {count} kinds of requests are in a case");
}

/// A client that sends something new has to be noticed: the list of what is sent is what was seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_send_is_listed() {
    let mut recorder = Recorder::new();
    let mut town = Town::new().await;
    town.duty = recorder.of("command line", &town.duty).await;
    town.lin = recorder.of("command line", &town.lin).await;
    town.he = recorder.of("command line", &town.he).await;
    let operator = recorder.of("operator", &town.plane.operator()).await;
    let admin = recorder.of("kubectl", &town.plane.kubeconfig).await;
    let cli_admin = recorder.of("command line", &town.plane.kubeconfig).await;
    let town = tokio::task::spawn_blocking(move || {
        town.start_as(&operator);
        emergency(&mut town, &cli_admin);
        kubectl(&admin, &town.namespace);
        town
    })
    .await
    .expect("everybody did what they do");
    let mut all = listed();
    let mut new = Vec::new();
    for client in ["command line", "kubectl", "operator"] {
        let known = all.entry(client.to_owned()).or_default();
        for shape in recorder.sent_by(client) {
            // Tests that share the server decide how many pages a list has; that pages are the same on
            // both servers is a case of its own.
            let shape = shape.replace("?continue&limit", "?limit");
            if known.insert(shape.clone()) {
                new.push(format!("{client}: {shape}"));
            }
        }
    }
    drop(town);
    if std::env::var_os(WRITE).is_some() {
        let text = serde_yaml::to_string(&all).expect("a list");
        let head =
            "# Kinds of requests that clients were seen to send (tests/conformance/traffic.rs).\n";
        std::fs::write(list(), format!("{head}{text}")).expect("it is written");
        return;
    }
    let all = new.join("\n");
    assert!(
        new.is_empty(),
        "not listed yet (run with {WRITE}=1, and add cases):\n{all}"
    );
}

/// A whole emergency by the command line.
fn emergency(town: &mut Town, admin: &Path) {
    expect(&town.duty, "plan town --level II", 0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("town.json.gz");
    expect(admin, &format!("snapshot -o {}", file.display()), 0);
    expect(admin, "check --pre", 0);
    expect(admin, "check", 0);
    expect(admin, "rbac generate town", 0);
    town.emergency("flood");
    expect(&town.lin, "status", 0);
    expect(&town.lin, "status flood", 0);
    expect(&town.duty, "level flood III", 0);
    town.wait("em/flood", "jsonpath={.status.proposed.planHash}");
    expect(&town.lin, "approve flood --yes", 0);
    expect(&town.he, "approve flood --yes", 0);
    town.wait("em/flood", "jsonpath={.status.granted.level}=III");
    expect(&town.duty, "renew flood --for 24h", 0);
    town.wait("em/flood", "jsonpath={.status.proposed.planHash}");
    expect(&town.he, "approve flood --yes", 0);
    let space = town.namespace.clone();
    let scaled = ["-n", &space, "scale", "deployment/hotline", "--replicas=7"];
    town.plane.kubectl(&scaled);
    town.wait("em/flood", "condition=Drifted");
    expect(&town.lin, "verdict flood ours --all", 0);
    town.wait("deployment/hotline", "jsonpath={.spec.replicas}=9");
    // A rival who puts the base back: it is held.
    let back = ["-n", &space, "scale", "deployment/hotline", "--replicas=3"];
    town.plane.kubectl(&back);
    town.wait("deployment/hotline", "jsonpath={.spec.replicas}=9");
    let who = format!("who deploy/hotline -n {space}");
    expect(admin, &who, 0);
    expect(&town.duty, "pause flood", 0);
    expect(&town.duty, "resume flood", 0);
    expect(&town.duty, "stand-down flood --wait --timeout 90s", 0);
    expect(admin, "restore --from-records", 0);
    // Only then it may be deleted.
    while !town.field("em/flood", "{.metadata.finalizers}").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    town.stop();
}

/// What people do with kubectl every day, with two manifests of one Deployment.
const EVERY_DAY: &[&str] = &[
    "apply -f FIRST",
    "apply -f SECOND",
    "diff -f SECOND",
    "apply --server-side --force-conflicts -f SECOND",
    "apply --server-side --dry-run=server -f SECOND --force-conflicts",
    "create configmap c --from-literal=k=v",
    "get deployments",
    "get deployments,configmaps -A",
    "get deployment shop -o yaml",
    "get deployments -l app=shop -o name",
    "get emergencymodes",
    "get pingzhan",
    "get all",
    "get events",
    "describe deployment shop",
    "describe em flood",
    "describe configmap c",
    "scale deployment shop --replicas=3",
    "patch deployment shop --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":4}]",
    "patch deployment shop --type=merge -p {\"spec\":{\"replicas\":5}}",
    "patch deployment shop --type=strategic -p {\"spec\":{\"replicas\":6}}",
    "patch em flood --type=merge -p {\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
    "label deployment shop tier=web",
    "annotate deployment shop a=b",
    "set image deployment/shop web=web:2",
    "rollout status deployment shop --watch=false",
    "rollout restart deployment shop",
    "rollout history deployment shop",
    "rollout pause deployment shop",
    "wait deployment shop --for=jsonpath={.spec.replicas}=6 --timeout=10s",
    "auth can-i delete deployments",
    "auth whoami",
    "api-resources",
    "api-versions",
    "version",
    "explain deployment.spec.replicas",
    "delete configmap c",
    "delete deployment shop --wait=false",
    "wait deployment shop --for=delete --timeout=10s",
    "delete em flood --wait=false",
];

/// Does it in a namespace.
fn kubectl(kubeconfig: &Path, namespace: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().display().to_string();
    let manifest = |name: &str, replicas: u32| {
        let path = folder.path().join(name);
        let text = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: shop}}, spec: {{replicas: \
             {replicas}, selector: {{matchLabels: {{app: shop}}}}, template: {{metadata: {{labels: \
             {{app: shop}}}}, spec: {{containers: [{{name: web, image: 'web:1'}}]}}}}}}}}\n"
        );
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (first, second) = (manifest("first", 1), manifest("second", 2));
    for line in EVERY_DAY {
        let line = line.replace("FIRST", &first).replace("SECOND", &second);
        let mut args = vec!["--cache-dir", &cache, "-n", namespace];
        args.extend(line.split_whitespace());
        kubectl_as(kubeconfig, &args);
    }
}

/// The kinds of requests that cases send.
fn in_cases() -> BTreeSet<String> {
    let folder = support::repository().join("tests/conformance/cases");
    let mut known = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the cases are there") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(path).expect("cases are readable");
        let cases: Vec<Value> = serde_yaml::from_str(&text).expect("cases are YAML");
        for step in cases
            .iter()
            .filter_map(|case| case["steps"].as_array())
            .flatten()
        {
            known.extend(shapes(&request(step)));
        }
    }
    known
}

fn request(step: &Value) -> Request {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let send = text("send");
    let (method, address) = send.split_once(' ').expect("a method and an address");
    let body = match (step["text"].as_str(), step["bytes"].as_str()) {
        (Some(text), _) => serde_yaml::from_str(text).unwrap_or_else(|_| text.into()),
        (None, Some(bytes)) => bytes.into(),
        (None, None) => step["body"].clone(),
    };
    Request {
        method: method.to_owned(),
        address: address.to_owned(),
        content_type: text("type"),
        accept: text("accept"),
        body,
    }
}
