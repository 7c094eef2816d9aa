//! Ways through values that breaks share.

use serde_json::Value;

/// Takes away what stands at a place.
pub fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    value.pointer_mut(parent)?.as_object_mut()?.remove(name)
}

/// Gives what stands at a place another value, where something stands there.
pub fn set(value: &mut Value, pointer: &str, new: impl Into<Value>) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new.into();
    }
}

/// Shows every object in a value, the outer ones first.
pub fn objects(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            for (_, member) in members {
                objects(member, change);
            }
        }
        Value::Array(items) => {
            for item in items {
                objects(item, change);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Shows every `metadata` in an answer: that of an object, and those of a list's items.
pub fn metadata(body: &mut Value, change: impl Fn(&mut Value)) {
    let is_list = body.get("items").is_some();
    if let Some(own) = body.get_mut("metadata").filter(|_| !is_list) {
        change(own);
    }
    for item in body
        .get_mut("items")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(own) = item.get_mut("metadata") {
            change(own);
        }
    }
}

/// Takes out of an answer what was not sent.
pub fn only(answer: &mut Value, sent: &Value) {
    match (answer, sent) {
        (Value::Object(members), Value::Object(sent)) => {
            members.retain(|name, _| sent.contains_key(name));
            for (name, member) in members {
                only(member, &sent[name]);
            }
        }
        (Value::Array(items), Value::Array(sent)) => {
            for (item, sent) in items.iter_mut().zip(sent) {
                only(item, sent);
            }
        }
        _ => {}
    }
}

/// Puts into an answer what was sent and is not there.
pub fn all(answer: &mut Value, sent: &Value) {
    match (answer, sent) {
        (Value::Object(members), Value::Object(sent)) => {
            for (name, value) in sent {
                match members.get_mut(name) {
                    Some(member) => all(member, value),
                    None => drop(members.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(items), Value::Array(sent)) => {
            for (item, sent) in items.iter_mut().zip(sent) {
                all(item, sent);
            }
        }
        _ => {}
    }
}

/// Gives numbers and texts of an answer back as they were sent.
pub fn as_sent(answer: &mut Value, sent: &Value) {
    match (answer, sent) {
        (Value::Object(members), Value::Object(sent)) => {
            for (name, member) in members {
                as_sent(member, sent.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(items), Value::Array(sent)) => {
            for (item, sent) in items.iter_mut().zip(sent) {
                as_sent(item, sent);
            }
        }
        (answer, Value::String(_) | Value::Number(_)) => *answer = sent.clone(),
        _ => {}
    }
}

/// Gives the lists of an answer back as they were sent.
pub fn lists_as_sent(answer: &mut Value, sent: &Value) {
    match (answer, sent) {
        (Value::Object(members), Value::Object(sent)) => {
            for (name, member) in members {
                lists_as_sent(member, sent.get(name).unwrap_or(&Value::Null));
            }
        }
        (answer @ Value::Array(_), Value::Array(_)) => *answer = sent.clone(),
        _ => {}
    }
}

/// Takes nulls out of a value.
pub fn without_nulls(value: &mut Value) {
    objects(value, &mut |members| {
        members.retain(|_, value| !value.is_null());
    });
}

/// Makes of every whole number a double and back, as careless readers of JSON do.
pub fn rounded(value: &mut Value) {
    match value {
        Value::Number(number) =>
        {
            #[allow(clippy::cast_possible_truncation, reason = "it is the mistake")]
            if let Some(whole) = number.as_i64() {
                *value = Value::from(whole as f64 as i64);
            }
        }
        Value::Object(members) => members.values_mut().for_each(rounded),
        Value::Array(items) => items.iter_mut().for_each(rounded),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
