//! One mode at run time: its journal, ledger and sights under one lock, shared by its actor and the
//! executor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};

use crate::api::{Interruption, Nature, RecordMode};
use crate::cluster::{Clients, Collection};
use crate::engine::decide::{self, Sight};
use crate::engine::plan::{Plan, store};
use crate::engine::scheduler::Standing;
use crate::field::Uid;
use crate::ledger::{EntryId, Ledger};

use super::clock::{Clock, Setting};
use super::records::Journal;
use super::strangers::Strangers;

pub use crate::engine::work::UNCONFIRMED;

/// One mode that is carried out by this process.
pub struct Mode {
    /// Its name and uid.
    pub id: RecordMode,
    /// Everything that changes.
    pub state: Mutex<State>,
    /// Wakes the mode's actor.
    pub wake: Notify,
    /// Tells the mode's actor that nothing of its order is left.
    pub idle: Notify,
    /// Clients that act as the playbook's account, once a plan names it. Not under the lock of
    /// `state`: that is held while a record is stored, and writes must not wait for it.
    account: RwLock<Option<Clients>>,
    /// Whether it is an exercise, as far as that is known.
    is_exercise: AtomicBool,
    /// Whether its object is gone and nobody carries it out: only its journal is known.
    pub is_vanished: bool,
}

impl Mode {
    /// A mode whose journal was just opened.
    pub fn new(id: RecordMode, state: State) -> Self {
        Self {
            id,
            state: Mutex::new(state),
            wake: Notify::new(),
            idle: Notify::new(),
            account: RwLock::new(None),
            is_exercise: AtomicBool::new(false),
            is_vanished: false,
        }
    }

    /// A mode of which only the journal is there.
    pub fn vanished(id: RecordMode, state: State) -> Self {
        Self {
            is_vanished: true,
            ..Self::new(id, state)
        }
    }

    /// Clients that act as the playbook's account, once a plan names it.
    pub fn account(&self) -> Option<Clients> {
        let account = self.account.read().unwrap_or_else(PoisonError::into_inner);
        account.clone()
    }

    /// Sets whether it is an exercise.
    pub fn set_nature(&self, nature: Nature) {
        let is_exercise = nature == Nature::Exercise;
        self.is_exercise.store(is_exercise, Ordering::Relaxed);
    }

    /// What is said of it to people who may not know that it is an exercise: marked, if it is one.
    pub fn marked(&self, note: &str) -> String {
        if self.is_exercise.load(Ordering::Relaxed) {
            format!("EXERCISE/演练: {note}")
        } else {
            note.to_owned()
        }
    }

    /// Sets as whom targets are read and written.
    pub fn act_as(&self, account: Clients) {
        let mut known = self.account.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(account);
    }
}

/// Everything about a mode that changes.
pub struct State {
    /// Where records are appended.
    pub journal: Journal,
    /// What is true by the records.
    pub ledger: Ledger,
    /// Stored plans, parsed once.
    pub plans: BTreeMap<String, Arc<Plan>>,
    /// Plans that could not be parsed: the journal is damaged.
    pub damage: Option<String>,
    /// Targets as last seen.
    pub sights: BTreeMap<Uid, Sight>,
    /// When each target was written again.
    pub rewrites: BTreeMap<Uid, Vec<Timestamp>>,
    /// When each target whose write was refused may be tried again, and how often it failed.
    pub retry: BTreeMap<Uid, (Timestamp, u32)>,
    /// When our own unanswered writes are known to be dead.
    pub unconfirmed: BTreeMap<Uid, Timestamp>,
    /// Targets that are still to be switched and at which the server fails again and again: what it says.
    pub unanswered: BTreeMap<Uid, String>,
    /// When unanswered writes of earlier leaders are known to be dead.
    pub dead_at: Timestamp,
    /// The first change that this process journals: of none from here on has an earlier leader sent a write.
    pub own_from: EntryId,
    /// Targets to be read again, since somebody else touched them.
    pub dirty: BTreeSet<Uid>,
    /// Targets of the present order of which no outcome is recorded yet.
    pub open: BTreeSet<Uid>,
    /// Whether an object was seen that no plan knows and that nobody has looked at.
    pub strangers: bool,
    /// Objects that were seen and are not ours.
    pub known_strangers: Strangers,
    /// What the account may watch only namespace by namespace.
    pub narrow: BTreeSet<Collection>,
    /// What cannot be watched, and why: drift would go unseen there, so it is said.
    pub unwatched: BTreeMap<Collection, String>,
    /// Why targets could not be read when they were last looked at, if so.
    pub unread: Option<String>,
    /// Targets for which the rest was not held up any longer, since this direction was taken.
    pub given_up: BTreeMap<Uid, Standing>,
    /// Targets that this process leaves alone after a panic.
    pub quarantined: BTreeSet<Uid>,
    /// Why no record can be stored, if so: nothing goes on without one, so it is said.
    pub refused: Option<String>,
    /// Times in which nothing more could be switched.
    pub interruptions: Vec<Interruption>,
    /// Where the wall clock was when times were last set by it.
    pub setting: Setting,
}

