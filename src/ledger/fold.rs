//! The fold of a mode's records: what is true of it. How a record is taken in is [`super::apply`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::api::{ActNote, ChangeRecordSpec, Level, RecordMode, Turn, TurnKind};
use crate::field::{Image, Path, Uid};

use super::acts::Act;
use super::entries::Entries;
use super::entry::{Entry, EntryId, NewEntry};
use super::record::{Damage, Head};
use super::transition::State;

/// The reason of a turn that closes a mode which two people gave up for lost: its changes stay.
pub const ABANDONED: &str = "Abandoned";

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
    /// How often a plan was granted or taken back. A plan is approved for one round.
    pub round: u32,
    /// When the mode was first granted.
    pub activated_at: Option<Timestamp>,
    /// When the return began.
    pub restoring_at: Option<Timestamp>,
    /// Texts of stored plans that are whole, by hash.
    pub plans: BTreeMap<String, String>,
    /// Parts of plans that are not whole yet, by hash.
    pub plan_parts: BTreeMap<String, BTreeMap<i32, String>>,
    /// Every entry.
    pub entries: Entries,
    /// The latest entry of each field that was not withdrawn, refused or overtaken.
    pub heads: BTreeMap<(Uid, Path), EntryId>,
    /// The latest entry of those fields whose latest one *was* withdrawn, refused or overtaken, so
    /// that a change that was tried is not tried for ever.
    pub tries: BTreeMap<(Uid, Path), EntryId>,
    /// All turns but those of leaders, oldest first.
    pub turns: Vec<(Timestamp, Turn)>,
    /// Acts that leave no field behind, by stage and step: each as it was when it last moved, whether its
    /// stage is part of the plan in force or not.
    pub acts: BTreeMap<(String, String), Act>,
    /// What was told of them, oldest first.
    pub told: Vec<(Timestamp, ActNote)>,
    /// When the last outcome was recorded.
    pub last_outcome_at: Option<Timestamp>,
    /// When the last record was written, by its writer's clock.
    pub last_at: Option<Timestamp>,
    /// When the plan in force was granted, by the clock by which stages are measured.
    pub in_force_since: Option<Timestamp>,
    /// When each stage's first intent was recorded, by its writer's clock.
    pub stage_started: BTreeMap<String, Timestamp>,
    /// When the first intent, or the first note of an act, of each stage was recorded since the plan
    /// in force was granted.
    pub stage_began: BTreeMap<String, Timestamp>,
    /// When each stage's last outcome was recorded, by its writer's clock.
    pub stage_moved: BTreeMap<String, Timestamp>,
    /// The same, by the clock by which stages are measured.
    pub stage_last: BTreeMap<String, Timestamp>,
    /// The number of the next entry.
    pub next_entry: i64,
    /// Whether the times by which stages are measured follow each leader that takes over: see
    /// [`Ledger::carried_out`].
    pub follows_leaders: bool,
}

impl Ledger {
    /// The ledger of a journal without records.
    pub fn new(mode: RecordMode) -> Self {
        Self {
            mode,
            next_entry: 1,
            ..Self::default()
        }
    }

    /// Folds a mode's records, in any order of the list; sequences must be contiguous from 1.
    ///
    /// Guarantees: the same as taking them in one by one with [`Ledger::apply`].
    ///
    /// # Errors
    /// The first [`Damage`] found. The end of the list cannot be told from the end of the journal,
    /// and an edit of the last record is found only by its successor: what holds the last record
    /// is the API server (records are immutable and carry a finalizer).
    pub fn fold(mode: RecordMode, records: Vec<ChangeRecordSpec>) -> Result<Self, Damage> {
        Self::new(mode).with(records)
    }

    /// The same, for whoever carries the mode out: each leader counted by its own clock, and from where
    /// the one before had stopped. So must whoever leads next, however many there were.
    ///
    /// # Errors
    /// As with [`Ledger::fold`].
    pub fn carried_out(mode: RecordMode, records: Vec<ChangeRecordSpec>) -> Result<Self, Damage> {
        let ledger = Self {
            follows_leaders: true,
            ..Self::new(mode)
        };
        ledger.with(records)
    }

