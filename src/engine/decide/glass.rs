//! What follows from an act without quorum: it is marked in the journal, said in status, and
//! somebody else has to review it by a deadline. It keeps nothing from being done.

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::{self, types};
use crate::api::{BreakGlass, Condition, EmergencyModeStatus, Turn, TurnKind};
use crate::engine::authority;

use super::waiting::fitted;
use super::{Decision, Input, Waiting};

/// The reason of the turn that set a plan in force without quorum.
pub const BREAK_GLASS: &str = "BreakGlass";
/// The reason of the condition once nobody has reviewed it in time.
pub const OVERDUE: &str = "BreakGlassOverdue";
/// Hours within which somebody else has to review it: by the next day, while everybody remembers,
/// and no later than a mode may wait for approval.
const REVIEW_HOURS: i64 = 24;

/// Where the review of an act without quorum stands.
pub(super) struct Review {
    /// The reason of the condition: a word that programs may rely on.
    pub(super) reason: &'static str,
    /// Who acted, why, and who has to review it by when.
    pub(super) sentence: String,
    due: Option<Timestamp>,
    overdue: bool,
}

impl Review {
    /// Whether nobody has reviewed it yet.
    pub(super) const fn is_awaited(&self) -> bool {
        self.due.is_some()
    }
}

/// Marks the turn of a plan that nobody but one person agreed to.
pub(super) fn mark(turn: &mut Turn, act: &BreakGlass) {
    turn.by = Some(act.by.clone());
    turn.reason = Some(BREAK_GLASS.to_owned());
}

/// Where the review stands, where the mode was set in force without quorum.
pub(super) fn review(input: &Input<'_>) -> Option<Review> {
    let is_it =
        |turn: &Turn| turn.kind == TurnKind::Granted && turn.reason.as_deref() == Some(BREAK_GLASS);
    let (at, turn) = input.ledger.turns.iter().find(|(_, turn)| is_it(turn))?;
    let by = turn.by.as_deref().unwrap_or("unknown");
    let why = input.mode.spec.and_then(|spec| spec.break_glass.as_ref());
    // The reason may be long, and what it leads to comes after it.
    let sentence = |then: String| match why {
        Some(act) => fitted(&act.reason, |reason| {
            let group = &act.as_;
            format!("{by} as {group} acted without quorum: {reason}; {then}")
        }),
        None => format!("{by} acted without quorum; {then}"),
    };
    let known = input.authorities();
    if let Some(review) = input
        .mode
        .spec
        .and_then(|spec| authority::review(spec, &known))
    {
        return Some(Review {
            reason: "BreakGlassReviewed",
            sentence: sentence(format!("reviewed by {}: {:?}", review.by, review.outcome)),
            due: None,
            overdue: false,
        });
    }
    let due = *at + SignedDuration::from_hours(REVIEW_HOURS);
    let overdue = due <= input.now;
    let demand = if overdue {
        format!("the review by somebody else than {by} is overdue since {due:.0}")
    } else {
        format!("somebody else than {by} has to review it until {due:.0}")
    };
    Some(Review {
        reason: if overdue { OVERDUE } else { BREAK_GLASS },
        sentence: sentence(demand),
        due: Some(due),
        overdue,
    })
}

/// Waits for the review where nothing else is waited for, and looks again when it is overdue: from
/// then on it is waited for whatever else is.
pub(super) fn demand(input: &Input<'_>, decision: &mut Decision) {
    let Some(review) = review(input) else { return };
    let Some(due) = review.due else { return };
    if !review.overdue {
        decision.look_again(due);
    }
    if decision.waiting.is_none() {
        decision.waiting = Some(Waiting::Review(review.sentence));
    } else if review.overdue {
        decision.findings.overdue = Some(review.sentence);
    }
}

/// What a mode waits for, in a sentence: an overdue review first, whatever else there is.
pub(super) fn waits_for(decision: &Decision) -> Option<String> {
    let waiting = decision.waiting.as_ref().map(Waiting::sentence);
    let overdue = decision.findings.overdue.iter().cloned();
    let both: Vec<String> = overdue.chain(waiting).collect();
    (!both.is_empty()).then(|| both.join("; besides, "))
}

/// Whether a status says that an act without quorum still waits for its review.
pub fn awaits_review(status: &EmergencyModeStatus) -> bool {
    let said = condition::get(&status.conditions, types::APPROVED);
    said.is_some_and(asks_for_review)
}

/// Whether it says that nobody has reviewed such an act in time.
pub fn is_review_overdue(status: &EmergencyModeStatus) -> bool {
    let said = condition::get(&status.conditions, types::APPROVED);
    said.is_some_and(says_overdue)
}

/// Whether it is this condition that says that a review is awaited, overdue or not.
pub fn asks_for_review(said: &Condition) -> bool {
    said.type_ == types::APPROVED && [BREAK_GLASS, OVERDUE].contains(&said.reason.as_str())
}

/// Whether it is this condition that says that a review is overdue.
pub fn says_overdue(said: &Condition) -> bool {
    said.type_ == types::APPROVED && said.reason == OVERDUE
}
