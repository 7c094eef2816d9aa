//! Cells of bindings and policies.

use serde_json::Value;

use super::core::subjects;
use super::{Row, UNSET, requirements, text};

pub(super) fn binding(row: &Row<'_>) -> Vec<Value> {
    let role = row.at("/roleRef");
    let all = row.items("/subjects");
    vec![
        row.name(),
        format!("{}/{}", text(role, "kind"), text(role, "name")).into(),
        row.age(),
        subjects(all, "User").into(),
        subjects(all, "Group").into(),
        subjects(all, "ServiceAccount").into(),
    ]
}

pub(super) fn policy(row: &Row<'_>) -> Vec<Value> {
    let param = row.at("/spec/paramKind");
    let param = if param.is_null() {
        UNSET.to_owned()
    } else {
        format!("{}/{}", text(param, "apiVersion"), text(param, "kind"))
    };
    vec![
        row.name(),
        row.items("/spec/validations").len().into(),
        param.into(),
        row.age(),
    ]
}

pub(super) fn policy_binding(row: &Row<'_>) -> Vec<Value> {
    let param = row.at("/spec/paramRef");
    let (namespace, name) = (text(param, "namespace"), text(param, "name"));
    let shown = match (namespace, name) {
        _ if param.is_null() => UNSET.to_owned(),
        ("", "") => requirements(&param["selector"]),
        ("", name) => name.to_owned(),
        (namespace, "") => format!("{namespace}/{}", requirements(&param["selector"])),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    vec![
        row.name(),
        row.text("/spec/policyName").into(),
        shown.into(),
        row.age(),
    ]
}
