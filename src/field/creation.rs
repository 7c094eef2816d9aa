//! Objects that are made for a mode: what stands for one before the server has given it a uid, what
//! is seen of it, and what is sent to make it or to make it anew.
//!
//! A creation is a change of one field, `/metadata/uid`: absent before, and what the server gives
//! after. What is pinned is the place: kind, namespace and name, of which a uid of our own is made.
//! So journal, scheduler and decision take it as they take every other field.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::giveback;
use super::image::Image;
use super::locate::Place;
use super::managed::{self, FormerOwner, Owner};
use super::ops;
use super::path::{Path, escape};
use super::progress::Progress;
use super::project::{self, Identity, Projection, Seen, Target};
use super::set::FieldSet;
use super::uid::Uid;
use crate::api::names::{self, HELD_BY_LABEL, MADE_FOR_LABEL};

/// How the uid of a place begins. The server's own are hexadecimal digits and `-`.
const PREFIX: &str = "made-";
/// Hexadecimal digits of a place's uid: no two places of a cluster have the same.
const DIGITS: usize = 40;

/// The field of a creation.
pub fn path() -> Path {
    Path::fields(["metadata", "uid"])
}

/// The uid that stands for a place. The version of the kind is no part of it.
pub fn uid(api_version: &str, kind: &str, namespace: &str, name: &str) -> Uid {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let place = json!([group, kind, namespace, name]).to_string();
    let digest = Sha256::digest(place.as_bytes());
    let mut uid = String::from(PREFIX);
    for byte in &digest[..DIGITS / 2] {
        let _ = write!(uid, "{byte:02x}");
    }
    uid.into()
}

/// Whether a uid stands for a place.
pub fn is(uid: &str) -> bool {
    uid.starts_with(PREFIX)
}

/// A place as a target.
pub fn target(api_version: &str, kind: &str, plural: &str, namespace: &str, name: &str) -> Target {
    Target::from(Identity {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: uid(api_version, kind, namespace, name),
    })
}

/// What is seen of a place: the object that is there, or that none is.
///
/// Guarantees: one field, [`path`]. It is ours where an object was made by a mode under its own
/// field manager, and says so by its label; whatever has taken its name since is not.
pub fn seen(target: &Target, object: Option<&Value>) -> Projection {
    let metadata = object.map(|object| &object["metadata"]);
    let text = |name: &str| metadata.and_then(|metadata| metadata[name].as_str());
    let managed = metadata.and_then(|metadata| metadata["managedFields"].as_array());
    let seen = Seen {
        path: path(),
        image: object.map_or(Image::Absent, image),
        place: Place::default(),
        owners: object.map(others).unwrap_or_default().into(),
        ours: object.map(makers).unwrap_or_default(),
    };
    Projection {
        target: target.clone(),
        generation: metadata.and_then(|metadata| metadata["generation"].as_i64()),
        resource_version: text("resourceVersion").unwrap_or_default().to_owned(),
        has_labels: label(object, HELD_BY_LABEL).is_some(),
        held_by: label(object, HELD_BY_LABEL).map(str::to_owned),
        deleting: text("deletionTimestamp").is_some(),
        tracked: object.is_none() || managed.is_some_and(|entries| !entries.is_empty()),
        priority: None,
        progress: object.map_or(Progress::Unknown, Progress::of),
        managed_fields: None,
        seen: vec![seen],
    }
}

/// The uid of the mode that an object was made for, as it says itself.
pub fn made_for(object: &Value) -> Option<&str> {
    label(Some(object), MADE_FOR_LABEL)
}

fn label<'a>(object: Option<&'a Value>, key: &str) -> Option<&'a str> {
    object?.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// What is compared of an object: its uid, what of its labels and annotations is ours, and all else
