//! Whether an object is exactly what it was: whole objects compared, ownership included.
//!
//! Only what a return cannot bring back is left out, and that list is a contract
//! (`docs/guarantees.md`): `resourceVersion`, `generation`, `status`, times in managedFields, and
//! what the cluster's own controllers count.

use serde_json::{Map, Value};

/// Annotations that the cluster's own controllers count up at every rollout.
const RESIDUES: [&str; 1] = ["deployment.kubernetes.io/revision"];

/// How two states of one object differ, a sentence each; empty when the object is exactly what it
/// was.
///
/// Guarantees: everything but the documented residues is compared; managedFields are compared entry
/// by entry, each found by who it is (manager, operation, subresource, version), so that an entry
/// too many is one difference that names it.
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", &comparable(before), &comparable(after), &mut found);
    found
}

/// An object without what a return cannot bring back. Its managedFields are a map by who owns.
pub fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
    }
    if let Some(metadata) = object
        .pointer_mut("/metadata")
        .and_then(Value::as_object_mut)
    {
        metadata.remove("resourceVersion");
        metadata.remove("generation");
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|key, _| !RESIDUES.contains(&key.as_str()));
        }
        if let Some(fields) = metadata.get_mut("managedFields") {
            *fields = by_owner(fields);
        }
    }
    object
}

/// managedFields by who owns, without times, and without what wrote the status.
fn by_owner(entries: &Value) -> Value {
    let mut entries: Vec<Value> = entries.as_array().cloned().unwrap_or_default();
    entries.retain(|entry| entry.get("subresource").and_then(Value::as_str) != Some("status"));
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        entry.remove("time");
    }
    entries.sort_by_key(ToString::to_string);
    let mut owners = Map::new();
    for entry in entries {
        let who: Vec<&str> = ["manager", "operation", "subresource", "apiVersion"]
            .iter()
            .filter_map(|key| entry.get(key).and_then(Value::as_str))
            .collect();
        // The server keeps one entry for each; were there two, neither may hide the other.
        let mut who = who.join(" ");
        while owners.contains_key(&who) {
            who.push_str(" again");
        }
        owners.insert(who, entry);
    }
    Value::Object(owners)
}

/// How many values an object holds: leaves, empty lists and objects included. What "N of N fields"
/// counts.
pub fn leaves(object: &Value) -> usize {
    match object {
        Value::Object(map) if !map.is_empty() => map.values().map(leaves).sum(),
        Value::Array(list) if !list.is_empty() => list.iter().map(leaves).sum(),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => 1,
    }
}

fn compare(at: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match new.get(key) {
                    Some(other) => compare(&at, value, other, found),
                    None => found.push(format!("{at} was {value} and is gone")),
                }
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                let key = key.replace('~', "~0").replace('/', "~1");
                found.push(format!("{at}/{key} was not there and is {value}"));
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{at}/{index}"), old, new, found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(format!("{at} was {before} and is {after}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(replicas: &Value, manager: &str, time: &str) -> Value {
        json!({
            "metadata": {
                "name": "web", "resourceVersion": time, "generation": 3,
                "managedFields": [{ "manager": manager, "operation": "Update", "time": time,
                    "fieldsV1": { "f:spec": { "f:replicas": {} } } }],
            },
            "spec": { "replicas": replicas },
            "status": { "replicas": 3 },
        })
    }

    /// Restored means restored: times and versions may differ, nothing else.
    #[test]
    fn only_documented_residues_may_differ() {
        let before = deployment(&json!(3), "helm", "1");
        assert_eq!(
            differences(&before, &deployment(&json!(3), "helm", "2")),
            Vec::<String>::new()
        );
        assert_eq!(
            differences(&before, &deployment(&json!(9), "helm", "1")).len(),
            1
        );
        assert_eq!(
            differences(&before, &deployment(&json!(3), "pingzhan", "1")).len(),
            2,
            "one owner is gone, another is there"
        );
        assert_eq!(
            differences(&before, &deployment(&Value::Null, "helm", "1")).len(),
            1
        );
    }

    /// Whoever reads that a return is not exact must see at once who owns too much.
    #[test]
    fn an_owner_too_many_is_one_difference_that_names_it() {
        let before = deployment(&json!(3), "helm", "1");
        let mut after = before.clone();
        let extra = json!({ "manager": "a-mode", "operation": "Update", "apiVersion": "apps/v1", "time": "1",
            "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } });
        let entries = after["metadata"]["managedFields"].as_array_mut();
        entries.expect("entries").insert(0, extra);
        let found = differences(&before, &after);
        assert_eq!(found.len(), 1, "{found:?}");
        let named = "/metadata/managedFields/a-mode Update scale apps~1v1 was not there";
        assert!(found[0].starts_with(named), "{found:?}");
    }

    /// Two entries of the same name are still two: what one of them lost is a difference.
    #[test]
    fn no_entry_hides_another() {
        let mut before = deployment(&json!(3), "helm", "1");
        let entries = before["metadata"]["managedFields"].as_array_mut();
        let entries = entries.expect("entries");
        let mut second = entries[0].clone();
        second["fieldsV1"] = json!({ "f:data": {} });
        entries.push(second);
        let mut after = before.clone();
        let entries = after["metadata"]["managedFields"].as_array_mut();
        entries.expect("entries").pop();
        assert!(!differences(&before, &after).is_empty());
    }

    /// "N of N" must count what is there, empty values too.
    #[test]
    fn leaves_are_counted_with_empty_ones() {
        assert_eq!(
            leaves(&json!({ "a": 1, "b": [], "c": { "d": null, "e": [1, 2] } })),
            5
        );
    }
}
