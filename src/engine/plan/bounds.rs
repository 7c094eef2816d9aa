//! What a record of the journal can hold, said while the plan is made rather than found out in the
//! switch.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{Image, Uid};
use crate::ledger::record::{BYTES, GROUP, INTENT_BYTES, VALUE};

use super::{Change, Finding, PlannedStage, PlannedStep, describe};

/// Says which objects' changes are more than one record holds, and which values are longer than the
/// journal keeps.
pub(super) fn hold(stage: &mut PlannedStage) {
    let mut counted: BTreeMap<Uid, (usize, usize)> = BTreeMap::new();
    let mut said = BTreeSet::new();
    for step in &mut stage.steps {
        too_long(step);
        for change in &step.changes {
            let (changes, bytes) = counted.entry(change.target.uid.clone()).or_default();
            *changes += 1;
            *bytes += size(change);
        }
        for change in &step.changes {
            let uid = &change.target.uid;
            let now = counted.get(uid).copied().unwrap_or_default();
            if (now.0 > GROUP || now.1 > BYTES) && said.insert(uid.clone()) {
                step.findings.push(Finding::note(many(change, now)));
            }
        }
    }
}

fn many(change: &Change, (changes, bytes): (usize, usize)) -> String {
    format!(
        "{}: {changes} changes of about {} KiB are more than one record of the journal holds ({GROUP} \
         changes, {} KiB), so they are written in several requests, one after the other: to have \
         them in one, change the field above them as one value",
        describe(&change.target),
        bytes.div_ceil(1024),
        BYTES / 1024,
    )
}

/// Values that the journal cannot keep whole are never written: nothing could bring them back.
fn too_long(step: &mut PlannedStep) {
    for change in &step.changes {
        let longest = change.base.characters().max(change.after.characters());
        if longest > VALUE {
            step.faults.push(format!(
                "{}: a value of `{}` is {longest} characters long, and the journal keeps at most \
                 {VALUE} of a value: change smaller parts of it, or leave it out",
                describe(&change.target),
                change.path.to_pointer(),
            ));
        }
    }
}

/// What a change takes in a record, about: what is replaced is the base as a rule.
fn size(change: &Change) -> usize {
    let text = |image: &Image| image.to_text().map_or(0, |text| text.len());
    INTENT_BYTES + 2 * text(&change.base) + text(&change.after)
}

#[cfg(test)]
mod tests {
    use crate::field::Identity;
    use serde_json::json;

    use super::super::{Intent, PlannedStage};
    use super::*;
    use crate::api::{DriftActive, DriftRestore, NewTargets, OnFailure};
    use crate::engine::scheduler::Class;
    use crate::field::{Path, Target};
    use crate::step::Rule;

    fn change(key: usize, base: &str) -> Change {
        Change {
            target: Target::from(Identity {
                kind: "ConfigMap".into(),
                namespace: "portal".into(),
                name: "flags".into(),
                uid: "u".into(),
                ..Identity::default()
            }),
            path: Path::fields(["data", &format!("k{key}")]),
            base: Image::Present(json!(base)),
            after: Image::Present(json!("off")),
            why: String::new(),
            wave: 0,
            class: Class::REST,
            intent: Intent::Other,
            rule: Rule::Fixed,
        }
    }

    fn stage(steps: Vec<Vec<Change>>) -> PlannedStage {
        let step = |changes| PlannedStep {
            name: "s".into(),
            act: "config".into(),
            after: Vec::new(),
            timeout_seconds: 1,
            critical: false,
            drift_active: DriftActive::Reassert,
            drift_restore: DriftRestore::Hold,
            new_targets: NewTargets::Report,
            changes,
            skipped: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
            faults: Vec::new(),
        };
        let mut stage = PlannedStage {
            name: "shed".into(),
            depends_on: Vec::new(),
            left_out: None,
            on_failure: OnFailure::Halt,
            min_success: 100,
            steps: steps.into_iter().map(step).collect(),
        };
        hold(&mut stage);
        stage
    }

    /// Who expects one write and sees three must find the reason in the plan that they approved.
    #[test]
    fn an_object_with_more_changes_than_a_record_holds_is_named_once() {
        let few = |from: usize, to: usize| (from..to).map(|key| change(key, "on")).collect();
        let fits = stage(vec![few(0, 200)]);
        assert!(fits.steps[0].findings.is_empty());
        let many = stage(vec![few(0, 200), few(200, 300), few(300, 310)]);
        let said: Vec<&Finding> = many.steps.iter().flat_map(|step| &step.findings).collect();
        assert_eq!(said, [&many.steps[1].findings[0]]);
        insta::assert_snapshot!(said[0].text);
    }

    /// What the journal cannot keep could never be brought back.
    #[test]
    fn a_value_that_the_journal_cannot_keep_is_a_fault() {
        let long = stage(vec![vec![change(0, &"x".repeat(VALUE))]]);
        insta::assert_snapshot!(long.steps[0].faults.join("\n"));
        let fits = stage(vec![vec![change(0, &"x".repeat(VALUE - 2))]]);
        assert!(fits.steps[0].faults.is_empty());
    }
}
