//! Objects that `apply` makes: what can be said of them without a cluster.

use serde_json::Value;

use crate::api::{Apply, PlaybookSpec, names as known};
use crate::playbook::parameters::{Text, read};
use crate::playbook::{kinds, pointer};

use super::parameters::references;
use super::{Finding, codes, given, names, targets};

/// Kinds that are not for a mode's lifetime, by group, and why. `*` stands for every kind of a group.
const UNFIT: &[(&str, &str, &str)] = &[
    (
        "",
        "Pod",
        "nothing starts it again where its node fails: make a Deployment, or `run` a Job",
    ),
    (
        "",
        "PersistentVolumeClaim",
        "what is written to it would be deleted at the return: create it by hand",
    ),
    (
        "",
        "PersistentVolume",
        "what is written to it may be deleted at the return: create it by hand",
    ),
    ("", "Node", "the cluster itself makes and deletes nodes"),
    ("", "Event", "events are what programs say"),
    ("", "Binding", "it is no object that stays"),
    ("events.k8s.io", "*", "events are what programs say"),
    ("coordination.k8s.io", "*", "leases are kept by programs"),
    (
        "discovery.k8s.io",
        "*",
        "the cluster itself keeps them: make a Service",
    ),
    ("authentication.k8s.io", "*", "it is no object that stays"),
    ("authorization.k8s.io", "*", "it is no object that stays"),
    (
        "admissionregistration.k8s.io",
        "*",
        "a rule of admission may refuse the return itself: install it by hand",
    ),
    (
        "apiregistration.k8s.io",
        "*",
        "an API of the cluster may take the return's own away: install it by hand",
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "*",
        "it may hold up the return itself: install it by hand",
    ),
    ("metrics.k8s.io", "*", "it is no object that stays"),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "whoever gets the certificate keeps it, and nothing at the return takes it back",
    ),
];

/// What others write into metadata.
const OF_OTHERS: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Findings on the objects of an `apply`.
pub fn findings(spec: &PlaybookSpec, apply: &Apply, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if apply.objects.is_empty() {
        findings.push(codes::MADE_OF_NOTHING.at(format!("{at}/objects"), "no object is given"));
    }
    for (place, object) in apply.objects.iter().enumerate() {
        let pointer = format!("{at}/objects/{place}");
        findings.extend(references(spec, object, &pointer));
        findings.extend(one(object, &pointer));
        let same = |other: &Value| identity(other) == identity(object);
        if identity(object).is_some() && apply.objects[..place].iter().any(same) {
            let what = "it has the kind, namespace and name of an earlier one";
            findings.push(codes::MADE_TWICE.at(pointer, what));
        }
    }
    findings
}

/// What an object is, where it says it.
fn identity(object: &Value) -> Option<[&str; 4]> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    Some([
        kinds::group_of(text("/apiVersion")?),
        text("/kind")?,
        text("/metadata/namespace").unwrap_or_default(),
        text("/metadata/name")?,
    ])
}

fn one(object: &Value, at: &str) -> Vec<Finding> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let mut findings = Vec::new();
    for name in ["apiVersion", "kind"] {
        match text(name) {
            None | Some("") => {
                findings.push(codes::BAD_MANIFEST.at(at, format!("it has no `{name}`")));
            }
            Some(given) if read(given) != Text::Plain => {
                let why = format!("`{name}` is not for a parameter to say");
                findings.push(codes::BAD_MANIFEST.at(format!("{at}/{name}"), why));
            }
            Some(_) => {}
        }
    }
    if !object.get("metadata").is_some_and(Value::is_object) {
        findings.push(codes::BAD_MANIFEST.at(at, "it has no `metadata`"));
        return findings;
    }
    if object.get("status").is_some() {
        let what = "status is what controllers say, not what people want";
        findings.push(codes::PART_OF_OTHERS.at(format!("{at}/status"), what));
    }
    if let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) {
        findings.extend(of_kind(kinds::group_of(version), kind, object, at));
        findings.extend(given::made(object, at));
    }
    findings.extend(metadata(&object["metadata"], &format!("{at}/metadata")));
    findings
}

