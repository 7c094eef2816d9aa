//! One story on the real control plane with its stock controllers and on the sand table with its
//! stand-ins: what objects say when everything has come to rest is the same, but for uids, times and
//! the hashes of templates.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request};
use jiff::Timestamp;
use kube::Client;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::standins::{self, READY_AFTER, Settings, Standins};
use serde_json::{Value, json};

use crate::support;

/// How long the real controllers may take to come to rest on a busy machine. An autoscaler looks
/// every 15 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long the stand-ins are let work, in their own time, before they are at rest: an autoscaler
/// that looks twice.
const REST: Duration = Duration::from_secs(40);
const AGAIN: Duration = Duration::from_millis(200);

/// The sand table, and its moment.
struct Sand {
    service: Service,
    standins: Standins,
    now: Arc<Mutex<Timestamp>>,
}

impl Sand {
    fn new() -> Self {
        let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
        let now = Arc::new(Mutex::new(begin));
        let clock = now.clone();
        let clock = move || *clock.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            service: Service::new(Server::new(schema::builtin(), 1, begin), clock),
            standins: Standins::new(Settings::default()),
            now,
        }
    }

    /// Lets the stand-ins work.
    fn rest(&mut self) {
        let standins = &mut self.standins;
        let mut step = || self.service.act(|server, now| standins.step(server, now));
        let set = |moment: Timestamp| {
            *self.now.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        };
        let end = *self.now.lock().unwrap_or_else(PoisonError::into_inner) + REST;
        while let Some(next) = step().filter(|next| *next < end) {
            set(next);
        }
        set(end);
    }
}

/// Sends a request; a refusal is given back as its status.
async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    let media = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media)
        .body(body);
    match client.request::<Value>(request.expect("a request")).await {
        Ok(value) => value,
        Err(kube::Error::Api(status)) => {
            json!({ "refused": status.code, "why": status.message })
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

/// A chapter of the story: what is done, and what is looked at when everything is at rest.
struct Chapter {
    what: &'static str,
    deeds: Vec<(Method, String, Value)>,
    looks: Vec<String>,
}

fn make(path: &str, object: Value) -> (Method, String, Value) {
    (Method::POST, path.to_owned(), object)
}

fn patch(path: &str, change: Value) -> (Method, String, Value) {
    (Method::PATCH, path.to_owned(), change)
}

fn chapter(what: &'static str, deeds: Vec<(Method, String, Value)>, looks: &[&str]) -> Chapter {
    Chapter {
        what,
        deeds,
        looks: looks.iter().map(|look| (*look).to_owned()).collect(),
    }
}

fn workload(kind: &str, name: &str, replicas: u64, cpu: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "c", "image": "c:1",
                    "resources": { "requests": { "cpu": cpu } } }] } } } })
}

fn autoscaler(name: &str, target: &str) -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": name },
        "spec": { "minReplicas": 5, "maxReplicas": 7,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target } } })
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/story/deployments";
const WEB: &str = "/apis/apps/v1/namespaces/story/deployments/web";
const ASLEEP: &str = "/apis/apps/v1/namespaces/story/deployments/asleep";
const BIG: &str = "/apis/apps/v1/namespaces/story/deployments/big";
const RECREATED: &str = "/apis/apps/v1/namespaces/story/deployments/recreated";
const STATEFUL: &str = "/apis/apps/v1/namespaces/story/statefulsets";
const DB: &str = "/apis/apps/v1/namespaces/story/statefulsets/db";
const CACHE: &str = "/apis/apps/v1/namespaces/story/statefulsets/cache";
const DAEMONS: &str = "/apis/apps/v1/namespaces/story/daemonsets";
const AGENT: &str = "/apis/apps/v1/namespaces/story/daemonsets/agent";
const SETS: &str = "/apis/apps/v1/namespaces/story/replicasets";
const SET: &str = "/apis/apps/v1/namespaces/story/replicasets/alone";
const SCALERS: &str = "/apis/autoscaling/v2/namespaces/story/horizontalpodautoscalers";
const SCALER: &str = "/apis/autoscaling/v2/namespaces/story/horizontalpodautoscalers/web";
const IDLE: &str = "/apis/autoscaling/v2/namespaces/story/horizontalpodautoscalers/asleep";
const LOST: &str = "/apis/autoscaling/v2/namespaces/story/horizontalpodautoscalers/lost";
const SPACES: &str = "/api/v1/namespaces";
const ENDING: &str = "/api/v1/namespaces/ending";
const HELD: &str = "/api/v1/namespaces/ending/configmaps/held";

fn replicas(count: u64) -> Value {
    json!({ "spec": { "replicas": count } })
}

fn template(text: &str) -> Value {
    json!({ "spec": { "template": { "metadata": { "annotations": { "restarted": text } } } } })
}

fn space(name: &str) -> (Method, String, Value) {
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    make(SPACES, object)
}

