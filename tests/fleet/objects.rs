//! Objects of the table's rows, as their owners write them, but for what marks the owner.

use serde_json::{Map, Value, json};

use super::table::{Access, City, Department, Job, Kind, Role, Route, Workload};

/// Processors of what measures a workload.
pub const METRICS_CPU: &str = "20m";
/// Memory of what measures a workload.
pub const METRICS_MEMORY: &str = "32Mi";
/// An object or namespace with it is never touched.
const EXCLUDE: &str = "pingzhan.dev/exclude";
/// The district of what is the city's own.
const MUNICIPAL: &str = "municipal";
/// On pods: whose they are.
const PARTY: &str = "pingzhan.dev/party";
/// The group of roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";
/// Where the cluster's own programs are.
pub const SYSTEM: &str = "kube-system";

/// Names and values of labels or annotations.
pub type Pairs = Map<String, Value>;

/// Two sets of labels as one.
pub fn joined(left: Pairs, right: Pairs) -> Pairs {
    left.into_iter().chain(right).collect()
}

/// Labels or annotations.
pub fn pairs(of: &[(&str, &str)]) -> Pairs {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), json!(value));
    of.iter().map(owned).collect()
}

/// The labels of what is of no department.
pub fn mark(city: &City) -> Pairs {
    pairs(&[("fleet", &city.name), ("city", &city.name)])
}

/// The labels that everything of a department has.
pub fn labels(city: &City, department: &Department) -> Pairs {
    pairs(&[
        ("fleet", &city.name),
        ("city", &city.name),
        (
            "district",
            department.district.as_deref().unwrap_or(MUNICIPAL),
        ),
        ("department", &department.bureau),
        ("service", &department.service),
        ("tier", department.tier.label()),
    ])
}

/// The metadata of an object of a department.
pub fn labelled(city: &City, department: &Department, name: &str) -> Value {
    json!({ "name": name, "namespace": department.namespace, "labels": labels(city, department) })
}

/// A department's namespace.
pub fn namespace(city: &City, department: &Department) -> Value {
    let mut labels = labels(city, department);
    if department.exclude {
        labels.insert(EXCLUDE.to_owned(), json!("true"));
    }
    let title = &department.title;
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": department.namespace, "labels": labels,
            "annotations": { "yunxi.example/title": title.en, "yunxi.example/title-zh": title.zh_cn },
        },
    })
}

/// What a workload is selected by, and its pods have.
fn own_labels(department: &Department, name: &str, component: &str) -> Pairs {
    pairs(&[
        ("app.kubernetes.io/name", name),
        ("app.kubernetes.io/component", component),
        ("app.kubernetes.io/part-of", &department.service),
    ])
}

fn metadata(city: &City, department: &Department, name: &str, component: &str) -> Value {
    let own = own_labels(department, name, component);
    json!({
        "name": name, "namespace": department.namespace,
        "labels": joined(labels(city, department), own),
    })
}

const fn component(kind: Kind) -> &'static str {
    match kind {
        Kind::Deployment => "service",
        Kind::StatefulSet => "store",
    }
}

/// A workload.
pub fn workload(city: &City, department: &Department, workload: &Workload) -> Value {
    let (name, kind) = (workload.name.as_str(), workload.kind);
    let mut metadata = metadata(city, department, name, component(kind));
    if workload.exclude {
        metadata["labels"][EXCLUDE] = json!("true");
    }
    let mut pods = joined(
        own_labels(department, name, component(kind)),
        pairs(&[("tier", department.tier.label())]),
    );
    if let Some(party) = workload.party {
        pods.insert(PARTY.to_owned(), json!(party.label()));
    }
    let mut spec = json!({
        "replicas": workload.replicas,
        "selector": { "matchLabels": { "app.kubernetes.io/name": name } },
        "template": { "metadata": { "labels": pods }, "spec": pod(department, workload) },
    });
    if kind == Kind::StatefulSet {
        spec["serviceName"] = json!(name);
        spec["podManagementPolicy"] = json!("Parallel");
    }
    if workload.volumes_go {
        spec["persistentVolumeClaimRetentionPolicy"] =
            json!({ "whenScaled": "Delete", "whenDeleted": "Delete" });
    }
    json!({ "apiVersion": "apps/v1", "kind": kind.name(), "metadata": metadata, "spec": spec })
}

/// The pods of a workload: what it is, and what measures it.
fn pod(department: &Department, workload: &Workload) -> Value {
    let name = &workload.name;
    json!({
        "containers": [
            {
                "name": workload.container,
                "image": format!("yunxi/{name}:2.14.1"),
                "args": ["--listen=:8080", format!("--department={}", department.namespace)],
                "env": [{ "name": "POSTURE", "value": "peacetime" }],
                "ports": [{ "name": "http", "containerPort": 8080 }],
                "readinessProbe": { "httpGet": { "path": "/ready", "port": "http" } },
                "resources": {
                    "requests": { "cpu": workload.cpu, "memory": workload.memory },
                    "limits": { "memory": workload.memory },
                },
            },
            {
                "name": "metrics",
                "image": "yunxi/metrics:1.9.0",
                "resources": { "requests": { "cpu": METRICS_CPU, "memory": METRICS_MEMORY } },
            },
        ],
    })
}

