//! The table of built-in kinds as steps use it: which field to watch for, and which objects are
//! left alone.

use crate::field::{Image, Path, Projection, Target};
pub use crate::playbook::kinds::{
    Guard, KINDS, Kind, find, governs, group_of, of, of_object, refused,
};

/// The group of roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";
/// On roles and bindings that the API server itself makes and repairs.
pub const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";
/// How the names of such roles and bindings begin, as a rule.
const SYSTEM: &str = "system:";
/// The name of the role that may do everything, and of the binding by which a cluster is administered.
const ADMIN: &str = "cluster-admin";
/// The kind of role whose rules may be gathered from others.
const CLUSTER_ROLE: &str = "ClusterRole";

/// The paths that a query of a kind reads: those of the step, and the one that says whether an
/// object is left alone. Sorted, each once.
pub fn paths(written: &str, wanted: impl IntoIterator<Item = Path>) -> Vec<Path> {
    let mut paths: Vec<Path> = wanted.into_iter().collect();
    paths.extend(
        find(written)
            .and_then(|kind| kind.guard)
            .map(|guard| path(&guard)),
    );
    let kind = find(written).filter(|kind| kind.group == RBAC);
    if let Some(kind) = kind {
        paths.push(bootstrapping());
        if kind.kind == CLUSTER_ROLE {
            paths.push(gathers());
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Why an object is left alone, if so. `shrinks` says whether the step would leave it fewer
/// replicas.
pub fn left_alone(object: &Projection, shrinks: bool) -> Option<&'static str> {
    if object.deleting {
        return Some("it is being deleted");
    }
    if is_of_the_cluster(object) {
        return Some(kept(&object.target));
    }
    let guard = of_object(&object.target.api_version, &object.target.kind)?.guard?;
    if guard.only_shrinking && !shrinks {
        return None;
    }
    let seen = object.field(&path(&guard))?.image.to_text()?;
    (seen == guard.value).then_some(guard.why)
}

/// What says that the API server itself keeps an object.
pub fn bootstrapping() -> Path {
    Path::fields(["metadata", "labels", BOOTSTRAPPING])
}

/// Whether the API server itself keeps an object that was seen, and would put back what is changed of it.
pub fn is_of_the_cluster(object: &Projection) -> bool {
    let label = object.field(&bootstrapping());
    let is_labelled = label.is_some_and(|label| label.image != Image::Absent);
    is_kept(&object.target, is_labelled)
}

/// Whether the API server itself keeps the role or binding of this name; `is_labelled` says whether it has
/// the label [`BOOTSTRAPPING`].
pub fn is_kept(target: &Target, is_labelled: bool) -> bool {
    let is_admin = target.name == ADMIN && target.kind.starts_with("Cluster");
    group_of(&target.api_version) == RBAC
        && (is_labelled || is_admin || target.name.starts_with(SYSTEM))
}

/// Why such an object is left alone, as the end of a sentence that begins with it.
pub fn kept(target: &Target) -> &'static str {
    if target.kind.ends_with("Binding") {
        "it is a binding of the cluster's own, which the API server would repair"
    } else {
        "it is a role of the cluster's own, which the API server would repair"
    }
}

/// Why a field cannot be given another value, if so, as the end of a sentence: the API server refuses it,
/// or a controller puts it back.
pub fn fixed(object: &Projection, path: &Path, after: &Image) -> Option<&'static str> {
    let target = &object.target;
    if group_of(&target.api_version) != RBAC {
        return None;
    }
    let role = role_ref();
    if target.kind.ends_with("Binding") && path.starts_with(&role) {
        let same = *path == role
            && object
                .field(&role)
                .is_some_and(|seen| is_same_role(&seen.image, after));
        return (!same).then_some(
            "which role a binding gives cannot be changed in Kubernetes: make another binding, under a \
             name of its own",
        );
    }
    let gathered = object.field(&gathers());
    let gathered = gathered.is_some_and(|seen| seen.image != Image::Absent);
    (gathered && path.starts_with(&Path::fields(["rules"]))).then_some(
        "its rules are gathered from other roles by its aggregationRule, and a controller would put them \
         back: change one of those roles",
    )
}

/// Whether both are the same role: the API server fills the group in.
fn is_same_role(one: &Image, other: &Image) -> bool {
    let (Some(one), Some(other)) = (one.value(), other.value()) else {
        return false;
    };
    ["kind", "name"]
        .iter()
        .all(|field| one.get(field) == other.get(field))
}

