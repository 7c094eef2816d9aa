//! The kinds that are known by their name alone, and what is to be known of each. Everything else
//! is written `group/Kind`; the version always comes from discovery.

use crate::field::Path;

/// What is to be known of a built-in kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, e.g. `Deployment`.
    pub kind: &'static str,
    /// Its group; empty for the core group.
    pub group: &'static str,
    /// Its plural, as in the API's addresses.
    pub plural: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether its objects have a generation that a change of spec moves.
    pub generation: bool,
    /// The field that holds its count of replicas.
    pub replicas: Option<[&'static str; 2]>,
    /// Whether it runs pods from `spec/template`, so that a change there restarts them.
    pub restartable: bool,
    /// What makes an object one that is left alone.
    pub guard: Option<Guard>,
}

/// A field's value that makes an object one that is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The field.
    pub path: &'static [&'static str],
    /// Its value, as JSON text.
    pub value: &'static str,
    /// Whether only changes that shrink the count of replicas are refused.
    pub only_shrinking: bool,
    /// Why, in a sentence.
    pub why: &'static str,
}

impl Kind {
    /// The field that holds the count of replicas.
    pub fn replicas_path(&self) -> Option<Path> {
        self.replicas.map(Path::fields)
    }

    /// How the kind is written with its group: `apps/Deployment`, and just `ConfigMap` in the
    /// core group.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}/{}", self.group, self.kind)
        }
    }
}

/// The field that holds the count of replicas in every built-in kind that has one.
const REPLICAS: Option<[&str; 2]> = Some(["spec", "replicas"]);

/// A scale-down of such a `StatefulSet` deletes its volumes: nothing could bring them back.
const VOLUMES: Guard = Guard {
    path: &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"],
    value: "\"Delete\"",
    only_shrinking: true,
    why: "it deletes its volumes when it is scaled down (persistentVolumeClaimRetentionPolicy.whenScaled is Delete), so it is never scaled down",
};

/// The API server refuses every change of an immutable `ConfigMap`.
const IMMUTABLE: Guard = Guard {
    path: &["immutable"],
    value: "true",
    only_shrinking: false,
    why: "it is immutable, so it cannot be changed and changed back",
};

/// A row without replicas, pods or guard.
const fn plain(
    kind: &'static str,
    group: &'static str,
    plural: &'static str,
    namespaced: bool,
    generation: bool,
) -> Kind {
    Kind {
        kind,
        group,
        plural,
        namespaced,
        generation,
        replicas: None,
        restartable: false,
        guard: None,
    }
}

/// A row of `apps` that runs pods.
const fn workload(kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        replicas: REPLICAS,
        restartable: true,
        ..plain(kind, "apps", plural, true, true)
    }
}

/// The table. Kinds without a generation are those whose storage does not count it.
pub const KINDS: &[Kind] = &[
    workload("Deployment", "deployments"),
    Kind {
        guard: Some(VOLUMES),
        ..workload("StatefulSet", "statefulsets")
    },
    // Its pods take a new template only when they are replaced by somebody else.
    Kind {
        restartable: false,
        ..workload("ReplicaSet", "replicasets")
    },
    Kind {
        replicas: None,
        ..workload("DaemonSet", "daemonsets")
    },
    plain("Job", "batch", "jobs", true, true),
    plain("CronJob", "batch", "cronjobs", true, true),
    Kind {
        guard: Some(IMMUTABLE),
        ..plain("ConfigMap", "", "configmaps", true, false)
    },
    plain("Service", "", "services", true, false),
    plain("ServiceAccount", "", "serviceaccounts", true, false),
    plain("ResourceQuota", "", "resourcequotas", true, false),
    plain("LimitRange", "", "limitranges", true, false),
    plain("Ingress", "networking.k8s.io", "ingresses", true, true),
    plain(
        "NetworkPolicy",
        "networking.k8s.io",
        "networkpolicies",
        true,
        true,
    ),
    plain(
        "HorizontalPodAutoscaler",
        "autoscaling",
        "horizontalpodautoscalers",
        true,
        false,
    ),
    plain(
        "PodDisruptionBudget",
        "policy",
        "poddisruptionbudgets",
        true,
        true,
    ),
    plain("Role", "rbac.authorization.k8s.io", "roles", true, false),
    plain(
        "RoleBinding",
        "rbac.authorization.k8s.io",
        "rolebindings",
        true,
        false,
    ),
    plain(
        "ClusterRole",
        "rbac.authorization.k8s.io",
        "clusterroles",
        false,
        false,
    ),
    plain(
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        false,
        false,
    ),
    plain(
        "PriorityClass",
        "scheduling.k8s.io",
        "priorityclasses",
        false,
        false,
    ),
];

