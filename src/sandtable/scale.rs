//! The count of a workload through an object of its own, as `kubectl scale` and autoscalers write it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Ask, Place, Reply};
use super::body;
use super::form::Form;
use super::kinds::{self, Column, Kind, Scale};
use super::options::Options;
use super::patch::Patch;
use super::read::found;
use super::refusal::{Cause, Named, Refusal};
use super::server::Server;
use super::write::{Job, Part, change, modified};

/// What the columns of a count say.
const DESIRED: &str = "replicas is the desired number of instances for the scaled object.";
const AVAILABLE: &str = "replicas is the actual number of observed instances of the scaled object.";

/// The count of an object.
pub fn get(server: &Server, kind: &Arc<Kind>, place: &Place, ask: &Ask) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let object = found(&server.store, kind, place)?;
    let scale = Arc::new(shown(kind, &object));
    let answer = match form {
        Form::Whole | Form::Metadata => scale,
        Form::Table(_) => form.object(&table(kind), &scale, &ask.time()),
    };
    Ok(Reply::json(200, answer))
}

/// A kind whose tables have the columns of counts.
fn table(kind: &Kind) -> Kind {
    let column = |name: &str, description: &str, path: &str| Column {
        name: name.to_owned(),
        type_: "integer".to_owned(),
        format: String::new(),
        description: description.to_owned(),
        priority: 0,
        path: path.to_owned(),
    };
    let (desired, available) = if kind.is_custom {
        ("Number of desired replicas", "Number of actual replicas")
    } else {
        (DESIRED, AVAILABLE)
    };
    let mut columns = vec![
        column("Desired", desired, ".spec.replicas"),
        column("Available", available, ".status.replicas"),
    ];
    columns.extend(kinds::age());
    Kind {
        columns,
        is_custom: true,
        ..kind.clone()
    }
}

/// Changes the count of an object.
pub fn write(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let Some(scale) = kind.scale.clone() else {
        return Err(Refusal::not_found(kind.resource(), &place.name));
    };
    let is_patch = ask.method == "PATCH";
    let patch = if is_patch {
        Some(Patch::read(kind, ask)?)
    } else {
        None
    };
    let is_apply = patch.as_ref().is_some_and(Patch::is_apply);
    let of = if is_patch {
        "PatchOptions"
    } else {
        "UpdateOptions"
    };
    let options = Options::read(ask, of, is_apply)?;
    let old = found(&server.store, kind, place)?;
    let current = shown(kind, &old);
    let mut wanted = match patch {
        Some(patch) => patch.of(kind, &current)?,
        None => serde_json::from_slice(&ask.body)
            .map_err(|_| Refusal::bad_request(body::go_error(&ask.body)))?,
    };
    body::name(&mut wanted, place)?;
    let version = wanted["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if !version.is_empty() && old["metadata"]["resourceVersion"] != *version {
        return Err(modified(kind, place));
    }
    let count = wanted["spec"]["replicas"].as_i64().unwrap_or_default();
    if count < 0 && !kind.is_custom {
        let why = "must be greater than or equal to 0";
        let cause = Cause::invalid("spec.replicas", &count.into(), why);
        let named = Named {
            group: "autoscaling",
            word: "Scale",
        };
        return Err(Refusal::invalid(named, &place.name, vec![cause]));
    }
    let mut new = Value::clone(&old);
    set(&mut new, &scale.spec, count.into());
    let job = Job {
        kind,
        place,
        ask,
        options,
        part: Part::Scale,
    };
    let (kept, _) = change(server, &job, &old, new)?;
    Ok(Reply::json(200, shown(kind, &kept)))
}

fn set(object: &mut Value, path: &[String], value: Value) {
    let mut at = object;
    for name in path {
        at = &mut at[name];
    }
    *at = value;
}

fn at<'a>(object: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(object, |at, name| &at[name])
}

/// The object that shows the count.
fn shown(kind: &Kind, object: &Value) -> Value {
    let none = Scale {
        spec: Vec::new(),
        status: Vec::new(),
        selector: None,
    };
    let scale = kind.scale.as_ref().unwrap_or(&none);
    let metadata = &object["metadata"];
    let mut shown = json!({ "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": { "name": metadata["name"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"] },
        "spec": {}, "status": { "replicas": at(object, &scale.status).as_i64().unwrap_or_default() } });
    if kind.namespaced {
        shown["metadata"]["namespace"] = metadata["namespace"].clone();
    }
    // No count is written as nothing.
    let count = at(object, &scale.spec).as_i64().unwrap_or_default();
    if count != 0 {
        shown["spec"]["replicas"] = count.into();
    }
    let selector = match &scale.selector {
        Some(path) => at(object, path).as_str().unwrap_or_default().to_owned(),
        None => selector(&object["spec"]["selector"]),
    };
    if !selector.is_empty() {
        shown["status"]["selector"] = selector.into();
    }
    shown
}

/// A selector as text.
fn selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut terms: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for one in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = one["key"].as_str().unwrap_or_default();
        let values = one["values"].as_array().into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        terms.push(match one["operator"].as_str().unwrap_or_default() {
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            _ => format!("{key} in ({})", values.join(",")),
        });
    }
    terms.join(",")
}
