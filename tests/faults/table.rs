//! The columns of the matrix, and what each cell of it demands, or why there is nothing to demand.

use super::kinds::{KINDS, Kind};
use super::made::{MADE, Made};

/// What goes wrong, each for one target of every kind of step and not for the one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: planned, switched, held, and back exactly.
    Nothing,
    /// In wartime somebody puts the peacetime value back.
    PutBack,
    /// In wartime somebody writes a third value.
    Third,
    /// Just before the return somebody writes a third value; the verdict is Ours.
    LateOurs,
    /// The same; the verdict is Keep.
    LateKeep,
    /// The account lacks the right at the switch.
    ForbiddenThere,
    /// It loses the right before the return.
    ForbiddenBack,
    /// A policy denies the change at the switch; what is outside refuses, too.
    DeniedThere,
    /// Only at the return.
    DeniedBack,
    /// A webhook that admits changes does not answer at the switch.
    WebhookThere,
    /// Only at the return.
    WebhookBack,
    /// A quota of objects is used up at the switch.
    QuotaThere,
    /// Only at the return.
    QuotaBack,
    /// The namespace ends between the plan and the switch.
    EndsThere,
    /// It ends in wartime.
    EndsBack,
}

/// The columns.
pub const FAULTS: [Fault; 15] = [
    Fault::Nothing,
    Fault::PutBack,
    Fault::Third,
    Fault::LateOurs,
    Fault::LateKeep,
    Fault::ForbiddenThere,
    Fault::ForbiddenBack,
    Fault::DeniedThere,
    Fault::DeniedBack,
    Fault::WebhookThere,
    Fault::WebhookBack,
    Fault::QuotaThere,
    Fault::QuotaBack,
    Fault::EndsThere,
    Fault::EndsBack,
];

