//! Plans for the tests of findings: a playbook of a few lines, and objects as a server has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Plan, Request, compute};
use crate::api::{Level, Nature, PlaybookSpec, Term};
use crate::engine::beside::Beside;
use crate::engine::facts::{Facts, StepFacts};
use crate::field::project::project;
use crate::field::{Projection, creation};
use crate::playbook::{Expanded, expand};
use crate::step::{self, Fields};

/// A playbook with what it expands to.
pub struct Book {
    spec: PlaybookSpec,
    expanded: Expanded,
}

/// A stage as YAML: its steps by name, kind and act.
pub fn stage(name: &str, after: &str, steps: &[(&str, &str, &str)]) -> String {
    let steps: Vec<String> = steps
        .iter()
        .map(|(name, kind, act)| {
            format!("{{ name: {name}, targets: {{ kinds: [{kind}], namespaces: {{}} }}, {act} }}")
        })
        .collect();
    format!(
        "{{ name: {name}, dependsOn: [{after}], steps: [ {} ] }}",
        steps.join(", ")
    )
}

/// A playbook of these stages.
pub fn book(stages: &[String]) -> Book {
    let text = format!(
        "title: {{ en: x, zh-CN: x }}\nhazard: x\nowner: x\nserviceAccountName: x\n\
         authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}\nstages: [ {} ]\n",
        stages.join(", ")
    );
    let spec: PlaybookSpec = serde_yaml::from_str(&text).expect("a playbook");
    let expanded = expand::expand(&spec, Level::I, &BTreeMap::new()).expect("it expands");
    Book { spec, expanded }
}

/// An object in namespace `portal` with its owners unknown but tracked.
pub fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "spec": spec,
        "metadata": { "name": name, "namespace": "portal", "uid": format!("uid-{kind}-{name}"),
            "resourceVersion": "1", "managedFields": [{ "manager": "team", "operation": "Apply",
                "apiVersion": api_version, "fieldsType": "FieldsV1", "fieldsV1": {} }] },
    })
}

/// A workload of so many pods, each of one container that asks for this.
pub fn workload(kind: &str, name: &str, replicas: i64, requests: &Value) -> Value {
    let container = json!({ "name": "server", "resources": { "requests": requests } });
    let template = json!({ "metadata": { "labels": { "app": name } },
        "spec": { "containers": [container] } });
    object(
        "apps/v1",
        kind,
        name,
        &json!({ "replicas": replicas, "template": template }),
    )
}

/// What steps see, by `stage/step`: objects go to the queries of their kind.
pub fn facts(book: &Book, seen: &[(&str, Vec<Value>)]) -> Facts {
    let mut facts = Facts::default();
    for stage in &book.expanded.stages {
        for step in &stage.steps {
            let key = format!("{}/{}", stage.name, step.name);
            let objects = seen.iter().filter(|(of, _)| *of == key);
            let objects: Vec<&Value> = objects.flat_map(|(_, objects)| objects).collect();
            let mut step_facts = StepFacts::default();
            for query in step::needs(step) {
                let paths = match &query.fields {
                    Fields::Paths(paths) => paths,
                    Fields::Manifest { object, .. } => {
                        step_facts.found.push(vec![absent(object)]);
                        step_facts.beside.push(vec![Beside::default()]);
                        continue;
                    }
                    Fields::Each { object } => {
                        let mut object = object.clone();
                        object["metadata"]["namespace"] = json!("portal");
                        step_facts.found.push(vec![absent(&object)]);
                        step_facts.beside.push(vec![Beside::default()]);
                        continue;
                    }
                    Fields::Replicas => panic!("a kind of the table"),
                };
                let kind = query.kind.rsplit('/').next().expect("a kind");
                let of_kind = objects.iter().filter(|object| object["kind"] == kind);
                let found = of_kind.map(|object| {
                    let plural = format!("{}s", kind.to_lowercase());
                    let seen = project(object, &plural, paths, false).expect("an object");
                    (seen, Beside::of(object))
                });
                let (found, beside) = found.unzip();
                step_facts.found.push(found);
                step_facts.beside.push(beside);
            }
            let key = (stage.name.clone(), step.name.clone());
            facts.steps.insert(key, step_facts);
        }
    }
    facts
}

/// What is seen of an object that is not there.
fn absent(object: &Value) -> Projection {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (kind, space) = (text("/kind"), text("/metadata/namespace"));
    let plural = format!("{}s", kind.to_lowercase());
    let name = text("/metadata/name");
    let target = creation::target(text("/apiVersion"), kind, &plural, space, name);
    creation::seen(&target, None)
}

/// The plan of a playbook.
pub fn plan_of(book: &Book, facts: &Facts) -> Plan {
    let term = Term("12h".into());
    let request = Request {
        playbook: "flood",
        playbook_uid: "pb",
        spec: &book.spec,
        level: Level::I,
        nature: Nature::Actual,
        tabletop: false,
        scope: None,
        expires_after: &term,
        round: 0,
    };
    compute(&request, &book.expanded, facts)
}
