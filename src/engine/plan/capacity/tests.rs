//! Tests of what is said of capacity.

use serde_json::{Value, json};

use super::super::explain::explain;
use super::super::testing::{book, facts, object, plan_of, stage, workload};
use super::super::{join, made, moves};
use super::*;
use crate::engine::amounts::whole;
use crate::engine::room::guests::{Guests, Read};
use crate::engine::room::{Class, Limit, Quota};

/// Nodes that have this, and nothing on them.
fn nodes(count: usize, cpu: i64, memory: &str, pods: i64) -> Nodes {
    let allocatable = json!({ "cpu": cpu, "memory": memory, "pods": pods });
    let node = json!({ "metadata": { "name": "n" }, "status": {
        "allocatable": allocatable, "conditions": [{ "type": "Ready", "status": "True" }] } });
    Nodes::of(
        (0..count).map(|_| Read::of(&node)).collect(),
        &Guests::default(),
    )
}

fn room(nodes: Nodes) -> Room {
    Room {
        nodes: Some(nodes),
        ..Room::default()
    }
}

/// What is said of a plan, but the overview.
fn said(stages: &[String], seen: &[(&str, Vec<Value>)], room: &Room) -> Vec<String> {
    let (_, mut said) = all(stages, seen, room);
    said.retain(|one| !one.starts_with("capacity: "));
    said
}

/// What is said of a plan, and its hash before and after.
fn all(
    stages: &[String],
    seen: &[(&str, Vec<Value>)],
    room: &Room,
) -> ((String, String), Vec<String>) {
    let book = book(stages);
    let facts = facts(&book, seen);
    let mut plan = plan_of(&book, &facts);
    let hash = super::super::store::hash(&plan);
    explain(&mut plan, &facts, Some(room));
    let said = plan.findings.iter().map(|finding| finding.text.clone());
    let said = said.collect();
    ((hash, super::super::store::hash(&plan)), said)
}

fn one_cpu() -> Value {
    json!({ "cpu": "1", "memory": "1Gi" })
}

fn surge(after: &str, act: &str) -> String {
    stage("surge", after, &[("grow", "Deployment", act)])
}

fn shed() -> String {
    stage(
        "shed",
        "",
        &[("calm", "StatefulSet", "scale: { replicas: 2 }")],
    )
}

const TEN: &str = "critical: true, scale: { replicas: 10 }";

/// The sentence that this is all for: who approves reads it before the emergency finds it out.
#[test]
fn what_does_not_fit_is_said_with_how_much_is_short() {
    let web = vec![workload("Deployment", "web", 2, &one_cpu())];
    let stages = [surge("", TEN)];
    let seen = [("surge/grow", web)];
    let (hashes, findings) = all(&stages, &seen, &room(nodes(1, 3, "16Gi", 110)));
    insta::assert_snapshot!(findings.join("\n"));
    assert_eq!(hashes.0, hashes.1, "a finding is not what is approved");
    let fits = said(&stages, &seen, &room(nodes(1, 8, "16Gi", 110)));
    assert_eq!(fits, Vec::<String>::new());
    // Of pods and of memory there may be too little as well.
    let pods = said(&stages, &seen, &room(nodes(2, 8, "2Gi", 3)));
    assert!(
        pods[0].contains("4 GiB and 2 pods short in stage surge"),
        "{pods:?}"
    );
}

/// What shedding frees is there only for a stage that waits for it.
#[test]
fn what_an_earlier_stage_frees_is_there_for_stages_that_wait_for_it() {
    let seen = [
        (
            "shed/calm",
            vec![workload("StatefulSet", "batch", 10, &one_cpu())],
        ),
        (
            "surge/grow",
            vec![workload("Deployment", "web", 2, &one_cpu())],
        ),
    ];
    let room = room(nodes(1, 1, "100Gi", 110));
    let waits = said(&[shed(), surge("shed", TEN)], &seen, &room);
    assert_eq!(waits, Vec::<String>::new());
    let beside = said(&[shed(), surge("", TEN)], &seen, &room);
    insta::assert_snapshot!(beside.join("\n"));
}

