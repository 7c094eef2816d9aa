//! Whether a policy or a binding is about a request.

use serde_json::Value;

use super::super::{Objects, items, quoted, text, texts};
use super::{Admission, Operation};

/// Whether a request is one of the `matchConstraints` of a policy or the `matchResources` of a
/// binding.
///
/// # Errors
/// Where the labels of its namespace are asked for and it is not there.
pub(super) fn matches(
    objects: &dyn Objects,
    asked: &Admission<'_>,
    resources: &Value,
) -> Result<bool, String> {
    let namespace = in_namespace(objects, asked, &resources["namespaceSelector"]);
    if namespace == Ok(false) || !has_labels(asked, &resources["objectSelector"]) {
        return Ok(false);
    }
    let excluded = items(resources, "/excludeResourceRules");
    let included = items(resources, "/resourceRules");
    if excluded.iter().any(|rule| fits(rule, asked)) {
        return Ok(false);
    }
    if !included.is_empty() && !included.iter().any(|rule| fits(rule, asked)) {
        return Ok(false);
    }
    namespace
}

/// Whether the labels of the request's namespace are those that are asked for. What is in no
/// namespace passes.
fn in_namespace(
    objects: &dyn Objects,
    asked: &Admission<'_>,
    selector: &Value,
) -> Result<bool, String> {
    let is_namespace = asked.resource == "namespaces";
    if (asked.namespace.is_empty() && !is_namespace) || selects_all(selector) {
        return Ok(true);
    }
    let written = matches!(asked.operation, Operation::Create | Operation::Update);
    if let Some(object) = asked.object
        && is_namespace
        && asked.subresource.is_empty()
        && written
    {
        return Ok(selects(selector, object));
    }
    match objects.get("", "namespaces", None, asked.namespace) {
        Some(namespace) => Ok(selects(selector, namespace)),
        None => Err(format!("namespaces {} not found", quoted(asked.namespace))),
    }
}

/// Whether the object has, or had, the labels that are asked for.
fn has_labels(asked: &Admission<'_>, selector: &Value) -> bool {
    let mut both = [asked.object, asked.old].into_iter().flatten();
    selects_all(selector) || both.any(|object| selects(selector, object))
}

fn selects_all(selector: &Value) -> bool {
    let empty = |field: &str| match &selector[field] {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}

/// Whether a label selector selects an object.
pub(super) fn selects(selector: &Value, object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    let label = |key: &str| labels?.get(key)?.as_str();
    let exact = selector.get("matchLabels").and_then(Value::as_object);
    let mut exact = exact.into_iter().flatten();
    let exact = exact.all(|(key, value)| label(key) == value.as_str());
    exact
        && items(selector, "/matchExpressions").iter().all(|one| {
            let own = label(text(one, "/key"));
            let values = texts(one, "/values");
            match text(one, "/operator") {
                "In" => own.is_some_and(|own| values.contains(&own)),
                "NotIn" => own.is_none_or(|own| !values.contains(&own)),
                "Exists" => own.is_some(),
                "DoesNotExist" => own.is_none(),
                _ => false,
            }
        })
}

/// Whether a rule is about a request.
fn fits(rule: &Value, asked: &Admission<'_>) -> bool {
    let one_of = |field: &str, word: &str| {
        let words = texts(rule, field);
        words.iter().any(|own| *own == "*" || *own == word)
    };
    let names = texts(rule, "/resourceNames");
    scope_fits(text(rule, "/scope"), asked)
        && one_of("/operations", asked.operation.word())
        && one_of("/apiGroups", asked.group)
        && one_of("/apiVersions", asked.version)
        && texts(rule, "/resources").iter().any(|own| {
            let (plural, sub) = own.split_once('/').unwrap_or((own, ""));
            let plural = plural == "*" || plural == asked.resource;
            plural && (sub == "*" || sub == asked.subresource)
        })
        && (names.is_empty() || names.contains(&asked.name))
}

/// A namespace is in no namespace, whatever the request says.
fn scope_fits(scope: &str, asked: &Admission<'_>) -> bool {
    let itself = asked.group.is_empty() && asked.resource == "namespaces";
    let inside = !itself && !asked.namespace.is_empty();
    match scope {
        "Namespaced" => inside,
        "Cluster" => !inside,
        _ => true,
    }
}
