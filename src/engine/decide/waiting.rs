//! What a mode waits for, and what keeps it from going on: enums with a sentence, the same in
//! status, panel and CLI.

use std::fmt::Write as _;

use jiff::Timestamp;

/// What a mode waits for. Waiting is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
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
    Retry(usize),
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
            Self::ProposalApprovals(sentence) => {
                format!("the change of level or term is {sentence}; until then the mode goes on as granted")
            }
            Self::Resume => "paused: nothing is written until somebody resumes it or its term ends".into(),
            Self::StandDown => {
                "aborted with Hold: values stay as they are until somebody stands the mode down or its term ends".into()
            }
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
            } => format!(
                "waiting for {} of stage {} to be ready again, until {until:.0} at the latest, before the stages that they depend on follow",
                counted(*count, "object"),
                stages.join(", ")
            ),
            Self::Resumed { what, until } => format!(
                "everything is back; waiting for {what}; until {until:.0} at the latest, then the mode closes and says which are not"
            ),
            Self::Deletion(what) => format!("waiting for {what}; what keeps it has to let it go"),
            Self::Unreadable(count) => format!(
                "{} cannot be read as the playbook's account; this is tried again by itself",
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
            Self::Retry(count) => format!(
                "{} cannot be brought back yet; this is tried again by itself",
                counted(*count, "field")
            ),
            Self::Marks(count) => format!(
                "another's value stays on {}, and this mode's label cannot be taken off there yet; this is tried again by itself, and the operator's log says what refuses it",
                counted(*count, "target")
            ),
        }
    }
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
    pub fn sentence(&self) -> String {
        match self {
            Self::PlaybookMissing(name) => {
                format!("there is no Playbook {name}: create it, or declare another mode")
            }
            Self::PlaybookMalformed { name, problem } => format!(
                "the Playbook {name} cannot be read: {problem}; `pingzhan lint` says where; correct it, or declare a mode of another playbook"
            ),
            Self::PlaybookInvalid(problems) => {
                format!("the playbook cannot be carried out: {}", some(problems))
            }
            Self::Unreadable(problems) => format!(
                "the playbook's account cannot see everything that the playbook selects, or make all that it names: {}",
                some(problems)
            ),
            Self::Faulty(faults) => format!(
                "the plan cannot be carried out as the playbook is written: {}; correct the playbook, and the plan is made anew by itself",
                some(faults)
            ),
            Self::PlanDiffers { seen, now } => format!(
                "the plan is now {now}, but the declarer saw {seen}: look at the new plan and declare again"
            ),
            Self::HeldBy(fields) => format!(
                "another mode holds fields of this plan: {}; stand it down first",
                some(fields)
            ),
            Self::NotARequester(problem) => format!("the declaration is refused: {problem}"),
            Self::BreakGlass(problem) => format!("the act without quorum is refused: {problem}"),
            Self::Term(problem) => format!("the term is refused: {problem}"),
            Self::NotEnforced(problems) => format!(
                "the API server does not enforce who may declare and approve, so nothing is begun and nothing more is switched: {}; apply manifests/policies and manifests/crds of this version (or `helm upgrade`; `kubectl replace` takes away what was added), and it goes on by itself; a stand-down and the end of the term bring everything back all the same",
                some(problems)
            ),
            Self::NotProven(problem) => format!(
                "it is not known whether the API server enforces who may declare and approve, so nothing is begun and nothing more is switched: {problem}; it is tried again by itself, and goes on when it is known; a stand-down and the end of the term bring everything back all the same"
            ),
            Self::JournalDamaged(problem) => format!(
                "the journal is damaged and nothing is touched: {problem}; see docs/guides/operate.md, Damaged journal"
            ),
            Self::JournalRefused(problem) => format!(
                "no record can be stored, so nothing more is written: {problem}; make room or give the right back, and it goes on by itself"
            ),
            Self::StageFailed(stages) => format!(
                "too little of stage {} succeeded: stand down, or abort with Hold or Restore",
                stages.join(", ")
            ),
            Self::ActFailed(acts) => format!(
                "{}: skip the step with a reason to go on without it, stand down, or abort with Hold or Restore",
                some(acts)
            ),
            Self::Malformed(problem) => format!(
                "the declaration cannot be read and nothing is done about it: {problem}; `pingzhan lint` says where; correct it, or delete it and declare again"
            ),
            Self::Panicked(problem) => format!(
                "pingzhan failed at this mode and leaves it alone: {problem}; report it, then restart the operator"
            ),
        }
    }
}

/// A number with its word: `1 field`, `2 fields`.
pub(super) fn counted<N: Copy + std::fmt::Display + PartialEq + From<bool>>(
    count: N,
    word: &str,
) -> String {
    let s = if count == N::from(true) { "" } else { "s" };
    format!("{count} {word}{s}")
}

/// The first few of a list of problems, and how many more there are.
fn some(items: &[String]) -> String {
    /// A condition's message is read on a phone at night.
    const SHOWN: usize = 3;
    let mut text = items
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if items.len() > SHOWN {
        let _ = write!(text, "; and {} more", items.len() - SHOWN);
    }
    text
}