/// A return that does not fit leaves the city without what it had in peacetime.
#[test]
fn the_way_back_is_counted_in_its_own_order() {
    let batch = workload("StatefulSet", "batch", 10, &one_cpu());
    let web = workload("Deployment", "web", 2, &one_cpu());
    let seen = [("shed/calm", vec![batch]), ("surge/grow", vec![web])];
    // What waits for it gives back first.
    let room = room(nodes(1, 1, "100Gi", 110));
    let waits = said(&[shed(), surge("shed", TEN)], &seen, &room);
    assert_eq!(waits, Vec::<String>::new());
    let beside = said(&[shed(), surge("", TEN)], &seen, &room);
    assert!(
        beside.iter().any(|one| one
            .starts_with("on the way back pods would stay Pending: 7 CPU short in stage shed")),
        "{beside:?}"
    );
}

/// Whether a surge takes the place of others is asked first when there is too little room.
#[test]
fn priority_classes_are_said_and_not_simulated() {
    let class = |name: &str, value: i64, policy: &str, default: bool| {
        Class::of(&json!({ "metadata": { "name": name }, "value": value,
            "preemptionPolicy": policy, "globalDefault": default }))
    };
    let with = |name: &str, classes: Vec<Class>| {
        let mut web = workload("Deployment", "web", 2, &one_cpu());
        web["spec"]["template"]["spec"]["priorityClassName"] = name.into();
        let room = Room {
            classes: Some(classes),
            ..room(nodes(1, 3, "16Gi", 110))
        };
        said(&[surge("", TEN)], &[("surge/grow", vec![web])], &room).join("\n")
    };
    let high = class("critical", 1_000_000, "PreemptLowerPriority", false);
    let polite = class("polite", 1_000_000, "Never", false);
    let default = class("usual", 100, "PreemptLowerPriority", true);
    let may = "PriorityClass critical (1000000) may take the place";
    assert!(with("critical", vec![high.clone()]).contains(may));
    let none = "None of them has a PriorityClass";
    assert!(with("polite", vec![high.clone(), polite]).contains(none));
    assert!(with("", vec![high]).contains(none));
    assert!(with("", vec![default]).contains("PriorityClass usual (100)"));
}

/// What becomes certain is counted; what may come is said apart.
#[test]
fn an_autoscaler_moves_what_is_certain_and_what_may_come() {
    let web = workload("Deployment", "web", 3, &one_cpu());
    let of = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let bounds = json!({ "scaleTargetRef": of, "minReplicas": 2, "maxReplicas": 20 });
    let scaler = object("autoscaling/v2", "HorizontalPodAutoscaler", "web", &bounds);
    let seen = [("surge/grow", vec![web, scaler])];
    let stages = [surge("", "scale: { percent: 300 }")];
    let short = said(&stages, &seen, &room(nodes(1, 4, "100Gi", 110)));
    assert!(
        short[0]
            .starts_with("pods would stay Pending: 2 CPU short in stage surge (it asks for 6 CPU"),
        "{short:?}"
    );
    let may = said(&stages, &seen, &room(nodes(1, 6, "100Gi", 110)));
    assert_eq!(
        may,
        ["if the load drives the autoscalers of this plan to their maximum, 11 CPU would be short"]
    );
    let book = book(&stages);
    let facts = facts(&book, &seen);
    let plan = plan_of(&book, &facts);
    let made = made::all(&plan);
    let walks = moves::walks(&join::all(&plan, &facts), &made);
    let moves = &walks[0].moves;
    assert_eq!((moves[0].from, moves[0].to, moves[0].most), (3, 9, 20));
}

fn quota(hard: &Value, used: &Value) -> Quota {
    Quota::of(&json!({ "metadata": { "name": "compute" },
        "status": { "hard": hard, "used": used } }))
}

fn with_quota(quota: Quota) -> Room {
    Room {
        quotas: [("portal".to_owned(), vec![quota])].into(),
        ..Room::default()
    }
}

/// A quota stops a surge half-way, when nobody has time to ask for more of it.
#[test]
fn what_a_quota_does_not_allow_is_said_by_namespace() {
    let hard = json!({ "pods": "14", "requests.cpu": "20", "limits.memory": "8Gi" });
    let used = json!({ "pods": "10", "requests.cpu": "18500m", "limits.memory": "2Gi" });
    let room = with_quota(quota(&hard, &used));
    let mut web = workload("Deployment", "web", 2, &one_cpu());
    let seen = |web: &Value| [("surge/grow", vec![web.clone()])];
    let nameless = said(&[surge("", TEN)], &seen(&web), &room);
    insta::assert_snapshot!(nameless.join("\n"));
    let container = &mut web["spec"]["template"]["spec"]["containers"][0];
    container["resources"]["limits"] = json!({ "memory": "1Gi" });
    let named = said(&[surge("", TEN)], &seen(&web), &room);
    assert!(
        named.contains(&"namespace portal: quota compute allows 6 GiB more of limits.memory, stage surge asks for 8 GiB".to_owned()),
        "{named:?}"
    );
    // What is given back is asked for again at the return.
    let hard = json!({ "pods": "3" });
    let room = with_quota(quota(&hard, &json!({ "pods": "9" })));
    let less = [surge("", "scale: { replicas: 1 }")];
    let web = workload("Deployment", "web", 9, &one_cpu());
    assert_eq!(
        said(&less, &seen(&web), &room),
        [
            "on the way back, namespace portal: quota compute allows 2 more pods, stage surge asks for 8"
        ]
    );
    assert_eq!(whole(&json!("2")), Some(2));
}

