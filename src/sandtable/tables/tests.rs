//! Tables are what people read: a kind without cells, or with cells under the wrong head, misleads.

use serde_json::{Value, json};

use super::super::kinds::Kinds;
use super::super::schema::builtin;
use super::*;

const NOW: &str = "2026-07-01T12:00:00Z";

fn printed(group: &str, plural: &str, object: &Value) -> Vec<Value> {
    let kinds = Kinds::builtin(builtin());
    let kind = kinds.find(group, plural).expect("it is served");
    cells(kind, object, NOW)
}

/// A table whose rows are shorter or longer than its head is read wrongly.
#[test]
fn every_kind_has_as_many_cells_as_columns() {
    let kinds = Kinds::builtin(builtin());
    for kind in kinds.all() {
        let heads = columns(&kind.group, &kind.version, &kind.plural);
        let cells = cells(kind, &json!({ "metadata": { "name": "a" } }), NOW);
        assert!(!heads.is_empty(), "{} has no head", kind.plural);
        assert_eq!(heads.len(), cells.len(), "{}", kind.plural);
        let at = heads.iter().position(|head| head.name == "Name");
        assert_eq!(cells[at.expect("a name")], "a", "{}", kind.plural);
    }
}

/// The counts of an emergency are read here.
#[test]
fn workloads_show_what_is_ready_of_what_is_wanted() {
    let spec = json!({ "replicas": 9, "selector": { "matchLabels": { "app": "w", "a": "b" },
            "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["z", "c"] },
                { "key": "x", "operator": "DoesNotExist" }] },
        "template": { "spec": { "containers": [{ "name": "web", "image": "w:1" }, { "name": "log", "image": "l:2" }] } } });
    let object = json!({ "metadata": { "name": "w", "creationTimestamp": "2026-07-01T11:00:00Z" }, "spec": spec,
        "status": { "replicas": 9, "readyReplicas": 3, "updatedReplicas": 8, "availableReplicas": 2 } });
    assert_eq!(
        Value::from(printed("apps", "deployments", &object)),
        json!([
            "w",
            "3/9",
            8,
            2,
            "60m",
            "web,log",
            "w:1,l:2",
            "a=b,app=w,tier in (c,z),!x"
        ])
    );
    assert_eq!(
        Value::from(printed("apps", "statefulsets", &object)),
        json!(["w", "3/9", "60m", "web,log", "w:1,l:2"])
    );
    assert_eq!(
        Value::from(printed("apps", "replicasets", &object)),
        json!([
            "w",
            9,
            9,
            3,
            "60m",
            "web,log",
            "w:1,l:2",
            "a=b,app=w,tier in (c,z),!x"
        ])
    );
}

/// An autoscaler says what it does not know yet.
#[test]
fn autoscalers_show_their_metrics() {
    let metric = |percent: Value| json!({ "type": "Resource", "resource": { "name": "cpu", "target": percent } });
    let object = json!({ "metadata": { "name": "h" }, "spec": { "scaleTargetRef": { "kind": "Deployment", "name": "w" },
        "minReplicas": 2, "maxReplicas": 9, "metrics": [metric(json!({ "averageUtilization": 80 })),
            { "type": "Pods", "pods": { "target": { "averageValue": "1k" } } }, metric(json!({ "averageValue": "1" }))] },
        "status": { "currentReplicas": 3, "currentMetrics": [{ "resource": { "current": { "averageUtilization": 12 } } }] } });
    assert_eq!(
        Value::from(printed("autoscaling", "horizontalpodautoscalers", &object)),
        json!([
            "h",
            "Deployment/w",
            "cpu: 12%/80%, <unknown>/1k + 1 more...",
            "2",
            9,
            3,
            "<unknown>"
        ])
    );
}

/// An event is the same in both of its forms.
#[test]
fn events_show_when_what_and_to_whom() {
    let older = json!({ "metadata": { "name": "e" }, "type": "Normal", "reason": "Scaled", "message": " up ",
        "involvedObject": { "kind": "Deployment", "name": "w" }, "source": { "component": "operator" },
        "firstTimestamp": "2026-07-01T11:50:00Z", "lastTimestamp": "2026-07-01T11:59:00Z", "count": 4 });
    let shown = json!([
        "60s",
        "Normal",
        "Scaled",
        "deployment/w",
        "",
        "operator",
        "up",
        "10m",
        4,
        "e"
    ]);
    assert_eq!(Value::from(printed("", "events", &older)), shown);
    let newer = json!({ "metadata": { "name": "e" }, "type": "Normal", "reason": "Scaled", "note": "up",
        "regarding": { "kind": "Deployment", "name": "w" }, "reportingController": "operator",
        "eventTime": "2026-07-01T11:50:00.000000Z",
        "series": { "count": 4, "lastObservedTime": "2026-07-01T11:59:00.000000Z" } });
    assert_eq!(
        Value::from(printed("events.k8s.io", "events", &newer)),
        shown
    );
}
