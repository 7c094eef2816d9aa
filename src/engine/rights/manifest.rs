//! What follows from manifests: what it takes to make or change roles and bindings, since nobody may give
//! what they do not have, unless they may `bind` or `escalate`; and whether an object runs pods.

use serde_json::Value;

use super::{By, Needs, Right};
use crate::step::kinds;

/// The group of roles and bindings.
pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

/// What making an object needs beyond `create`.
pub(super) fn of_creation(needs: &mut Needs, by: By<'_>, object: &Value, namespace: Option<&str>) {
    let text = |place: &str| {
        let found = object.pointer(place).and_then(Value::as_str);
        found.unwrap_or_default()
    };
    if !text("/apiVersion").starts_with(RBAC) {
        return;
    }
    match text("/kind") {
        "RoleBinding" | "ClusterRoleBinding" => {
            let plural = match text("/roleRef/kind") {
                "Role" => "roles",
                _ => "clusterroles",
            };
            let role = Right::on(RBAC, plural, namespace).named(text("/roleRef/name"));
            needs.add(by, role.to("bind"));
        }
        "Role" | "ClusterRole" => of_role(needs, by, object, namespace),
        _ => {}
    }
}

/// The rules of a role are rights that its maker has to have: less than the right to make any role.
fn of_role(needs: &mut Needs, by: By<'_>, object: &Value, namespace: Option<&str>) {
    if object
        .get("aggregationRule")
        .is_some_and(|rule| !rule.is_null())
    {
        let text = format!(
            "{}: a role that gathers others can only be made by who may `escalate`: give it by hand, \
             or write its rules out",
            by.step
        );
        needs.notes.insert(text);
    }
    let rules = object["rules"].as_array().into_iter().flatten();
    for rule in rules {
        let words = |name: &str| -> Vec<&str> {
            let words = rule[name].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).collect()
        };
        if !words("nonResourceURLs").is_empty() {
            let text = format!(
                "{}: the role that it makes gives paths that are no objects: who makes it has to have \
                 them, which is given by hand",
                by.step
            );
            needs.notes.insert(text);
        }
        let names = words("resourceNames");
        for group in words("apiGroups") {
            for resource in words("resources") {
                let on = Right::on(group, resource, namespace);
                if names.is_empty() {
                    needs.add_all(by, &words("verbs"), &on);
                }
                for name in &names {
                    needs.add_all(by, &words("verbs"), &on.named(name));
                }
            }
        }
    }
}

/// What changing an object of a kind needs beyond `patch`, where it is not known what it holds.
pub(super) fn of_change(group: &str, kind: &str, namespace: Option<&str>) -> Vec<Right> {
    if group != RBAC {
        return Vec::new();
    }
    let on = |plural: &str, verb: &str| Right::on(RBAC, plural, namespace).to(verb);
    match kind {
        "RoleBinding" => vec![on("roles", "bind"), on("clusterroles", "bind")],
        "ClusterRoleBinding" => vec![on("clusterroles", "bind")],
        "Role" => vec![on("roles", "escalate")],
        "ClusterRole" => vec![on("clusterroles", "escalate")],
        _ => Vec::new(),
    }
}

/// Whether an object runs pods.
pub(super) fn has_pods(object: &Value) -> bool {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let known = kinds::of_object(text("apiVersion"), text("kind"));
    known.is_some_and(|kind| kind.replicas.is_some() || kind.restartable)
        || matches!(text("kind"), "Job" | "CronJob" | "Rollout")
}
