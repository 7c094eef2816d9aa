//! Pure: the questions of playbooks' steps, put together by kind.

use serde_json::Value;

use crate::cluster::Resource;
use crate::field::Path;
use crate::field::path::{Segment, canonical};
use crate::step::{Fields, Query, Role};

use super::kind::{Ask, Wanted};
use super::namespaces::Namespaces;

/// Whether a query finds what steps act on; else what only says something of it.
pub const fn is_target(query: &Query) -> bool {
    match query.role {
        Role::Target | Role::Restart | Role::Made | Role::Ground => true,
        Role::Autoscaler | Role::Applier | Role::Aside { .. } | Role::Frozen => false,
    }
}

/// Whether a query finds what says what a step comes to. Pods are taken in a way of their own.
pub fn is_aside(query: &Query) -> bool {
    matches!(query.role, Role::Aside { .. }) && query.kind != "Pod"
}

/// Adds a query to what is wanted of its kind.
pub fn add(wanted: &mut Vec<Wanted>, resource: Resource, query: &Query, namespaces: &Namespaces) {
    let ask = Ask {
        spaces: namespaces.selected(query.namespaces.as_ref()),
        selector: query.selector.clone(),
        names: query.names.clone(),
        kept: kept(&query.fields),
    };
    let same = wanted.iter_mut().find(|one| one.resource == resource);
    let Some(same) = same else {
        wanted.push(Wanted {
            resource,
            narrowly: ask.spaces.clone(),
            asks: vec![ask],
            is_target: true,
            only: None,
        });
        return;
    };
    same.narrowly.extend(ask.spaces.iter().cloned());
    let like = |other: &&mut Ask| {
        (&other.spaces, &other.selector, &other.names) == (&ask.spaces, &ask.selector, &ask.names)
    };
    match same.asks.iter_mut().find(like) {
        Some(other) => other.kept.extend(ask.kept),
        None => same.asks.push(ask),
    }
}

/// The fields that a step names. Counts of replicas are not replaced, wherever they are.
fn kept(fields: &Fields) -> Vec<Path> {
    match fields {
        Fields::Paths(paths) => paths.clone(),
        Fields::Manifest {
            object,
            adopt: true,
        } => {
            let mut paths = Vec::new();
            leaves(object, &mut Vec::new(), &mut paths);
            paths
        }
        Fields::Replicas | Fields::Each { .. } | Fields::Manifest { adopt: false, .. } => {
            Vec::new()
        }
    }
}

/// The fields that a manifest gives. Items of a list are told apart by their names where they have any.
fn leaves(value: &Value, above: &mut Vec<Segment>, paths: &mut Vec<Path>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, inside) in members {
                above.push(Segment::Field(name.clone()));
                leaves(inside, above, paths);
                above.pop();
            }
        }
        Value::Array(items) if items.iter().all(|item| item["name"].is_string()) => {
            for item in items {
                let key = ("name".to_owned(), canonical(&item["name"]));
                above.push(Segment::Key([key].into()));
                leaves(item, above, paths);
                above.pop();
            }
        }
        _ => paths.push(Path::new(above.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a step would set is needed to bring it back; what stands beside it in the same list is
    /// nobody's business.
    #[test]
    fn of_an_adopted_object_the_fields_that_the_step_gives_are_kept() {
        let object = json!({ "kind": "Deployment", "spec": { "template": { "spec": { "containers": [
            { "name": "web", "env": [{ "name": "MODE", "value": "low" }] } ] } } } });
        let fields = |adopt| Fields::Manifest {
            object: object.clone(),
            adopt,
        };
        let paths: Vec<String> = kept(&fields(true)).iter().map(Path::to_pointer).collect();
        let env = "/spec/template/spec/containers[name=web]/env[name=MODE]/value";
        assert!(paths.contains(&env.to_owned()), "{paths:?}");
        assert_eq!(kept(&fields(false)), []);
    }

    /// The same kind is read once, however many steps ask for it, and everything that any of them names
    /// is kept.
    #[test]
    fn questions_about_one_kind_are_one_question() {
        let namespaces = Namespaces {
            known: ["a", "b"].map(|name| (name.to_owned(), json!({}))).into(),
            are_all: true,
            left: Vec::new(),
        };
        let query = |path: &str, selector| Query {
            kind: "ConfigMap".to_owned(),
            namespaces: None,
            selector,
            names: Vec::new(),
            condition: None,
            priority: Vec::new(),
            role: Role::Target,
            fields: Fields::Paths(vec![Path::fields(["data", path])]),
        };
        let mut wanted = Vec::new();
        for query in [
            query("one", None),
            query("two", None),
            query("three", Some(crate::api::LabelSelector::default())),
        ] {
            add(&mut wanted, Resource::default(), &query, &namespaces);
        }
        let [one] = &wanted[..] else {
            panic!("{wanted:?}")
        };
        assert_eq!(one.asks.len(), 2);
        assert_eq!(one.asks[0].kept.len(), 2);
        assert_eq!(one.narrowly.len(), 2);
    }
}
