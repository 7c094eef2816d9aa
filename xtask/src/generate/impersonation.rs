//! The right to act as the accounts of playbooks, in two forms. The classic verb lends the whole of an
//! account. Where the API server knows constrained impersonation (1.36 and later), the operator gets no
//! more than to do what it does, and only while it acts as one of these accounts.

use std::path::PathBuf;

use pingzhan::api::names::{ACCOUNT_NAMESPACE, DEFAULT_NAMESPACE};
use pingzhan::policies::LABELS;

use super::policies::CHART;
use super::{Generated, HEADER};

/// What a server of 1.30 to 1.35 knows.
const CLASSIC: &str = r#"# Acting as the accounts of playbooks, by the classic verb: all of their namespace (or those that are
# named), none elsewhere.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pingzhan-playbook-accounts
  namespace: {accounts}
{labels}
rules:
- apiGroups: [""]
  resources: [serviceaccounts]
{names}
  # One that is not there can be acted as all the same, so that it is looked for before a playbook is
  # said to be ready.
  verbs: [get, impersonate]
---
{binding}"#;

/// What a server of 1.36 and later knows.
const CONSTRAINED: &str = r#"# Acting as the accounts of playbooks, by constrained impersonation: as all of their namespace (or those
# that are named), none elsewhere.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pingzhan-playbook-accounts
  namespace: {accounts}
{labels}
rules:
- apiGroups: [authentication.k8s.io]
  resources: [serviceaccounts]
{names}
  verbs: ["impersonate:serviceaccount"]
# One that is not there can be acted as all the same, so that it is looked for before a playbook is said
# to be ready.
- apiGroups: [""]
  resources: [serviceaccounts]
{names}
  verbs: [get]
---
{binding}---
# What the operator does as such an account. It gives no right but that: the account itself must have
# it. Which kinds these are is for playbooks to say, so that they are not named here.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: pingzhan-acts
{labels}
rules:
- apiGroups: ["*"]
  resources: ["*"]
  verbs:
  - impersonate-on:serviceaccount:get
  - impersonate-on:serviceaccount:list
  - impersonate-on:serviceaccount:watch
  - impersonate-on:serviceaccount:create
  - impersonate-on:serviceaccount:patch
  - impersonate-on:serviceaccount:delete
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: pingzhan-acts
{labels}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: pingzhan-acts
subjects:
- kind: ServiceAccount
  name: pingzhan
  namespace: {system}
"#;

const BINDING: &str = r"apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pingzhan-playbook-accounts
  namespace: {accounts}
{labels}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: pingzhan-playbook-accounts
subjects:
- kind: ServiceAccount
  name: pingzhan
  namespace: {system}
";

/// The accounts, where the chart is told which they are.
const NAMES: &str = "  {{- with .Values.impersonation.accounts }}\n  resourceNames:\n    {{- toYaml . | nindent 4 }}\n  {{- end }}";

/// The classic form, without the header.
pub fn classic() -> String {
    fill(CLASSIC, LABELS, "")
}

/// The constrained form, without the header.
pub fn constrained() -> String {
    fill(CONSTRAINED, LABELS, "")
}

/// The files.
pub fn files() -> [Generated; 3] {
    let chart = format!(
        "{{{{- if eq (include \"pingzhan.impersonation\" .) \"constrained\" }}}}\n{}{{{{- else }}}}\n{}{{{{- end }}}}\n",
        fill(CONSTRAINED, CHART, NAMES),
        fill(CLASSIC, CHART, NAMES)
    );
    [
        ("manifests/impersonation.yaml", classic()),
        ("manifests/impersonation-constrained.yaml", constrained()),
        ("charts/pingzhan/templates/impersonation.yaml", chart),
    ]
    .map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: format!("{HEADER}{text}").into_bytes(),
    })
}

fn fill(template: &str, labels: &str, names: &str) -> String {
    let filled = if names.is_empty() {
        template.replace("{names}\n", "")
    } else {
        template.replace("{names}", names)
    };
    filled
        .replace("{binding}", BINDING)
        .replace("{labels}", labels)
        .replace("{system}", DEFAULT_NAMESPACE)
        .replace("{accounts}", ACCOUNT_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever may impersonate elsewhere may become anybody; and the classic verb beside the
    /// constrained ones would make these pointless.
    #[test]
    fn accounts_are_taken_on_in_one_namespace_and_in_one_way_only() {
        let [classic, constrained, _] = files().map(|file| String::from_utf8(file.contents));
        for (text, verb) in [
            (classic, "verbs: [get, impersonate]"),
            (constrained, "verbs: [\"impersonate:serviceaccount\"]"),
        ] {
            let text = text.expect("it is text");
            let lending = text.split("---\n").filter(|part| part.contains(verb));
            let lending: Vec<&str> = lending.collect();
            assert_eq!(lending.len(), 1, "{text}");
            assert!(lending[0].contains("kind: Role\n"));
            assert!(lending[0].contains("namespace: pingzhan-playbooks"));
            let others = text.matches("impersonate]").count();
            assert_eq!(others, usize::from(verb.contains("impersonate]")));
            assert!(!text.replace("{{", "").contains('{'), "{text}");
        }
    }
}
