//! Acts that leave no field behind, as data: what is to be looked at or carried out, and what came
//! of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::step::wait::Reading;

/// The stage and the step of an act.
pub type Key = (String, String);

/// What is to be done about an act now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Look whether what it waits for is there.
    Look,
    /// Carry it out: it is journalled as begun. Carried out twice it must mean the same.
    Carry,
    /// Undo it: that is journalled as begun, too.
    Undo,
}

/// What came of acts: the latest answer to each thing that was asked, and when.
pub type Answers = BTreeMap<(Key, Ask), (Timestamp, Answer)>;

/// What came of the latest try of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was seen.
    Seen(Reading),
    /// It is done: a sentence.
    Done(String),
    /// It is under way, or this try came to nothing: a sentence.
    NotYet(String),
    /// It came to nothing, and another try would too: a sentence.
    Failed(String),
}
