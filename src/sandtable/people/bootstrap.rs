//! The roles that every cluster has from its first day, and who has them.

use serde_json::{Value, json};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const ALL: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/healthz"];
const VERSION: [&str; 2] = ["/version", "/version/"];
const API: [&str; 6] = [
    "/openapi",
    "/openapi/*",
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
];

/// The server keeps the words of its own rules in order.
fn sorted(words: &[&str]) -> Value {
    let mut words = words.to_vec();
    words.sort_unstable();
    json!(words)
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!({
        "apiGroups": sorted(groups), "resources": sorted(resources), "verbs": sorted(verbs),
    })
}

fn paths(paths: &[&str]) -> Value {
    json!({ "nonResourceURLs": sorted(paths), "verbs": ["get"] })
}

fn metadata(name: &str) -> Value {
    json!({
        "name": name,
        "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" },
        "annotations": { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    })
}

fn role(name: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata(name),
        "rules": rules,
    })
}

/// A role that is the sum of others: `adds_to` is the role that takes it in itself.
fn sum(name: &str, adds_to: Option<&str>, rules: &[Value]) -> Value {
    let mut role = role(name, rules);
    let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
    role["aggregationRule"] =
        json!({ "clusterRoleSelectors": [{ "matchLabels": { label: "true" } }] });
    if let Some(other) = adds_to {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{other}");
        role["metadata"]["labels"][label] = "true".into();
    }
    role
}

/// A part of a sum.
fn part(of: &str, rules: &[Value]) -> Value {
    let mut role = role(&format!("system:aggregate-to-{of}"), rules);
    let label = format!("rbac.authorization.k8s.io/aggregate-to-{of}");
    role["metadata"]["labels"][label] = "true".into();
    role
}

fn binding(role: &str, groups: &[&str]) -> Value {
    let subjects: Vec<Value> = groups
        .iter()
        .map(|group| {
            json!({ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group })
        })
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata(role),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role,
        },
        "subjects": subjects,
    })
}

fn view() -> Vec<Value> {
    let core = [
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "serviceaccounts",
        "services",
        "services/status",
    ];
    let bounds = [
        "bindings",
        "limitranges",
        "namespaces/status",
        "pods/log",
        "pods/status",
        "replicationcontrollers/status",
        "resourcequotas",
        "resourcequotas/status",
    ];
    let apps = [
        "controllerrevisions",
        "daemonsets",
        "daemonsets/status",
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
        "statefulsets",
        "statefulsets/scale",
        "statefulsets/status",
    ];
    let batch = ["cronjobs", "cronjobs/status", "jobs", "jobs/status"];
    let scalers = [
        "horizontalpodautoscalers",
        "horizontalpodautoscalers/status",
    ];
    let budgets = ["poddisruptionbudgets", "poddisruptionbudgets/status"];
    let nets = ["ingresses", "ingresses/status", "networkpolicies"];
    vec![
        rule(READ, &[""], &core),
        rule(READ, &[""], &bounds),
        rule(READ, &[""], &["namespaces"]),
        rule(READ, &["", "events.k8s.io"], &["events"]),
        rule(READ, &["discovery.k8s.io"], &["endpointslices"]),
        rule(READ, &["apps"], &apps),
        rule(READ, &["autoscaling"], &scalers),
        rule(READ, &["batch"], &batch),
        rule(READ, &["policy"], &budgets),
        rule(READ, &["networking.k8s.io"], &nets),
    ]
}

fn edit() -> Vec<Value> {
    let reach = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"];
    let core = [
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "secrets",
        "serviceaccounts",
        "services",
        "services/proxy",
    ];
    let apps = [
        "daemonsets",
        "deployments",
        "deployments/rollback",
        "deployments/scale",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
    ];
    let read: Vec<&str> = reach
        .into_iter()
        .chain(["secrets", "services/proxy"])
        .collect();
    let pods: Vec<&str> = ["pods"].into_iter().chain(reach).collect();
    vec![
        rule(READ, &[""], &read),
        rule(&["impersonate"], &[""], &["serviceaccounts"]),
        rule(WRITE, &[""], &pods),
        rule(&["create"], &[""], &["pods/eviction"]),
        rule(WRITE, &[""], &core),
        rule(&["create"], &[""], &["serviceaccounts/token"]),
        rule(WRITE, &["", "events.k8s.io"], &["events"]),
        rule(WRITE, &["apps"], &apps),
        rule(WRITE, &["autoscaling"], &["horizontalpodautoscalers"]),
        rule(WRITE, &["batch"], &["cronjobs", "jobs"]),
        rule(WRITE, &["policy"], &["poddisruptionbudgets"]),
        rule(
            WRITE,
            &["networking.k8s.io"],
            &["ingresses", "networkpolicies"],
        ),
        rule(ALL, &["coordination.k8s.io"], &["leases"]),
    ]
}

fn admin() -> Vec<Value> {
    vec![
        rule(
            &["create"],
            &["authorization.k8s.io"],
            &["localsubjectaccessreviews"],
        ),
        rule(
            ALL,
            &["rbac.authorization.k8s.io"],
            &["rolebindings", "roles"],
        ),
    ]
}

/// The roles that people rely on, and their bindings. The sums (`admin`, `edit`, `view`) have their
/// rules filled in: nothing adds to them afterwards.
pub fn bootstrap() -> Vec<Value> {
    let everybody = ["system:authenticated", "system:unauthenticated"];
    let mut objects = Vec::from(sums());
    objects.extend(everyday());
    objects.extend([
        binding("cluster-admin", &[super::MASTERS]),
        binding("system:basic-user", &everybody[..1]),
        binding("system:discovery", &everybody[..1]),
        binding("system:public-info-viewer", &everybody),
    ]);
    objects
}

/// The roles that are given to people.
fn sums() -> [Value; 7] {
    let everything = json!({ "nonResourceURLs": ["*"], "verbs": ["*"] });
    let root = [rule(&["*"], &["*"], &["*"]), everything];
    let editing = [edit(), view()].concat();
    let administering = [edit(), view(), admin()].concat();
    [
        role("cluster-admin", &root),
        sum("admin", None, &administering),
        sum("edit", Some("admin"), &editing),
        sum("view", Some("edit"), &view()),
        part("admin", &admin()),
        part("edit", &edit()),
        part("view", &view()),
    ]
}

/// The roles that everybody has, and the one of servers that ask about others.
fn everyday() -> [Value; 4] {
    let create = |group: &str, plurals: &[&str]| rule(&["create"], &[group], plurals);
    let access = "authorization.k8s.io";
    let identity = "authentication.k8s.io";
    let basic = [
        create(
            access,
            &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        ),
        create(identity, &["selfsubjectreviews"]),
    ];
    let delegator = [
        create(identity, &["tokenreviews"]),
        create(access, &["subjectaccessreviews"]),
    ];
    let public = [&HEALTH[..], &VERSION].concat();
    let discovery = [&public[..], &API].concat();
    [
        role("system:auth-delegator", &delegator),
        role("system:basic-user", &basic),
        role("system:discovery", &[paths(&discovery)]),
        role("system:public-info-viewer", &[paths(&public)]),
    ]
}