/// The way to a workload.
pub fn service(city: &City, department: &Department, workload: &Workload) -> Value {
    let name = &workload.name;
    let mut spec = json!({
        "selector": { "app.kubernetes.io/name": name },
        "ports": [{ "name": "http", "port": 80, "targetPort": "http" }],
    });
    if workload.kind == Kind::StatefulSet {
        spec["clusterIP"] = json!("None");
    }
    let metadata = metadata(city, department, name, component(workload.kind));
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
}

fn scaled(workload: &Workload) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": workload.kind.name(), "name": workload.name })
}

/// The autoscaler of a workload.
pub fn autoscaler(
    city: &City,
    department: &Department,
    workload: &Workload,
    bounds: (i64, i64),
) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(city, department, &workload.name, "autoscaler"),
        "spec": {
            "scaleTargetRef": scaled(workload),
            "minReplicas": bounds.0, "maxReplicas": bounds.1,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 },
            } }],
        },
    })
}

/// What KEDA is told of a workload.
pub fn scaled_object(
    city: &City,
    department: &Department,
    workload: &Workload,
    bounds: (i64, i64),
) -> Value {
    let query = format!(
        "sum(rate(requests_total{{service=\"{}\"}}[1m]))",
        workload.name
    );
    json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": metadata(city, department, &workload.name, "autoscaler"),
        "spec": {
            "scaleTargetRef": scaled(workload),
            "minReplicaCount": bounds.0, "maxReplicaCount": bounds.1,
            "triggers": [{ "type": "prometheus", "metadata": { "query": query, "threshold": "50" } }],
        },
    })
}

/// How many copies of a workload are never evicted together.
pub fn budget(city: &City, department: &Department, workload: &Workload, least: i64) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": metadata(city, department, &workload.name, component(workload.kind)),
        "spec": {
            "minAvailable": least,
            "selector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
        },
    })
}

/// What runs at times.
pub fn job(city: &City, department: &Department, job: &Job) -> Value {
    let name = &job.name;
    let mut spec = json!({
        "schedule": job.schedule,
        "timeZone": "Asia/Shanghai",
        "concurrencyPolicy": "Forbid",
        "jobTemplate": { "spec": { "template": {
            "metadata": { "labels": own_labels(department, name, "job") },
            "spec": { "restartPolicy": "Never", "containers": [{
                "name": "job", "image": format!("yunxi/{name}:2.14.1"),
                "resources": { "requests": { "cpu": "500m", "memory": "512Mi" } },
            }] },
        } } },
    });
    if job.suspended {
        spec["suspend"] = json!(true);
    }
    let metadata = metadata(city, department, name, "job");
    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec })
}

/// Settings of a department.
pub fn settings(
    city: &City,
    department: &Department,
    name: &str,
    data: &std::collections::BTreeMap<String, String>,
) -> Value {
    let metadata = metadata(city, department, name, "settings");
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data })
}

/// What people may be allowed to do.
pub fn role(city: &City, role: &Role) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
        "metadata": { "name": role.name, "labels": mark(city) },
        "rules": [{ "apiGroups": [role.group], "resources": role.resources, "verbs": role.verbs }],
    })
}

/// Who may do what in a department; without one, in the whole city.
pub fn binding(city: &City, department: Option<&Department>, access: &Access) -> Value {
    let (kind, mut metadata) = match department {
        Some(department) => (
            "RoleBinding",
            metadata(city, department, &access.name, "access"),
        ),
        None => (
            "ClusterRoleBinding",
            json!({ "name": access.name, "labels": mark(city) }),
        ),
    };
    if let Some(party) = access.party {
        metadata["labels"]["party"] = json!(party.label());
    }
    let group = |name: &String| json!({ "kind": "Group", "apiGroup": RBAC, "name": name });
    let subjects: Vec<Value> = access.groups.iter().map(group).collect();
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata,
        "roleRef": { "kind": "ClusterRole", "apiGroup": RBAC, "name": access.role },
        "subjects": subjects,
    })
}

/// Ways in to a department.
pub fn route(city: &City, department: &Department, route: &Route) -> Value {
    let rules = route.paths.iter().map(|(path, workload)| {
        json!({
            "matches": [{ "path": { "type": "PathPrefix", "value": path } }],
            "backendRefs": [{ "name": workload, "port": 80 }],
        })
    });
    let rules: Vec<Value> = rules.collect();
    let host = match &department.district {
        Some(district) => format!("{}.{district}", route.name),
        None => route.name.clone(),
    };
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": metadata(city, department, &route.name, "route"),
        "spec": {
            "parentRefs": [{ "name": city.name, "namespace": "gateway" }],
            "hostnames": [format!("{host}.{}.example", city.name)],
            "rules": rules,
        },
    })
}

/// What enforces network policies.
pub fn network(city: &City) -> Value {
    let name = &city.network;
    let own = pairs(&[("k8s-app", name)]);
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": name, "namespace": SYSTEM, "labels": joined(mark(city), own.clone()) },
        "spec": {
            "selector": { "matchLabels": own },
            "template": { "metadata": { "labels": own }, "spec": {
                "hostNetwork": true,
                "tolerations": [{ "operator": "Exists" }],
                "containers": [{
                    "name": "agent", "image": format!("yunxi/{name}:1.18.2"),
                    "resources": { "requests": { "cpu": "100m", "memory": "256Mi" } },
                }],
            } },
        },
    })
}
