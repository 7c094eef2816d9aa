//! Whether two cuts of one plan undo each other: network policies only add up, so what one of them lets in
//! gets in wherever both select a pod.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Finding, Plan};
use crate::api::IsolatePreset;

/// A step that cuts: its stage and name, its place, its preset, and the selectors of what it makes, by
/// namespace.
struct Cut<'a> {
    said: String,
    place: (usize, usize),
    preset: IsolatePreset,
    selectors: BTreeMap<&'a str, Vec<&'a Value>>,
}

/// Says of each step that cuts which earlier one it undoes, or is undone by.
pub(super) fn find(plan: &mut Plan) {
    let mut found: Vec<((usize, usize), String)> = Vec::new();
    let cuts = cuts(plan);
    for (at, one) in cuts.iter().enumerate() {
        for other in &cuts[at + 1..] {
            if weaken(one.preset, other.preset) && overlap(one, other) {
                found.push((other.place, said(&one.said)));
            }
        }
    }
    for ((stage, step), text) in found {
        plan.stages[stage].steps[step]
            .findings
            .push(Finding::risk(text));
    }
}

fn said(other: &str) -> String {
    format!(
        "it selects pods that {other} selects too, and network policies add up: whatever either lets in \
         gets in; leave the pods of one out of the other, under `pods`"
    )
}

fn cuts(plan: &Plan) -> Vec<Cut<'_>> {
    let mut cuts = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        for (within, step) in stage.steps.iter().enumerate() {
            let source = plan.source(&stage.name, &step.name);
            let Some(isolate) = source.and_then(|step| step.isolate.as_ref()) else {
                continue;
            };
            let mut selectors: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
            for change in &step.changes {
                let spec = change.after.value().and_then(|object| object.get("spec"));
                if let Some(selector) = spec.and_then(|spec| spec.get("podSelector")) {
                    let here = selectors
                        .entry(change.target.namespace.as_str())
                        .or_default();
                    here.push(selector);
                }
            }
            cuts.push(Cut {
                said: format!("step {}/{}", stage.name, step.name),
                place: (at, within),
                preset: isolate.preset,
                selectors,
            });
        }
    }
    cuts
}

/// Whether one lets in what the other means to keep out. What opens is meant to.
const fn weaken(one: IsolatePreset, other: IsolatePreset) -> bool {
    use IsolatePreset::{AllowOnly, CutThirdParties, DenyAll, Open};
    match (one, other) {
        (Open, _) | (_, Open) | (DenyAll, DenyAll) | (CutThirdParties, CutThirdParties) => false,
        (DenyAll, AllowOnly | CutThirdParties)
        | (AllowOnly, DenyAll | AllowOnly | CutThirdParties)
        | (CutThirdParties, DenyAll | AllowOnly) => true,
    }
}

fn overlap(one: &Cut<'_>, other: &Cut<'_>) -> bool {
    one.selectors.iter().any(|(space, own)| {
        let theirs = other.selectors.get(space).map_or(&[][..], Vec::as_slice);
        own.iter()
            .any(|own| theirs.iter().any(|their| !is_disjoint(own, their)))
    })
}

/// What a selector demands of one label.
#[derive(Debug, PartialEq, Eq)]
enum Demand {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    There,
    Absent,
}

/// Whether no pod can be selected by both. What is not recognised may overlap.
fn is_disjoint(one: &Value, other: &Value) -> bool {
    let (one, other) = (demands(one), demands(other));
    one.iter().any(|(key, own)| {
        other
            .iter()
            .any(|(same, their)| key == same && excludes(own, their))
    })
}

