//! What follows from an act without quorum: it is marked in the journal, said in status, and
//! somebody else has to review it by a deadline. It keeps nothing from being done.

use jiff::{SignedDuration, Timestamp};

use crate::api::{BreakGlass, Turn, TurnKind};
use crate::engine::authority;

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
    let act = match why {
        Some(act) => format!("{by} as {} acted without quorum: {}", act.as_, act.reason),
        None => format!("{by} acted without quorum"),
    };
    let known = input.authorities();
    if let Some(review) = input
        .mode
        .spec
        .and_then(|spec| authority::review(spec, &known))
    {
        return Some(Review {
            reason: "BreakGlassReviewed",
            sentence: format!("{act}; reviewed by {}: {:?}", review.by, review.outcome),
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
        sentence: format!("{act}; {demand}"),
        due: Some(due),
        overdue,
    })
}

/// Waits for the review where nothing else is waited for, and looks again when it is overdue.
pub(super) fn demand(input: &Input<'_>, decision: &mut Decision) {
    let Some(review) = review(input) else { return };
    let Some(due) = review.due else { return };
    if !review.overdue {
        decision.look_again(due);
    }
    decision
        .waiting
        .get_or_insert(Waiting::Review(review.sentence));
}
