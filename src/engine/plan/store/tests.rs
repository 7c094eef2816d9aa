//! What of a change is approved, stored and read back.

use serde_json::{Value, json};

use super::super::testing::{self, book, facts, plan_of};
use super::{canonical, hash, load, sha256, text};
use crate::engine::plan::Plan;
use crate::field::Image;
use crate::step::Rule;

const GROUP: &str = "rbac.authorization.k8s.io";

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": GROUP, "name": name })
}

fn binding(name: &str, subjects: &[&str]) -> Value {
    let version = format!("{GROUP}/v1");
    let mut object = testing::object(&version, "RoleBinding", name, &json!({}));
    object["roleRef"] = json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": "edit" });
    let subjects: Vec<Value> = subjects.iter().map(|name| group(name)).collect();
    object["subjects"] = subjects.into();
    object
}

/// The plan of a step that takes these groups out of two bindings.
fn plan(gone: &[&str]) -> Plan {
    let gone: Vec<String> = gone
        .iter()
        .map(|name| format!("{{ kind: Group, name: {name} }}"))
        .collect();
    let step = format!(
        "{{ name: who, access: {{ revoke: [ {{ subjects: [ {} ] }} ] }} }}",
        gone.join(", ")
    );
    let book = book(&[format!("{{ name: rights, steps: [ {step} ] }}")]);
    let bindings = vec![
        binding("mixed", &["vendors", "staff"]),
        binding("only", &["vendors"]),
    ];
    plan_of(&book, &facts(&book, &[("rights/who", bindings)]))
}

fn rules(plan: &Plan) -> Vec<&Rule> {
    plan.changes().map(|(_, _, change)| &change.rule).collect()
}

/// Hours later the list is another one: whom people agreed to take out has to be known still.
#[test]
fn whom_a_change_takes_out_is_part_of_what_is_approved_and_is_read_back() {
    let one = plan(&["vendors"]);
    let loaded = load(&text(&one), &one.hash).expect("a plan");
    assert_eq!(rules(&loaded), rules(&one));
    let [change, only] = &loaded.stages[0].steps[0].changes[..] else {
        panic!("two changes")
    };
    let list = |names: &[&str]| {
        let list: Vec<Value> = names.iter().map(|name| group(name)).collect();
        Image::Present(list.into())
    };
    let since = list(&["auditors", "vendors", "helpers"]);
    assert_eq!(change.asks(&since), list(&["auditors", "helpers"]));
    assert_eq!(only.asks(&list(&["vendors"])), Image::Absent);
    assert_eq!(only.asks(&since), change.asks(&since));
    // The playbook is another one; that alone makes another hash.
    let two = plan(&["vendors", "helpers"]);
    let stored: Value = serde_json::from_str(&text(&two)).expect("JSON");
    assert_eq!(
        stored["plan"]["people"],
        json!([["Group helpers", "Group vendors"]])
    );
    let without = &stored["plan"]["stages"][0]["steps"][0]["without"];
    assert_eq!(without, &json!([[0, 0], [1, 0]]), "the list stands once");
}

/// A mode that was granted before whom a change takes out was stored goes on as it was approved.
#[test]
fn a_plan_from_before_is_read_and_asks_for_what_it_says() {
    let plan = plan(&["vendors"]);
    let mut stored: Value = serde_json::from_str(&text(&plan)).expect("JSON");
    let hashed = stored["plan"].as_object_mut().expect("a plan");
    hashed.remove("people").expect("it is there");
    let step = &mut stored["plan"]["stages"][0]["steps"][0];
    let step = step.as_object_mut().expect("a step");
    step.remove("without").expect("it is there");
    let old = sha256(&canonical(&stored["plan"]));
    assert_ne!(old, hash(&plan));
    let loaded = load(&stored.to_string(), &old).expect("a plan");
    assert_eq!(rules(&loaded), [&Rule::Fixed; 2]);
    let change = &loaded.stages[0].steps[0].changes[0];
    assert_eq!(change.asks(&Image::Absent), change.after);
}

/// What takes nobody out is stored as ever: its hash stays.
#[test]
fn a_plan_that_takes_nobody_out_has_no_word_of_it() {
    let scale = ("grow", "Deployment", "scale: { replicas: 9 }");
    let book = book(&[testing::stage("surge", "", &[scale])]);
    let web = testing::workload("Deployment", "web", 3, &json!({}));
    let plan = plan_of(&book, &facts(&book, &[("surge/grow", vec![web])]));
    assert_eq!(plan.change_count(), 1);
    let stored: Value = serde_json::from_str(&text(&plan)).expect("JSON");
    assert_eq!(stored["plan"].get("people"), None);
    assert_eq!(stored["plan"]["stages"][0]["steps"][0].get("without"), None);
}
