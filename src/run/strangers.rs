//! Objects that a mode watches and that are none of its targets. Each is looked at once, since a plan's rule
//! may cover it; where it depends on what an object says whether the rule does, again whenever it changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{NamespaceSelector, Step};
use crate::cluster::Collection;
use crate::engine::plan::Plan;
use crate::field::Uid;

use super::hold::watched;

/// The group and version of bindings.
const VERSION: &str = "rbac.authorization.k8s.io/v1";
/// A binding in one namespace.
const BINDING: &str = "RoleBinding";
/// One in the whole cluster.
pub const CLUSTER_BINDING: &str = "ClusterRoleBinding";

/// What was seen, by what is watched: at which version, where that says something.
#[derive(Debug, Default)]
pub struct Strangers {
    known: BTreeMap<Collection, BTreeMap<Uid, String>>,
}

impl Strangers {
    /// Whether an object, or this version of it, was not seen before. It is from now on.
    pub fn is_news(&mut self, of: &Collection, uid: &Uid, version: &str) -> bool {
        let known = self.known.entry(of.clone()).or_default();
        match known.get_mut(uid) {
            Some(seen) if seen.as_str() == version => false,
            Some(seen) => {
                version.clone_into(seen);
                true
            }
            None => {
                known.insert(uid.clone(), version.to_owned());
                true
            }
        }
    }

    /// An object is gone.
    pub fn forget(&mut self, of: &Collection, uid: &Uid) {
        if let Some(known) = self.known.get_mut(of) {
            known.remove(uid);
        }
    }

    /// Of one collection nothing else is there but this.
    pub fn keep(&mut self, of: &Collection, is_there: impl Fn(&Uid) -> bool) {
        if let Some(known) = self.known.get_mut(of) {
            known.retain(|uid, _| is_there(uid));
        }
    }

    /// Nothing else is watched but this.
    pub fn watch(&mut self, collections: &[Collection]) {
        self.known.retain(|of, _| collections.contains(of));
    }

    /// How many are known.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.known.values().map(BTreeMap::len).sum()
    }
}

/// The steps of a plan that are in force, as the playbook has them.
fn steps(plan: &Plan) -> impl Iterator<Item = &Step> {
    let in_force = plan.stages.iter().filter(|stage| stage.left_out.is_none());
    in_force.flat_map(move |stage| {
        let steps = stage.steps.iter();
        steps.filter_map(move |step| plan.source(&stage.name, &step.name))
    })
}

/// Whether the rule of a plan in force may select something in a namespace, or the namespace itself: whatever
/// is new elsewhere is no reason to look at anything.
pub fn reaches(plan: &Plan, namespace: &str) -> bool {
    steps(plan).any(|step| means(step, namespace))
}

/// Whether a step selects in a namespace, as far as can be said without its labels.
fn means(step: &Step, namespace: &str) -> bool {
    let access = step.access.as_ref();
    if access.is_some_and(|access| access.lock_down.is_some()) {
        return true;
    }
    let given = access.into_iter().flat_map(|access| &access.grant);
    let given = given.filter(|grant| !grant.cluster_wide);
    let taken = access.into_iter().flat_map(|access| &access.revoke);
    let targets = step.targets.iter();
    let cut = step.isolate.iter();
    let mut places = targets
        .map(|targets| targets.namespaces.as_ref())
        .chain(cut.map(|isolate| isolate.namespaces.as_ref()))
        .chain(step.freeze.iter().map(|freeze| Some(&freeze.namespaces)))
        .chain(given.map(|grant| grant.namespaces.as_ref()))
        .chain(taken.map(|revoke| revoke.namespaces.as_ref()));
    places.any(|place| named(place).is_none_or(|mut names| names.any(|name| name == namespace)))
}

/// The namespaces that a selector names; nothing where it means others as well.
fn named(selector: Option<&NamespaceSelector>) -> Option<impl Iterator<Item = &str>> {
    let names = &selector?.names;
    // A parameter may stand for any name.
    let is_plain = !names.is_empty() && !names.iter().any(|name| name.contains('$'));
    is_plain.then(|| names.iter().map(String::as_str))
}

