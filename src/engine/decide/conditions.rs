//! The conditions of a mode: one line a condition, with a reason that programs may rely on and a
//! sentence for people.

mod lapsed;
mod over;
mod warned;

use std::collections::BTreeSet;

use crate::api::condition::{self, types};
use crate::api::{Condition, Counts, Phase, names};
use crate::engine::denies::Newcomer;
use crate::ledger::Direction;
use crate::ledger::record::VALUE;

use super::status::{cut, shown_plan};
use super::waiting::counted;
use super::{Decision, Input, Progressing, Sight, alarm, glass, resumed};
pub use over::says_given_up;
use warned::{expiring, kept_in_git};

/// One line of the table of conditions.
struct Said<'a> {
    type_: &'a str,
    holds: bool,
    reason: &'a str,
    message: String,
}

/// Puts what is said now into the list.
pub(super) fn fill(
    input: &Input<'_>,
    decision: &Decision,
    phase: Phase,
    counts: &Counts,
    list: &mut Vec<Condition>,
) {
    for said in said(input, decision, phase, counts) {
        let new = Condition {
            type_: said.type_.to_owned(),
            status: if said.holds { "True" } else { "False" }.to_owned(),
            reason: said.reason.to_owned(),
            message: cut(&said.message),
            last_transition_time: input.now,
            observed_generation: input.mode.generation,
        };
        begin_outage(list, &new);
        condition::set(list, new);
    }
}

/// What blocks a mode may change while it is blocked. That the rules do begins with them, whatever blocked
/// it before: each time of theirs is an alarm of its own.
fn begin_outage(list: &mut [Condition], new: &Condition) {
    let mut known = list.iter_mut();
    let known = known.find(|old| old.type_ == new.type_);
    let blocked = known.filter(|old| old.type_ == types::BLOCKED);
    if let Some(old) = blocked
        && alarm::is_of_the_rules(&new.reason)
        && !alarm::is_of_the_rules(&old.reason)
    {
        old.last_transition_time = new.last_transition_time;
    }
}

fn said<'a>(
    input: &Input<'_>,
    decision: &'a Decision,
    phase: Phase,
    counts: &Counts,
) -> Vec<Said<'a>> {
    let mut lines = vec![
        say(
            types::PLANNED,
            shown_plan(input).is_some(),
            "Stored",
            "NotPlanned",
            String::new(),
        ),
        approved(input, decision),
        say(
            types::ACTIVE,
            phase == Phase::Active,
            "AllStagesDone",
            "NotActive",
            holding(input, counts),
        ),
        paused(input),
    ];
    lines.push(match &decision.blocked {
        Some(blocked) => say(
            types::BLOCKED,
            true,
            blocked.reason(),
            "",
            blocked.sentence(),
        ),
        None => say(types::BLOCKED, false, "", "NotBlocked", String::new()),
    });
    lines.extend(trouble(input, decision, counts));
    lines.push(expiring(input, phase));
    lines.extend(kept_in_git(input));
    lines.push(over::restored(input, phase, counts));
    lines.extend(kstatus(input, decision, phase, counts));
    lines
}

fn approved(input: &Input<'_>, decision: &Decision) -> Said<'static> {
    let granted = input.ledger.granted.is_some();
    let (reason, message) = match (&input.ledger.granted, glass::review(input)) {
        (Some(_), Some(review)) => (review.reason, review.sentence),
        (Some(granted), None) if granted.approvals.is_empty() => {
            ("Granted", "no approval was needed".to_owned())
        }
        (Some(granted), None) => (
            "Granted",
            format!("approved by {}", granted.approvals.join(", ")),
        ),
        (None, _) => (
            "Waiting",
            format!("{} approvals count so far", decision.findings.approvals),
        ),
    };
    say(types::APPROVED, granted, reason, reason, message)
}

fn say<'a>(type_: &'a str, holds: bool, yes: &'a str, no: &'a str, message: String) -> Said<'a> {
    Said {
        type_,
        holds,
        reason: if holds { yes } else { no },
        message,
    }
}

