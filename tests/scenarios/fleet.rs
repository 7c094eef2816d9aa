//! The fleet: workloads with every kind of owner, and fields of every awkward kind.

use serde_json::{Value, json};

/// How an owner writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Server-side apply, as GitOps controllers, Helm 4 and `kubectl apply --server-side` do.
    Apply,
    /// As `kubectl apply` without `--server-side` does: an update, with the manifest kept in an
    /// annotation.
    ClientSide,
}

/// One manifest and who applies it.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The owner's field manager.
    pub manager: &'static str,
    /// How it writes.
    pub how: How,
    /// What it writes.
    pub manifest: Value,
}

/// The group of the fleet's own kind.
pub const GROUP: &str = "fleet.example.com";
/// The longest name of a label's value, and of many objects.
pub const LONG: &str = "portal-of-the-municipal-bureau-for-emergency-management-yunxi-w";

/// The kind of the fleet's own: its replicas are at `spec.size`, and its spec holds what is easily
/// lost: null, big numbers, absent fields.
pub fn pool_kind() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("pools.{GROUP}") },
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": { "kind": "Pool", "plural": "pools", "singular": "pool" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": { "scale": { "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size" }, "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "properties": {
                        "size": { "type": "integer" },
                        "quota": { "type": "integer", "format": "int64" },
                        "window": { "type": "string" },
                        "note": { "type": "string", "nullable": true },
                        "tuning": { "type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true },
                    } },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
            }],
        },
    })
}

/// Every manifest of the fleet, in the order in which it is applied.
pub fn fleet(namespace: &str) -> Vec<Owned> {
    let owned = |manager, manifest| Owned {
        manager,
        how: How::Apply,
        manifest,
    };
    let mut portal = deployment(namespace, "portal-web", Some(7));
    portal["metadata"]["annotations"] = json!({ "example.com/note": "ask the portal team" });
    let mut api = deployment(namespace, "helm-api", Some(4));
    api["spec"]["template"]["metadata"]["annotations"] = json!({ "checksum/config": "abc" });
    vec![
        owned("portal-team", portal),
        owned("helm", api),
        owned("portal-team", deployment(namespace, "shared", None)),
        owned("portal-team", deployment(namespace, "both", Some(6))),
        owned("helm", deployment(namespace, "both", Some(6))),
        owned("portal-team", deployment(namespace, "idle", Some(0))),
        owned("portal-team", deployment(namespace, LONG, Some(3))),
        Owned {
            manager: "kubectl-client-side-apply",
            how: How::ClientSide,
            manifest: deployment(namespace, "legacy", Some(5)),
        },
        owned("portal-team", store(namespace)),
        owned("portal-team", flags(namespace)),
        owned(
            "helm",
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "empty-flags", "namespace": namespace } }),
        ),
        owned("pool-team", pool(namespace)),
    ]
}

/// A Deployment, as small as may be.
pub fn deployment(namespace: &str, name: &str, replicas: Option<i64>) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{
                    "name": "web", "image": "registry.example.com/web:1",
                    "resources": { "limits": { "cpu": "2", "memory": "64Mi" } },
                }] },
            },
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

fn store(namespace: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "store", "namespace": namespace },
        "spec": {
            "replicas": 3, "serviceName": "store",
            "selector": { "matchLabels": { "app": "store" } },
            "template": {
                "metadata": { "labels": { "app": "store" } },
                "spec": { "containers": [{ "name": "web", "image": "registry.example.com/store:1" }] },
            },
        },
    })
}

fn flags(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "portal-flags", "namespace": namespace },
        "data": { "homepage.carousel": "on", "other": "a & b" },
    })
}

fn pool(namespace: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Pool",
        "metadata": { "name": "counters", "namespace": namespace },
        "spec": { "size": 8, "quota": 9_007_199_254_740_993_i64, "note": "open", "tuning": null },
    })
}

/// What the owner applies next: other values in the very fields that a mode changes.
pub fn changed(owned: &Owned) -> Value {
    let mut manifest = owned.manifest.clone();
    for at in ["/spec/replicas", "/spec/size", "/spec/quota"] {
        if let Some(value) = manifest.pointer_mut(at) {
            *value = json!(value.as_i64().unwrap_or_default() + 1);
        }
    }
    for (at, to) in [
        ("/data/homepage.carousel", "sometimes"),
        ("/spec/note", "closed at noon"),
        (
            "/metadata/annotations/example.com~1note",
            "ask somebody else",
        ),
        ("/spec/template/spec/containers/0/resources/limits/cpu", "3"),
    ] {
        if let Some(value) = manifest.pointer_mut(at) {
            *value = json!(to);
        }
    }
    if manifest["kind"] == "ConfigMap" {
        manifest["data"]["search.suggest"] = json!("new");
    }
    if manifest["kind"] == "Pool" {
        manifest["spec"]["window"] = json!("1h");
    }
    manifest
}

/// Stages with every kind of step, over the whole fleet.
pub fn every_step(namespace: &str) -> Value {
    let here = json!({ "names": [namespace] });
    let pool = format!("{GROUP}/Pool");
    json!([
        { "name": "shed", "steps": [{
            "name": "halve",
            "targets": { "kinds": ["Deployment", "StatefulSet", &pool], "namespaces": &here },
            "scale": { "percent": 50, "minimum": 1 },
        }] },
        { "name": "calm", "dependsOn": ["shed"], "steps": [{
            "name": "flags",
            "targets": { "kinds": ["ConfigMap"], "namespaces": &here, "names": ["portal-flags", "empty-flags"] },
            "config": {
                "set": { "homepage.carousel": "off", "search.suggest": "off" },
                "restart": [
                    { "kind": "Deployment", "name": "portal-web" },
                    { "kind": "Deployment", "name": "helm-api" },
                    { "kind": "Deployment", "name": "legacy" },
                    { "kind": "StatefulSet", "name": "store" },
                ],
            },
        }] },
        { "name": "tune", "dependsOn": ["calm"], "steps": [
            {
                "name": "cpu",
                "targets": { "kinds": ["Deployment"], "namespaces": &here, "names": ["portal-web", "helm-api", "legacy"] },
                "patch": { "set": [{ "path": "/spec/template/spec/containers[name=web]/resources/limits/cpu", "value": "1000m" }] },
            },
            {
                "name": "note",
                "targets": { "kinds": ["Deployment"], "namespaces": &here, "names": ["portal-web"] },
                "patch": { "remove": ["/metadata/annotations/example.com~1note"] },
            },
            {
                "name": "pool",
                "targets": { "kinds": [&pool], "namespaces": &here },
                "patch": {
                    "set": [{ "path": "/spec/note", "value": null }, { "path": "/spec/tuning", "value": { "burst": 2 } }],
                    "merge": { "spec": { "quota": 9_007_199_254_740_995_i64, "window": "5m" } },
                },
            },
        ] },
    ])
}
