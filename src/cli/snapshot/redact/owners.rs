//! managedFields after a redaction: items of lists that are named by a value that was replaced are
//! named by the new one, and what was taken out has no owner.

use serde_json::{Map, Value};

/// One step from an object's root, as the object was.
#[derive(Clone, Debug)]
pub enum Step {
    /// A member.
    Member(String),
    /// An item of a list: its place, and what it may be named by.
    Item(usize, Value),
}

/// What changed for owners.
#[derive(Clone, Debug)]
pub enum Change {
    /// A member was taken out.
    Dropped {
        /// Where it was.
        place: Vec<Step>,
        /// Its name.
        name: String,
    },
    /// The items of a list have other names.
    Renamed {
        /// Where the list is.
        place: Vec<Step>,
        /// What items may have been named by, in their order.
        before: Vec<Value>,
        /// And what they may be named by now.
        after: Vec<Value>,
    },
}

/// What an item may be named by: itself, or its members that are no objects and no lists.
pub fn names(item: &Value) -> Value {
    match item {
        Value::Object(members) => {
            let simple = members
                .iter()
                .filter(|(_, value)| !value.is_object() && !value.is_array());
            Value::Object(
                simple
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            )
        }
        Value::Array(_) => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => item.clone(),
    }
}

/// Has all owners of an object follow changes, the innermost first.
pub fn follow(object: &mut Value, changes: &[Change]) {
    let entries = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        let Some(fields) = entry.get_mut("fieldsV1") else {
            continue;
        };
        for change in changes {
            one(fields, change);
        }
    }
}

fn one(fields: &mut Value, change: &Change) {
    match change {
        Change::Dropped { place, name } => {
            if let Some(members) = descend(fields, place) {
                members.remove(&format!("f:{name}"));
            }
        }
        Change::Renamed {
            place,
            before,
            after,
        } => {
            if let Some(members) = descend(fields, place) {
                let old = std::mem::take(members);
                members.extend(old.into_iter().map(|(key, inside)| {
                    let key = renamed(&key, before, after).unwrap_or(key);
                    (key, inside)
                }));
            }
        }
    }
}

fn descend<'a>(fields: &'a mut Value, place: &[Step]) -> Option<&'a mut Map<String, Value>> {
    let mut at = fields.as_object_mut()?;
    for step in place {
        let key = match step {
            Step::Member(name) => format!("f:{name}"),
            Step::Item(index, item) => at.keys().find(|key| is_of(key, *index, item))?.clone(),
        };
        at = at.get_mut(&key)?.as_object_mut()?;
    }
    Some(at)
}

/// Whether a key of a fieldsV1 names this item.
fn is_of(key: &str, index: usize, item: &Value) -> bool {
    match key.split_once(':') {
        Some(("i", place)) => place.parse() == Ok(index),
        Some(("v", value)) => {
            serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item)
        }
        Some(("k", keys)) => {
            let keys: Option<Map<String, Value>> = serde_json::from_str(keys).ok();
            let has = |name: &String, value: &Value| item.get(name) == Some(value);
            keys.is_some_and(|keys| keys.iter().all(|(name, value)| has(name, value)))
        }
        Some(_) | None => false,
    }
}

/// The new name of an item; nothing where it has the old one, or names none of them.
fn renamed(key: &str, before: &[Value], after: &[Value]) -> Option<String> {
    let mut items = before.iter().zip(after).enumerate();
    let (_, (_, now)) = items.find(|(index, (was, _))| is_of(key, *index, was))?;
    let (kind, text) = key.split_once(':')?;
    match kind {
        "v" => Some(format!("v:{now}")),
        "k" => {
            let mut keys: Map<String, Value> = serde_json::from_str(text).ok()?;
            for (name, value) in &mut keys {
                now.get(name)?.clone_into(value);
            }
            Some(format!("k:{}", Value::Object(keys)))
        }
        _ => None,
    }
}
