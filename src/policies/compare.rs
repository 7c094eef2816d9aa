//! Whether what the API server has is what this version ships: policies and bindings the same, kinds
//! at least as strict.

use serde_json::{Map, Value};

/// What the server fills in where nothing is said; told from what is written so that both sides read
/// alike.
const DEFAULTS: [(&str, &str); 3] = [
    ("matchPolicy", "Equivalent"),
    ("failurePolicy", "Fail"),
    ("scope", "*"),
];
/// Selectors that the server fills in, and that choose everything then.
const SELECTORS: [&str; 2] = ["namespaceSelector", "objectSelector"];

/// What of a policy's or binding's spec is other than it should be: a sentence's end, such as
/// `spec.validations[3].expression is not what this version ships`.
pub fn same(own: &Value, live: &Value) -> Option<String> {
    let part = |object: &Value| without_defaults(object.get("spec").unwrap_or(&Value::Null));
    difference("spec", &part(own), &part(live))
        .map(|place| format!("{place} is not what this version ships"))
}

/// What of a schema has the server put something in an object that nobody wrote, or lets anything in.
const LAX: [&str; 3] = [
    "default",
    "nullable",
    "x-kubernetes-preserve-unknown-fields",
];
/// Whose keys are the names of fields, not words of a schema.
const NAMES: &str = "properties";

/// What of a kind is missing at the server, or more than this version ships where that weakens it: a
/// newer one may say more, never less.
///
/// Guarantees: no field that this version knows has a default that it does not ship. Defaults are filled
/// in when an object is read, where no policy sees it: an approval that nobody wrote. Nor is there another
/// version of the kind, or a webhook that converts it: who reads would not see what was judged.
pub fn contained(own: &Value, live: &Value) -> Option<String> {
    let spec = |object: &Value| object.get("spec").cloned().unwrap_or_default();
    let (own, live) = (spec(own), spec(live));
    if let Some(place) = missing("spec", &own, &live) {
        return Some(format!("{place} is not as strict as this version ships it"));
    }
    if let Some(place) = added("spec", &own, &live) {
        return Some(format!("{place} is not as strict as this version ships it"));
    }
    let versions = |spec: &Value| spec["versions"].as_array().map_or(0, Vec::len);
    if versions(&live) > versions(&own) {
        return Some("spec.versions has one that this version does not ship".to_owned());
    }
    let strategy = live["conversion"]["strategy"].as_str().unwrap_or("None");
    (strategy != "None")
        .then(|| format!("spec.conversion.strategy is {strategy}, and this version ships none"))
}

/// The first place at which the server's schema says what weakens it, of what both know.
fn added(at: &str, own: &Value, live: &Value) -> Option<String> {
    match (own, live) {
        (Value::Object(own), Value::Object(live)) => live.iter().find_map(|(key, live)| {
            let is_name = at.ends_with(&format!(".{NAMES}"));
            let place = format!("{at}.{key}");
            match own.get(key) {
                Some(own) if *own != Value::Bool(false) => added(&place, own, live),
                _ if is_name || !LAX.contains(&key.as_str()) => None,
                _ if *live == Value::Bool(false) => None,
                _ => Some(place),
            }
        }),
        (Value::Array(own), Value::Array(live)) => {
            let both = own.iter().zip(live).enumerate();
            both.into_iter()
                .find_map(|(place, (own, live))| added(&format!("{at}[{place}]"), own, live))
        }
        _ => None,
    }
}

