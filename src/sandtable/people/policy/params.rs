//! The objects that a policy is evaluated with.

use serde_json::Value;

use super::super::{Objects, text};
use super::matching::selects;

/// The group, the version and the kind of a policy's parameters; nothing where it has none.
fn param_kind(policy: &Value) -> Option<(&str, &str, &str)> {
    let kind = policy
        .pointer("/spec/paramKind")
        .filter(|kind| kind.is_object())?;
    let of = text(kind, "/apiVersion");
    let (group, version) = of.split_once('/').unwrap_or(("", of));
    Some((group, version, text(kind, "/kind")))
}

/// Whether the kind of a policy's parameters is there.
///
/// # Errors
/// Where it is not, in the server's words.
pub(super) fn known(objects: &dyn Objects, policy: &Value) -> Result<(), String> {
    match param_kind(policy) {
        Some((group, version, kind)) if objects.kind(group, kind).is_none() => Err(format!(
            "failed to find resource referenced by paramKind: '{group}/{version}, Kind={kind}'"
        )),
        _ => Ok(()),
    }
}

/// The parameters that a binding names: one evaluation each. Nothing in the list stands for an
/// evaluation without parameters.
///
/// # Errors
/// Where a parameter is asked for that is not there, or not so.
pub(super) fn collect<'a>(
    objects: &'a dyn Objects,
    policy: &Value,
    binding: &Value,
    namespace: &str,
) -> Result<Vec<Option<&'a Value>>, String> {
    let kind =
        param_kind(policy).and_then(|(group, _, kind)| Some((group, objects.kind(group, kind)?)));
    let reference = binding
        .pointer("/spec/paramRef")
        .filter(|own| own.is_object());
    let (Some((group, (plural, namespaced))), Some(reference)) = (kind, reference) else {
        return Ok(vec![None]);
    };
    let own = text(reference, "/namespace");
    let place = match (namespaced, own, namespace) {
        (true, "", "") => {
            let message = "cannot use namespaced paramRef in policy binding that matches cluster-scoped \
                 resources";
            return Err(message.to_owned());
        }
        (true, "", namespace) => Some(namespace),
        (true, own, _) => Some(own),
        (false, "", _) => None,
        (false, _, _) => {
            let message =
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
            return Err(message.to_owned());
        }
    };
    let name = text(reference, "/name");
    let selector = &reference["selector"];
    let found: Vec<&Value> = match (name, selector.is_null()) {
        ("", true) => return Err("one of name or selector must be provided".to_owned()),
        ("", false) => {
            let all = objects.all(group, &plural, place).into_iter();
            all.filter(|object| selects(selector, object)).collect()
        }
        (_, false) => {
            let message = "paramRef.name and paramRef.selector are mutually exclusive";
            return Err(message.to_owned());
        }
        (name, true) => objects
            .get(group, &plural, place, name)
            .into_iter()
            .collect(),
    };
    if found.is_empty() && text(reference, "/parameterNotFoundAction") == "Deny" {
        let message = "no params found for policy binding with `Deny` parameterNotFoundAction";
        return Err(message.to_owned());
    }
    Ok(found.into_iter().map(Some).collect())
}
