//! What people, owners and rivals do, and when: from a seed, or exactly this.

use std::fmt;

use fastrand::Rng;
use serde_json::{Value, json};

use super::clocks::Hands;
use super::lawless;

/// Somebody does something.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// An approver says yes to whatever waits for approval.
    Approve(&'static str),
    /// Somebody says yes in the name of a group, past admission.
    ApproveAs(&'static str, &'static str),
    /// The duty officer asks for another level.
    Level(&'static str),
    /// Stops and goes on.
    Pause(bool),
    /// Gives the emergency up: the values stay, or go back.
    Abort(&'static str),
    /// Ends it.
    StandDown,
    /// Asks for a longer term.
    Renew(&'static str),
    /// Decides what becomes of everything that drifted.
    Verdict(&'static str),
    /// Somebody edits a field of a target that is journalled.
    Edit(usize, i64),
    /// Somebody scales a Deployment.
    Scale(usize, i64),
    /// The owner applies its manifest again: the peacetime value, without force.
    Reapply(usize),
    /// A reverter of the platform's applies it with force.
    Force(usize),
    /// Somebody labels a target: nothing that anybody else cares for.
    Label(usize),
    /// A target is deleted.
    Delete(usize),
    /// A target is deleted and made again at once, under the same name.
    Recreate(usize),
    /// A controller writes a status, so that the version moves and nothing else.
    Status(usize),
    /// The playbook's account loses its right to write, or has it again.
    Allow(bool),
    /// Admission refuses every change of a target, or does not any more.
    Deny(usize, bool),
    /// The API server is away, or back.
    Down(bool),
    /// What the server remembers of the past is compacted.
    Compact,
    /// A process is frozen, with what it sent, or thaws.
    Freeze(usize, bool),
    /// A process is killed.
    Kill(usize),
    /// A record of the journal vanishes from the store.
    Lose(usize),
    /// An autoscaler is put over a target, if it is a Deployment.
    Autoscale(usize),
    /// The pods of a target never become ready from now on.
    Stall(usize),
    /// A quota refuses new records of the journal, or does not any more.
    Quota(bool),
    /// A namespace of the fleet is deleted, with what is in it.
    End(usize),
    /// Another mode over some of the same fields is declared, at this level; or stood down.
    Second(Option<&'static str>),
    /// Somebody weakens the rules of authority: one of [`lawless::TAMPERINGS`] ways.
    Tamper(usize),
    /// The rules are put back as they are shipped.
    Mend,
}

impl fmt::Display for Act {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approve(who) => write!(to, "{who} approves"),
            Self::ApproveAs(who, group) => write!(to, "{who} approves for {group}"),
            Self::Level(level) => write!(to, "level {level} is asked for"),
            Self::Pause(true) => write!(to, "the mode is paused"),
            Self::Pause(false) => write!(to, "the mode goes on"),
            Self::Abort(choice) => write!(to, "the commander aborts: {choice}"),
            Self::StandDown => write!(to, "the mode is stood down"),
            Self::Renew(term) => write!(to, "a term of {term} is asked for"),
            Self::Verdict(choice) => write!(to, "an engineer's verdict on everything: {choice}"),
            Self::Edit(target, value) => write!(to, "somebody sets target {target} to {value}"),
            Self::Scale(target, value) => write!(to, "somebody scales target {target} to {value}"),
            Self::Reapply(target) => write!(to, "the owner of target {target} applies it again"),
            Self::Force(target) => write!(to, "a reverter forces target {target}"),
            Self::Label(target) => write!(to, "somebody labels target {target}"),
            Self::Delete(target) => write!(to, "target {target} is deleted"),
            Self::Recreate(target) => write!(to, "target {target} is deleted and made again"),
            Self::Status(target) => write!(to, "a controller writes the status of target {target}"),
            Self::Allow(true) => write!(to, "the playbook's account may write again"),
            Self::Allow(false) => write!(to, "the playbook's account may not write any more"),
            Self::Deny(target, true) => write!(to, "admission refuses changes of target {target}"),
            Self::Deny(target, false) => {
                write!(to, "admission lets changes of target {target} pass again")
            }
            Self::Down(true) => write!(to, "the API server is away"),
            Self::Down(false) => write!(to, "the API server is back"),
            Self::Compact => write!(to, "the server forgets the past"),
            Self::Freeze(process, true) => write!(to, "process {process} is frozen"),
            Self::Freeze(process, false) => write!(to, "process {process} thaws"),
            Self::Kill(process) => write!(to, "process {process} is killed"),
            Self::Lose(record) => write!(to, "record {record} of the journal vanishes"),
            Self::Autoscale(target) => write!(to, "an autoscaler is put over target {target}"),
            Self::Stall(target) => write!(to, "the pods of target {target} do not become ready"),
            Self::Quota(true) => write!(to, "a quota refuses new records"),
            Self::Quota(false) => write!(to, "there is room for new records again"),
            Self::Second(Some(level)) => write!(to, "another mode is declared, level {level}"),
            Self::Second(None) => write!(to, "the other mode is stood down"),
            Self::Tamper(which) => write!(to, "{}", lawless::in_words(*which)),
            Self::Mend => write!(to, "the rules are put back"),
            Self::End(space) => {
                let spaces = super::city::SPACES;
                write!(to, "namespace {} is deleted", spaces[space % spaces.len()])
            }
        }
    }
}

impl Act {
    /// The target that somebody other than the operator touches.
    pub const fn touches(&self) -> Option<usize> {
        match self {
            Self::Edit(target, _)
            | Self::Scale(target, _)
            | Self::Reapply(target)
            | Self::Force(target)
            | Self::Label(target)
            | Self::Delete(target)
            | Self::Recreate(target)
            | Self::Status(target)
            | Self::Autoscale(target)
            | Self::Stall(target) => Some(*target),
            Self::Approve(_)
            | Self::ApproveAs(..)
            | Self::Level(_)
            | Self::Pause(_)
            | Self::Abort(_)
            | Self::StandDown
            | Self::Renew(_)
            | Self::Verdict(_)
            | Self::Allow(_)
            | Self::Deny(..)
            | Self::Down(_)
            | Self::Compact
            | Self::Freeze(..)
            | Self::Kill(_)
            | Self::Lose(_)
            | Self::Quota(_)
            | Self::End(_)
            | Self::Second(_)
            | Self::Tamper(_)
            | Self::Mend => None,
        }
    }
}

/// An act at its time, in seconds since the declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub at: u64,
    pub act: Act,
}

/// A whole story.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a part of the playbook that may be there or not"
)]
pub struct Story {
    pub level: &'static str,
    pub expires_after: &'static str,
    /// How drift is met.
    pub drift: Value,
    pub happenings: Vec<Happening>,
    /// What is decided in the end about whatever waits for a verdict.
    pub last_word: &'static str,
    /// How many operators there are.
    pub operators: usize,
    /// Seconds of their lease.
    pub lease: u32,
    /// The clocks of their machines, in turn; without any, all are right.
    pub clocks: Vec<Hands>,
    /// Whether the cluster's own controllers are at work, by their stand-ins.
    pub controllers: bool,
    /// Whether the playbook makes objects, too, and adopts one.
    pub makes: bool,
    /// Whether the playbook closes and opens, too: a freeze, a cut, rights, a route.
    pub closes: bool,
    /// Whether the playbook has acts and suspends, too.
    pub deeds: bool,
    /// Whether alarms go over a channel.
    pub alarms: bool,
    /// The seed of a bad world outside, where it is bad.
    pub outside: Option<u64>,
}

