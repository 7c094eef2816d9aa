//! What a mode waits for, and what keeps it from going on: enums with a sentence, the same in
//! status, panel and CLI.

use jiff::Timestamp;

use crate::api::Level;

/// Bytes that a sentence takes at most where a list or another's text is in it. The note of an Event
/// holds 1,024, with the mark of an exercise (17) and the longest reason (19) before the sentence; the
/// message of a condition holds 1,000 characters.
const WHOLE: usize = 980;

/// What a mode waits for. Waiting is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// For what a plan would meet to be known, before anybody is asked to approve it: the sentence of
    /// the quorum.
    Preflight(String),
    /// For people to approve: the sentence of the quorum.
    Approvals(String),
    /// For people to approve a change of level or term.
    ProposalApprovals(String),
    /// For what acts wait for: a sentence each, joined.
    Acts(String),
    /// For somebody to resume.
    Resume,
    /// For a stand-down after an abort with Hold.
    StandDown,
    /// The same, where another level was asked for since than this one, which was granted.
    LevelHeld(Level),
    /// For verdicts on this many drifted fields.
    Verdicts(usize),
    /// For writes that were never confirmed to be known dead.
    Unconfirmed(Timestamp),
    /// For other modes to put their values on fields that this one leaves to them.
    Layer {
        /// The modes' names.
        modes: Vec<String>,
        /// How many fields.
        count: usize,
    },
    /// For the next try of targets whose return was refused.
    Retry {
        /// How many fields.
        count: usize,
        /// How many of them the API server forbids to the playbook's account.
        forbidden: usize,
        /// The mode's name.
        mode: String,
    },
    /// For what was brought back to be ready again, before the rest follows.
    Readiness {
        /// The stages that are back.
        stages: Vec<String>,
        /// How many of their targets are not ready.
        count: usize,
        /// Until when, at the latest.
        until: Timestamp,
    },
    /// For GitOps to go on with what was suspended; everything else is back.
    Resumed {
        /// What is to go on, with names.
        what: String,
        /// Until when, at the latest.
        until: Timestamp,
    },
    /// For an object that is deleted and still there: which one, and what keeps it.
    Deletion(String),
    /// For fields that could not be read.
    Unreadable(usize),
    /// For the server to say what becomes of writes of this many targets.
    Unanswered(usize),
    /// For our marks to come off this many targets, where another's value stays.
    Marks(usize),
    /// For the review of an act without quorum: the sentence says by whom and when.
    Review(String),
}

impl Waiting {
    /// The sentence: what is waited for, and who can end the wait.
    pub fn sentence(&self) -> String {
        match self {
            Self::Approvals(sentence) | Self::Review(sentence) | Self::Acts(sentence) => {
                sentence.clone()
            }
            Self::Preflight(sentence) => format!(
                "the plan is being tried against the cluster, without a change, before anybody is asked to approve it (two minutes at most): then {sentence}"
            ),
            Self::ProposalApprovals(sentence) => {
                format!("the change of level or term is {sentence}; until then the mode goes on as granted")
            }
            Self::Resume => "paused: nothing is written until somebody resumes it or its term ends".into(),
            Self::StandDown => {
                "aborted with Hold: values stay as they are until somebody stands the mode down or its term ends".into()
            }
            Self::LevelHeld(granted) => format!(
                "aborted with Hold: no other level is switched to any more; put spec.level back to {granted:?}, which a longer term can be asked for with, or stand the mode down and declare another"
            ),
            Self::Verdicts(count) => format!(
                "waiting for a verdict (Keep or Ours) on {} that somebody else changed",
                counted(*count, "field")
            ),
            Self::Unconfirmed(at) => format!(
                "waiting until {at:.0} for writes without an answer to be certainly over"
            ),
            Self::Readiness {
                stages,
                count,
                until,
            } => until_ready(stages, *count, *until),
            Self::Resumed { what, until } => format!(
                "everything is back; waiting for {what}; until {until:.0} at the latest, then the mode closes and says which are not"
            ),
            Self::Deletion(what) => format!("waiting for {what}; what keeps it has to let it go"),
            Self::Unreadable(count) => format!(
                "{} cannot be read as the playbook's account; this is tried again by itself; where it has lost a right, see docs/guides/operate.md, A right that was lost",
                counted(*count, "field")
            ),
            Self::Layer { modes, count } => format!(
                "waiting for {} to put its own value on {} that it holds too; a paused mode does so when it is resumed",
                modes.join(", "),
                counted(*count, "field")
            ),
            Self::Unanswered(count) => format!(
                "the API server fails at {}, listed with what it says; this is tried again by itself",
                counted(*count, "target")
            ),
            Self::Retry {
                count,
                forbidden,
                mode,
            } => format!(
                "{} cannot be brought back yet; this is tried again by itself{}",
                counted(*count, "field"),
                way_out(*forbidden, mode)
            ),
            Self::Marks(count) => format!(
                "another's value stays on {}, and this mode's label cannot be taken off there yet; this is tried again by itself, and the operator's log says what refuses it",
                counted(*count, "target")
            ),
        }
    }
}

