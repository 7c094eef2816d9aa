//! What rights are needed, what is said of missing ones, and what roles are made of them.

use std::collections::BTreeMap;

use serde_json::json;

use super::rules::Rules;
use super::*;
use crate::api::{Level, Nature, PlaybookSpec, Term};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Plan, Request};
use crate::playbook::{Expanded, expand};

/// A playbook with a step of every kind that needs rights.
const BOOK: &str = r"
title: { en: x, zh-CN: x }
hazard: x
owner: x
serviceAccountName: flood
authority: { requesterGroups: [duty], approverGroups: [chiefs] }
stages:
- name: surge
  steps:
  - { name: grow, critical: true, targets: { kinds: [Deployment], namespaces: { matchLabels: { tier: critical } } }, scale: { percent: 300 } }
  - { name: wait, wait: { ready: { step: grow, percent: 90 } } }
- name: notices
  steps:
  - { name: flags, targets: { kinds: [ConfigMap], namespaces: { names: [portal] }, names: [flags] }, config: { set: { a: b }, restart: [ { kind: Deployment, name: web } ] } }
  - { name: notice, apply: { objects: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: notice, namespace: portal }, data: { a: b } } ] } }
  - { name: helpers, apply: { objects: [ { apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: { name: helpers, namespace: portal }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }, subjects: [] } ] } }
- name: quiet
  steps:
  - { name: stop, targets: { kinds: [CronJob, kustomize.toolkit.fluxcd.io/Kustomization], namespaces: {} }, suspend: { onResume: SkipMissed } }
  - { name: export, run: { namespace: data, job: { template: {} }, irreversible: true } }
- name: closed
  steps:
  - { name: calm, freeze: { namespaces: { matchLabels: { tier: critical } } } }
  - { name: cut, isolate: { preset: DenyAll, namespaces: { names: [portal] } } }
  - name: rights
    access:
      grant: [ { subjects: [ { kind: Group, name: community } ], role: { kind: ClusterRole, name: reader }, namespaces: { names: [health] }, purpose: x, legalBasis: x } ]
      revoke: [ { subjects: [ { kind: Group, name: vendors } ], namespaces: { names: [portal] } } ]
      lockDown: { bindings: { matchLabels: { party: third } } }
  - { name: page, targets: { kinds: [Ingress], namespaces: { names: [portal] }, names: [front] }, route: { to: { name: page, port: 80 } } }
  - { name: slower, targets: { kinds: [StatefulSet], namespaces: { names: [data] }, names: [store] }, patch: { set: [ { path: /spec/minReadySeconds, value: 5 } ] } }
";

fn book() -> (PlaybookSpec, Expanded) {
    let spec: PlaybookSpec = serde_yaml::from_str(BOOK).expect("a playbook");
    let expanded = expand::expand(&spec, Level::I, &BTreeMap::new()).expect("it expands");
    (spec, expanded)
}

fn ground() -> Ground<'static> {
    let labels = |pairs: &[(&str, &str)]| -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let critical = [("tier", "critical")];
    let namespaces = [
        ("portal", labels(&critical)),
        ("health", labels(&critical)),
        ("data", labels(&[])),
        ("kube-system", labels(&critical)),
        (
            "pinned",
            labels(&[("tier", "critical"), ("pingzhan.dev/exclude", "true")]),
        ),
    ];
    let served = [
        "Deployment",
        "ConfigMap",
        "CronJob",
        "RoleBinding",
        "HorizontalPodAutoscaler",
        "autoscaling/HorizontalPodAutoscaler",
        "kustomize.toolkit.fluxcd.io/Kustomization",
        "rbac.authorization.k8s.io/RoleBinding",
        "ClusterRoleBinding",
        "NetworkPolicy",
        "networking.k8s.io/NetworkPolicy",
        "Ingress",
        "Pod",
        "Service",
        "discovery.k8s.io/EndpointSlice",
        "DaemonSet",
        "StatefulSet",
    ];
    let of_server = |kind: &str| Served {
        guessed: false,
        ..guess(kind)
    };
    Ground {
        kinds: Some(
            served
                .map(|kind| (kind.to_owned(), of_server(kind)))
                .into_iter()
                .collect(),
        ),
        namespaces: Some(
            namespaces
                .map(|(name, labels)| (name.to_owned(), labels))
                .into_iter()
                .collect(),
        ),
        scope: None,
        own: Some(Own {
            operator: "pingzhan-system",
            accounts: "pingzhan-playbooks",
        }),
    }
}

