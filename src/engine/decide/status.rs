//! What is said of a mode: its status, computed from journal and decision, bounded, and true.

mod timeline;

use jiff::{SignedDuration, Timestamp};

use crate::api::{
    Counts, DenyRule, EmergencyModeStatus, GrantedStatus, Phase, PlanFindings, PlanStatus,
    ProposedStatus, StageState, StageStatus, SwitchStatus, TargetStatus, Term,
};
use crate::engine::denies;
use crate::engine::plan::Plan;
use crate::ledger::{Direction, Entry, State};

use super::field::{Look, look};
use super::{Decision, Input, alarm, conditions, glass, interrupted, pending, wartime};

/// Targets and events that a status lists at most: more would not be read, and the object must
/// stay small.
const LISTED: usize = 50;
/// Longest message of a target or condition.
const MESSAGE: usize = 1000;
/// Fills in a decision's status.
pub(super) fn fill(input: &Input<'_>, decision: &mut Decision) {
    let ledger = input.ledger;
    let counts = counts(input);
    let phase = phase(input, decision);
    let plan = shown_plan(input);
    let old = input.mode.status;
    let mut status = EmergencyModeStatus {
        phase: Some(phase),
        observed_generation: input.mode.generation,
        plan: plan.map(|plan| plan_status(input, plan)),
        granted: ledger.granted.as_ref().map(|granted| GrantedStatus {
            plan_hash: granted.plan_hash.clone(),
            level: granted.level,
            expires_at: granted.expires_at,
            approvals: count(granted.approvals.len()),
            at: granted.at,
        }),
        proposed: decision
            .findings
            .proposed
            .as_ref()
            .map(|plan| ProposedStatus {
                plan_hash: plan.hash.clone(),
                level: plan.level,
                expires_after: plan.expires_after.clone(),
                changes: count(plan.change_count()),
                findings: found(input, &plan.hash),
            }),
        conditions: old.map(|old| old.conditions.clone()).unwrap_or_default(),
        waiting_on: glass::waits_for(decision).as_deref().map(cut),
        stages: stages(input, decision, old),
        denies: denies(input),
        counts: Some(counts),
        activated_at: ledger.activated_at,
        interruptions: interrupted::said(input, decision),
        switch: old.and_then(|old| old.switch.clone()),
        restore: old.and_then(|old| old.restore.clone()),
        targets: targets(input, decision),
        timeline: timeline::of(input),
    };
    took(input, decision, phase, &mut status);
    conditions::fill(input, decision, phase, &counts, &mut status.conditions);
    decision.status = status;
    decision.alarms = alarm::all(input, decision, phase);
}

fn phase(input: &Input<'_>, decision: &Decision) -> Phase {
    match input.ledger.direction {
        Direction::Pending => Phase::Pending,
        Direction::Wartime | Direction::Held if decision.findings.all_done => Phase::Active,
        Direction::Wartime | Direction::Held => {
            let was_active =
                input.mode.status.and_then(|status| status.phase) == Some(Phase::Active);
            let unread = decision.need.is_some() || !decision.append.is_empty();
            if was_active && unread {
                Phase::Active
            } else {
                Phase::Activating
            }
        }
        Direction::Restoring => Phase::Restoring,
        Direction::Closed => Phase::Closed,
    }
}

pub(super) fn shown_plan<'a>(input: &Input<'a>) -> Option<&'a Plan> {
    wartime::in_force(input).or_else(|| {
        let spec = input.mode.spec?;
        pending::stored(input, spec).map(AsRef::as_ref)
    })
}

fn plan_status(input: &Input<'_>, plan: &Plan) -> PlanStatus {
    let amendments = input
        .ledger
        .entries
        .values()
        .filter(|entry| entry.amendment > 0)
        .count();
    PlanStatus {
        hash: plan.hash.clone(),
        changes: count(plan.change_count()),
        targets: count(plan.target_count()),
        amendments: count(amendments),
        findings: found(input, &plan.hash),
    }
}

/// What was found of a plan before it was approved: what is known of it now, else what the last
/// status says of it.
pub(super) fn found(input: &Input<'_>, hash: &str) -> Option<PlanFindings> {
    let fresh = input.explained.filter(|(of, _)| of == hash);
    let known = fresh.map(|(_, found)| found).or_else(|| {
        let old = input.mode.status?;
        let plan = old.plan.as_ref().filter(|plan| plan.hash == hash);
        let proposed = old.proposed.as_ref();
        let proposed = proposed.filter(|plan| plan.plan_hash == hash);
        let of_plan = plan.and_then(|plan| plan.findings.as_ref());
        of_plan.or_else(|| proposed?.findings.as_ref())
    });
    known.cloned()
}