/// Kinds that are never touched, by group and kind.
const REFUSED: &[(&str, &str)] = &[
    ("", "Secret"),
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// Groups whose objects rule over every request, those of the return among them, and what such an object
/// may do.
const GOVERNING: [(&str, &str); 3] = [
    (
        "admissionregistration.k8s.io",
        "a rule of admission may refuse the return itself",
    ),
    (
        "apiregistration.k8s.io",
        "an API of the cluster may take the return's own away",
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "it may hold up the return itself",
    ),
];

/// The built-in kind, written by its name alone or with its group.
pub fn find(written: &str) -> Option<&'static Kind> {
    match written.split_once('/') {
        None => KINDS.iter().find(|row| row.kind == written),
        Some((group, kind)) => of(group, kind),
    }
}

/// The built-in kind of a group.
pub fn of(group: &str, kind: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|row| row.kind == kind && row.group == group)
}

/// The built-in kind of an object, by its `apiVersion` and kind.
pub fn of_object(api_version: &str, kind: &str) -> Option<&'static Kind> {
    of(group_of(api_version), kind)
}

/// The group of an `apiVersion`; empty for the core group.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether a kind, as written, is never touched: Secrets, Namespaces, CRDs, our own kinds.
pub fn refused(written: &str) -> bool {
    let (group, kind) = written.split_once('/').unwrap_or(("", written));
    group == crate::api::names::GROUP
        || REFUSED.iter().any(|(refused_group, refused_kind)| {
            *refused_kind == kind && (group.is_empty() || group == *refused_group)
        })
}

/// What an object of a kind, as written, may do to the return, where it rules over every request. No step
/// touches one.
pub fn governs(written: &str) -> Option<&'static str> {
    let (group, _) = written.split_once('/')?;
    let mut governing = GOVERNING.iter();
    let (_, why) = governing.find(|(of, _)| *of == group)?;
    Some(*why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that stands twice, or sorts under a wrong plural, would address another object.
    #[test]
    fn every_row_is_found_by_name_and_by_group() {
        for row in KINDS {
            assert_eq!(find(row.kind), Some(row), "{}", row.kind);
            assert_eq!(of(row.group, row.kind), Some(row), "{}", row.kind);
            assert_eq!(find(&row.qualified()), Some(row), "{}", row.kind);
            assert!(!refused(row.kind), "{}", row.kind);
            assert_eq!(row.plural, row.plural.to_lowercase());
        }
        assert_eq!(find("example.com/Deployment"), None);
        assert_eq!(of_object("apps/v1", "StatefulSet"), find("StatefulSet"));
        assert_eq!(of_object("v1", "ConfigMap"), find("ConfigMap"));
    }

    /// Secrets must not be touched until their storage is designed, nor what holds everything up.
    #[test]
    fn secrets_namespaces_crds_and_our_own_kinds_are_refused() {
        for kind in [
            "Secret",
            "Namespace",
            "CustomResourceDefinition",
            "apiextensions.k8s.io/CustomResourceDefinition",
            "pingzhan.dev/Playbook",
        ] {
            assert!(refused(kind), "{kind}");
        }
        assert!(!refused("argoproj.io/Application"));
        assert!(!refused("example.com/Secret"));
    }

    /// A rule over every request that a step changes may refuse the very request that would bring it back.
    #[test]
    fn what_rules_over_every_request_is_known_by_its_group() {
        for kind in [
            "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
            "admissionregistration.k8s.io/MutatingWebhookConfiguration",
            "apiregistration.k8s.io/APIService",
            "flowcontrol.apiserver.k8s.io/FlowSchema",
        ] {
            assert!(governs(kind).is_some(), "{kind}");
        }
        for kind in ["Role", "rbac.authorization.k8s.io/Role", "APIService", "/"] {
            assert_eq!(governs(kind), None, "{kind}");
        }
    }
}