/// Where bindings are out of which people are taken.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken<'a> {
    /// Namespaces that are named.
    names: BTreeSet<&'a str>,
    /// Whether others are meant as well.
    elsewhere: bool,
    /// Whether those of the whole cluster are.
    of_cluster: bool,
}

fn taken<'a>(steps: impl Iterator<Item = &'a Step>) -> Taken<'a> {
    let mut taken = Taken::default();
    for access in steps.filter_map(|step| step.access.as_ref()) {
        let is_locked = access.lock_down.is_some();
        taken.elsewhere |= is_locked;
        taken.of_cluster |= is_locked;
        for revoke in &access.revoke {
            taken.of_cluster |= revoke.namespaces.is_none();
            match named(revoke.namespaces.as_ref()) {
                Some(names) => taken.names.extend(names),
                None => taken.elsewhere = true,
            }
        }
    }
    taken
}

/// The bindings that a plan in force selects by whom they are for, or may at any moment: whoever is let in
/// by one that is there already has as much of it as by a new one.
///
/// `narrow` is what the account may watch only namespace by namespace: of such bindings only those are watched
/// whose namespaces are named, or in which something was taken out.
pub fn bindings(plan: &Plan, narrow: &BTreeSet<Collection>) -> Vec<Collection> {
    let taken = taken(steps(plan));
    let collection = |kind: &str, plural: &str, namespace: &str| Collection {
        api_version: VERSION.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespace: namespace.to_owned(),
    };
    let in_one = |name: &str| collection(BINDING, "rolebindings", name);
    let named = taken.names.iter().map(|name| watched(narrow, in_one(name)));
    let all = Some(in_one("")).filter(|all| taken.elsewhere && !narrow.contains(all));
    // With a scope those of the whole cluster stay as they are.
    let everywhere = taken.of_cluster && plan.scope.is_none();
    let everywhere = everywhere.then(|| collection(CLUSTER_BINDING, "clusterrolebindings", ""));
    named.chain(all).chain(everywhere).collect()
}

