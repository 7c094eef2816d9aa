//! What is said of a mode that is over: that everything is back, or that it was given up and what is not.

use crate::api::condition::types;
use crate::api::{Condition, Counts, Phase};
use crate::ledger::ABANDONED;

use super::super::Input;
use super::super::waiting::counted;
use super::{Said, at_the_table, say};

/// The reason of what does not hold any more of a mode that was given up for lost, if it was.
pub(super) fn given_up(input: &Input<'_>) -> Option<&'static str> {
    input.ledger.abandoned().map(|_| ABANDONED)
}

/// Whether it is this condition that says that a mode was given up for lost, and what is left of it.
pub fn says_given_up(said: &Condition) -> bool {
    said.type_ == types::RESTORED && said.reason == ABANDONED
}

/// Whether everything is back.
pub(super) fn restored(input: &Input<'_>, phase: Phase, counts: &Counts) -> Said<'static> {
    if let Some(turn) = input.ledger.abandoned() {
        let left = counted(input.ledger.live().count(), "field");
        let by = turn.by.as_deref().unwrap_or("two people");
        let message = format!(
            "given up for lost by {by}; left as it is: {left}, which nothing brings back by itself"
        );
        return say(types::RESTORED, false, "", ABANDONED, message);
    }
    say(
        types::RESTORED,
        phase == Phase::Closed && input.ledger.granted.is_some(),
        "AllBack",
        "NotRestored",
        format!(
            "{} back, ownership included{}",
            counted(counts.restored, "field"),
            at_the_table(input)
        ),
    )
}
