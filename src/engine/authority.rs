//! Who may set a mode in motion, and for how long: predicates over what people wrote. The API
//! server enforces the same rules at admission; these count again, since a policy may be missing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::{Approval, Authority, BreakGlass, EmergencyModeSpec, Level, Nature, Review};

/// The longest term of a level for which the playbook names none: three days, so that a forgotten
/// emergency ends over a long weekend.
pub const DEFAULT_MAX_TERM: Duration = Duration::from_hours(72);
/// People who have to agree that a mode is given up for lost: its targets stay as they are, so no
/// single person may.
pub const ABANDON_QUORUM: usize = 2;
/// Begins the user names of service accounts, before namespace and name.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

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

/// What is to be said to whoever approves where the requester is a service account: a person should
/// answer for an emergency.
///
/// Exercises are left out: programs may hold those.
pub fn robot(spec: &EmergencyModeSpec) -> Option<String> {
    let name = &spec.requested_by;
    let is_robot = name.starts_with(SERVICE_ACCOUNT) && spec.nature == Nature::Actual;
    is_robot.then(|| {
        format!(
            "the requester is a program, {name}, and no person answers for this mode: ask who is behind \
             it before you approve"
        )
    })
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

/// The review of what was done without quorum, by somebody else than who did it, in one
/// of the groups that are above those who asked.
///
/// `known` are the playbook as it was approved and as it is now, as far as they are known.
pub fn review<'a>(spec: &'a EmergencyModeSpec, known: &[&Authority]) -> Option<&'a Review> {
    let act = spec.break_glass.as_ref()?;
    spec.reviews.iter().find(|review| {
        review.of == "breakGlass"
            && identified(&review.by, &review.as_)
            && review.by != act.by
            && above(&review.as_, known)
    })
}

/// Whether a group is among those who judge what was done without quorum and give a mode up for lost:
/// who approves or acts without quorum, not who only asks.
///
/// `known` are the playbook as it was approved and as it is now: people act by the present one, and
/// its groups may have been renamed. Where neither is known, as when the journal is damaged, there is
/// no list to hold them against.
fn above(group: &str, known: &[&Authority]) -> bool {
    let listed = |authority: &&Authority| {
        let groups = [&authority.approver_groups, &authority.break_glass_groups];
        groups.into_iter().flatten().any(|listed| listed == group)
    };
    known.is_empty() || known.iter().any(listed)
}

/// Whether a group is in any of the lists of those who carry a plan out: who declares, approves, or acts
/// without quorum. `known` is as in [`review`].
pub fn listed(group: &str, known: &[&Authority]) -> bool {
    let asks = |authority: &&Authority| {
        let groups = &authority.requester_groups;
        groups.iter().any(|listed| listed == group)
    };
    above(group, known) || known.iter().any(asks)
}