    fn with(mut self, mut records: Vec<ChangeRecordSpec>) -> Result<Self, Damage> {
        records.sort_by_key(|record| record.sequence);
        for record in records {
            self.apply(&record)?;
        }
        Ok(self)
    }

    /// The peacetime value of a field, where one was captured: that of the first entry since the
    /// field was last let go.
    ///
    /// Entries that were never written (withdrawn, refused, overtaken) do not count. A field that
    /// was given back, or left to somebody else's value, is peacetime's again: a later change
    /// captures anew, or an edit that its owner made in between would be lost.
    pub fn base(&self, uid: &Uid, path: &Path) -> Option<&Image> {
        let mut base = None;
        let mut at = self.head_of(uid, path);
        while let Some(entry) = at {
            match entry.state {
                State::OwnersBack | State::Kept | State::Gone => break,
                State::Refused | State::Withdrawn | State::Overtaken => {}
                State::Intended
                | State::Applied
                | State::Reverting
                | State::Reverted
                | State::Shadowed
                | State::Drifted
                | State::Stuck => base = Some(&entry.base),
            }
            at = entry.before.and_then(|id| self.entries.get(id));
        }
        base
    }

    /// The turn by which two people gave the mode up for lost, if they did: it is over, and what it
    /// changed stays as it is.
    pub fn abandoned(&self) -> Option<&Turn> {
        let (_, last) = self.turns.last()?;
        let given_up = last.reason.as_deref() == Some(ABANDONED);
        (last.kind == TurnKind::Closed && given_up).then_some(last)
    }

    /// Moves the times by which stages are measured: to another clock than they were written by. What
    /// people are told stays as it was recorded: when a stage first began, and when it last moved.
    pub fn move_stages(&mut self, by: SignedDuration) {
        let began = self.stage_began.values_mut();
        let moved = began.chain(self.stage_last.values_mut());
        let acts = self
            .acts
            .values_mut()
            .flat_map(|act| [&mut act.began, &mut act.at]);
        for at in moved.chain(&mut self.in_force_since).chain(acts) {
            *at = at.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
    }

    /// The latest entry of a field that was not withdrawn, refused or overtaken.
    pub fn head_of(&self, uid: &Uid, path: &Path) -> Option<&Entry> {
        self.heads
            .get(&(uid.clone(), path.clone()))
            .and_then(|id| self.entries.get(*id))
    }

    /// Tells what the newest entries were made of, the oldest of these first: nothing changes but that
    /// what is the same is in memory once.
    pub fn made_of(&mut self, made_of: &[NewEntry]) {
        let first = self.entries.len().saturating_sub(made_of.len());
        for (entry, made_of) in self.entries.values_mut().skip(first).zip(made_of) {
            entry.share(made_of);
        }
    }

    /// Whether a target has any entry that was not withdrawn, refused or overtaken.
    pub fn has_changes_of(&self, uid: &Uid) -> bool {
        let first = (uid.clone(), Path::new(Vec::new()));
        let next = self.heads.range(first..).next();
        next.is_some_and(|((of, _), _)| of == uid)
    }

    /// The latest entry of a field, however it ended.
    pub fn latest_of(&self, uid: &Uid, path: &Path) -> Option<&Entry> {
        self.tries
            .get(&(uid.clone(), path.clone()))
            .and_then(|id| self.entries.get(*id))
            .or_else(|| self.head_of(uid, path))
    }

    /// Entries whose field the mode may still hold: Intended, Applied, Reverting, Reverted,
    /// Drifted, Stuck, the latest of each field only.
    pub fn live(&self) -> impl Iterator<Item = &Entry> {
        self.heads
            .values()
            .filter_map(|id| self.entries.get(*id))
            .filter(|entry| !entry.state.is_settled_back())
    }
}
