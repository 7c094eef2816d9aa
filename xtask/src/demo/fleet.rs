//! The fleet of 云溪市 (Yunxi): forty workloads of eight departments, as four kinds of owners left
//! them. A table; nothing here talks to a cluster.

use serde_json::{Value, json};

/// How the objects of the fleet came to be, and so who owns their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Helm 4: server-side apply under its manager name.
    Helm,
    /// `kubectl apply`: a client-side apply, with its annotation.
    Kubectl,
    /// Argo CD: server-side apply.
    Argo,
    /// Helm for all but the number of replicas, which the capacity team applies.
    HelmAndCapacity,
    /// Helm and Argo CD, both for everything.
    HelmAndArgo,
}

/// The manager names of the owners; they are what the real programs write.
pub mod managers {
    /// Helm's.
    pub const HELM: &str = "helm";
    /// That of `kubectl apply` without `--server-side`.
    pub const KUBECTL: &str = "kubectl-client-side-apply";
    /// Argo CD's.
    pub const ARGO: &str = "argocd-controller";
    /// The capacity team's.
    pub const CAPACITY: &str = "capacity-team";
}

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// A department of the city: a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Department {
    /// Its namespace.
    pub namespace: &'static str,
    /// Whether people depend on it in an emergency: its tier is `critical`, else `back-office`.
    pub critical: bool,
    /// Its workloads.
    pub workloads: &'static [Workload],
}

impl Department {
    /// The tier.
    pub const fn tier(&self) -> &'static str {
        if self.critical {
            "critical"
        } else {
            "back-office"
        }
    }
}

/// A workload: kind, name, replicas, processors as somebody wrote them, owner.
#[derive(Clone, Copy, Debug)]
pub struct Workload(
    pub Kind,
    pub &'static str,
    pub i32,
    pub &'static str,
    pub Owner,
);

use Kind::{Deployment, StatefulSet};
use Owner::{Argo, Helm, HelmAndArgo, HelmAndCapacity, Kubectl};

/// The city. `1000m` is there on purpose: the API server gives it back as `1`. (Not where two apply
/// the whole: the second to write `1000m` meets a conflict with the `1` that is there.)
pub const CITY: [Department; 8] = [
    Department {
        namespace: "portal",
        critical: true,
        workloads: &[
            Workload(Deployment, "portal-web", 4, "500m", Helm),
            Workload(Deployment, "portal-api", 4, "1000m", Helm),
            Workload(Deployment, "portal-search", 3, "250m", Argo),
            Workload(Deployment, "portal-cms", 2, "200m", Kubectl),
            Workload(StatefulSet, "portal-session", 3, "500m", Helm),
        ],
    },
    Department {
        namespace: "hotline-12345",
        critical: true,
        workloads: &[
            Workload(Deployment, "hotline-web", 4, "500m", Helm),
            Workload(Deployment, "hotline-dispatch", 3, "750m", HelmAndArgo),
            Workload(Deployment, "hotline-knowledge", 2, "250m", Argo),
            // Stands ready for an emergency.
            Workload(Deployment, "hotline-callback", 0, "250m", HelmAndCapacity),
            Workload(StatefulSet, "hotline-voice", 3, "2000m", Kubectl),
        ],
    },
    Department {
        namespace: "medical-insurance",
        critical: true,
        workloads: &[
            Workload(Deployment, "settlement-api", 6, "1000m", HelmAndCapacity),
            Workload(Deployment, "settlement-worker", 4, "500m", Helm),
            Workload(Deployment, "card-service", 3, "500m", Kubectl),
            Workload(Deployment, "remote-care", 2, "250m", Argo),
            Workload(StatefulSet, "insurance-cache", 3, "500m", Helm),
        ],
    },
    Department {
        namespace: "weather",
        critical: true,
        workloads: &[
            Workload(Deployment, "warning-broadcast", 2, "500m", Helm),
            Workload(Deployment, "warning-sms", 2, "250m", Kubectl),
            Workload(Deployment, "forecast-api", 2, "500m", Argo),
            Workload(Deployment, "radar-tiles", 2, "750m", HelmAndArgo),
            Workload(StatefulSet, "rain-gauges", 3, "250m", Helm),
        ],
    },
    Department {
        namespace: "household",
        critical: false,
        workloads: &[
            Workload(Deployment, "residence-permit", 4, "500m", Helm),
            Workload(Deployment, "id-card-renewal", 3, "250m", Kubectl),
            Workload(Deployment, "queue-display", 2, "100m", Argo),
            Workload(Deployment, "household-reports", 1, "1000m", Helm),
            Workload(StatefulSet, "household-archive", 2, "500m", Kubectl),
        ],
    },
    Department {
        namespace: "education",
        critical: false,
        workloads: &[
            Workload(Deployment, "enrolment-web", 4, "500m", Argo),
            Workload(Deployment, "enrolment-batch", 2, "1000m", HelmAndCapacity),
            Workload(Deployment, "scholarship", 2, "250m", Helm),
            Workload(Deployment, "school-map", 0, "100m", Kubectl),
            Workload(StatefulSet, "education-archive", 2, "250m", Helm),
        ],
    },
    Department {
        namespace: "transport",
        critical: false,
        workloads: &[
            Workload(Deployment, "bus-info", 4, "250m", Argo),
            Workload(Deployment, "parking", 2, "250m", Kubectl),
            Workload(Deployment, "licence-renewal", 3, "500m", Helm),
            Workload(Deployment, "toll-reconcile", 2, "500m", HelmAndArgo),
            Workload(StatefulSet, "transport-warehouse", 2, "1000m", Helm),
        ],
    },
    Department {
        namespace: "civil-affairs",
        critical: false,
        workloads: &[
            Workload(Deployment, "marriage-registry", 3, "250m", Helm),
            Workload(Deployment, "pension-batch", 4, "1000m", Kubectl),
            Workload(Deployment, "charity-portal", 2, "250m", Argo),
            Workload(Deployment, "funeral-booking", 2, "250m", HelmAndCapacity),
            Workload(StatefulSet, "civil-archive", 2, "250m", Kubectl),
        ],
    },
];

