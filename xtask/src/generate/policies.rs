//! The admission policy that refuses new objects: what it lets through is what the operator never
//! touches, from the same tables.

use std::path::PathBuf;

use pingzhan::api::names::{
    ACCOUNT_NAMESPACE, DEFAULT_NAMESPACE, DENIES_LABEL, DENY_POLICY, EXCLUDE_LABEL, GROUP,
    MADE_FOR_LABEL, ROLE_LABEL, VERSION,
};
use pingzhan::engine::protect;
use pingzhan::playbook::denied::UNJUDGED_GROUPS;

use super::{Generated, HEADER};

const POLICY: &str = r#"# `newTargets: Deny`. Modes in wartime say in their status which new objects they refuse; this policy
# refuses them. It is static: no playbook and not the operator needs the right to write policies. A
# mistake of ours must not stop creations (failurePolicy), and what slips through is reported by the
# operator.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {policy}
{labels}
spec:
  failurePolicy: Ignore
  paramKind:
    apiVersion: {group}/{version}
    kind: EmergencyMode
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE], resources: ["*"]}
    # What is created all the time, and what no playbook changes.
    excludeResourceRules:
    - {apiGroups: [""], apiVersions: ["*"], operations: ["*"], resources: [bindings, componentstatuses, endpoints, events, namespaces, nodes, persistentvolumeclaims, persistentvolumes, pods, secrets]}
    - {apiGroups: [apiextensions.k8s.io], apiVersions: ["*"], operations: ["*"], resources: [customresourcedefinitions]}
    - {apiGroups: [{unjudged}], apiVersions: ["*"], operations: ["*"], resources: ["*"]}
  matchConditions:
  # A person's word ends it at once, also where no operator runs.
  - name: in-wartime
    expression: >-
      params.spec.posture == 'Wartime' && !has(params.spec.abort) && !has(params.metadata.deletionTimestamp)
      && has(params.status) && has(params.status.denies)
  - name: of-a-kind-that-is-refused
    expression: >-
      params.status.denies.exists(rule, (request.kind.group == '' ? request.kind.kind : request.kind.group + '/' + request.kind.kind) in rule.kinds)
  # What the cluster makes of what is there already, and what playbooks make.
  - name: not-the-cluster
    expression: >-
      !(request.userInfo.username in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler'])
      && !(has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in ['system:nodes', 'system:serviceaccounts:kube-system', 'system:serviceaccounts:{accounts}']))
  - name: not-of-a-controller
    expression: >-
      !(has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller))
  variables:
  - name: kind
    expression: "request.kind.group == '' ? request.kind.kind : request.kind.group + '/' + request.kind.kind"
  - name: name
    expression: "has(object.metadata.name) ? object.metadata.name : ''"
  - name: space
    expression: "has(request.namespace) ? request.namespace : ''"
  - name: labels
    expression: "has(object.metadata.labels) ? object.metadata.labels : {}"
  - name: spaceLabels
    expression: "variables.space != '' && has(namespaceObject.metadata.labels) ? dyn(namespaceObject.metadata.labels) : {}"
  # What is never touched is never refused: see src/engine/protect.rs.
  - name: protectedByPlace
    expression: >-
      variables.space in [{spaces}]
      || (request.kind.group in [{guarded}] && variables.name.startsWith('{prefix}'))
      || (has(object.subjects) && object.subjects.exists(s, s.kind == 'ServiceAccount' && has(s.namespace) && s.namespace in ['{system}', '{accounts}']))
  - name: protectedByMark
    expression: >-
      [variables.labels, variables.spaceLabels].exists(l, ('{exclude}' in l && l['{exclude}'] == 'true')
      || '{made}' in l
      || ('{role}' in l && l['{role}'] in [{roles}]))
  - name: protectedByProgram
    expression: >-
      [{program_labels}].exists(k, k in variables.labels && variables.labels[k] in
      [{programs}])
  - name: rules
    expression: >-
      params.status.denies.filter(rule, variables.kind in rule.kinds
      && (!has(rule.names) || variables.name in rule.names)
      && (!has(rule.namespaces) || variables.space in rule.namespaces)
      && (!has(rule.namespaceLabels) || (variables.space != '' && rule.namespaceLabels.all(r,
        r.operator == 'In' ? r.key in variables.spaceLabels && variables.spaceLabels[r.key] in r.values :
        r.operator == 'NotIn' ? !(r.key in variables.spaceLabels && variables.spaceLabels[r.key] in r.values) :
        r.operator == 'Exists' ? r.key in variables.spaceLabels : !(r.key in variables.spaceLabels))))
      && (!has(rule.labels) || rule.labels.all(r,
        r.operator == 'In' ? r.key in variables.labels && variables.labels[r.key] in r.values :
        r.operator == 'NotIn' ? !(r.key in variables.labels && variables.labels[r.key] in r.values) :
        r.operator == 'Exists' ? r.key in variables.labels : !(r.key in variables.labels))))
  validations:
  - expression: "size(variables.rules) == 0 || variables.protectedByPlace || variables.protectedByMark || variables.protectedByProgram"
    reason: Forbidden
    message: "an EmergencyMode in wartime refuses this new object (newTargets: Deny): see `pingzhan status`"
    messageExpression: >-
      'EmergencyMode ' + params.metadata.name + ' refuses new objects that its step ' + variables.rules[0].stage + '/' + variables.rules[0].step
      + ' selects (newTargets: Deny): wait until the mode is stood down, or label this ' + request.kind.kind
      + ' {exclude}=true if it is none of the plan'
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {policy}
{labels}
spec:
  policyName: {policy}
  validationActions: [Deny, Audit]
  # The operator labels a mode as long as its status refuses something.
  paramRef:
    selector:
      matchLabels:
        {denies}: "true"
    parameterNotFoundAction: Allow
