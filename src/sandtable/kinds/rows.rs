//! The table of built-in kinds: which are served, and what each has.

/// A row of the table of built-in kinds.
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) short: &'static str,
    pub(super) traits: &'static str,
}

pub(super) const fn row(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    traits: &'static str,
) -> Row {
    Row {
        group,
        version,
        kind,
        plural,
        short,
        traits,
    }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// n: in namespaces; s: a status of its own; g: a generation; c: a count; a: in the category `all`.
pub(super) const BUILTIN: [Row; 31] = [
    row("", "v1", "Namespace", "namespaces", "ns", "s"),
    row("", "v1", "ConfigMap", "configmaps", "cm", "n"),
    row("", "v1", "Secret", "secrets", "", "n"),
    row("", "v1", "Service", "services", "svc", "nsa"),
    row("", "v1", "ServiceAccount", "serviceaccounts", "sa", "n"),
    row("", "v1", "Event", "events", "ev", "n"),
    row("", "v1", "Node", "nodes", "no", "s"),
    row("", "v1", "Pod", "pods", "po", "nsga"),
    row(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "pvc",
        "ns",
    ),
    row("", "v1", "ResourceQuota", "resourcequotas", "quota", "ns"),
    row("", "v1", "LimitRange", "limitranges", "limits", "n"),
    row("apps", "v1", "Deployment", "deployments", "deploy", "nsgca"),
    row("apps", "v1", "StatefulSet", "statefulsets", "sts", "nsgca"),
    row("apps", "v1", "DaemonSet", "daemonsets", "ds", "nsga"),
    row("apps", "v1", "ReplicaSet", "replicasets", "rs", "nsgca"),
    row("batch", "v1", "Job", "jobs", "", "nsga"),
    row("batch", "v1", "CronJob", "cronjobs", "cj", "nsga"),
    row(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        "nsa",
    ),
    row(
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        "",
        "ng",
    ),
    row("coordination.k8s.io", "v1", "Lease", "leases", "", "n"),
    row("events.k8s.io", "v1", "Event", "events", "ev", "n"),
    row(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        "netpol",
        "ng",
    ),
    row(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        "ing",
        "nsg",
    ),
    row(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "pdb",
        "nsg",
    ),
    row(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        "pc",
        "g",
    ),
    row(RBAC, "v1", "Role", "roles", "", "n"),
    row(RBAC, "v1", "RoleBinding", "rolebindings", "", "n"),
    row(RBAC, "v1", "ClusterRole", "clusterroles", "", ""),
    row(
        RBAC,
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        "",
        "",
    ),
    row(
        ADMISSION,
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        "",
        "sg",
    ),
    row(
        ADMISSION,
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        "",
        "g",
    ),
];
