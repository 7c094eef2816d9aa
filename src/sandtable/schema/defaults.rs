//! What a custom object is filled up with, and what of it goes, by its schema.

use serde_json::{Map, Number, Value};

use super::{Part, written};

/// Fills a custom object up as its schema says.
///
/// Guarantees: a default is filled in only where the object around it is there; a null that may not
/// be null is replaced by the default, or dropped where there is none; metadata is written as the
/// server writes it.
pub fn default(part: Part<'_>, value: &mut Value) {
    if part.node().component.is_some() {
        // Metadata, which is a Go structure in custom objects too.
        written::normal(part, value);
        return;
    }
    match value {
        Value::Object(members) => of_object(part, members),
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            for item in items {
                if item.is_null() && !inner.node().nullable {
                    *item = inner.node().default.clone().unwrap_or_default();
                }
                default(inner, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn of_object(part: Part<'_>, members: &mut Map<String, Value>) {
    let is_needless = |name: &String, value: &Value| {
        let node = part.member(name).map(Part::node);
        value.is_null() && node.is_some_and(|node| !node.nullable && node.default.is_none())
    };
    members.retain(|name, value| !is_needless(name, value));
    for (name, property) in part.properties() {
        let Some(filled) = &property.node().default else {
            continue;
        };
        let may_stay = |value: &Value| property.node().nullable || !value.is_null();
        if !members.get(name).is_some_and(may_stay) {
            members.insert(name.to_owned(), filled.clone());
        }
    }
    for (name, value) in members {
        let Some(member) = part.member(name) else {
            continue;
        };
        if value.is_null() && !member.node().nullable {
            *value = member.node().default.clone().unwrap_or_default();
        }
        default(member, value);
    }
}

/// Writes the numbers of a custom object as the server does: `1.0` is `1`.
pub fn numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numbers),
        Value::Object(members) => members.values_mut().for_each(numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A fraction that is none. From 1e21 on Go writes an exponent, and the number stays a fraction.
fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    if float.fract() != 0.0 || float.abs() >= 1e18 {
        return None;
    }
    format!("{float}").parse::<i64>().ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Schema, builtin, of_crd};
    use super::*;

    fn widget() -> Schema {
        of_crd(
            &json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
                "replicas": { "type": "integer" },
                "colour": { "type": "string", "default": "blue" },
                "maybe": { "type": "string", "nullable": true },
                "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "parts": { "type": "array", "items": { "type": "object", "properties": {
                    "name": { "type": "string" }, "size": { "type": "integer", "default": 1 } } } },
                "inner": { "type": "object", "properties": { "paused": { "type": "boolean", "default": false } } },
            } } } }),
            builtin(),
        )
    }

    /// What the server answered: `nulls and big numbers of a custom resource`, and its neighbours.
    #[test]
    fn a_custom_object_gets_its_defaults_and_loses_its_nulls() {
        let schema = widget();
        let mut object = json!({ "metadata": { "name": "w", "labels": {} , "creationTimestamp": null },
            "spec": {
                "replicas": null, "maybe": null, "colour": null,
                "free": { "no": null, "big": 9_007_199_254_740_993_u64, "half": 0.5 },
                "parts": [{ "name": "a" }, { "name": "b", "size": 7 }],
            } });
        default(schema.root(), &mut object);
        assert_eq!(
            object,
            json!({ "metadata": { "name": "w" }, "spec": {
                "colour": "blue", "maybe": null,
                "free": { "no": null, "big": 9_007_199_254_740_993_u64, "half": 0.5 },
                "parts": [{ "name": "a", "size": 1 }, { "name": "b", "size": 7 }],
            } })
        );
    }

    /// A default must not bring its parent with it: a mode would get an abort out of nothing.
    #[test]
    fn a_default_needs_its_parent() {
        let mut object = json!({});
        default(widget().root(), &mut object);
        assert_eq!(object, json!({}));
    }

    /// The fence compares numbers as texts: `1.0` would never match what the server keeps.
    #[test]
    fn whole_fractions_become_whole_numbers() {
        let mut object = json!({ "one": 1.0, "half": 0.5, "many": [2.0, 1e300], "minus": -3.0 });
        numbers(&mut object);
        assert_eq!(
            object.to_string(),
            r#"{"half":0.5,"many":[2,1e+300],"minus":-3,"one":1}"#
        );
    }
}
