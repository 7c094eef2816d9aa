//! Who may set a mode in motion, and for how long: predicates over what people wrote. The API
//! server enforces the same rules at admission; these count again, since a policy may be missing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::{Approval, Authority, BreakGlass, EmergencyModeSpec, Level};

/// The longest term of a level for which the playbook names none: three days, so that a forgotten
/// emergency ends over a long weekend.
pub const DEFAULT_MAX_TERM: Duration = Duration::from_hours(72);
/// People who have to agree that a mode is given up for lost: its targets stay as they are, so no
/// single person may.
pub const ABANDON_QUORUM: usize = 2;

/// Where the approvals of one plan stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    /// How many distinct people are needed.
    pub needed: usize,
    /// The distinct people who approved, in the order in which they did.
    pub given: Vec<String>,
    /// Approvals that do not count: by whom, and why.
    pub refused: Vec<(String, &'static str)>,
    /// The groups whose people are waited for.
    pub groups: Vec<String>,
}

impl Quorum {
    /// Whether enough people approved.
    pub fn met(&self) -> bool {
        self.given.len() >= self.needed
    }

    /// Where it stands, in a sentence: `waiting for 1 of 2 approvals from emergency-approvers`.
    pub fn sentence(&self) -> String {
        let Self {
            needed,
            given,
            refused: _,
            groups,
        } = self;
        if *needed == 0 {
            return "no approval is needed".to_owned();
        }
        if self.met() {
            return format!("approved by {}", given.join(", "));
        }
        let missing = needed - given.len();
        let noun = if *needed == 1 {
            "approval"
        } else {
            "approvals"
        };
        if groups.is_empty() {
            return format!(
                "waiting for {missing} of {needed} {noun}, but the playbook names no approverGroups"
            );
        }
        format!(
            "waiting for {missing} of {needed} {noun} from {}",
            groups.join(" or ")
        )
    }
}

/// Counts the approvals of one plan at one level.
///
/// Guarantees: counted are distinct people, in one of the playbook's approver groups, none of them
/// the requester (who declared, or who last changed level or term), who approved this very hash.
/// What is not counted is listed with the reason. More approvals never make it less.
pub fn approvals(
    spec: &EmergencyModeSpec,
    authority: &Authority,
    level: Level,
    plan_hash: &str,
) -> Quorum {
    let mut quorum = Quorum {
        needed: authority.quorum(level),
        groups: authority.approver_groups.clone(),
        ..Quorum::default()
    };
    let mut people = BTreeSet::new();
    for approval in &spec.approvals {
        let by = approval.by.as_str();
        match objection(approval, spec, authority, plan_hash) {
            Some(why) => quorum.refused.push((by.to_owned(), why)),
            None if !people.insert(by) => quorum
                .refused
                .push((by.to_owned(), "has approved this plan already")),
            None => quorum.given.push(by.to_owned()),
        }
    }
    quorum
}

/// Why an approval does not count, if so.
fn objection(
    approval: &Approval,
    spec: &EmergencyModeSpec,
    authority: &Authority,
    plan_hash: &str,
) -> Option<&'static str> {
    let Approval {
        by,
        as_,
        plan_hash: approved,
        comment: _,
    } = approval;
    if !identified(by, as_) {
        return Some("names no person or no group");
    }
    if *by == spec.requested_by {
        return Some("is the requester");
    }
    if !authority.approver_groups.contains(as_) {
        return Some("approves for a group that is not among the playbook's approverGroups");
    }
    // An empty hash is that of no plan, even where there is no plan yet.
    if plan_hash.is_empty() || approved != plan_hash {
        return Some("approves another plan");
    }
    None
}

/// Whether an act names a person and a group. An empty identity is nobody.
pub fn identified(by: &str, group: &str) -> bool {
    !by.trim().is_empty() && !group.trim().is_empty()
}

/// How long a mode lasts from its activation.
///
/// # Errors
/// A sentence that says what to do, where the term is no duration or longer than the playbook
/// allows at this level.
pub fn term(
    spec: &EmergencyModeSpec,
    authority: &Authority,
    level: Level,
) -> Result<Duration, String> {
    let asked = spec
        .expires_after
        .to_duration()
        .map_err(|problem| format!("expiresAfter: {problem}"))?;
    let longest = authority
        .max_term
        .as_ref()
        .and_then(|terms| terms.get(level));
    let (longest, text) = match longest {
        Some(term) => {
            let longest = term
                .to_duration()
                .map_err(|problem| format!("the playbook's maxTerm of level {level}: {problem}"))?;
            (longest, term.0.as_str())
        }
        None => (DEFAULT_MAX_TERM, "72h"),
    };
    if asked > longest {
        return Err(format!(
            "expiresAfter {} is longer than the {text} that the playbook allows at level {level}: \
             ask for at most {text}, and renew before it ends",
            spec.expires_after.0
        ));
    }
    Ok(asked)
}

/// Whether the requester may declare a mode of this playbook.
///
/// # Errors
/// A sentence that says who may.
pub fn may_declare(spec: &EmergencyModeSpec, authority: &Authority) -> Result<(), String> {
    let EmergencyModeSpec {
        requested_by,
        requested_as,
        ..
    } = spec;
    if !identified(requested_by, requested_as) {
        return Err(
            "requestedBy and requestedAs must name a person and one of their groups".into(),
        );
    }
    member(
        requested_by,
        requested_as,
        &authority.requester_groups,
        "requesterGroups",
    )
}

/// The act without quorum, where there is one and the playbook allows it.
///
/// # Errors
/// A sentence that says who may, where there is one that does not count.
pub fn break_glass<'a>(
    spec: &'a EmergencyModeSpec,
    authority: &Authority,
) -> Result<Option<&'a BreakGlass>, String> {
    let Some(act) = &spec.break_glass else {
        return Ok(None);
    };
    if !identified(&act.by, &act.as_) {
        return Err("breakGlass must name a person and one of their groups".into());
    }
    member(
        &act.by,
        &act.as_,
        &authority.break_glass_groups,
        "breakGlassGroups",
    )?;
    Ok(Some(act))
}

/// Whether what was done without quorum has been reviewed, by somebody else than who did it.
pub fn reviewed(spec: &EmergencyModeSpec) -> bool {
    spec.break_glass.as_ref().is_some_and(|act| {
        spec.reviews.iter().any(|review| {
            review.of == "breakGlass" && identified(&review.by, &review.as_) && review.by != act.by
        })
    })
}

/// Where giving the mode up for lost stands: two distinct people have to say so.
pub fn abandoned(spec: &EmergencyModeSpec) -> Quorum {
    let mut quorum = Quorum {
        needed: ABANDON_QUORUM,
        ..Quorum::default()
    };
    for act in &spec.abandon {
        if !identified(&act.by, &act.as_) {
            quorum
                .refused
                .push((act.by.clone(), "names no person or no group"));
        } else if quorum.given.contains(&act.by) {
            quorum.refused.push((act.by.clone(), "has said so already"));
        } else {
            quorum.given.push(act.by.clone());
        }
    }
    quorum
}

fn member(by: &str, group: &str, groups: &[String], list: &str) -> Result<(), String> {
    if groups.iter().any(|listed| listed == group) {
        return Ok(());
    }
    Err(format!(
        "{by} acts as {group}, which is not among the playbook's {list} ({}): act as one of these",
        if groups.is_empty() {
            "it names none".to_owned()
        } else {
            groups.join(", ")
        }
    ))
}
