//! Whether a playbook would work now: what its status says, from lint, from its account and the rights
//! of that, and from the modes that carry it out.

use jiff::Timestamp;

use super::plan::{Finding, few};
use crate::api::condition::{self, types};
use crate::api::{
    Concern, Condition, ParameterType, PlaybookFinding, PlaybookSpec, PlaybookStatus, PlaybookUse,
    Scalar,
};
use crate::playbook::Severity;
use crate::playbook::lint;

use std::collections::BTreeMap;
use std::time::Duration;

/// So many findings stand in a status, and so many modes.
const LISTED: usize = 20;
const USES: usize = 50;
/// Characters of a finding in a status, and of a condition's message.
const LONGEST: usize = 512;

/// Why a playbook is ready, or not: people alert on these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It would work, as far as can be known.
    Ready,
    /// It is refused as it is written.
    Invalid,
    /// Its account is not there.
    AccountMissing,
    /// Its account lacks rights.
    RightsMissing,
    /// It could not be found out.
    NotChecked,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ready,
        Self::Invalid,
        Self::AccountMissing,
        Self::RightsMissing,
        Self::NotChecked,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Invalid => "Invalid",
            Self::AccountMissing => "AccountMissing",
            Self::RightsMissing => "RightsMissing",
            Self::NotChecked => "NotChecked",
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Ready => "True",
            Self::Invalid | Self::AccountMissing | Self::RightsMissing => "False",
            Self::NotChecked => "Unknown",
        }
    }
}

/// What was found of a playbook in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Whether its account is there; nothing where that could not be seen.
    pub account: Option<bool>,
    /// How many rights it needs.
    pub rights: usize,
    /// What is to be said of rights that are missing, and of others.
    pub findings: Vec<Finding>,
    /// Why it is not known, if so.
    pub problem: Option<String>,
}

/// What is said of a playbook.
///
/// `before` is what was said last: the condition's time and the generations of copies come from there.
pub fn status(
    generation: i64,
    spec: &PlaybookSpec,
    looked: &Looked,
    in_use: Vec<PlaybookUse>,
    before: Option<&PlaybookStatus>,
    now: Timestamp,
) -> PlaybookStatus {
    let (errors, others) = linted(spec);
    let (reason, message) = verdict(spec, looked, &errors);
    let in_use = uses(generation, in_use, before);
    let mut findings = errors;
    findings.extend(pinned(generation, &in_use));
    findings.extend(looked.findings.iter().cloned());
    findings.extend(others);
    findings.sort_by_key(|finding| finding.concern);
    let left_out = findings.len().saturating_sub(LISTED);
    let listed = findings.into_iter().take(LISTED);
    let mut conditions = before.map(|old| old.conditions.clone()).unwrap_or_default();
    let new = Condition {
        type_: types::READY.into(),
        status: reason.status().into(),
        reason: reason.word().into(),
        message: cut(&message),
        last_transition_time: now,
        observed_generation: generation,
    };
    condition::set(&mut conditions, new);
    PlaybookStatus {
        observed_generation: generation,
        conditions,
        last_checked: Some(now),
        findings: listed
            .map(|finding| PlaybookFinding {
                concern: finding.concern,
                message: cut(&finding.text),
            })
            .collect(),
        left_out: i64::try_from(left_out).unwrap_or(i64::MAX),
        in_use,
    }
}

/// For how long what a status says need not be looked at again, though whoever leads now never looked: it
/// is Ready, of this generation and of the modes that carry it out, and not as old as the time between looks.
/// A takeover in an emergency would else begin with some thousand requests about all playbooks.
pub fn stands(
    status: &PlaybookStatus,
    generation: i64,
    in_use: &[PlaybookUse],
    every: Duration,
    now: Timestamp,
) -> Option<Duration> {
    let age = now.duration_since(status.last_checked?);
    let age = Duration::try_from(age).ok()?;
    let is_same = status.observed_generation == generation
        && condition::is_true(&status.conditions, types::READY)
        && uses(generation, in_use.to_vec(), Some(status)) == status.in_use;
    every.checked_sub(age).filter(|_| is_same)
}

/// What is said of a playbook that cannot be read.
pub fn malformed(problem: &str, now: Timestamp) -> PlaybookStatus {
    let text = format!("it cannot be read: {problem}; `pingzhan lint` says where");
    unread(Reason::Invalid, &text, now)
}

/// What is said of a playbook at which the program itself failed.
pub fn failed(now: Timestamp) -> PlaybookStatus {
    let text = "pingzhan failed at this playbook, and leaves it alone: the operator's log says where; \
                report it, and do not rely on the playbook before";
    unread(Reason::NotChecked, text, now)
}