/// Whether it depends on what they say which objects of a collection a plan in force selects.
pub fn selects_by_content(plan: &Plan, of: &Collection) -> bool {
    let is_binding =
        of.api_version == VERSION && [BINDING, CLUSTER_BINDING].contains(&of.kind.as_str());
    is_binding
        && bindings(plan, &BTreeSet::new())
            .iter()
            .any(|one| one.kind == of.kind)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn collection(kind: &str) -> Collection {
        Collection {
            api_version: VERSION.to_owned(),
            kind: kind.to_owned(),
            ..Collection::default()
        }
    }

    /// A survey reads what a playbook selects: it is made for what is new, and not for what is known.
    #[test]
    fn an_object_is_news_once_a_version() {
        let mut strangers = Strangers::default();
        let (one, other) = (collection(BINDING), collection(CLUSTER_BINDING));
        let uid = Uid::from("u1");
        assert!(strangers.is_news(&one, &uid, "7"));
        assert!(!strangers.is_news(&one, &uid, "7"));
        assert!(strangers.is_news(&one, &uid, "8"));
        assert!(!strangers.is_news(&one, &uid, "8"));
        assert!(strangers.is_news(&other, &uid, "8"));
        // Where the version says nothing it is not given.
        assert!(strangers.is_news(&one, &Uid::from("u2"), ""));
        assert!(!strangers.is_news(&one, &Uid::from("u2"), ""));
    }

    /// A look at everything for each object that somebody makes elsewhere would be a storm in a busy cluster;
    /// none for one that is selected would leave it in peacetime.
    #[test]
    fn only_what_names_all_its_namespaces_reaches_no_further() {
        let reached = |step: &Value, namespace: &str| {
            let step: Step = serde_json::from_value(step.clone()).expect("a step");
            means(&step, namespace)
        };
        let revoke = |place: &Value| {
            let subjects = json!([{ "kind": "Group", "name": "vendors" }]);
            json!({ "name": "c", "access": { "revoke": [{ "subjects": subjects, "namespaces": place }] } })
        };
        let scale = |place: &Value| {
            json!({ "name": "a", "scale": { "percent": 200 },
                "targets": { "kinds": ["Deployment"], "namespaces": place } })
        };
        let tax = json!({ "names": ["tax", "tax-db"] });
        for step in [scale(&tax), revoke(&tax)] {
            assert!(reached(&step, "tax-db"), "{step}");
            assert!(!reached(&step, "portal"), "{step}");
        }
        let told = json!({ "name": "d", "apply": { "objects": [] } });
        assert!(!reached(&told, "portal"), "it selects nothing");
        let locked = json!({ "bindings": { "matchLabels": { "party": "third" } } });
        let anywhere = [
            scale(&Value::Null),
            scale(&json!({ "matchLabels": { "tier": "office" } })),
            scale(&json!({ "names": ["${parameters.district}"] })),
            revoke(&Value::Null),
            json!({ "name": "e", "access": { "lockDown": locked } }),
            json!({ "name": "f", "isolate": { "preset": "DenyAll" } }),
            json!({ "name": "g", "freeze": { "namespaces": { "matchLabels": { "tier": "office" } } } }),
        ];
        for step in anywhere {
            assert!(reached(&step, "portal"), "{step}");
        }
    }

    /// An account that is given what it needs in one namespace may look at no other: what is not watched there
    /// lets somebody in again unseen.
    #[test]
    fn bindings_are_watched_where_people_are_taken_out() {
        let revoke = |place: Value| {
            let subjects = json!([{ "kind": "Group", "name": "vendors" }]);
            let mut revoke = json!({ "subjects": subjects });
            if !place.is_null() {
                revoke["namespaces"] = place;
            }
            json!({ "name": "c", "access": { "revoke": [revoke] } })
        };
        let named = revoke(json!({ "names": ["portal", "tax"] }));
        let lock = json!({ "name": "e",
            "access": { "lockDown": { "bindings": { "matchLabels": { "party": "third" } } } } });
        let labels = json!({ "matchLabels": { "tier": "office" } });
        let both = json!({ "names": ["portal"], "matchLabels": { "tier": "office" } });
        let nothing = json!({ "name": "a", "apply": { "objects": [] } });
        let rows = [
            (json!([named]), vec!["portal", "tax"], false, false),
            (json!([revoke(both)]), vec!["portal"], false, false),
            (json!([revoke(labels)]), vec![], true, false),
            (json!([revoke(Value::Null)]), vec![], true, true),
            (json!([named, lock]), vec!["portal", "tax"], true, true),
            (json!([nothing]), vec![], false, false),
        ];
        for (steps, names, elsewhere, of_cluster) in rows {
            let steps: Vec<Step> = serde_json::from_value(steps).expect("steps");
            let expected = Taken {
                names: names.into_iter().collect(),
                elsewhere,
                of_cluster,
            };
            assert_eq!(taken(steps.iter()), expected);
        }
    }

    /// A cluster makes and deletes Jobs for ever, and an emergency may last for days.
    #[test]
    fn what_is_gone_or_no_longer_watched_is_forgotten() {
        let mut strangers = Strangers::default();
        let (one, other) = (collection("Job"), collection("Pod"));
        for name in ["a", "b", "c"] {
            strangers.is_news(&one, &Uid::from(name), "");
            strangers.is_news(&other, &Uid::from(name), "");
        }
        strangers.forget(&one, &Uid::from("a"));
        assert_eq!(strangers.count(), 5);
        strangers.keep(&other, |uid| uid.as_str() == "b");
        assert_eq!(strangers.count(), 3);
        assert!(!strangers.is_news(&other, &Uid::from("b"), ""));
        strangers.watch(&[one]);
        assert_eq!(strangers.count(), 2);
        strangers.watch(&[]);
        assert_eq!(strangers.count(), 0);
    }
}
