//! Whether a plan lets pods be more than they were: somebody else's account, or the node beneath them. Whoever
//! may change a template of pods may do that, so it is no refusal; who approves has to know.

use std::collections::BTreeSet;

use serde_json::Value;

use super::explain::few;
use super::{Change, Finding, Plan, PlannedStep, describe};
use crate::api::{Concern, Run};
use crate::field::Segment;

/// The acts, beside `run`, by which a playbook writes any field of a template.
const ACTS: [&str; 2] = ["patch", "apply"];
/// Where a template begins.
const TEMPLATE: &str = "template";
/// Fields that say with which account pods run.
const ACCOUNT: [&str; 2] = ["serviceAccountName", "serviceAccount"];
/// Fields by which pods have their node: its files, its devices, its network, its processes.
const NODE: [&str; 5] = [
    "hostPath",
    "privileged",
    "hostNetwork",
    "hostPID",
    "hostIPC",
];

/// What pods have with each of these fields, and how grave it is.
const FOUND: [(&[&str], Concern, &str); 2] = [
    (
        &NODE,
        Concern::Harm,
        "their node: whoever is in them may reach every pod there",
    ),
    (
        &ACCOUNT,
        Concern::Risk,
        "an account that the playbook names, with all that it may do",
    ),
];

/// Says of each step which pods it lets be more.
pub(super) fn find(plan: &mut Plan) {
    let mut found: Vec<((usize, usize), Finding)> = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        if stage.left_out.is_some() {
            continue;
        }
        for (within, step) in stage.steps.iter().enumerate() {
            let source = plan.source(&stage.name, &step.name);
            let run = source.and_then(|source| source.run.as_ref());
            for (fields, concern, what) in FOUND {
                let text = match run {
                    Some(run) => of_job(run, fields, what),
                    None => of_changes(step, fields, what),
                };
                let finding = text.map(|text| Finding { concern, text });
                found.extend(finding.map(|finding| ((at, within), finding)));
            }
        }
    }
    for ((stage, step), finding) in found {
        plan.stages[stage].steps[step].findings.push(finding);
    }
}