/// Which role a binding gives.
fn role_ref() -> Path {
    Path::fields(["roleRef"])
}

/// What says that the rules of a role are gathered from others.
fn gathers() -> Path {
    Path::fields(["aggregationRule", "clusterRoleSelectors"])
}

/// Whether a change leaves fewer replicas: by numbers, or because it takes the count away.
pub fn shrinks(base: &Image, after: &Image) -> bool {
    match (number(base), number(after)) {
        (Some(base), Some(after)) => after < base,
        (Some(_), None) => true,
        (None, Some(_) | None) => false,
    }
}

/// The whole number that a field holds.
pub fn number(image: &Image) -> Option<i64> {
    image.value().and_then(serde_json::Value::as_i64)
}

fn path(guard: &Guard) -> Path {
    Path::fields(guard.path.iter().copied())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::field::project::project;

    fn object(api_version: &str, kind: &str, name: &str, labels: &Value) -> Projection {
        let object = json!({ "apiVersion": api_version, "kind": kind, "metadata": {
            "name": name, "uid": name, "resourceVersion": "1", "labels": labels } });
        project(&object, "things", &paths(kind, []), false).expect("an object")
    }

    /// What the API server repairs is changed for a moment and never brought back by us; and who takes an
    /// administrator's binding has the cluster.
    #[test]
    fn roles_and_bindings_of_the_cluster_are_left_alone() {
        let (rbac, none) = ("rbac.authorization.k8s.io/v1", json!({}));
        let boot = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
        let rows = [
            (object(rbac, "ClusterRole", "system:node", &none), true),
            (object(rbac, "ClusterRole", "view", &boot), true),
            (object(rbac, "ClusterRole", "cluster-admin", &none), true),
            (
                object(rbac, "ClusterRoleBinding", "cluster-admin", &none),
                true,
            ),
            (object(rbac, "RoleBinding", "system:x", &none), true),
            (object(rbac, "RoleBinding", "cluster-admin", &none), false),
            (object(rbac, "ClusterRole", "view", &none), false),
            (object("apps/v1", "Deployment", "system:x", &boot), false),
        ];
        for (object, expected) in rows {
            let why = left_alone(&object, false);
            assert_eq!(why.is_some(), expected, "{:?}", object.target);
            assert!(why.is_none_or(|why| why.contains("of the cluster's own")));
        }
    }
    /// What the server refuses, or a controller puts back, must not be promised by a plan; and what is filled
    /// in by the server is no other role.
    #[test]
    fn which_role_a_binding_gives_and_gathered_rules_are_fixed() {
        let rbac = "rbac.authorization.k8s.io/v1";
        let role = |name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
        let of = |kind: &str, body: Value| {
            let mut object = json!({ "apiVersion": rbac, "kind": kind,
                "metadata": { "name": "a", "uid": "a", "resourceVersion": "1" } });
            for (field, value) in body.as_object().expect("fields") {
                object[field] = value.clone();
            }
            let own = ["roleRef", "rules", "subjects"].map(|field| Path::fields([field]));
            project(&object, "things", &paths(kind, own), false).expect("an object")
        };
        let binding = of("RoleBinding", json!({ "roleRef": role("view") }));
        let gathered = json!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] });
        let gathers = of("ClusterRole", json!({ "aggregationRule": gathered }));
        let plain = of("ClusterRole", json!({ "rules": [] }));
        let short = json!({ "kind": "ClusterRole", "name": "view" });
        let rows = [
            (&binding, "roleRef", role("edit"), "cannot be changed"),
            (&binding, "roleRef", role("view"), ""),
            (&binding, "roleRef", short, ""),
            (&binding, "subjects", json!([]), ""),
            (&gathers, "rules", json!([]), "gathered from other roles"),
            (&plain, "rules", json!([]), ""),
        ];
        for (object, field, after, says) in rows {
            let path = Path::fields([field]);
            let why = fixed(object, &path, &Image::Present(after.clone()));
            let said = why.unwrap_or_default();
            assert_eq!(why.is_some(), !says.is_empty(), "{field} {after}: {said}");
            assert!(said.contains(says), "{field} {after}: {said}");
        }
        let name = Path::fields(["roleRef", "name"]);
        let edit = Image::Present(json!("edit"));
        assert!(fixed(&binding, &name, &edit).is_some());
    }
}
