//! Autoscaler, `CronJobs`, disruption budget, a paused Deployment and a `StatefulSet`: there, held,
//! and back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use pingzhan::api::Condition;
use pingzhan::api::condition::types;
use pingzhan::field::exact;
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};

use crate::scenarios::fleet::deployment;
use crate::scenarios::world::{Objects, World};
use crate::support;

/// The annotation with which the controller of `CronJobs` says for when a Job is.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// The longest wait for a controller: an autoscaler looks every 15 s, a `CronJob` runs every minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(500);
/// What the playbook changes, and how often: once there, once back.
const TARGETS: [(&str, &str); 6] = [
    ("HorizontalPodAutoscaler", "web"),
    ("CronJob", "once"),
    ("CronJob", "skip"),
    ("Deployment", "guarded"),
    ("Deployment", "paused"),
    ("StatefulSet", "store"),
];

fn cron_job(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": { "template": { "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "registry.example.com/main:1" }],
        } } } } },
    })
}

fn objects(space: &str) -> Vec<Value> {
    let mut paused = deployment(space, "paused", Some(2));
    paused["spec"]["paused"] = true.into();
    let mut web = deployment(space, "web", None);
    web["metadata"]["labels"] = json!({ "tier": "critical" });
    let store = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "store", "namespace": space },
        "spec": {
            "replicas": 2, "serviceName": "store",
            "selector": { "matchLabels": { "app": "store" } },
            "template": {
                "metadata": { "labels": { "app": "store" } },
                "spec": { "containers": [{ "name": "store", "image": "registry.example.com/store:1" }] },
            },
        },
    });
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web", "namespace": space },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 1, "maxReplicas": 10,
        },
    });
    vec![
        web,
        autoscaler,
        paused,
        deployment(space, "guarded", Some(3)),
        store,
        cron_job(space, "once"),
        cron_job(space, "skip"),
    ]
}

fn budget(space: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": "guarded", "namespace": space },
        "spec": { "minAvailable": 3, "selector": { "matchLabels": { "app": "guarded" } } },
    })
}

/// The stages: what sheds, then what grows, the critical and the paused one first.
fn stages(space: &str) -> Value {
    let targets = |kind: &str, names: &[&str]| json!({ "kinds": [kind], "namespaces": { "names": [space] }, "names": names });
    json!([
        { "name": "shed", "steps": [
            { "name": "make-up", "suspend": { "onResume": "RunMissedOnce" }, "targets": targets("CronJob", &["once"]) },
            { "name": "pass-over", "suspend": { "onResume": "SkipMissed" }, "targets": targets("CronJob", &["skip"]) },
            // Beneath its disruption budget: that is about evictions, and a change of the count is none.
            { "name": "shrink", "scale": { "replicas": 1 }, "targets": targets("Deployment", &["guarded"]) },
        ] },
        { "name": "surge", "dependsOn": ["shed"],
          "priority": [{ "selector": { "matchLabels": { "tier": "critical" } } }],
          "steps": [
            { "name": "web", "scale": { "percent": 300 }, "targets": targets("Deployment", &["web", "paused"]) },
            { "name": "store", "scale": { "replicas": 3 }, "targets": targets("StatefulSet", &["store"]) },
        ] },
    ])
}

/// Waits for what the controllers do.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(AGAIN).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waited).await;
    assert!(in_time.is_ok(), "in {} s not {what}", PATIENCE.as_secs());
}

/// Waits until so many pods of each are ready.
async fn ready(world: &World, wanted: &[(&str, &str, i64)]) {
    for (kind, name, count) in wanted {
        let what = format!("{kind} {name} has {count} ready pods");
        until(&what, || async {
            let status = &world.get(kind, name).await["status"];
            status["readyReplicas"] == json!(count) && status["replicas"] == json!(count)
        })
        .await;
    }
}

/// For when the Jobs of a `CronJob` are.
async fn runs(world: &World, name: &str) -> BTreeSet<Timestamp> {
    let all = world.snapshot().await;
    let jobs = all.iter().filter(|((kind, _), job)| {
        kind == "Job" && job["metadata"]["ownerReferences"][0]["name"] == json!(name)
    });
    jobs.map(|(_, job)| {
        let scheduled = job["metadata"]["annotations"][SCHEDULED].as_str();
        scheduled
            .expect("a Job says for when it is")
            .parse()
            .expect("a time")
    })
    .collect()
}