/// How many workloads there are.
pub fn size() -> usize {
    CITY.iter()
        .map(|department| department.workloads.len())
        .sum()
}

/// A department's namespace.
pub fn namespace(department: &Department) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": department.namespace,
            "labels": { "city": "yunxi", "tier": department.tier() },
        },
    })
}

/// A workload as its owner writes it.
pub fn manifest(department: &Department, workload: &Workload) -> Value {
    let Workload(kind, name, replicas, cpu, owner) = *workload;
    let labels = json!({ "app.kubernetes.io/name": name, "tier": department.tier() });
    let mut spec = json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app.kubernetes.io/name": name } },
        "template": { "metadata": { "labels": labels }, "spec": pod(department, name, cpu) },
    });
    if kind == StatefulSet {
        spec["serviceName"] = json!(name);
        spec["podManagementPolicy"] = json!("Parallel");
    }
    json!({
        "apiVersion": "apps/v1", "kind": kind.name(),
        "metadata": {
            "name": name, "namespace": department.namespace,
            "labels": merged(&labels, &owner_labels(owner)),
            "annotations": annotations(owner, department.namespace),
        },
        "spec": spec,
    })
}

/// The pods of a workload: a server, and what measures it.
fn pod(department: &Department, name: &str, cpu: &str) -> Value {
    json!({
        "containers": [
            {
                "name": "server",
                "image": format!("yunxi/{name}:2.14.1"),
                "args": ["--listen=:8080", format!("--department={}", department.namespace)],
                "env": [{ "name": "POSTURE", "value": "peacetime" }],
                "ports": [{ "name": "http", "containerPort": 8080 }],
                "readinessProbe": { "httpGet": { "path": "/ready", "port": "http" } },
                "resources": {
                    "requests": { "cpu": cpu, "memory": "512Mi" },
                    "limits": { "memory": "1Gi" },
                },
            },
            {
                "name": "metrics",
                "image": "yunxi/metrics:1.9.0",
                "resources": { "requests": { "cpu": "20m", "memory": "32Mi" } },
            },
        ],
    })
}

