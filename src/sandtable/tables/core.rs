//! Cells of kinds without much behind them.

use serde_json::Value;

use super::{NONE, Row, UNSET, joined, written};

pub(super) fn namespace(row: &Row<'_>) -> Vec<Value> {
    vec![row.name(), row.text("/status/phase").into(), row.age()]
}

pub(super) fn config_map(row: &Row<'_>) -> Vec<Value> {
    let count = count(row, "/data") + count(row, "/binaryData");
    vec![row.name(), count.into(), row.age()]
}

pub(super) fn secret(row: &Row<'_>) -> Vec<Value> {
    vec![
        row.name(),
        row.text("/type").into(),
        count(row, "/data").into(),
        row.age(),
    ]
}

fn count(row: &Row<'_>, pointer: &str) -> usize {
    row.at(pointer).as_object().map_or(0, serde_json::Map::len)
}

pub(super) fn account(row: &Row<'_>) -> Vec<Value> {
    vec![row.name(), row.age()]
}

/// A name and when it was made, as a time.
pub(super) fn made(row: &Row<'_>) -> Vec<Value> {
    vec![row.name(), row.text("/metadata/creationTimestamp").into()]
}

pub(super) fn lease(row: &Row<'_>) -> Vec<Value> {
    let holder = row.text("/spec/holderIdentity");
    vec![row.name(), holder.into(), row.age()]
}

pub(super) fn priority(row: &Row<'_>) -> Vec<Value> {
    vec![
        row.name(),
        row.number("/value").into(),
        (*row.at("/globalDefault") == true).into(),
        row.age(),
        row.text("/preemptionPolicy").into(),
    ]
}

pub(super) fn claim(row: &Row<'_>) -> Vec<Value> {
    let phase = if row.at("/metadata/deletionTimestamp").is_null() {
        row.text("/status/phase")
    } else {
        "Terminating"
    };
    let volume = row.text("/spec/volumeName");
    let (capacity, modes) = if volume.is_empty() {
        (String::new(), String::new())
    } else {
        let capacity = row.at("/status/capacity/storage");
        let modes = row.items("/status/accessModes").iter();
        let modes: Vec<&str> = modes.map(|mode| short(mode.as_str())).collect();
        let capacity = if capacity.is_null() {
            "0".to_owned()
        } else {
            written(capacity)
        };
        (capacity, modes.join(","))
    };
    let class = row.at("/metadata/annotations/volume.beta.kubernetes.io~1storage-class");
    let class = class
        .as_str()
        .unwrap_or_else(|| row.text("/spec/storageClassName"));
    vec![
        row.name(),
        phase.into(),
        volume.into(),
        capacity.into(),
        modes.into(),
        class.into(),
        row.or("/spec/volumeAttributesClassName", UNSET).into(),
        row.age(),
        row.or("/spec/volumeMode", UNSET).into(),
    ]
}

fn short(mode: Option<&str>) -> &'static str {
    match mode {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        Some(_) | None => "",
    }
}

pub(super) fn quota(row: &Row<'_>) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in row.at("/status/hard").as_object().into_iter().flatten() {
        let used = &row.at("/status/used")[name];
        let used = if used.is_null() {
            "0".to_owned()
        } else {
            written(used)
        };
        let said = format!("{name}: {used}/{}", written(hard));
        if name.starts_with("limits") {
            limits.push(said);
        } else {
            requests.push(said);
        }
    }
    vec![
        row.name(),
        requests.join(", ").into(),
        limits.join(", ").into(),
        row.age(),
    ]
}

/// The names of subjects of a kind, with their namespace where they have one.
pub(super) fn subjects(subjects: &[Value], kind: &str) -> String {
    let own: Vec<Value> = subjects
        .iter()
        .filter(|subject| subject["kind"] == *kind)
        .cloned()
        .map(|mut subject| {
            if let (Some(namespace), Some(name)) =
                (subject["namespace"].as_str(), subject["name"].as_str())
            {
                subject["name"] = format!("{namespace}/{name}").into();
            }
            subject
        })
        .collect();
    joined(&own, "name", ", ")
}

/// `<none>` where a text is empty.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}
