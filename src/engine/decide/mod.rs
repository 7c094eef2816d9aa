//! The decision: from everything that is known, what to journal, what to write, what to say, and
//! when to look again. Pure and synchronous; `now` is data.
//!
//! The order on one screen: a mode that is over is tidied up; a mode whose end has come turns
//! back; one that has not begun waits for its plan and its quorum; one that is in force is
//! switched and held; one that turns back is brought back. Then everything is told.

mod acts;
mod alarm;
mod amended;
mod back;
mod board;
mod change;
mod conditions;
mod create;
mod draft;
mod ending;
mod field;
mod found;
mod gate;
mod glass;
mod hold;
mod interrupted;
mod late;
mod layer;
mod order;
mod pending;
mod proposal;
mod resumed;
mod rules;
mod said;
pub mod status;
mod stay;
mod switch;
mod taken;
mod term;
#[cfg(test)]
mod tests;
mod undo;
mod unread;
mod waiting;
mod wartime;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{
    Authority, EmergencyModeSpec, EmergencyModeStatus, Interruption, Phase, PlanFindings,
    PlaybookSpec, Turn, TurnKind,
};
use crate::field::{Path, Projection, Target, Uid};
use crate::ledger::record::Body;
use crate::ledger::{ABANDONED, Direction, Ledger};

use super::acts::{Answers, Ask, Key};
use super::beside::Origin;
use super::enforcement::Enforcement;
use super::layers::Layers;
use super::plan::Plan;
use super::protect::Own;
use super::scheduler::{Class, Standing as Progressing, Work};
use super::work::Task;

use ending::{Ending, abort, ending};
use found::Findings;

pub use alarm::{ALARMS, Alarm};
pub use conditions::says_given_up;
pub use create::taken;
pub use glass::{BREAK_GLASS, OVERDUE};
pub use glass::{asks_for_review, awaits_review, is_review_overdue, says_overdue};
pub use interrupted::move_interruptions;
pub use unread::{Damaged, damaged, malformed};
pub use waiting::{Blocked, Waiting, shortened};

/// What is known of a mode's object.
#[derive(Clone, Debug)]
pub struct ModeView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// Its generation.
    pub generation: i64,
    /// When it was declared.
    pub created: Timestamp,
    /// Whether it is being deleted: that stands it down.
    pub deleting: bool,
    /// Its spec; `None` when the object is gone and only the records are left.
    pub spec: Option<&'a EmergencyModeSpec>,
    /// Its status, as last published.
    pub status: Option<&'a EmergencyModeStatus>,
    /// Who puts its object there, as its marks say.
    pub kept: &'a [Origin],
}

/// What is known of a mode's playbook.
#[derive(Clone, Debug)]
pub struct PlaybookView<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// Its spec.
    pub spec: &'a PlaybookSpec,
}

/// A target as last seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// It is there.
    Present(Arc<Projection>),
    /// No object with this uid is there.
    Gone,
    /// It could not be read: nothing is known, nothing is done, and it is read again.
    Unreadable,
}

/// What came of planning for what the spec asks for now.
#[derive(Clone, Debug)]
pub enum Candidate {
    /// A plan.
    Planned(Arc<Plan>),
    /// The playbook does not expand: sentences.
    Invalid(Vec<String>),
    /// The cluster could not be read: sentences.
    Unreadable(Vec<String>),
}

