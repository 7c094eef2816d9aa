//! What is never touched, whatever a playbook says: what the operator itself, the cluster, and
//! the people who would repair both depend on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::names;
use crate::field::{Path, Target};
use crate::playbook::subjects::{self, SUBJECTS, Subject};
use crate::step::kinds;

/// The namespaces that are Pingzhan's own in this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own<'a> {
    /// Of the operator.
    pub operator: &'a str,
    /// Of the accounts under which playbooks run.
    pub accounts: &'a str,
}

impl Own<'_> {
    /// Whether a namespace is one of them, or has the name that one usually has.
    pub fn has(self, namespace: &str) -> bool {
        let ours = [
            self.operator,
            self.accounts,
            names::DEFAULT_NAMESPACE,
            names::ACCOUNT_NAMESPACE,
        ];
        ours.contains(&namespace)
    }

    /// Whether a namespace is one of them, or one of the cluster's own.
    pub fn has_or_cluster(self, namespace: &str) -> bool {
        self.has(namespace) || CLUSTER_NAMESPACES.contains(&namespace)
    }
}

/// Why an object is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protected {
    /// It is in the operator's namespace.
    OperatorNamespace,
    /// It is in the namespace of playbook accounts.
    AccountNamespace,
    /// It is an object of ours, or one of our policies or access rights.
    Ours,
    /// It gives an account of ours its rights.
    Rights,
    /// It is in a namespace of the cluster's own.
    ClusterNamespace,
    /// It resolves names.
    Dns,
    /// It is the network of pods.
    Cni,
    /// It is the storage of pods.
    Csi,
    /// It lets traffic in.
    Ingress,
    /// It says who people are.
    Identity,
    /// It is a panel from which people act.
    Panel,
    /// It is labelled so that it is left alone.
    Excluded,
    /// It exists for the lifetime of a mode, which made it.
    Made,
    /// It is of a kind that is never touched.
    Kind,
    /// It rules over every request, those of the return among them.
    Governs,
}

impl Protected {
    /// The reason, as the end of a sentence that begins with the object.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OperatorNamespace => {
                "it is in the operator's own namespace, which is never touched"
            }
            Self::AccountNamespace => {
                "it is in the namespace of playbook accounts, which is never touched"
            }
            Self::Ours => "it is part of Pingzhan itself, which is never touched",
            Self::Rights => {
                "it gives an account of Pingzhan or of a playbook its rights, and is never touched"
            }
            Self::ClusterNamespace => "it is in a namespace of the cluster's own, never touched",
            Self::Dns => "it resolves names for the cluster, and is never touched",
            Self::Cni => "it is the network of the cluster, and is never touched",
            Self::Csi => "it is the storage of the cluster, and is never touched",
            Self::Ingress => "it lets traffic into the cluster, and is never touched",
            Self::Identity => "it says who people are, and is never touched",
            Self::Panel => "it is a panel from which people act, and is never touched",
            Self::Excluded => {
                "it or its namespace has the label pingzhan.dev/exclude=true, so it is left alone"
            }
            Self::Made => {
                "it exists for the lifetime of a mode only, which made it, so it is left alone"
            }
            Self::Kind => "Secrets, Namespaces and CustomResourceDefinitions are never touched",
            Self::Governs => {
                "it rules over every request, those of the return too, and is never touched"
            }
        }
    }
}

/// Namespaces of the cluster's own.
pub const CLUSTER_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// The group of objects that say who serves the kinds of a group.
pub const API_GROUP: &str = "apiregistration.k8s.io";

/// Groups whose objects are ours when their names begin with [`OUR_PREFIX`].
pub const GUARDED_GROUPS: [&str; 3] = [
    "rbac.authorization.k8s.io",
    "admissionregistration.k8s.io",
    API_GROUP,
];

/// How the names of our policies and access rights begin.
pub const OUR_PREFIX: &str = "pingzhan";

/// What [`names::ROLE_LABEL`] says, and what it means.
const ROLES: [(&str, Protected); 6] = [
    ("dns", Protected::Dns),
    ("cni", Protected::Cni),
    ("csi", Protected::Csi),
    ("ingress", Protected::Ingress),
    ("identity", Protected::Identity),
    ("panel", Protected::Panel),
];