fn of_kind(group: &str, kind: &str, object: &Value, at: &str) -> Vec<Finding> {
    let written = if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{group}/{kind}")
    };
    let at_kind = format!("{at}/kind");
    if kinds::refused(&written) {
        return vec![codes::REFUSED_KIND.at(at_kind, format!("{written} is never touched"))];
    }
    let unfit = UNFIT
        .iter()
        .find(|(of, what, _)| *of == group && ["*", kind].contains(what));
    if let Some((_, _, why)) = unfit {
        return vec![codes::UNFIT_KIND.at(at_kind, format!("{written} cannot be made: {why}"))];
    }
    let space = object
        .pointer("/metadata/namespace")
        .and_then(Value::as_str);
    let at_space = format!("{at}/metadata");
    match (kinds::of(group, kind).map(|kind| kind.namespaced), space) {
        (Some(true), None) => {
            let why = format!("a {kind} is in a namespace, and none is named");
            vec![codes::BAD_MANIFEST.at(at_space, why)]
        }
        (Some(false), Some(_)) => {
            let why = format!("a {kind} is in no namespace, and one is named");
            vec![codes::BAD_MANIFEST.at(format!("{at_space}/namespace"), why)]
        }
        (Some(_) | None, _) => Vec::new(),
    }
}

fn metadata(metadata: &Value, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if metadata.get("generateName").is_some() {
        let why = "a name that the server makes up is another one with every try";
        findings.push(codes::BAD_MANIFEST.at(format!("{at}/generateName"), why));
    }
    match metadata.get("name").and_then(Value::as_str) {
        None => findings.push(codes::BAD_MANIFEST.at(at, "it has no `name`")),
        Some(name) if read(name) == Text::Plain && !names::is_object_name(name) => {
            findings.push(codes::BAD_MANIFEST.at(
                format!("{at}/name"),
                format!("`{name}` cannot be an object's name"),
            ));
        }
        Some(_) => {}
    }
    match metadata.get("namespace").map(Value::as_str) {
        Some(Some(space)) if targets::NEVER.contains(&space) => {
            findings.push(codes::REFUSED_NAMESPACE.at(
                format!("{at}/namespace"),
                format!("nothing is made in {space}"),
            ));
        }
        Some(Some(space)) if read(space) == Text::Plain && !names::is_label(space) => {
            let why = format!("`{space}` cannot be a namespace's name");
            findings.push(codes::BAD_MANIFEST.at(format!("{at}/namespace"), why));
        }
        Some(None) => {
            let why = "the namespace is not a text";
            findings.push(codes::BAD_MANIFEST.at(format!("{at}/namespace"), why));
        }
        Some(Some(_)) | None => {}
    }
    for part in OF_OTHERS
        .iter()
        .filter(|part| metadata.get(**part).is_some())
    {
        let why = format!("`{part}` is the server's or another program's to write");
        findings.push(codes::PART_OF_OTHERS.at(format!("{at}/{part}"), why));
    }
    if metadata.get("finalizers").is_some() {
        let why = "what has to be taken off before the object can go would hold up the return";
        findings.push(codes::PART_OF_OTHERS.at(format!("{at}/finalizers"), why));
    }
    for part in ["labels", "annotations"] {
        let words = metadata.get(part).and_then(Value::as_object);
        for key in words.into_iter().flat_map(serde_json::Map::keys) {
            if key.starts_with(&format!("{}/", known::GROUP)) {
                let at = format!("{at}/{part}/{}", pointer::escape(key));
                let why = format!("`{key}` is Pingzhan's own: a playbook may not give it");
                findings.push(codes::LABEL_OF_OURS.at(at, why));
            }
        }
    }
    findings
}
