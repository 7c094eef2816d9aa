//! How much of its term a mode has left. A return that nobody expects is as bad as one that never
//! comes: people are told when a quarter is left, and again at a tenth.

use jiff::{SignedDuration, Timestamp};

use super::Input;

/// Where a term stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// More than a quarter is left.
    Enough,
    /// No more than a quarter.
    Quarter,
    /// No more than a tenth.
    Tenth,
}

impl Left {
    /// The reason of the condition: a word that programs may rely on.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Enough => "TermRuns",
            Self::Quarter => "QuarterOfTermLeft",
            Self::Tenth => "TenthOfTermLeft",
        }
    }
}

/// When a quarter and a tenth of the term in force are left, and when it ends.
fn moments(input: &Input<'_>) -> Option<[Timestamp; 3]> {
    let granted = input.ledger.granted.as_ref()?;
    let began = input.ledger.activated_at?;
    let end = granted.expires_at;
    let whole = end.duration_since(began).max(SignedDuration::ZERO);
    Some([end - whole / 4, end - whole / 10, end])
}

/// Where the term of a mode in force stands.
pub(super) fn left(input: &Input<'_>) -> Left {
    match moments(input) {
        Some([_, tenth, _]) if tenth <= input.now => Left::Tenth,
        Some([quarter, ..]) if quarter <= input.now => Left::Quarter,
        Some(_) | None => Left::Enough,
    }
}

/// When something about it is to be said or done next.
pub(super) fn next(input: &Input<'_>) -> Option<Timestamp> {
    let mut moments = moments(input)?.into_iter();
    moments.find(|at| *at > input.now)
}

/// When it ends, and what to do about that, a sentence.
pub(super) fn sentence(input: &Input<'_>) -> String {
    let Some(granted) = &input.ledger.granted else {
        return String::new();
    };
    format!(
        "the term ends at {:.0}, and everything returns then; `pingzhan renew {} --for TERM` proposes a \
         longer one, which is approved like the declaration",
        granted.expires_at, input.mode.name
    )
}
