//! What each preset is made of: policies without a namespace, the same in each.
//!
//! Who is a third party is said by one label, of a pod or of its namespace, so that "everybody else" can be
//! said too: policies have no word for "not both of these".

use serde_json::{Value, json};

use crate::api::{
    Isolate, IsolatePreset, LabelSelector, NamespaceSelector, Requirement, RequirementOperator,
    names,
};
use crate::playbook::Cut;
use crate::step::each;

/// A policy that is made, and why, as people read it in a plan.
pub(super) struct Policy {
    pub(super) object: Value,
    pub(super) why: &'static str,
}

/// The label of a namespace that nobody can give another value.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The policies of a cut, in a fixed order.
pub(super) fn of(cut: &Cut) -> Vec<Policy> {
    let isolate = &cut.isolate;
    let specs = match isolate.preset {
        IsolatePreset::DenyAll => vec![(
            deny_all(isolate),
            "nothing comes in and nothing goes out, but questions for names",
        )],
        IsolatePreset::AllowOnly => vec![(
            allow_only(isolate),
            "only what is named comes in, and what is of the same namespace",
        )],
        IsolatePreset::CutThirdParties => third_parties(isolate),
        IsolatePreset::Open => vec![(open(isolate), "it is opened to what is named")],
    };
    let policies = specs.into_iter().map(|(spec, why)| {
        let object = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {}, "spec": spec,
        });
        Policy {
            object: each::name(object, &cut.step, &cut.of),
            why,
        }
    });
    policies.collect()
}

fn deny_all(isolate: &Isolate) -> Value {
    json!({
        "podSelector": pods(isolate),
        "policyTypes": ["Ingress", "Egress"],
        "egress": [names_of_others()],
    })
}

fn allow_only(isolate: &Isolate) -> Value {
    let mut rule = json!({ "from": [{ "podSelector": {} }] });
    let mut rules = Vec::new();
    // What is of the same namespace comes in by every port.
    if isolate.ports.is_empty() {
        if let (Some(from), Some(all)) = (&isolate.from, rule["from"].as_array_mut()) {
            all.push(json!({ "namespaceSelector": namespaces(from) }));
        }
        rules.push(rule);
    } else {
        rules.push(rule);
        rules.push(from_outside(isolate));
    }
    json!({ "podSelector": pods(isolate), "policyTypes": ["Ingress"], "ingress": rules })
}

fn open(isolate: &Isolate) -> Value {
    let rules = json!([from_outside(isolate)]);
    json!({ "podSelector": pods(isolate), "policyTypes": ["Ingress"], "ingress": rules })
}

/// What lets in the namespaces that are named, by the ports that are.
fn from_outside(isolate: &Isolate) -> Value {
    let from = isolate.from.iter();
    let from: Vec<Value> = from
        .map(|from| json!({ "namespaceSelector": namespaces(from) }))
        .collect();
    let mut rule = json!({ "from": from });
    if !isolate.ports.is_empty() {
        let ports = isolate.ports.iter();
        let ports: Vec<Value> = ports
            .map(|one| json!({ "port": one.port, "protocol": one.protocol.unwrap_or_default() }))
            .collect();
        rule["ports"] = ports.into();
    }
    rule
}

/// Whoever is no third party gets in whoever is none, and third parties that are inside are closed.
fn third_parties(isolate: &Isolate) -> Vec<(Value, &'static str)> {
    let third = third(isolate);
    let others = Requirement {
        operator: opposite(third.operator),
        ..third.clone()
    };
    let not_third = json!({ "matchExpressions": [requirement(&others)] });
    let mut from = vec![json!({ "namespaceSelector": not_third, "podSelector": not_third })];
    from.extend(outside(isolate));
    vec![
        (
            json!({
                "podSelector": narrowed(isolate, &others),
                "policyTypes": ["Ingress"],
                "ingress": [{ "from": from }],
            }),
            "third parties get nothing in",
        ),
        (
            json!({
                "podSelector": narrowed(isolate, &third),
                "policyTypes": ["Ingress", "Egress"],
                "egress": [names_of_others()],
            }),
            "third parties inside get nothing in and nothing out",
        ),
    ]
}

