//! Findings on a mode, with its playbook where it is known.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::{EmergencyModeSpec, PlaybookSpec, VerdictOf};
use crate::playbook::parameters;

use super::authority::duration;
use super::structure::runs_at;
use super::{Finding, codes, names};

/// The longest term of a level where the playbook does not say: three days, after which somebody
/// must say again that it is still an emergency.
pub const DEFAULT_MAX_TERM: Duration = Duration::from_hours(72);

/// Judges a mode; what depends on the playbook only where it is given.
pub fn mode(spec: &EmergencyModeSpec, playbook: Option<&PlaybookSpec>) -> Vec<Finding> {
    let mut findings = alone(spec);
    findings.extend(people(spec));
    findings.extend(verdicts(spec));
    if let Some(playbook) = playbook {
        findings.extend(against(spec, playbook));
        findings.extend(groups(spec, playbook));
        findings.extend(places(spec, playbook));
    }
    findings
}

fn alone(spec: &EmergencyModeSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !names::is_subdomain(&spec.playbook_ref.name) {
        findings.push(codes::NO_NAME.at(
            "/spec/playbookRef/name",
            format!("`{}` cannot be a playbook's name", spec.playbook_ref.name),
        ));
    }
    if spec.reason.trim().is_empty() {
        findings.push(codes::REASON.at("/spec/reason", "`reason` is empty"));
    }
    for (text, field) in [
        (&spec.requested_by, "requestedBy"),
        (&spec.requested_as, "requestedAs"),
    ] {
        if text.trim().is_empty() {
            findings
                .push(codes::IDENTITY.at(format!("/spec/{field}"), format!("`{field}` is empty")));
        }
    }
    findings.extend(duration(&spec.expires_after, "/spec/expiresAfter"));
    if let Some(hash) = &spec.plan_hash {
        findings.extend(plan_hash(hash, "/spec/planHash"));
    }
    findings
}

fn plan_hash(hash: &str, at: &str) -> Option<Finding> {
    let digits = hash.strip_prefix("sha256:").unwrap_or_default();
    let plain = digits.len() == 64
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (!plain).then(|| codes::PLAN_HASH.at(at, format!("`{hash}` is not a plan hash")))
}

/// Approvals and reviews: by whom, of what.
fn people(spec: &EmergencyModeSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, approval) in spec.approvals.iter().enumerate() {
        let at = format!("/spec/approvals/{index}");
        if approval.by == spec.requested_by {
            findings.push(codes::OWN_APPROVAL.at(
                format!("{at}/by"),
                format!("`{}` declared this and cannot approve it", approval.by),
            ));
        }
        if !seen.insert((&approval.by, &approval.plan_hash)) {
            findings.push(codes::APPROVED_TWICE.at(
                format!("{at}/by"),
                format!("`{}` has approved this plan before", approval.by),
            ));
        }
        findings.extend(plan_hash(&approval.plan_hash, &format!("{at}/planHash")));
    }
    for (index, review) in spec.reviews.iter().enumerate() {
        let acted = spec.break_glass.as_ref().map(|glass| &glass.by);
        if acted == Some(&review.by) {
            findings.push(codes::OWN_REVIEW.at(
                format!("/spec/reviews/{index}/by"),
                format!("`{}` acted without quorum and cannot review it", review.by),
            ));
        }
    }
    findings
}

fn verdicts(spec: &EmergencyModeSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, verdict) in spec.verdicts.iter().enumerate() {
        let VerdictOf {
            uid,
            path,
            step,
            all,
        } = &verdict.of;
        let one = uid.is_some() && path.is_some();
        let ways = [one, step.is_some(), *all == Some(true)];
        let at = format!("/spec/verdicts/{index}");
        if ways.iter().filter(|way| **way).count() != 1 || uid.is_some() != path.is_some() {
            findings.push(codes::VERDICT.at(
                format!("{at}/of"),
                "`of` is either uid and path, or step, or all: true",
            ));
        } else if one && verdict.seen.is_none() {
            findings.push(codes::VERDICT.at(
                at,
                "a verdict on one field says which value it saw, in `seen`",
            ));
        }
    }
    findings
}

