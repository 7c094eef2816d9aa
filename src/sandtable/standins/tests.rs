//! Stand-ins at work, moment by moment.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::ask::{Answer, Ask, Body};
use super::super::managed::unpacked;
use super::super::people::{MASTERS, User};
use super::super::schema;
use super::super::server::Server;
use super::super::store::{Change, Key};
use super::{READY_AFTER, Settings, Standins};

/// A server with stand-ins, and the moment.
struct Table {
    server: Server,
    standins: Standins,
    now: Timestamp,
}

fn begin() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a moment")
}

impl Table {
    fn new(settings: Settings) -> Self {
        let mut table = Self {
            server: Server::new(schema::builtin(), 1, begin()),
            standins: Standins::new(settings),
            now: begin(),
        };
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "n" } });
        table.ask("POST", "/api/v1/namespaces", &space);
        table
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let answer = self.server.handle(Ask {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Ask::read_query(""),
            accept: String::new(),
            content_type: content_type.to_owned(),
            user_agent: "platform/1".to_owned(),
            headers: http::HeaderMap::new(),
            user: User::authenticated("admin", &[MASTERS]),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
            now: self.now,
            operations: std::sync::OnceLock::new(),
            foreseen: std::cell::RefCell::default(),
        });
        match answer {
            Answer::Reply(reply) => match reply.body {
                Body::Json(value) => (reply.code, unpacked(&value)),
                Body::List(list) => panic!("{path} is a {}", list.kind),
                Body::Text(text) => panic!("{path}: {text}"),
            },
            Answer::Watch(_) => panic!("{path} is watched"),
        }
    }

    fn done(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (code, answer) = self.ask(method, path, body);
        assert!(code < 300, "{method} {path}: {answer}");
        answer
    }

    fn make(&mut self, plural: &str, object: &Value) {
        self.done("POST", &all(plural), object);
    }

    fn patch(&mut self, plural: &str, name: &str, patch: &Value) {
        self.done("PATCH", &format!("{}/{name}", all(plural)), patch);
    }

    fn get(&mut self, plural: &str, name: &str) -> Value {
        self.done("GET", &format!("{}/{name}", all(plural)), &Value::Null)
    }

    fn status(&mut self, plural: &str, name: &str) -> Value {
        self.get(plural, name)["status"].clone()
    }

    /// Steps until a moment, each time when it was said to.
    fn until(&mut self, seconds: f64) {
        let end = begin() + Duration::from_secs_f64(seconds);
        loop {
            let next = self.standins.step(&mut self.server, self.now);
            assert!(next.is_none_or(|next| next > self.now), "it stands still");
            self.now = next.unwrap_or(end).min(end);
            if self.now == end {
                self.standins.step(&mut self.server, end);
                return;
            }
        }
    }
}

fn all(plural: &str) -> String {
    let root = match plural {
        "horizontalpodautoscalers" => "/apis/autoscaling/v2/namespaces/n",
        "configmaps" => "/api/v1/namespaces/n",
        "nodes" => "/api/v1",
        _ => "/apis/apps/v1/namespaces/n",
    };
    format!("{root}/{plural}")
}

fn workload(kind: &str, name: &str, replicas: i64, cpu: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "c", "image": "c:1",
                    "resources": { "requests": { "cpu": cpu } } }] } } } })
}

fn node(name: &str, cpu: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
        "status": { "allocatable": { "cpu": cpu, "memory": "8Gi", "pods": "110" } } })
}

/// The condition of a type as `status/reason`.
fn condition(status: &Value, type_: &str) -> String {
    let all = status["conditions"].as_array().into_iter().flatten();
    let mut found = all.filter(|one| one["type"] == type_);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found.next().map_or_else(String::new, |one| {
        format!("{}/{}", text(&one["status"]), text(&one["reason"]))
    })
}

/// What a count says: 0 where it is not written.
fn count(status: &Value, name: &str) -> u64 {
    status[name].as_u64().unwrap_or_default()
}

