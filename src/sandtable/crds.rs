//! Definitions of kinds: how they are accepted, and how they go with everything that they define.

use serde_json::{Value, json};

use super::ask::{Ask, Place};
use super::kinds::{CRDS, Kind};
use super::managed;
use super::refusal::{Cause, Refusal};
use super::remove;
use super::server::Server;
use super::store::Key;
use super::write::Part;

/// What holds a definition while there are objects of its kind.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// Names that are accepted.
const NAMES: [&str; 6] = [
    "plural",
    "singular",
    "shortNames",
    "kind",
    "listKind",
    "categories",
];

/// Whether a kind is that of definitions.
pub fn is_crd(kind: &Kind) -> bool {
    (kind.group.as_str(), kind.plural.as_str()) == CRDS
}

/// The status with which a definition begins.
pub fn begin(crd: &Value) -> Value {
    let versions = crd["spec"]["versions"].as_array().into_iter().flatten();
    let stored: Vec<&Value> = versions
        .filter(|version| version["storage"] == true)
        .map(|version| &version["name"])
        .collect();
    json!({ "conditions": null, "acceptedNames": { "plural": "", "kind": "" },
        "storedVersions": stored })
}

/// What is wrong with a definition.
pub fn faults(crd: &Value) -> Vec<Cause> {
    let text = |pointer| crd.pointer(pointer).and_then(Value::as_str);
    let part = |pointer| text(pointer).unwrap_or_default();
    let wanted = format!("{}.{}", part("/spec/names/plural"), part("/spec/group"));
    let name = part("/metadata/name");
    if name == wanted {
        return Vec::new();
    }
    let why = "must be spec.names.plural+\".\"+spec.group";
    vec![Cause::invalid("metadata.name", &name.into(), why)]
}

/// A new definition once its names are accepted; nothing where they are already.
pub fn accepted(kind: &Kind, crd: &Value) -> Option<Value> {
    if !crd["status"]["conditions"].is_null() {
        return None;
    }
    let now = crd["metadata"]["creationTimestamp"].as_str()?;
    let mut accepted = crd.clone();
    let names = NAMES.iter().filter_map(|name| {
        let said = crd["spec"]["names"].get(*name)?;
        Some(((*name).to_owned(), said.clone()))
    });
    accepted["status"]["acceptedNames"] = Value::Object(names.collect());
    let condition = |word: &str, reason: &str, message: &str| {
        json!({ "type": word, "status": "True", "lastTransitionTime": now, "reason": reason,
            "message": message })
    };
    accepted["status"]["conditions"] = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition(
            "Established",
            "InitialNamesAccepted",
            "the initial names have been accepted"
        ),
    ]);
    let writer = managed::Writer {
        manager: "kube-apiserver".to_owned(),
        operation: "Update".to_owned(),
        api_version: kind.api_version(),
        subresource: Part::Status.word().to_owned(),
    };
    let fields = managed::updated(
        kind.schema.root(),
        crd,
        &accepted,
        Value::Null,
        &writer,
        managed::Reset::of(kind, Part::Status),
        now,
    );
    accepted["metadata"]["managedFields"] = fields;
    Some(accepted)
}

/// A definition that is to go.
pub fn marked(crd: &Value, now: &str) -> Value {
    let mut marked = crd.clone();
    if !marked["metadata"]["deletionTimestamp"].is_null() {
        return marked;
    }
    marked["metadata"]["deletionTimestamp"] = now.into();
    marked["metadata"]["finalizers"] = json!([CLEANUP]);
    if let Some(conditions) = marked["status"]["conditions"].as_array_mut() {
        conditions.push(json!({ "type": "Terminating", "status": "True",
            "lastTransitionTime": now, "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon" }));
    }
    marked
}

/// Removes every object of a definition that goes, and then the definition, unless a finalizer holds
/// one of them. No policy is asked.
pub fn sweep(server: &mut Server, crd: &Value, ask: &Ask) {
    let Some(kind) = defined(server, crd) else {
        return;
    };
    let all = server.store.list(&kind.group, &kind.plural, "", None);
    let all: Vec<_> = all
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    for (key, object) in all {
        let place = Place {
            group: key.group,
            version: kind.version.clone(),
            plural: key.plural,
            namespace: key.namespace,
            name: key.name,
            ..Place::default()
        };
        remove::unasked(server, &kind, &place, &object, ask);
    }
    ended(server, &kind);
}

/// Ends a definition that is going once no object of its kind is left.
pub fn ended(server: &mut Server, kind: &Kind) {
    let key = key(kind);
    let is_going = |crd: &Value| !crd["metadata"]["deletionTimestamp"].is_null();
    let is_empty = server
        .store
        .list(&kind.group, &kind.plural, "", None)
        .next()
        .is_none();
    if is_empty && server.store.get(&key).is_some_and(|crd| is_going(crd)) {
        server.store.remove(&key);
        server.kinds.forget(&kind.group, &kind.plural);
    }
}

/// Nothing is made of a kind whose definition goes.
///
/// # Errors
/// 403.
pub fn ensure_stays(server: &Server, kind: &Kind, name: &str) -> Result<(), Refusal> {
    let crd = kind.is_custom.then(|| server.store.get(&key(kind)));
    match crd.flatten() {
        Some(crd) if !crd["metadata"]["deletionTimestamp"].is_null() => {
            let why = "create not allowed while custom resource definition is terminating";
            Err(Refusal::forbidden(kind.resource(), name, why))
        }
        Some(_) | None => Ok(()),
    }
}

fn defined(server: &Server, crd: &Value) -> Option<std::sync::Arc<Kind>> {
    let group = crd["spec"]["group"].as_str()?;
    let plural = crd["spec"]["names"]["plural"].as_str()?;
    server.kinds.find(group, plural).cloned()
}

fn key(kind: &Kind) -> Key {
    Key {
        group: CRDS.0.to_owned(),
        plural: CRDS.1.to_owned(),
        namespace: String::new(),
        name: format!("{}.{}", kind.plural, kind.group),
    }
}
