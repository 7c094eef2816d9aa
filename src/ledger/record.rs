//! Records: how a body becomes the next record, and what makes a record the next one.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use snafu::Snafu;

use crate::api::{ActNote, Acts, ChangeRecordSpec, PlanPart, RecordMode, RecordType, Turn};
use crate::field::{FormerOwner, Image};

use super::entry::{EntryId, NewEntry};
use super::transition::Event;
use super::{intents, outcomes};

pub use super::group::{group, group_outcomes};

/// The number of the present format.
pub const FORMAT: i32 = 1;
/// Changes in the first intents record of a switch: small, so that the first writes start at once.
pub const FIRST_GROUP: usize = 32;
/// Changes in later ones.
pub const GROUP: usize = 256;
/// Bytes of a record's body: far below etcd's 1.5 MiB, and small enough to be written in
/// milliseconds.
pub const BYTES: usize = 96 * 1024;
/// Bytes that an intent takes beyond its values: names, uid, numbers and JSON around them. Used
/// only to keep records under their limit, so it may be too high, not too low.
pub const INTENT_BYTES: usize = 320;
/// Characters of a value, or of what one owner has of a field, that the schema of records accepts.
pub const VALUE: usize = 65_536;
/// Owners of one field that the schema of records accepts.
pub const OWNERS: usize = 32;
/// Bytes of one part of a stored plan: half of what the schema accepts, so that a part with its
/// quotes escaped stays far below etcd's limit too.
const PLAN_PART: usize = 64 * 1024;

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
    /// What became of acts.
    Acts(Vec<ActNote>),
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
    /// What the server made of the value, where that is not what was asked for. For Drifted: what
    /// was found instead, without which only a verdict that names its value counts.
    pub observed: Option<Image>,
    /// Why, where that needs a sentence. Cut to 1024 characters.
    pub reason: Option<String>,
    /// For Drifted: how many verdicts the mode has now; else 0. A verdict on a step or on all
    /// covers a drift only when it came later than that.
    pub verdicts: i64,
    /// For a value that was written again: who had taken the field meanwhile, as at most [`OWNERS`]
    /// texts of [`owner_text`].
    pub owners: Vec<String>,
}

/// An owner of a field as an outcome names it: the time of its entry, its operation, its name.
pub fn owner_text(owner: &FormerOwner) -> String {
    let at = owner.at.as_deref().unwrap_or("-");
    format!("{at} {} {}", owner.owner.operation, owner.owner.manager)
}

impl NewOutcome {
    /// An outcome that needs no more words.
    pub const fn new(event: Event, entries: Vec<EntryId>) -> Self {
        Self {
            event,
            entries,
            observed: None,
            reason: None,
            verdicts: 0,
            owners: Vec::new(),
        }
    }
}

/// A record as it was read: a [`Body`] with the numbers that its entries were given.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// A part of a plan.
    Plan(PlanPart),
    /// Changes, with the number of the entry and of the first one of its write.
    Intents(Vec<(EntryId, EntryId, NewEntry)>),
    /// What became of changes.
    Outcomes(Vec<NewOutcome>),
    /// What became of acts.
    Acts(Vec<ActNote>),
    /// A change of direction or leader.
    Turn(Turn),
}

impl Decoded {
    /// The body that was journalled.
    pub fn into_body(self) -> Body {
        match self {
            Self::Plan(part) => Body::Plan(part),
            Self::Intents(entries) => {
                Body::Intents(entries.into_iter().map(|(_, _, entry)| entry).collect())
            }
            Self::Outcomes(outcomes) => Body::Outcomes(outcomes),
            Self::Acts(acts) => Body::Acts(acts),
            Self::Turn(turn) => Body::Turn(turn),
        }
    }
}

/// The hash of a record: `sha256:` over its canonical JSON.
///
/// Guarantees: every field is covered, `prev` included, so that the hash of the last record stands
/// for the whole journal. Keys are sorted and there is no white space, so that a record that was
/// read back from the API server, in whatever order, has the hash that it was written with.
pub fn hash(record: &ChangeRecordSpec) -> String {
    // Through a value: its maps are sorted, a struct's fields are not.
    let value = serde_json::to_value(record).expect("a record holds only texts and numbers");
    format!("sha256:{:x}", HexBytes(&Sha256::digest(value.to_string())))
}