/// A limit range refuses pods one by one, after the switch has said that all is written.
#[test]
fn what_a_limit_range_refuses_is_said_and_what_it_gives_is_counted() {
    let range = |item: Value| Room {
        limits: [(
            "portal".to_owned(),
            Limit::of(&json!({ "metadata": { "name": "sizes" }, "spec": { "limits": [item] } })),
        )]
        .into(),
        ..room(nodes(4, 4, "100Gi", 110))
    };
    let of = |requests: &Value, item: Value| {
        let web = workload("Deployment", "web", 2, requests);
        said(
            &[surge("", TEN)],
            &[("surge/grow", vec![web])],
            &range(item),
        )
        .join("\n")
    };
    let item = |key: &str, cpu: &str| json!({ "type": "Container", key: { "cpu": cpu } });
    // A server fills in what its ranges give, so the count is of that.
    let given = of(&json!({}), item("defaultRequest", "4"));
    assert!(given.contains("16 CPU short"), "{given}");
    insta::assert_snapshot!(
        [
            of(&one_cpu(), item("max", "2")),
            of(&one_cpu(), item("min", "1500m")),
            of(&one_cpu(), item("default", "500m")),
            of(
                &one_cpu(),
                json!({ "type": "Container", "max": { "cpu": "2" }, "default": { "cpu": "3" } })
            ),
            of(
                &one_cpu(),
                json!({ "type": "Pod", "min": { "memory": "2Gi" } })
            ),
        ]
        .join("\n")
    );
    assert_eq!(of(&one_cpu(), item("min", "500m")), "");
}

/// No sum shows that one pod is larger than every node.
#[test]
fn a_pod_that_no_node_is_large_enough_for_is_named() {
    let web = workload("Deployment", "web", 2, &json!({ "cpu": "5" }));
    let seen = [("surge/grow", vec![web])];
    let said = said(&[surge("", TEN)], &seen, &room(nodes(100, 4, "16Gi", 110)));
    assert_eq!(
        said,
        ["a pod of Deployment portal/web asks for more than any node has, and would stay Pending"]
    );
}

/// What is not known is said: silence would be read as room.
#[test]
fn what_is_not_known_is_said_once() {
    let web = workload("Deployment", "web", 2, &one_cpu());
    let room = Room {
        missing: [crate::engine::room::Right::Nodes].into(),
        who: "pingzhan-playbooks/flood".into(),
        ..Room::default()
    };
    let seen = [("surge/grow", vec![web])];
    let said = said(&[surge("", TEN)], &seen, &room);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("capacity is not known: pingzhan-playbooks/flood may not list nodes")
    );
}

/// A stage that makes these.
fn making(after: &str, objects: &[Value]) -> String {
    let objects = Value::from(objects.to_vec());
    format!(
        "{{ name: make, dependsOn: [{after}], steps: [{{ name: new, apply: {{ objects: {objects} }} }}] }}"
    )
}

/// A workload as a playbook has it: without what only a server gives.
fn manifest(kind: &str, spec: &Value) -> Value {
    let api_version = match kind {
        "Job" | "CronJob" => "batch/v1",
        _ => "apps/v1",
    };
    json!({ "apiVersion": api_version, "kind": kind, "spec": spec,
        "metadata": { "name": "extra", "namespace": "portal" } })
}

fn pod() -> Value {
    json!({ "containers": [{ "name": "c", "resources": { "requests": one_cpu() } }] })
}

