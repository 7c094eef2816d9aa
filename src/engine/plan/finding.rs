//! What is worth knowing of a plan, and how grave it is. The gravest of it goes into the mode's
//! status, for whoever approves.

use jiff::Timestamp;

use super::Plan;
use crate::api::{Concern, PlanFinding, PlanFindings};

/// So many findings stand in a status: what a person reads before they say yes.
const LISTED: usize = 10;
/// Characters of one in a status. A sentence that names three objects has about 200.
const LONGEST: usize = 512;

/// One thing that is worth knowing of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub concern: Concern,
    /// What, in a sentence.
    pub text: String,
}

impl Finding {
    /// Something does not come about, is lost, or cannot be undone.
    pub fn harm(text: impl Into<String>) -> Self {
        Self::new(Concern::Harm, text)
    }

    /// It may come otherwise than planned.
    pub fn risk(text: impl Into<String>) -> Self {
        Self::new(Concern::Risk, text)
    }

    /// Worth knowing.
    pub fn note(text: impl Into<String>) -> Self {
        Self::new(Concern::Note, text)
    }

    fn new(concern: Concern, text: impl Into<String>) -> Self {
        Self {
            concern,
            text: text.into(),
        }
    }
}

/// The gravest findings of a plan, and of equally grave ones the first, as a status holds them:
/// those of the plan as a whole stand before those of its steps.
pub fn worst(plan: &Plan, at: Timestamp) -> PlanFindings {
    let whole = plan.findings.iter().map(|finding| (None, finding));
    let of_steps = plan.steps().flat_map(|(stage, step)| {
        let findings = step.findings.iter();
        findings.map(move |finding| (Some((stage, step)), finding))
    });
    let mut all: Vec<_> = whole.chain(of_steps).collect();
    // Stable: what is equally grave stays in the order of the plan.
    all.sort_by_key(|(_, finding)| finding.concern);
    let left_out = all.len().saturating_sub(LISTED);
    let listed = all
        .into_iter()
        .take(LISTED)
        .map(|(at, finding)| PlanFinding {
            concern: finding.concern,
            step: at.map(|(stage, step)| format!("{}/{}", stage.name, step.name)),
            message: cut(&finding.text),
        });
    PlanFindings {
        at,
        listed: listed.collect(),
        left_out: i64::try_from(left_out).unwrap_or(i64::MAX),
    }
}

/// That nobody knows what a plan would meet, and why.
pub fn unknown(problem: &str, at: Timestamp) -> PlanFindings {
    let text = format!("what this plan would meet is not known: {problem}");
    PlanFindings {
        at,
        listed: vec![PlanFinding {
            concern: Concern::Risk,
            step: None,
            message: cut(&text),
        }],
        left_out: 0,
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::super::testing::{book, facts, plan_of, stage, workload};
    use super::*;
    use serde_json::json;

    fn plan() -> Plan {
        let book = book(&[
            stage(
                "shed",
                "",
                &[("calm", "StatefulSet", "scale: { replicas: 2 }")],
            ),
            stage(
                "surge",
                "shed",
                &[("grow", "Deployment", "scale: { replicas: 9 }")],
            ),
        ]);
        let web = workload("Deployment", "web", 2, &json!({ "cpu": "1" }));
        let facts = facts(&book, &[("surge/grow", vec![web])]);
        plan_of(&book, &facts)
    }

    /// Who reads the first lines only has read what matters most.
    #[test]
    fn the_gravest_comes_first_and_equals_stay_in_the_order_of_the_plan() {
        let mut plan = plan();
        plan.findings = vec![Finding::note("free"), Finding::harm("short")];
        plan.stages[0].steps[0].findings = vec![Finding::risk("paused"), Finding::harm("refused")];
        plan.stages[1].steps[0].findings = vec![Finding::risk("put back")];
        let PlanFindings {
            listed, left_out, ..
        } = worst(&plan, Timestamp::UNIX_EPOCH);
        let said: Vec<(Option<&str>, &str)> = listed
            .iter()
            .map(|one| (one.step.as_deref(), one.message.as_str()))
            .collect();
        let expected = [
            (None, "short"),
            (Some("shed/calm"), "refused"),
            (Some("shed/calm"), "paused"),
            (Some("surge/grow"), "put back"),
            (None, "free"),
        ];
        assert_eq!((said.as_slice(), left_out), (&expected[..], 0));
    }

    /// The object must stay small whatever a playbook does, and who reads must know that there is
    /// more.
    #[test]
    fn a_status_holds_few_and_short_ones_and_says_how_many_more_there_are() {
        let mut plan = plan();
        let long = "水".repeat(2 * LONGEST);
        plan.findings = (0..23).map(|_| Finding::risk(&long)).collect();
        let PlanFindings {
            listed, left_out, ..
        } = worst(&plan, Timestamp::UNIX_EPOCH);
        assert_eq!((listed.len(), left_out), (LISTED, 13));
        let lengths = listed.iter().map(|one| one.message.chars().count());
        assert_eq!(lengths.max(), Some(LONGEST));
        assert!(listed[0].message.ends_with("水…"));
    }

    /// A stage that is not part of the plan harms nobody.
    #[test]
    fn what_is_left_out_says_nothing() {
        let mut plan = plan();
        plan.stages[0].steps[0].findings = vec![Finding::harm("refused")];
        plan.stages[0].left_out = Some("it runs at level I".into());
        assert_eq!(worst(&plan, Timestamp::UNIX_EPOCH).listed, []);
    }
}
