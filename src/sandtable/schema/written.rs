//! How the server writes what it has read into a Go structure: what is empty there is left out, and
//! quantities and times have one form.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value};

use super::Part;
use crate::field::quantity;

/// The component of amounts.
pub const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
/// The component of times to the second.
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
/// The component of times to the microsecond.
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

/// Writes a built-in object, or a part of one, as the server does.
///
/// Guarantees: only what Go does not tell from nothing is left out. What is of the wrong type, or no
/// time and no quantity, stays as it is.
pub fn normal(part: Part<'_>, value: &mut Value) {
    normal_since(part, value, None);
}

/// The same, where another one is written so already: what it shares with that is left alone.
pub fn normal_since(part: Part<'_>, value: &mut Value, old: Option<&Value>) {
    if old == Some(value) {
        return;
    }
    if let Some(text) = rewritten(part, value) {
        *value = text.into();
        return;
    }
    match value {
        Value::Object(members) => of_object(part, members, old),
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                normal_since(inner, item, old.and_then(|old| old.get(index)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn of_object(part: Part<'_>, members: &mut Map<String, Value>, old: Option<&Value>) {
    let amounts = part.additional().is_some_and(|part| is(part, QUANTITY));
    members.retain(|name, value| {
        let Some(member) = part.member(name) else {
            return true;
        };
        normal_since(member, value, old.and_then(|old| old.get(name)));
        if amounts {
            let text = value
                .as_str()
                .and_then(|text| quantity::canonical(text, true));
            if let Some(text) = text {
                *value = text.into();
            }
        }
        part.property(name).is_none() || !is_left_out(part, name, value)
    });
}

/// Whether Go leaves a member out.
fn is_left_out(part: Part<'_>, name: &str, value: &Value) -> bool {
    let required = part.node().required.iter().any(|needed| needed == name);
    let member = part.member(name);
    let omits_zero = member.is_some_and(|member| member.node().omits_zero);
    match value {
        Value::Null => true,
        Value::Bool(value) => omits_zero && !value,
        Value::Number(number) => omits_zero && number.as_f64() == Some(0.0),
        Value::String(text) => omits_zero && text.is_empty(),
        Value::Array(items) => items.is_empty() && !required,
        Value::Object(members) => {
            let is_map = member.is_some_and(|member| member.additional().is_some());
            members.is_empty() && is_map && !required
        }
    }
}

fn rewritten(part: Part<'_>, value: &Value) -> Option<String> {
    if is(part, QUANTITY) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        return quantity::canonical(&text, false);
    }
    if is(part, TIME) {
        let time: Timestamp = value.as_str()?.parse().ok()?;
        return Some(
            DateTimePrinter::new()
                .precision(Some(0))
                .timestamp_to_string(&time),
        );
    }
    if is(part, MICRO_TIME) {
        let time: Timestamp = value.as_str()?.parse().ok()?;
        return Some(
            DateTimePrinter::new()
                .precision(Some(6))
                .timestamp_to_string(&time),
        );
    }
    None
}

/// Whether it is that component.
pub fn is(part: Part<'_>, component: &str) -> bool {
    part.node().component.as_deref() == Some(component)
}

/// Whether it is a time.
pub fn is_time(part: Part<'_>) -> bool {
    is(part, TIME) || is_micro(part)
}

/// Whether it is a time to the microsecond.
pub fn is_micro(part: Part<'_>) -> bool {
    is(part, MICRO_TIME)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::builtin;
    use super::*;

    fn written(group: &str, kind: &str, mut object: Value) -> Value {
        let schema = builtin().kind(group, "v1", kind).expect("it is served");
        normal(schema.root(), &mut object);
        object
    }

    /// An empty map of labels is no change: the server keeps none.
    #[test]
    fn what_is_empty_is_left_out() {
        let object = written(
            "",
            "ConfigMap",
            json!({
                "metadata": { "name": "c", "labels": {}, "finalizers": [], "creationTimestamp": null },
                "data": {}, "binaryData": null, "immutable": false,
            }),
        );
        assert_eq!(
            object,
            json!({ "metadata": { "name": "c" }, "immutable": false })
        );
    }

    /// `paused: false` and no `paused` are the same to the server, `suspend: false` is not.
    #[test]
    fn zeros_go_where_go_cannot_tell_them_from_nothing() {
        let spec = json!({ "spec": { "paused": false, "replicas": 0, "minReadySeconds": 0 } });
        let object = written("apps", "Deployment", spec);
        assert_eq!(object, json!({ "spec": { "replicas": 0 } }));
        let spec = json!({ "spec": { "suspend": false } });
        assert_eq!(written("batch", "CronJob", spec.clone()), spec);
    }

    /// A selector that is empty selects everything: it must not go.
    #[test]
    fn an_empty_selector_stays() {
        let spec = json!({ "spec": { "podSelector": {}, "ingress": [{ "from": [{ "podSelector": {} }] }] } });
        assert_eq!(
            written("networking.k8s.io", "NetworkPolicy", spec.clone()),
            spec
        );
    }

    /// What the server answered: `quantities are rewritten and numbers of ports are kept`.
    #[test]
    fn amounts_and_times_have_one_form() {
        let object = written(
            "apps",
            "Deployment",
            json!({ "spec": { "template": { "spec": {
                "containers": [{ "name": "web", "resources": {
                    "limits": { "cpu": "1000m", "memory": "1024Mi" }, "requests": { "cpu": 0.5 } } }],
                "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": "1024Mi" } }],
            } } } }),
        );
        let spec = &object["spec"]["template"]["spec"];
        assert_eq!(
            spec["containers"][0]["resources"],
            json!({ "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "500m" } })
        );
        assert_eq!(spec["volumes"][0]["emptyDir"]["sizeLimit"], "1Gi");
        let lease = written(
            "coordination.k8s.io",
            "Lease",
            json!({ "spec": { "renewTime": "2026-07-01T10:00:00.500000+02:00" },
                "metadata": { "deletionTimestamp": "2026-07-01T10:00:00.5+02:00" } }),
        );
        assert_eq!(lease["spec"]["renewTime"], "2026-07-01T08:00:00.500000Z");
        assert_eq!(
            lease["metadata"]["deletionTimestamp"],
            "2026-07-01T08:00:00Z"
        );
    }
}