/// Labels that say which program an object belongs to.
pub const PROGRAM_LABELS: [&str; 4] = [
    "k8s-app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app",
];

/// Programs that are what their common labels say, as their own manifests and charts write them.
const PROGRAMS: &[(&str, Protected)] = &[
    ("kube-dns", Protected::Dns),
    ("coredns", Protected::Dns),
    ("node-local-dns", Protected::Dns),
    ("external-dns", Protected::Dns),
    ("cilium", Protected::Cni),
    ("cilium-operator", Protected::Cni),
    ("cilium-agent", Protected::Cni),
    ("hubble-relay", Protected::Cni),
    ("calico-node", Protected::Cni),
    ("calico-kube-controllers", Protected::Cni),
    ("calico-typha", Protected::Cni),
    ("calico-apiserver", Protected::Cni),
    ("tigera-operator", Protected::Cni),
    ("flannel", Protected::Cni),
    ("kube-ovn", Protected::Cni),
    ("weave-net", Protected::Cni),
    ("antrea", Protected::Cni),
    ("kube-router", Protected::Cni),
    ("multus", Protected::Cni),
    ("kube-proxy", Protected::Cni),
    ("metallb", Protected::Cni),
    ("rook-ceph-operator", Protected::Csi),
    ("csi-driver-nfs", Protected::Csi),
    ("csi-nfs-controller", Protected::Csi),
    ("ceph-csi-rbd", Protected::Csi),
    ("ceph-csi-cephfs", Protected::Csi),
    ("longhorn", Protected::Csi),
    ("longhorn-manager", Protected::Csi),
    ("aws-ebs-csi-driver", Protected::Csi),
    ("azuredisk-csi-driver", Protected::Csi),
    ("gcp-compute-persistent-disk-csi-driver", Protected::Csi),
    ("local-path-provisioner", Protected::Csi),
    ("openebs", Protected::Csi),
    ("ingress-nginx", Protected::Ingress),
    ("nginx-ingress", Protected::Ingress),
    ("traefik", Protected::Ingress),
    ("haproxy-ingress", Protected::Ingress),
    ("kubernetes-ingress", Protected::Ingress),
    ("contour", Protected::Ingress),
    ("envoy-gateway", Protected::Ingress),
    ("istio-ingressgateway", Protected::Ingress),
    ("istiod", Protected::Ingress),
    ("apisix", Protected::Ingress),
    ("apisix-ingress-controller", Protected::Ingress),
    ("higress", Protected::Ingress),
    ("kong", Protected::Ingress),
    ("keycloak", Protected::Identity),
    ("keycloak-operator", Protected::Identity),
    ("dex", Protected::Identity),
    ("authelia", Protected::Identity),
    ("authentik", Protected::Identity),
    ("casdoor", Protected::Identity),
    ("oauth2-proxy", Protected::Identity),
    ("pinniped", Protected::Identity),
    ("zitadel", Protected::Identity),
    ("kubernetes-dashboard", Protected::Panel),
    ("headlamp", Protected::Panel),
    ("pingzhan", Protected::Panel),
];

/// What [`names::ROLE_LABEL`] may say, so that an object is never touched.
pub fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(word, _)| *word)
}

/// Programs that are recognised by [`PROGRAM_LABELS`].
pub fn programs() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|(program, _)| *program)
}

/// Whether an object is never touched, and why.
///
/// Guarantees: no clock, no cluster, no exception. What people cannot act without (names,
/// network, storage, the way in, sign-in, panel) is recognised by its usual labels, or by
/// [`names::ROLE_LABEL`] on it or on its namespace.
///
/// Assumptions: `namespace_labels` are those of the object's namespace, and empty for
/// cluster-scoped objects.
pub fn protected(
    target: &Target,
    object_labels: &BTreeMap<String, String>,
    namespace_labels: &BTreeMap<String, String>,
    own: Own<'_>,
) -> Option<Protected> {
    by_identity(target, own)
        .or_else(|| by_mark(object_labels))
        .or_else(|| by_mark(namespace_labels))
        .or_else(|| by_program(object_labels))
}

