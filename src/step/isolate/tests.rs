//! What each preset is made of, what `Open` leaves alone, and what people are told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::api::{Concern, Isolate};
use crate::field::{creation, project::project};
use crate::step::remark::Beside;

fn cut(text: &str) -> Cut {
    let isolate: Isolate = serde_yaml::from_str(text).expect("a cut");
    Cut {
        isolate,
        step: "cut".to_owned(),
        of: "flood/access".to_owned(),
    }
}

fn place(name: &str, space: &str) -> Projection {
    let target = creation::target(
        "networking.k8s.io/v1",
        POLICY,
        "networkpolicies",
        space,
        name,
    );
    creation::seen(&target, None)
}

fn policy(space: &str, name: &str, spec: &Value) -> Projection {
    let object = json!({ "apiVersion": "networking.k8s.io/v1", "kind": POLICY, "spec": spec,
        "metadata": { "name": name, "namespace": space, "uid": format!("{space}-{name}"), "resourceVersion": "1" } });
    let paths = ["egress", "ingress", "podSelector", "policyTypes"];
    let paths = paths.map(|name| Path::fields(["spec", name]));
    project(&object, "networkpolicies", &paths, false).expect("an object")
}

/// What was found: places in these namespaces for each policy, the policies of others, and nothing else.
fn found(cut: &Cut, spaces: &[&str], existing: Vec<Projection>) -> Vec<Vec<Projection>> {
    let policies = policies::of(cut);
    let places = policies.iter().map(|policy| {
        let name = policy.object["metadata"]["name"].as_str().unwrap();
        spaces.iter().map(|space| place(name, space)).collect()
    });
    let mut found: Vec<Vec<Projection>> = places.collect();
    found.push(existing);
    found.extend(vec![Vec::new(); needs(cut).len() - found.len()]);
    found
}

fn specs(text: &str) -> Vec<Value> {
    let cut = cut(text);
    let found = found(&cut, &["portal"], Vec::new());
    let compiled = compile(&cut, &found);
    compiled
        .changes
        .iter()
        .map(|change| change.after.value().expect("a policy")["spec"].clone())
        .collect()
}

/// A cut that lets anything through is none, and one without names stops what was to go on.
#[test]
fn nothing_comes_in_and_nothing_but_questions_for_names_goes_out() {
    let all = specs("{ preset: DenyAll, namespaces: { names: [portal] } }");
    let [spec] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(spec["podSelector"], json!({}));
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(spec.get("ingress"), None);
    let [rule] = spec["egress"].as_array().unwrap().as_slice() else {
        panic!("{spec}")
    };
    let ports: BTreeSet<i64> = rule["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["port"].as_i64().unwrap())
        .collect();
    assert_eq!(ports, BTreeSet::from([53, 5353]));
    let to = rule["to"].as_array().unwrap();
    assert!(to.iter().all(|peer| peer.get("namespaceSelector").is_some()
        || peer["ipBlock"]["cidr"] == "169.254.0.0/16"));
}

/// Whoever cannot ask for names finds nobody, also whom they may reach: whatever closes the way out lets
/// questions for names out, by both protocols, and what does not close it says nothing of it.
#[test]
fn every_cut_of_what_goes_out_lets_questions_for_names_out() {
    let names = json!({
        "to": [
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
              "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } },
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
              "podSelector": { "matchLabels": { "app.kubernetes.io/name": "coredns" } } },
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "openshift-dns" } } },
            { "ipBlock": { "cidr": "169.254.0.0/16" } },
        ],
        "ports": [
            { "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" },
            { "port": 5353, "protocol": "UDP" }, { "port": 5353, "protocol": "TCP" },
        ],
    });
    let rows = [
        ("{ preset: DenyAll, namespaces: { names: [portal] } }", 1),
        (
            "{ preset: DenyAll, namespaces: { names: [portal] }, pods: { matchLabels: { incident: hit } } }",
            1,
        ),
        (
            "{ preset: CutThirdParties, namespaces: { names: [portal] } }",
            1,
        ),
        (
            "{ preset: AllowOnly, namespaces: { names: [portal] }, from: { names: [gate] } }",
            0,
        ),
    ];
    for (text, closing) in rows {
        let all = specs(text);
        let types = |spec: &Value| spec["policyTypes"].as_array().cloned().unwrap_or_default();
        let (out, rest): (Vec<&Value>, Vec<&Value>) = all
            .iter()
            .partition(|spec| types(spec).contains(&json!("Egress")));
        assert_eq!(out.len(), closing, "{text}");
        for spec in out {
            assert_eq!(spec["egress"], json!([names]), "{text}");
        }
        for spec in rest {
            assert_eq!(spec.get("egress"), None, "{text}");
        }
    }
}

