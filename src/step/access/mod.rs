//! `access`: rights for the mode's lifetime. A grant is a binding that is made and deleted at the return;
//! a revocation or a lock-down takes subjects out of bindings and puts exactly them back. Whom a binding is
//! for is a list without keys, so all of it is one value; which role it gives is never changed.

mod lists;
mod people;
mod remarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::{bootstrapping, is_of_the_cluster, kept};
use super::{Around, Compiled, Fields, Proposal, Query, Role, Skipped, each};
use crate::api::{AccessGrant, LabelSelector, NamespaceSelector, Principal, names};
use crate::field::{Image, Path, Projection, Uid};
use crate::playbook::Rights;

pub use lists::{People, are_same, left, spared};
pub use remarks::remarks;

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";
/// In one namespace.
const BINDING: &str = "RoleBinding";
/// In the whole cluster.
const CLUSTER_BINDING: &str = "ClusterRoleBinding";

/// One query of a step, and what it is for.
struct Part<'a> {
    query: Query,
    does: Does<'a>,
}

/// What a query of a step is for.
#[derive(Clone, Copy)]
enum Does<'a> {
    /// Places of a binding that is made.
    Grant(&'a AccessGrant),
    /// Bindings out of which these are taken.
    Revoke(&'a [Principal]),
    /// Bindings out of which everybody is taken.
    LockDown,
    /// Bindings that may give the same people the same.
    Aside,
}

/// Every query of a step.
pub fn needs(rights: &Rights) -> Vec<Query> {
    parts(rights).into_iter().map(|part| part.query).collect()
}

fn parts(rights: &Rights) -> Vec<Part<'_>> {
    let access = &rights.access;
    let mut parts = Vec::new();
    for grant in &access.grant {
        parts.push(Part {
            query: each::query(&binding(rights, grant), grant.namespaces.clone()),
            does: Does::Grant(grant),
        });
    }
    for revoke in &access.revoke {
        let spaces = &revoke.namespaces;
        let mut kinds = vec![BINDING];
        if spaces.is_none() {
            kinds.push(CLUSTER_BINDING);
        }
        parts.extend(kinds.into_iter().map(|kind| Part {
            query: bindings(kind, spaces.clone(), None, Role::Target),
            does: Does::Revoke(&revoke.subjects),
        }));
    }
    if let Some(lock_down) = &access.lock_down {
        let selector = Some(lock_down.bindings.clone());
        parts.extend([BINDING, CLUSTER_BINDING].map(|kind| Part {
            query: bindings(kind, None, selector.clone(), Role::Target),
            does: Does::LockDown,
        }));
    }
    if !access.revoke.is_empty() || access.lock_down.is_some() {
        let asides = [
            (BINDING, Around::Targets),
            (CLUSTER_BINDING, Around::Anywhere),
        ];
        parts.extend(asides.map(|(kind, around)| {
            let unknown = "whether other bindings give the same people rights that stay";
            let role = Role::Aside { around, unknown };
            Part {
                query: bindings(kind, None, None, role),
                does: Does::Aside,
            }
        }));
    }
    parts
}

fn bindings(
    kind: &str,
    namespaces: Option<NamespaceSelector>,
    selector: Option<LabelSelector>,
    role: Role,
) -> Query {
    Query {
        kind: kind.to_owned(),
        namespaces,
        selector,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role,
        fields: Fields::Paths(vec![bootstrapping(), role_ref(), subjects()]),
    }
}

fn subjects() -> Path {
    Path::fields(["subjects"])
}

fn role_ref() -> Path {
    Path::fields(["roleRef"])
}

/// The binding of a grant, but for its namespace: what it is for is written on it.
fn binding(rights: &Rights, grant: &AccessGrant) -> Value {
    let kind = if grant.cluster_wide {
        CLUSTER_BINDING
    } else {
        BINDING
    };
    let subjects: Vec<Value> = grant.subjects.iter().map(people::subject).collect();
    let object = json!({
        "apiVersion": VERSION, "kind": kind,
        "metadata": { "annotations": {
            names::PURPOSE_ANNOTATION: grant.purpose,
            names::LEGAL_BASIS_ANNOTATION: grant.legal_basis,
        } },
        "roleRef": { "apiGroup": GROUP, "kind": grant.role.kind, "name": grant.role.name },
        "subjects": subjects,
    });
    each::name(object, &rights.step, &rights.of)
}