/// A call centre that is made for the emergency takes room like every other one; nobody sees its pods
/// before it is too late.
#[test]
fn what_a_plan_makes_takes_room_from_its_stage_on() {
    let template = json!({ "spec": pod() });
    let with = |spec: Value| {
        let mut spec = spec;
        spec["template"] = template.clone();
        spec
    };
    let rows = [
        (manifest("Deployment", &with(json!({ "replicas": 6 }))), 6),
        (manifest("Deployment", &with(json!({}))), 1),
        (manifest("Deployment", &with(json!({ "replicas": 0 }))), 0),
        (manifest("StatefulSet", &with(json!({ "replicas": 4 }))), 4),
        (manifest("Job", &with(json!({}))), 1),
        (manifest("Job", &with(json!({ "parallelism": 5 }))), 5),
        (
            manifest("Job", &with(json!({ "parallelism": 5, "completions": 2 }))),
            2,
        ),
        (
            manifest("Job", &with(json!({ "parallelism": 5, "suspend": true }))),
            0,
        ),
        (manifest("ConfigMap", &with(json!({ "replicas": 7 }))), 0),
    ];
    for (object, count) in rows {
        let (_, said) = all(
            &[making("", std::slice::from_ref(&object))],
            &[],
            &room(nodes(1, 1, "64Gi", 110)),
        );
        let asks = match count {
            0 => "no stage asks for any of it".to_owned(),
            count => format!("stage make asks for {count} CPU, {count} GiB and {count} pod"),
        };
        assert!(said[0].contains(&asks), "{object}: {said:?}");
        let short = format!("{} CPU short in stage make", count - 1);
        assert_eq!(
            said.iter().any(|one| one.contains(&short)),
            count > 1,
            "{object}: {said:?}"
        );
    }
}

/// It goes with the mode: at the return its room is free for what was shed before it.
#[test]
fn what_a_plan_makes_frees_its_room_on_the_way_back() {
    let template = json!({ "spec": pod() });
    let extra = manifest(
        "Deployment",
        &json!({ "replicas": 9, "template": template }),
    );
    let batch = workload("StatefulSet", "batch", 10, &one_cpu());
    let seen = [("shed/calm", vec![batch])];
    // With one CPU that is free, and eight that the shedding frees, nine fit, and go before the eight
    // come back.
    let tight = room(nodes(1, 1, "64Gi", 110));
    let waits = said(
        &[shed(), making("shed", std::slice::from_ref(&extra))],
        &seen,
        &tight,
    );
    assert_eq!(waits, Vec::<String>::new());
    let beside = said(&[shed(), making("", &[extra])], &seen, &tight);
    assert!(
        beside
            .iter()
            .any(|one| one.starts_with("pods would stay Pending: 8 CPU short in stage make")),
        "{beside:?}"
    );
    assert!(
        beside.iter().any(|one| one
            .starts_with("on the way back pods would stay Pending: 8 CPU short in stage shed")),
        "{beside:?}"
    );
}

/// A quota counts pods whoever asks for them, and what nobody can count is named.
#[test]
fn what_a_plan_makes_counts_for_quotas_and_what_has_no_number_is_said() {
    let template = json!({ "spec": pod() });
    let extra = manifest(
        "Deployment",
        &json!({ "replicas": 6, "template": template }),
    );
    let hard = json!({ "pods": "14", "requests.cpu": "20" });
    let used = json!({ "pods": "10", "requests.cpu": "10" });
    let room = with_quota(quota(&hard, &used));
    assert_eq!(
        said(&[making("", &[extra])], &[], &room),
        ["namespace portal: quota compute allows 4 more pods, stage make asks for 6"]
    );
    let every = manifest("DaemonSet", &json!({ "template": template }));
    let often = manifest(
        "CronJob",
        &json!({ "jobTemplate": { "spec": { "template": template } } }),
    );
    let said = said(&[making("", &[every, often])], &[], &Room::default());
    assert_eq!(
        said,
        [
            "what the pods of DaemonSet portal/extra and CronJob portal/extra ask for is not known, and is not counted"
        ]
    );
}

/// The room is looked at only where it matters: a plan that only makes workloads is one of these.
#[test]
fn the_room_of_namespaces_is_looked_at_in_which_pods_are_made() {
    let template = json!({ "spec": pod() });
    let extra = manifest(
        "Deployment",
        &json!({ "replicas": 6, "template": template }),
    );
    let spaces = |object: Value| {
        let book = book(&[making("", &[object])]);
        let plan = plan_of(&book, &facts(&book, &[]));
        super::super::scales(&plan)
    };
    assert_eq!(spaces(extra), ["portal".to_owned()].into());
    assert!(spaces(manifest("Service", &json!({}))).is_empty());
}