/// How often the spec of each target was another one than before.
async fn changes(world: &World) -> BTreeMap<(String, String), usize> {
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut changes = BTreeMap::new();
    for event in world.history.events().await {
        let spec = event.object["spec"].clone();
        let name = event.name().to_owned();
        if let Some(before) = last.insert(event.uid.clone(), spec.clone())
            && before != spec
        {
            *changes.entry((event.kind.clone(), name)).or_default() += 1;
        }
    }
    changes
}

/// Switches, and looks at what the controllers make of it.
async fn there(world: &World) {
    let active = world.switch("flood", &stages(&world.namespace)).await;
    // Without metrics an autoscaler keeps the count within its bounds, and no more.
    let war = [
        ("Deployment", "web", 3),
        ("Deployment", "guarded", 1),
        ("StatefulSet", "store", 3),
    ];
    ready(world, &war).await;
    let paused = &world.get("Deployment", "paused").await["spec"];
    let found = (&paused["replicas"], &paused["paused"]);
    assert_eq!(found, (&json!(6), &json!(true)));
    let status = active.status.expect("a status");
    let reconciling = |said: &&Condition| said.type_ == types::RECONCILING;
    let said = status.conditions.iter().find(reconciling);
    let said = said.map(|said| said.message.as_str());
    assert_eq!(said, Some(""), "nobody was held up");
}

/// Holds over at least one minute that is missed, comes back early in another, and looks at which
/// runs there are in the end.
async fn back(world: &World, clock: Clock) {
    let suspended = clock.now().as_second();
    until("a minute missed", || async {
        let now = clock.now().as_second();
        now / 60 > suspended / 60 && (3..20).contains(&(now % 60))
    })
    .await;
    let known = (runs(world, "once").await, runs(world, "skip").await);
    world.come_back("flood").await;
    let back = clock.now();
    let count = async |name: &str, known: &BTreeSet<Timestamp>| {
        let runs = runs(world, name).await;
        let (late, usual): (Vec<_>, Vec<_>) = runs
            .difference(known)
            .copied()
            .partition(|scheduled| *scheduled <= back);
        (late.len(), usual.len())
    };
    until("a usual run of both", || async {
        count("once", &known.0).await.1 > 0 && count("skip", &known.1).await.1 > 0
    })
    .await;
    let once = count("once", &known.0).await.0;
    assert_eq!(once, 1, "one run is made up for");
    let skip = count("skip", &known.1).await.0;
    assert_eq!(skip, 0, "none is made up for");
}

/// Everything is as it was, but for the count that an autoscaler drives: it is its own, and without
/// metrics it stays where it was.
async fn exact(world: &World, mut before: Objects) {
    let web = before.remove(&("Deployment".to_owned(), "web".to_owned()));
    world.compare(&before).await;
    let now = world.get("Deployment", "web").await;
    let mut differs = exact::differences(&web.expect("it was there"), &now);
    differs.retain(|what| !what.contains("replicas") && !what.contains("kube-controller-manager"));
    assert!(differs.is_empty(), "{differs:#?}");
}

/// Nobody works against anybody: the controllers follow each change once, what was missed is made up
/// for or passed over as the playbook says, and everything is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_controllers_follow_a_switch_and_a_return_and_nothing_flaps() {
    let plane = support::cluster_with_controllers("stock").await;
    let world = World::on(plane).await.started().await;
    for object in objects(&world.namespace) {
        let applied = world.apply("helm", &object).await;
        applied.expect("it is accepted");
    }
    let (space, budget) = (&world.namespace, budget(&world.namespace));
    let kind = "poddisruptionbudgets";
    world.put("policy/v1", kind, space, budget).await;
    let peace = [
        ("Deployment", "guarded", 3),
        ("StatefulSet", "store", 2),
        ("Deployment", "web", 1),
    ];
    ready(&world, &peace).await;
    let before = world.snapshot().await;
    there(&world).await;
    back(&world, Clock::machine()).await;
    ready(&world, &peace[..2]).await;
    exact(&world, before).await;
    let changes = changes(&world).await;
    let count = |kind: &str, name: &str| {
        let key = (kind.to_owned(), name.to_owned());
        changes.get(&key).copied().unwrap_or_default()
    };
    for (kind, name) in TARGETS {
        assert_eq!(count(kind, name), 2, "{kind} {name}: {changes:?}");
    }
    assert_eq!(count("Deployment", "web"), 1, "by its autoscaler, once");
}