/// but its status, what the server counts in its metadata, and a count of replicas, which
/// autoscalers move. While it is being deleted also since when, and what keeps it.
fn image(object: &Value) -> Image {
    let metadata = &object["metadata"];
    let mut kept = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        if !["apiVersion", "kind", "metadata", "status"].contains(&name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    if let Some(spec) = kept.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    let ours = our_words(object);
    for part in ["labels", "annotations"] {
        let words = metadata[part].as_object().into_iter().flatten();
        let words: Map<String, Value> = words
            .filter(|(key, _)| ours.contains(&(part, key.as_str())))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !words.is_empty() {
            kept.insert(part.to_owned(), words.into());
        }
    }
    let mut image = json!({ "uid": metadata["uid"], "object": kept });
    if let Some(since) = metadata["deletionTimestamp"].as_str() {
        image["deleting"] = json!({ "since": since, "finalizers": metadata["finalizers"] });
    }
    Image::Present(image)
}

/// The labels and annotations that a mode's manager owns.
fn our_words(object: &Value) -> BTreeSet<(&'static str, &str)> {
    let mut words = BTreeSet::new();
    for entry in entries(object).filter(|entry| managed::is_ours(manager(entry))) {
        for part in ["labels", "annotations"] {
            let owned = &entry["fieldsV1"]["f:metadata"][format!("f:{part}")];
            let keys = owned.as_object().into_iter().flatten();
            words.extend(keys.filter_map(|(key, _)| Some((part, key.strip_prefix("f:")?))));
        }
    }
    words
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten()
}

fn manager(entry: &Value) -> &str {
    entry["manager"].as_str().unwrap_or_default()
}

/// The managers of the mode that an object says it was made for, as far as they hold any of it.
fn makers(object: &Value) -> Vec<String> {
    let Some(mode) = made_for(object) else {
        return Vec::new();
    };
    let tail = format!("/{}", names::short_uid(mode));
    let is_maker = |name: &&str| managed::is_ours(name) && name.ends_with(&tail);
    let mut makers: Vec<String> = Vec::new();
    for name in entries(object).map(manager).filter(is_maker) {
        if !makers.iter().any(|known| known == name) {
            makers.push(name.to_owned());
        }
    }
    makers
}

/// Who else wrote an object, but through a subresource: the latest first.
fn others(object: &Value) -> Vec<FormerOwner> {
    let wrote = |entry: &&Value| {
        !managed::is_ours(manager(entry)) && entry["subresource"].as_str().is_none_or(str::is_empty)
    };
    let mut others: Vec<FormerOwner> = entries(object)
        .filter(wrote)
        .map(|entry| FormerOwner {
            owner: Arc::new(Owner::of(entry)),
            at: entry["time"].as_str().map(str::to_owned),
            lost: FieldSet::new(),
        })
        .collect();
    // As the server writes times, they sort as texts.
    others.sort_by(|one, other| other.at.cmp(&one.at));
    others
}

/// The uid that the server gave an object.
pub fn given(image: &Image) -> Option<&str> {
    image.value()?.get("uid")?.as_str()
}

/// Why an object that is being deleted is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// Since when it is being deleted, as the server says it.
    pub since: String,
    /// What keeps it.
    pub finalizers: Vec<String>,
}

/// Why an object is still there, where it is being deleted.
pub fn going(image: &Image) -> Option<Going> {
    let deleting = image.value()?.get("deleting")?;
    let finalizers = deleting["finalizers"].as_array().into_iter().flatten();
    Some(Going {
        since: deleting["since"].as_str().unwrap_or_default().to_owned(),
        finalizers: finalizers
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    })
}

/// What somebody changed of an object, as JSON Pointers: at most so many, in order.
pub fn changed(before: &Image, now: &Image, most: usize) -> Vec<String> {
    let object = |image: &Image| image.value().map(|value| value["object"].clone());
    let (Some(before), Some(now)) = (object(before), object(now)) else {
        return Vec::new();
    };
    let mut changed = Vec::new();
    differences(&before, &now, &mut String::new(), &mut changed);
    changed.truncate(most);
    changed
}

