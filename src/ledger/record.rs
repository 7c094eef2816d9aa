//! Records: how a body becomes the next record, and what makes a record the next one.

use jiff::Timestamp;
use snafu::Snafu;

use crate::api::{ChangeRecordSpec, PlanPart, Turn};
use crate::field::Image;

use super::entry::{EntryId, NewEntry};
use super::transition::Event;

/// The number of the present format.
pub const FORMAT: i32 = 1;
/// Changes in the first intents record of a switch: small, so that the first writes start at once.
pub const FIRST_GROUP: usize = 32;
/// Changes in later ones.
pub const GROUP: usize = 256;
/// Bytes of a record's body: far below etcd's 1.5 MiB, and small enough to be written in
/// milliseconds.
pub const BYTES: usize = 96 * 1024;

/// The journal cannot be read. Nothing is touched until a person has looked.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Damage {
    #[snafu(display("record {expected} is missing: the next one found is {found}"))]
    Gap { expected: i64, found: i64 },
    #[snafu(display("record {sequence} does not follow from the one before: its `prev` differs"))]
    Chain { sequence: i64 },
    #[snafu(display(
        "record {sequence} has format {format}; this version reads up to {FORMAT}: run a newer one"
    ))]
    Format { sequence: i64, format: i32 },
    #[snafu(display("record {sequence} belongs to another mode ({uid})"))]
    OtherMode { sequence: i64, uid: String },
    #[snafu(display("record {sequence} cannot be read: {problem}"))]
    Body { sequence: i64, problem: String },
    #[snafu(display("record {sequence} has epoch {epoch}, but epoch {newer} had taken over"))]
    Epoch {
        sequence: i64,
        epoch: i64,
        newer: i64,
    },
}

/// Where a journal ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The sequence of the last record; 0 for an empty journal.
    pub sequence: i64,
    /// Its hash; empty for an empty journal.
    pub hash: String,
}

/// What is to be journalled.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A part of a plan.
    Plan(PlanPart),
    /// Changes that are about to be written. Entries of one target are neighbours and one write.
    Intents(Vec<NewEntry>),
    /// What became of changes.
    Outcomes(Vec<NewOutcome>),
    /// A change of direction or leader.
    Turn(Turn),
}

/// What became of some entries.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOutcome {
    /// What happened.
    pub event: Event,
    /// To which entries.
    pub entries: Vec<EntryId>,
    /// What the server made of the value, where that is not what was asked for.
    pub observed: Option<Image>,
    /// Why, where that needs a sentence.
    pub reason: Option<String>,
}

/// The hash of a record: `sha256:` over its canonical JSON.
pub fn hash(_record: &ChangeRecordSpec) -> String {
    todo!()
}

/// The next record of a journal. Entry numbers continue at `next_entry`, write numbers at
/// `next_write`.
pub fn encode(
    _head: &Head,
    _mode: &crate::api::RecordMode,
    _epoch: i64,
    _at: Timestamp,
    _next_entry: i64,
    _next_write: i64,
    _body: &Body,
) -> ChangeRecordSpec {
    todo!()
}

/// Splits changes into bodies of at most `first` changes, then [`GROUP`] changes, and [`BYTES`]
/// bytes each; never splits the changes of one target. A single target beyond the limit is a body of its own.
pub fn group(_entries: Vec<NewEntry>, _first: usize) -> Vec<Body> {
    todo!()
}

/// Splits a stored plan's text into parts of at most 64 KiB, at character boundaries.
pub fn plan_parts(_hash: &str, _text: &str) -> Vec<PlanPart> {
    todo!()
}