/// What is refused: only while the mode is in force, and not once a person has stopped it.
fn denies(input: &Input<'_>) -> Vec<DenyRule> {
    match input.ledger.direction {
        Direction::Wartime => wartime::in_force(input)
            .filter(|plan| !plan.tabletop)
            .map(denies::rules)
            .unwrap_or_default(),
        Direction::Pending | Direction::Held | Direction::Restoring | Direction::Closed => {
            Vec::new()
        }
    }
}

fn counts(input: &Input<'_>) -> Counts {
    let mut counts = Counts::default();
    for entry in input.ledger.entries.values() {
        if cover(input, entry).is_some() {
            counts.covered += 1;
            continue;
        }
        match entry.state {
            State::Applied => counts.applied += 1,
            State::Drifted => counts.drifted += 1,
            State::Stuck => counts.stuck += 1,
            State::Gone => counts.gone += 1,
            State::Kept => counts.kept += 1,
            State::Overtaken => counts.overtaken += 1,
            State::Refused => counts.refused += 1,
            State::OwnersBack => counts.restored += 1,
            State::Intended
            | State::Reverting
            | State::Reverted
            | State::Withdrawn
            | State::Shadowed => {}
        }
    }
    counts
}

/// The mode whose layer lies over a change that stands, if any.
fn cover<'a>(input: &Input<'a>, entry: &Entry) -> Option<&'a str> {
    let over = input.layers.over(&entry.target.uid, &entry.path)?;
    entry.is_wartime().then_some(over.mode.as_str())
}

/// Whether what was said of a mode is of the plan that is in force now.
pub(super) fn is_of_the_plan(input: &Input<'_>, said: &EmergencyModeStatus) -> bool {
    let said = said.granted.as_ref();
    let granted = input.ledger.granted.as_ref();
    said.map(|one| (one.at, &one.plan_hash)) == granted.map(|one| (one.at, &one.plan_hash))
}

fn stages(
    input: &Input<'_>,
    decision: &Decision,
    old: Option<&EmergencyModeStatus>,
) -> Vec<StageStatus> {
    if decision.findings.stages.is_empty() {
        // That a stage of an earlier plan was done says nothing of this one's.
        let old = old.filter(|old| is_of_the_plan(input, old));
        let mut stages = old.map(|old| old.stages.clone()).unwrap_or_default();
        // What was given up stays where it was.
        if decision.closed && input.ledger.abandoned().is_none() {
            for stage in &mut stages {
                if stage.state != StageState::Skipped {
                    stage.state = StageState::Restored;
                    // What was ready in wartime says nothing any more.
                    stage.ready = None;
                }
            }
        }
        return stages;
    }
    decision.findings.stages.clone()
}

/// The first targets that are not as they should be.
fn targets(input: &Input<'_>, decision: &Decision) -> Vec<TargetStatus> {
    let restoring = matches!(
        input.ledger.direction,
        Direction::Restoring | Direction::Closed
    );
    input
        .ledger
        .entries
        .values()
        .filter(|entry| {
            is_notable(entry, restoring, decision)
                || is_given_up(input, entry)
                || cover(input, entry).is_some()
                || unanswered(input, entry).is_some()
                || is_left_alone(input, entry)
        })
        .take(LISTED)
        .map(|entry| target(input, entry, decision))
        .collect()
}

fn is_notable(entry: &Entry, restoring: bool, decision: &Decision) -> bool {
    match entry.state {
        State::Drifted
        | State::Stuck
        | State::Gone
        | State::Refused
        | State::Overtaken
        | State::Kept => true,
        State::Applied => !restoring && decision.findings.contested.contains_key(&entry.target.uid),
        State::Intended
        | State::Reverting
        | State::Reverted
        | State::OwnersBack
        | State::Withdrawn
        | State::Shadowed => false,
    }
}

/// Whether a field was not brought back, and is not going to be: its mode was given up for lost.
fn is_given_up(input: &Input<'_>, entry: &Entry) -> bool {
    input.ledger.abandoned().is_some() && !entry.state.is_settled_back()
}

/// What the server says again and again of a target that is still to be switched.
pub(super) fn unanswered<'a>(input: &Input<'a>, entry: &Entry) -> Option<&'a str> {
    let waits = entry.state == State::Intended;
    let said = input.unanswered.get(&entry.target.uid).filter(|_| waits);
    said.map(String::as_str)
}

/// What is said of a target at which this program failed itself.
const LEFT_ALONE: &str = "pingzhan itself failed at it and leaves it alone: report it with the operator's \
                          log, then restart the operator";