/// Everything that a decision follows from.
pub struct Input<'a> {
    /// The mode.
    pub mode: ModeView<'a>,
    /// Its playbook, where there is one that can be read.
    pub playbook: Option<PlaybookView<'a>>,
    /// Why its playbook cannot be read, where there is one that cannot.
    pub malformed: Option<&'a str>,
    /// Its journal.
    pub ledger: &'a Ledger,
    /// Stored plans, by hash.
    pub plans: &'a BTreeMap<String, Arc<Plan>>,
    /// The plan for what the spec asks for now, where it was asked for.
    pub candidate: Option<&'a Candidate>,
    /// What is worth knowing of a plan that waits for approval, by its hash, where it was looked at.
    pub explained: Option<&'a (String, PlanFindings)>,
    /// Fields of a plan that another mode holds: a sentence each.
    pub conflicts: &'a dyn Fn(&Plan) -> Vec<String>,
    /// The namespaces that are Pingzhan's own.
    pub own: Own<'a>,
    /// What other modes have on the fields of this one.
    pub layers: &'a Layers,
    /// Whether the API server enforces the rules of authority.
    pub enforcement: &'a Enforcement,
    /// What of the policies without which a mode goes on is not as it is shipped, a sentence each.
    pub lapsed: &'a [String],
    /// Targets as last seen, by uid.
    pub sights: &'a BTreeMap<Uid, Sight>,
    /// Changes of new targets that the approved rule adopts, and the number of their amendment.
    pub adopted: &'a [(String, String, super::plan::Change)],
    /// What came of acts that were looked at or carried out, and when.
    pub answers: &'a Answers,
    /// What of acts is being looked at, carried out or undone now.
    pub trying: &'a BTreeSet<(Key, Ask)>,
    /// When each target was last written again, newest last: at most 3 times a minute.
    pub rewrites: &'a BTreeMap<Uid, Vec<Timestamp>>,
    /// When each target whose write was refused may be tried again.
    pub retry_at: &'a BTreeMap<Uid, Timestamp>,
    /// When writes of earlier leaders that were never confirmed are known to be dead.
    pub dead_at: Timestamp,
    /// When our own writes that were never confirmed are known to be dead, by target.
    pub unconfirmed: &'a BTreeMap<Uid, Timestamp>,
    /// Targets that are still to be switched and at which the server fails again and again: what it says.
    pub unanswered: &'a BTreeMap<Uid, String>,
    /// Targets at which this program failed itself, and that it leaves alone.
    pub quarantined: &'a BTreeSet<Uid>,
    /// Why targets cannot be watched, if so.
    pub unwatched: Option<&'a str>,
    /// Why the last record could not be stored, if so.
    pub refused: Option<&'a str>,
    /// Times in which nothing more could be switched, as they were after the last decision.
    pub interruptions: &'a [Interruption],
    /// New objects that match and are left alone.
    pub reported: &'a [super::denies::Newcomer],
    /// Targets for which the rest is not held up any longer, and how far the controllers were.
    pub given_up: &'a BTreeMap<Uid, Progressing>,
    /// Now.
    pub now: Timestamp,
}

/// What to read before a decision can be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// The plan for what the spec asks for now.
    Plan,
    /// Whether the API server enforces the rules of authority.
    Proof,
    /// These targets, and which of their fields.
    Sights(Vec<(Target, Vec<Path>)>),
}

/// What to do.
#[derive(Default)]
pub struct Decision {
    /// What to read first. What is known already is written meanwhile.
    pub need: Option<Need>,
    /// What to journal, in this order, before anything else.
    pub append: Vec<Body>,
    /// What to write.
    pub works: Vec<Work<Task>>,
    /// Targets that people wait for and that are written already.
    pub urgent: Vec<(Uid, Class)>,
    /// What the mode waits for.
    pub waiting: Option<Waiting>,
    /// What keeps it from going on.
    pub blocked: Option<Blocked>,
    /// What to say.
    pub status: EmergencyModeStatus,
    /// Acts that are to be looked at or carried out now.
    pub asks: BTreeMap<Key, Ask>,
    /// What nobody may miss, told at once.
    pub alarms: Vec<Alarm>,
    /// Targets to be read again within a few seconds, by uid: only their status is waited for.
    pub refresh: Vec<Uid>,
    /// When to look again, at the latest.
    pub again_at: Option<Timestamp>,
    /// The mode is over: records may go their way, the finalizer is dropped.
    pub closed: bool,
    /// Values are in place and should be held: targets are watched.
    pub hold: bool,
    /// Times in which nothing more could be switched.
    pub interruptions: Vec<Interruption>,
    /// The hash of the plan that people are to approve and of which nobody knows what it would meet.
    pub unexplained: Option<String>,
    /// What was found on the way, for status.
    findings: Findings,
}

impl Decision {
    /// Targets that somebody keeps changing, by uid, and who it is.
    pub const fn contested(&self) -> &BTreeMap<Uid, String> {
        &self.findings.contested
    }