/// Names of namespaces are labels that nobody can give another value.
#[test]
fn only_what_is_named_comes_in_and_what_is_of_the_same_namespace() {
    let all = specs(
        "{ preset: AllowOnly, namespaces: { names: [portal] }, from: { names: [gate], matchLabels: { tier: critical } } }",
    );
    let from = json!([
        { "podSelector": {} },
        { "namespaceSelector": {
            "matchLabels": { "tier": "critical" },
            "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["gate"] }],
        } },
    ]);
    assert_eq!(all[0]["ingress"], json!([{ "from": from }]));
    assert_eq!(all[0]["policyTypes"], json!(["Ingress"]));
    let all = specs(
        "{ preset: AllowOnly, namespaces: { names: [portal] }, from: { names: [gate] }, ports: [{ port: 8080 }] }",
    );
    assert_eq!(
        all[0]["ingress"][0],
        json!({ "from": [{ "podSelector": {} }] })
    );
    assert_eq!(
        all[0]["ingress"][1]["ports"],
        json!([{ "port": 8080, "protocol": "TCP" }])
    );
}

/// Either label makes a third party, the pod's or its namespace's, so both must be absent in whoever gets in;
/// and pods of third parties that stand inside are closed both ways.
#[test]
fn third_parties_get_nothing_in_and_those_inside_nothing_out() {
    let all = specs(
        "{ preset: CutThirdParties, namespaces: { names: [portal] }, outside: [10.1.0.0/24] }",
    );
    let label = |operator: &str| json!({ "matchExpressions": [{ "key": "pingzhan.dev/party", "operator": operator, "values": ["third"] }] });
    let (others, third) = match all.as_slice() {
        [one, other] if one["podSelector"] == label("NotIn") => (one, other),
        [one, other] => (other, one),
        all => panic!("{all:?}"),
    };
    let from = others["ingress"][0]["from"].as_array().unwrap();
    assert_eq!(
        from[0],
        json!({ "namespaceSelector": label("NotIn"), "podSelector": label("NotIn") })
    );
    let blocks: Vec<&Value> = from[1..]
        .iter()
        .map(|peer| &peer["ipBlock"]["cidr"])
        .collect();
    assert_eq!(blocks, ["0.0.0.0/0", "::/0", "10.1.0.0/24"]);
    // A pod that is a third party must not get in by its address.
    assert!(
        from[1]["ipBlock"]["except"]
            .as_array()
            .unwrap()
            .contains(&json!("10.0.0.0/8"))
    );
    assert_eq!(others["policyTypes"], json!(["Ingress"]));
    assert_eq!(third["podSelector"], label("In"));
    assert_eq!(third["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(third.get("ingress"), None);
    let own = specs(
        "{ preset: CutThirdParties, namespaces: { names: [portal] }, third: { matchExpressions: [{ key: vendor, operator: Exists }] } }",
    );
    let operators: BTreeSet<&str> = own
        .iter()
        .map(|spec| {
            spec["podSelector"]["matchExpressions"][0]["operator"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(operators, BTreeSet::from(["DoesNotExist", "Exists"]));
}

/// A policy that selects pods which nothing closes would close them to everybody else.
#[test]
fn what_nothing_closes_is_not_opened() {
    let open = cut(
        "{ preset: Open, namespaces: {}, pods: { matchLabels: { app: web } }, from: { names: [police] } }",
    );
    let closing = policy(
        "portal",
        "closed",
        &json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
    );
    let outwards = policy(
        "hotline",
        "out",
        &json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": [{}] }),
    );
    let found = found(
        &open,
        &["hotline", "portal", "tax"],
        vec![closing, outwards],
    );
    let compiled = compile(&open, &found);
    let made: Vec<&str> = compiled
        .changes
        .iter()
        .map(|change| change.target.namespace.as_str())
        .collect();
    assert_eq!(made, ["portal"]);
    assert_eq!(compiled.skipped.len(), 2);
    let spec = &compiled.changes[0].after.value().unwrap()["spec"];
    assert_eq!(
        spec["podSelector"],
        json!({ "matchLabels": { "app": "web" } })
    );
    assert_eq!(
        compiled.changes[0].after.value().unwrap()["metadata"]["namespace"],
        "portal"
    );
}

fn said(cut: &Cut, found: &[Vec<Projection>], unread: &[usize]) -> Vec<(Concern, String)> {
    let unread = unread.iter().copied().collect();
    let beside = Beside {
        found,
        unread: &unread,
    };
    let remarks = remarks(cut, beside).into_iter();
    remarks
        .map(|remark| (remark.concern, remark.text))
        .collect()
}

fn plugin(name: &str, labels: &Value) -> Projection {
    let object = json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {
        "name": name, "namespace": "kube-system", "uid": name, "resourceVersion": "1", "labels": labels } });
    let mut paths = ["app", "app.kubernetes.io/name", "k8s-app"]
        .map(|name| Path::fields(["metadata", "labels", name]));
    paths.sort();
    project(&object, "daemonsets", &paths, false).expect("an object")
}

/// A cut that nothing enforces is worse than none: people rely on it.
#[test]
fn a_cut_that_nothing_enforces_is_harm() {
    let deny = cut("{ preset: DenyAll, namespaces: {} }");
    for (plugins, says) in [
        (vec![], Some((Concern::Harm, "no network plugin"))),
        (
            vec![plugin("kube-flannel-ds", &json!({}))],
            Some((Concern::Harm, "flannel")),
        ),
        (
            vec![plugin("aws-node", &json!({}))],
            Some((Concern::Risk, "set up to")),
        ),
        (vec![plugin("calico-node", &json!({}))], None),
        (vec![plugin("x", &json!({ "k8s-app": "cilium" }))], None),
        // Canal is flannel's network with Calico's policies.
        (
            vec![
                plugin("canal", &json!({})),
                plugin("kube-flannel-ds", &json!({})),
            ],
            None,
        ),
    ] {
        let mut all = found(&deny, &["portal"], Vec::new());
        all[6].clone_from(&plugins);
        let said = said(&deny, &all, &[]);
        let of_plugins: Vec<_> = said
            .iter()
            .filter(|(_, text)| text.contains("plugin"))
            .collect();
        match says {
            None => assert!(of_plugins.is_empty(), "{plugins:?}: {said:?}"),
            Some((concern, words)) => {
                assert_eq!(of_plugins.len(), 1, "{said:?}");
                assert_eq!(of_plugins[0].0, concern);
                assert!(of_plugins[0].1.contains(words), "{said:?}");
            }
        }
        assert!(
            self::said(&deny, &all, &[6])
                .iter()
                .all(|(_, text)| !text.contains("plugin"))
        );
    }
}

/// Policies only add up: what another allows goes on, and who believes in the cut must know.
#[test]
fn what_others_allow_is_named_and_what_is_cut_is_counted() {
    let deny = cut("{ preset: DenyAll, namespaces: {} }");
    let rules = json!([{ "from": [{ "podSelector": {} }] }]);
    let mut all = found(
        &deny,
        &["portal"],
        vec![
            policy(
                "portal",
                "web",
                &json!({ "podSelector": {}, "ingress": rules }),
            ),
            policy(
                "portal",
                "closed",
                &json!({ "podSelector": {}, "ingress": [] }),
            ),
        ],
    );
    let pod = |name: &str, owner: &str| {
        let object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name,
            "namespace": "portal", "uid": name, "resourceVersion": "1", "ownerReferences": [{ "uid": owner }] } });
        project(
            &object,
            "pods",
            &[Path::fields(["metadata", "ownerReferences"])],
            false,
        )
        .expect("an object")
    };
    all[2] = vec![pod("a", "x"), pod("b", "x"), pod("c", "y")];
    all[6] = vec![plugin("calico-node", &json!({}))];
    let said = said(&deny, &all, &[]);
    assert_eq!(
        said[0],
        (
            Concern::Note,
            "it is for 3 pods of 2 workloads in 1 namespace".to_owned()
        )
    );
    assert!(
        said[1]
            .1
            .starts_with("NetworkPolicy portal/web goes on allowing"),
        "{said:?}"
    );
    assert_eq!(said.len(), 2);
    assert_eq!(self::said(&deny, &found(&deny, &[], Vec::new()), &[]), []);
}