/// A spec without what the server fills in.
fn without_defaults(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, value)| !is_default(key, value));
            let kept = kept.map(|(key, value)| (key.clone(), without_defaults(value)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(without_defaults).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    DEFAULTS
        .iter()
        .any(|(name, text)| key == *name && value == text)
        || (SELECTORS.contains(&key) && value.as_object().is_some_and(Map::is_empty))
        || value.is_null()
}

/// The first place at which two values differ.
fn difference(at: &str, own: &Value, live: &Value) -> Option<String> {
    match (own, live) {
        (Value::Object(own), Value::Object(live)) => {
            let keys = own
                .keys()
                .chain(live.keys().filter(|key| !own.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let at = format!("{at}.{key}");
                difference(
                    &at,
                    own.get(key).unwrap_or(&Value::Null),
                    live.get(key).unwrap_or(&Value::Null),
                )
            })
        }
        (Value::Array(own), Value::Array(live)) if own.len() == live.len() => own
            .iter()
            .zip(live)
            .enumerate()
            .find_map(|(place, (own, live))| difference(&format!("{at}[{place}]"), own, live)),
        _ => (own != live).then(|| at.to_owned()),
    }
}

/// The first place at which something is not there. What says nothing need not be there.
fn missing(at: &str, own: &Value, live: &Value) -> Option<String> {
    match (own, live) {
        (Value::Null, _) => None,
        (Value::Object(own), _) if own.is_empty() => None,
        (Value::Array(own), _) if own.is_empty() => None,
        // A bound that is a float here comes back as an integer.
        (Value::Number(own), Value::Number(live)) if own.as_f64() == live.as_f64() => None,
        (Value::Object(own), Value::Object(live)) => lacking(at, own, live),
        (Value::Array(own), Value::Array(live)) => {
            let there = |own| live.iter().any(|live| missing("", own, live).is_none());
            let (place, own) = own.iter().enumerate().find(|(_, own)| !there(own))?;
            let at = format!("{at}[{place}]");
            // What stands in its place says more precisely what is missing.
            let found = live.get(place).and_then(|live| missing(&at, own, live));
            found.or(Some(at))
        }
        _ => (own != live).then(|| at.to_owned()),
    }
}

/// The first place of an object at which something is not there.
fn lacking(at: &str, own: &Map<String, Value>, live: &Map<String, Value>) -> Option<String> {
    own.iter().find_map(|(key, own)| {
        // Prose for people: `description` is a property's name only where it is an object.
        if key == "description" && own.is_string() {
            return None;
        }
        let at = format!("{at}.{key}");
        missing(&at, own, live.get(key).unwrap_or(&Value::Null))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(spec: &Value) -> Value {
        json!({ "kind": "ValidatingAdmissionPolicy", "spec": spec })
    }

    /// The server fills in what was left out: a policy that was stored is not a tampered one.
    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let own = policy(&json!({
            "matchConstraints": { "resourceRules": [{ "resources": ["playbooks"] }] },
            "validations": [{ "expression": "true" }],
        }));
        let live = policy(&json!({
            "failurePolicy": "Fail",
            "matchConstraints": { "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "resourceRules": [{ "resources": ["playbooks"], "scope": "*" }] },
            "validations": [{ "expression": "true" }],
        }));
        assert_eq!(same(&own, &live), None);
    }

    /// Whatever is weakened is named: an exception more, an expression that is always true, a binding
    /// that only warns, a selector that leaves something out.
    #[test]
    fn whatever_is_changed_is_named() {
        let own = policy(&json!({
            "failurePolicy": "Fail", "validationActions": ["Deny", "Audit"],
            "matchConstraints": { "resourceRules": [{ "resources": ["playbooks"] }] },
            "validations": [{ "expression": "a" }, { "expression": "b" }],
        }));
        let rows = [
            (
                "/spec/validations/1/expression",
                json!("true"),
                "spec.validations[1].expression",
            ),
            (
                "/spec/validations",
                json!([{ "expression": "a" }]),
                "spec.validations",
            ),
            ("/spec/failurePolicy", json!("Ignore"), "spec.failurePolicy"),
            (
                "/spec/validationActions",
                json!(["Warn", "Audit"]),
                "spec.validationActions[0]",
            ),
            (
                "/spec/matchConstraints/resourceRules/0/scope",
                json!("Cluster"),
                "spec.matchConstraints.resourceRules[0].scope",
            ),
            (
                "/spec/matchConstraints/namespaceSelector",
                json!({ "matchLabels": { "a": "b" } }),
                "spec.matchConstraints.namespaceSelector",
            ),
            (
                "/spec/matchConditions",
                json!([{ "name": "x", "expression": "false" }]),
                "spec.matchConditions",
            ),
        ];
        for (pointer, value, named) in rows {
            let mut live = own.clone();
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            let parent = live.pointer_mut(parent).expect("it is there");
            match parent {
                Value::Array(items) => items[key.parse::<usize>().expect("a place")] = value,
                other => other[key] = value,
            }
            let found = same(&own, &live).expect("it differs");
            assert!(
                found.starts_with(&format!("{named} is")),
                "{pointer}: {found}"
            );
        }
    }

    /// A later version may say more of a kind; one that says less, or lets more through, does not hold
    /// what the journal and people's acts rest on.
    #[test]
    fn a_kind_may_be_stricter_and_never_laxer() {
        let mut own = json!({ "spec": { "schema": { "description": "old words", "maxLength": 5, "maximum": 9.0,
            "required": ["by"], "x-kubernetes-validations": [{ "rule": "self == oldSelf" }] } } });
        let mut live = own.clone();
        own["spec"]["subresources"] = json!({});
        let schema = &mut live["spec"]["schema"];
        schema["description"] = json!("new words");
        schema["maximum"] = json!(9);
        schema["required"] = json!(["as", "by"]);
        schema["properties"] = json!({ "more": {} });
        assert_eq!(contained(&own, &live), None);
        live["spec"]["schema"]["x-kubernetes-validations"] = json!([{ "rule": "true" }]);
        let found = contained(&own, &live).expect("a rule is gone");
        assert!(
            found.starts_with("spec.schema.x-kubernetes-validations[0].rule is not"),
            "{found}"
        );
    }

    /// The API server fills defaults in where it reads an object: people's acts would stand in every mode
    /// that nobody wrote, and no policy is asked.
    #[test]
    fn a_kind_that_acts_for_people_is_named() {
        let own = json!({ "spec": { "versions": [{ "name": "v1", "schema": { "properties": {
            "breakGlass": { "type": "object", "properties": { "by": { "type": "string" } } },
            "paused": { "type": "boolean", "default": false },
            "default": { "type": "string" } } } }] } });
        let properties = "/spec/versions/0/schema/properties";
        let place = |at: &str| format!("{properties}{at}");
        let rows = [
            (place("/breakGlass/default"), json!({ "by": "wang" }), true),
            (
                place("/breakGlass/properties/by/default"),
                json!("wang"),
                true,
            ),
            (place("/paused/default"), json!(true), true),
            (place("/breakGlass/nullable"), json!(true), true),
            (place("/breakGlass/nullable"), json!(false), false),
            (
                place("/breakGlass/x-kubernetes-preserve-unknown-fields"),
                json!(true),
                true,
            ),
            // A field that is called so, and one of which this version knows nothing.
            (place("/nullable"), json!({ "type": "string" }), false),
            (place("/later"), json!({ "default": {} }), false),
            ("/spec/versions/1".to_owned(), json!({ "name": "v2" }), true),
            (
                "/spec/conversion".to_owned(),
                json!({ "strategy": "Webhook" }),
                true,
            ),
            (
                "/spec/conversion".to_owned(),
                json!({ "strategy": "None" }),
                false,
            ),
        ];
        for (at, value, is_named) in rows {
            let mut live = own.clone();
            let (parent, key) = at.rsplit_once('/').expect("a pointer");
            match live.pointer_mut(parent).expect("it is there") {
                Value::Array(items) => items.push(value),
                other => other[key] = value,
            }
            let found = contained(&own, &live);
            assert_eq!(found.is_some(), is_named, "{at}: {found:?}");
        }
        assert_eq!(contained(&own, &own), None);
    }

    /// What is added to a schema may let through what it refused. A property may have any name, though.
    #[test]
    fn a_kind_that_takes_whatever_it_is_given_is_laxer() {
        let own = json!({ "spec": { "schema": { "type": "object", "properties": {
            "nullable": { "type": "string" }, "by": { "type": "string" },
            "any": { "x-kubernetes-preserve-unknown-fields": true } } } } });
        assert_eq!(contained(&own, &own), None);
        let rows = [
            ("/spec/schema", "x-kubernetes-preserve-unknown-fields"),
            ("/spec/schema/properties/by", "nullable"),
            ("/spec/schema/properties/nullable", "nullable"),
        ];
        for (pointer, word) in rows {
            let mut live = own.clone();
            live.pointer_mut(pointer).expect("it is there")[word] = json!(true);
            let found = contained(&own, &live).expect("it is laxer");
            let place = pointer.trim_start_matches('/').replace('/', ".");
            let said = format!("{place}.{word} is not as strict");
            assert!(found.starts_with(&said), "{pointer}: {found}");
            live.pointer_mut(pointer).expect("it is there")[word] = json!(false);
            assert_eq!(contained(&own, &live), None, "{pointer}");
        }
        let mut live = own.clone();
        live["spec"]["schema"]["properties"]["more"] = json!({ "nullable": true });
        assert_eq!(contained(&own, &live), None, "a part that is new");
    }
}
