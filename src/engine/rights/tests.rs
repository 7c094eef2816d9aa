//! What rights are needed, what is said of missing ones, and what roles are made of them.

use std::collections::BTreeMap;

use serde_json::json;

use super::rules::Rules;
use super::*;
use crate::api::{Level, Nature, PlaybookSpec, Term, names};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::plan::{self, Plan, Request};
use crate::field::project;
use crate::playbook::{Expanded, expand};
use crate::step::{self, Fields};

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

/// A playbook with this step alone, in stage `s`.
fn only(step: &str) -> (PlaybookSpec, Expanded) {
    let (head, _) = BOOK.split_once("- name: surge").expect("its first stage");
    let text = format!("{head}- {{ name: s, steps: [ {step} ] }}");
    let spec: PlaybookSpec = serde_yaml::from_str(&text).expect("a playbook");
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
        let (_, expanded) = only(&format!(
            "{{ name: cut, isolate: {{ preset: {preset}, namespaces: {{ names: [portal] }} }} }}"
        ));
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

/// What a step takes people out of in one namespace it looks at there: to read the bindings of all others is
/// a right that it never uses.
#[test]
fn bindings_are_listed_only_where_people_are_taken_out_of_some() {
    let listed = |place: &str, ground: &Ground<'_>| {
        let (_, expanded) = only(&format!(
            "{{ name: out, access: {{ revoke: [ {{ subjects: [ {{ kind: Group, name: vendors }} ]{place} }} ] }} }}"
        ));
        let needs = of_steps(&expanded, ground, None);
        let places = |resource: &str| -> Vec<Option<String>> {
            let rights = needs.all.keys();
            let rights = rights.filter(|right| right.resource == resource && right.verb == "list");
            rights.map(|right| right.namespace.clone()).collect()
        };
        // Whether one of the whole cluster gives the same people the same is asked in any case.
        assert_eq!(places("clusterrolebindings"), [None]);
        places("rolebindings")
    };
    let spaces = |names: &[&str]| -> Vec<Option<String>> {
        let names = names.iter();
        names.map(|name| Some((*name).to_owned())).collect()
    };
    let named = ", namespaces: { names: [portal] }";
    for ground in [ground(), Ground::default()] {
        assert_eq!(listed(named, &ground), spaces(&["portal"]));
    }
    assert_eq!(listed("", &ground()), spaces(&["data", "health", "portal"]));
    assert_eq!(listed("", &Ground::default()), [None]);
}

/// What the queries of the only step find of these bindings.
fn bindings(expanded: &Expanded, objects: &[serde_json::Value]) -> Facts {
    let step = &expanded.stages[0].steps[0];
    let mut seen = StepFacts::default();
    for query in step::needs(step) {
        let Fields::Paths(mut paths) = query.fields else {
            panic!("only fields are looked at")
        };
        paths.sort();
        let meant = objects.iter().filter(|object| {
            let kind = object["kind"].as_str();
            query.role == Role::Target && kind == Some(query.kind.as_str())
        });
        let found = meant.filter_map(|object| project::project(object, "", &paths, false));
        seen.found.push(found.collect());
    }
    Facts {
        steps: [(("s".to_owned(), "out".to_owned()), seen)].into(),
        ..Facts::default()
    }
}

/// A binding of a group, as it was read: in a namespace or in none, and held by a mode if so.
fn binding(space: &str, (kind, role): (&str, &str), who: &str, held: &str) -> serde_json::Value {
    let of = if space.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    let labels = if held.is_empty() {
        json!({})
    } else {
        json!({ names::HELD_BY_LABEL: held })
    };
    let mut object = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": of,
        "metadata": { "name": role, "uid": format!("{space}-{role}"), "resourceVersion": "1", "labels": labels },
        "roleRef": { "apiGroup": manifest::RBAC, "kind": kind, "name": role },
        "subjects": [{ "apiGroup": manifest::RBAC, "kind": "Group", "name": who }] });
    if !space.is_empty() {
        object["metadata"]["namespace"] = json!(space);
    }
    object
}

/// Whoever may bind any role may give themselves cluster-admin. Of bindings that were read the roles are named,
/// and of those as well that a mode has changed: this account brings them back.
#[test]
fn the_roles_of_bindings_that_were_read_are_named() {
    let (spec, expanded) = only(
        "{ name: out, access: { revoke: [ { subjects: [ { kind: Group, name: vendors } ] } ] } }",
    );
    let mut facts = bindings(
        &expanded,
        &[
            binding("", ("ClusterRole", "view"), "vendors", ""),
            binding("portal", ("Role", "reader"), "vendors", ""),
            binding("data", ("ClusterRole", "admin"), "staff", ""),
            binding("health", ("ClusterRole", "edit"), "staff", "flood"),
        ],
    );
    let named = |facts: &Facts| {
        let plan = plan(&spec, &expanded, facts);
        let mut needs = of_steps(&expanded, &ground(), Some(&plan));
        name_roles(&mut needs, &expanded, &plan, facts);
        needs
    };
    let needs = named(&facts);
    let bind = needs.all.keys().filter(|right| right.verb == "bind");
    let bind: Vec<(Option<&str>, &str, Option<&str>)> = bind
        .map(|right| {
            let (space, name) = (right.namespace.as_deref(), right.name.as_deref());
            (space, right.resource.as_str(), name)
        })
        .collect();
    let expected = [
        (None, "clusterroles", Some("view")),
        (Some("health"), "clusterroles", Some("edit")),
        (Some("portal"), "roles", Some("reader")),
    ];
    assert_eq!(bind, expected);
    let notes: Vec<&String> = needs.notes.iter().collect();
    assert!(
        notes.len() == 1 && notes[0].starts_with("s/out: which roles"),
        "{notes:?}"
    );
    // What was not read whole may hold bindings of any role.
    for seen in facts.steps.values_mut() {
        seen.problems
            .push("rolebindings cannot be listed".to_owned());
    }
    let any = Right::on(manifest::RBAC, "clusterroles", None).to("bind");
    assert!(named(&facts).all.contains_key(&any));
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
