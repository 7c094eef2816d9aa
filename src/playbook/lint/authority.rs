//! Who may do it, for how long, under which account.

use crate::api::{Level, PlaybookSpec, Term, names::EVERYBODY};

use super::{Finding, codes, names};

/// The largest quorum: more people than that cannot be reached in an emergency.
const MOST_APPROVERS: i32 = 8;

/// Findings on everything before the stages.
pub fn findings(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = title(spec);
    findings.extend(groups(spec));
    findings.extend(quorum(spec));
    if let Some(terms) = &spec.authority.max_term {
        for level in Level::ALL {
            let at = format!("/spec/authority/maxTerm/{level}");
            findings.extend(terms.get(level).and_then(|term| duration(term, &at)));
        }
    }
    if !names::is_subdomain(&spec.service_account_name) {
        findings.push(codes::ACCOUNT.at(
            "/spec/serviceAccountName",
            format!(
                "`{}` cannot be a service account's name",
                spec.service_account_name
            ),
        ));
    }
    if let Some(objective) = &spec.objective {
        let terms = [
            (&objective.switch_within, "switchWithin"),
            (&objective.restore_within, "restoreWithin"),
        ];
        for (term, field) in terms {
            let at = format!("/spec/objective/{field}");
            findings.extend(term.as_ref().and_then(|term| duration(term, &at)));
        }
    }
    findings
}

/// The finding on a duration, if it is none.
pub fn duration(term: &Term, at: &str) -> Option<Finding> {
    term.to_duration().is_err().then(|| {
        let message = format!("`{}` is not a duration longer than zero", term.0);
        codes::DURATION.at(at, message)
    })
}

fn title(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if spec.title.en.is_none() || spec.title.zh_cn.is_none() {
        let missing = match (&spec.title.en, &spec.title.zh_cn) {
            (None, None) => "any language",
            (None, Some(_)) => "English",
            (Some(_), _) => "Chinese",
        };
        findings.push(codes::TITLE.at("/spec/title", format!("there is no title in {missing}")));
    }
    for (text, field) in [(&spec.hazard, "hazard"), (&spec.owner, "owner")] {
        if text.trim().is_empty() {
            findings.push(
                codes::WRONG_TYPE.at(format!("/spec/{field}"), format!("`{field}` is empty")),
            );
        }
    }
    findings
}

fn groups(spec: &PlaybookSpec) -> Vec<Finding> {
    let authority = &spec.authority;
    let lists = [
        (&authority.requester_groups, "requesterGroups"),
        (&authority.approver_groups, "approverGroups"),
        (&authority.break_glass_groups, "breakGlassGroups"),
    ];
    let mut findings = Vec::new();
    if authority.requester_groups.is_empty() {
        findings.push(codes::NO_REQUESTERS.at(
            "/spec/authority/requesterGroups",
            "no group may declare this playbook",
        ));
    }
    for (list, field) in lists {
        for (index, group) in list.iter().enumerate() {
            let at = format!("/spec/authority/{field}/{index}");
            if group.trim().is_empty() {
                findings.push(codes::IDENTITY.at(at, "a group has an empty name"));
            } else if EVERYBODY.contains(&group.as_str()) {
                findings.push(codes::EVERYBODY.at(at, format!("everybody is in `{group}`")));
            }
        }
    }
    findings
}

fn quorum(spec: &PlaybookSpec) -> Vec<Finding> {
    let authority = &spec.authority;
    let mut findings = Vec::new();
    for level in Level::ALL {
        let given = authority
            .quorum
            .as_ref()
            .and_then(|q| q.get(level).copied());
        if let Some(number) = given
            && !(0..=MOST_APPROVERS).contains(&number)
        {
            findings.push(codes::QUORUM.at(
                format!("/spec/authority/quorum/{level}"),
                format!("{number} is not a quorum from 0 to {MOST_APPROVERS}"),
            ));
        }
    }
    let needy: Vec<&str> = Level::ALL
        .into_iter()
        .filter(|level| (1..usize::MAX).contains(&authority.quorum(*level)))
        .map(Level::as_str)
        .collect();
    if authority.approver_groups.is_empty() && !needy.is_empty() {
        findings.push(codes::NO_APPROVERS.at(
            "/spec/authority",
            format!(
                "level {} needs approvals, and there are no approverGroups",
                needy.join(", ")
            ),
        ));
    }
    findings
}
