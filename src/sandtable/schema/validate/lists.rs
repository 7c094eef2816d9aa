//! Items that are in a list twice, although their list is a set or has keys.

use serde_json::{Map, Value};

use super::super::{Part, Topology};
use super::child;
use crate::sandtable::refusal::Cause;

/// Adds a cause for each item that another one before it is the same as.
pub fn causes(part: Part<'_>, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(member) = part.member(name).filter(|_| !is_metadata(part, name)) {
                    self::causes(member, value, &child(path, part, name), causes);
                }
            }
        }
        Value::Array(items) => {
            match &part.node().topology {
                Topology::Set => twice(items, path, causes),
                Topology::Keyed(keys) => keyed(items, keys, path, causes),
                Topology::Usual | Topology::Atomic => {}
            }
            let Some(inner) = part.items() else { return };
            for (index, item) in items.iter().enumerate() {
                self::causes(inner, item, &format!("{path}[{index}]"), causes);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether it is metadata, which is looked at elsewhere.
pub fn is_metadata(part: Part<'_>, name: &str) -> bool {
    part.node().embedded && ["apiVersion", "kind", "metadata"].contains(&name)
}

/// Each value that is there more than once is named once, at its second place.
fn twice(items: &[Value], path: &str, causes: &mut Vec<Cause>) {
    for (index, item) in items.iter().enumerate() {
        let before = items[..index].iter().filter(|other| *other == item).count();
        if before == 1 {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {item}"),
                field: format!("{path}[{index}]"),
            });
        }
    }
}

fn keyed(items: &[Value], keys: &[String], path: &str, causes: &mut Vec<Cause>) {
    let stranger = |item: &Value| !item.is_object() && !item.is_null();
    if let Some(index) = items.iter().position(stranger) {
        let field = format!("{path}[{index}]");
        let why = "must be an object for an array of list-type map";
        causes.push(Cause::invalid(&field, &items[index], why));
        return;
    }
    let key = |item: &Value| {
        let named = keys
            .iter()
            .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
        Value::Object(named.collect::<Map<_, _>>())
    };
    let keys: Vec<Value> = items.iter().map(key).collect();
    twice(&keys, path, causes);
}
