//! Nobody gives away more than they have: roles and bindings are written by those who hold what they
//! give, or who hold the verbs `escalate` and `bind`.

use serde_json::Value;

use super::rbac::{Attributes, Unknown, decide, rules_for, rules_of};
use super::rules::{Rule, missing};
use super::{MASTERS, Objects, RBAC, User, items, quoted, quoted_list, text};
use crate::sandtable::refusal::{Named, Refusal};

/// A write of an object of RBAC's group.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Who writes.
    pub user: &'a User,
    /// The plural: `roles`, `clusterrolebindings`.
    pub resource: &'a str,
    /// The namespace; empty for objects of the cluster.
    pub namespace: &'a str,
    /// The name in the path of the request; empty where it has none (a create by POST).
    pub name: &'a str,
    /// The object as it will be.
    pub object: &'a Value,
    /// The object as it was; nothing where it is new.
    pub old: Option<&'a Value>,
}

/// Lets pass a write of a role or a binding that gives no more than its writer holds. What is none
/// of the four kinds passes.
///
/// # Errors
/// 403 with the rights that the writer lacks, 404 where a binding's role is not there.
pub fn check(objects: &dyn Objects, write: &Write<'_>) -> Result<(), Refusal> {
    if write.user.is_in(MASTERS)
        || write
            .old
            .is_some_and(|old| only_housekeeping(old, write.object))
    {
        return Ok(());
    }
    match write.resource {
        "roles" | "clusterroles" => check_role(objects, write),
        "rolebindings" | "clusterrolebindings" => check_binding(objects, write),
        _ => Ok(()),
    }
}

fn check_role(objects: &dyn Objects, write: &Write<'_>) -> Result<(), Refusal> {
    let escalate = Attributes {
        namespace: write.namespace,
        name: write.name,
        ..Attributes::of(write.user, "escalate", RBAC, write.resource)
    };
    if decide(objects, &escalate).allowed {
        return Ok(());
    }
    let rules: Vec<Rule<'_>> = items(write.object, "/rules").iter().map(Rule::of).collect();
    confirm(objects, write, &rules)?;
    let gathers = |role: &Value| !items(role, "/aggregationRule/clusterRoleSelectors").is_empty();
    if gathers(write.object) || write.old.is_some_and(gathers) {
        let all = Rule {
            verbs: vec!["*"],
            groups: vec!["*"],
            resources: vec!["*"],
            ..Rule::default()
        };
        let paths = Rule {
            verbs: vec!["*"],
            urls: vec!["*"],
            ..Rule::default()
        };
        let why = "must have cluster-admin privileges to use the aggregationRule";
        return confirm(objects, write, &[all, paths]).map_err(|_| refused(write, why));
    }
    Ok(())
}

fn check_binding(objects: &dyn Objects, write: &Write<'_>) -> Result<(), Refusal> {
    let role = text(write.object, "/roleRef/name");
    let plural = match text(write.object, "/roleRef/kind") {
        "Role" => "roles",
        _ => "clusterroles",
    };
    let bind = Attributes {
        namespace: write.namespace,
        name: role,
        ..Attributes::of(
            write.user,
            "bind",
            text(write.object, "/roleRef/apiGroup"),
            plural,
        )
    };
    if decide(objects, &bind).allowed {
        return Ok(());
    }
    let rules =
        rules_of(objects, write.object, write.namespace).map_err(|unknown| match unknown {
            Unknown::Role { .. } => Refusal::not_found(
                Named {
                    group: RBAC,
                    word: plural,
                },
                role,
            ),
            Unknown::Kind(_) => Refusal::plain(500, "InternalError", unknown.said()),
        })?;
    confirm(objects, write, &rules)
}

/// Whether the writer holds all of some rules.
fn confirm(objects: &dyn Objects, write: &Write<'_>, rules: &[Rule<'_>]) -> Result<(), Refusal> {
    let (owned, faults) = rules_for(objects, write.user, write.namespace);
    let missing = missing(&owned, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.into_iter().collect();
    let mut why = format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quoted(&write.user.name),
        quoted_list(&write.user.groups),
        missing.join("\n"),
    );
    if !faults.is_empty() {
        why = format!("{why}; resolution errors: [{}]", super::aggregate(faults));
    }
    Err(refused(write, &why))
}

fn refused(write: &Write<'_>, why: &str) -> Refusal {
    let named = Named {
        group: RBAC,
        word: write.resource,
    };
    Refusal::forbidden(named, text(write.object, "/metadata/name"), why)
}

/// Whether only owners, finalizers and managed fields differ: clearing up needs no right to give.
fn only_housekeeping(old: &Value, new: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["ownerReferences", "finalizers", "managedFields"] {
                metadata.remove(field);
            }
        }
        if let Some(fields) = object.as_object_mut() {
            fields.retain(|_, value| !matches!(value, Value::Array(items) if items.is_empty()));
        }
        object
    };
    bare(old) == bare(new)
}
