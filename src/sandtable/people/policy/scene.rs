//! What the expressions of all policies see of one request.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::rbac::{Attributes, decide};
use super::super::{Objects, User};
use super::Admission;
use crate::cel::{Authority, Machine, Resource, Subject, Val, Variable, What};
use crate::sandtable::managed;

/// Metadata of a namespace that expressions do not see.
const HIDDEN: [&str; 2] = ["ownerReferences", "managedFields"];

/// What the expressions of all policies see of one request.
pub(super) struct Scene<'a> {
    pub(super) asked: &'a Admission<'a>,
    objects: &'a dyn Objects,
    request: Value,
    namespace: Value,
    /// The object and what it was, with the fields of managers as clients see them.
    whole: OnceCell<[Option<Value>; 2]>,
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
            whole: OnceCell::new(),
        }
    }

    /// The object and what it was. `whole` is for those who look at who wrote what.
    pub(super) fn both(&self, whole: bool) -> [Option<&Value>; 2] {
        let kept = [self.asked.object, self.asked.old];
        if !whole {
            return kept;
        }
        let unpacked = || kept.map(|object| object.map(managed::unpacked));
        self.whole
            .get_or_init(unpacked)
            .each_ref()
            .map(Option::as_ref)
    }

    /// A machine for some expressions of a policy.
    pub(super) fn machine<'m>(
        &'m self,
        [object, old]: [Option<&'m Value>; 2],
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
            ("object", or_null(object)),
            ("oldObject", or_null(old)),
            ("params", or_null(param)),
            ("request", Val::of(&self.request)),
            ("namespaceObject", namespace),
        ]);
        let authority: Option<&dyn Authority> = match sees {
            Sees::NoAuthority => None,
            Sees::All | Sees::Conditions => Some(self),
        };
        Machine::new(roots, variables, authority, budget)
    }
}

/// What roles say of who asks.
impl Authority for Scene<'_> {
    fn own(&self) -> Resource {
        let asked = self.asked;
        Resource {
            group: asked.group.to_owned(),
            plural: asked.resource.to_owned(),
            subresource: asked.subresource.to_owned(),
            namespace: asked.namespace.to_owned(),
            name: asked.name.to_owned(),
        }
    }

    fn decide(&self, who: &Subject, verb: &str, what: &What<'_>) -> (bool, String) {
        let account;
        let user = match who {
            Subject::Requester => self.asked.user,
            Subject::Account { namespace, name } => {
                let mut known = User::account(namespace, name);
                // A check knows the account's own groups only.
                known.groups.pop();
                account = known;
                &account
            }
        };
        let attributes = match what {
            What::Path(path) => Attributes::of_path(user, verb, path),
            What::Resource(of) => Attributes {
                subresource: &of.subresource,
                namespace: &of.namespace,
                name: &of.name,
                ..Attributes::of(user, verb, &of.group, &of.plural)
            },
        };
        let decision = decide(self.objects, &attributes);
        (decision.allowed, decision.reason)
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
