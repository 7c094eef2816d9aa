//! Acts that leave no field behind: they begin, wait for what was seen or for people, and end. Each
//! move is journalled before anything follows from it.

use jiff::{SignedDuration, Timestamp};

use crate::api::{
    Act as Source, ActEvent, ActNote, Answer as Said, AnswerChoice, EmergencyModeSpec, Gate,
    OnTimeout, Skip,
};
use crate::engine::acts::{Answer, Ask, Key};
use crate::engine::plan::{Plan, PlannedStage, PlannedStep};
use crate::ledger::ActState;
use crate::ledger::record::Body;

use super::{Decision, Input, Waiting};

/// Most notes of one record, as in the schema of records.
const NOTES: usize = 64;
/// Seconds between two looks at what is waited for: pods start in seconds, and a list of a fleet
/// costs the API server some milliseconds a page.
const LOOK: SignedDuration = SignedDuration::from_secs(4);

/// Where a step that is an act stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not begun, or not ended.
    Open,
    /// What comes after it may go on.
    Passed,
    /// What comes after it in its stage is left out.
    Declined,
    /// What comes after it in its stage is left undone: why.
    Failed(String),
}

/// A step of a playbook that is an act.
#[derive(Clone, Copy)]
enum Act<'a> {
    Wait,
    Gate(&'a Gate),
}

fn act<'a>(plan: &'a Plan, stage: &str, step: &str) -> Option<Act<'a>> {
    match plan.source(stage, step)?.acts().first()? {
        Source::Wait(_) => Some(Act::Wait),
        Source::Gate(gate) => Some(Act::Gate(gate)),
        Source::Scale(_)
        | Source::Suspend(_)
        | Source::Isolate(_)
        | Source::Access(_)
        | Source::Config(_)
        | Source::Route(_)
        | Source::Freeze(_)
        | Source::Patch(_)
        | Source::Apply(_)
        | Source::Run(_)
        | Source::Call(_)
        | Source::Notify(_) => None,
    }
}

/// Where a step stands, if it is an act.
pub(super) fn standing(
    input: &Input<'_>,
    plan: &Plan,
    stage: &str,
    step: &PlannedStep,
) -> Option<Standing> {
    act(plan, stage, &step.name)?;
    let key = (stage.to_owned(), step.name.clone());
    let Some(known) = input.ledger.acts.get(&key) else {
        return Some(Standing::Open);
    };
    Some(match known.state {
        ActState::Begun => Standing::Open,
        ActState::Done | ActState::Skipped | ActState::Undoing | ActState::Undone => {
            Standing::Passed
        }
        ActState::Declined => Standing::Declined,
        ActState::Failed => Standing::Failed(known.reason.clone().unwrap_or_default()),
    })
}

/// When the last of the acts that a step comes after ended: it could not begin before.
pub(super) fn held_until(
    input: &Input<'_>,
    stage: &PlannedStage,
    step: &PlannedStep,
) -> Option<Timestamp> {
    let before = step.after.iter().filter_map(|name| {
        let own = input.ledger.acts.get(&(stage.name.clone(), name.clone()));
        let earlier = stage.steps.iter().find(|other| other.name == *name);
        let further = earlier.and_then(|other| held_until(input, stage, other));
        own.map(|act| act.at).max(further)
    });
    before.max()
}

/// A step of a plan that is an act, and may go on.
pub(super) struct Turn<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a PlannedStage,
    pub(super) step: &'a PlannedStep,
}