/// The one label that says who is a third party.
fn third(isolate: &Isolate) -> Requirement {
    let equal = |key: &str, value: &str| Requirement {
        key: key.to_owned(),
        operator: RequirementOperator::In,
        values: vec![value.to_owned()],
    };
    let given = isolate.third.as_ref();
    let labels = given.and_then(|third| third.match_labels.first_key_value());
    let further = given.and_then(|third| third.match_expressions.first());
    match (labels, further) {
        (Some((key, value)), _) => equal(key, value),
        (None, Some(requirement)) => requirement.clone(),
        (None, None) => equal(names::PARTY_LABEL, names::THIRD),
    }
}

const fn opposite(operator: RequirementOperator) -> RequirementOperator {
    match operator {
        RequirementOperator::In => RequirementOperator::NotIn,
        RequirementOperator::NotIn => RequirementOperator::In,
        RequirementOperator::Exists => RequirementOperator::DoesNotExist,
        RequirementOperator::DoesNotExist => RequirementOperator::Exists,
    }
}

/// Addresses outside of the cluster that are let in: those of the public internet, since a pod has none of
/// them, and those that the playbook names.
fn outside(isolate: &Isolate) -> Vec<Value> {
    let block = |cidr: &str, except: &[&str]| {
        if except.is_empty() {
            json!({ "ipBlock": { "cidr": cidr } })
        } else {
            json!({ "ipBlock": { "cidr": cidr, "except": except } })
        }
    };
    let mut all = vec![
        block("0.0.0.0/0", &PRIVATE),
        block("::/0", &["fc00::/7", "fe80::/10"]),
    ];
    all.extend(isolate.outside.iter().map(|cidr| block(cidr, &[])));
    all
}

/// Ranges that are private by their registries: pods and nodes have addresses of these.
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];

/// Questions for names: to the cluster's own servers, and to the cache that stands on each node.
fn names_of_others() -> Value {
    let in_system = json!({ "matchLabels": { NAME_LABEL: "kube-system" } });
    let port = |port: i32, protocol: &str| json!({ "port": port, "protocol": protocol });
    json!({
        "to": [
            { "namespaceSelector": in_system, "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } },
            { "namespaceSelector": in_system, "podSelector": { "matchLabels": { "app.kubernetes.io/name": "coredns" } } },
            { "namespaceSelector": { "matchLabels": { NAME_LABEL: "openshift-dns" } } },
            { "ipBlock": { "cidr": "169.254.0.0/16" } },
        ],
        "ports": [port(53, "UDP"), port(53, "TCP"), port(5353, "UDP"), port(5353, "TCP")],
    })
}

/// The pods that a policy is for.
fn pods(isolate: &Isolate) -> Value {
    isolate.pods.as_ref().map_or_else(|| json!({}), selector)
}

/// Of these pods those with that label.
fn narrowed(isolate: &Isolate, to: &Requirement) -> Value {
    let mut pods = isolate.pods.clone().unwrap_or_default();
    pods.match_expressions.push(to.clone());
    selector(&pods)
}

/// A selector as policies write it.
fn selector(of: &LabelSelector) -> Value {
    let mut selector = json!({});
    if !of.match_labels.is_empty() {
        selector["matchLabels"] = json!(of.match_labels);
    }
    if !of.match_expressions.is_empty() {
        let all: Vec<Value> = of.match_expressions.iter().map(requirement).collect();
        selector["matchExpressions"] = all.into();
    }
    selector
}

/// Namespaces, by name by the label that says it.
fn namespaces(of: &NamespaceSelector) -> Value {
    let mut all = LabelSelector {
        match_labels: of.match_labels.clone(),
        match_expressions: of.match_expressions.clone(),
    };
    if !of.names.is_empty() {
        all.match_expressions.push(Requirement {
            key: NAME_LABEL.to_owned(),
            operator: RequirementOperator::In,
            values: of.names.clone(),
        });
    }
    selector(&all)
}

fn requirement(of: &Requirement) -> Value {
    let mut requirement = json!({ "key": of.key, "operator": of.operator });
    if !of.values.is_empty() {
        requirement["values"] = json!(of.values);
    }
    requirement
}
