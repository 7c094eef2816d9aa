//! Acts that leave no field behind: they begin, wait for what was seen or for people, and end. Each
//! move is journalled before anything follows from it.

use jiff::{SignedDuration, Timestamp};

use crate::api::{Act as Source, ActEvent, ActNote, Answer as Said, AnswerChoice, Gate, OnTimeout};
use crate::engine::acts::{Answer, Ask, Key};
use crate::engine::plan::{Plan, PlannedStage, PlannedStep};
use crate::ledger::record::Body;
use crate::ledger::{Act as Known, ActState};

use super::said;
use super::{Decision, Input, Waiting, interrupted, stay};

/// Most notes of one record, as in the schema of records.
const NOTES: usize = 64;
/// Seconds between two looks at what is waited for: pods start in seconds, and a list of a fleet
/// costs the API server some milliseconds a page.
const LOOK: SignedDuration = SignedDuration::from_secs(4);
/// The longest pause between two tries of an act: whoever could not be reached is back in minutes.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Where a step that is an act stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not begun, or not ended.
    Open {
        /// Whether what comes after it waits for it.
        holds: bool,
    },
    /// What comes after it may go on.
    Passed,
    /// What comes after it in its stage is left out.
    Declined,
    /// What comes after it in its stage is left undone: why.
    Failed(String),
    /// It failed, and nothing waits for it: why.
    Missed(String),
}

/// A step of a playbook that is an act.
#[derive(Clone, Copy)]
pub(super) enum Act<'a> {
    Wait,
    Gate(&'a Gate),
    /// Something that is carried out; with whether it is undone at the return.
    Deed(bool),
    /// It is proven that a freeze is in force, and at the return that it is not.
    Proof,
    /// People are told. Nothing waits for that but what is told critical.
    Notify,
}

pub(super) fn act<'a>(plan: &'a Plan, stage: &str, step: &str) -> Option<Act<'a>> {
    match plan.source(stage, step)?.acts().first()? {
        Source::Wait(_) => Some(Act::Wait),
        Source::Gate(gate) => Some(Act::Gate(gate)),
        Source::Run(run) => Some(Act::Deed(run.undo.is_some())),
        Source::Call(call) => Some(Act::Deed(call.undo.is_some())),
        Source::Notify(_) => Some(Act::Notify),
        Source::Freeze(_) => Some(Act::Proof),
        Source::Scale(_)
        | Source::Suspend(_)
        | Source::Isolate(_)
        | Source::Access(_)
        | Source::Config(_)
        | Source::Route(_)
        | Source::Patch(_)
        | Source::Apply(_) => None,
    }
}