fn until_ready(stages: &[String], count: usize, until: Timestamp) -> String {
    format!(
        "waiting for {} of stage {} to be ready again, until {until:.0} at the latest, before the stages that they depend on follow",
        counted(count, "object"),
        stages.join(", ")
    )
}

/// What keeps a mode from going on until somebody decides or repairs something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// No playbook of that name.
    PlaybookMissing(String),
    /// The object of that name does not read as a playbook.
    PlaybookMalformed {
        /// The playbook.
        name: String,
        /// Why it cannot be read.
        problem: String,
    },
    /// The playbook does not expand.
    PlaybookInvalid(Vec<String>),
    /// The cluster cannot be read as the playbook's account.
    Unreadable(Vec<String>),
    /// Steps that cannot be carried out as they are written.
    Faulty(Vec<String>),
    /// The plan is not the one that the declarer saw.
    PlanDiffers {
        /// What was seen in the preview.
        seen: String,
        /// What the plan is now.
        now: String,
    },
    /// Another mode holds fields of the plan.
    HeldBy(Vec<String>),
    /// The requester may not declare: the sentence says who may.
    NotARequester(String),
    /// The act without quorum does not count: the sentence says who may.
    BreakGlass(String),
    /// The term is too long or not a term.
    Term(String),
    /// The API server does not enforce the rules of authority: what is missing, a sentence each.
    NotEnforced(Vec<String>),
    /// It cannot be found out whether the API server enforces them: why.
    NotProven(String),
    /// The journal cannot be read.
    JournalDamaged(String),
    /// No record can be stored.
    JournalRefused(String),
    /// A stage failed and the rest waits for a person.
    StageFailed(Vec<String>),
    /// An act failed, and what comes after it waits for a person.
    ActFailed(Vec<String>),
    /// The mode's object cannot be read.
    Malformed(String),
    /// The program failed at this mode.
    Panicked(String),
}

impl Blocked {
    /// The reason, a word that programs may rely on.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::PlaybookMissing(_) => "PlaybookMissing",
            Self::PlaybookMalformed { .. } => "PlaybookMalformed",
            Self::PlaybookInvalid(_) => "PlaybookInvalid",
            Self::Unreadable(_) => "Unreadable",
            Self::Faulty(_) => "PlanFaulty",
            Self::PlanDiffers { .. } => "PlanDiffers",
            Self::HeldBy(_) => "HeldBy",
            Self::NotARequester(_) => "NotARequester",
            Self::BreakGlass(_) => "BreakGlassRefused",
            Self::Term(_) => "TermRefused",
            Self::NotEnforced(_) => "RulesNotEnforced",
            Self::NotProven(_) => "RulesNotProven",
            Self::JournalDamaged(_) => "JournalDamaged",
            Self::JournalRefused(_) => "JournalRefused",
            Self::StageFailed(_) => "StageFailed",
            Self::ActFailed(_) => "ActFailed",
            Self::Malformed(_) => "Malformed",
            Self::Panicked(_) => "InternalError",
        }
    }

    /// The sentence: what is wrong, and what to do next.
    ///
    /// Guarantees: what to do is in it, however much is wrong: lists and what others say are
    /// shortened, so that all of it fits the note of an Event.
    pub fn sentence(&self) -> String {
        let (before, after) = (self.before(), self.after());
        let room = WHOLE.saturating_sub(before.len() + after.len());
        format!("{before}{}{after}", self.what(room))
    }

    /// What is wrong here, in so many bytes.
    fn what(&self, room: usize) -> String {
        match self {
            Self::PlaybookMissing(text)
            | Self::NotARequester(text)
            | Self::BreakGlass(text)
            | Self::Term(text)
            | Self::NotProven(text)
            | Self::JournalDamaged(text)
            | Self::JournalRefused(text)
            | Self::Malformed(text)
            | Self::Panicked(text) => shortened(text, room),
            Self::PlaybookMalformed { name, problem } => {
                shortened(&format!("{name} cannot be read: {problem}"), room)
            }
            Self::PlanDiffers { seen, now } => {
                shortened(&format!("{now}, but the declarer saw {seen}"), room)
            }
            Self::StageFailed(stages) => shortened(&stages.join(", "), room),
            Self::PlaybookInvalid(list)
            | Self::Unreadable(list)
            | Self::Faulty(list)
            | Self::HeldBy(list)
            | Self::NotEnforced(list)
            | Self::ActFailed(list) => some(list, room),
        }
    }

    /// What is said before it.
    const fn before(&self) -> &'static str {
        match self {
            Self::PlaybookMissing(_) => "there is no Playbook ",
            Self::PlaybookMalformed { .. } => "the Playbook ",
            Self::PlaybookInvalid(_) => "the playbook cannot be carried out: ",
            Self::Unreadable(_) => {
                "the playbook's account cannot see everything that the playbook selects, or make all that it names: "
            }
            Self::Faulty(_) => "the plan cannot be carried out as the playbook is written: ",
            Self::PlanDiffers { .. } => "the plan is now ",
            Self::HeldBy(_) => "another mode holds fields of this plan: ",
            Self::NotARequester(_) => "the declaration is refused: ",
            Self::BreakGlass(_) => "the act without quorum is refused: ",
            Self::Term(_) => "the term is refused: ",
            Self::NotEnforced(_) => {
                "the API server does not enforce who may declare and approve, so nothing is begun and nothing more is switched: "
            }
            Self::NotProven(_) => {
                "it is not known whether the API server enforces who may declare and approve, so nothing is begun and nothing more is switched: "
            }
            Self::JournalDamaged(_) => "the journal is damaged and nothing is touched: ",
            Self::JournalRefused(_) => "no record can be stored, so nothing more is written: ",
            Self::StageFailed(_) => "too little of stage ",
            Self::ActFailed(_) => "",
            Self::Malformed(_) => "the declaration cannot be read and nothing is done about it: ",
            Self::Panicked(_) => "pingzhan failed at this mode and leaves it alone: ",
        }
    }

    /// What is said after it: what to do.
    const fn after(&self) -> &'static str {
        match self {
            Self::PlaybookMissing(_) => ": create it, or declare another mode",
            Self::PlaybookMalformed { .. } => {
                "; `pingzhan lint` says where; correct it, or declare a mode of another playbook"
            }
            Self::Faulty(_) => "; correct the playbook, and the plan is made anew by itself",
            Self::PlanDiffers { .. } => ": look at the new plan and declare again",
            Self::HeldBy(_) => "; stand it down first",
            Self::NotEnforced(_) => {
                "; apply manifests/policies and manifests/crds of this version (or `helm upgrade`; `kubectl replace` takes away what was added), and it goes on by itself; a stand-down and the end of the term bring everything back all the same"
            }
            Self::NotProven(_) => {
                "; it is tried again by itself, and goes on when it is known; a stand-down and the end of the term bring everything back all the same"
            }
            Self::JournalDamaged(_) => "; see docs/guides/operate.md, Damaged journal",
            Self::JournalRefused(_) => {
                "; make room or give the right back, and it goes on by itself"
            }
            Self::StageFailed(_) => " succeeded: stand down, or abort with Hold or Restore",
            Self::ActFailed(_) => {
                ": skip the step with a reason to go on without it, stand down, or abort with Hold or Restore"
            }
            Self::Malformed(_) => {
                "; `pingzhan lint` says where; correct it, or delete it and declare again"
            }
            Self::Panicked(_) => "; report it, then restart the operator",
            Self::PlaybookInvalid(_)
            | Self::Unreadable(_)
            | Self::NotARequester(_)
            | Self::BreakGlass(_)
            | Self::Term(_) => "",
        }
    }
}

