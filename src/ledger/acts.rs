//! Acts that leave no field behind (wait, gate, notify, run, call): where each is, and the one
//! transition function. An illegal pair is an error value; the whole table is a snapshot test.

use jiff::Timestamp;
use snafu::Snafu;

use crate::api::{ActEvent, ActNote};

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
    /// When it began, or was left out.
    pub began: Timestamp,
    /// When it came where it is.
    pub at: Timestamp,
    /// Who decided, where a person did.
    pub by: Option<String>,
    /// Why, a sentence.
    pub reason: Option<String>,
    /// How many objects were ready, where that was waited for.
    pub ready: Option<i64>,
}

/// Where an act is after an event.
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
    /// Takes in what became of some acts. On `Err` nothing is changed.
    pub(super) fn take_acts(&mut self, notes: Vec<ActNote>, at: Timestamp) -> Result<(), String> {
        let mut known = self.acts.clone();
        for note in &notes {
            let key = (note.stage.clone(), note.step.clone());
            let before: Option<&Act> = known.get(&key);
            let state = next(before.map(|act| act.state), note.event)
                .map_err(|illegal| format!("{}/{}: {illegal}", note.stage, note.step))?;
            let act = Act {
                state,
                began: before.map_or(at, |act| act.began),
                at,
                by: note.by.clone(),
                reason: note.reason.clone(),
                ready: note.ready,
            };
            known.insert(key, act);
        }
        for note in notes {
            self.begins(&note.stage, at);
            self.stage_last.insert(note.stage.clone(), at);
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