/// Seconds of the lease: three times the usual, since its renewals are most of what idle hours cost.
const LEASE: u32 = 45;
/// The people who approve.
pub const APPROVERS: [&str; 2] = ["approver-lin", "approver-chen"];
/// The groups in whose name people approve.
pub const GROUPS: [&str; 2] = ["emergency-approvers", "emergency-command"];

const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

impl Story {
    /// Declared, approved, held for two minutes, stood down.
    pub fn plain() -> Self {
        Self {
            level: "II",
            expires_after: "4h",
            drift: json!({ "active": "Reassert", "restore": "Hold" }),
            happenings: vec![
                at(5, Act::Approve(APPROVERS[0])),
                at(8, Act::Approve(APPROVERS[1])),
                at(90, Act::StandDown),
            ],
            last_word: "Keep",
            operators: 2,
            lease: LEASE,
            clocks: Vec::new(),
            controllers: false,
            makes: false,
            closes: false,
            deeds: false,
            alarms: false,
            outside: None,
        }
    }

    /// The clock of a process's machine.
    pub fn hands(&self, process: usize) -> Hands {
        let many = self.clocks.len().max(1);
        self.clocks.get(process % many).copied().unwrap_or_default()
    }

    /// Whether the cluster's own controllers are at work: without them no namespace ends.
    pub fn has_controllers(&self) -> bool {
        let needs =
            |one: &Happening| matches!(one.act, Act::End(_) | Act::Autoscale(_) | Act::Stall(_));
        self.controllers || self.happenings.iter().any(needs)
    }

    /// Whether a process is frozen, with what it sent. A request that makes an object has no guard: one
    /// that is held for longer than ten seconds is nothing that the operator is said to survive.
    pub fn freezes(&self) -> bool {
        let mut acts = self.happenings.iter().map(|one| &one.act);
        acts.any(|act| matches!(act, Act::Freeze(..)))
    }

    /// Whether somebody weakens the rules of authority.
    pub fn tampers(&self) -> bool {
        let mut acts = self.happenings.iter().map(|one| &one.act);
        acts.any(|act| matches!(act, Act::Tamper(_)))
    }

    /// Ordered by time; what is at one time stays in its order.
    pub fn with(mut self, more: impl IntoIterator<Item = Happening>) -> Self {
        self.happenings.extend(more);
        self.happenings.sort_by_key(|happening| happening.at);
        self
    }