/// What a switch waits for: that the count is seen, and that pods are ready; both as the real
/// controllers write it, so that neither generation nor anybody's ownership changes.
#[test]
fn a_new_count_is_seen_and_then_ready() {
    let mut table = Table::new(Settings::default());
    table.make("deployments", &workload("Deployment", "web", 3, "1"));
    table.until(1.0);
    let status = table.status("deployments", "web");
    assert_eq!(count(&status, "observedGeneration"), 1);
    assert_eq!(
        (count(&status, "replicas"), count(&status, "readyReplicas")),
        (3, 0)
    );
    assert_eq!(
        condition(&status, "Available"),
        "False/MinimumReplicasUnavailable"
    );
    table.until(4.0);
    table.patch("deployments", "web", &json!({ "spec": { "replicas": 9 } }));
    table.until(4.1);
    let status = table.status("deployments", "web");
    assert_eq!(count(&status, "observedGeneration"), 2);
    assert_eq!(
        (count(&status, "replicas"), count(&status, "readyReplicas")),
        (9, 3)
    );
    table.until(8.0);
    let object = table.get("deployments", "web");
    let status = &object["status"];
    assert_eq!(count(status, "readyReplicas"), 9);
    assert_eq!(count(status, "unavailableReplicas"), 0);
    assert_eq!(
        condition(status, "Available"),
        "True/MinimumReplicasAvailable"
    );
    assert_eq!(
        condition(status, "Progressing"),
        "True/NewReplicaSetAvailable"
    );
    assert_eq!(object["metadata"]["generation"], 2);
    let fields = object["metadata"]["managedFields"].as_array();
    let own = fields.into_iter().flatten().find(|entry| {
        entry["manager"] == "kube-controller-manager" && entry["subresource"] == "status"
    });
    let own = &own.expect("they own what they write")["fieldsV1"];
    assert!(own["f:status"]["f:readyReplicas"].is_object(), "{own}");
    let annotations = &own["f:metadata"]["f:annotations"];
    assert!(annotations["f:deployment.kubernetes.io/revision"].is_object());
    assert!(own["f:spec"].is_null(), "{own}");
    table.patch("deployments", "web", &json!({ "spec": { "replicas": 0 } }));
    table.until(9.0);
    let status = table.status("deployments", "web");
    assert_eq!(count(&status, "replicas"), 0);
    assert_eq!(
        condition(&status, "Available"),
        "True/MinimumReplicasAvailable"
    );
}

/// The controllers are what a switch waits for: in the order of the writes, and not all at once.
#[test]
fn workloads_converge_in_the_order_in_which_they_were_changed_and_at_the_pace_of_the_real_ones() {
    let mut table = Table::new(Settings::default());
    // What is there when they begin is in no order of changes.
    table.until(0.0);
    let names: Vec<String> = (0..20).map(|number| format!("d{}", 19 - number)).collect();
    for name in &names {
        table.make("deployments", &workload("Deployment", name, 1, "1"));
    }
    let begun = table.server.store.revision();
    table.until(60.0);
    let ready: Vec<(String, Value)> = table
        .server
        .store
        .since(begun)
        .filter(|event| count(&event.object["status"], "readyReplicas") == 1)
        .map(|event| {
            let all = event.object["status"]["conditions"].as_array();
            let last = all.and_then(|all| all.last()).cloned().unwrap_or_default();
            (event.key.name.clone(), last["lastUpdateTime"].clone())
        })
        .collect();
    let order: Vec<&String> = ready.iter().map(|(name, _)| name).collect();
    assert_eq!(order, names.iter().collect::<Vec<_>>());
    // Twenty are seen in two seconds; the first is ready one second after that, and the last as much
    // later as it was seen later.
    assert_eq!(ready[0].1, "2026-07-01T08:00:03Z");
    assert_eq!(ready[19].1, "2026-07-01T08:00:04Z");
}

