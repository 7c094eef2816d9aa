//! Whether what is stored is what this program ships, but for what the API server fills in.

use serde_json::Value;

/// What the API server fills into policies, bindings and CRDs where they do not say.
const FILLED: &[(&str, &str)] = &[
    ("matchPolicy", "\"Equivalent\""),
    ("namespaceSelector", "{}"),
    ("objectSelector", "{}"),
    ("scope", "\"*\""),
    ("failurePolicy", "\"Fail\""),
    ("conversion", "{\"strategy\":\"None\"}"),
];
/// What it makes of the names of a kind.
const NAMES: [&str; 2] = ["listKind", "singular"];

/// Where two differ first; nothing where they are the same.
pub(super) fn differs(own: &Value, live: &Value) -> Option<String> {
    walk(own, live, "")
}

fn walk(own: &Value, live: &Value, at: &str) -> Option<String> {
    match (own, live) {
        (Value::Object(own), Value::Object(live)) => {
            let mut keys: Vec<&String> = own.keys().chain(live.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let place = format!("{at}/{key}");
                match (own.get(key), live.get(key)) {
                    (Some(own), Some(live)) => walk(own, live, &place),
                    (Some(own), None) => (!is_nothing(own)).then_some(place),
                    (None, Some(live)) => (!is_filled(at, key, live)).then_some(place),
                    (None, None) => None,
                }
            })
        }
        (Value::Array(own), Value::Array(live)) => {
            if own.len() != live.len() {
                return Some(at.to_owned());
            }
            let pairs = own.iter().zip(live).enumerate();
            let mut places =
                pairs.map(|(number, (own, live))| walk(own, live, &format!("{at}/{number}")));
            places.find_map(|place| place)
        }
        (Value::Number(one), Value::Number(other)) => {
            (one.as_f64() != other.as_f64()).then(|| at.to_owned())
        }
        (Value::String(one), Value::String(other)) => {
            (one.trim_end() != other.trim_end()).then(|| at.to_owned())
        }
        (one, other) => (one != other).then(|| at.to_owned()),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_filled(at: &str, key: &str, live: &Value) -> bool {
    let known = FILLED.iter().any(|(name, value)| {
        *name == key && serde_json::from_str::<Value>(value).is_ok_and(|value| value == *live)
    });
    known || is_nothing(live) || (at.ends_with("/names") && NAMES.contains(&key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A condition that was added to a policy lets everything past it; a default that is taken for a
    /// change makes people pass over real ones.
    #[test]
    fn what_was_filled_in_is_the_same_and_what_was_changed_is_not() {
        let own = json!({ "rules": [{ "resources": ["pods"] }], "expression": "a\n", "n": 1 });
        let filled = json!({ "rules": [{ "resources": ["pods"], "scope": "*" }], "n": 1.0,
            "expression": "a", "matchPolicy": "Equivalent", "failurePolicy": "Fail", "empty": [] });
        assert_eq!(differs(&own, &filled), None);
        let changed = |place: &str, value: Value| {
            let mut live = filled.clone();
            *live.pointer_mut(place).expect("a place") = value;
            differs(&own, &live)
        };
        assert_eq!(
            changed("/rules/0/scope", json!("Namespaced")).as_deref(),
            Some("/rules/0/scope")
        );
        assert_eq!(
            changed("/failurePolicy", json!("Ignore")).as_deref(),
            Some("/failurePolicy")
        );
        assert_eq!(
            changed("/expression", json!("true")).as_deref(),
            Some("/expression")
        );
        assert_eq!(changed("/rules", json!([])).as_deref(), Some("/rules"));
        let more = json!({ "rules": [{ "resources": ["pods"] }], "expression": "a", "n": 1,
            "matchConditions": [{ "name": "never", "expression": "false" }] });
        assert_eq!(differs(&own, &more).as_deref(), Some("/matchConditions"));
    }
}
