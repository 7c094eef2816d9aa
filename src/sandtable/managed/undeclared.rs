//! Fields of an apply that the schema does not name: an apply is never read past them, whatever the
//! request says of surplus fields.

use serde_json::Value;

use super::super::kinds::Kind;
use super::super::refusal::Refusal;
use super::super::schema::{Part, keeps_unknown};
use super::set::{Way, shown};
use super::typed::{Atom, atom, item_segment, member};

/// What every object has, whatever its schema says.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Refuses an apply that names fields that the schema does not.
///
/// # Errors
/// 500, as the real server has it.
pub fn ensure_declared(kind: &Kind, config: &Value) -> Result<(), Refusal> {
    let mut found = Vec::new();
    let mut way = Way::new();
    walk(
        Some(kind.schema.root()),
        config,
        false,
        &mut way,
        &mut found,
    );
    let said = match found.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        all => format!("errors:\n  {}", all.join("\n  ")),
    };
    let text = |member: &str| config["metadata"][member].as_str().unwrap_or_default();
    let message = format!(
        "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {said}",
        text("namespace"),
        text("name"),
        kind.group,
        kind.version,
        kind.kind
    );
    Err(Refusal::plain(500, "", message))
}

/// `keeps`: whether something around this place keeps what nobody knows.
fn walk(
    part: Option<Part<'_>>,
    value: &Value,
    keeps: bool,
    way: &mut Way,
    found: &mut Vec<String>,
) {
    let keeps = keeps || part.is_some_and(keeps_unknown);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_known = part.is_some_and(|part| part.member(name).is_some())
                    || keeps
                    || (way.is_empty() && META.contains(&name.as_str()));
                way.push(format!("f:{name}"));
                if is_known {
                    walk(member(part, name), value, keeps, way, found);
                } else {
                    found.push(format!("{}: field not declared in schema", shown(way)));
                }
                way.pop();
            }
        }
        Value::Array(items) => {
            let atom = atom(part, Some(value));
            let inner = part.and_then(Part::items);
            for (index, item) in items.iter().enumerate() {
                way.push(match atom {
                    Atom::Keyed(inner, keys) => item_segment(inner, Some(keys), item),
                    Atom::Set(inner) => item_segment(inner, None, item),
                    Atom::Leaf | Atom::Map(_) => format!("i:{index}"),
                });
                walk(inner, item, keeps, way, found);
                way.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::kinds::Kinds;
    use super::super::super::schema::builtin;
    use super::*;

    /// What the server answered. A typing error that is passed over is a setting that nobody made.
    #[test]
    fn an_apply_with_a_field_that_nobody_knows_is_refused() {
        let kinds = Kinds::builtin(builtin());
        let kind = kinds.find("apps", "deployments").expect("it is served");
        let mut config = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "dup", "namespace": "default", "labels": { "any": "a" } },
            "spec": { "zzz": 1, "template": { "spec": { "containers": [
                { "name": "n", "foo": 1, "ports": [{ "containerPort": 80, "bar": 1 }] }] } } } });
        let refused = ensure_declared(kind, &config).expect_err("three are not known");
        assert_eq!(refused.code, 500);
        assert_eq!(
            refused.message,
            "failed to create typed patch object (default/dup; apps/v1, Kind=Deployment): errors:\n  \
             .spec.template.spec.containers[name=\"n\"].foo: field not declared in schema\n  \
             .spec.template.spec.containers[name=\"n\"].ports[containerPort=80,protocol=\"TCP\"].bar: field not declared in schema\n  \
             .spec.zzz: field not declared in schema"
        );
        config["spec"] = json!({ "replicas": 1 });
        assert_eq!(ensure_declared(kind, &config), Ok(()));
    }
}
