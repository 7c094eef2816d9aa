//! Namespaces, and what the operator's own account may do: our kinds, its Lease, Events, freezes, a look at
//! the rules of authority, and (see `impersonation`) acting as a playbook's account. Nothing else: targets are
//! read and written as the playbook's account, whose rights their owner gives, and what that account may do is
//! asked as it. `rights` holds this against what the operator is seen to ask for.
//!
//! One text is the manifests' and the chart's: they differ in labels, and in what Helm must leave
//! in place.

use std::path::PathBuf;

use pingzhan::api::names::{ACCOUNT_NAMESPACE, DEFAULT_NAMESPACE, GROUP};
use pingzhan::policies::LABELS;

use super::policies::CHART;
use super::{Generated, HEADER};

/// The operator's namespace. Helm makes it by itself where it is asked to.
const SYSTEM: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: {system}
{labels}
    pod-security.kubernetes.io/enforce: restricted
";

const ACCOUNTS: &str =
    "# Accounts that playbooks run under. Nothing runs here; whoever may impersonate an account of this
# namespace may do what its playbooks do.
apiVersion: v1
kind: Namespace
metadata:
  name: {accounts}
{labels}
    pod-security.kubernetes.io/enforce: restricted
";

const RBAC: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata:
  name: pingzhan
  namespace: {system}
{labels}
---
# The operator on its own kinds. It never writes a playbook, and never a mode's spec but through
# the finalizer's patch, which admission checks.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: pingzhan-operator
{labels}
rules:
- apiGroups: [{group}]
  resources: [emergencymodes]
  verbs: [get, list, watch, patch]
- apiGroups: [{group}]
  resources: [emergencymodes/status]
  verbs: [patch]
- apiGroups: [{group}]
  resources: [playbooks]
  verbs: [list, watch]
- apiGroups: [{group}]
  resources: [playbooks/status]
  verbs: [patch]
- apiGroups: [{group}]
  resources: [changerecords]
  verbs: [get, list, create, patch, delete]
# What people may not change while a mode is in force is written down in each frozen namespace by the operator
# itself: a playbook's account says with the verb `freeze` on a namespace that this may be.
- apiGroups: [{group}]
  resources: [changefreezes]
  verbs: [get, list, watch, create, patch, delete]
# Whether our kinds and the rules of authority are what this version ships: they are watched, never
# written.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [list, watch]
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingadmissionpolicies, validatingadmissionpolicybindings]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: pingzhan-operator
{labels}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: pingzhan-operator
subjects:
- kind: ServiceAccount
  name: pingzhan
  namespace: {system}
---
# The lease that makes one of several operators the leader.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pingzhan-lease
  namespace: {system}
{labels}
rules:
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pingzhan-lease
  namespace: {system}
{labels}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: pingzhan-lease
subjects:
- kind: ServiceAccount
  name: pingzhan
  namespace: {system}
---
# Whoever may view a cluster may view what was declared in it.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: pingzhan-view
{labels}
    rbac.authorization.k8s.io/aggregate-to-view: "true"
rules:
- apiGroups: [{group}]
  resources: [emergencymodes, playbooks, changerecords, changefreezes]
  verbs: [get, list, watch]
"#;

/// Both namespaces, without the header.
pub fn namespaces() -> String {
    format!("{}---\n{}", fill(SYSTEM, LABELS), fill(ACCOUNTS, LABELS))
}

/// The operator's account and its rights, without the header.
pub fn rights() -> String {
    fill(RBAC, LABELS)
}

/// The files.
pub fn files() -> [Generated; 4] {
    // Accounts are others' work, and the way back needs them: Helm never removes their namespace.
    let kept = fill(ACCOUNTS, CHART).replacen(
        "  labels:",
        "  annotations:\n    helm.sh/resource-policy: keep\n  labels:",
        1,
    );
    let accounts =
        format!("{{{{- if .Values.accountsNamespace.create }}}}\n{kept}{{{{- end }}}}\n");
    [
        ("manifests/namespaces.yaml", namespaces()),
        ("manifests/rbac.yaml", rights()),
        ("charts/pingzhan/templates/accounts.yaml", accounts),
        ("charts/pingzhan/templates/rbac.yaml", fill(RBAC, CHART)),
    ]
    .map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: format!("{HEADER}{text}").into_bytes(),
    })
}

fn fill(template: &str, labels: &str) -> String {
    template
        .replace("{system}", DEFAULT_NAMESPACE)
        .replace("{accounts}", ACCOUNT_NAMESPACE)
        .replace("{group}", GROUP)
        .replace("{labels}", labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wildcard in these rights would make the operator a way to become anybody.
    #[test]
    fn the_operator_has_no_wildcard_and_acts_as_nobody_by_these() {
        for file in files() {
            let text = String::from_utf8(file.contents).expect("it is text");
            assert!(!text.contains('*'), "{}", file.path.display());
            let left = text.replace("{{", "");
            assert!(!left.contains('{'), "{}", file.path.display());
            assert!(!text.contains("[impersonate"), "{}", file.path.display());
        }
    }
}