impl Turn<'_> {
    fn key(&self) -> Key {
        (self.stage.name.clone(), self.step.name.clone())
    }

    fn note(&self, event: ActEvent, by: Option<&str>, reason: Option<String>) -> ActNote {
        ActNote {
            stage: self.stage.name.clone(),
            step: self.step.name.clone(),
            event,
            by: by.map(str::to_owned),
            reason: reason.map(|reason| super::status::cut(&reason)),
        }
    }

    /// Takes an open act further. What is noted is journalled by [`journal`].
    pub(super) fn advance(&self, decision: &mut Decision) {
        let Some(act) = act(self.plan, &self.stage.name, &self.step.name) else {
            return;
        };
        let known = self.input.ledger.acts.get(&self.key());
        if let Some(note) = self.skip() {
            decision.findings.notes.push(note);
            return;
        }
        let Some(known) = known else {
            decision
                .findings
                .notes
                .push(self.note(ActEvent::Begun, None, None));
            return;
        };
        let until = self.until(&act, known.began);
        match act {
            Act::Wait => self.wait(until, decision),
            Act::Gate(gate) => self.gate(gate, until, decision),
        }
    }

    /// When it is given up.
    fn until(&self, act: &Act<'_>, began: Timestamp) -> Timestamp {
        let own = match act {
            Act::Wait => None,
            Act::Gate(gate) => gate
                .timeout
                .as_ref()
                .and_then(|term| term.to_duration().ok()),
        };
        let seconds = own.map_or(self.step.timeout_seconds, |own| own.as_secs());
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        began
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX)
    }

    /// A person's word that the step is left out.
    pub(super) fn skip(&self) -> Option<ActNote> {
        let skip = said_skip(self.input.mode.spec?, &self.stage.name, &self.step.name)?;
        Some(self.note(ActEvent::Skipped, Some(&skip.by), Some(skip.reason.clone())))
    }

    fn wait(&self, until: Timestamp, decision: &mut Decision) {
        let seen = match self.input.answers.get(&self.key()) {
            Some((_, Answer::Seen(reading))) => Some(reading),
            None => None,
        };
        let notes = &mut decision.findings.notes;
        match seen {
            Some(reading) if reading.holds => {
                notes.push(self.note(ActEvent::Done, None, Some(reading.sentence.clone())));
                return;
            }
            Some(reading) if until <= self.input.now => {
                let why = format!("not in time: {}", reading.sentence);
                notes.push(self.note(ActEvent::Failed, None, Some(why)));
                return;
            }
            // Nobody could look: it is given up all the same, or nothing would ever follow.
            None if until <= self.input.now => {
                let why = "not in time: nothing could be seen".to_owned();
                notes.push(self.note(ActEvent::Failed, None, Some(why)));
                return;
            }
            Some(_) | None => {}
        }
        let last = self.input.answers.get(&self.key()).map(|(at, _)| *at);
        let due = last.map_or(self.input.now, |at| at + LOOK);
        if due <= self.input.now {
            decision.asks.insert(self.key(), Ask::Look);
        } else {
            decision.look_again(due);
        }
        decision.look_again(until);
        let found = seen.map_or("it is being looked at", |reading| reading.sentence.as_str());
        self.tell(
            &format!("{found}, until {until:.0} at the latest"),
            decision,
        );
    }

    fn gate(&self, gate: &Gate, until: Timestamp, decision: &mut Decision) {
        let answers = self.input.mode.spec.map_or(&[][..], |spec| &spec.answers);
        let ours = |answer: &&Said| {
            answer.stage == self.stage.name
                && answer.step == self.step.name
                && gate.groups.contains(&answer.as_)
        };
        if let Some(answer) = answers.iter().find(ours) {
            let event = match answer.answer {
                AnswerChoice::Proceed => ActEvent::Done,
                AnswerChoice::Skip => ActEvent::Declined,
                AnswerChoice::Stop => ActEvent::Failed,
            };
            let why = format!("{:?}, answered as {}", answer.answer, answer.as_);
            let note = self.note(event, Some(&answer.by), Some(why));
            decision.findings.notes.push(note);
            return;
        }
        if until <= self.input.now {
            let on_timeout = gate.on_timeout.unwrap_or_default();
            let event = match on_timeout {
                OnTimeout::Proceed => ActEvent::Done,
                OnTimeout::Skip => ActEvent::Declined,
                OnTimeout::Stop => ActEvent::Failed,
            };
            let why = format!("nobody answered in time, which means {on_timeout:?}");
            decision
                .findings
                .notes
                .push(self.note(event, None, Some(why)));
            return;
        }
        decision.look_again(until);
        let silence = gate.on_timeout.unwrap_or_default();
        self.tell(
            &format!(
                "an answer (Proceed, Skip or Stop) of {} to: {} Silence until {until:.0} means {silence:?}",
                gate.groups.join(" or "),
                prompt(gate),
            ),
            decision,
        );
    }

    fn tell(&self, what: &str, decision: &mut Decision) {
        let sentence = format!("{}/{} waits for: {what}", self.stage.name, self.step.name);
        let told = &mut decision.findings.acts;
        told.push((self.stage.name.clone(), sentence));
        let sentences: Vec<String> = told.iter().map(|(_, sentence)| sentence.clone()).collect();
        decision.waiting = Some(Waiting::Acts(sentences.join("; ")));
    }
}

/// What is asked, in both languages where both are written.
fn prompt(gate: &Gate) -> String {
    let prompt = &gate.prompt;
    let texts: Vec<&str> = [prompt.en.as_deref(), prompt.zh_cn.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    texts.join(" / ")
}

/// A person's word that a step is left out.
pub(super) fn said_skip<'a>(
    spec: &'a EmergencyModeSpec,
    stage: &str,
    step: &str,
) -> Option<&'a Skip> {
    let mut skips = spec.skips.iter();
    skips.find(|skip| skip.stage == stage && skip.step == step)
}

/// Journals what was noted.
pub(super) fn journal(decision: &mut Decision) {
    let notes = std::mem::take(&mut decision.findings.notes);
    for group in notes.chunks(NOTES) {
        decision.append.push(Body::Acts(group.to_vec()));
    }
}
