//! Giving away what one has not.

use serde_json::{Value, json};

use super::super::escalation::{Write, check};
use super::super::{RBAC, User};
use super::world::{NS, World, recorded};

const MAKERS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: makers, namespace: "town" }
rules: [{ apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: makers, namespace: "town" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: makers }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: "town-maker" }]
"#;

fn role(name: &str, rules: &Value) -> Value {
    json!({ "kind": "Role", "metadata": { "name": name, "namespace": NS }, "rules": rules })
}

fn write<'a>(user: &'a User, resource: &'a str, object: &'a Value) -> Write<'a> {
    Write {
        user,
        resource,
        namespace: NS,
        name: "",
        object,
        old: None,
    }
}

/// Whoever may write roles could make themselves administrator.
#[test]
fn a_role_that_gives_more_than_its_author_has_is_refused() {
    let world = World::fresh().with(MAKERS);
    let maker = User::authenticated("town-maker", &[]);
    let same = role(
        "same",
        &json!([{ "apiGroups": [RBAC], "resources": ["roles"], "verbs": ["create"] }]),
    );
    assert_eq!(check(&world, &write(&maker, "roles", &same)), Ok(()));
    let more = role(
        "more",
        &json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]),
    );
    let refusal = check(&world, &write(&maker, "roles", &more)).expect_err("it gives more");
    let case = "a role that gives more than its author has is refused";
    assert_eq!(refusal.body(), recorded(case, 3));
    let root = User::authenticated("root", &["system:masters"]);
    assert_eq!(check(&world, &write(&root, "roles", &more)), Ok(()));
    let mut kept = more.clone();
    kept["metadata"]["finalizers"] = json!(["acme.io/hold"]);
    let cleared = Write {
        old: Some(&kept),
        ..write(&maker, "roles", &more)
    };
    assert_eq!(check(&world, &cleared), Ok(()));
}

/// The message would name the rights otherwise than the server does.
#[test]
fn what_is_missing_is_said_shortly() {
    let world = World::fresh();
    let maker = User::authenticated("maker", &["duty"]);
    let rules = json!([
        { "apiGroups": [""], "resources": ["secrets", "pods"], "verbs": ["get", "list"] },
        { "nonResourceURLs": ["/metrics"], "verbs": ["get"] },
        { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": ["d"] },
    ]);
    let refusal = check(&world, &write(&maker, "roles", &role("r", &rules))).expect_err("too much");
    let expected = "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"maker\" \
        (groups=[\"duty\" \"system:authenticated\"]) is attempting to grant RBAC permissions not \
        currently held:\n\
        {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}\n\
        {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}\n\
        {APIGroups:[\"apps\"], Resources:[\"deployments\"], ResourceNames:[\"d\"], Verbs:[\"get\"]}\n\
        {NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}";
    assert_eq!(refusal.message, expected);
}

/// Whoever may write bindings could take any role.
#[test]
fn a_binding_needs_what_its_role_gives_or_the_verb_bind() {
    let mut world = World::fresh().with(MAKERS);
    let maker = User::authenticated("town-maker", &[]);
    let binding = |kind: &str, name: &str| {
        json!({
            "metadata": { "name": "b", "namespace": NS },
            "roleRef": { "apiGroup": RBAC, "kind": kind, "name": name },
        })
    };
    let own = binding("Role", "makers");
    assert_eq!(check(&world, &write(&maker, "rolebindings", &own)), Ok(()));
    let admin = binding("ClusterRole", "cluster-admin");
    let refusal = check(&world, &write(&maker, "rolebindings", &admin)).expect_err("it gives all");
    assert!(
        refusal
            .message
            .contains("{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}")
    );
    let gone = binding("Role", "gone");
    let refusal = check(&world, &write(&maker, "rolebindings", &gone)).expect_err("no role");
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (404, r#"roles.rbac.authorization.k8s.io "gone" not found"#)
    );
    world = world.with(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: binder }
rules: [{ apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [cluster-admin] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: binder }
roleRef: { kind: ClusterRole, name: binder }
subjects: [{ kind: User, name: "town-maker" }]
"#,
    );
    assert_eq!(
        check(&world, &write(&maker, "rolebindings", &admin)),
        Ok(())
    );
}