/// Bytes in hexadecimal.
struct HexBytes<'a>(&'a [u8]);

impl std::fmt::LowerHex for HexBytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The next record of a journal. Entry numbers continue at `next_entry`.
///
/// Guarantees: deterministic, so that a create whose answer was lost can be compared byte by byte;
/// words that repeat stand once a record; [`decode`] gives the body back, outcomes of equal words
/// merged where that keeps the order of every entry.
/// Assumptions: the body is one of [`group`], [`group_outcomes`] or [`plan_parts`], else the API
/// server may refuse the record for its length.
pub fn encode(
    head: &Head,
    mode: &RecordMode,
    epoch: i64,
    at: Timestamp,
    next_entry: i64,
    body: &Body,
) -> ChangeRecordSpec {
    let mut record = ChangeRecordSpec {
        format: FORMAT,
        mode: mode.clone(),
        sequence: head.sequence + 1,
        epoch,
        at: at.to_string(),
        prev: head.hash.clone(),
        type_: RecordType::Turn,
        plan: None,
        intents: None,
        outcomes: None,
        acts: None,
        turn: None,
    };
    match body {
        Body::Plan(part) => {
            record.type_ = RecordType::Plan;
            record.plan = Some(part.clone());
        }
        Body::Intents(entries) => {
            record.type_ = RecordType::Intents;
            record.intents = Some(intents::encode(entries, next_entry));
        }
        Body::Outcomes(items) => {
            record.type_ = RecordType::Outcomes;
            record.outcomes = Some(outcomes::encode(items));
        }
        Body::Acts(acts) => {
            record.type_ = RecordType::Acts;
            record.acts = Some(Acts { acts: acts.clone() });
        }
        Body::Turn(turn) => record.turn = Some(turn.clone()),
    }
    record
}

/// Reads a record's body.
///
/// # Errors
/// [`Damage::Body`] where the body is not the one that its type names, or does not parse.
pub fn decode(record: &ChangeRecordSpec) -> Result<Decoded, Damage> {
    let ChangeRecordSpec {
        sequence,
        type_,
        plan,
        intents,
        outcomes,
        acts,
        turn,
        ..
    } = record;
    let body = match (type_, plan, intents, outcomes, acts, turn) {
        (RecordType::Plan, Some(part), None, None, None, None) => Ok(Decoded::Plan(part.clone())),
        (RecordType::Intents, None, Some(intents), None, None, None) => {
            intents::decode(intents).map(Decoded::Intents)
        }
        (RecordType::Outcomes, None, None, Some(outcomes), None, None) => {
            outcomes::decode(outcomes).map(Decoded::Outcomes)
        }
        (RecordType::Acts, None, None, None, Some(acts), None) => {
            Ok(Decoded::Acts(acts.acts.clone()))
        }
        (RecordType::Turn, None, None, None, None, Some(turn)) => Ok(Decoded::Turn(turn.clone())),
        (
            RecordType::Plan
            | RecordType::Intents
            | RecordType::Outcomes
            | RecordType::Acts
            | RecordType::Turn,
            ..,
        ) => Err(format!(
            "its type is {type_:?}, and that has to be its only body"
        )),
    };
    body.map_err(|problem| Damage::Body {
        sequence: *sequence,
        problem,
    })
}

/// Splits a stored plan's text into parts of at most 64 KiB, at character boundaries.
///
/// Guarantees: at least one part; the texts in order, joined, are the text.
pub fn plan_parts(hash: &str, text: &str) -> Vec<PlanPart> {
    let mut texts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PLAN_PART));
        texts.push(part);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let parts = i32::try_from(texts.len()).unwrap_or(i32::MAX);
    texts
        .into_iter()
        .zip(1..)
        .map(|(text, part)| PlanPart {
            hash: hash.to_owned(),
            part,
            parts,
            text: text.to_owned(),
        })
        .collect()
}