/// A way in.
fn way(kind: &str, name: &str) -> Projection {
    let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": {
        "name": name, "namespace": "portal", "uid": format!("{kind}-{name}"), "resourceVersion": "1" } });
    project(&object, &kind.to_lowercase(), &[], false).expect("an object")
}

/// What leads in is what people will find closed: it is counted by kind, and only a preset that closes the
/// way says so.
#[test]
fn ways_in_are_counted_where_they_are_closed() {
    let all = |kind: &str, names: &[&str]| -> Vec<Projection> {
        names.iter().map(|name| way(kind, name)).collect()
    };
    let many = [
        all("Service", &["web", "api"]),
        all("Ingress", &["front"]),
        all("HTTPRoute", &["a", "b", "c"]),
    ];
    let one = [vec![way("Service", "web")], vec![], vec![]];
    let from = "namespaces: { names: [portal] }, from: { names: [gate] }";
    let deny = "{ preset: DenyAll, namespaces: { names: [portal] } }".to_owned();
    let only = format!("{{ preset: AllowOnly, {from} }}");
    let third = "{ preset: CutThirdParties, namespaces: { names: [portal] } }".to_owned();
    let open = format!("{{ preset: Open, {from} }}");
    let single = Some("nothing comes through 1 Service any more");
    let rows = [
        (
            &deny,
            &many,
            Some("nothing comes through 2 Services, 1 Ingress and 3 HTTPRoutes any more"),
        ),
        (&deny, &one, single),
        (
            &only,
            &many,
            Some(
                "through 2 Services, 1 Ingress and 3 HTTPRoutes only what is named comes any more",
            ),
        ),
        (&third, &many, None),
        (&open, &many, None),
    ];
    for (text, ways, says) in rows {
        let cut = cut(text);
        let closed = json!({ "podSelector": {}, "policyTypes": ["Ingress"] });
        let closing = policy("portal", "closed", &closed);
        let mut all = found(&cut, &["portal"], vec![closing]);
        let first = policies::of(&cut).len() + 2;
        all[first..first + 3].clone_from_slice(ways);
        let said: Vec<(Concern, String)> = said(&cut, &all, &[])
            .into_iter()
            .filter(|(_, text)| text.contains("Service"))
            .collect();
        match says {
            None => assert_eq!(said, [], "{text}"),
            Some(words) => {
                assert_eq!(said.len(), 1, "{text}: {said:?}");
                assert_eq!(said[0].0, Concern::Risk, "{text}");
                assert!(said[0].1.starts_with(words), "{text}: {said:?}");
            }
        }
        // What could not be counted is not said to be none.
        let unread = [first, first + 1, first + 2];
        let unsaid = self::said(&cut, &all, &unread);
        assert!(
            unsaid.iter().all(|(_, said)| !said.contains("Service")),
            "{text}"
        );
    }
}

/// The step is compiled again while it is in force, and must ask for the very same.
#[test]
fn a_policy_that_is_there_by_the_modes_doing_is_the_same_creation() {
    let deny = cut("{ preset: DenyAll, namespaces: {} }");
    let found = found(&deny, &["portal"], Vec::new());
    let first = compile(&deny, &found);
    let mut again = found.clone();
    again[0][0].seen[0].image = crate::field::Image::Present(json!({ "uid": "u" }));
    assert_eq!(compile(&deny, &again).changes, first.changes);
    assert_eq!(first.changes[0].path, creation::path());
}