fn plan(spec: &PlaybookSpec, expanded: &Expanded, facts: &Facts) -> Plan {
    let term = Term("12h".into());
    let request = Request {
        playbook: "flood",
        playbook_uid: "pb",
        spec,
        level: Level::I,
        nature: Nature::Actual,
        tabletop: false,
        scope: None,
        expires_after: &term,
        round: 0,
    };
    plan::compute(&request, expanded, facts)
}

const ACCOUNT: role::Account<'static> = role::Account {
    playbook: "flood",
    name: "flood",
    namespace: "pingzhan-playbooks",
};

/// What is given is read by people before they apply it: no more than what the steps name, and in a
/// namespace that is never touched no more than to look whether a cut is enforced.
#[test]
fn the_least_roles_of_a_cluster_name_its_namespaces() {
    let (spec, expanded) = book();
    let plan = plan(&spec, &expanded, &Facts::default());
    let needs = of_steps(&expanded, &ground(), Some(&plan));
    let made = role::make(ACCOUNT, &needs);
    insta::assert_snapshot!(format!("{}\n{}", made.yaml, made.dangers.join("\n")));
    for never in ["pinned", "\"*\"", "escalate", "secrets"] {
        assert!(!made.yaml.contains(never), "{never}");
    }
    let system = needs.all.iter().filter(|(right, _)| {
        let space = right.namespace.as_deref();
        space == Some("kube-system")
    });
    for (right, need) in system {
        let looks = ["get", "list"].contains(&right.verb.as_str());
        let of = (right.resource.as_str(), need.of);
        assert!(looks && of == ("daemonsets", Use::Know), "{right:?}");
    }
}

/// A file alone says less: what is selected by label may be anywhere.
#[test]
fn the_least_roles_of_a_file_are_of_the_cluster_where_labels_select() {
    let (_, expanded) = book();
    let needs = of_steps(&expanded, &Ground::default(), None);
    let made = role::make(ACCOUNT, &needs);
    insta::assert_snapshot!(format!("{}\n{}", made.yaml, made.dangers.join("\n")));
}

/// The rules that are generated give every right that they were made for: else the account that has
/// them stops in the middle.
#[test]
fn what_is_generated_gives_all_that_is_needed() {
    let (_, expanded) = book();
    for ground in [ground(), Ground::default()] {
        let needs = of_steps(&expanded, &ground, None);
        let made = role::make(ACCOUNT, &needs);
        let documents: Vec<serde_json::Value> = serde_yaml::Deserializer::from_str(&made.yaml)
            .map(|one| serde::Deserialize::deserialize(one).expect("YAML"))
            .collect();
        for right in needs.all.keys() {
            let given = bound(&documents, right.namespace.as_deref());
            assert!(given.give(right), "{right:?} in\n{}", made.yaml);
        }
    }
}

/// The rules that hold in a namespace, as a review would answer them.
fn bound(documents: &[serde_json::Value], namespace: Option<&str>) -> Rules {
    let of_kind = |kind: &str| {
        let kind = kind.to_owned();
        documents.iter().filter(move |one| one["kind"] == kind)
    };
    let here = |one: &&serde_json::Value| one["metadata"]["namespace"].as_str() == namespace;
    let bindings = of_kind("ClusterRoleBinding").chain(of_kind("RoleBinding").filter(here));
    let mut given = Vec::new();
    for binding in bindings {
        let role = &binding["roleRef"];
        let roles = of_kind(role["kind"].as_str().expect("a kind"));
        let mut roles = roles.filter(|one| one["metadata"]["name"] == role["name"]);
        let own = roles.find(|one| role["kind"] == "ClusterRole" || here(one));
        let own = own.expect("a binding names a role that is made");
        given.extend(own["rules"].as_array().expect("rules").clone());
    }
    Rules::of(&json!({ "status": { "incomplete": false, "resourceRules": given } }))
}

