//! Objects inside of objects: they have a kind of their own.

use serde_json::Value;

use super::super::Part;
use super::child;
use super::lists::is_metadata;
use crate::sandtable::refusal::Cause;

/// Adds a cause for each object inside that does not say what it is.
pub fn causes(part: Part<'_>, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(members) => {
            if part.node().embedded && !path.is_empty() {
                for name in ["apiVersion", "kind"] {
                    let field = format!("{path}.{name}");
                    match members.get(name) {
                        None => causes.push(Cause::required(&field, "")),
                        Some(Value::String(text)) if !text.is_empty() => {}
                        Some(text @ Value::String(_)) => {
                            causes.push(Cause::invalid(&field, text, "must not be empty"));
                        }
                        Some(other) => {
                            causes.push(Cause::invalid(&field, other, "must be a string"));
                        }
                    }
                }
            }
            for (name, value) in members {
                if let Some(member) = part.member(name).filter(|_| !is_metadata(part, name)) {
                    self::causes(member, value, &child(path, part, name), causes);
                }
            }
        }
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            for (index, item) in items.iter().enumerate() {
                self::causes(inner, item, &format!("{path}[{index}]"), causes);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
