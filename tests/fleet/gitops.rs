//! What Flux and Argo CD read: for each of them a root, and what the root makes, one for every department
//! of which it writes something.

use serde_json::{Value, json};

use super::objects::{Pairs, joined, labels, mark, pairs};
use super::table::{City, Department, Owner};

/// Where Flux is.
pub const FLUX: &str = "flux-system";
/// Where Argo CD is.
pub const ARGO: &str = "argocd";
/// The root of Argo CD: an app of apps.
pub const ARGO_ROOT: &str = "yunxi-apps";
/// What Flux writes.
pub const FLUX_OWNED: [Owner; 2] = [Owner::Flux, Owner::FluxHelm];
/// What Argo CD writes.
pub const ARGO_OWNED: [Owner; 2] = [Owner::Argo, Owner::HelmAndArgo];

/// The namespaces of Flux and Argo CD themselves.
pub fn namespaces(city: &City) -> [Value; 2] {
    [FLUX, ARGO].map(|name| {
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": joined(mark(city), pairs(&[("tier", "platform")])) },
        })
    })
}

/// How Flux marks what a Kustomization applied.
pub fn by_kustomization(name: &str) -> Pairs {
    pairs(&[
        ("kustomize.toolkit.fluxcd.io/name", name),
        ("kustomize.toolkit.fluxcd.io/namespace", FLUX),
    ])
}

/// How Flux marks what the `HelmRelease` of a namespace installed, whose name it has.
pub fn by_release(namespace: &str) -> Pairs {
    pairs(&[
        ("helm.toolkit.fluxcd.io/name", namespace),
        ("helm.toolkit.fluxcd.io/namespace", namespace),
    ])
}

/// How Argo CD marks what an Application applied.
pub fn tracking(application: &str, object: &Value) -> Pairs {
    let text = |at: &str| {
        let found = object.pointer(at).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let api_version = text("/apiVersion");
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let id = format!(
        "{application}:{group}/{}:{}/{}",
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name")
    );
    pairs(&[("argocd.argoproj.io/tracking-id", &id)])
}

/// The root of Flux: it applies the Kustomizations of the departments.
pub fn flux_root(city: &City) -> Value {
    kustomization(&city.name, &mark(city), "./clusters/yunxi")
}

/// A department's Kustomization, which the root applied.
pub fn flux_child(city: &City, department: &Department) -> Value {
    let marked = joined(labels(city, department), by_kustomization(&city.name));
    let path = format!("./departments/{}", department.namespace);
    kustomization(&department.namespace, &marked, &path)
}

fn kustomization(name: &str, labels: &Pairs, path: &str) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": FLUX, "labels": labels },
        "spec": {
            "interval": "10m", "path": path, "prune": true, "wait": true,
            "sourceRef": { "kind": "GitRepository", "name": "yunxi" },
        },
    })
}

/// A department's `HelmRelease`, which its Kustomization applied.
pub fn release(city: &City, department: &Department) -> Value {
    let name = &department.namespace;
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {
            "name": name, "namespace": name,
            "labels": joined(labels(city, department), by_kustomization(name)),
        },
        "spec": {
            "interval": "10m",
            "chart": { "spec": {
                "chart": name, "version": "2.14.x",
                "sourceRef": { "kind": "HelmRepository", "name": "yunxi", "namespace": FLUX },
            } },
            "driftDetection": { "mode": "enabled" },
        },
    })
}

/// The root of Argo CD: it applies the Applications of the departments.
pub fn argo_root(city: &City) -> Value {
    application(ARGO_ROOT, &mark(city), "apps", ARGO)
}

/// A department's Application, which the root applied.
pub fn argo_child(city: &City, department: &Department) -> Value {
    let name = &department.namespace;
    let path = format!("departments/{name}");
    let mut child = application(name, &labels(city, department), &path, name);
    child["metadata"]["annotations"] = tracking(ARGO_ROOT, &child).into();
    child
}

fn application(name: &str, labels: &Pairs, path: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "namespace": ARGO, "labels": labels },
        "spec": {
            "project": "default",
            "source": { "repoURL": "https://git.yunxi.example/apps.git", "path": path, "targetRevision": "main" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": namespace },
            "syncPolicy": {
                "automated": { "prune": true, "selfHeal": true },
                "syncOptions": ["ServerSideApply=true"],
            },
        },
    })
}
