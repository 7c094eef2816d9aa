//! Who may do what.

use serde_json::{Value, json};

use super::super::rbac::{Attributes, allow, decide, verb};
use super::super::{User, bootstrap};
use super::world::{NS, World, recorded};

const READERS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: readers, namespace: "town" }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: readers, namespace: "town" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: readers }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: "town-readers" }]
"#;

fn refused(world: &World, of: &Attributes<'_>) -> Value {
    allow(world, of).expect_err("it is not allowed").body()
}

/// A person who may not would be told so in other words than on a cluster, or not at all.
#[test]
fn nobody_in_particular_may_do_nothing() {
    let world = World::fresh();
    let zhou = User::authenticated("zhou", &["duty"]);
    let bot = User::account(NS, "bot");
    let configmaps = Attributes {
        namespace: NS,
        ..Attributes::of(&zhou, "list", "", "configmaps")
    };
    let asked = [
        configmaps,
        Attributes {
            verb: "get",
            name: "c",
            ..configmaps
        },
        Attributes {
            namespace: NS,
            name: "d",
            subresource: "scale",
            ..Attributes::of(&zhou, "patch", "apps", "deployments")
        },
        Attributes::of(&bot, "list", "apps", "deployments"),
        Attributes {
            name: "n",
            ..Attributes::of(&zhou, "get", "", "nodes")
        },
        Attributes::of_path(&zhou, "get", "/metrics"),
    ];
    for (step, of) in asked.iter().enumerate() {
        let expected = recorded("nobody in particular may do nothing", step);
        assert_eq!(refused(&world, of), expected);
    }
}

/// A role would give too much, or in the wrong place.
#[test]
fn a_role_lets_a_group_do_what_it_says_there_and_nowhere_else() {
    let world = World::fresh().with(READERS);
    let lin = User::authenticated("lin", &["town-readers"]);
    let list = Attributes::of(&lin, "list", "", "configmaps");
    let case = "a role lets a group do what it says, there and nowhere else";
    let here = decide(
        &world,
        &Attributes {
            namespace: NS,
            ..list
        },
    );
    assert!(here.allowed);
    assert_eq!(here.reason, recorded(case, 5)["status"]["reason"]);
    assert_eq!(refused(&world, &list), recorded(case, 3));
    let delete = Attributes {
        verb: "delete",
        namespace: NS,
        name: "c",
        ..list
    };
    assert_eq!(refused(&world, &delete), recorded(case, 4));
}

/// Wildcards, names and subresources of rules would mean something else than on a cluster.
#[test]
fn rules_match_as_the_server_matches_them() {
    let allows = |rule: Value, of: &Attributes<'_>| {
        let world = World::default().with(&format!(
            "{{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{ name: r }}, \
             rules: [{rule}] }}"
        ));
        let world = world.with(
            "{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, \
             metadata: { name: b }, roleRef: { kind: ClusterRole, name: r }, \
             subjects: [{ kind: User, name: zhou }] }",
        );
        decide(&world, of).allowed
    };
    let zhou = User::authenticated("zhou", &[]);
    let scale = Attributes {
        subresource: "scale",
        name: "d",
        ..Attributes::of(&zhou, "get", "apps", "deployments")
    };
    let whole = Attributes {
        subresource: "",
        ..scale
    };
    let of =
        |resources: &[&str]| json!({ "apiGroups": ["*"], "resources": resources, "verbs": ["*"] });
    assert!(allows(of(&["*"]), &scale));
    assert!(allows(of(&["*/scale"]), &scale));
    assert!(allows(of(&["deployments/scale"]), &scale));
    assert!(!allows(of(&["deployments"]), &scale));
    assert!(!allows(of(&["deployments/*"]), &scale));
    assert!(!allows(of(&["*/scale"]), &whole));
    assert!(!allows(of(&["deployments/scale"]), &whole));
    let mut named = of(&["deployments"]);
    named["resourceNames"] = json!(["e"]);
    assert!(!allows(named.clone(), &whole));
    named["resourceNames"] = json!(["d"]);
    assert!(allows(named.clone(), &whole));
    assert!(!allows(
        named,
        &Attributes {
            verb: "list",
            name: "",
            ..whole
        }
    ));
    let paths = json!({ "nonResourceURLs": ["/healthz/*"], "verbs": ["get"] });
    assert!(allows(
        paths.clone(),
        &Attributes::of_path(&zhou, "get", "/healthz/etcd")
    ));
    assert!(!allows(
        paths,
        &Attributes::of_path(&zhou, "get", "/healthz")
    ));
}