impl State {
    /// The state of a mode whose journal was just opened.
    pub fn new(journal: Journal, ledger: Ledger, now: Timestamp) -> Self {
        let own_from = EntryId(ledger.next_entry);
        let mut state = Self {
            journal,
            ledger,
            plans: BTreeMap::new(),
            damage: None,
            sights: BTreeMap::new(),
            rewrites: BTreeMap::new(),
            retry: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            dead_at: now + UNCONFIRMED,
            own_from,
            dirty: BTreeSet::new(),
            open: BTreeSet::new(),
            strangers: false,
            known_strangers: Strangers::default(),
            narrow: BTreeSet::new(),
            unwatched: BTreeMap::new(),
            unread: None,
            given_up: BTreeMap::new(),
            quarantined: BTreeSet::new(),
            refused: None,
            interruptions: Vec::new(),
            setting: Setting::default(),
        };
        state.read_plans();
        state
    }

    /// Moves every time that is waited for along with the wall clock, if somebody set it. To be called
    /// before any of them is set or looked at.
    pub fn follow(&mut self, clock: &Clock) {
        let Some(by) = self.setting.moved(clock) else {
            return;
        };
        tracing::warn!(by = %by, "the clock was set; waits are as long as they were");
        let retries = self.retry.values_mut().map(|(at, _)| at);
        let rewrites = self.rewrites.values_mut().flatten();
        let unconfirmed = self.unconfirmed.values_mut().chain([&mut self.dead_at]);
        for at in retries.chain(rewrites).chain(unconfirmed) {
            *at = at.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
        self.ledger.move_stages(by);
        decide::move_interruptions(&mut self.interruptions, by, clock.now());
    }

    /// The plan that was granted last.
    pub fn plan_in_force(&self) -> Option<&Arc<Plan>> {
        let granted = self.ledger.granted.as_ref()?;
        self.plans.get(&granted.plan_hash)
    }

    /// Parses stored plans that are new. One that cannot be read damages the journal: nothing is
    /// done by it.
    pub fn read_plans(&mut self) {
        for (hash, text) in &self.ledger.plans {
            if self.plans.contains_key(hash) {
                continue;
            }
            match store::load(text, hash) {
                Ok(plan) => {
                    self.plans.insert(hash.clone(), Arc::new(plan));
                }
                Err(error) => self.damage = Some(error.to_string()),
            }
        }
    }
}

/// A mode of a unit test: declared, and nothing more.
#[cfg(test)]
pub(super) fn sample(name: &str) -> Mode {
    let id = RecordMode {
        name: name.to_owned(),
        uid: "0a1b2c3d".to_owned(),
    };
    let nobody = crate::cluster::fake::Fake::silent().client();
    let opened = Journal::of(&Clients::fake(&nobody), id.clone(), 1, Vec::new());
    let (journal, ledger) = opened.expect("a journal without records is whole");
    Mode::new(id, State::new(journal, ledger, Timestamp::UNIX_EPOCH))
}