/// What holds, for the message of Active.
fn holding(input: &Input<'_>, counts: &Counts) -> String {
    format!(
        "{} changes hold{}{}{}{}",
        counts.applied,
        at_the_table(input),
        left_alone(input),
        untracked(input),
        lapsed::unadvised(input)
    )
}

/// That a mode was talked about only.
fn at_the_table(input: &Input<'_>) -> &'static str {
    if shown_plan(input).is_some_and(|plan| plan.tabletop) {
        ": an exercise at the table, of which nothing is carried out"
    } else {
        ""
    }
}

/// New objects that match and are left alone, for the message of Active.
fn left_alone(input: &Input<'_>) -> String {
    let (slipped, left): (Vec<&Newcomer>, Vec<&Newcomer>) =
        input.reported.iter().partition(|one| one.refused);
    let left = newcomers(&left).map(|(count, which)| {
        format!("; {count} new objects match and are not switched (newTargets: Report): {which}")
    });
    let slipped = newcomers(&slipped).map(|(count, which)| {
        format!(
            "; {count} new objects match and are not switched, although such creations are refused \
             (newTargets: Deny): {which}; they came before the mode was in force, were made by the \
             cluster or an object's controller, or the policy {} and its binding are not in place",
            names::DENY_POLICY
        )
    });
    [left, slipped].into_iter().flatten().collect()
}

/// How many there are, and the first of them.
fn newcomers(list: &[&Newcomer]) -> Option<(usize, String)> {
    let (first, rest) = list.split_first()?;
    let others = if rest.is_empty() { "" } else { " and others" };
    Some((list.len(), format!("{}{others}", first.what)))
}

/// Targets of which the server tracks no owners, for the message of Active.
fn untracked(input: &Input<'_>) -> String {
    let live: BTreeSet<&str> = input
        .ledger
        .live()
        .map(|entry| entry.target.uid.as_str())
        .collect();
    let is_untracked =
        |sight: Option<&Sight>| matches!(sight, Some(Sight::Present(seen)) if !seen.tracked);
    let count = live
        .into_iter()
        .filter(|uid| is_untracked(input.sights.get(*uid)))
        .count();
    match count {
        0 => String::new(),
        count => format!(
            "; {count} objects have no managedFields: their values come back, their owners cannot"
        ),
    }
}

/// Whether it is paused. What returns is not, nor what is over, whatever its spec says: a return stops for
/// no pause, and of what is over nobody would ever take that back.
fn is_paused(input: &Input<'_>) -> bool {
    let stops = match input.ledger.direction {
        Direction::Pending | Direction::Wartime | Direction::Held => true,
        Direction::Restoring | Direction::Closed => false,
    };
    stops && input.mode.spec.is_some_and(|spec| spec.paused)
}

fn paused(input: &Input<'_>) -> Said<'static> {
    say(
        types::PAUSED,
        is_paused(input),
        "ByAPerson",
        "NotPaused",
        String::new(),
    )
}

fn trouble<'a>(input: &Input<'_>, decision: &Decision, counts: &Counts) -> Vec<Said<'a>> {
    let contested = &decision.findings.contested;
    let mut rivals: Vec<&str> = contested.values().map(String::as_str).collect();
    rivals.sort_unstable();
    rivals.dedup();
    let rivalry = if rivals.is_empty() {
        String::new()
    } else {
        let targets = counted(contested.len(), "target");
        format!("{targets}, by {}", rivals.join(", "))
    };
    vec![
        lapsed::first(input, degraded(input, decision, counts)),
        say(
            types::DRIFTED,
            counts.drifted > 0,
            over::given_up(input).unwrap_or("WaitsForVerdict"),
            "NoDrift",
            format!(
                "{} changed by somebody else",
                counted(counts.drifted, "field")
            ),
        ),
        say(
            types::CONTESTED,
            !contested.is_empty(),
            "RivalWrites",
            "NoRival",
            rivalry,
        ),
    ]
}

