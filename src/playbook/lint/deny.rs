//! `newTargets: Deny`: whether the API server can judge what is to be refused.

use crate::api::{Act, NewTargets, PlaybookSpec, Step, Targets};
use crate::playbook::denied;

use super::{Finding, codes};

/// Findings on every step whose new objects are to be refused.
pub fn findings(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut denying = 0;
    for (at, stage) in spec.stages.iter().enumerate() {
        for (place, step) in stage.steps.iter().enumerate() {
            let pointer = format!("/spec/stages/{at}/steps/{place}");
            let wanted = step.new_targets.or(spec.new_targets);
            let acts = step.acts();
            let ([act], Some(NewTargets::Deny)) = (acts.as_slice(), wanted) else {
                continue;
            };
            findings.extend(of_step(step, act, &pointer));
            if !denied::selects(act) {
                continue;
            }
            denying += 1;
            if denying == denied::MOST + 1 {
                findings.push(codes::TOO_MANY.at(
                    pointer,
                    format!(
                        "it is step {denying} with `newTargets: Deny`, and at most {} are accepted",
                        denied::MOST
                    ),
                ));
            }
        }
    }
    findings
}

fn of_step(step: &Step, act: &Act<'_>, at: &str) -> Vec<Finding> {
    if !denied::selects(act) {
        // The playbook's own word is for the steps that select something.
        let needless = step.new_targets.is_some();
        return Vec::from_iter(needless.then(|| {
            codes::DENY_UNJUDGED.at(
                format!("{at}/newTargets"),
                format!(
                    "`{}` changes no objects that it selects, so there is nothing to refuse",
                    act.word()
                ),
            )
        }));
    }
    let targets = step.targets.iter();
    targets
        .flat_map(|targets| of_targets(targets, at))
        .collect()
}

fn of_targets(targets: &Targets, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, kind) in targets.kinds.iter().enumerate() {
        // A kind that nobody knows is said already.
        if kind.contains('/') && !denied::is_judged(&denied::qualified(kind)) {
            findings.push(codes::DENY_UNJUDGED.at(
                format!("{at}/targets/kinds/{index}"),
                format!("the creation of {kind} is never refused (newTargets: Deny)"),
            ));
        }
    }
    if targets.condition.is_some() {
        findings.push(codes::DENY_UNJUDGED.at(
            format!("{at}/targets/where"),
            "`where` is judged by the operator, and creations are refused by the API server \
             (newTargets: Deny)",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn playbook(steps: usize) -> PlaybookSpec {
        let step = |at: usize| {
            json!({ "name": format!("s{at}"), "scale": { "percent": 50 },
                "targets": { "kinds": ["Deployment"], "names": ["a"] } })
        };
        let stages = (0..steps).collect::<Vec<_>>();
        let stages = stages.chunks(30).enumerate().map(|(at, places)| {
            let steps: Vec<_> = places.iter().map(|place| step(*place)).collect();
            json!({ "name": format!("stage{at}"), "steps": steps })
        });
        let book = json!({
            "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x",
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
            "serviceAccountName": "x", "newTargets": "Deny", "stages": stages.collect::<Vec<_>>(),
        });
        serde_json::from_value(book).expect("a playbook")
    }

    /// A rule that does not fit into the status would be left out, and nobody would know.
    #[test]
    fn more_steps_than_a_status_holds_are_refused() {
        assert_eq!(findings(&playbook(denied::MOST)), []);
        let found = findings(&playbook(denied::MOST + 3));
        let at: Vec<(&str, &str)> = found
            .iter()
            .map(|one| (one.code, one.at.as_str()))
            .collect();
        assert_eq!(at, [(codes::TOO_MANY.code, "/spec/stages/2/steps/4")]);
    }
}
