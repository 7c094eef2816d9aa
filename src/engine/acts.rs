//! Acts that leave no field behind, as data: what is to be looked at or carried out, and what came
//! of it.

use crate::step::wait::Reading;

/// The stage and the step of an act.
pub type Key = (String, String);

/// What is to be done about an act now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Look whether what it waits for is there.
    Look,
}

/// What came of the latest try of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was seen.
    Seen(Reading),
}
