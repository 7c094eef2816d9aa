//! Watches policies, bindings and kinds of ours, and compares them with what this version ships.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;

use crate::api;
use crate::policies::{self, compare};

use super::Rules;

/// By what our objects are told from others'.
const OURS: &str = "app.kubernetes.io/name=pingzhan";
/// Kinds that are watched: group, version, kind and plural.
const KINDS: [(&str, &str, &str, &str); 3] = [
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    ),
];

/// Objects of ours as they are, by kind and name.
type Live = BTreeMap<(&'static str, String), Value>;

/// What is expected to be there.
struct Expected {
    kind: &'static str,
    name: String,
    object: Value,
    /// Whether nothing may be begun without it.
    is_needed: bool,
}

/// Watches until it is ended, and tells the rules what it finds.
pub async fn follow(rules: Rules) {
    let expected = expected(&rules);
    let watches = KINDS.iter().enumerate().map(|(place, row)| {
        let api: Api<DynamicObject> = Api::all_with(rules.own.watches.clone(), &resource(row));
        let events = watcher(api, watcher::Config::default().labels(OURS)).default_backoff();
        events.map(move |event| (place, event)).boxed()
    });
    let mut events = stream::select_all(watches);
    let mut live = Live::new();
    let mut listed = [false; KINDS.len()];
    while let Some((place, event)) = events.next().await {
        let kind = KINDS[place].2;
        match event {
            Ok(Event::Init) => {
                listed[place] = false;
                live.retain(|(of, _), _| *of != kind);
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                let key = (kind, object.name_any());
                live.insert(key, serde_json::to_value(&object).unwrap_or_default());
            }
            Ok(Event::InitDone) => listed[place] = true,
            Ok(Event::Delete(object)) => {
                live.remove(&(kind, object.name_any()));
            }
            Err(error) => {
                tracing::warn!(%error, kind, "the watch on the rules was interrupted");
                if !listed[place] {
                    let problem = format!("each {kind} of ours cannot be watched: {error}");
                    // Of the others it holds what was known: a mode says no less for it.
                    rules.compared(vec![problem], rules.lapsed());
                }
                continue;
            }
        }
        if listed.iter().all(|whole| *whole) {
            let found = |is_needed| problems(&expected, &live, is_needed);
            rules.compared(found(true), found(false));
        }
    }
}

fn resource((group, version, kind, plural): &(&str, &str, &str, &str)) -> ApiResource {
    ApiResource {
        group: (*group).to_owned(),
        version: (*version).to_owned(),
        api_version: format!("{group}/{version}"),
        kind: (*kind).to_owned(),
        plural: (*plural).to_owned(),
    }
}

fn expected(rules: &Rules) -> Vec<Expected> {
    let mut expected = Vec::new();
    for policy in policies::all(&rules.names) {
        // A test holds that each is YAML; one that were not would be missed below.
        for object in policy.objects().unwrap_or_default() {
            let kind = KINDS.iter().find(|row| object["kind"] == row.2);
            expected.extend(kind.map(|row| Expected {
                kind: row.2,
                name: policy.name.to_owned(),
                object,
                is_needed: policy.is_needed(),
            }));
        }
    }
    for object in api::kinds() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        expected.push(Expected {
            kind: KINDS[2].2,
            name: name.to_owned(),
            object: object.clone(),
            is_needed: true,
        });
    }
    expected
}

/// What is missing or other than it should be, a sentence each.
fn problems(expected: &[Expected], live: &Live, is_needed: bool) -> Vec<String> {
    let wanted = expected.iter().filter(|one| one.is_needed == is_needed);
    wanted.filter_map(|one| problem(one, live)).collect()
}

fn problem(expected: &Expected, live: &Live) -> Option<String> {
    let Expected {
        kind,
        name,
        object,
        is_needed: _,
    } = expected;
    let Some(found) = live.get(&(*kind, name.clone())) else {
        return Some(format!(
            "{kind} {name} is missing, or has not the label {OURS}"
        ));
    };
    if !found["metadata"]["deletionTimestamp"].is_null() {
        return Some(format!("{kind} {name} is being deleted"));
    }
    let differs = if *kind == KINDS[2].2 {
        compare::contained(object, found)
    } else {
        compare::same(object, found)
    };
    differs.map(|what| format!("{kind} {name}: {what}"))
}