/// A binding of a service account would be read as one of another namespace.
#[test]
fn accounts_are_bound_by_their_namespace() {
    let world = World::default().with(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: r }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: b, namespace: a }
roleRef: { kind: ClusterRole, name: r }
subjects: [{ kind: ServiceAccount, name: bot }, { kind: ServiceAccount, name: other, namespace: b }]
"#,
    );
    let asks = |user: &User, namespace: &str| {
        let of = Attributes::of(user, "get", "", "configmaps");
        decide(&world, &Attributes { namespace, ..of })
    };
    assert!(asks(&User::account("a", "bot"), "a").allowed);
    assert!(!asks(&User::account("b", "bot"), "a").allowed);
    assert!(!asks(&User::account("a", "bot"), "b").allowed);
    let other = asks(&User::account("b", "other"), "a");
    let reason =
        r#"RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to ServiceAccount "other/b""#;
    assert_eq!(other.reason, reason);
}

/// A binding to a role that is gone would hide why somebody may not.
#[test]
fn a_missing_role_is_said() {
    let world = World::default().with(
        "{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, \
         metadata: { name: b }, roleRef: { kind: ClusterRole, name: gone }, \
         subjects: [{ kind: User, name: zhou }] }",
    );
    let zhou = User::authenticated("zhou", &[]);
    let of = Attributes::of(&zhou, "get", "", "configmaps");
    let message = refused(&world, &of)["message"].clone();
    let expected = r#"configmaps is forbidden: User "zhou" cannot get resource "configmaps" in API group "" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#;
    assert_eq!(message, expected);
}

/// Whoever may see the namespace they work in would not see it.
#[test]
fn a_namespace_is_in_itself() {
    let world = World::fresh();
    let zhou = User::authenticated("zhou", &[]);
    let of = Attributes {
        name: "a",
        ..Attributes::of(&zhou, verb("GET", true, false), "", "namespaces")
    };
    let message = refused(&world, &of.of_request())["message"].clone();
    let expected = r#"namespaces "a" is forbidden: User "zhou" cannot get resource "namespaces" in API group "" in the namespace "a""#;
    assert_eq!(message, expected);
    assert_eq!(verb("DELETE", false, false), "deletecollection");
    assert_eq!(verb("GET", false, true), "watch");
}

/// The first administrator, or anybody who asks who they are, would be locked out.
#[test]
fn the_roles_of_the_first_day_work() {
    let mut world = World::fresh();
    let zhou = User::authenticated("zhou", &[]);
    let reviews = Attributes::of(
        &zhou,
        "create",
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
    );
    assert!(decide(&world, &reviews).allowed);
    assert!(decide(&world, &Attributes::of_path(&zhou, "get", "/apis/apps/v1")).allowed);
    assert!(!decide(&world, &Attributes::of_path(&zhou, "post", "/apis")).allowed);
    let stranger = User {
        name: "system:anonymous".to_owned(),
        ..User::default()
    };
    assert!(!decide(&world, &Attributes::of_path(&stranger, "get", "/version")).allowed);
    let root = User::authenticated("root", &["system:masters"]);
    assert!(decide(&world, &Attributes::of(&root, "escalate", "any", "thing")).allowed);
    world.add(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "edit", "namespace": "a" },
        "roleRef": { "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "kind": "User", "name": "zhou" }],
    }));
    let asks = |verb, group, resource| {
        let of = Attributes {
            namespace: "a",
            ..Attributes::of(&zhou, verb, group, resource)
        };
        decide(&world, &of).allowed
    };
    assert!(asks("patch", "apps", "deployments"));
    assert!(asks("watch", "apps", "statefulsets"));
    assert!(!asks("create", "rbac.authorization.k8s.io", "roles"));
    let names: Vec<Value> = bootstrap::bootstrap()
        .into_iter()
        .map(|role| role["metadata"]["name"].clone())
        .collect();
    assert!(names.contains(&json!("cluster-admin")));
}