/// What to do where the API server forbids a return to the playbook's account: the right may be given
/// back, or somebody who has it does what the account may not.
fn way_out(forbidden: usize, mode: &str) -> String {
    if forbidden == 0 {
        return String::new();
    }
    let is = if forbidden == 1 { "is" } else { "are" };
    format!(
        "; {forbidden} of them {is} forbidden to the playbook's account, listed with what the API server says: give the right back; or stop the operator, and let a person who may `recover` and may write these objects call `pingzhan restore --from-records --as-yourself {mode}`"
    )
}

/// A number with its word: `1 field`, `2 fields`.
pub(super) fn counted<N: Copy + std::fmt::Display + PartialEq + From<bool>>(
    count: N,
    word: &str,
) -> String {
    let s = if count == N::from(true) { "" } else { "s" };
    format!("{count} {word}{s}")
}

/// A sentence with another's text in it, of which as much is kept as leaves room for the rest.
pub(super) fn fitted(text: &str, sentence: impl Fn(&str) -> String) -> String {
    let room = WHOLE.saturating_sub(sentence("").len());
    sentence(&shortened(text, room))
}

/// The first few of a list of problems, and how many more there are, in so many bytes.
fn some(items: &[String], room: usize) -> String {
    /// A condition's message is read on a phone at night.
    const SHOWN: usize = 3;
    const BETWEEN: &str = "; ";
    let shown = &items[..items.len().min(SHOWN)];
    let more = match items.len() - shown.len() {
        0 => String::new(),
        more => format!("{BETWEEN}and {more} more"),
    };
    let between = BETWEEN.len() * shown.len().saturating_sub(1);
    let mut left = room.saturating_sub(more.len() + between);
    let mut parts = Vec::new();
    for (at, item) in shown.iter().enumerate() {
        // Each has as much as the next, and what these do not need.
        let fair = left / (shown.len() - at);
        let others = shown[at + 1..].iter().map(|other| other.len().min(fair));
        let part = shortened(item, left - others.sum::<usize>());
        left = left.saturating_sub(part.len());
        parts.push(part);
    }
    parts.join(BETWEEN) + &more
}

/// As much of a text as so many bytes hold, cut between characters, with a sign where something is
/// left out.
pub fn shortened(text: &str, bytes: usize) -> String {
    const LEFT_OUT: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub(LEFT_OUT.len()));
    format!("{}{LEFT_OUT}", &text[..end])
}
