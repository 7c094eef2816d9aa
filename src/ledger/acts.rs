//! Acts that leave no field behind (wait, gate, notify, run, call): where each is, and the one
//! transition function. An illegal pair is an error value; the whole table is a snapshot test.

use jiff::Timestamp;
use snafu::Snafu;

use crate::api::{ActEvent, ActNote, Turn, TurnKind};

use super::fold::Ledger;

/// Where an act is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActState {
    /// Begun: what it waits for may come, what it does may be done.
    Begun,
    /// Done.
    Done,
    /// A person left it out; what comes after it goes on.
    Skipped,
    /// People said that what comes after it is left out. Final, but for what undoes it.
    Declined,
    /// It failed: what comes after it in its stage is left undone.
    Failed,
    /// Being undone.
    Undoing,
    /// Undone. Final.
    Undone,
}

/// An event that cannot happen to an act.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(display("an act that is {} cannot become {event:?}", state.map_or_else(|| "not begun".to_owned(), |state| format!("{state:?}"))))]
pub struct Illegal {
    /// Where it is; nothing where it was not begun.
    pub state: Option<ActState>,
    /// The event.
    pub event: ActEvent,
}

/// An act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Where it is.
    pub state: ActState,
    /// When it began last, or was left out.
    pub began: Timestamp,
    /// When it came where it is.
    pub at: Timestamp,
    /// Who decided, where a person did.
    pub by: Option<String>,
    /// Why, a sentence.
    pub reason: Option<String>,
    /// How many objects were ready, where that was waited for.
    pub ready: Option<i64>,
    /// How often it began: once in each stay of its stage in the plan; not at all where it was passed
    /// over at once.
    pub times: u32,
    /// How many turns the journal had when it came where it is. A plan that was granted later may have
    /// left its stage out.
    pub turns: usize,
    /// How many answers people had given by when it began again, or how many steps they had left out by
    /// when its undoing began: they are not about this time.
    pub answers: usize,
}

/// Where an act is after an event. One that begins again is taken for one that is not begun.
///
/// # Errors
/// [`Illegal`]: the event cannot happen to an act that is there.
pub fn next(state: Option<ActState>, event: ActEvent) -> Result<ActState, Illegal> {
    use ActState::{Begun, Declined, Done, Failed, Skipped, Undoing, Undone};
    let illegal = Err(Illegal { state, event });
    match (state, event) {
        (None, ActEvent::Begun) => Ok(Begun),
        (Some(Begun), ActEvent::Done) => Ok(Done),
        (Some(Begun), ActEvent::Declined) => Ok(Declined),
        (Some(Begun), ActEvent::Failed) => Ok(Failed),
        // A person may pass over what failed, so that its stage goes on.
        (None | Some(Begun | Failed), ActEvent::Skipped) => Ok(Skipped),
        (Some(Begun | Done | Skipped | Declined | Failed), ActEvent::Undoing) => Ok(Undoing),
        (Some(Undoing), ActEvent::Undone) => Ok(Undone),
        (
            None | Some(Begun | Done | Skipped | Declined | Failed | Undoing | Undone),
            ActEvent::Begun
            | ActEvent::Done
            | ActEvent::Skipped
            | ActEvent::Declined
            | ActEvent::Failed
            | ActEvent::Undoing
            | ActEvent::Undone,
        ) => illegal,
    }
}

impl Ledger {
    /// Whether an event is the beginning of another time: a plan was granted since the act came where it
    /// is, and nothing of it is undone. Whether a plan has left its stage out meanwhile is for whoever
    /// decides to know: the journal has plans as texts.
    fn begins_again(&self, act: &Act, event: ActEvent) -> bool {
        let begins = match event {
            ActEvent::Begun | ActEvent::Skipped => true,
            ActEvent::Done
            | ActEvent::Declined
            | ActEvent::Failed
            | ActEvent::Undoing
            | ActEvent::Undone => false,
        };
        let is_undone = match act.state {
            ActState::Undoing | ActState::Undone => true,
            ActState::Begun
            | ActState::Done
            | ActState::Skipped
            | ActState::Declined
            | ActState::Failed => false,
        };
        let granted = |(_, turn): &(Timestamp, Turn)| turn.kind == TurnKind::Granted;
        begins && !is_undone && self.turns.iter().skip(act.turns).any(granted)
    }

    /// Takes in what became of some acts. On `Err` nothing is changed.
    pub(super) fn take_acts(&mut self, notes: Vec<ActNote>, at: Timestamp) -> Result<(), String> {
        let mut known = self.acts.clone();
        for note in &notes {
            let key = (note.stage.clone(), note.step.clone());
            let before: Option<&Act> = known.get(&key);
            let earlier = before.filter(|act| !self.begins_again(act, note.event));
            let state = next(earlier.map(|act| act.state), note.event)
                .map_err(|illegal| format!("{}/{}: {illegal}", note.stage, note.step))?;
            let times = before.map_or(0, |act| act.times);
            let act = Act {
                state,
                began: earlier.map_or(at, |act| act.began),
                at,
                by: note.by.clone(),
                reason: note.reason.clone(),
                ready: note.ready,
                times: times.saturating_add(u32::from(note.event == ActEvent::Begun)),
                turns: self.turns.len(),
                answers: match note.event {
                    ActEvent::Begun | ActEvent::Undoing => {
                        usize::try_from(note.answers).unwrap_or(0)
                    }
                    ActEvent::Done
                    | ActEvent::Skipped
                    | ActEvent::Declined
                    | ActEvent::Failed
                    | ActEvent::Undone => before.map_or(0, |act| act.answers),
                },
            };
            known.insert(key, act);
        }
        for note in notes {
            self.begins(&note.stage, at);
            self.moves(&note.stage, at);
            self.told.push((at, note));
        }
        self.acts = known;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const STATES: [Option<ActState>; 8] = [
        None,
        Some(ActState::Begun),
        Some(ActState::Done),
        Some(ActState::Skipped),
        Some(ActState::Declined),
        Some(ActState::Failed),
        Some(ActState::Undoing),
        Some(ActState::Undone),
    ];
    const EVENTS: [ActEvent; 7] = [
        ActEvent::Begun,
        ActEvent::Done,
        ActEvent::Skipped,
        ActEvent::Declined,
        ActEvent::Failed,
        ActEvent::Undoing,
        ActEvent::Undone,
    ];

    /// A pair that is legal by mistake would begin an act twice, or lose what has to be undone.
    #[test]
    fn the_whole_table_is_known() {
        let mut table = String::new();
        for state in STATES {
            for event in EVENTS {
                let said = next(state, event).map_or("-".to_owned(), |next| format!("{next:?}"));
                let state = state.map_or("(none)".to_owned(), |state| format!("{state:?}"));
                let _ = writeln!(table, "{state:9} {:9} {said}", format!("{event:?}"));
            }
        }
        insta::assert_snapshot!(table);
    }
}
