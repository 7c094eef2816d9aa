//! Whether a cut closes what people cannot act without: sign-in, the way in, names. Its own objects are never
//! touched, but a network policy of its namespace cuts it off all the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::explain::few;
use super::{Finding, describe};
use crate::api::IsolatePreset;
use crate::engine::facts::StepFacts;
use crate::engine::protect::depended_on;
use crate::field::{Projection, Segment};
use crate::playbook::{ExpandedStep, ResolvedAct};

/// What is said of a step that cuts off such pods.
pub(super) fn find(step: &ExpandedStep, seen: &StepFacts) -> Option<Finding> {
    let ResolvedAct::Isolate(cut) = &step.act else {
        return None;
    };
    match cut.isolate.preset {
        IsolatePreset::DenyAll | IsolatePreset::AllowOnly => {}
        // Whoever needs these is no third party, and what is opened is not closed.
        IsolatePreset::CutThirdParties | IsolatePreset::Open => return None,
    }
    let places = seen.found.iter().flatten();
    let closed: BTreeSet<&str> = places
        .filter(|one| {
            one.target.kind == "NetworkPolicy" && crate::field::creation::is(&one.target.uid)
        })
        .map(|one| one.target.namespace.as_str())
        .collect();
    let pods = seen.found.iter().flatten();
    let pods = pods
        .filter(|one| one.target.kind == "Pod" && closed.contains(one.target.namespace.as_str()));
    let names: Vec<String> = pods
        .filter(|pod| depended_on(&labels(pod)).is_some())
        .map(|pod| describe(&pod.target))
        .collect();
    (!names.is_empty()).then(|| {
        Finding::harm(format!(
            "it cuts off what people cannot act without: {}; leave these pods out under `pods`, or let in \
             whoever needs them",
            few(&names)
        ))
    })
}

/// The labels of an object, as far as they were asked for.
fn labels(object: &Projection) -> BTreeMap<String, String> {
    let labels = object.seen.iter().filter_map(|seen| {
        let [
            Segment::Field(metadata),
            Segment::Field(labels),
            Segment::Field(key),
        ] = seen.path.segments()
        else {
            return None;
        };
        let value = seen.image.value().and_then(Value::as_str)?;
        (metadata == "metadata" && labels == "labels").then(|| (key.clone(), value.to_owned()))
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{book, facts, object, plan_of};
    use crate::api::Concern;

    /// Who locks everybody out of sign-in has locked themselves out.
    #[test]
    fn a_cut_of_what_people_cannot_act_without_is_harm() {
        let pod = |name: &str, label: (&str, &str)| {
            let mut pod = object("v1", "Pod", name, &json!({}));
            let mut labels = serde_json::Map::new();
            labels.insert(label.0.to_owned(), json!(label.1));
            pod["metadata"]["labels"] = labels.into();
            pod
        };
        let cut = |isolate: &str, label| {
            let stage = format!("{{ name: cut, steps: [ {{ name: off, isolate: {isolate} }} ] }}");
            let book = book(&[stage]);
            let mut facts = facts(&book, &[("cut/off", vec![pod("one", label)])]);
            for step in facts.steps.values_mut() {
                step.unread = Some(std::collections::BTreeSet::new());
            }
            let plan = plan_of(&book, &facts);
            let findings = plan.stages[0].steps[0].findings.iter();
            let mut harm = findings.filter(|one| one.concern == Concern::Harm);
            harm.any(|one| one.text.contains("Pod portal/one"))
        };
        let deny = "{ preset: DenyAll, namespaces: { names: [portal] } }";
        let third = "{ preset: CutThirdParties, namespaces: { names: [portal] } }";
        assert!(cut(deny, ("app.kubernetes.io/name", "keycloak")));
        assert!(cut(deny, ("pingzhan.dev/role", "ingress")));
        assert!(!cut(deny, ("app.kubernetes.io/name", "portal")));
        assert!(!cut(deny, ("pingzhan.dev/exclude", "true")));
        assert!(!cut(third, ("app.kubernetes.io/name", "keycloak")));
    }
}