    /// Whether somebody's word allows writing over another's value.
    pub fn overwrites(&self) -> bool {
        let words = self
            .happenings
            .iter()
            .any(|one| one.act == Act::Verdict("Ours"));
        let policy = ["Enforce", "Revert"]
            .iter()
            .any(|word| self.drift["active"] == *word || self.drift["restore"] == *word);
        words || policy || self.last_word == "Ours"
    }
}

/// What a story may hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cast {
    /// How many acts of people beyond approval and standing down, at most.
    pub people: usize,
    /// How many acts upon targets, at most.
    pub rivals: usize,
    /// How many troubles of rights, admission, server and processes, at most.
    pub troubles: usize,
    /// Whether rivals delete and make anew.
    pub deletes: bool,
}

impl Cast {
    /// Draws a story.
    pub fn story(self, seed: u64) -> Story {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut story = Story {
            level: ["I", "II", "III"][rng.usize(0..3)],
            last_word: if rng.u8(0..4) == 0 { "Ours" } else { "Keep" },
            operators: rng.usize(2..4),
            ..Story::plain()
        };
        if rng.u8(0..6) == 0 {
            story.drift = json!({ "active": "Enforce", "restore": "Revert" });
        } else if rng.u8(0..8) == 0 {
            story.drift = json!({ "active": "Yield", "restore": "Keep" });
        }
        let late = if rng.u8(0..5) == 0 { 900 } else { 30 };
        let first = rng.u64(1..late);
        let end = first + rng.u64(10..600);
        story.happenings = vec![
            at(first, Act::Approve(APPROVERS[0])),
            at(first + rng.u64(0..60), Act::Approve(APPROVERS[1])),
        ];
        // Some emergencies end because their term does.
        if rng.u8(0..8) == 0 {
            story.expires_after = "15m";
        } else {
            story.happenings.push(at(end, Act::StandDown));
        }
        let last = end + 120;
        for _ in 0..rng.usize(0..=self.people) {
            person(&mut rng, last, &mut story.happenings);
        }
        for _ in 0..rng.usize(0..=self.rivals) {
            let when = rng.u64(0..last);
            story.happenings.push(at(when, self.rival(&mut rng)));
        }
        for _ in 0..rng.usize(0..=self.troubles) {
            trouble(&mut rng, last, story.operators, &mut story.happenings);
        }
        story.with([])
    }

    fn rival(self, rng: &mut Rng) -> Act {
        let target = rng.usize(0..super::city::TARGETS);
        match rng.u8(0..if self.deletes { 10 } else { 8 }) {
            0 | 1 => Act::Edit(target, rng.i64(1..20)),
            2 => Act::Scale(target, rng.i64(0..20)),
            3 => Act::Reapply(target),
            4 | 5 => Act::Force(target),
            6 => Act::Label(target),
            7 => Act::Status(target),
            8 => Act::Delete(target),
            _ => Act::Recreate(target),
        }
    }
}

fn person(rng: &mut Rng, last: u64, to: &mut Vec<Happening>) {
    let when = rng.u64(0..last);
    match rng.u8(0..8) {
        7 => {
            // Neither of these counts: the requester's own, and one person's second.
            to.push(at(when, Act::ApproveAs("duty-officer-zhou", GROUPS[0])));
            to.push(at(when + 1, Act::ApproveAs(APPROVERS[0], GROUPS[1])));
        }
        0 | 1 => {
            to.push(at(when, Act::Level(["I", "II", "III"][rng.usize(0..3)])));
            for who in APPROVERS {
                to.push(at(when + rng.u64(3..90), Act::Approve(who)));
            }
        }
        2 | 3 => {
            to.push(at(when, Act::Pause(true)));
            to.push(at(when + rng.u64(1..120), Act::Pause(false)));
        }
        4 => to.push(at(
            when,
            Act::Abort(if rng.bool() { "Restore" } else { "Hold" }),
        )),
        5 => {
            to.push(at(when, Act::Renew("5h")));
            for who in APPROVERS {
                to.push(at(when + rng.u64(3..90), Act::Approve(who)));
            }
        }
        _ => to.push(at(
            when,
            Act::Verdict(if rng.u8(0..4) == 0 { "Ours" } else { "Keep" }),
        )),
    }
}

fn trouble(rng: &mut Rng, last: u64, operators: usize, to: &mut Vec<Happening>) {
    let when = rng.u64(0..last);
    let later = when + rng.u64(1..90);
    let target = rng.usize(0..super::city::TARGETS);
    let process = rng.usize(0..operators);
    match rng.u8(0..6) {
        0 => {
            to.push(at(when, Act::Allow(false)));
            to.push(at(later, Act::Allow(true)));
        }
        1 => {
            to.push(at(when, Act::Deny(target, true)));
            to.push(at(later, Act::Deny(target, false)));
        }
        2 => {
            to.push(at(when, Act::Down(true)));
            to.push(at(later, Act::Down(false)));
        }
        3 => to.push(at(when, Act::Compact)),
        4 => {
            to.push(at(when, Act::Freeze(process, true)));
            to.push(at(later, Act::Freeze(process, false)));
        }
        _ => to.push(at(when, Act::Kill(process))),
    }
}
