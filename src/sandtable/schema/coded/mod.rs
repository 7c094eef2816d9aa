//! What the server fills built-in objects up with. Most of it is constant and comes with the schema
//! ([`super::builtin`]); what depends on something else is a row in [`rules`].

mod rules;
mod service;

use serde_json::{Map, Value, json};

use super::{Part, written};

pub use service::{addressed, needs_address, ported};

/// Fills a built-in object up, and writes it, as the server does on every create and update.
///
/// Guarantees: the outcome is that of the server for what the table of samples shows; doing it twice
/// changes nothing.
///
/// Assumptions: it could be read ([`super::decode_errors`]), and what is unknown is gone
/// ([`super::prune`]). A new object has no `status`: the server takes it away.
pub fn default_builtin(part: Part<'_>, object: &mut Value) {
    default_builtin_since(part, object, None);
}

/// The same, where another object of the kind was filled up: what it shares with that is left alone.
pub fn default_builtin_since(part: Part<'_>, object: &mut Value, old: Option<&Value>) {
    written::normal_since(part, object, old);
    fill(part, object, old);
}

fn fill(part: Part<'_>, value: &mut Value, old: Option<&Value>) {
    if old == Some(value) {
        return;
    }
    match value {
        Value::Object(members) => {
            of_object(part, members);
            for (name, value) in members {
                if let Some(member) = part.member(name) {
                    fill(member, value, old.and_then(|old| old.get(name)));
                }
            }
        }
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                fill(inner, item, old.and_then(|old| old.get(index)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn of_object(part: Part<'_>, members: &mut Map<String, Value>) {
    let component = part.node().component.as_deref().unwrap_or_default();
    rules::apply(&rules::FIRST, component, members);
    for (name, property) in part.properties() {
        if let Some(filled) = &property.node().default
            && !members.contains_key(name)
        {
            members.insert(name.to_owned(), filled.clone());
        }
    }
    rules::apply(&rules::THEN, component, members);
}

/// Gives a new built-in object what it gets once it has its name and its uid: a Job its selector and
/// the labels of its pods, a namespace its finalizer, a `DaemonSet` the number of its template, a Pod
/// its phase.
pub fn created(object: &mut Value) {
    match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("batch/v1"), Some("Job")) => job_selector(object),
        (Some("v1"), Some("Namespace")) if object["spec"]["finalizers"].is_null() => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
        }
        (Some("v1"), Some("Pod")) => object["status"]["phase"] = "Pending".into(),
        (Some("apps/v1"), Some("DaemonSet")) => {
            let name = "deprecated.daemonset.template.generation";
            object["metadata"]["annotations"][name] = "1".into();
        }
        _ => {}
    }
}

fn job_selector(job: &mut Value) {
    if job["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (
        job["metadata"]["uid"].clone(),
        job["metadata"]["name"].clone(),
    );
    // In the server they are the labels of the template, the same ones: they get more with it.
    let taken = [
        Value::Null,
        job["spec"]["template"]["metadata"]["labels"].clone(),
    ];
    let follows = taken.contains(&job["metadata"]["labels"]);
    let labels = &mut job["spec"]["template"]["metadata"]["labels"];
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels[label] = value.clone();
    }
    let labels = labels.clone();
    if follows {
        job["metadata"]["labels"] = labels;
    }
    job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] = uid;
}

#[cfg(test)]
mod tests;
