//! Stages and steps: names, order, levels, terms.

use std::collections::BTreeSet;

use crate::api::{Level, PlaybookSpec, Stage};
use crate::playbook::numbers::percentage;
use crate::playbook::order::{Item, order};
use crate::playbook::{conditions, expand};

use super::authority::duration;
use super::{Finding, codes, names, targets};

/// The most stages of a playbook and steps of a stage, as in the API's schema.
const MOST: usize = 32;

/// Findings on everything in the stages but acts and targets.
pub fn findings(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if spec.stages.is_empty() {
        findings.push(codes::EMPTY.at("/spec/stages", "the playbook has no stage"));
    }
    if spec.stages.len() > MOST {
        findings.push(codes::TOO_MANY.at(
            "/spec/stages",
            format!(
                "{} stages, and at most {MOST} are accepted",
                spec.stages.len()
            ),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, stage) in spec.stages.iter().enumerate() {
        let at = format!("/spec/stages/{index}");
        if !seen.insert(&stage.name) {
            findings.push(codes::DUPLICATE_STAGE.at(
                format!("{at}/name"),
                format!("there are two stages `{}`", stage.name),
            ));
        }
        findings.extend(self::stage(spec, stage, &at));
        findings.extend(steps(stage, &at));
    }
    let items: Vec<Item<'_>> = spec
        .stages
        .iter()
        .map(|stage| Item {
            name: &stage.name,
            after: &stage.depends_on,
        })
        .collect();
    if let Err(names) = order(&items) {
        findings.push(expand::cycle(&items, &names, "/spec/stages", "dependsOn"));
    }
    findings.extend(levels(spec));
    findings
}

fn stage(spec: &PlaybookSpec, stage: &Stage, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(name(&stage.name, at));
    for (index, wanted) in stage.depends_on.iter().enumerate() {
        if spec.stages.iter().all(|other| &other.name != wanted) {
            findings.push(codes::UNKNOWN_STAGE.at(
                format!("{at}/dependsOn/{index}"),
                format!("there is no stage `{wanted}`"),
            ));
        }
    }
    for (index, level) in stage.levels.iter().enumerate() {
        if stage.levels[..index].contains(level) {
            findings.push(codes::LEVELS.at(
                format!("{at}/levels/{index}"),
                format!("level {level} is listed twice"),
            ));
        }
    }
    if let Some(text) = &stage.when
        && let Some(why) = conditions::wrong_when(spec, text)
    {
        findings.push(codes::CONDITION.at(format!("{at}/when"), format!("`{text}`: {why}")));
    }
    findings.extend(targets::priority(
        &stage.priority,
        &format!("{at}/priority"),
    ));
    if let Some(text) = &stage.min_success {
        let at = format!("{at}/minSuccess");
        match percentage(text) {
            None => {
                findings.push(codes::MIN_SUCCESS.at(at, format!("`{text}` is not a percentage")));
            }
            Some(0) if stage.steps.iter().all(|step| !step.critical) => {
                findings.push(codes::SLACK_SUCCESS.at(
                    at,
                    "with 0% and no critical step the stage succeeds even if every change fails",
                ));
            }
            Some(_) => {}
        }
    }
    findings
}

fn steps(stage: &Stage, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if stage.steps.is_empty() {
        findings.push(codes::EMPTY.at(
            format!("{at}/steps"),
            format!("the stage `{}` has no step", stage.name),
        ));
    }
    if stage.steps.len() > MOST {
        findings.push(codes::TOO_MANY.at(
            format!("{at}/steps"),
            format!(
                "{} steps, and at most {MOST} are accepted",
                stage.steps.len()
            ),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, step) in stage.steps.iter().enumerate() {
        let at = format!("{at}/steps/{index}");
        findings.extend(name(&step.name, &at));
        if !seen.insert(&step.name) {
            findings.push(codes::DUPLICATE_STEP.at(
                format!("{at}/name"),
                format!("the stage `{}` has two steps `{}`", stage.name, step.name),
            ));
        }
        for (place, wanted) in step.after.iter().enumerate() {
            if stage.steps.iter().all(|other| &other.name != wanted) {
                findings.push(codes::UNKNOWN_STEP.at(
                    format!("{at}/after/{place}"),
                    format!("the stage `{}` has no step `{wanted}`", stage.name),
                ));
            }
        }
        let term = step.timeout.as_ref();
        findings.extend(term.and_then(|term| duration(term, &format!("{at}/timeout"))));
    }
    let items: Vec<Item<'_>> = stage
        .steps
        .iter()
        .map(|step| Item {
            name: &step.name,
            after: &step.after,
        })
        .collect();
    if let Err(names) = order(&items) {
        findings.push(expand::cycle(
            &items,
            &names,
            &format!("{at}/steps"),
            "after",
        ));
    }
    findings
}

fn name(name: &str, at: &str) -> Option<Finding> {
    (!names::is_label(name)).then(|| {
        codes::BAD_NAME.at(
            format!("{at}/name"),
            format!("`{name}` is not a usable name"),
        )
    })
}

/// Levels at which nothing is done.
fn levels(spec: &PlaybookSpec) -> Option<Finding> {
    let idle: Vec<&str> = Level::ALL
        .into_iter()
        .filter(|level| !runs_at(spec, *level))
        .map(Level::as_str)
        .collect();
    (!idle.is_empty() && !spec.stages.is_empty()).then(|| {
        codes::NO_STAGE_AT_LEVEL.at(
            "/spec/stages",
            format!("no stage runs at level {}", idle.join(", ")),
        )
    })
}

/// Whether any stage runs at a level.
pub fn runs_at(spec: &PlaybookSpec, level: Level) -> bool {
    spec.stages
        .iter()
        .any(|stage| stage.levels.is_empty() || stage.levels.contains(&level))
}