/// What people cannot act without, by the labels that it has itself: names, network, storage, the way in,
/// sign-in, panel.
pub fn depended_on(labels: &BTreeMap<String, String>) -> Option<Protected> {
    let marked = by_mark(labels).filter(|why| ROLES.iter().any(|(_, role)| role == why));
    marked.or_else(|| by_program(labels))
}

/// Why a namespace is never frozen: people must be able to repair what the operator and the cluster
/// depend on, and its owner may say so.
///
/// That a program in it is never touched is no reason: nothing of it is changed.
pub fn frozen(name: &str, labels: &BTreeMap<String, String>, own: Own<'_>) -> Option<Protected> {
    let excluded = labels
        .get(names::EXCLUDE_LABEL)
        .is_some_and(|value| value == "true");
    by_namespace(name, own).or_else(|| excluded.then_some(Protected::Excluded))
}

/// Why nothing that is in a namespace is ever touched, whatever it is.
pub fn sealed(name: &str, labels: &BTreeMap<String, String>, own: Own<'_>) -> Option<Protected> {
    by_namespace(name, own).or_else(|| by_mark(labels))
}

/// Why no Job of a playbook runs in a namespace, if so, a sentence: nothing is touched there, and a Job may
/// touch everything.
pub fn no_job(name: &str, labels: &BTreeMap<String, String>, own: Own<'_>) -> Option<String> {
    let why = sealed(name, labels, own)?;
    Some(format!("no Job runs in {name}: {}", why.sentence()))
}

/// What is read of an object of this kind beside its labels, to know whether it is never touched.
pub fn reads(written: &str) -> Option<Path> {
    subjects::is_binding(written).then(|| Path::fields([SUBJECTS]))
}

/// Whether an object gives an account of ours its rights, by whichever of its names: without it nothing
/// could be brought back.
pub fn binds_own(object: &Value, own: Own<'_>) -> Option<Protected> {
    let subjects = object.get(SUBJECTS).and_then(Value::as_array);
    let mut subjects = subjects.into_iter().flatten().map(Subject::of_value);
    let found = subjects.any(|one| one.has_account_of(|space| own.has(space)));
    found.then_some(Protected::Rights)
}

/// Why an object is not made, if it is a binding for somebody to whom no playbook gives a right.
pub fn gives(object: &Value, own: Own<'_>) -> Option<&'static str> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let group = kinds::group_of(text("apiVersion"));
    if !subjects::is_binding(&format!("{group}/{}", text("kind"))) {
        return None;
    }
    let refused = subjects::refused_of(object, |space| own.has_or_cluster(space));
    let (_, why) = refused.first()?;
    Some(why.sentence())
}

/// By kind, namespace and name.
fn by_identity(target: &Target, own: Own<'_>) -> Option<Protected> {
    let group = kinds::group_of(&target.api_version);
    if group == names::GROUP {
        return Some(Protected::Ours);
    }
    let written = if group.is_empty() {
        target.kind.clone()
    } else {
        format!("{group}/{}", target.kind)
    };
    if kinds::refused(&written) {
        return Some(Protected::Kind);
    }
    let is_named = GUARDED_GROUPS.contains(&group) && target.name.starts_with(OUR_PREFIX);
    if is_named || is_our_api(group, &target.name) {
        return Some(Protected::Ours);
    }
    if kinds::governs(&written).is_some() {
        return Some(Protected::Governs);
    }
    by_namespace(&target.namespace, own)
}

/// Whether an object says who serves our kinds: whoever changes it answers for us.
fn is_our_api(group: &str, name: &str) -> bool {
    let version = name.strip_suffix(names::GROUP);
    group == API_GROUP && version.is_some_and(|version| version.ends_with('.'))
}

/// By the namespace that it is in.
fn by_namespace(namespace: &str, own: Own<'_>) -> Option<Protected> {
    match namespace {
        "" => None,
        namespace if namespace == own.operator => Some(Protected::OperatorNamespace),
        namespace if namespace == own.accounts => Some(Protected::AccountNamespace),
        names::DEFAULT_NAMESPACE => Some(Protected::OperatorNamespace),
        names::ACCOUNT_NAMESPACE => Some(Protected::AccountNamespace),
        namespace => CLUSTER_NAMESPACES
            .contains(&namespace)
            .then_some(Protected::ClusterNamespace),
    }
}