/// Who names the roles of suppliers' bindings, and may bind no others, has a playbook that is ready: it is for
/// the roles that such an account is narrow.
#[test]
fn which_roles_bindings_give_is_not_known_before_they_are_read() {
    let book = BOOK.replace(
        "- name: quiet",
        "- name: close\n  steps:\n  - { name: locked, access: { lockDown: { bindings: { matchLabels: { party: third } } } } }\n- name: quiet",
    );
    let spec: PlaybookSpec = serde_yaml::from_str(&book).expect("a playbook");
    let expanded = expand::expand(&spec, Level::I, &BTreeMap::new()).expect("it expands");
    let needs = of_steps(&expanded, &Ground::default(), None);
    let right = |resource: &str| Right::on(manifest::RBAC, resource, None);
    assert_eq!(
        needs.all[&right("clusterroles").to("bind")].of,
        Use::Know,
        "any role at all"
    );
    for resource in ["rolebindings", "clusterrolebindings"] {
        assert_eq!(needs.all[&right(resource).to("patch")].of, Use::Change);
    }
}

/// The freeze is the operator's to write; what the account is asked for beside is to see who wrote there, and
/// what enforces a cut is looked for where nothing is touched: without these a plan says that it does not know.
#[test]
fn what_a_plan_looks_at_beside_its_targets_is_given_as_well() {
    let (_, expanded) = book();
    let looks = |group: &str, resource: &str, space: Option<&str>| {
        Right::on(group, resource, space).to("list")
    };
    let needs = of_steps(&expanded, &ground(), None);
    for (group, resource) in [
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("", "configmaps"),
        ("", "services"),
    ] {
        let right = looks(group, resource, Some("health"));
        assert!(needs.all.contains_key(&right), "{right:?}");
    }
    let plugins = looks("apps", "daemonsets", Some("kube-system"));
    assert_eq!(needs.all[&plugins].of, Use::Know);
    // What makes several objects in one place is held against its quotas.
    let quotas = looks("", "resourcequotas", Some("portal"));
    let cut = |preset: &str| {
        let step = format!(
            "- {{ name: s, steps: [ {{ name: cut, isolate: {{ preset: {preset}, namespaces: {{ names: [portal] }} }} }} ] }}"
        );
        let (head, _) = BOOK.split_once("- name: surge").expect("its first stage");
        let spec: PlaybookSpec = serde_yaml::from_str(&format!("{head}{step}")).expect("a book");
        let expanded = expand::expand(&spec, Level::I, &BTreeMap::new()).expect("it expands");
        of_steps(&expanded, &ground(), None)
    };
    assert!(cut("CutThirdParties").all.contains_key(&quotas));
    assert!(!cut("DenyAll").all.contains_key(&quotas));
    // Which of the places of plugins there are a file does not say.
    let needs = of_steps(&expanded, &Ground::default(), None);
    let plugins: Vec<Option<&str>> = needs
        .all
        .keys()
        .filter(|right| right.resource == "daemonsets" && right.verb == "list")
        .map(|right| right.namespace.as_deref())
        .collect();
    assert_eq!(plugins, [None]);
}

/// Whoever reads that a right is missing has to know what to give, and what stands still without it.
#[test]
fn missing_rights_are_few_sentences_and_those_of_critical_steps_come_first() {
    let (_, expanded) = book();
    let needs = of_steps(&expanded, &ground(), None);
    let said: Vec<String> = missing("pingzhan-playbooks/flood", &needs.all)
        .into_iter()
        .map(|finding| format!("{:?}: {}", finding.concern, finding.text))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

/// Plurals are no rule of the language: one that was made up is said to be.
#[test]
fn a_plural_that_is_guessed_is_said() {
    let rows = [
        ("Deployment", "deployments", false),
        ("keda.sh/ScaledObject", "scaledobjects", false),
        ("example.com/Proxy", "proxies", true),
        ("example.com/Gateway", "gateways", true),
        ("example.com/Box", "boxes", true),
        ("example.com/Pool", "pools", true),
    ];
    for (written, plural, guessed) in rows {
        let known = Ground::default()
            .kind(written)
            .expect("no cluster was asked");
        assert_eq!((known.plural.as_str(), known.guessed), (plural, guessed));
    }
}