"#;

/// Labels in the manifests.
const PLAIN: &str = "  labels:\n    app.kubernetes.io/name: pingzhan";
/// Labels in the chart.
const CHART: &str = "  labels:\n    {{- include \"pingzhan.labels\" . | nindent 4 }}";

/// The policy and its binding, without the header.
pub fn new_targets() -> String {
    fill(PLAIN)
}

/// The files.
pub fn files() -> [Generated; 2] {
    let chart = format!(
        "{{{{- if .Values.policies.enabled }}}}\n{}{{{{- end }}}}\n",
        fill(CHART)
    );
    [
        ("manifests/policies/new-targets.yaml", new_targets()),
        ("charts/pingzhan/templates/policies/new-targets.yaml", chart),
    ]
    .map(|(path, text)| Generated {
        path: PathBuf::from(path),
        contents: format!("{HEADER}{text}").into_bytes(),
    })
}

fn fill(labels: &str) -> String {
    let spaces = protect::CLUSTER_NAMESPACES
        .into_iter()
        .chain([DEFAULT_NAMESPACE, ACCOUNT_NAMESPACE]);
    let program_labels = protect::PROGRAM_LABELS.into_iter();
    POLICY
        .replace("{policy}", DENY_POLICY)
        .replace("{group}", GROUP)
        .replace("{version}", VERSION)
        .replace("{unjudged}", &UNJUDGED_GROUPS.join(", "))
        .replace("{system}", DEFAULT_NAMESPACE)
        .replace("{accounts}", ACCOUNT_NAMESPACE)
        .replace("{spaces}", &quoted(spaces))
        .replace("{guarded}", &quoted(protect::GUARDED_GROUPS.into_iter()))
        .replace("{prefix}", protect::OUR_PREFIX)
        .replace("{exclude}", EXCLUDE_LABEL)
        .replace("{made}", MADE_FOR_LABEL)
        .replace("{roles}", &quoted(protect::roles()))
        .replace("{role}", ROLE_LABEL)
        .replace("{program_labels}", &quoted(program_labels))
        .replace("{programs}", &quoted(protect::programs()))
        .replace("{denies}", DENIES_LABEL)
        .replace("{labels}", labels)
}

/// A list of texts in CEL.
fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word that was not filled in would be a policy that refuses nothing, and says so nowhere.
    #[test]
    fn nothing_is_left_to_fill_in() {
        let text = new_targets();
        let left = text.split('{').skip(1);
        let left: Vec<&str> = left
            .filter_map(|part| part.split_once('}'))
            .map(|(word, _)| word)
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(left, Vec::<&str>::new());
    }

    /// Braces that Helm would take for its own would break the chart.
    #[test]
    fn the_policy_holds_nothing_that_helm_would_carry_out() {
        assert!(!new_targets().contains("{{"));
    }
}