/// By what our own labels say, on an object or on its namespace.
fn by_mark(labels: &BTreeMap<String, String>) -> Option<Protected> {
    if labels
        .get(names::EXCLUDE_LABEL)
        .is_some_and(|value| value == "true")
    {
        return Some(Protected::Excluded);
    }
    if labels.contains_key(names::MADE_FOR_LABEL) {
        return Some(Protected::Made);
    }
    let role = labels.get(names::ROLE_LABEL)?;
    ROLES
        .iter()
        .find(|(word, _)| word == role)
        .map(|(_, why)| *why)
}

/// By the labels that programs usually have.
fn by_program(labels: &BTreeMap<String, String>) -> Option<Protected> {
    PROGRAM_LABELS
        .iter()
        .filter_map(|key| labels.get(*key))
        .find_map(|value| PROGRAMS.iter().find(|(program, _)| program == value))
        .map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::Identity;

    fn target(api_version: &str, kind: &str, namespace: &str, name: &str) -> Target {
        Target::from(Identity {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Identity::default()
        })
    }

    const OPS: Own<'static> = Own {
        operator: "ops",
        accounts: "ops-accounts",
    };

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Scaling down what the operator or the repair depends on locks everybody out.
    #[test]
    fn identity_protects_the_operator_the_cluster_and_refused_kinds() {
        use Protected::{AccountNamespace, ClusterNamespace, Kind, OperatorNamespace, Ours};
        let rows = [
            ("apps/v1 Deployment ops/x", Some(OperatorNamespace)),
            ("apps/v1 Deployment ops-accounts/x", Some(AccountNamespace)),
            (
                "apps/v1 Deployment pingzhan-system/x",
                Some(OperatorNamespace),
            ),
            (
                "v1 ServiceAccount pingzhan-playbooks/x",
                Some(AccountNamespace),
            ),
            ("apps/v1 Deployment kube-system/x", Some(ClusterNamespace)),
            ("v1 ConfigMap kube-public/x", Some(ClusterNamespace)),
            ("v1 ConfigMap kube-node-lease/x", Some(ClusterNamespace)),
            ("v1 Secret portal/x", Some(Kind)),
            ("v1 Namespace /portal", Some(Kind)),
            (
                "apiextensions.k8s.io/v1 CustomResourceDefinition /w",
                Some(Kind),
            ),
            ("pingzhan.dev/v1alpha1 EmergencyMode /x", Some(Ours)),
            (
                "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy /pingzhan-guard",
                Some(Ours),
            ),
            (
                "rbac.authorization.k8s.io/v1 ClusterRole /pingzhan-operator",
                Some(Ours),
            ),
            ("rbac.authorization.k8s.io/v1 ClusterRole /vendors", None),
            (
                "coordination.k8s.io/v1 Lease kube-node-lease/node",
                Some(ClusterNamespace),
            ),
            ("apps/v1 Deployment portal/pingzhan-lookalike", None),
            ("example.com/v1 Secret portal/x", None),
        ];
        for (object, expected) in rows {
            let mut words = object.split(' ');
            let (api_version, kind) = (words.next().unwrap(), words.next().unwrap());
            let (namespace, name) = words.next().unwrap().split_once('/').unwrap();
            let target = target(api_version, kind, namespace, name);
            let got = protected(&target, &BTreeMap::new(), &BTreeMap::new(), OPS);
            assert_eq!(got, expected, "{object}");
        }
    }

    /// Whoever changes what every request comes by may refuse the way back, or answer in our name.
    #[test]
    fn what_rules_over_every_request_is_never_touched() {
        use Protected::{Governs, Ours};
        let rows = [
            (
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "vendor",
                Governs,
            ),
            (
                "flowcontrol.apiserver.k8s.io/v1",
                "FlowSchema",
                "vendor",
                Governs,
            ),
            (
                "apiregistration.k8s.io/v1",
                "APIService",
                "v1alpha1.mypingzhan.dev",
                Governs,
            ),
            (
                "apiregistration.k8s.io/v1",
                "APIService",
                "v1alpha1.pingzhan.dev",
                Ours,
            ),
        ];
        for (api_version, kind, name, expected) in rows {
            let target = target(api_version, kind, "", name);
            let got = protected(&target, &BTreeMap::new(), &BTreeMap::new(), OPS);
            assert_eq!(got, Some(expected), "{kind} {name}");
        }
    }

    /// An account that loses its rights in the middle of a mode can bring nothing back.
    #[test]
    fn bindings_of_our_accounts_are_never_touched() {
        let binding = |kind: &str, namespace: &str| {
            let subject = json!({ "kind": kind, "name": "flood", "namespace": namespace });
            json!({ "subjects": [{ "kind": "Group", "name": "vendors" }, subject] })
        };
        let named =
            |kind: &str, name: &str| json!({ "subjects": [{ "kind": kind, "name": name }] });
        let rights = Some(Protected::Rights);
        let rows = [
            (
                binding("ServiceAccount", "ops-accounts"),
                Some(Protected::Rights),
            ),
            (binding("ServiceAccount", "ops"), Some(Protected::Rights)),
            (
                binding("ServiceAccount", "pingzhan-playbooks"),
                Some(Protected::Rights),
            ),
            (binding("ServiceAccount", "vendor"), None),
            (binding("User", "ops"), None),
            (named("User", "system:serviceaccount:ops:pingzhan"), rights),
            (
                named("User", "system:serviceaccount:ops-accounts:flood"),
                rights,
            ),
            (named("User", "system:serviceaccount:ci:deployer"), None),
            (named("Group", "system:serviceaccounts:ops"), rights),
            (
                named("Group", "system:serviceaccounts:pingzhan-playbooks"),
                rights,
            ),
            (named("Group", "system:serviceaccounts"), rights),
            (named("Group", "system:serviceaccounts:ci"), None),
            (named("User", "system:serviceaccounts:ops"), None),
            (json!({}), None),
        ];
        for (object, expected) in rows {
            assert_eq!(binds_own(&object, OPS), expected, "{object}");
        }
        let subjects = Some(Path::fields(["subjects"]));
        for kind in [
            "RoleBinding",
            "rbac.authorization.k8s.io/ClusterRoleBinding",
        ] {
            assert_eq!(reads(kind), subjects, "{kind}");
        }
        assert_eq!(reads("Deployment"), None);
        assert_eq!(reads("example.com/RoleBinding"), None);
    }

    /// Whoever is not ours may still be nobody whom a playbook gives a right, and only bindings give any.
    #[test]
    fn no_binding_is_made_for_accounts_of_ours_or_the_cluster() {
        let made = |kind: &str, who: &str, name: &str| {
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
                "roleRef": { "kind": "ClusterRole", "name": "view" },
                "subjects": [{ "kind": who, "name": name, "namespace": "kube-system" }] })
        };
        let rows = [
            (made("RoleBinding", "ServiceAccount", "default"), true),
            (
                made("RoleBinding", "User", "system:serviceaccount:ops:pingzhan"),
                true,
            ),
            (made("ClusterRoleBinding", "User", "system:anonymous"), true),
            (made("ClusterRoleBinding", "User", "li"), false),
            (made("Role", "ServiceAccount", "default"), false),
        ];
        for (object, expected) in rows {
            assert_eq!(gives(&object, OPS).is_some(), expected, "{object}");
        }
    }

    /// A Job may touch everything in its namespace, with any account there: where nothing is touched,
    /// none runs.
    #[test]
    fn no_job_runs_where_nothing_is_touched() {
        let left = [("pingzhan.dev/exclude", "true")];
        let doors = [("pingzhan.dev/role", "identity")];
        let none = [];
        let rows = [
            ("ops", &none[..], "in the operator's own namespace"),
            (
                "ops-accounts",
                &none,
                "in the namespace of playbook accounts",
            ),
            ("pingzhan-system", &none, "in the operator's own namespace"),
            ("kube-system", &none, "in a namespace of the cluster's own"),
            ("kube-public", &none, "in a namespace of the cluster's own"),
            (
                "kube-node-lease",
                &none,
                "in a namespace of the cluster's own",
            ),
            ("portal", &left, "pingzhan.dev/exclude=true"),
            ("portal", &doors, "says who people are"),
            ("portal", &none, ""),
        ];
        for (name, labels, said) in rows {
            let why = no_job(name, &map(labels), OPS).unwrap_or_default();
            assert!(
                why.contains(said) && why.is_empty() == said.is_empty(),
                "{name}: {why}"
            );
        }
    }

    /// Names, network, storage, the way in and sign-in are found where nobody has labelled them.
    #[test]
    fn labels_protect_what_people_cannot_act_without() {
        let rows = [
            (vec![("k8s-app", "kube-dns")], Some(Protected::Dns)),
            (
                vec![("app.kubernetes.io/name", "coredns")],
                Some(Protected::Dns),
            ),
            (
                vec![("app.kubernetes.io/part-of", "cilium")],
                Some(Protected::Cni),
            ),
            (vec![("app", "flannel")], Some(Protected::Cni)),
            (
                vec![("app.kubernetes.io/name", "aws-ebs-csi-driver")],
                Some(Protected::Csi),
            ),
            (
                vec![("app.kubernetes.io/name", "ingress-nginx")],
                Some(Protected::Ingress),
            ),
            (vec![("app", "keycloak")], Some(Protected::Identity)),
            (vec![("pingzhan.dev/role", "panel")], Some(Protected::Panel)),
            (vec![("pingzhan.dev/role", "hotline")], None),
            (
                vec![("pingzhan.dev/exclude", "true")],
                Some(Protected::Excluded),
            ),
            (vec![("pingzhan.dev/exclude", "false")], None),
            (vec![("app", "portal")], None),
        ];
        let object = target("apps/v1", "Deployment", "portal", "web");
        for (labels, expected) in rows {
            let got = protected(&object, &map(&labels), &BTreeMap::new(), OPS);
            assert_eq!(got, expected, "{labels:?} on the object");
        }
        for (label, expected) in [
            (("pingzhan.dev/exclude", "true"), Some(Protected::Excluded)),
            (("pingzhan.dev/role", "identity"), Some(Protected::Identity)),
            (("app", "keycloak"), None),
        ] {
            let got = protected(&object, &BTreeMap::new(), &map(&[label]), OPS);
            assert_eq!(got, expected, "{label:?} on the namespace");
        }
    }

    /// Whoever has to repair the cluster, or stand the mode down, gets in.
    #[test]
    fn namespaces_of_the_cluster_and_of_ours_and_excluded_ones_are_never_frozen() {
        let excluded = [("pingzhan.dev/exclude", "true")];
        let none = [];
        let rows = [
            ("kube-system", &none[..], Some(Protected::ClusterNamespace)),
            ("kube-public", &none, Some(Protected::ClusterNamespace)),
            ("kube-node-lease", &none, Some(Protected::ClusterNamespace)),
            ("ops", &none, Some(Protected::OperatorNamespace)),
            (
                "pingzhan-playbooks",
                &none,
                Some(Protected::AccountNamespace),
            ),
            ("portal", &excluded, Some(Protected::Excluded)),
            ("portal", &[("pingzhan.dev/role", "ingress")], None),
            ("portal", &none, None),
        ];
        for (name, labels, expected) in rows {
            assert_eq!(
                frozen(name, &map(labels), OPS),
                expected,
                "{name} {labels:?}"
            );
        }
    }

    /// A row that no rule can reach, or a label of ours that nothing reads, would be a promise
    /// that is not kept.
    #[test]
    fn every_program_of_the_table_is_protected_by_every_label() {
        let object = target("apps/v1", "Deployment", "portal", "web");
        for (program, why) in PROGRAMS {
            for key in PROGRAM_LABELS {
                let got = protected(&object, &map(&[(key, program)]), &BTreeMap::new(), OPS);
                assert_eq!(got, Some(*why), "{key}={program}");
            }
        }
    }
}
