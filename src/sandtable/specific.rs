//! What only some kinds have: a status to begin with, values that are made of others, and fields that
//! never change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::people::policy;
use super::refusal::Cause;

const CRDS: &str = super::kinds::CRDS.0;
const RBAC: &str = "rbac.authorization.k8s.io";

/// Fields of a StatefulSet that may change.
const STATEFUL: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// The status with which an object begins; what a client says of it is dropped.
pub fn begin(kind: &Kind, object: &mut Value) {
    if !kind.has_status {
        return;
    }
    let status = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => Some(json!({ "phase": "Active" })),
        ("", "services") | ("networking.k8s.io", _) => Some(json!({ "loadBalancer": {} })),
        ("", "pods" | "persistentvolumeclaims") => Some(json!({ "phase": "Pending" })),
        ("", _) => None,
        ("apps", "statefulsets") => Some(json!({ "availableReplicas": 0, "replicas": 0 })),
        ("apps", "replicasets") => Some(json!({ "replicas": 0 })),
        ("apps", "daemonsets") => Some(json!({ "currentNumberScheduled": 0,
            "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0 })),
        ("autoscaling", _) => Some(json!({ "currentMetrics": null, "desiredReplicas": 0 })),
        (CRDS, _) => Some(super::crds::begin(object)),
        ("policy", _) => Some(json!({ "currentHealthy": 0, "desiredHealthy": 0,
            "disruptionsAllowed": 0, "expectedPods": 0 })),
        _ if kind.is_custom => None,
        _ => Some(json!({})),
    };
    let members = object.as_object_mut();
    match (members, status) {
        (Some(members), Some(status)) => {
            members.insert("status".to_owned(), status);
        }
        (Some(members), None) if kind.is_custom => {
            members.remove("status");
        }
        _ => {}
    }
}

/// Values that the server makes of others, when an object is made or changed.
pub fn derive(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        }
        ("", "secrets") => plain_to_data(object),
        _ => {}
    }
}

/// The annotation in which a `DaemonSet` counts its templates: in the server it is a field of the spec.
const TEMPLATES: &str = "deprecated.daemonset.template.generation";

/// Counts the templates of a `DaemonSet`. `old` is null where it is new.
pub fn count_templates(kind: &Kind, old: &Value, new: &mut Value) {
    if (kind.group.as_str(), kind.plural.as_str()) != ("apps", "daemonsets") {
        return;
    }
    let count = old["metadata"]["annotations"][TEMPLATES].as_str();
    let count: u64 = count.and_then(|text| text.parse().ok()).unwrap_or_default();
    let is_another = old["spec"]["template"] != new["spec"]["template"];
    let count = count + u64::from(is_another);
    new["metadata"]["annotations"][TEMPLATES] = count.to_string().into();
}

/// What a Secret says in plain text is kept as its data.
fn plain_to_data(object: &mut Value) {
    let Some(members) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(plain)) = members.remove("stringData") else {
        return;
    };
    let data = members
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()));
    for (key, value) in plain {
        data[key] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
    }
}

/// What is wrong with an object of a built-in kind.
pub fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => keys(object),
        ("apps", _) => workload(object),
        ("autoscaling", _) => autoscaler(object),
        ("coordination.k8s.io", _) => lease(object),
        (policy::GROUP, "validatingadmissionpolicies") => policy::valid::policy(object),
        (policy::GROUP, "validatingadmissionpolicybindings") => policy::bound::binding(object),
        ("batch", "cronjobs") => schedule(object),
        ("events.k8s.io", _) => event(object),
        (CRDS, _) => super::crds::faults(object),
        _ => Vec::new(),
    }
}

fn keys(object: &Value) -> Vec<Cause> {
    const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    let mut causes = Vec::new();
    for member in ["data", "binaryData"] {
        for key in object[member]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
        {
            let holds = key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if !holds || key.is_empty() {
                let field = format!("{member}[{key}]");
                causes.push(Cause::invalid(&field, &key.as_str().into(), KEY));
            }
        }
    }
    causes
}

fn negative(object: &Value, path: [&str; 2], causes: &mut Vec<Cause>) {
    let value = &object[path[0]][path[1]];
    if value.as_i64().is_some_and(|number| number < 0) {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid(&path.join("."), value, why));
    }
}

fn workload(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    negative(object, ["spec", "replicas"], &mut causes);
    let selector = &object["spec"]["selector"];
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
        return causes;
    }
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let matches = wanted.into_iter().all(|(key, value)| labels[key] == *value);
    if !matches {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
    causes
}

