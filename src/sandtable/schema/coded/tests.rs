//! Held against what the real server answered.

use serde_json::{Value, json};

use super::super::builtin;
use super::*;

/// Objects as they were sent to the real server, and as it kept them: written by
/// `cargo xtask generate openapi`.
const SAMPLES: &str = include_str!("../../data/samples.json");

fn filled(mut object: Value) -> Value {
    let (group, version) = object["apiVersion"]
        .as_str()
        .map(|text| text.split_once('/').unwrap_or(("", text)))
        .map(|(group, version)| (group.to_owned(), version.to_owned()))
        .expect("it has a version");
    let kind = object["kind"].as_str().expect("it has a kind").to_owned();
    let schema = builtin()
        .kind(&group, &version, &kind)
        .expect("it is served");
    default_builtin(schema.root(), &mut object);
    created(&mut object);
    addressed_if_service(&mut object);
    let again = object.clone();
    default_builtin(schema.root(), &mut object);
    assert_eq!(object, again, "twice is more than once");
    object
}

fn addressed_if_service(object: &mut Value) {
    if object["kind"] == "Service" {
        addressed(object, "10.0.0.1");
    }
}

/// A fill-in that differs from the server's is a field that a switch would see as drift.
#[test]
fn every_sample_is_filled_up_as_the_server_did() {
    let samples: Vec<Value> = serde_json::from_str(SAMPLES).expect("JSON");
    assert!(samples.len() > 20, "{}", samples.len());
    let mut wrong = Vec::new();
    for sample in samples {
        let (sent, kept) = (&sample["sent"], &sample["kept"]);
        let mut object = filled(sent.clone());
        if kept["spec"]["clusterIP"] == "<address>" {
            object["spec"]["clusterIP"] = "<address>".into();
            object["spec"]["clusterIPs"] = json!(["<address>"]);
        }
        if &object != kept {
            wrong.push(format!("{sent}\nis\n{object}\nnot\n{kept}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn template() -> Value {
    json!({ "metadata": { "labels": { "app": "d" } }, "spec": {
        "containers": [{ "image": "web:1", "imagePullPolicy": "IfNotPresent", "name": "web",
            "ports": [{ "containerPort": 80, "protocol": "TCP" }], "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File" }],
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
        "securityContext": {}, "terminationGracePeriodSeconds": 30,
    } })
}

/// What the server answered: `a Deployment gets its defaults`.
#[test]
fn a_deployment_gets_its_defaults() {
    let sent = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" }, "spec": {
        "selector": { "matchLabels": { "app": "d" } },
        "template": { "metadata": { "labels": { "app": "d" } }, "spec": { "containers": [
            { "name": "web", "image": "web:1", "ports": [{ "containerPort": 80 }] }] } } } });
    assert_eq!(
        filled(sent),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" }, "spec": {
            "progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10,
            "selector": { "matchLabels": { "app": "d" } },
            "strategy": { "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" }, "type": "RollingUpdate" },
            "template": template() }, "status": {} })
    );
}

/// What the server answered: `a strategic patch replaces, orders and refuses what it does not know`.
#[test]
fn another_strategy_has_no_rolling_part() {
    let sent = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "strategy": { "type": "Recreate" } } });
    assert_eq!(
        filled(sent)["spec"]["strategy"],
        json!({ "type": "Recreate" })
    );
}

/// What the server answered: `a StatefulSet gets its defaults`.
#[test]
fn a_stateful_set_gets_its_defaults() {
    let sent = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "s" }, "spec": {
        "serviceName": "s", "selector": { "matchLabels": { "app": "s" } }, "template": {} } });
    let kept = filled(sent);
    assert_eq!(
        kept["status"],
        json!({ "availableReplicas": 0, "replicas": 0 })
    );
    let spec = &kept["spec"];
    assert_eq!(
        spec["persistentVolumeClaimRetentionPolicy"],
        json!({ "whenDeleted": "Retain", "whenScaled": "Retain" })
    );
    assert_eq!(spec["podManagementPolicy"], "OrderedReady");
    assert_eq!(
        spec["updateStrategy"],
        json!({ "rollingUpdate": { "partition": 0 }, "type": "RollingUpdate" })
    );
}