/// What is said of a Job, as the playbook has it.
fn of_job(run: &Run, fields: &[&'static str], what: &str) -> Option<String> {
    let mut words = BTreeSet::new();
    for job in std::iter::once(&run.job).chain(&run.undo) {
        walk(job, false, fields, &mut words);
    }
    let words: Vec<&str> = words.into_iter().collect();
    (!words.is_empty()).then(|| format!("the pods of its Job get {what} ({})", few(&words)))
}

/// What is said of changes that write one of these fields.
fn of_changes(step: &PlannedStep, fields: &[&'static str], what: &str) -> Option<String> {
    if !ACTS.contains(&step.act.as_str()) {
        return None;
    }
    let mut objects: Vec<String> = Vec::new();
    let mut words = BTreeSet::new();
    for change in &step.changes {
        let own = written(change, fields);
        let name = describe(&change.target);
        // Changes of one object stand together.
        if !own.is_empty() && objects.last() != Some(&name) {
            objects.push(name);
        }
        words.extend(own);
    }
    let words: Vec<&str> = words.into_iter().collect();
    (!objects.is_empty()).then(|| {
        let objects = few(&objects);
        format!("{objects}: its pods get {what} ({})", few(&words))
    })
}

/// Which of some fields a change writes into a template.
fn written(change: &Change, fields: &[&'static str]) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let Some(after) = change.after.value() else {
        return found;
    };
    let names = change.path.segments().iter().filter_map(|one| match one {
        Segment::Field(name) => Some(name.as_str()),
        Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => None,
    });
    let names: Vec<&str> = names.collect();
    let mut is_inside = false;
    for (place, name) in names.iter().enumerate() {
        let is_last = place + 1 == names.len();
        if is_inside && (!is_last || is_set(name, after)) {
            found.extend(fields.iter().filter(|field| *field == name));
        }
        is_inside |= *name == TEMPLATE;
    }
    walk(after, is_inside, fields, &mut found);
    found
}

/// The same of what a value holds.
fn walk(
    value: &Value,
    is_inside: bool,
    fields: &[&'static str],
    found: &mut BTreeSet<&'static str>,
) {
    match value {
        Value::Object(members) => {
            for (name, inside) in members {
                if is_inside && is_set(name, inside) {
                    found.extend(fields.iter().filter(|field| **field == name.as_str()));
                }
                walk(inside, is_inside || name == TEMPLATE, fields, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, is_inside, fields, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a field of this name that holds this means anything.
fn is_set(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && ACCOUNT.contains(&name),
        Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{book, facts, plan_of, workload};
    use super::*;

    fn said_of(step: &str, seen: Vec<Value>) -> Vec<(Concern, String)> {
        let book = book(&[format!("{{ name: s, steps: [ {step} ] }}")]);
        let plan = plan_of(&book, &facts(&book, &[("s/do", seen)]));
        let findings = plan.stages[0].steps[0].findings.iter();
        findings
            .filter(|one| one.text.contains("its pods get"))
            .map(|one| (one.concern, one.text.clone()))
            .collect()
    }

    /// Who approves a change of a template approves what its pods may do with it.
    #[test]
    fn pods_that_become_more_than_they_were_are_said() {
        let patch = |asked: &str| {
            let step = format!(
                "{{ name: do, targets: {{ kinds: [Deployment], namespaces: {{}} }}, patch: {asked} }}"
            );
            said_of(&step, vec![workload("Deployment", "web", 2, &json!({}))])
        };
        let account =
            patch("{ set: [ { path: /spec/template/spec/serviceAccountName, value: ci } ] }");
        assert!(
            matches!(account.as_slice(), [(Concern::Risk, why)] if why.contains("Deployment portal/web: its pods get an account")),
            "{account:?}"
        );
        for asked in [
            "{ merge: { spec: { template: { spec: { hostNetwork: true, hostPID: true } } } } }",
            "{ set: [ { path: /spec/template/spec/volumes, value: [ { name: v, hostPath: { path: / } } ] } ] }",
            "{ set: [ { path: /spec/template/spec, value: { containers: [ { name: main, securityContext: { privileged: true } } ] } } ] }",
        ] {
            let node = patch(asked);
            assert!(
                matches!(node.as_slice(), [(Concern::Harm, why)] if why.contains("their node")),
                "{asked}: {node:?}"
            );
        }
        for asked in [
            "{ set: [ { path: /spec/template/spec/hostNetwork, value: false } ] }",
            "{ remove: [ /spec/template/spec/serviceAccountName ] }",
            "{ set: [ { path: /spec/serviceAccountName, value: ci } ] }",
        ] {
            assert_eq!(patch(asked), [], "{asked}");
        }
    }

    /// What is made may be as much as what is changed.
    #[test]
    fn pods_of_what_is_made_are_said_too() {
        let pods = "{ serviceAccountName: ci, containers: [ { name: main, image: x, securityContext: { privileged: true } } ] }";
        let step = format!(
            "{{ name: do, apply: {{ objects: [ {{ apiVersion: apps/v1, kind: Deployment, \
             metadata: {{ name: page, namespace: portal }}, spec: {{ template: {{ spec: {pods} }} }} }} ] }} }}"
        );
        let said: Vec<Concern> = said_of(&step, Vec::new())
            .into_iter()
            .map(|(concern, _)| concern)
            .collect();
        assert_eq!(said, [Concern::Harm, Concern::Risk]);
    }

    /// A Job runs once, and that is enough.
    #[test]
    fn pods_of_a_job_are_said_too() {
        let job = |pods: &str| {
            let job = format!("{{ template: {{ spec: {pods} }} }}");
            let run = format!("{{ namespace: portal, job: {{ template: {{}} }}, undo: {job} }}");
            let step = format!("{{ name: do, run: {run} }}");
            let book = book(&[format!("{{ name: s, steps: [ {step} ] }}")]);
            let plan = plan_of(&book, &facts(&book, &[]));
            let findings = plan.stages[0].steps[0].findings.iter();
            let said = findings.filter(|one| one.text.starts_with("the pods of its Job get"));
            said.map(|one| one.concern).collect::<Vec<Concern>>()
        };
        assert_eq!(job("{ hostIPC: true }"), [Concern::Harm]);
        assert_eq!(job("{ serviceAccountName: ci }"), [Concern::Risk]);
        assert_eq!(job("{ hostIPC: false, serviceAccountName: '' }"), []);
    }
}