    /// Something could not be read: it is looked at again, and said.
    pub(crate) fn unreadable(&mut self, now: Timestamp) {
        /// Seconds between two tries to read what could not be read.
        const AGAIN: i64 = 5;
        self.look_again(now + jiff::SignedDuration::from_secs(AGAIN));
        let known = if let Some(Waiting::Unreadable(count)) = self.waiting {
            count
        } else {
            0
        };
        self.waiting = Some(Waiting::Unreadable(known + 1));
    }

    /// Looks again at this time, or earlier.
    pub(crate) fn look_again(&mut self, at: Timestamp) {
        self.again_at = Some(self.again_at.map_or(at, |known| known.min(at)));
    }

    /// Whether it is known what a plan would meet that people are to approve. Where it is not, that is
    /// to be looked at, whatever else is waited for.
    fn is_explained(&mut self, input: &Input<'_>, hash: &str) -> bool {
        let known = status::found(input, hash).is_some();
        if !known {
            self.unexplained = Some(hash.to_owned());
        }
        known
    }

    /// Journals a change of direction.
    pub(crate) fn turn(&mut self, turn: Turn) {
        self.append.push(Body::Turn(turn));
    }
}

/// Decides.
///
/// Guarantees: nothing is written to a target unless a plan was granted by a turn in the journal;
/// an ended mode is never switched; what is decided depends on the input alone.
pub fn decide(input: &Input<'_>) -> Decision {
    let mut decision = Decision::default();
    let ending = ending(input, &mut decision);
    match (input.ledger.direction, ending) {
        // Whether people gave the mode up for lost is known once the rules are tried.
        (_, None) if decision.need == Some(Need::Proof) => {}
        (Direction::Closed, _) => decision.closed = true,
        (Direction::Pending, Some(ending)) => decision.turn(turn(TurnKind::Closed, &ending)),
        (Direction::Wartime | Direction::Held | Direction::Restoring, Some(ending))
            if ending.reason == ABANDONED =>
        {
            decision.turn(turn(TurnKind::Closed, &ending));
        }
        (Direction::Wartime | Direction::Held, Some(ending)) => {
            decision.turn(turn(TurnKind::Restoring, &ending));
        }
        (Direction::Pending, None) => pending::decide(input, &mut decision),
        (Direction::Wartime, None) => wartime::decide(input, &mut decision),
        (Direction::Held, None) => wartime::held(input, &mut decision),
        (Direction::Restoring, _) => back::decide(input, &mut decision),
    }
    // What cannot be tried now keeps nothing from being read or journalled.
    let unknown = matches!(input.enforcement, Enforcement::Unknown { .. });
    let rests = decision.need.is_none() && decision.append.is_empty();
    if decision.findings.doubted && (!unknown || rests) {
        decision.need = Some(Need::Proof);
    }
    glass::demand(input, &mut decision);
    if let Some(why) = input.refused.filter(|_| decision.blocked.is_none()) {
        decision.blocked = Some(Blocked::JournalRefused(why.to_owned()));
    }
    decision.interruptions = interrupted::known(input, &decision);
    status::fill(input, &mut decision);
    decision
}

impl Input<'_> {
    /// The playbook as it was approved, and as it is now, as far as they are known.
    fn authorities(&self) -> Vec<&Authority> {
        let approved = wartime::in_force(self).map(|plan| &plan.spec.authority);
        let now = self.playbook.as_ref().map(|book| &book.spec.authority);
        approved.into_iter().chain(now).collect()
    }

    /// When writes to a target that were never confirmed are known to be dead.
    fn dead_at(&self, uid: &str) -> Timestamp {
        self.unconfirmed
            .get(uid)
            .map_or(self.dead_at, |at| self.dead_at.max(*at))
    }
}

fn turn(kind: TurnKind, ending: &Ending) -> Turn {
    Turn {
        kind,
        by: ending.by.clone(),
        reason: Some(ending.reason.to_owned()),
        plan_hash: None,
        level: None,
        expires_at: None,
        approvals: Vec::new(),
    }
}
