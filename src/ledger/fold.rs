//! The fold of a mode's records: what is true of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::{ChangeRecordSpec, Level, RecordMode, Turn};
use crate::field::{Image, Path};

use super::entry::{Entry, EntryId};
use super::record::{Damage, Head};

/// Which way a mode goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Nothing was granted yet.
    #[default]
    Pending,
    /// Towards the granted plan's values, and holding them.
    Wartime,
    /// A person stopped the switch; values stay, nothing is written.
    Held,
    /// Towards peacetime.
    Restoring,
    /// Over.
    Closed,
}

/// The authority in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The hash of the plan.
    pub plan_hash: String,
    /// The level.
    pub level: Level,
    /// When the mode ends by itself.
    pub expires_at: Timestamp,
    /// The distinct people who approved.
    pub approvals: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// The sequence of its turn.
    pub sequence: i64,
}

/// What is true of one mode by its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// The mode.
    pub mode: RecordMode,
    /// Where the journal ends.
    pub head: Head,
    /// The highest epoch.
    pub epoch: i64,
    /// Which way the mode goes.
    pub direction: Direction,
    /// The authority in force.
    pub granted: Option<Granted>,
    /// When the mode was first granted.
    pub activated_at: Option<Timestamp>,
    /// When the return began.
    pub restoring_at: Option<Timestamp>,
    /// Texts of stored plans that are whole, by hash.
    pub plans: BTreeMap<String, String>,
    /// Parts of plans that are not whole yet, by hash.
    pub plan_parts: BTreeMap<String, BTreeMap<i32, String>>,
    /// Every entry.
    pub entries: BTreeMap<EntryId, Entry>,
    /// The latest entry of each field that was not withdrawn.
    pub heads: BTreeMap<(String, Path), EntryId>,
    /// All turns but those of leaders, oldest first.
    pub turns: Vec<(Timestamp, Turn)>,
    /// When the last outcome was recorded.
    pub last_outcome_at: Option<Timestamp>,
    /// When each stage's first intent was recorded.
    pub stage_started: BTreeMap<String, Timestamp>,
    /// When each stage's last outcome was recorded.
    pub stage_last: BTreeMap<String, Timestamp>,
    /// The number of the next entry.
    pub next_entry: i64,
    /// The number of the next write.
    pub next_write: i64,
}

impl Ledger {
    /// The ledger of a journal without records.
    pub fn new(mode: RecordMode) -> Self {
        Self {
            mode,
            next_entry: 1,
            next_write: 1,
            ..Self::default()
        }
    }

    /// Folds a mode's records, in any order of the list; sequences must be contiguous from 1.
    pub fn fold(_mode: RecordMode, _records: Vec<ChangeRecordSpec>) -> Result<Self, Damage> {
        todo!()
    }

    /// Takes the next record in. On `Err` the ledger is unchanged.
    pub fn apply(&mut self, _record: &ChangeRecordSpec) -> Result<(), Damage> {
        todo!()
    }

    /// The peacetime value of a field, where one was captured.
    pub fn base(&self, _uid: &str, _path: &Path) -> Option<&Image> {
        todo!()
    }

    /// The latest entry of a field that was not withdrawn.
    pub fn head_of(&self, uid: &str, path: &Path) -> Option<&Entry> {
        self.heads
            .get(&(uid.to_owned(), path.clone()))
            .and_then(|id| self.entries.get(id))
    }

    /// Entries whose field the mode may still hold: Intended, Applied, Reverting, Reverted,
    /// Drifted, Stuck, the latest of each field only.
    pub fn live(&self) -> impl Iterator<Item = &Entry> {
        self.heads
            .values()
            .filter_map(|id| self.entries.get(id))
            .filter(|entry| !entry.state.is_settled_back())
    }
}