/// Deployments: counts, templates, pauses.
fn deployments() -> Vec<Chapter> {
    let mut asleep = workload("Deployment", "asleep", 2, "1");
    asleep["spec"]["paused"] = true.into();
    let mut recreated = workload("Deployment", "recreated", 2, "1");
    recreated["spec"]["strategy"] = json!({ "type": "Recreate" });
    let paused = vec![
        patch(WEB, json!({ "spec": { "paused": true } })),
        patch(WEB, template("2")),
    ];
    vec![
        chapter(
            "workloads are made",
            vec![
                space("story"),
                make(DEPLOYMENTS, workload("Deployment", "web", 3, "1")),
                make(DEPLOYMENTS, asleep),
                make(DEPLOYMENTS, recreated),
                make(SETS, workload("ReplicaSet", "alone", 2, "1")),
            ],
            &[WEB, ASLEEP, RECREATED, SET],
        ),
        chapter("more pods", vec![patch(WEB, replicas(9))], &[WEB]),
        chapter(
            "another template, and fewer pods",
            vec![
                patch(WEB, replicas(4)),
                patch(RECREATED, template("1")),
                patch(SET, replicas(0)),
            ],
            &[WEB, RECREATED, SET],
        ),
        chapter("a restart", vec![patch(WEB, template("1"))], &[WEB]),
        chapter("a paused one gets another template", paused, &[WEB]),
        chapter(
            "a paused one is scaled",
            vec![patch(WEB, replicas(6))],
            &[WEB],
        ),
        chapter(
            "one goes on, and a sleeper wakes",
            vec![
                patch(WEB, json!({ "spec": { "paused": false } })),
                patch(ASLEEP, json!({ "spec": { "paused": false } })),
            ],
            &[WEB, ASLEEP],
        ),
        chapter(
            "to nothing, and more than there is room for",
            vec![
                patch(WEB, replicas(0)),
                make(DEPLOYMENTS, workload("Deployment", "big", 3, "600")),
            ],
            &[WEB, BIG],
        ),
    ]
}

/// Stateful ones, those on every node, autoscalers, and the end of a namespace.
fn others() -> Vec<Chapter> {
    let mut cache = workload("StatefulSet", "cache", 3, "1");
    cache["spec"]["podManagementPolicy"] = "Parallel".into();
    let mut agent = workload("DaemonSet", "agent", 0, "1");
    let spec = agent["spec"].as_object_mut().expect("a spec");
    spec.remove("replicas");
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "finalizers": ["pingzhan.dev/held"] } });
    let free = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "free" } });
    let maps = "/api/v1/namespaces/ending/configmaps";
    vec![
        chapter(
            "stateful ones are made",
            vec![
                make(STATEFUL, workload("StatefulSet", "db", 3, "1")),
                make(STATEFUL, cache),
                make(DAEMONS, agent),
            ],
            &[DB, CACHE, AGENT],
        ),
        chapter(
            "a database is restarted",
            vec![patch(DB, template("1")), patch(AGENT, template("1"))],
            &[DB, AGENT],
        ),
        chapter("fewer of a database", vec![patch(DB, replicas(1))], &[DB]),
        chapter(
            "autoscalers watch",
            vec![
                patch(ASLEEP, replicas(0)),
                patch(WEB, replicas(3)),
                make(SCALERS, autoscaler("web", "web")),
                make(SCALERS, autoscaler("asleep", "asleep")),
                make(SCALERS, autoscaler("lost", "nobody")),
            ],
            &[WEB, SCALER, IDLE, LOST],
        ),
        chapter(
            "a count above the bounds",
            vec![patch(WEB, replicas(9))],
            &[WEB, SCALER],
        ),
        chapter(
            "a namespace is to end",
            vec![
                space("ending"),
                make(maps, held),
                make(maps, free),
                (Method::DELETE, ENDING.to_owned(), Value::Null),
            ],
            &[ENDING, HELD],
        ),
        chapter(
            "a namespace ends",
            vec![patch(HELD, json!({ "metadata": { "finalizers": null } }))],
            &[ENDING],
        ),
    ]
}

/// An object without what differs from run to run: uids, versions, times, and what templates are
/// hashed to. Conditions are in no order that anybody relies on.
fn normal(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for member in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.remove(member);
        }
        if let Some(moment) = metadata.get_mut("deletionTimestamp") {
            *moment = "T".into();
        }
        let fields = metadata.get_mut("managedFields");
        if let Some(entries) = fields.and_then(Value::as_array_mut) {
            for entry in entries.iter_mut().filter(|entry| !entry["time"].is_null()) {
                entry["time"] = "T".into();
            }
            // The server has them by time.
            entries.sort_by_key(Value::to_string);
        }
    }
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if let Some(status) = object["status"].as_object_mut() {
        for (member, value) in status.iter_mut() {
            if member.ends_with("Time") {
                *value = "T".into();
            }
            if member.ends_with("Revision") {
                *value = unhashed(value, &name);
            }
        }
        let conditions = status.get_mut("conditions");
        if let Some(all) = conditions.and_then(Value::as_array_mut) {
            for one in all.iter_mut() {
                one["message"] = unhashed(&one["message"], &name);
                for (_, value) in one
                    .as_object_mut()
                    .into_iter()
                    .flatten()
                    .filter(|(member, _)| member.ends_with("Time"))
                {
                    *value = "T".into();
                }
            }
            all.sort_by_key(|one| one["type"].to_string());
        }
    }
    object
}

