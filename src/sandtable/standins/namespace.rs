//! The end of a namespace: everything in it is removed, and when nothing is left the namespace is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::ask::{Ask, Place, time};
use super::super::server::Server;
use super::super::store::Key;
use super::super::write::is_free;
use super::controller::Controller;
use super::hand;
use super::workload::Condition;

/// What holds a namespace until it is empty.
const FINALIZER: &str = "kubernetes";
/// How long the real controller waits before it looks at a namespace that changed.
pub const GRACE: Duration = Duration::from_secs(5);

/// What is left in a namespace: how many of which plural, and what holds them.
#[derive(Default)]
struct Left {
    plurals: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

/// Attends to a namespace that is being removed. Says whether something is left in it.
pub fn attend(server: &mut Server, key: &Key, now: Timestamp) -> bool {
    let Some(object) = server.store.get(key).cloned() else {
        return false;
    };
    let finalizers = object["spec"]["finalizers"].as_array();
    let is_held = finalizers.is_some_and(|all| all.iter().any(|one| one == FINALIZER));
    if object["metadata"]["deletionTimestamp"].is_null() || !is_held {
        return false;
    }
    remove_all(server, &key.name, now);
    let left = left(server, &key.name);
    let mut status = object["status"].as_object().cloned().unwrap_or_default();
    tell(&mut status, &left, now);
    let told = hand::write_status(server, Controller::Namespace, key, status, None, now);
    if !left.plurals.is_empty() || told.is_err() {
        return true;
    }
    finish(server, key);
    false
}

/// Removes what can be removed.
fn remove_all(server: &mut Server, namespace: &str, now: Timestamp) {
    let kinds: Vec<_> = server
        .kinds
        .all()
        .filter(|kind| kind.namespaced)
        .cloned()
        .collect();
    for kind in kinds {
        let mut found = server
            .store
            .list(&kind.group, &kind.plural, namespace, None);
        let is_empty = found.next().is_none();
        drop(found);
        if is_empty {
            continue;
        }
        let place = Place {
            group: kind.group.clone(),
            version: kind.version.clone(),
            plural: kind.plural.clone(),
            namespace: namespace.to_owned(),
            ..Place::default()
        };
        // What is refused is left, and tried again.
        server.handle(Ask {
            method: "DELETE".to_owned(),
            path: hand::path(&place),
            ..hand::ask(Controller::Namespace, now)
        });
    }
}

fn left(server: &Server, namespace: &str) -> Left {
    let mut left = Left::default();
    for kind in server.kinds.all().filter(|kind| kind.namespaced) {
        let found = server
            .store
            .list(&kind.group, &kind.plural, namespace, None);
        for (_, object) in found {
            let name = format!("{}.{}", kind.plural, kind.group);
            *left.plurals.entry(name).or_default() += 1;
            let finalizers = object["metadata"]["finalizers"].as_array();
            for name in finalizers.into_iter().flatten().filter_map(Value::as_str) {
                *left.finalizers.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    left
}

/// Tells how the removal goes, in the real controller's words.
fn tell(status: &mut Map<String, Value>, left: &Left, now: Timestamp) {
    let listed = |all: &BTreeMap<String, usize>, word: &str| {
        let each = all
            .iter()
            .map(|(name, count)| format!("{name} {word} {count} resource instances"));
        each.collect::<Vec<_>>().join(", ")
    };
    let remaining = if left.plurals.is_empty() {
        let message = "All content successfully removed".to_owned();
        ("False", "ContentRemoved", message)
    } else {
        let what = listed(&left.plurals, "has");
        let message = format!("Some resources are remaining: {what}");
        ("True", "SomeResourcesRemain", message)
    };
    let held = if left.finalizers.is_empty() {
        let message = "All content-preserving finalizers finished".to_owned();
        ("False", "ContentHasNoFinalizers", message)
    } else {
        let what = listed(&left.finalizers, "in");
        let message = format!("Some content in the namespace has finalizers remaining: {what}");
        ("True", "SomeFinalizersRemain", message)
    };
    let good = |reason, message: &str| ("False", reason, message.to_owned());
    let discovered = good(
        "ResourcesDiscovered",
        "All resources successfully discovered",
    );
    let parsed = good(
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    );
    let deleted = "All content successfully deleted, may be waiting on finalization";
    for (type_, (word, reason, message)) in [
        ("NamespaceDeletionDiscoveryFailure", discovered),
        ("NamespaceDeletionGroupVersionParsingFailure", parsed),
        (
            "NamespaceDeletionContentFailure",
            good("ContentDeleted", deleted),
        ),
        ("NamespaceContentRemaining", remaining),
        ("NamespaceFinalizersRemaining", held),
    ] {
        let new = Condition {
            type_,
            status: word,
            reason,
            message: &message,
        };
        hand::set_condition(status, new, &time(now));
    }
}

/// Lets go of an empty namespace.
fn finish(server: &mut Server, key: &Key) {
    let kind = server.kinds.find(&key.group, &key.plural).cloned();
    let (Some(kind), Some(object)) = (kind, server.store.get(key).cloned()) else {
        return;
    };
    let mut freed = Value::clone(&object);
    if let Some(all) = freed["spec"]["finalizers"].as_array_mut() {
        all.retain(|one| one != FINALIZER);
    }
    if is_free(&freed) {
        server.drop(&kind, key);
    } else {
        server.keep(&kind, key.clone(), freed);
    }
}