fn unread(reason: Reason, text: &str, now: Timestamp) -> PlaybookStatus {
    PlaybookStatus {
        conditions: vec![Condition {
            type_: types::READY.into(),
            status: reason.status().into(),
            reason: reason.word().into(),
            message: cut(text),
            last_transition_time: now,
            observed_generation: 0,
        }],
        last_checked: Some(now),
        ..PlaybookStatus::default()
    }
}

/// What lint says: errors, and the rest.
fn linted(spec: &PlaybookSpec) -> (Vec<Finding>, Vec<Finding>) {
    let found = lint::playbook(spec).into_iter().map(|found| {
        let text = format!("{} {}: {}", found.code, found.at, found.message);
        match found.severity {
            Severity::Error => Finding::harm(text),
            Severity::Warning => Finding::risk(text),
            Severity::Note => Finding::note(text),
        }
    });
    found.partition(|finding| finding.concern == Concern::Harm)
}

fn verdict(spec: &PlaybookSpec, looked: &Looked, errors: &[Finding]) -> (Reason, String) {
    let account = &spec.service_account_name;
    if let Some(first) = errors.first() {
        let more = match errors.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        return (
            Reason::Invalid,
            format!("it would be refused: {}{more}", first.text),
        );
    }
    if looked.account == Some(false) {
        let text = format!(
            "there is no service account {account}: `pingzhan rbac generate` makes it with its rights"
        );
        return (Reason::AccountMissing, text);
    }
    let mut harm = looked
        .findings
        .iter()
        .filter(|finding| finding.concern == Concern::Harm);
    if let Some(first) = harm.next() {
        let more = match harm.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        return (Reason::RightsMissing, format!("{}{more}", first.text));
    }
    if let Some(problem) = &looked.problem {
        return (Reason::NotChecked, problem.clone());
    }
    let text = format!(
        "its account has the {} rights that its steps need; what admission would refuse is tried when \
         it is declared",
        looked.rights
    );
    (Reason::Ready, text)
}

/// The modes that carry it out, with the generation of their copies as far as it was ever seen.
fn uses(
    generation: i64,
    mut in_use: Vec<PlaybookUse>,
    before: Option<&PlaybookStatus>,
) -> Vec<PlaybookUse> {
    in_use.sort();
    in_use.truncate(USES);
    for one in &mut in_use {
        let known = before.into_iter().flat_map(|old| &old.in_use);
        let mut known = known.filter(|old| old.mode == one.mode);
        one.generation = if one.current {
            Some(generation)
        } else {
            known.find_map(|old| old.generation)
        };
    }
    in_use
}

/// What is said where a mode carries out another copy than the present one.
fn pinned(generation: i64, in_use: &[PlaybookUse]) -> Option<Finding> {
    let older: Vec<String> = in_use
        .iter()
        .filter(|one| !one.current)
        .map(|one| match one.generation {
            Some(own) => format!("{} runs generation {own}", one.mode),
            None => format!("{} runs an earlier one", one.mode),
        })
        .collect();
    (!older.is_empty()).then(|| {
        Finding::note(format!(
            "this is generation {generation} of the playbook; {}: what was approved is carried out, and \
             an edit changes nothing of it",
            few(&older)
        ))
    })
}