/// Whether this program failed at a target itself, and something of it is still to be done or held.
pub(super) fn is_left_alone(input: &Input<'_>, entry: &Entry) -> bool {
    input.quarantined.contains(&entry.target.uid) && !entry.state.is_settled_back()
}

fn target(input: &Input<'_>, entry: &Entry, decision: &Decision) -> TargetStatus {
    let pointer = entry.path.to_pointer();
    let seen = match look(input, &entry.target.uid, &entry.path) {
        Look::Seen(_, seen) => Some(seen.image.hash()),
        // It is read anew in a moment: until then what was said of it holds.
        Look::Unseen | Look::Unreadable => said(input, &entry.target.uid, &pointer),
        Look::Gone => None,
    };
    let cover = cover(input, entry);
    let contested = decision.findings.contested.get(&entry.target.uid);
    let contested = contested.filter(|_| cover.is_none());
    let message = match contested {
        Some(rival) => Some(format!("{rival} keeps putting another value back")),
        None if cover.is_some() => cover.map(|mode| format!("{mode} lies over it")),
        None if is_given_up(input, entry) => Some(match &entry.reason {
            Some(why) => format!("{GIVEN_UP}: {why}"),
            None => GIVEN_UP.to_owned(),
        }),
        None if is_left_alone(input, entry) => Some(LEFT_ALONE.to_owned()),
        None if seen.is_none() && waits_for_a_verdict(entry) => Some(BEING_READ.to_owned()),
        None => unanswered(input, entry)
            .map(|why| format!("it is tried again: {why}"))
            .or_else(|| entry.reason.clone()),
    };
    TargetStatus {
        kind: entry.target.kind.clone(),
        namespace: Some(entry.target.namespace.clone()).filter(|name| !name.is_empty()),
        name: entry.target.name.clone(),
        uid: entry.target.uid.to_string(),
        path: pointer,
        state: if contested.is_some() {
            "Contested".into()
        } else if cover.is_some() {
            TargetStatus::COVERED.into()
        } else if is_left_alone(input, entry) {
            "Quarantined".into()
        } else if unanswered(input, entry).is_some() {
            "Unanswered".into()
        } else {
            format!("{:?}", entry.state)
        },
        message: message.as_deref().map(cut),
        seen,
    }
}

/// What is said of a field that waits for a verdict, as long as nobody knows which value it has.
pub const BEING_READ: &str = "what is there now is being read; a verdict has to name it";

/// What is said of a field of a mode that was given up for lost.
const GIVEN_UP: &str = "it was not brought back, and stays as it is";

const fn waits_for_a_verdict(entry: &Entry) -> bool {
    matches!(entry.state, State::Drifted | State::Stuck)
}

/// Which value the last status says that a field had.
fn said(input: &Input<'_>, uid: &str, pointer: &str) -> Option<String> {
    let targets = &input.mode.status?.targets;
    let said = targets
        .iter()
        .find(|one| one.uid == uid && one.path == pointer)?;
    said.seen.clone()
}

/// How long the switch and the return took, once they are over.
fn took(input: &Input<'_>, decision: &Decision, phase: Phase, status: &mut EmergencyModeStatus) {
    let objective = shown_plan(input).and_then(|plan| plan.spec.objective.clone());
    let last = input.ledger.last_outcome_at;
    if phase == Phase::Active && status.switch.is_none() && decision.need.is_none() {
        let within = objective
            .as_ref()
            .and_then(|objective| objective.switch_within.clone());
        status.switch = span(input.ledger.activated_at, last, within.as_ref());
    }
    // Ownership comes after the values, and nobody waits for it.
    let values_back = input
        .ledger
        .live()
        .all(|entry| entry.state == State::Reverted);
    let over = phase == Phase::Closed && input.ledger.abandoned().is_none();
    let back = over || (phase == Phase::Restoring && values_back);
    if back && status.restore.is_none() {
        let within = objective.and_then(|objective| objective.restore_within);
        status.restore = span(input.ledger.restoring_at, last, within.as_ref());
    }
}

fn span(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    within: Option<&Term>,
) -> Option<SwitchStatus> {
    let from = from?;
    let took = to
        .map_or(SignedDuration::ZERO, |to| to.duration_since(from))
        .max(SignedDuration::ZERO);
    let met = within
        .and_then(|term| term.to_duration().ok())
        .map(|limit| took.unsigned_abs() <= limit);
    Some(SwitchStatus {
        took: format!("{:#}", SignedDuration::from_secs(took.as_secs())),
        objective: within.map(|term| term.0.clone()),
        met,
    })
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(MESSAGE).collect()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