fn against(spec: &EmergencyModeSpec, playbook: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = parameters::resolve(&playbook.parameters, &spec.parameters)
        .err()
        .unwrap_or_default();
    let terms = playbook.authority.max_term.as_ref();
    let most = match terms.and_then(|terms| terms.get(spec.level)) {
        Some(term) => term.to_duration().ok().map(|most| (most, term.0.clone())),
        None => Some((DEFAULT_MAX_TERM, "72h".to_owned())),
    };
    if let (Ok(term), Some((most, text))) = (spec.expires_after.to_duration(), most)
        && term > most
    {
        findings.push(codes::TERM_TOO_LONG.at(
            "/spec/expiresAfter",
            format!(
                "{} is longer than {text}, the longest term of level {}",
                spec.expires_after.0, spec.level
            ),
        ));
    }
    if !runs_at(playbook, spec.level) {
        findings.push(codes::NOTHING_AT_LEVEL.at(
            "/spec/level",
            format!("no stage of the playbook runs at level {}", spec.level),
        ));
    }
    findings
}

fn groups(spec: &EmergencyModeSpec, playbook: &PlaybookSpec) -> Vec<Finding> {
    let authority = &playbook.authority;
    let mut findings = Vec::new();
    let list = |groups: &[String]| {
        if groups.is_empty() {
            "none is named".to_owned()
        } else {
            groups.join(", ")
        }
    };
    let mut requesters = authority.requester_groups.clone();
    if spec.break_glass.is_some() {
        requesters.extend(authority.break_glass_groups.iter().cloned());
    }
    if !requesters.contains(&spec.requested_as) {
        findings.push(codes::NOT_A_REQUESTER.at(
            "/spec/requestedAs",
            format!(
                "`{}` may not declare: {}",
                spec.requested_as,
                list(&requesters)
            ),
        ));
    }
    for (index, approval) in spec.approvals.iter().enumerate() {
        if !authority.approver_groups.contains(&approval.as_) {
            findings.push(codes::NOT_AN_APPROVER.at(
                format!("/spec/approvals/{index}/as"),
                format!(
                    "`{}` may not approve: {}",
                    approval.as_,
                    list(&authority.approver_groups)
                ),
            ));
        }
    }
    if let Some(glass) = &spec.break_glass
        && !authority.break_glass_groups.contains(&glass.as_)
    {
        findings.push(codes::NOT_BREAK_GLASS.at(
            "/spec/breakGlass/as",
            format!(
                "`{}` may not act without quorum: {}",
                glass.as_,
                list(&authority.break_glass_groups)
            ),
        ));
    }
    findings
}

/// Acts of people on stages and steps that must be there.
fn places(spec: &EmergencyModeSpec, playbook: &PlaybookSpec) -> Vec<Finding> {
    let there = |stage: &str, step: &str| {
        playbook
            .stages
            .iter()
            .filter(|known| known.name == stage)
            .any(|known| known.steps.iter().any(|known| known.name == step))
    };
    let skips = spec
        .skips
        .iter()
        .enumerate()
        .map(|(index, skip)| (format!("/spec/skips/{index}/step"), &skip.stage, &skip.step));
    let answers = spec.answers.iter().enumerate().map(|(index, answer)| {
        (
            format!("/spec/answers/{index}/step"),
            &answer.stage,
            &answer.step,
        )
    });
    skips
        .chain(answers)
        .filter(|(_, stage, step)| !there(stage, step))
        .map(|(at, stage, step)| {
            codes::ACT_ON_NOTHING.at(at, format!("the playbook has no step `{stage}/{step}`"))
        })
        .collect()
}