fn differences(before: &Value, now: &Value, at: &mut String, changed: &mut Vec<String>) {
    if before == now {
        return;
    }
    let (Some(old), Some(new)) = (before.as_object(), now.as_object()) else {
        let whole = if at.is_empty() { "/" } else { at.as_str() };
        changed.push(whole.to_owned());
        return;
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let end = at.len();
        at.push('/');
        at.push_str(&escape(name));
        let of = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_default();
        differences(&of(old), &of(new), at, changed);
        at.truncate(end);
    }
}

/// The object that is sent to make one: as the playbook has it, with what says whose it is.
pub fn body(manifest: &Value, mode: &str, mode_uid: &str) -> Value {
    let mut body = manifest.clone();
    let labels = body["metadata"]
        .as_object_mut()
        .map(|metadata| metadata.entry("labels").or_insert_with(|| json!({})));
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.insert(HELD_BY_LABEL.to_owned(), names::label_value(mode).into());
        labels.insert(MADE_FOR_LABEL.to_owned(), mode_uid.into());
    }
    body
}

/// A patch that makes an object anew what it was made as, whatever others made of it: guarded by its
/// uid and resource version. What others added to its metadata stays, and so does its status, and
/// its count of replicas where the playbook gives none.
pub fn renewed(live: &Value, body: &Value) -> json_patch::Patch {
    let mut operations = guard(live);
    let is_own =
        |name: &&String| !["apiVersion", "kind", "metadata", "status"].contains(&name.as_str());
    for (name, value) in body.as_object().into_iter().flatten() {
        if !is_own(&name) {
            continue;
        }
        let mut value = value.clone();
        if let Some(count) = live[name].get("replicas")
            && let Some(fields) = value.as_object_mut()
        {
            fields.entry("replicas").or_insert_with(|| count.clone());
        }
        operations.push(ops::add(&format!("/{}", escape(name)), value));
    }
    let gone = live.as_object().into_iter().flatten().map(|(name, _)| name);
    for name in gone.filter(is_own).filter(|name| body.get(name).is_none()) {
        operations.push(ops::remove(&format!("/{}", escape(name))));
    }
    for part in ["labels", "annotations"] {
        let Some(words) = body["metadata"][part].as_object() else {
            continue;
        };
        if !live["metadata"][part].is_object() {
            operations.push(ops::add(&format!("/metadata/{part}"), json!({})));
        }
        for (key, value) in words {
            let place = format!("/metadata/{part}/{}", escape(key));
            operations.push(ops::add(&place, value.clone()));
        }
    }
    json_patch::Patch(operations)
}

/// A patch that takes a mode's marks off an object that stays, ownership included; nothing where there
/// are none. `manager` is the mode's; what other modes hold of the object stays theirs, and the label
/// with it.
pub fn unmarked(live: &Value, plural: &str, manager: &str) -> Option<json_patch::Patch> {
    let seen = project::project(live, plural, &[], true)?;
    let others = entries(live).map(self::manager);
    let others = others.filter(|name| managed::is_ours(name) && *name != manager);
    let others: Vec<String> = others.map(str::to_owned).collect();
    let given_back = giveback::give_back(&seen, manager, &[], true, &others)
        .ok()
        .flatten();
    let mut operations = given_back.map(|patch| patch.0).unwrap_or_default();
    let mut marks = vec![MADE_FOR_LABEL];
    if operations.is_empty() && others.is_empty() {
        marks.push(HELD_BY_LABEL);
    }
    marks.retain(|mark| label(Some(live), mark).is_some());
    if operations.is_empty() && !marks.is_empty() {
        operations = guard(live);
    }
    let removed = marks
        .iter()
        .map(|mark| format!("/metadata/labels/{}", escape(mark)));
    operations.extend(removed.map(|place| ops::remove(&place)));
    (!operations.is_empty()).then_some(json_patch::Patch(operations))
}

fn guard(live: &Value) -> Vec<json_patch::PatchOperation> {
    let metadata = &live["metadata"];
    vec![
        ops::test("/metadata/uid", metadata["uid"].clone()),
        ops::replace(
            "/metadata/resourceVersion",
            metadata["resourceVersion"].clone(),
        ),
    ]
}

#[cfg(test)]
mod tests;