fn demands(selector: &Value) -> Vec<(String, Demand)> {
    let labels = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter);
    let mut demands: Vec<(String, Demand)> = labels
        .filter_map(|(key, value)| {
            let only = BTreeSet::from([value.as_str()?.to_owned()]);
            Some((key.clone(), Demand::In(only)))
        })
        .collect();
    let further = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    demands.extend(further.filter_map(|one| {
        let values = one["values"].as_array().into_iter().flatten();
        let values = values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect();
        let demand = match one["operator"].as_str()? {
            "In" => Demand::In(values),
            "NotIn" => Demand::NotIn(values),
            "Exists" => Demand::There,
            "DoesNotExist" => Demand::Absent,
            _ => return None,
        };
        Some((one["key"].as_str()?.to_owned(), demand))
    }));
    demands
}

fn excludes(one: &Demand, other: &Demand) -> bool {
    match (one, other) {
        (Demand::In(one), Demand::In(other)) => one.is_disjoint(other),
        (Demand::In(these), Demand::NotIn(not)) | (Demand::NotIn(not), Demand::In(these)) => {
            these.is_subset(not)
        }
        (Demand::In(_) | Demand::There, Demand::Absent)
        | (Demand::Absent, Demand::In(_) | Demand::There) => true,
        (
            Demand::In(_) | Demand::NotIn(_) | Demand::There | Demand::Absent,
            Demand::In(_) | Demand::NotIn(_) | Demand::There | Demand::Absent,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{book, facts, plan_of};
    use super::*;

    fn findings(steps: &[(&str, &str)]) -> Vec<(String, String)> {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, isolate)| format!("{{ name: {name}, isolate: {isolate} }}"))
            .collect();
        let stage = format!("{{ name: cut, steps: [ {} ] }}", steps.join(", "));
        let book = book(&[stage]);
        let plan = plan_of(&book, &facts(&book, &[]));
        let steps = plan.stages[0].steps.iter();
        let all = steps.flat_map(|step| {
            let said = step.findings.iter();
            said.map(|one| (step.name.clone(), one.text.clone()))
        });
        all.collect()
    }

    /// Who believes that what is hit is alone must be told that another step of the same plan lets others in.
    #[test]
    fn a_cut_that_another_step_undoes_is_said_and_one_that_leaves_its_pods_out_is_not() {
        let third = "{ preset: CutThirdParties, namespaces: { names: [portal] } }";
        let careful = "{ preset: CutThirdParties, namespaces: { names: [portal] }, pods: { matchExpressions: [ { key: incident, operator: NotIn, values: [hit] } ] } }";
        let alone = "{ preset: DenyAll, namespaces: { names: [portal] }, pods: { matchLabels: { incident: hit } } }";
        let open = "{ preset: Open, namespaces: { names: [portal] }, from: { names: [police] } }";
        let said = findings(&[("third", third), ("alone", alone)]);
        assert!(
            matches!(said.as_slice(), [(step, text)] if step == "alone" && text.contains("step cut/third")),
            "{said:?}"
        );
        assert_eq!(findings(&[("third", careful), ("alone", alone)]), []);
        assert_eq!(findings(&[("alone", alone), ("open", open)]), []);
        assert_eq!(findings(&[("alone", alone), ("again", alone)]), []);
    }

    /// A selector that is taken for narrower than it is would hide an overlap.
    #[test]
    fn selectors_are_disjoint_only_where_no_pod_can_have_both() {
        let label = |value: &str| json!({ "matchLabels": { "a": value } });
        let need = |operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": "a", "operator": operator, "values": values }] });
        for (one, other, disjoint) in [
            (json!({}), label("x"), false),
            (label("x"), label("y"), true),
            (label("x"), label("x"), false),
            (label("x"), need("NotIn", &["x", "y"]), true),
            (need("In", &["x", "z"]), need("NotIn", &["x"]), false),
            (need("Exists", &[]), need("DoesNotExist", &[]), true),
            (need("NotIn", &["x"]), need("DoesNotExist", &[]), false),
            (label("x"), need("Unknown", &["y"]), false),
            (label("x"), json!({ "matchLabels": { "b": "y" } }), false),
        ] {
            assert_eq!(is_disjoint(&one, &other), disjoint, "{one} {other}");
            assert_eq!(is_disjoint(&other, &one), disjoint, "{other} {one}");
        }
    }
}
