//! What is served: groups, versions and kinds, as kubectl asks for them; and whether the server is well.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ask::{Ask, Reply};
use super::kinds::{Kind, Kinds};
use super::refusal::Refusal;

/// All groups with all their kinds in one answer, as newer clients ask for them.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers what is not about objects.
///
/// # Errors
/// None yet: what is not there is 404 in plain text.
pub fn answer(kinds: &Kinds, ask: &Ask) -> Result<Reply, Refusal> {
    let path = ask.path.trim_end_matches('/');
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let is_aggregated = ask
        .accept
        .split(',')
        .any(|wanted| wanted.replace(' ', "").starts_with(AGGREGATED));
    let reply = match parts.as_slice() {
        ["api"] if is_aggregated => aggregated(kinds, str::is_empty),
        ["apis"] if is_aggregated => aggregated(kinds, |group| !group.is_empty()),
        [probe @ ("livez" | "readyz" | "healthz"), ..] if ask.says("verbose") => {
            Reply::text(200, &format!("[+]ping ok\n{probe} check passed\n"))
        }
        ["livez" | "readyz" | "healthz", ..] => Reply::text(200, "ok"),
        ["version"] => Reply::json(200, version()),
        ["api"] => Reply::json(
            200,
            json!({ "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [] }),
        ),
        ["apis"] => Reply::json(200, groups(kinds)),
        ["api", version] => resources(kinds, "", version),
        ["apis", group] => one_group(kinds, group),
        ["apis", group, version] => resources(kinds, group, version),
        _ => nothing(),
    };
    Ok(reply)
}

fn nothing() -> Reply {
    Reply::text(404, "404 page not found\n")
}

/// The version of the server whose answers are given.
fn version() -> Value {
    json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.3+sandtable", "gitCommit": "",
        "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "",
        "platform": "", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35" })
}

/// The versions of all groups but the core one.
fn versions(kinds: &Kinds) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds.all().filter(|kind| !kind.group.is_empty()) {
        let versions = groups.entry(&kind.group).or_default();
        if !versions.contains(&kind.version.as_str()) {
            versions.push(&kind.version);
        }
    }
    groups
}

fn group(name: &str, versions: &[&str]) -> Value {
    let said =
        |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let all: Vec<Value> = versions.iter().map(said).collect();
    json!({ "name": name, "versions": all, "preferredVersion": all[0] })
}

fn groups(kinds: &Kinds) -> Value {
    let groups = versions(kinds);
    let groups: Vec<Value> = groups
        .iter()
        .map(|(name, versions)| group(name, versions))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn one_group(kinds: &Kinds, name: &str) -> Reply {
    let groups = versions(kinds);
    let Some(versions) = groups.get(name) else {
        return nothing();
    };
    let mut group = group(name, versions);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Reply::json(200, group)
}

fn resources(kinds: &Kinds, group: &str, version: &str) -> Reply {
    let resources: Vec<Value> = kinds
        .of(group, version)
        .flat_map(|kind| served(kind))
        .collect();
    if resources.is_empty() {
        return nothing();
    }
    let name = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let mut list =
        json!({ "kind": "APIResourceList", "groupVersion": name, "resources": resources });
    // The core group's list is older than its version's name.
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Reply::json(200, list)
}

/// A kind and its subresources.
fn served(kind: &Kind) -> Vec<Value> {
    let verbs: Vec<&str> = if kind.is_custom {
        vec![
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch",
        ]
    } else if kind.plural == "namespaces" {
        vec![
            "create", "delete", "get", "list", "patch", "update", "watch",
        ]
    } else {
        vec![
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ]
    };
    let mut whole = json!({ "name": kind.plural, "singularName": kind.singular,
        "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs,
        "storageVersionHash": hash(kind) });
    if !kind.short_names.is_empty() {
        whole["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        whole["categories"] = json!(kind.categories);
    }
    let part = |name: &str, of: &str| {
        json!({ "name": format!("{}/{name}", kind.plural), "singularName": "",
            "namespaced": kind.namespaced, "kind": of, "verbs": ["get", "patch", "update"] })
    };
    let mut all = vec![whole];
    if kind.has_status {
        all.push(part("status", &kind.kind));
    }
    if kind.scale.is_some() {
        let mut scale = part("scale", "Scale");
        scale["group"] = "autoscaling".into();
        scale["version"] = "v1".into();
        all.push(scale);
    }
    all
}

/// The hash by which clients see that objects are stored in another version.
fn hash(kind: &Kind) -> String {
    let text = format!("{}/{}/{}", kind.group, kind.version, kind.kind);
    STANDARD.encode(&Sha256::digest(text)[..8])
}

fn aggregated(kinds: &Kinds, belongs: impl Fn(&str) -> bool) -> Reply {
    let mut groups: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for kind in kinds.all().filter(|kind| belongs(&kind.group)) {
        let place = (kind.group.as_str(), kind.version.as_str());
        groups.entry(place).or_default().push(discovered(kind));
    }
    let items: Vec<Value> = groups
        .into_iter()
        .map(|((name, version), resources)| {
            json!({ "metadata": { "name": name, "creationTimestamp": null },
                "versions": [{ "version": version, "resources": resources, "freshness": "Current" }] })
        })
        .collect();
    let list = json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items });
    Reply {
        media: AGGREGATED,
        ..Reply::json(200, list)
    }
}

/// A kind with its subresources, as the aggregated answer has it.
fn discovered(kind: &Kind) -> Value {
    let mut all = served(kind).into_iter();
    let whole = all.next().unwrap_or_default();
    let named = |of: &str| json!({ "group": kind.group, "version": kind.version, "kind": of });
    let scope = if kind.namespaced {
        "Namespaced"
    } else {
        "Cluster"
    };
    let mut found = json!({ "resource": kind.plural, "responseKind": named(&kind.kind),
        "scope": scope, "singularResource": kind.singular, "verbs": whole["verbs"] });
    for member in ["shortNames", "categories"] {
        if !whole[member].is_null() {
            found[member] = whole[member].clone();
        }
    }
    let parts: Vec<Value> = all
        .map(|part| {
            let name = part["name"].as_str().unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default();
            let kind = if name == "scale" {
                json!({ "group": "autoscaling", "version": "v1", "kind": "Scale" })
            } else {
                named(&kind.kind)
            };
            json!({ "subresource": name, "responseKind": kind, "verbs": part["verbs"] })
        })
        .collect();
    if !parts.is_empty() {
        found["subresources"] = parts.into();
    }
    found
}
