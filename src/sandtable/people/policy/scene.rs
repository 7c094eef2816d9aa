//! What the expressions of all policies see of one request.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::Objects;
use super::super::cel::{Authority, Machine, Val, Variable};
use super::super::rbac::Attributes;
use super::Admission;

/// Metadata of a namespace that expressions do not see.
const HIDDEN: [&str; 2] = ["ownerReferences", "managedFields"];

/// What the expressions of all policies see of one request.
pub(super) struct Scene<'a> {
    pub(super) asked: &'a Admission<'a>,
    objects: &'a dyn Objects,
    request: Value,
    namespace: Value,
}

impl<'a> Scene<'a> {
    pub(super) fn new(objects: &'a dyn Objects, asked: &'a Admission<'a>) -> Self {
        let itself = asked.kind.group.is_empty() && asked.kind.kind == "Namespace";
        let namespace = if itself || asked.namespace.is_empty() {
            None
        } else {
            objects.get("", "namespaces", None, asked.namespace)
        };
        Self {
            asked,
            objects,
            request: asked.request(),
            namespace: namespace.map_or(Value::Null, shown),
        }
    }

    /// A machine for some expressions of a policy.
    pub(super) fn machine<'m>(
        &'m self,
        param: Option<&'m Value>,
        variables: &'m [Variable],
        sees: Sees,
        budget: u64,
    ) -> Machine<'m> {
        let or_null = |value: Option<&'m Value>| value.map_or(Val::Null, Val::of);
        let namespace = match sees {
            Sees::Conditions => Val::Null,
            Sees::All | Sees::NoAuthority => Val::of(&self.namespace),
        };
        let roots = BTreeMap::from([
            ("object", or_null(self.asked.object)),
            ("oldObject", or_null(self.asked.old)),
            ("params", or_null(param)),
            ("request", Val::of(&self.request)),
            ("namespaceObject", namespace),
        ]);
        let authority = match sees {
            Sees::NoAuthority => None,
            Sees::All | Sees::Conditions => Some(Authority {
                objects: self.objects,
                request: self.attributes(),
            }),
        };
        Machine::new(roots, variables, authority, budget)
    }

    fn attributes(&self) -> Attributes<'_> {
        let asked = self.asked;
        Attributes {
            version: asked.version,
            subresource: asked.subresource,
            namespace: asked.namespace,
            name: asked.name,
            ..Attributes::of(asked.user, "", asked.group, asked.resource)
        }
    }
}

/// What the expressions of one part of a policy see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// Everything.
    All,
    /// Not the namespace: conditions come before it is looked up.
    Conditions,
    /// No roles: messages and annotations ask nobody.
    NoAuthority,
}

/// A namespace as expressions see it.
fn shown(namespace: &Value) -> Value {
    let mut shown = Map::new();
    for part in ["metadata", "spec", "status"] {
        if let Some(value) = namespace.get(part) {
            shown.insert(part.to_owned(), value.clone());
        }
    }
    if let Some(metadata) = shown.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !HIDDEN.contains(&field.as_str()));
    }
    Value::Object(shown)
}
