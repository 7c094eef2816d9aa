//! What tables of built-in kinds show: the cells of a row, as the real server prints them. How they are
//! headed is in `data/columns.json`, written down from the real server.
//!
//! Pure: an object and the moment, to cells.

mod access;
mod batch;
mod core;
mod events;
mod network;
mod nodes;
mod pods;
mod scalers;
mod workloads;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::form::{age, human};
use super::kinds::{Column, Kind};

/// Prints the cells of one object.
type Print = fn(&Row<'_>) -> Vec<Value>;

/// Who prints which kind.
const PRINTERS: [(&str, &str, Print); 32] = [
    ("", "namespaces", core::namespace),
    ("", "configmaps", core::config_map),
    ("", "secrets", core::secret),
    ("", "serviceaccounts", core::account),
    ("", "services", network::service),
    ("", "events", events::event),
    ("events.k8s.io", "events", events::newer),
    ("", "nodes", nodes::node),
    ("", "pods", pods::pod),
    ("", "persistentvolumeclaims", core::claim),
    ("", "resourcequotas", core::quota),
    ("", "limitranges", core::made),
    ("apps", "deployments", workloads::deployment),
    ("apps", "statefulsets", workloads::stateful_set),
    ("apps", "daemonsets", workloads::daemon_set),
    ("apps", "replicasets", workloads::replica_set),
    ("batch", "jobs", batch::job),
    ("batch", "cronjobs", batch::cron_job),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        scalers::autoscaler,
    ),
    ("policy", "poddisruptionbudgets", scalers::budget),
    ("coordination.k8s.io", "leases", core::lease),
    ("scheduling.k8s.io", "priorityclasses", core::priority),
    ("networking.k8s.io", "networkpolicies", network::policy),
    ("networking.k8s.io", "ingresses", network::ingress),
    ("discovery.k8s.io", "endpointslices", network::slice),
    (RBAC, "roles", core::made),
    (RBAC, "clusterroles", core::made),
    (RBAC, "rolebindings", access::binding),
    (RBAC, "clusterrolebindings", access::binding),
    (ADMISSION, "validatingadmissionpolicies", access::policy),
    (
        ADMISSION,
        "validatingadmissionpolicybindings",
        access::policy_binding,
    ),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        core::made,
    ),
];
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// What stands where nothing is.
const NONE: &str = "<none>";
const UNSET: &str = "<unset>";
const UNKNOWN: &str = "<unknown>";

/// The columns of a built-in kind, the name included.
pub fn columns(group: &str, version: &str, plural: &str) -> Vec<Column> {
    static READ: OnceLock<BTreeMap<String, Vec<Value>>> = OnceLock::new();
    // A file of ours. A test reads it; one that cannot be read heads nothing.
    let all = READ.get_or_init(|| {
        serde_json::from_str(include_str!("../data/columns.json")).unwrap_or_default()
    });
    let place = format!("{group}/{version}/{plural}");
    let own = all.get(place.trim_start_matches('/'));
    let heads = own.into_iter().flatten().map(|head| {
        let text = |name: &str| head[name].as_str().unwrap_or_default().to_owned();
        Column {
            name: text("name"),
            type_: text("type"),
            format: text("format"),
            description: text("description"),
            priority: head["priority"].as_i64().unwrap_or_default(),
            path: String::new(),
        }
    });
    heads.collect()
}

/// The cells of an object of a built-in kind.
pub fn cells(kind: &Kind, object: &Value, now: &str) -> Vec<Value> {
    let own = PRINTERS
        .iter()
        .find(|(group, plural, _)| kind.group == *group && kind.plural == *plural);
    own.map_or_else(Vec::new, |(_, _, print)| print(&Row { object, now }))
}

/// An object that is printed, and when.
struct Row<'a> {
    object: &'a Value,
    now: &'a str,
}

impl<'a> Row<'a> {
    /// What is at a pointer; null where nothing is.
    fn at(&self, pointer: &str) -> &'a Value {
        self.object.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The text at a pointer; empty where there is none.
    fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// The text at a pointer, or something else where it is empty.
    fn or(&self, pointer: &str, other: &'a str) -> &'a str {
        Some(self.text(pointer))
            .filter(|text| !text.is_empty())
            .unwrap_or(other)
    }

    /// The number at a pointer; 0 where there is none.
    fn number(&self, pointer: &str) -> i64 {
        self.at(pointer).as_i64().unwrap_or_default()
    }

    /// The items at a pointer.
    fn items(&self, pointer: &str) -> &'a [Value] {
        self.at(pointer).as_array().map_or(&[], Vec::as_slice)
    }

    fn name(&self) -> Value {
        self.text("/metadata/name").into()
    }

    /// How long the object is there.
    fn age(&self) -> Value {
        self.since("/metadata/creationTimestamp").into()
    }

    /// How long ago a time is.
    fn since(&self, pointer: &str) -> String {
        let time = self.text(pointer);
        if time.is_empty() {
            return UNKNOWN.to_owned();
        }
        age(time, self.now)
    }
}

/// The text of a member; empty where there is none.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// Texts of a member of each item, joined.
fn joined(items: &[Value], member: &str, between: &str) -> String {
    let texts: Vec<&str> = items.iter().map(|item| text(item, member)).collect();
    texts.join(between)
}

/// A number or a text as it is written.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Labels as `a=b,c=d`; `<none>` for none.
fn labels(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() {
        return NONE.to_owned();
    }
    pairs.join(",")
}

/// A label selector as people type it; `<none>` for one that asks for nothing.
fn selector(selector: &Value) -> String {
    let said = requirements(selector);
    if said.is_empty() {
        return NONE.to_owned();
    }
    said
}

/// A label selector as people type it, empty for one that asks for nothing: by key.
fn requirements(selector: &Value) -> String {
    let pairs = selector["matchLabels"].as_object().into_iter().flatten();
    let mut all: Vec<(&str, String)> = pairs
        .map(|(key, value)| {
            let value = value.as_str().unwrap_or_default();
            (key.as_str(), format!("{key}={value}"))
        })
        .collect();
    for one in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = text(one, "key");
        let values = one["values"].as_array().into_iter().flatten();
        let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let said = match text(one, "operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        all.push((key, said));
    }
    all.sort_by(|one, other| one.0.cmp(other.0));
    let all: Vec<String> = all.into_iter().map(|(_, said)| said).collect();
    all.join(",")
}

/// The names of containers, and their images.
fn containers(spec: &Value) -> [Value; 2] {
    let all = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    [
        joined(all, "name", ",").into(),
        joined(all, "image", ",").into(),
    ]
}

/// How long it is from one time to another.
fn between(first: &str, last: &str) -> String {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (parse(first), parse(last)) {
        (Some(first), Some(last)) => human(last.as_second() - first.as_second()),
        _ => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests;