/// Where giving the mode up for lost stands: two distinct people of the groups above those who
/// asked have to say so.
pub fn abandoned(spec: &EmergencyModeSpec, known: &[&Authority]) -> Quorum {
    let mut quorum = Quorum {
        needed: ABANDON_QUORUM,
        ..Quorum::default()
    };
    for act in &spec.abandon {
        if !identified(&act.by, &act.as_) {
            quorum
                .refused
                .push((act.by.clone(), "names no person or no group"));
        } else if !above(&act.as_, known) {
            let why = "acts for a group that is in neither approverGroups nor breakGlassGroups";
            quorum.refused.push((act.by.clone(), why));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Abandonment, NameRef, PerLevel, Posture, ReviewOutcome, Term};

    const PLAN: &str = "sha256:plan";

    fn spec() -> EmergencyModeSpec {
        EmergencyModeSpec {
            playbook_ref: NameRef {
                name: "flood-response".to_owned(),
            },
            level: Level::II,
            nature: Nature::Actual,
            tabletop: false,
            posture: Posture::Wartime,
            reason: "river at the guarantee level".to_owned(),
            legal_basis: None,
            decided_by: None,
            requested_by: "duty-officer-zhou".to_owned(),
            requested_as: "emergency-duty".to_owned(),
            plan_hash: None,
            expires_after: Term("24h".to_owned()),
            parameters: std::collections::BTreeMap::new(),
            scope: None,
            paused: false,
            approvals: Vec::new(),
            answers: Vec::new(),
            verdicts: Vec::new(),
            skips: Vec::new(),
            abort: None,
            break_glass: None,
            reviews: Vec::new(),
            abandon: Vec::new(),
        }
    }

    fn authority() -> Authority {
        Authority {
            requester_groups: vec!["emergency-duty".to_owned()],
            approver_groups: vec!["emergency-approvers".to_owned()],
            quorum: Some(PerLevel {
                iv: Some(0),
                iii: Some(1),
                ..PerLevel::default()
            }),
            max_term: Some(PerLevel {
                i: None,
                ii: Some(Term("48h".to_owned())),
                iii: None,
                iv: None,
            }),
            break_glass_groups: vec!["emergency-command".to_owned()],
        }
    }

    fn approval(by: &str, group: &str, plan: &str) -> Approval {
        Approval {
            by: by.to_owned(),
            as_: group.to_owned(),
            plan_hash: plan.to_owned(),
            comment: None,
        }
    }

    fn counted(list: &[(&str, &str, &str)]) -> Quorum {
        let spec = EmergencyModeSpec {
            approvals: list
                .iter()
                .map(|(by, group, plan)| approval(by, group, plan))
                .collect(),
            ..spec()
        };
        approvals(&spec, &authority(), Level::II, PLAN)
    }

    /// The four ways in which one person's will could pass for two people's.
    #[test]
    fn only_distinct_entitled_people_on_this_plan_are_counted() {
        let group = "emergency-approvers";
        let quorum = counted(&[
            ("lin", group, PLAN),
            ("lin", group, PLAN),
            ("duty-officer-zhou", group, PLAN),
            ("wang", "platform", PLAN),
            ("he", group, "sha256:another"),
            ("", group, PLAN),
            (" ", group, PLAN),
        ]);
        assert_eq!(quorum.given, ["lin"]);
        assert!(!quorum.met());
        let reasons: Vec<_> = quorum.refused.iter().map(|(_, why)| *why).collect();
        assert_eq!(
            reasons,
            [
                "has approved this plan already",
                "is the requester",
                "approves for a group that is not among the playbook's approverGroups",
                "approves another plan",
                "names no person or no group",
                "names no person or no group",
            ]
        );
        assert_eq!(
            quorum.sentence(),
            "waiting for 1 of 2 approvals from emergency-approvers"
        );
        // Somebody in two of the groups is still one person.
        let two_groups = Authority {
            approver_groups: vec![group.into(), "mayors-office".into()],
            ..authority()
        };
        let twice = EmergencyModeSpec {
            approvals: vec![
                approval("lin", group, PLAN),
                approval("lin", "mayors-office", PLAN),
            ],
            ..spec()
        };
        let once = approvals(&twice, &two_groups, Level::II, PLAN);
        assert_eq!(once.given, ["lin"]);
        assert!(!once.met());
        let met = counted(&[("lin", group, PLAN), ("he", group, PLAN)]);
        assert!(met.met());
        assert_eq!(met.sentence(), "approved by lin, he");
    }

    /// While no plan is stored there is nothing that could be approved, whatever is written.
    #[test]
    fn no_plan_is_approved_by_an_empty_hash() {
        let spec = EmergencyModeSpec {
            approvals: vec![approval("lin", "emergency-approvers", "")],
            ..spec()
        };
        assert!(
            approvals(&spec, &authority(), Level::III, "")
                .given
                .is_empty()
        );
    }

    /// A level that the playbook leaves out needs two; a nonsensical number can never be met.
    #[test]
    fn the_quorum_is_that_of_the_level() {
        let needed = |level| approvals(&spec(), &authority(), level, PLAN).needed;
        assert_eq!(Level::ALL.map(needed), [2, 2, 1, 0], "for levels I to IV");
        let none = approvals(&spec(), &authority(), Level::IV, PLAN);
        assert!(none.met());
        assert_eq!(none.sentence(), "no approval is needed");
        let negative = Authority {
            quorum: Some(PerLevel {
                i: Some(-1),
                ..PerLevel::default()
            }),
            ..authority()
        };
        assert!(!approvals(&spec(), &negative, Level::I, PLAN).met());
        let nobody = Authority {
            approver_groups: Vec::new(),
            ..authority()
        };
        assert_eq!(
            approvals(&spec(), &nobody, Level::III, PLAN).sentence(),
            "waiting for 1 of 1 approval, but the playbook names no approverGroups"
        );
    }

    /// An emergency must end: no term beyond the playbook's, and three days where it names none.
    #[test]
    fn no_term_is_longer_than_the_playbook_allows() {
        let ask = |text: &str, level| {
            let spec = EmergencyModeSpec {
                expires_after: Term(text.to_owned()),
                ..spec()
            };
            term(&spec, &authority(), level)
        };
        assert_eq!(ask("48h", Level::II), Ok(Duration::from_hours(48)));
        assert_eq!(
            ask("48h1s", Level::II),
            Err(
                "expiresAfter 48h1s is longer than the 48h that the playbook allows at level II: \
                 ask for at most 48h, and renew before it ends"
                    .to_owned()
            )
        );
        assert_eq!(ask("72h", Level::I), Ok(DEFAULT_MAX_TERM));
        assert!(ask("73h", Level::I).is_err());
        assert!(ask("soon", Level::I).is_err());
    }

    /// Programs may hold exercises; for an emergency a person answers.
    #[test]
    fn a_program_that_asks_for_an_emergency_is_named() {
        let asked = |by: &str, nature| {
            robot(&EmergencyModeSpec {
                requested_by: by.to_owned(),
                nature,
                ..spec()
            })
        };
        let program = "system:serviceaccount:gauges:watcher";
        let said = asked(program, Nature::Actual).expect("it is said");
        assert!(said.contains(program), "{said}");
        assert_eq!(asked(program, Nature::Exercise), None);
        assert_eq!(asked("duty-officer-zhou", Nature::Actual), None);
    }

    /// RBAC is passed by wildcard roles: the playbook's lists are what holds those.
    #[test]
    fn only_listed_groups_declare_and_break_glass() {
        assert_eq!(may_declare(&spec(), &authority()), Ok(()));
        let mut other = spec();
        other.requested_as = "platform".to_owned();
        assert_eq!(
            may_declare(&other, &authority()),
            Err(
                "duty-officer-zhou acts as platform, which is not among the playbook's \
                 requesterGroups (emergency-duty): act as one of these"
                    .to_owned()
            )
        );
        other.requested_by = String::new();
        assert!(may_declare(&other, &authority()).is_err());

        let glass = |by: &str, group: &str| EmergencyModeSpec {
            break_glass: Some(BreakGlass {
                reason: "the dam".to_owned(),
                by: by.to_owned(),
                as_: group.to_owned(),
            }),
            ..spec()
        };
        assert_eq!(break_glass(&spec(), &authority()), Ok(None));
        let allowed = glass("wang", "emergency-command");
        assert!(break_glass(&allowed, &authority()).is_ok_and(|act| act.is_some()));
        assert!(break_glass(&glass("wang", "platform"), &authority()).is_err());
        assert!(break_glass(&glass("", "emergency-command"), &authority()).is_err());
        let nobody = Authority {
            break_glass_groups: Vec::new(),
            ..authority()
        };
        assert!(break_glass(&allowed, &nobody).is_err());
    }

    /// Nobody reviews themselves.
    #[test]
    fn a_review_is_by_somebody_else() {
        use super::review as review_of;
        let mut spec = spec();
        let review = |by: &str| Review {
            of: "breakGlass".to_owned(),
            outcome: ReviewOutcome::Justified,
            comment: None,
            by: by.to_owned(),
            as_: "audit".to_owned(),
        };
        spec.reviews = vec![review("wang")];
        assert_eq!(review_of(&spec, &[]), None, "there is nothing to review");
        spec.break_glass = Some(BreakGlass {
            reason: "the dam".to_owned(),
            by: "wang".to_owned(),
            as_: "emergency-command".to_owned(),
        });
        assert_eq!(review_of(&spec, &[]), None);
        spec.reviews.push(review("lin"));
        assert_eq!(
            review_of(&spec, &[]).map(|found| found.by.as_str()),
            Some("lin")
        );
    }

    /// Targets of an abandoned mode stay as they are: one person's word is not enough.
    #[test]
    fn a_mode_is_abandoned_by_two_people() {
        let mut spec = spec();
        let act = |by: &str| Abandonment {
            reason: "the cluster is lost".to_owned(),
            by: by.to_owned(),
            as_: "emergency-command".to_owned(),
        };
        spec.abandon = vec![act("wang"), act("wang"), act("")];
        assert!(!abandoned(&spec, &[]).met());
        spec.abandon.push(act("lin"));
        assert!(abandoned(&spec, &[]).met());
    }

    /// Any approvals at all, from a few people, groups and plans.
    fn any_approvals() -> impl Strategy<Value = Vec<Approval>> {
        let people = ["lin", "he", "wang", "duty-officer-zhou", "", " "];
        let groups = ["emergency-approvers", "platform", ""];
        let plans = [PLAN, "sha256:another", ""];
        let one = (
            prop::sample::select(people.to_vec()),
            prop::sample::select(groups.to_vec()),
            prop::sample::select(plans.to_vec()),
        )
            .prop_map(|(by, group, plan)| approval(by, group, plan));
        prop::collection::vec(one, 0..12)
    }

    proptest! {
        /// Nothing executes without the quorum of distinct people, none the requester, on the same
        /// plan hash (counted here another way), and nobody's further approval takes that away.
        #[test]
        fn the_quorum_is_met_by_distinct_entitled_people_only(
            first in any_approvals(), more in any_approvals(), level in 0..4_usize,
        ) {
            let level = Level::ALL[level];
            let mut spec = spec();
            spec.approvals = first;
            let quorum = approvals(&spec, &authority(), level, PLAN);
            let people: BTreeSet<_> = ["lin", "he", "wang"]
                .into_iter()
                .filter(|person| {
                    let full = approval(person, "emergency-approvers", PLAN);
                    spec.approvals.contains(&full)
                })
                .collect();
            prop_assert_eq!(quorum.met(), people.len() >= authority().quorum(level));
            prop_assert_eq!(quorum.given.len(), people.len());
            prop_assert_eq!(quorum.given.len() + quorum.refused.len(), spec.approvals.len());

            spec.approvals.extend(more);
            let later = approvals(&spec, &authority(), level, PLAN);
            prop_assert!(later.met() || !quorum.met());
            prop_assert!(later.given.starts_with(&quorum.given));
        }
    }
}