/// What owners write beside what the workload needs.
fn owner_labels(owner: Owner) -> Value {
    match owner {
        Helm | HelmAndCapacity | HelmAndArgo => json!({ "app.kubernetes.io/managed-by": "Helm" }),
        Kubectl => json!({ "team": "operations" }),
        Argo => json!({ "app.kubernetes.io/instance": "yunxi" }),
    }
}

fn annotations(owner: Owner, namespace: &str) -> Value {
    match owner {
        Helm | HelmAndCapacity | HelmAndArgo => json!({
            "meta.helm.sh/release-name": namespace,
            "meta.helm.sh/release-namespace": namespace,
        }),
        Kubectl => json!({ "team": "operations@yunxi" }),
        Argo => json!({ "argocd.argoproj.io/tracking-id": format!("yunxi:{namespace}") }),
    }
}

fn merged(left: &Value, right: &Value) -> Value {
    let both = [left, right].into_iter().filter_map(Value::as_object);
    Value::Object(
        both.flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

/// The portal's switches, which Helm owns.
pub fn portal_flags() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "portal-flags", "namespace": "portal",
            "labels": owner_labels(Helm),
        },
        "data": {
            "homepage.carousel": "on",
            "search.suggest": "on",
            "theme": "spring",
        },
    })
}

/// How an object is brought to the cluster, under which manager.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Server-side apply.
    Apply(&'static str, Value),
    /// What `kubectl apply` creates.
    Create(&'static str, Value),
}

/// What the owner of a workload does to bring it to the cluster.
pub fn deeds(department: &Department, workload: &Workload) -> Vec<Deed> {
    let whole = manifest(department, workload);
    let Workload(kind, name, replicas, _, owner) = *workload;
    match owner {
        Helm => vec![Deed::Apply(managers::HELM, whole)],
        Argo => vec![Deed::Apply(managers::ARGO, whole)],
        HelmAndArgo => vec![
            Deed::Apply(managers::HELM, whole.clone()),
            Deed::Apply(managers::ARGO, whole),
        ],
        HelmAndCapacity => {
            let mut rest = whole;
            if let Some(spec) = rest["spec"].as_object_mut() {
                spec.remove("replicas");
            }
            let number = json!({
                "apiVersion": "apps/v1", "kind": kind.name(),
                "metadata": { "name": name, "namespace": department.namespace },
                "spec": { "replicas": replicas },
            });
            vec![
                Deed::Apply(managers::HELM, rest),
                Deed::Apply(managers::CAPACITY, number),
            ]
        }
        Kubectl => {
            let mut object = whole;
            let text = object.to_string();
            let key = "kubectl.kubernetes.io/last-applied-configuration";
            object["metadata"]["annotations"][key] = json!(text);
            vec![Deed::Create(managers::KUBECTL, object)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The README says forty, of several owners, and the demo counts on the special cases.
    #[test]
    fn the_city_is_as_the_readme_says() {
        assert_eq!(size(), 40);
        let workloads = || CITY.iter().flat_map(|department| department.workloads);
        let names: BTreeSet<&str> = workloads().map(|workload| workload.1).collect();
        assert_eq!(names.len(), 40, "names are there twice");
        let owners: BTreeSet<Owner> = workloads().map(|workload| workload.4).collect();
        let all = [Helm, Kubectl, Argo, HelmAndCapacity, HelmAndArgo];
        assert_eq!(owners, all.into_iter().collect());
        assert!(workloads().any(|workload| workload.2 == 0));
        assert!(workloads().any(|workload| workload.3 == "1000m"));
        assert_eq!(
            CITY.iter().filter(|department| department.critical).count(),
            4
        );
    }

    /// Two owners of one object are the hard case of giving ownership back.
    #[test]
    fn the_capacity_team_owns_the_number_and_helm_the_rest() {
        let department = &CITY[2];
        let deeds = deeds(department, &department.workloads[0]);
        let [
            Deed::Apply(managers::HELM, rest),
            Deed::Apply(managers::CAPACITY, number),
        ] = deeds.as_slice()
        else {
            panic!("two applies were expected");
        };
        assert_eq!(rest.pointer("/spec/replicas"), None);
        assert_eq!(number.pointer("/spec/replicas"), Some(&json!(6)));
    }
}