/// Where a step stands, if it is an act.
pub(super) fn standing(
    input: &Input<'_>,
    plan: &Plan,
    stage: &str,
    step: &PlannedStep,
) -> Option<Standing> {
    let act = act(plan, stage, &step.name)?;
    let holds = step.critical || !matches!(act, Act::Notify);
    let Some(known) = stay::known(input, plan, stage, &step.name) else {
        return Some(Standing::Open { holds });
    };
    let why = || known.reason.clone().unwrap_or_default();
    Some(match known.state {
        ActState::Begun => Standing::Open { holds },
        ActState::Done | ActState::Skipped | ActState::Undoing | ActState::Undone => {
            Standing::Passed
        }
        ActState::Declined => Standing::Declined,
        ActState::Failed if holds => Standing::Failed(why()),
        ActState::Failed => Standing::Missed(why()),
    })
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

    fn note(&self, event: ActEvent, by: Option<&str>, reason: Option<&str>) -> ActNote {
        note(&self.key(), event, by, reason)
    }

    fn known(&self) -> Option<&Known> {
        stay::known(self.input, self.plan, &self.stage.name, &self.step.name)
    }

    /// That it begins. Where it begins again, what people have answered so far is not about this time.
    fn begins(&self) -> ActNote {
        let is_again = self.input.ledger.acts.contains_key(&self.key());
        let spec = self.input.mode.spec.filter(|_| is_again);
        let answers = spec.map_or(0, |spec| spec.answers.len());
        ActNote {
            answers: i64::try_from(answers).unwrap_or(i64::MAX),
            ..self.note(ActEvent::Begun, None, None)
        }
    }

    /// What came of its latest try since it began, and when.
    fn answer(&self, ask: Ask, began: Timestamp) -> Option<(Timestamp, &Answer)> {
        let (at, answer) = self.input.answers.get(&(self.key(), ask))?;
        (*at >= began).then_some((*at, answer))
    }

    /// Takes an open act further. What is noted is journalled by [`journal`].
    pub(super) fn advance(&self, decision: &mut Decision) {
        let Some(act) = act(self.plan, &self.stage.name, &self.step.name) else {
            return;
        };
        let known = self.known();
        if let Some(note) = self.skip().or_else(|| self.only_said(&act)) {
            decision.findings.notes.push(note);
            return;
        }
        let Some(known) = known else {
            return decision.findings.notes.push(self.begins());
        };
        let until = self.until(&act, known.began);
        match act {
            Act::Wait | Act::Proof => self.wait(known.began, until, decision),
            Act::Gate(gate) => self.gate(gate, known.answers, until, decision),
            Act::Deed(_) => self.carry(known.began, until, true, decision),
            Act::Notify => self.carry(known.began, until, self.step.critical, decision),
        }
    }

    /// When it is given up: interruptions do not count, for what answers in vain then, nor for whom
    /// nobody asks.
    fn until(&self, act: &Act<'_>, began: Timestamp) -> Timestamp {
        let own = match act {
            Act::Wait | Act::Proof | Act::Deed(_) | Act::Notify => None,
            Act::Gate(gate) => gate
                .timeout
                .as_ref()
                .and_then(|term| term.to_duration().ok()),
        };
        let seconds = own.map_or(self.step.timeout_seconds, |own| own.as_secs());
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        interrupted::end(self.input, began, SignedDuration::from_secs(seconds))
    }

    /// A person's word that the step is left out.
    pub(super) fn skip(&self) -> Option<ActNote> {
        let act = act(self.plan, &self.stage.name, &self.step.name);
        let spec = self.input.mode.spec?;
        let skip = said::skip(spec, &self.stage.name, &self.step.name, act)?;
        Some(self.note(ActEvent::Skipped, Some(&skip.by), Some(&skip.reason)))
    }

    /// At the table people answer at gates, and nothing is sent, carried out or waited for.
    fn only_said(&self, act: &Act<'_>) -> Option<ActNote> {
        let is_asked = matches!(act, Act::Gate(_));
        let why = Some("at the table only: not carried out");
        (self.plan.tabletop && !is_asked).then(|| self.note(ActEvent::Skipped, None, why))
    }

    /// Gives an act up whose own change failed: there is nothing to prove.
    pub(super) fn give_up(&self, why: &str, decision: &mut Decision) {
        let note = match self.known() {
            Some(_) => self.note(ActEvent::Failed, None, Some(why)),
            None => self.begins(),
        };
        decision.findings.notes.push(note);
    }

    fn wait(&self, began: Timestamp, until: Timestamp, decision: &mut Decision) {
        let looked = self.answer(Ask::Look, began);
        let seen = match looked {
            Some((_, Answer::Seen(reading))) => Some(reading),
            Some((_, Answer::Done(_) | Answer::NotYet(_) | Answer::Failed(_))) | None => None,
        };
        let notes = &mut decision.findings.notes;
        let ended = |event, why: &str| ActNote {
            ready: seen.and_then(|reading| i64::try_from(reading.ready?).ok()),
            ..self.note(event, None, Some(why))
        };
        match seen {
            Some(reading) if reading.holds => {
                notes.push(ended(ActEvent::Done, &reading.sentence));
                return;
            }
            Some(reading) if until <= self.input.now => {
                let why = format!("not in time: {}", reading.sentence);
                notes.push(ended(ActEvent::Failed, &why));
                return;
            }
            // Nobody could look: it is given up all the same, or nothing would ever follow.
            None if until <= self.input.now => {
                notes.push(ended(
                    ActEvent::Failed,
                    "not in time: nothing could be seen",
                ));
                return;
            }
            Some(_) | None => {}
        }
        let due = looked.map_or(self.input.now, |(at, _)| at + LOOK);
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

    /// Something is carried out, again and again until it is done, cannot be, or is given up.
    fn carry(&self, began: Timestamp, until: Timestamp, tells: bool, decision: &mut Decision) {
        let (last, found) = match self.answer(Ask::Carry, began) {
            Some((_, Answer::Done(found))) => {
                let note = self.note(ActEvent::Done, None, Some(found));
                return decision.findings.notes.push(note);
            }
            Some((_, Answer::Failed(why))) => {
                let note = self.note(ActEvent::Failed, None, Some(why));
                return decision.findings.notes.push(note);
            }
            Some((at, Answer::NotYet(why))) => (Some(at), why.as_str()),
            Some((_, Answer::Seen(_))) | None => (None, "it is being carried out"),
        };
        if until <= self.input.now {
            let why = format!("not in time: {found}");
            let note = self.note(ActEvent::Failed, None, Some(&why));
            return decision.findings.notes.push(note);
        }
        ask(self.input, &self.key(), Ask::Carry, began, last, decision);
        decision.look_again(until);
        if tells {
            self.tell(
                &format!("{found}, until {until:.0} at the latest"),
                decision,
            );
        }
    }

    /// `earlier` is how many answers were given before it began again.
    fn gate(&self, gate: &Gate, earlier: usize, until: Timestamp, decision: &mut Decision) {
        let answers = self.input.mode.spec.map_or(&[][..], |spec| &spec.answers);
        let ours = |answer: &&Said| {
            answer.stage == self.stage.name
                && answer.step == self.step.name
                && gate.groups.contains(&answer.as_)
        };
        if let Some(answer) = answers.iter().skip(earlier).find(ours) {
            let event = match answer.answer {
                AnswerChoice::Proceed => ActEvent::Done,
                AnswerChoice::Skip => ActEvent::Declined,
                AnswerChoice::Stop => ActEvent::Failed,
            };
            let why = format!("{:?}, answered as {}", answer.answer, answer.as_);
            let note = self.note(event, Some(&answer.by), Some(&why));
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
                .push(self.note(event, None, Some(&why)));
            return;
        }
        decision.look_again(until);
        decision.findings.asks.push(self.key());
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
        tell(&self.stage.name, sentence, decision);
    }
}

pub(super) fn tell(stage: &str, sentence: String, decision: &mut Decision) {
    let told = &mut decision.findings.acts;
    told.push((stage.to_owned(), sentence));
    let sentences: Vec<String> = told.iter().map(|(_, sentence)| sentence.clone()).collect();
    decision.waiting = Some(Waiting::Acts(sentences.join("; ")));
}

/// Asks for another try: the first at once, later ones ever later.
pub(super) fn ask(
    input: &Input<'_>,
    key: &Key,
    what: Ask,
    began: Timestamp,
    last: Option<Timestamp>,
    decision: &mut Decision,
) {
    let due = last.map_or(input.now, |last| {
        let waited = last.duration_since(began).max(LOOK);
        last + waited.min(LONGEST_PAUSE)
    });
    if due <= input.now {
        decision.asks.insert(key.clone(), what);
    } else {
        decision.look_again(due);
    }
}

pub(super) fn note(key: &Key, event: ActEvent, by: Option<&str>, reason: Option<&str>) -> ActNote {
    ActNote {
        stage: key.0.clone(),
        step: key.1.clone(),
        event,
        by: by.map(str::to_owned),
        reason: reason.map(super::status::cut),
        ready: None,
        answers: 0,
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

/// Journals what was noted.
pub(super) fn journal(decision: &mut Decision) {
    let notes = std::mem::take(&mut decision.findings.notes);
    for group in notes.chunks(NOTES) {
        decision.append.push(Body::Acts(group.to_vec()));
    }
}
