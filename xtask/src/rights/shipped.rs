//! What the operator asks for, held against the rights that it is shipped with: each request is allowed, and
//! a right that nothing asks for is noticed.

use std::collections::BTreeSet;

use pingzhan::policies::Names;
use serde::Deserialize as _;
use serde_yaml::Value;

use super::{expected, row};
use crate::surroundings::repository;

/// How it acts as accounts, one of the two: either lets it see whether an account is there.
const ACTING: [&str; 2] = ["impersonation.yaml", "impersonation-constrained.yaml"];

/// What it may ask for without its roles, and why.
const BY_OTHERS: [(&str, &str); 1] = [(
    "create authentication.k8s.io/selfsubjectreviews",
    "every server lets whoever is signed in ask who they are: system:basic-user",
)];

/// The rights that a manifest binds to the operator's account, each as a row of the table. To act as an
/// account is none of them: what is asked so is not the operator's.
fn given(manifest: &str) -> BTreeSet<String> {
    let documents = serde_yaml::Deserializer::from_str(manifest);
    let documents: Vec<Value> = documents
        .map(|document| Value::deserialize(document).expect("YAML"))
        .collect();
    let bindings = documents.iter().filter(|object| is_bound(object));
    let bound: Vec<&Value> = bindings.map(|object| &object["roleRef"]).collect();
    let is_ours = |role: &Value| {
        let mut bound = bound.iter();
        bound.any(|of| of["kind"] == role["kind"] && of["name"] == role["metadata"]["name"])
    };
    let mut rights = BTreeSet::new();
    for role in documents.iter().filter(|object| is_ours(object)) {
        let rules = role["rules"].as_sequence().expect("a role has rules");
        rights.extend(rules.iter().flat_map(rows));
    }
    rights
}

/// Whether this binds something to the operator's account.
fn is_bound(binding: &Value) -> bool {
    let operator = Names::default();
    let mut subjects = binding["subjects"].as_sequence().into_iter().flatten();
    subjects.any(|subject| {
        let text = |field: &str| subject[field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        format!("system:serviceaccount:{namespace}:{name}") == operator.operator()
    })
}

fn rows(rule: &Value) -> Vec<String> {
    assert!(
        rule["resourceNames"].is_null(),
        "{rule:?} allows some names only, and the table knows none"
    );
    let words = |field: &str| {
        let words = rule[field].as_sequence().into_iter().flatten();
        words.filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    for verb in words("verbs") {
        if verb.starts_with("impersonate") {
            continue;
        }
        for group in words("apiGroups") {
            for resource in words("resources") {
                rows.push(row(verb, group, resource));
            }
        }
    }
    rows
}

/// What is asked for and not given, and what is given and not asked for.
fn apart(asked: &BTreeSet<String>, given: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let only = |these: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<String> {
        these.difference(others).cloned().collect()
    };
    (only(asked, given), only(given, asked))
}

/// A request that its roles do not allow would be refused in the first cluster that is not a test's; and a
/// right that nothing asks for is there for whoever takes the account over.
#[test]
fn the_operator_may_do_what_it_asks_for_and_nothing_else() {
    let shipped = |file: &str| {
        let text = std::fs::read_to_string(repository().join("manifests").join(file));
        given(&text.expect("it is generated"))
    };
    let known = |rows: &[(&str, &str)]| -> Vec<String> {
        rows.iter().map(|(row, _)| (*row).to_owned()).collect()
    };
    for acting in ACTING {
        let mut given = shipped("rbac.yaml");
        given.extend(shipped(acting));
        let (refused, unused) = apart(&expected(), &given);
        assert_eq!(
            refused,
            known(&BY_OTHERS),
            "with {acting}: give the right, or say here who else does: {BY_OTHERS:?}"
        );
        assert_eq!(
            unused, [""; 0],
            "with {acting}: take the right away, or show in a test what it is for"
        );
    }
}

/// Roles of three kinds: bound to the operator, to somebody else, and to nobody.
const SMALL: &str = "
kind: Role
metadata: { name: a }
rules:
- { apiGroups: ['', apps], resources: [pods, deployments/scale], verbs: [get, impersonate] }
---
kind: ClusterRole
metadata: { name: a }
rules:
- { apiGroups: [''], resources: [secrets], verbs: [get] }
---
kind: ClusterRole
metadata: { name: b }
rules:
- { apiGroups: [''], resources: [nodes], verbs: [get] }
---
kind: RoleBinding
roleRef: { kind: Role, name: a }
subjects: [{ kind: ServiceAccount, namespace: pingzhan-system, name: pingzhan }]
---
kind: ClusterRoleBinding
roleRef: { kind: ClusterRole, name: b }
subjects: [{ kind: ServiceAccount, namespace: default, name: pingzhan }]
";

/// Were a role that nobody is bound to counted, or a difference missed, the test above would hold nothing.
#[test]
fn only_what_is_bound_to_the_operator_is_its_right_and_each_difference_is_named() {
    let given = given(SMALL);
    let all = [
        "get apps/deployments/scale",
        "get apps/pods",
        "get deployments/scale",
        "get pods",
    ];
    assert_eq!(given.iter().collect::<Vec<_>>(), all);
    let mut asked = given.clone();
    assert_eq!(apart(&asked, &given), (Vec::new(), Vec::new()));
    asked.remove("get pods");
    asked.insert("list pods".to_owned());
    let named = |row: &str| vec![row.to_owned()];
    assert_eq!(
        apart(&asked, &given),
        (named("list pods"), named("get pods"))
    );
}