/// A value for each parameter that has to be chosen: what a playbook needs hardly ever depends on it.
pub fn stand_ins(spec: &PlaybookSpec) -> BTreeMap<String, Scalar> {
    let open = spec.parameters.iter().filter(|one| one.default.is_none());
    open.map(|one| {
        let value = match one.type_ {
            ParameterType::Integer => {
                let number = one.minimum.unwrap_or(1);
                Scalar::Int(one.maximum.map_or(number, |most| number.min(most)))
            }
            ParameterType::Boolean => Scalar::Bool(false),
            ParameterType::String => {
                let first = one.values.first().cloned();
                Scalar::Text(first.unwrap_or_else(|| "x".to_owned()))
            }
        };
        (one.name.clone(), value)
    })
    .collect()
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
    use super::*;

    fn spec(act: &str) -> PlaybookSpec {
        let text = format!(
            "title: {{ en: x, zh-CN: x }}\nhazard: x\nowner: x\nserviceAccountName: flood\n\
             authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}\nstages: [ {{ name: s, \
             steps: [ {{ name: t, targets: {{ kinds: [Deployment], names: [a] }}, {act} }} ] }} ]\n"
        );
        serde_yaml::from_str(&text).expect("a playbook")
    }

    fn looked(account: Option<bool>, findings: Vec<Finding>) -> Looked {
        Looked {
            account,
            rights: 7,
            findings,
            problem: None,
        }
    }

    fn said(status: &PlaybookStatus) -> (String, String) {
        let ready = condition::get(&status.conditions, types::READY).expect("a condition");
        (ready.status.clone(), ready.reason.clone())
    }

    /// Who takes over goes by what was said a while ago, and looks where anything could be otherwise.
    #[test]
    fn what_was_said_stands_for_the_time_between_looks() {
        let spec = spec("scale: { replicas: 3 }");
        let looked = looked(Some(true), Vec::new());
        let used = |current| {
            vec![PlaybookUse {
                mode: "flood".into(),
                current,
                generation: None,
            }]
        };
        let at = Timestamp::UNIX_EPOCH + Duration::from_hours(24);
        let said = status(3, &spec, &looked, used(true), None, at);
        let hour = Duration::from_hours(1);
        let after = |minutes: u64| at + Duration::from_mins(minutes);
        let rest = stands(&said, 3, &used(true), hour, after(20));
        assert_eq!(rest, Some(Duration::from_mins(40)));
        assert_eq!(stands(&said, 3, &used(true), hour, after(61)), None);
        // A clock that was put back knows no age.
        let before = at - Duration::from_mins(1);
        assert_eq!(stands(&said, 3, &used(true), hour, before), None);
        assert_eq!(stands(&said, 4, &used(true), hour, at), None);
        assert_eq!(stands(&said, 3, &used(false), hour, at), None);
        assert_eq!(stands(&said, 3, &[], hour, at), None);
        let missing = Looked {
            account: Some(false),
            ..looked
        };
        let not_ready = status(3, &spec, &missing, used(true), None, at);
        assert_eq!(stands(&not_ready, 3, &used(true), hour, at), None);
    }

    /// Whoever alerts on Ready has to be able to rely on what it says, and on what stands first.
    #[test]
    fn the_gravest_decides() {
        let good = spec("scale: { replicas: 3 }");
        let bad = spec("scale: {}");
        let unseen = Looked {
            problem: Some("no answer".into()),
            ..looked(None, Vec::new())
        };
        let rows = [
            (&good, looked(Some(true), Vec::new()), "True", "Ready"),
            (
                &good,
                looked(Some(true), vec![Finding::note("it may not list nodes")]),
                "True",
                "Ready",
            ),
            (
                &good,
                looked(Some(true), vec![Finding::harm("it may not patch")]),
                "False",
                "RightsMissing",
            ),
            (
                &good,
                looked(Some(false), vec![Finding::harm("it may not patch")]),
                "False",
                "AccountMissing",
            ),
            (&bad, looked(Some(false), Vec::new()), "False", "Invalid"),
            (&good, unseen, "Unknown", "NotChecked"),
        ];
        for (spec, looked, status_word, reason) in rows {
            let status = status(3, spec, &looked, Vec::new(), None, Timestamp::UNIX_EPOCH);
            assert_eq!(said(&status), (status_word.into(), reason.into()));
        }
        let words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        let expected = [
            "Ready",
            "Invalid",
            "AccountMissing",
            "RightsMissing",
            "NotChecked",
        ];
        assert_eq!(words, expected);
    }

    /// People edit a playbook while it is carried out, and have to see that nothing of the running mode
    /// changes by that.
    #[test]
    fn a_mode_that_runs_an_earlier_copy_is_named_with_its_generation() {
        let book = spec("scale: { replicas: 3 }");
        let looked = looked(Some(true), Vec::new());
        let now = Timestamp::UNIX_EPOCH;
        let uses = |current: bool| {
            vec![PlaybookUse {
                mode: "flood".into(),
                current,
                generation: None,
            }]
        };
        let first = status(3, &book, &looked, uses(true), None, now);
        assert_eq!(first.in_use[0].generation, Some(3));
        assert_eq!(first.findings, []);
        let later = status(5, &book, &looked, uses(false), Some(&first), now);
        assert_eq!(later.in_use[0].generation, Some(3));
        let text = &later.findings[0].message;
        assert!(
            text.contains("generation 5") && text.contains("flood runs generation 3"),
            "{text}"
        );
        let never_seen = status(5, &book, &looked, uses(false), None, now);
        let text = &never_seen.findings[0].message;
        assert!(text.contains("flood runs an earlier one"), "{text}");
    }

    /// The object must stay small whatever is wrong with it.
    #[test]
    fn findings_are_few_and_short_and_the_rest_is_counted() {
        let book = spec("scale: { replicas: 3 }");
        let long = "水".repeat(2 * LONGEST);
        let many = (0..30).map(|_| Finding::harm(&long)).collect();
        let status = status(
            1,
            &book,
            &looked(Some(true), many),
            Vec::new(),
            None,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!((status.findings.len(), status.left_out), (LISTED, 10));
        let longest = status
            .findings
            .iter()
            .map(|one| one.message.chars().count());
        assert_eq!(longest.max(), Some(LONGEST));
        assert_eq!(status.conditions[0].message.chars().count(), LONGEST);
    }
}
