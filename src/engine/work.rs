//! What the executor is asked to do to one target. Values only: nothing is left to choose.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::api::OnResume;
use crate::engine::plan::Plan;
use crate::field::giveback::Return;
use crate::field::patch::Edit;
use crate::field::{Image, Projection, Target};
use crate::ledger::entry::NewEntry;
use crate::ledger::record::NewOutcome;
use crate::ledger::{EntryId, Event};

/// One write, or one note, on one target.
#[derive(Clone, Debug)]
pub struct Task {
    /// Which object.
    pub target: Target,
    /// The object as it was seen: where fields are, and the guard. None where it is gone, so that
    /// there is only something to note.
    pub sight: Option<Arc<Projection>>,
    /// What is done.
    pub act: Act,
}

/// How long a request without an answer may still take effect: the client's deadline for it, after which
/// the server has given up too.
pub const UNCONFIRMED: SignedDuration = SignedDuration::from_secs(10);

/// What is done to a target.
#[derive(Clone, Debug)]
pub enum Act {
    /// Write wartime values. Changes without a number are journalled first.
    Switch(Vec<SwitchItem>),
    /// Write our value again.
    Rewrite(Vec<WriteItem>),
    /// Write peacetime values.
    Revert {
        /// The fields.
        items: Vec<WriteItem>,
        /// Entries that must be journalled as Turned first, since no turn of the whole mode covers
        /// them.
        turned: Vec<EntryId>,
    },
    /// Give ownership back.
    GiveBack {
        /// The fields.
        items: Vec<(EntryId, Return)>,
        /// Whether our label goes too.
        last: bool,
        /// The managers of other modes that hold something of the target.
        others: Vec<String>,
    },
    /// Journal what was found; write nothing.
    Note(Vec<NewOutcome>),
}

/// A change that is written for the first time.
#[derive(Clone, Debug, PartialEq)]
pub struct SwitchItem {
    /// The change.
    pub entry: NewEntry,
    /// Its number, where it is journalled already.
    pub id: Option<EntryId>,
    /// What is written, where that is less than what is asked for: whom somebody else took out of a list
    /// as well is not put back.
    pub to: Option<Image>,
    /// Why it is journalled but not written, if so.
    pub overtaken: Option<String>,
    /// Whether it is journalled only: another mode's layer lies over it, and it is written when that is
    /// gone; or it is as asked for already, and is to be kept so.
    pub covered: bool,
    /// What will be said to the target's controller first at the return, if anything: that it may be
    /// said is tried before the change is made.
    pub first: Option<First>,
}

impl SwitchItem {
    /// A change that is written as it asks.
    pub const fn new(entry: NewEntry, id: Option<EntryId>) -> Self {
        Self {
            entry,
            id,
            to: None,
            overtaken: None,
            covered: false,
            first: None,
        }
    }
}

/// A field of a journalled entry that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteItem {
    /// The entry.
    pub id: EntryId,
    /// The field and what it is to hold.
    pub edit: Edit,
    /// What is journalled when it is written.
    pub event: Event,
    /// What is asked for: what the server's answer is compared with.
    pub after: Image,
    /// What is said to the target's controller first, if anything.
    pub first: Option<First>,
}

/// What is said to the controller of a target of a step before it goes on at the return.
pub fn first(plan: &Plan, stage: &str, step: &str, target: &Target) -> Option<First> {
    let suspend = plan.source(stage, step)?.suspend.as_ref()?;
    match suspend.on_resume.unwrap_or_default() {
        OnResume::SkipMissed if target.kind == "CronJob" => Some(First::SkipMissed),
        OnResume::SkipMissed | OnResume::RunMissedOnce => None,
    }
}

/// What is said to a target's controller before a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// To a `CronJob`'s: that a run was begun now, so that it makes up for none that was missed.
    SkipMissed,
}

impl Task {
    /// The entries that the task is about, as far as they have numbers.
    pub fn entries(&self) -> Vec<EntryId> {
        match &self.act {
            Act::Switch(items) => items.iter().filter_map(|item| item.id).collect(),
            Act::Rewrite(items) | Act::Revert { items, .. } => {
                items.iter().map(|item| item.id).collect()
            }
            Act::GiveBack { items, .. } => items.iter().map(|(id, _)| *id).collect(),
            Act::Note(outcomes) => outcomes
                .iter()
                .flat_map(|outcome| outcome.entries.iter().copied())
                .collect(),
        }
    }
}
