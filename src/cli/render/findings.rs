//! What is worth knowing of a plan that waits for approval, as status has it.

use crate::api::{Concern, EmergencyMode, Phase, PlanFindings};
use crate::i18n::Lang;
use crate::t;

use super::View;

/// What was found of the plan that waits for somebody's approval: of the proposal, where there is one.
/// Where nobody has looked yet it says so: silence would read as nothing found. Empty where nothing
/// waits, or nothing was found.
pub fn waiting(view: &View, mode: &EmergencyMode) -> String {
    match of_waiting(mode) {
        Some(Some(found)) => text(view, found),
        Some(None) => t!(view.lang, "findings-unseen"),
        None => String::new(),
    }
}

/// Whether a plan waits for approval of which the operator has not said yet what it would meet.
pub fn are_unseen(mode: &EmergencyMode) -> bool {
    of_waiting(mode).is_some_and(Option::is_none)
}

/// What was found of the plan that waits, if one waits.
fn of_waiting(mode: &EmergencyMode) -> Option<&Option<PlanFindings>> {
    let status = mode.status.as_ref()?;
    let plan = status.plan.as_ref();
    let plan = plan.filter(|_| status.phase == Some(Phase::Pending) && status.granted.is_none());
    let proposed = status.proposed.as_ref();
    let proposed = proposed.filter(|_| status.phase != Some(Phase::Closed));
    match (proposed, plan) {
        (Some(proposed), _) => Some(&proposed.findings),
        (None, Some(plan)) => Some(&plan.findings),
        (None, None) => None,
    }
}

fn text(view: &View, found: &PlanFindings) -> String {
    let lang = view.lang;
    if found.listed.is_empty() {
        return String::new();
    }
    let mut lines = vec![t!(lang, "findings-head", at = view.time(found.at))];
    lines.extend(found.listed.iter().map(|finding| {
        let concern = word(lang, finding.concern);
        let text = finding.message.clone();
        match &finding.step {
            Some(step) => t!(
                lang,
                "findings-of-step",
                concern = concern,
                step = step.clone(),
                text = text
            ),
            None => t!(lang, "findings-of-plan", concern = concern, text = text),
        }
    }));
    if found.left_out > 0 {
        lines.push(t!(lang, "findings-more", n = found.left_out));
    }
    lines.join("\n")
}

fn word(lang: Lang, concern: Concern) -> String {
    match concern {
        Concern::Harm => t!(lang, "concern-harm"),
        Concern::Risk => t!(lang, "concern-risk"),
        Concern::Note => t!(lang, "concern-note"),
    }
}