fn degraded(input: &Input<'_>, decision: &Decision, counts: &Counts) -> Said<'static> {
    if !input.quarantined.is_empty() && input.ledger.direction != Direction::Closed {
        let message = format!(
            "pingzhan itself failed at {} and does nothing there any more: report it with the \
             operator's log, then restart the operator",
            counted(input.quarantined.len(), "target")
        );
        return say(types::DEGRADED, true, "InternalError", "", message);
    }
    let stopped = resumed::failed(input.ledger);
    if !stopped.is_empty() {
        return say(
            types::DEGRADED,
            true,
            "GitOpsNotReady",
            "",
            stopped.join("; "),
        );
    }
    let outgrown = &decision.findings.outgrown;
    let trouble = counts.refused + counts.stuck > 0 || !outgrown.is_empty();
    let acts = &decision.findings.failed_acts;
    if !trouble && !acts.is_empty() {
        let sentences: Vec<&str> = acts.iter().map(|(_, why)| why.as_str()).collect();
        return say(types::DEGRADED, true, "ActFailed", "", sentences.join("; "));
    }
    match input.unwatched {
        Some(why) if !trouble => say(types::DEGRADED, true, "NotWatched", "", why.to_owned()),
        Some(_) | None => say(
            types::DEGRADED,
            trouble,
            "SomeRefused",
            "NoneRefused",
            format!(
                "{} refused, {} stuck{}",
                counts.refused,
                counts.stuck,
                too_long(outgrown)
            ),
        ),
    }
}

/// Fields that are left alone since the journal could not keep what they hold.
fn too_long(outgrown: &[String]) -> String {
    match outgrown {
        [] => String::new(),
        [first, rest @ ..] => format!(
            "; {first}{} holds, or one of its owners has there, more than the {VALUE} characters that \
             the journal keeps, or it has too many owners: it is left alone; make it shorter, or \
             leave it out of the playbook",
            match rest.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            }
        ),
    }
}

/// Targets for which the rest was not held up any longer, for the message of Reconciling.
fn given_up(input: &Input<'_>) -> String {
    let of = |standing| {
        let all = input.given_up.values();
        all.filter(|known| **known == standing).count()
    };
    let unseen = match of(Progressing::Unobserved) {
        0 => None,
        count => Some(format!(
            "{} not looked at by their controllers within 10 s",
            counted(count, "target")
        )),
    };
    let unready = match of(Progressing::Unready) {
        0 => None,
        count => Some(format!(
            "{} not ready within 60 s",
            counted(count, "target")
        )),
    };
    let said: Vec<String> = unseen.into_iter().chain(unready).collect();
    if said.is_empty() {
        return String::new();
    }
    format!(
        "{}: what comes after was released all the same",
        said.join(", ")
    )
}

fn kstatus<'a>(
    input: &Input<'_>,
    decision: &'a Decision,
    phase: Phase,
    counts: &Counts,
) -> Vec<Said<'a>> {
    let waiting = glass::waits_for(decision).unwrap_or_default();
    let settled = matches!(phase, Phase::Active | Phase::Closed);
    let clean = counts.drifted + counts.stuck == 0 && decision.findings.contested.is_empty();
    let abandoned = over::given_up(input);
    let ready = settled && clean && decision.blocked.is_none() && abandoned.is_none();
    let stalled = decision.blocked.is_some();
    vec![
        say(
            types::READY,
            ready,
            "AsDeclared",
            abandoned.unwrap_or("NotYet"),
            waiting,
        ),
        say(
            types::RECONCILING,
            !settled && !stalled && !is_paused(input),
            "UnderWay",
            "AtRest",
            given_up(input),
        ),
        say(
            types::STALLED,
            stalled,
            "Blocked",
            "NotStalled",
            String::new(),
        ),
    ]
}