/// What a playbook may find paused must not be rolled out by the stand-in either.
#[test]
fn a_paused_deployment_is_observed_and_scaled_but_not_rolled_out() {
    let mut table = Table::new(Settings::immediate());
    table.make("deployments", &workload("Deployment", "web", 2, "1"));
    table.until(1.0);
    let image = |image: &str| json!({ "spec": { "template": { "metadata": { "annotations": { "x": image } } } } });
    table.patch("deployments", "web", &json!({ "spec": { "paused": true } }));
    table.patch("deployments", "web", &image("2"));
    table.patch("deployments", "web", &json!({ "spec": { "replicas": 4 } }));
    table.until(2.0);
    let status = table.status("deployments", "web");
    assert_eq!(count(&status, "observedGeneration"), 4);
    assert_eq!(count(&status, "readyReplicas"), 4);
    assert_eq!(count(&status, "updatedReplicas"), 0);
    assert_eq!(
        condition(&status, "Progressing"),
        "Unknown/DeploymentPaused"
    );
    table.patch(
        "deployments",
        "web",
        &json!({ "spec": { "paused": false } }),
    );
    table.until(3.0);
    let object = table.get("deployments", "web");
    assert_eq!(count(&object["status"], "updatedReplicas"), 4);
    assert_eq!(
        condition(&object["status"], "Progressing"),
        "True/NewReplicaSetAvailable"
    );
    let annotations = &object["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "2");
    // One that begins paused has no pods at all.
    let mut asleep = workload("Deployment", "asleep", 2, "1");
    asleep["spec"]["paused"] = true.into();
    table.make("deployments", &asleep);
    table.until(4.0);
    let object = table.get("deployments", "asleep");
    assert_eq!(count(&object["status"], "replicas"), 0);
    assert_eq!(object["metadata"]["annotations"], Value::Null);
}

/// A restart under load is the most common cause of a gap in service: the promise of the strategy is
/// kept at every moment.
#[test]
fn a_new_template_is_rolled_out_with_enough_pods_available_throughout() {
    let mut table = Table::new(Settings {
        pace: Duration::ZERO,
        ..Settings::default()
    });
    table.make("deployments", &workload("Deployment", "web", 8, "1"));
    table.until(10.0);
    let begun = table.server.store.revision();
    let template = json!({ "metadata": { "annotations": { "restarted": "yes" } } });
    table.patch(
        "deployments",
        "web",
        &json!({ "spec": { "template": template } }),
    );
    table.until(100.0);
    let mut seen = Vec::new();
    for event in table.server.store.since(begun) {
        let status = &event.object["status"];
        assert!(count(status, "availableReplicas") >= 6, "{status}");
        assert!(count(status, "replicas") <= 10, "{status}");
        seen.push(count(status, "updatedReplicas"));
    }
    seen.dedup();
    assert!(seen.len() > 2, "it went in one step: {seen:?}");
    let status = table.status("deployments", "web");
    assert_eq!(count(&status, "updatedReplicas"), 8);
    assert_eq!(count(&status, "replicas"), 8);
}

/// A surge that does not fit must not look ready.
#[test]
fn what_has_no_room_on_the_nodes_is_not_ready_until_there_is() {
    let mut table = Table::new(Settings::immediate());
    for name in ["a", "b"] {
        table.make("nodes", &node(name, "2"));
        let status = node(name, "2")["status"].clone();
        let path = format!("/api/v1/nodes/{name}/status");
        table.done("PATCH", &path, &json!({ "status": status }));
    }
    table.make("deployments", &workload("Deployment", "first", 3, "1"));
    table.make("deployments", &workload("Deployment", "second", 3, "1"));
    table.until(1.0);
    let first = table.status("deployments", "first");
    assert_eq!(count(&first, "readyReplicas"), 3);
    let second = table.status("deployments", "second");
    assert_eq!(
        (count(&second, "replicas"), count(&second, "readyReplicas")),
        (3, 1)
    );
    assert_eq!(
        condition(&second, "Available"),
        "False/MinimumReplicasUnavailable"
    );
    assert_eq!(condition(&second, "Progressing"), "True/ReplicaSetUpdated");
    table.patch(
        "deployments",
        "first",
        &json!({ "spec": { "replicas": 1 } }),
    );
    table.until(2.0);
    let second = table.status("deployments", "second");
    assert_eq!(count(&second, "readyReplicas"), 3);
    table.done("DELETE", "/api/v1/nodes/a", &Value::Null);
    table.until(3.0);
    let ready =
        |table: &mut Table, name: &str| count(&table.status("deployments", name), "readyReplicas");
    let left = ready(&mut table, "first") + ready(&mut table, "second");
    assert_eq!(left, 2, "one node has room for two");
}

/// One that cannot become ready says so after its deadline, which gates of stages wait for.
#[test]
fn pods_that_are_never_ready_time_out() {
    let mut table = Table::new(Settings::default());
    let mut sick = workload("Deployment", "sick", 1, "1");
    sick["metadata"]["labels"] = json!({ READY_AFTER: "never" });
    sick["spec"]["progressDeadlineSeconds"] = 60.into();
    table.make("deployments", &sick);
    table.until(50.0);
    let status = table.status("deployments", "sick");
    assert_eq!(condition(&status, "Progressing"), "True/ReplicaSetUpdated");
    table.until(62.0);
    let status = table.status("deployments", "sick");
    assert_eq!(
        condition(&status, "Progressing"),
        "False/ProgressDeadlineExceeded"
    );
    let mut slow = workload("Deployment", "slow", 1, "1");
    slow["metadata"]["labels"] = json!({ READY_AFTER: "1m30s" });
    table.make("deployments", &slow);
    table.until(151.0);
    assert_eq!(
        count(&table.status("deployments", "slow"), "readyReplicas"),
        0
    );
    table.until(152.1);
    assert_eq!(
        count(&table.status("deployments", "slow"), "readyReplicas"),
        1
    );
}

/// Databases start one after another, and that is what a return waits for.
#[test]
fn a_statefulset_starts_in_order_and_rolls_out_from_the_last() {
    let mut table = Table::new(Settings {
        pace: Duration::ZERO,
        ..Settings::default()
    });
    table.make("statefulsets", &workload("StatefulSet", "db", 3, "1"));
    for (seconds, replicas, ready) in [(1.0, 1, 0), (4.0, 2, 1), (7.0, 3, 2), (10.0, 3, 3)] {
        table.until(seconds);
        let status = table.status("statefulsets", "db");
        assert_eq!(count(&status, "replicas"), replicas, "at {seconds}");
        assert_eq!(count(&status, "readyReplicas"), ready, "at {seconds}");
    }
    let status = table.status("statefulsets", "db");
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    let template = json!({ "metadata": { "annotations": { "x": "y" } } });
    table.patch(
        "statefulsets",
        "db",
        &json!({ "spec": { "template": template } }),
    );
    table.until(11.0);
    let status = table.status("statefulsets", "db");
    assert_eq!(count(&status, "updatedReplicas"), 1);
    assert_eq!(count(&status, "currentReplicas"), 2);
    assert_eq!(count(&status, "readyReplicas"), 2);
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    table.until(30.0);
    let status = table.status("statefulsets", "db");
    assert_eq!(count(&status, "updatedReplicas"), 3);
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    table.patch("statefulsets", "db", &json!({ "spec": { "replicas": 1 } }));
    table.until(31.0);
    let status = table.status("statefulsets", "db");
    assert_eq!(
        (
            count(&status, "replicas"),
            status["availableReplicas"].clone()
        ),
        (1, json!(1))
    );
    let mut at_once = workload("StatefulSet", "cache", 3, "1");
    at_once["spec"]["podManagementPolicy"] = "Parallel".into();
    table.make("statefulsets", &at_once);
    table.until(32.0);
    assert_eq!(count(&table.status("statefulsets", "cache"), "replicas"), 3);
}

/// What runs on every node follows the nodes.
#[test]
fn a_daemonset_has_one_pod_on_each_node_that_suits() {
    let mut table = Table::new(Settings::immediate());
    let mut agent = workload("DaemonSet", "agent", 0, "0");
    let spec = agent["spec"].as_object_mut().expect("a spec");
    spec.remove("replicas");
    table.make("daemonsets", &agent);
    table.until(1.0);
    let status = table.status("daemonsets", "agent");
    assert_eq!(count(&status, "desiredNumberScheduled"), 0);
    assert_eq!(count(&status, "observedGeneration"), 1);
    for name in ["a", "b"] {
        table.make("nodes", &node(name, "2"));
        let status = node(name, "2")["status"].clone();
        let path = format!("/api/v1/nodes/{name}/status");
        table.done("PATCH", &path, &json!({ "status": status }));
    }
    table.until(2.0);
    let status = table.status("daemonsets", "agent");
    assert_eq!(count(&status, "desiredNumberScheduled"), 2);
    assert_eq!(count(&status, "numberReady"), 2);
    let nowhere = json!({ "spec": { "nodeSelector": { "nobody": "has" } } });
    table.patch(
        "daemonsets",
        "agent",
        &json!({ "spec": { "template": nowhere } }),
    );
    table.until(3.0);
    let status = table.status("daemonsets", "agent");
    assert_eq!(count(&status, "desiredNumberScheduled"), 0);
    assert_eq!(count(&status, "numberReady"), 0);
}

/// An autoscaler takes a count that a switch wrote back, within its bounds, and leaves one alone that
/// is zero: playbooks rely on both.
#[test]
fn an_autoscaler_brings_a_count_into_its_bounds_unless_it_is_zero() {
    let mut table = Table::new(Settings::immediate());
    table.make("deployments", &workload("Deployment", "web", 3, "1"));
    table.make("deployments", &workload("Deployment", "off", 0, "1"));
    for name in ["web", "off", "lost"] {
        table.make("horizontalpodautoscalers", &json!({ "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
            "spec": { "minReplicas": 5, "maxReplicas": 7,
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name } } }));
    }
    table.until(14.0);
    assert_eq!(table.get("deployments", "web")["spec"]["replicas"], 3);
    table.until(16.0);
    let web = table.get("deployments", "web");
    assert_eq!(web["spec"]["replicas"], 5);
    assert_eq!(count(&web["status"], "readyReplicas"), 5);
    let owner = web["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["subresource"] == "scale");
    let owner = owner.expect("the count is theirs");
    assert_eq!(owner["manager"], "kube-controller-manager");
    let status = table.status("horizontalpodautoscalers", "web");
    assert_eq!(
        (&status["currentReplicas"], &status["desiredReplicas"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(condition(&status, "AbleToScale"), "True/SucceededRescale");
    table.patch("deployments", "web", &json!({ "spec": { "replicas": 9 } }));
    table.until(31.0);
    assert_eq!(table.get("deployments", "web")["spec"]["replicas"], 7);
    table.until(46.0);
    let status = table.status("horizontalpodautoscalers", "web");
    assert_eq!(count(&status, "currentReplicas"), 7);
    assert_eq!(
        condition(&status, "ScalingActive"),
        "False/FailedGetResourceMetric"
    );
    let status = table.status("horizontalpodautoscalers", "off");
    assert_eq!(table.get("deployments", "off")["spec"]["replicas"], 0);
    assert_eq!(condition(&status, "ScalingActive"), "False/ScalingDisabled");
    let status = table.status("horizontalpodautoscalers", "lost");
    assert_eq!(condition(&status, "AbleToScale"), "False/FailedGetScale");
}

/// A namespace that never ended would hold a drill's leftovers for ever; one that ended too early
/// would lose what a finalizer protects.
#[test]
fn a_namespace_ends_when_everything_in_it_has() {
    let mut table = Table::new(Settings::immediate());
    table.make("deployments", &workload("Deployment", "web", 3, "1"));
    for name in ["free", "held"] {
        let object =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
        table.make("configmaps", &object);
    }
    let finalizers = json!({ "metadata": { "finalizers": ["pingzhan.dev/x"] } });
    table.patch("configmaps", "held", &finalizers);
    table.until(1.0);
    table.done("DELETE", "/api/v1/namespaces/n", &Value::Null);
    let late = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "late" } });
    let (code, refusal) = table.ask("POST", &all("configmaps"), &late);
    assert_eq!(code, 403);
    let why = "configmaps \"late\" is forbidden: unable to create new content in namespace n because it is being terminated";
    assert_eq!(refusal["message"], why);
    table.until(5.0);
    table.get("deployments", "web");
    table.until(7.0);
    assert_eq!(
        table.ask("GET", &all("deployments/web"), &Value::Null).0,
        404
    );
    let space = table.done("GET", "/api/v1/namespaces/n", &Value::Null);
    let status = &space["status"];
    assert_eq!(status["phase"], "Terminating");
    assert_eq!(
        condition(status, "NamespaceFinalizersRemaining"),
        "True/SomeFinalizersRemain"
    );
    assert_eq!(
        status["conditions"][3]["message"],
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    table.patch(
        "configmaps",
        "held",
        &json!({ "metadata": { "finalizers": null } }),
    );
    table.until(13.0);
    let (code, _) = table.ask("GET", "/api/v1/namespaces/n", &Value::Null);
    assert_eq!(code, 404);
}

/// A rehearsal begins with a snapshot in which everything stands already; so does a stand-in that
/// has fallen behind.
#[test]
fn what_stands_when_they_begin_goes_on_standing() {
    let mut table = Table::new(Settings::default());
    table.make("deployments", &workload("Deployment", "web", 3, "1"));
    table.until(10.0);
    let before = table.get("deployments", "web");
    table.standins = Standins::new(Settings::default());
    table.server.store.compact();
    table.until(20.0);
    assert_eq!(table.get("deployments", "web"), before);
    table.patch("deployments", "web", &json!({ "spec": { "replicas": 4 } }));
    table.until(20.5);
    assert_eq!(
        count(&table.status("deployments", "web"), "readyReplicas"),
        3
    );
    table.until(24.0);
    assert_eq!(
        count(&table.status("deployments", "web"), "readyReplicas"),
        4
    );
    // Another one of the same name begins anew.
    table.done("DELETE", &all("deployments/web"), &Value::Null);
    table.make("deployments", &workload("Deployment", "web", 2, "1"));
    table.until(25.0);
    assert_eq!(
        count(&table.status("deployments", "web"), "readyReplicas"),
        0
    );
}

/// Simulation replays a seed only if nothing else decides.
#[test]
fn the_same_story_gives_the_same_events() {
    let play = || {
        let mut table = Table::new(Settings::default());
        for name in ["c", "a", "b"] {
            table.make("deployments", &workload("Deployment", name, 3, "1"));
            table.make("statefulsets", &workload("StatefulSet", name, 2, "1"));
        }
        table.until(30.0);
        table.patch("deployments", "a", &json!({ "spec": { "replicas": 9 } }));
        table.until(60.0);
        let events = table.server.store.since(0);
        let told = |event: &super::super::store::Event| {
            let change = match event.change {
                Change::Added => "+",
                Change::Modified => "~",
                Change::Deleted => "-",
            };
            format!("{} {change} {}", event.revision, event.object)
        };
        events.map(told).collect::<Vec<_>>()
    };
    assert_eq!(play(), play());
}

/// At rest nothing is to be done, so that paused time can jump.
#[test]
fn at_rest_nothing_is_due() {
    let mut table = Table::new(Settings::default());
    table.make("deployments", &workload("Deployment", "web", 3, "1"));
    table.until(10.0);
    let revision = table.server.store.revision();
    assert_eq!(table.standins.step(&mut table.server, table.now), None);
    assert_eq!(table.server.store.revision(), revision);
    let key = Key {
        group: "apps".to_owned(),
        plural: "deployments".to_owned(),
        namespace: "n".to_owned(),
        name: "web".to_owned(),
    };
    assert!(table.standins.workloads.contains_key(&key));
}
