//! Whom bindings are for, as playbooks and as bindings write it.

use serde_json::{Value, json};

use super::GROUP;
use crate::api::{Principal, names::EVERYBODY};
use crate::step::remark::few;

/// Somebody, whichever way they are written: a service account is a user, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person {
    is_group: bool,
    name: String,
}

impl Person {
    /// As a playbook names them.
    pub(super) fn of(principal: &Principal) -> Self {
        let space = principal.namespace.as_deref().unwrap_or_default();
        Self::new(&principal.kind, space, &principal.name)
    }

    /// As a binding names them.
    pub(super) fn of_subject(subject: &Value) -> Self {
        let text = |name: &str| subject[name].as_str().unwrap_or_default();
        Self::new(text("kind"), text("namespace"), text("name"))
    }

    fn new(kind: &str, space: &str, name: &str) -> Self {
        Self {
            is_group: kind == "Group",
            name: if kind == "ServiceAccount" {
                format!("system:serviceaccount:{space}:{name}")
            } else {
                name.to_owned()
            },
        }
    }

    /// Their name, with what they are.
    pub(super) fn said(&self) -> String {
        let kind = if self.is_group { "Group" } else { "User" };
        format!("{kind} {}", self.name)
    }

    /// Reads [`Person::said`] back.
    pub(super) fn of_said(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(' ')?;
        let is_group = match kind {
            "Group" => true,
            "User" => false,
            _ => return None,
        };
        (!name.is_empty()).then(|| Self {
            is_group,
            name: name.to_owned(),
        })
    }

    /// Whether it is a group, whose members nobody can list.
    pub(super) const fn is_group(&self) -> bool {
        self.is_group
    }

    /// Whether it is everybody, or everybody who is signed in.
    pub(super) fn is_everybody(&self) -> bool {
        self.is_group && EVERYBODY.contains(&self.name.as_str())
    }
}

/// Somebody, as a binding names them.
pub(super) fn subject(principal: &Principal) -> Value {
    let mut subject = json!({ "kind": principal.kind, "name": principal.name });
    if principal.kind == "ServiceAccount" {
        subject["namespace"] = principal.namespace.clone().unwrap_or_default().into();
    } else {
        subject["apiGroup"] = GROUP.into();
    }
    subject
}

/// Their names in a sentence.
pub(super) fn said(principals: &[Principal]) -> String {
    let names: Vec<String> = principals
        .iter()
        .map(|one| match &one.namespace {
            Some(space) => format!("{} {space}/{}", one.kind, one.name),
            None => format!("{} {}", one.kind, one.name),
        })
        .collect();
    few(&names)
}
