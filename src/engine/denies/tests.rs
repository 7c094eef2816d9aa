//! Tests of the rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::api::{Level, Nature, Scope, Term};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Request};

/// The rules of a playbook with these stages, which refuses what is new.
fn rules_of(stages: &Value, scope: Option<&Value>) -> Vec<DenyRule> {
    let spec = json!({
        "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x", "serviceAccountName": "x",
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
        "newTargets": "Deny", "stages": stages,
    });
    let spec = serde_json::from_value(spec).expect("a playbook");
    let scope: Option<Scope> = scope.map(|scope| Scope {
        namespaces: serde_json::from_value(scope.clone()).expect("a selector"),
    });
    let expanded = expand::stored(&spec, Level::II, &BTreeMap::new()).expect("it expands");
    let request = Request {
        playbook: "flood",
        playbook_uid: "pb",
        spec: &spec,
        level: Level::II,
        nature: Nature::Actual,
        tabletop: false,
        scope: scope.as_ref(),
        expires_after: &Term("12h".into()),
        round: 0,
    };
    rules(&plan::compute(&request, &expanded, &Facts::default()))
}

fn scale(name: &str, targets: &Value) -> Value {
    json!({ "name": name, "targets": targets, "scale": { "percent": 50 } })
}

fn stage(name: &str, steps: &[Value]) -> Value {
    json!({ "name": name, "steps": steps })
}

/// A rule that reached further than the selection would refuse what nobody meant.
#[test]
fn a_rule_says_all_that_the_selection_says() {
    let targets = json!({
        "kinds": ["Deployment", "ConfigMap", "argoproj.io/Rollout"], "names": ["web"],
        "namespaces": { "names": ["portal"], "matchLabels": { "city": "yunxi" } },
        "selector": { "matchLabels": { "shed": "yes" }, "matchExpressions": [
            { "key": "tier", "operator": "NotIn", "values": ["critical"] } ] },
    });
    let act = json!({ "set": [{ "path": "/metadata/annotations/a", "value": "b" }] });
    let step = json!({ "name": "halve", "targets": targets, "patch": act });
    let rules = rules_of(&json!([stage("shed", &[step])]), None);
    let expected = json!([{
        "stage": "shed", "step": "halve", "names": ["web"], "namespaces": ["portal"],
        "kinds": ["apps/Deployment", "ConfigMap", "argoproj.io/Rollout"],
        "namespaceLabels": [{ "key": "city", "operator": "In", "values": ["yunxi"] }],
        "labels": [ { "key": "shed", "operator": "In", "values": ["yes"] },
            { "key": "tier", "operator": "NotIn", "values": ["critical"] } ],
    }]);
    assert_eq!(serde_json::to_value(rules).expect("JSON"), expected);
}

/// What is outside the mode's scope is not switched, so it may be made.
#[test]
fn the_scope_of_the_mode_narrows_the_rules() {
    let step = |names: &[&str]| {
        let targets = json!({ "kinds": ["Deployment"], "namespaces": { "names": names } });
        json!([stage("shed", &[scale("halve", &targets)])])
    };
    let scope = json!({ "names": ["b", "c"], "matchLabels": { "city": "yunxi" } });
    let rules = rules_of(&step(&["a", "b"]), Some(&scope));
    assert_eq!(rules[0].namespaces, ["b"]);
    assert_eq!(rules[0].namespace_labels[0].key, "city");
    let rules = rules_of(&step(&[]), Some(&scope));
    assert_eq!(rules[0].namespaces, ["b", "c"], "the step names none");
    assert_eq!(
        rules_of(&step(&["a"]), Some(&scope)),
        [],
        "nothing is in both"
    );
}

/// An empty selector of namespaces leaves out what is in none, as the selection does.
#[test]
fn a_selector_of_namespaces_asks_for_one() {
    let of = |targets: &Value| {
        let act = json!({ "set": [{ "path": "/metadata/annotations/a", "value": "b" }] });
        let step = json!({ "name": "mark", "targets": targets, "patch": act });
        rules_of(&json!([stage("shed", &[step])]), None)
    };
    let everywhere = of(&json!({ "kinds": ["ClusterRole"] }));
    assert_eq!(everywhere[0].namespace_labels, []);
    let inside = of(&json!({ "kinds": ["ClusterRole"], "namespaces": {} }));
    assert_eq!(
        inside[0].namespace_labels[0].key,
        "kubernetes.io/metadata.name"
    );
    assert_eq!(
        inside[0].namespace_labels[0].operator,
        RequirementOperator::Exists
    );
}

/// Of a step that is not carried out, that does not select, or that cannot be judged, nothing is
/// refused.
#[test]
fn only_steps_that_are_carried_out_and_can_be_judged_have_rules() {
    let deployments = json!({ "kinds": ["Deployment"] });
    let other_level = json!({ "name": "later", "levels": ["I"],
        "steps": [scale("grave", &deployments)] });
    let report = json!({ "name": "report", "newTargets": "Report", "targets": deployments,
        "scale": { "percent": 50 } });
    let condition = json!({ "kinds": ["Deployment"], "where": "object.spec.replicas > 1" });
    let lease = json!({ "name": "lease", "targets": { "kinds": ["coordination.k8s.io/Lease"] },
        "patch": { "set": [{ "path": "/spec/leaseDurationSeconds", "value": 9 }] } });
    let gate = json!({ "name": "gate", "timeout": "5m",
        "gate": { "groups": ["chiefs"], "prompt": { "en": "Go?" } } });
    let steps = [
        scale("halve", &deployments),
        report,
        scale("where", &condition),
        lease,
        gate,
    ];
    let rules = rules_of(&json!([stage("shed", &steps), other_level]), None);
    let steps: Vec<&str> = rules.iter().map(|rule| rule.step.as_str()).collect();
    assert_eq!(steps, ["halve"]);
}

/// A status that the API server refuses says nothing at all: there are never more rules than it takes.
#[test]
fn there_are_at_most_as_many_rules_as_a_status_holds() {
    let targets = json!({ "kinds": ["Deployment"] });
    let stages: Vec<Value> = (0..3)
        .map(|at| {
            let steps = (0..30).map(|step| scale(&format!("s{step}"), &targets));
            stage(&format!("stage{at}"), &steps.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(rules_of(&json!(stages), None).len(), denied::MOST);
}