/// A text without the hash behind a name.
fn unhashed(text: &Value, name: &str) -> Value {
    let text = text.as_str().unwrap_or_default();
    let begin = format!("{name}-");
    let Some((before, after)) = text.split_once(&begin) else {
        return text.into();
    };
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let end = after.trim_start_matches(is_letter);
    format!("{before}{begin}HASH{end}").into()
}

async fn looked_at(client: &Client, paths: &[String]) -> String {
    let mut seen = String::new();
    for path in paths {
        let object = normal(send(client, Method::GET, path, &Value::Null).await);
        let _ = writeln!(seen, "{path}: {object:#}");
    }
    seen
}

/// A control plane of this test alone: the others have no controllers.
fn real() -> std::path::PathBuf {
    let own = std::process::id().to_string();
    let name = format!("standins-{own}");
    let args = [
        "cluster",
        "up",
        "--name",
        &name,
        "--controllers",
        "stock",
        "--nodes",
        "2",
        "--no-fsync",
        "--owner",
        &own,
    ];
    support::xtask(&args).trim().into()
}

/// Gives the sand table the nodes of the real one.
async fn same_nodes(real: &Client, sand: &Client) {
    let nodes = send(real, Method::GET, "/api/v1/nodes", &Value::Null).await;
    for node in nodes["items"].as_array().expect("nodes") {
        let metadata =
            json!({ "name": node["metadata"]["name"], "labels": node["metadata"]["labels"] });
        let object = json!({ "apiVersion": "v1", "kind": "Node", "metadata": metadata });
        send(sand, Method::POST, "/api/v1/nodes", &object).await;
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("/api/v1/nodes/{name}/status");
        let allocatable = json!({ "status": { "allocatable": node["status"]["allocatable"] } });
        let kept = send(sand, Method::PATCH, &path, &allocatable).await;
        assert!(kept["status"]["allocatable"]["cpu"].is_string(), "{kept}");
    }
}

/// Rehearsals and simulations wait for what controllers say. A stand-in that says it in other words,
/// or as somebody else, or that is kinder, makes them worthless.
#[tokio::test]
async fn stand_ins_leave_objects_as_the_stock_controllers_do() {
    let kubeconfig = real();
    let real = support::client(&kubeconfig).await;
    let mut sand = Sand::new();
    let table = sand.service.client();
    same_nodes(&real, &table).await;
    let chapters: Vec<Chapter> = deployments().into_iter().chain(others()).collect();
    let count = chapters.len();
    let mut differences = String::new();
    for chapter in chapters {
        for (method, path, body) in &chapter.deeds {
            for client in [&table, &real] {
                let path = format!("{path}?fieldManager=platform");
                let done = send(client, method.clone(), &path, body).await;
                assert!(
                    done["refused"].is_null(),
                    "{}: {path}: {done}",
                    chapter.what
                );
            }
        }
        sand.rest();
        let expected = looked_at(&table, &chapter.looks).await;
        let same = async {
            while looked_at(&real, &chapter.looks).await != expected {
                tokio::time::sleep(AGAIN).await;
            }
        };
        if tokio::time::timeout(PATIENCE, same).await.is_err() {
            let real = looked_at(&real, &chapter.looks).await;
            let diff = similar::TextDiff::from_lines(&real, &expected);
            let mut diff = diff.unified_diff();
            let diff = diff.context_radius(4).header("real", "sand table");
            let _ = writeln!(differences, "{}:\n{diff}", chapter.what);
        }
    }
    assert!(differences.is_empty(), "{differences}");
    println!("{count} of {count} chapters end alike on both");
    let folder = kubeconfig.parent().and_then(|folder| folder.file_name());
    let name = folder.expect("a folder").to_string_lossy();
    support::xtask(&["cluster", "down", "--name", &name]);
}

/// Simulations wait in paused time, and nobody steps by hand there.
#[tokio::test(start_paused = true)]
async fn stand_ins_work_by_themselves_in_paused_time() {
    let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
    let clock = Clock::from(begin);
    let server = Server::new(schema::builtin(), 1, begin);
    let service = Service::new(server, move || clock.now());
    let client = service.client();
    tokio::spawn(standins::drive(service, Standins::new(Settings::default())));
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "story" } });
    send(&client, Method::POST, SPACES, &space).await;
    let mut slow = workload("Deployment", "web", 3, "1");
    slow["metadata"]["labels"] = json!({ READY_AFTER: "10m" });
    send(&client, Method::POST, DEPLOYMENTS, &slow).await;
    let waits = async {
        loop {
            let web = send(&client, Method::GET, WEB, &Value::Null).await;
            if web["status"]["readyReplicas"] == 3 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    waits.await;
    let took = clock.now().duration_since(begin).as_secs();
    assert!((600..605).contains(&took), "{took} s");
}
