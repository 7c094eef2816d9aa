//! Events, which are served by two groups: one object, with other names for its members in each.
//!
//! The operator writes the newer form, `kubectl describe` reads the older one. Here each form is kept,
//! and whatever happens to one happens to the other in the same revision.

use serde_json::{Map, Value};

use super::kinds::Kind;
use super::schema;
use super::store::Key;

/// The group of the newer form. The older one has none.
const NEWER: &str = "events.k8s.io";
/// The plural of both.
const PLURAL: &str = "events";
/// What the members are called: in the older form, and in the newer one.
const NAMES: [(&str, &str); 8] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
];

/// Where the other form of an object is; nothing where it has none.
pub fn other(key: &Key) -> Option<Key> {
    let group = match key.group.as_str() {
        _ if key.plural != PLURAL => return None,
        "" => NEWER,
        NEWER => "",
        _ => return None,
    };
    Some(Key {
        group: group.to_owned(),
        ..key.clone()
    })
}

/// An event in its other form, which is of this kind.
pub fn converted(object: &Value, into: &Kind) -> Value {
    let is_newer = into.group == NEWER;
    let mut converted = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let known = NAMES.iter().find_map(|(old, new)| match is_newer {
            true if old == name => Some(*new),
            false if new == name => Some(*old),
            _ => None,
        });
        converted.insert(known.unwrap_or(name).to_owned(), value.clone());
    }
    converted.insert("apiVersion".to_owned(), into.api_version().into());
    let mut converted = Value::Object(converted);
    // What one form leaves out, the other may write as empty.
    schema::default_builtin(into.schema.root(), &mut converted);
    if is_newer && let Some(members) = converted.as_object_mut() {
        members.retain(|_, value| *value != "");
        members.entry("eventTime").or_insert(Value::Null);
    }
    converted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::Kinds;
    use super::*;

    /// What the operator says of an object must be seen where people look for it.
    #[test]
    fn an_event_has_two_forms() {
        let kinds = Kinds::builtin(schema::builtin());
        let kind = |group| kinds.find(group, PLURAL).expect("it is served");
        let newer = json!({ "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "e" },
            "regarding": { "kind": "Deployment", "name": "d" }, "note": "n", "reason": "r", "action": "a",
            "type": "Normal", "eventTime": "2026-07-01T08:00:00.000000Z", "deprecatedSource": {},
            "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null,
            "reportingController": "c", "reportingInstance": "i" });
        let older = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" },
            "involvedObject": { "kind": "Deployment", "name": "d" }, "message": "n", "reason": "r",
            "action": "a", "type": "Normal", "eventTime": "2026-07-01T08:00:00.000000Z", "source": {},
            "firstTimestamp": null, "lastTimestamp": null,
            "reportingComponent": "c", "reportingInstance": "i" });
        assert_eq!(converted(&newer, kind("")), older);
        assert_eq!(converted(&older, kind(NEWER)), newer);
    }

    /// What the older form writes as empty, the newer one leaves out.
    #[test]
    fn an_event_that_says_little_says_little_in_both_forms() {
        let kinds = Kinds::builtin(schema::builtin());
        let kind = |group| kinds.find(group, PLURAL).expect("it is served");
        let older = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" },
            "involvedObject": { "name": "d" }, "source": {}, "eventTime": null,
            "firstTimestamp": null, "lastTimestamp": null,
            "reportingComponent": "", "reportingInstance": "" });
        let newer = json!({ "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "e" },
            "regarding": { "name": "d" }, "deprecatedSource": {}, "eventTime": null,
            "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null });
        assert_eq!(converted(&older, kind(NEWER)), newer);
        assert_eq!(converted(&newer, kind("")), older);
    }

    /// Nothing else is kept twice.
    #[test]
    fn only_events_have_another_form() {
        let key = |group: &str, plural: &str| Key {
            group: group.to_owned(),
            plural: plural.to_owned(),
            ..Key::default()
        };
        assert_eq!(other(&key("", "events")), Some(key(NEWER, "events")));
        assert_eq!(other(&key(NEWER, "events")), Some(key("", "events")));
        assert_eq!(other(&key("", "configmaps")), None);
        assert_eq!(other(&key("city.example.org", "events")), None);
    }
}