/// What is taken out of one binding.
struct Taking<'a> {
    seen: &'a Projection,
    /// Everybody, where there is nothing here.
    only: Option<Vec<&'a Principal>>,
}

impl Taking<'_> {
    /// Who is taken out, if not everybody.
    fn people(&self) -> Option<People> {
        let only = self.only.as_ref()?;
        Some(People::of(only.iter().copied()))
    }
}

/// The bindings that are made, and one change for every binding out of which somebody is taken.
pub fn compile(rights: &Rights, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    let parts = parts(rights);
    for (part, found) in parts.iter().zip(found) {
        if let Does::Grant(grant) = part.does {
            let object = binding(rights, grant);
            let why = format!(
                "{} may do what {} {} allows: {} ({})",
                people::said(&grant.subjects),
                grant.role.kind,
                grant.role.name,
                grant.purpose,
                grant.legal_basis
            );
            let made = found.iter().map(|seen| each::made(&object, seen, &why));
            compiled.changes.extend(made);
        }
    }
    for (uid, taking) in takings(&parts, found) {
        match taken(&taking) {
            Ok(change) => {
                let people = taking.people().filter(|_| change.is_some());
                let people = people.map(|people| (uid.clone(), Arc::new(people)));
                compiled.without.extend(people);
                compiled.changes.extend(change);
            }
            Err(why) => compiled.skipped.push(Skipped {
                target: taking.seen.target.clone(),
                why: why.to_owned(),
            }),
        }
    }
    compiled
}

/// Who is taken out of which binding, whatever part of the step says so.
fn takings<'a>(parts: &[Part<'a>], found: &'a [Vec<Projection>]) -> BTreeMap<&'a Uid, Taking<'a>> {
    let mut takings: BTreeMap<&Uid, Taking<'_>> = BTreeMap::new();
    for (part, found) in parts.iter().zip(found) {
        for seen in found {
            let taking = |only| Taking { seen, only };
            match part.does {
                Does::Revoke(subjects) => {
                    let taking = takings
                        .entry(&seen.target.uid)
                        .or_insert_with(|| taking(Some(Vec::new())));
                    if let Some(only) = &mut taking.only {
                        only.extend(subjects);
                    }
                }
                Does::LockDown => {
                    takings.insert(&seen.target.uid, taking(None));
                }
                Does::Grant(_) | Does::Aside => {}
            }
        }
    }
    takings
}

/// Whom a binding is for.
fn people_of(seen: &Projection) -> Vec<Value> {
    let list = seen.field(&subjects()).and_then(|seen| seen.image.value());
    list.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The change of one binding; nothing where nobody of it is meant.
fn taken(taking: &Taking<'_>) -> Result<Option<Proposal>, &'static str> {
    let seen = taking.seen;
    let base = seen.field(&subjects());
    let base = base.map_or(Image::Absent, |seen| seen.image.clone());
    let count = |list: &Image| list.value().and_then(Value::as_array).map_or(0, Vec::len);
    // As the server writes a list of nobody.
    let after = taking
        .people()
        .map_or(Image::Absent, |people| people.without(&base));
    let (before, stay) = (count(&base), count(&after));
    if stay == before {
        return Ok(None);
    }
    if seen.deleting {
        return Err("it is being deleted");
    }
    if is_of_the_cluster(seen) {
        return Err(kept(&seen.target));
    }
    let gone = before - stay;
    let why = if stay == 0 {
        format!("everybody is taken out of it: {gone}")
    } else {
        format!("{gone} of {before} are taken out of it")
    };
    Ok(Some(Proposal {
        target: seen.target.clone(),
        path: subjects(),
        base,
        after,
        why,
        wave: 0,
    }))
}

#[cfg(test)]
mod tests;
