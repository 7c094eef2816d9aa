//! How stand-ins ask and write: as the real controllers do, each with an account of its own, through
//! the status, with the manager of the program that they are all part of.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ask::{Ask, Place};
use super::super::kinds::Kind;
use super::super::options::Options;
use super::super::people::User;
use super::super::refusal::Refusal;
use super::super::server::Server;
use super::super::store::Key;
use super::super::write::{self, Job, Part};
use super::controller::Controller;
use super::workload::Condition;

/// The program that they are part of: it becomes the manager of what they write.
const AGENT: &str = "kube-controller-manager/sandtable";

/// A request of a controller, to be completed.
pub fn ask(controller: Controller, now: Timestamp) -> Ask {
    Ask {
        method: "PUT".to_owned(),
        path: String::new(),
        query: std::collections::BTreeMap::new(),
        accept: String::new(),
        content_type: "application/json".to_owned(),
        user_agent: AGENT.to_owned(),
        headers: HeaderMap::new(),
        user: User::controller("kube-system", controller.account()),
        body: Vec::new(),
        now,
        operations: std::sync::OnceLock::new(),
        foreseen: std::cell::RefCell::default(),
    }
}

/// The address of an object or its subresource.
pub fn path(place: &Place) -> String {
    let root = if place.group.is_empty() {
        format!("/api/{}", place.version)
    } else {
        format!("/apis/{}/{}", place.group, place.version)
    };
    let space = if place.namespace.is_empty() {
        String::new()
    } else {
        format!("/namespaces/{}", place.namespace)
    };
    let parts = [&place.plural, &place.name, &place.subresource];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.fold(format!("{root}{space}"), |path, part| {
        format!("{path}/{part}")
    })
}

/// Where an object is.
pub fn place(kind: &Kind, key: &Key, subresource: &str) -> Place {
    Place {
        group: key.group.clone(),
        version: kind.version.clone(),
        plural: key.plural.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        subresource: subresource.to_owned(),
        beyond: false,
    }
}

/// Gives an object another status and, where one is named, an annotation. Nothing is written where
/// nothing is other than it was.
///
/// # Errors
/// A policy denies it.
pub fn write_status(
    server: &mut Server,
    controller: Controller,
    key: &Key,
    status: Map<String, Value>,
    annotation: Option<(&str, String)>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(kind) = server.kinds.find(&key.group, &key.plural).cloned() else {
        return Ok(());
    };
    let Some(old) = server.store.get(key).cloned() else {
        return Ok(());
    };
    let is_said = annotation
        .as_ref()
        .is_none_or(|(name, value)| old["metadata"]["annotations"][*name] == *value);
    if is_said && old["status"].as_object() == Some(&status) {
        return Ok(());
    }
    let mut new = Value::clone(&old);
    new["status"] = Value::Object(status);
    if let Some((name, value)) = annotation {
        new["metadata"]["annotations"][name] = value.into();
    }
    let place = place(&kind, key, "status");
    let job = Job {
        kind: &kind,
        place: &place,
        ask: &ask(controller, now),
        options: Options::default(),
        part: Part::Status,
    };
    write::change(server, &job, &Arc::clone(&old), new).map(|_| ())
}

/// Sets a condition in its place: with its message, and with another time only where the status is
/// another.
pub fn set_condition(status: &mut Map<String, Value>, new: Condition<'_>, now: &str) {
    let conditions = status
        .entry("conditions")
        .or_insert_with(|| Value::Array(Vec::new()));
    let Some(all) = conditions.as_array_mut() else {
        return;
    };
    let Some(old) = all.iter_mut().find(|one| one["type"] == new.type_) else {
        all.push(
            json!({ "type": new.type_, "status": new.status, "reason": new.reason,
            "message": new.message, "lastTransitionTime": now }),
        );
        return;
    };
    if old["status"] != new.status {
        old["lastTransitionTime"] = now.into();
    }
    for (member, text) in [
        ("status", new.status),
        ("reason", new.reason),
        ("message", new.message),
    ] {
        old[member] = text.into();
    }
}