/// The acts that leave no field behind.
pub const ACTS: [&str; 5] = ["run", "call", "notify", "wait", "gate"];

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// What has to hold.
    Holds(&'static str),
    /// Why it makes no sense; the target is one more that must not be held up.
    Senseless(&'static str),
}

use Cell::{Holds, Senseless};

const EXACT: &str = "planned, switched, and back exactly, owners included";
const REFUSED: &str = "Refused, with the server's sentence; nothing written, nothing to bring back";
const STUCK: &str = "Stuck, with the server's sentence; back exactly once the cause is gone";

impl Fault {
    /// Its word: the name of its mode and of its namespace.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::PutBack => "put-back",
            Self::Third => "third",
            Self::LateOurs => "late-ours",
            Self::LateKeep => "late-keep",
            Self::ForbiddenThere => "forbidden-there",
            Self::ForbiddenBack => "forbidden-back",
            Self::DeniedThere => "denied-there",
            Self::DeniedBack => "denied-back",
            Self::WebhookThere => "webhook-there",
            Self::WebhookBack => "webhook-back",
            Self::QuotaThere => "quota-there",
            Self::QuotaBack => "quota-back",
            Self::EndsThere => "ends-there",
            Self::EndsBack => "ends-back",
        }
    }

    /// The cell of a kind of step that changes a field.
    pub fn field(self, kind: &Kind) -> Cell {
        const TWO: &str =
            "a switch has two positions: who turns it back puts the peacetime value there";
        const CREATED: &str = "a quota counts what is created, and a change creates nothing: what does not \
             fit is said by the plan's findings (scenarios::capacity) and by a wait";
        match self {
            Self::Nothing => Holds(EXACT),
            Self::PutBack => Holds("written again, and back exactly"),
            Self::Third if kind.is_firm() => {
                Holds("written again, and nobody is asked: what takes rights is kept; back exactly")
            }
            Self::Third if kind.third.is_some() => {
                Holds("Drifted, by name; a verdict writes over it; back exactly")
            }
            Self::LateOurs if kind.third.is_some() => {
                Holds("Drifted at the return, by name; a verdict of Ours brings it back exactly")
            }
            Self::LateKeep if kind.third.is_some() => Holds(
                "Drifted at the return, by name; a verdict of Keep leaves it, with no mark of ours",
            ),
            Self::Third | Self::LateOurs | Self::LateKeep => Senseless(TWO),
            Self::ForbiddenThere | Self::DeniedThere => Holds(REFUSED),
            Self::ForbiddenBack | Self::DeniedBack => Holds(STUCK),
            Self::WebhookThere => Holds(
                "listed with the server's sentence, and tried again; switched once it answers; back exactly",
            ),
            Self::WebhookBack => {
                Holds("Stuck, with the server's sentence; back exactly once it answers")
            }
            Self::QuotaThere | Self::QuotaBack => Senseless(CREATED),
            Self::EndsThere | Self::EndsBack => Holds("Gone, and nothing waits for it"),
        }
    }

    /// The cell of a kind of step that makes objects. There the peacetime value is that nothing is there, and
    /// a third one is an object that somebody changed.
    pub fn made(self, made: &Made) -> Cell {
        const ROOM: &str = "a quota counts what is created, and the return deletes";
        if made.is_freeze()
            && let Some(cell) = self.freeze()
        {
            return cell;
        }
        match self {
            Self::Nothing => Holds("made, and gone after the return"),
            Self::PutBack => Holds("made again, and gone after the return"),
            Self::Third if made.firm => {
                Holds("made anew, and nobody is asked: what closes is kept; gone after the return")
            }
            Self::Third => {
                Holds("Drifted, by name; a verdict makes it anew; gone after the return")
            }
            Self::LateOurs => Holds("Drifted at the return, by name; a verdict of Ours deletes it"),
            Self::LateKeep => Holds(
                "Drifted at the return, by name; a verdict of Keep leaves it, with no mark of ours",
            ),
            // What refuses the trial of it keeps the plan from being made: scenarios::apply.
            Self::ForbiddenThere | Self::DeniedThere | Self::QuotaThere | Self::EndsThere => {
                Holds("Refused, with the server's sentence; nothing made, nothing left")
            }
            Self::ForbiddenBack | Self::DeniedBack | Self::WebhookBack => {
                Holds("Stuck, with the server's sentence; gone once the cause is")
            }
            Self::WebhookThere => Holds(
                "listed with the server's sentence, and tried again; made once it answers; gone after the return",
            ),
            Self::QuotaBack => Senseless(ROOM),
            Self::EndsBack => Holds(
                "Drifted, with the server's sentence that it cannot be made again; nothing waits for it",
            ),
        }
    }

    /// The cell of a change freeze, where it is another one than that of what else is made.
    const fn freeze(self) -> Option<Cell> {
        match self {
            Self::Nothing
            | Self::PutBack
            | Self::Third
            | Self::LateOurs
            | Self::ForbiddenThere
            | Self::DeniedThere
            | Self::DeniedBack
            | Self::WebhookThere
            | Self::WebhookBack
            | Self::QuotaThere
            | Self::QuotaBack
            | Self::EndsThere
            | Self::EndsBack => None,
            Self::LateKeep => Some(Holds(
                "Drifted at the return, by name; a verdict of Keep leaves it, with no mark of ours and in force, \
                 which is said until a person skips its step",
            )),
            Self::ForbiddenBack => Some(Senseless("the operator lifts it with rights of its own")),
        }
    }

    /// Whether something that steps make goes wrong in it.
    pub fn spoils_what_is_made(self) -> bool {
        let mut rows = MADE.iter();
        rows.any(|row| matches!(self.made(row), Holds(_)))
    }

    /// The cell of an act.
    pub fn act(self, act: &str) -> Cell {
        const OWN: &str = "it asks nothing of the cluster but its mode's own object";
        const NOBODY: &str = "nobody else writes what it leaves: it leaves no field";
        const READS: &str = "it reads, and is at an end at the return";
        match (self, act) {
            (Self::Nothing, "run" | "call") => Holds("done once, undone once"),
            (Self::Nothing, "notify") => Holds("told once"),
            (Self::Nothing, "wait") => Holds("not yet, said with what was found; then on"),
            (Self::Nothing, "gate") => Holds("asks, and goes on by the answer"),
            (Self::PutBack | Self::Third | Self::LateOurs | Self::LateKeep, _) => Senseless(NOBODY),
            (Self::ForbiddenThere | Self::QuotaThere | Self::WebhookThere, "run") => {
                Holds("said with the server's sentence, tried again, done once the cause is gone")
            }
            (
                Self::ForbiddenBack | Self::QuotaBack | Self::WebhookBack | Self::DeniedBack,
                "run",
            ) => Holds(
                "its undoing is said with the server's sentence, and done once the cause is gone",
            ),
            (Self::DeniedThere, "run") => Holds(
                "it fails with the policy's sentence; its undoing is carried out at the return",
            ),
            (Self::EndsThere, "run") => {
                Holds("said with the server's sentence until a person skips it, there and back")
            }
            (Self::EndsBack, "run") => {
                Holds("its undoing is said with the server's sentence until a person skips it")
            }
            (Self::DeniedThere, "call") => {
                Holds("said with the receiver's answer, tried again, done once it is taken")
            }
            (Self::DeniedBack, "call") => {
                Holds("its undoing is said with the receiver's answer, and done once it is taken")
            }
            (Self::DeniedThere, "notify") => Holds("tried again, and holds nothing up meanwhile"),
            (Self::ForbiddenThere, "wait") => {
                Holds("said that it cannot be read; it goes on once it can")
            }
            (Self::EndsThere, "wait") => {
                Holds("said that nothing is there, until a person skips it")
            }
            (_, "gate") => Senseless(OWN),
            (_, "call" | "notify") => Senseless("it asks nothing of the cluster"),
            (_, _) => Senseless(READS),
        }
    }

    /// Whether the cause is there from the switch on.
    pub const fn is_there(self) -> bool {
        matches!(
            self,
            Self::ForbiddenThere | Self::DeniedThere | Self::WebhookThere | Self::QuotaThere
        )
    }

    /// Whether the cause is there from the return on.
    pub const fn is_back(self) -> bool {
        matches!(
            self,
            Self::ForbiddenBack | Self::DeniedBack | Self::WebhookBack | Self::QuotaBack
        )
    }

    /// Whether the namespace of the targets that go wrong ends.
    pub const fn ends(self) -> bool {
        matches!(self, Self::EndsThere | Self::EndsBack)
    }

    /// How many cells demand something, and how many make no sense.
    pub fn cells(self) -> (usize, usize) {
        let fields = KINDS.iter().map(|kind| self.field(kind));
        let made = MADE.iter().map(|made| self.made(made));
        let acts = ACTS.iter().map(|act| self.act(act));
        let all: Vec<Cell> = fields.chain(made).chain(acts).collect();
        let holds = all.iter().filter(|cell| matches!(cell, Holds(_))).count();
        (holds, all.len() - holds)
    }
}

/// What the matrix demands is read like code: every cell of it.
#[test]
fn the_table_says_what_each_cell_demands_or_why_it_makes_no_sense() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for fault in FAULTS {
        let _ = writeln!(text, "{}:", fault.word());
        let fields = KINDS.iter().map(|kind| (kind.word, fault.field(kind)));
        let made = MADE.iter().map(|made| (made.word, fault.made(made)));
        let acts = ACTS.iter().map(|act| (*act, fault.act(act)));
        for (word, cell) in fields.chain(made).chain(acts) {
            let _ = match cell {
                Holds(what) => writeln!(text, "  {word}: {what}"),
                Senseless(why) => writeln!(text, "  {word}: - ({why})"),
            };
        }
    }
    insta::assert_snapshot!(text);
}