/// What the server answered: `a CronJob gets its defaults`.
#[test]
fn a_cron_job_gets_its_defaults() {
    let sent = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "j" }, "spec": {
        "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "j", "image": "j:1" }] } } } } } });
    assert_eq!(
        filled(sent),
        json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "j" }, "spec": {
            "concurrencyPolicy": "Allow", "failedJobsHistoryLimit": 1, "successfulJobsHistoryLimit": 3,
            "schedule": "0 3 * * *", "suspend": false,
            "jobTemplate": { "metadata": {}, "spec": { "template": { "metadata": {}, "spec": {
                "containers": [{ "image": "j:1", "imagePullPolicy": "IfNotPresent", "name": "j", "resources": {},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File" }],
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Never", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30 } } } } }, "status": {} })
    );
}

/// What the server answered: `an autoscaler gets its minimum`.
#[test]
fn an_autoscaler_gets_its_minimum_and_its_metric() {
    let sent = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" },
        "spec": { "maxReplicas": 5, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "d" } } });
    let kept = filled(sent);
    assert_eq!(kept["spec"]["minReplicas"], 1);
    assert_eq!(
        kept["spec"]["metrics"],
        json!([{ "type": "Resource", "resource": { "name": "cpu",
            "target": { "averageUtilization": 80, "type": "Utilization" } } }])
    );
    assert_eq!(
        kept["status"],
        json!({ "currentMetrics": null, "desiredReplicas": 0 })
    );
}

/// What the server answered: `a headless Service gets its defaults`.
#[test]
fn a_headless_service_gets_its_defaults() {
    let sent = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" },
        "spec": { "clusterIP": "None", "selector": { "app": "d" }, "ports": [{ "port": 80 }] } });
    assert_eq!(
        filled(sent),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": {
            "clusterIP": "None", "clusterIPs": ["None"], "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{ "port": 80, "protocol": "TCP", "targetPort": 80 }],
            "selector": { "app": "d" }, "sessionAffinity": "None", "type": "ClusterIP" },
            "status": { "loadBalancer": {} } })
    );
}

/// What the server answered: `a NetworkPolicy gets its types`.
#[test]
fn a_network_policy_gets_its_types() {
    let sent = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "n" },
        "spec": { "podSelector": {}, "egress": [{ "ports": [{ "port": 53 }] }] } });
    assert_eq!(
        filled(sent)["spec"],
        json!({ "egress": [{ "ports": [{ "port": 53, "protocol": "TCP" }] }], "podSelector": {},
            "policyTypes": ["Ingress", "Egress"] })
    );
}

/// What the server answered: `a Job gets its selector and its labels`.
#[test]
fn a_job_gets_its_selector_and_its_labels() {
    let sent = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j", "uid": "u" },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "j", "image": "j:1" }] } } } });
    let spec = &filled(sent)["spec"];
    for (name, value) in [
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("completions", json!(1)),
        ("parallelism", json!(1)),
        ("suspend", json!(false)),
        (
            "selector",
            json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": "u" } }),
        ),
    ] {
        assert_eq!(spec[name], value, "{name}");
    }
    assert_eq!(
        spec["template"]["metadata"]["labels"],
        json!({ "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j",
            "controller-uid": "u", "job-name": "j" })
    );
}

/// What the server answered: `a Secret keeps what was said in plain text`.
#[test]
fn a_secret_keeps_plain_text_as_data() {
    let sent = json!({ "apiVersion": "v1", "kind": "Secret", "stringData": { "k": "v" }, "data": { "l": "dw==" } });
    assert_eq!(
        filled(sent),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": {}, "type": "Opaque",
            "data": { "k": "dg==", "l": "dw==" } })
    );
}