fn autoscaler(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let bound = |name: &str| object["spec"][name].as_i64();
    let (least, most) = (bound("minReplicas"), bound("maxReplicas"));
    if least.is_some_and(|least| least < 1) {
        let why = "must be greater than or equal to 1";
        causes.push(Cause::invalid(
            "spec.minReplicas",
            &object["spec"]["minReplicas"],
            why,
        ));
    }
    if most.is_none_or(|most| most < 1) {
        let why = "must be greater than 0";
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &most.unwrap_or_default().into(),
            why,
        ));
    } else if least > most {
        let why = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &object["spec"]["maxReplicas"],
            why,
        ));
    }
    causes
}

fn lease(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let seconds = &object["spec"]["leaseDurationSeconds"];
    if seconds.as_i64().is_some_and(|seconds| seconds <= 0) {
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
    negative(object, ["spec", "leaseTransitions"], &mut causes);
    causes
}

/// Words that stand for a whole schedule.
const SCHEDULES: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

fn schedule(object: &Value) -> Vec<Cause> {
    let value = &object["spec"]["schedule"];
    let text = value.as_str().unwrap_or_default();
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.is_empty() {
        return vec![Cause::required("spec.schedule", "")];
    }
    let why = if SCHEDULES.contains(&text) || text.starts_with("@every ") {
        return Vec::new();
    } else if text.starts_with('@') {
        format!("unrecognized descriptor: {text}")
    } else if fields.len() == 5 {
        return Vec::new();
    } else {
        let said = fields.join(" ");
        format!(
            "expected exactly 5 fields, found {}: [{said}]",
            fields.len()
        )
    };
    vec![Cause::invalid("spec.schedule", value, &why)]
}

/// Who reports an event, and what was done, is said.
fn event(object: &Value) -> Vec<Cause> {
    const NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let mut causes = Vec::new();
    let is_empty = |name: &str| object[name].as_str().unwrap_or_default().is_empty();
    for name in [
        "reportingController",
        "reportingInstance",
        "action",
        "reason",
    ] {
        if is_empty(name) {
            causes.push(Cause::required(name, ""));
        }
    }
    if is_empty("reportingController") {
        for why in ["name part must be non-empty", NAME] {
            causes.push(Cause::invalid("reportingController", &"".into(), why));
        }
    }
    causes
}

/// What is wrong with a change of an object of a built-in kind.
pub fn changes(kind: &Kind, old: &Value, new: &Value) -> Vec<Cause> {
    const IMMUTABLE: &str = "field is immutable when `immutable` is set";
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps" | "secrets") if old["immutable"] == true => {
            let mut causes = Vec::new();
            if new["immutable"] != true {
                causes.push(Cause::forbidden("immutable", IMMUTABLE));
            }
            for member in ["data", "binaryData"] {
                if new[member] != old[member] {
                    causes.push(Cause::forbidden(member, IMMUTABLE));
                }
            }
            causes
        }
        (RBAC, "rolebindings" | "clusterrolebindings") if old["roleRef"] != new["roleRef"] => {
            let said = &new["roleRef"];
            // The server's own type has no other names.
            let internal = json!({ "APIGroup": said["apiGroup"], "Kind": said["kind"],
                "Name": said["name"] });
            let why = "cannot change roleRef";
            vec![Cause::invalid("roleRef", &internal, why)]
        }
        ("apps", "statefulsets") => {
            let fixed = |object: &Value| {
                let members = object["spec"].as_object().into_iter().flatten();
                let kept = members.filter(|(name, _)| !STATEFUL.contains(&name.as_str()));
                kept.map(|(name, value)| (name.clone(), value.clone()))
                    .collect::<Map<_, _>>()
            };
            if fixed(old) == fixed(new) {
                return Vec::new();
            }
            let names: Vec<String> = STATEFUL[..6]
                .iter()
                .map(|name| format!("'{name}'"))
                .collect();
            let why = format!(
                "updates to statefulset spec for fields other than {} and 'minReadySeconds' are forbidden",
                names.join(", ")
            );
            vec![Cause::forbidden("spec", &why)]
        }
        ("apps", _) if old["spec"]["selector"] != new["spec"]["selector"] => {
            let selector = &new["spec"]["selector"];
            vec![Cause::invalid(
                "spec.selector",
                selector,
                "field is immutable",
            )]
        }
        _ => Vec::new(),
    }
}
