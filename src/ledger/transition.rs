//! The one transition function of an entry. An illegal pair is an error value, never a panic and
//! never ignored; the whole table is a snapshot test.

use snafu::Snafu;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Stored, perhaps written, not confirmed.
    Intended,
    /// Written; our value stands.
    Applied,
    /// To be brought back.
    Reverting,
    /// The peacetime value stands again; its owners do not own it yet.
    Reverted,
    /// Brought back, ownership included. Final.
    OwnersBack,
    /// The API server refused the change; nothing of ours is there. Final, but for a new try.
    Refused,
    /// Never written: something else was there, or the direction changed first. Final.
    Withdrawn,
    /// A later entry of this mode stands in its place. Final.
    Shadowed,
    /// Not written, since it would have moved against the step's intent. Final.
    Overtaken,
    /// Somebody else's value is there; waits for a verdict or a policy.
    Drifted,
    /// The return was refused; tried again.
    Stuck,
    /// Another's value stays, by verdict or policy; we let go. Final.
    Kept,
    /// The object is gone. Final.
    Gone,
}

/// What can happen to an entry. The names are the words in `Outcome.event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The write is confirmed: our value stands.
    Applied,
    /// The write was refused.
    Refused,
    /// The write was never made and is given up.
    Withdrawn,
    /// The write would have moved against the step's intent.
    Overtaken,
    /// A later entry of this mode was applied in its place.
    Superseded,
    /// Somebody else's value was found.
    Drifted,
    /// Our value was written again, after a rival had put another back.
    Reasserted,
    /// A verdict says that ours is to stand: back to Applied in wartime, to Reverting on the way
    /// back.
    Ours,
    /// A verdict or policy says that the other's value stays.
    Kept,
    /// The mode turned to Restoring, or the entry is no longer part of the granted plan.
    Turned,
    /// The peacetime value stands again.
    Reverted,
    /// The return was refused.
    Stuck,
    /// Ownership is back.
    OwnersBack,
    /// The object is gone.
    Gone,
}

/// An event that cannot happen in a state.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(display("an entry that is {state:?} cannot become {event:?}"))]
pub struct Illegal {
    /// The state.
    pub state: State,
    /// The event.
    pub event: Event,
}

impl State {
    /// All states, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Intended,
        Self::Applied,
        Self::Reverting,
        Self::Reverted,
        Self::OwnersBack,
        Self::Refused,
        Self::Withdrawn,
        Self::Shadowed,
        Self::Overtaken,
        Self::Drifted,
        Self::Stuck,
        Self::Kept,
        Self::Gone,
    ];

    /// Whether nothing more can be asked of the entry once its mode is on the way back.
    pub const fn is_settled_back(self) -> bool {
        match self {
            Self::OwnersBack
            | Self::Refused
            | Self::Withdrawn
            | Self::Shadowed
            | Self::Overtaken
            | Self::Kept
            | Self::Gone => true,
            Self::Intended
            | Self::Applied
            | Self::Reverting
            | Self::Reverted
            | Self::Drifted
            | Self::Stuck => false,
        }
    }

    /// Whether the entry ended without ever having been written, so that an older entry of the
    /// field, or nobody, stands in its place.
    pub const fn is_unwritten(self) -> bool {
        match self {
            Self::Refused | Self::Withdrawn | Self::Overtaken => true,
            Self::Intended
            | Self::Applied
            | Self::Reverting
            | Self::Reverted
            | Self::OwnersBack
            | Self::Shadowed
            | Self::Drifted
            | Self::Stuck
            | Self::Kept
            | Self::Gone => false,
        }
    }
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Applied,
        Self::Refused,
        Self::Withdrawn,
        Self::Overtaken,
        Self::Superseded,
        Self::Drifted,
        Self::Reasserted,
        Self::Ours,
        Self::Kept,
        Self::Turned,
        Self::Reverted,
        Self::Stuck,
        Self::OwnersBack,
        Self::Gone,
    ];

    /// The word in a record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::Refused => "Refused",
            Self::Withdrawn => "Withdrawn",
            Self::Overtaken => "Overtaken",
            Self::Superseded => "Superseded",
            Self::Drifted => "Drifted",
            Self::Reasserted => "Reasserted",
            Self::Ours => "Ours",
            Self::Kept => "Kept",
            Self::Turned => "Turned",
            Self::Reverted => "Reverted",
            Self::Stuck => "Stuck",
            Self::OwnersBack => "OwnersBack",
            Self::Gone => "Gone",
        }
    }

    /// Reads [`Event::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }
}

/// The state that follows. `restoring` says that the entry is on its way back: its mode turned to
/// Restoring, or the entry was turned by itself because it left the granted plan.
///
/// Guarantees: total over both enums, without a catch-all; what is not listed as possible is an
/// [`Illegal`]. A final state is left by nothing, and accepts only its own event again (a record
/// may be made by two observers of one fact) and `Turned` (a turn is for everybody, and those that
/// are settled stay what they are). `Turned` is legal in every state, so a turn never fails.
pub const fn next(state: State, event: Event, restoring: bool) -> Result<State, Illegal> {
    let follows = match state {
        State::Intended => intended(event, restoring),
        State::Applied => applied(event, restoring),
        State::Reverting => reverting(event),
        State::Reverted => reverted(event),
        State::Drifted => drifted(event, restoring),
        State::Stuck => stuck(event),
        State::OwnersBack => settled(state, Event::OwnersBack, event),
        State::Refused => settled(state, Event::Refused, event),
        State::Withdrawn => settled(state, Event::Withdrawn, event),
        State::Shadowed => settled(state, Event::Superseded, event),
        State::Overtaken => settled(state, Event::Overtaken, event),
        State::Kept => settled(state, Event::Kept, event),
        State::Gone => settled(state, Event::Gone, event),
    };
    match follows {
        Some(state) => Ok(state),
        None => Err(Illegal { state, event }),
    }
}

/// Where our value is to stand: wartime, or on the way back.
const fn standing(restoring: bool) -> State {
    if restoring {
        State::Reverting
    } else {
        State::Applied
    }
}

/// Stored, perhaps written.
const fn intended(event: Event, restoring: bool) -> Option<State> {
    match event {
        // Confirmed. After a turn the value stands all the same, and is to go back.
        Event::Applied => Some(standing(restoring)),
        // Nothing of ours is there.
        Event::Refused => Some(State::Refused),
        Event::Withdrawn => Some(State::Withdrawn),
        Event::Overtaken => Some(State::Overtaken),
        // A newer entry was applied over one that was never confirmed: it copied the base.
        Event::Superseded => Some(State::Shadowed),
        // After a verdict (`Ours`) the entry is Intended again; another edit may come first.
        Event::Drifted => Some(State::Drifted),
        // As above, where the policy is to yield.
        Event::Kept => Some(State::Kept),
        // It may have been written: only a look tells, so the return takes it on.
        Event::Turned => Some(State::Reverting),
        Event::Gone => Some(State::Gone),
        // Nothing stands yet that could be written again, disputed, or brought back.
        Event::Reasserted | Event::Ours | Event::Reverted | Event::Stuck | Event::OwnersBack => {
            None
        }
    }
}

/// Our value stands.
const fn applied(event: Event, restoring: bool) -> Option<State> {
    match event {
        // Twice recorded after a crash, or written again.
        Event::Applied | Event::Reasserted => Some(standing(restoring)),
        // Writing it again was refused: what the rival put there stands.
        Event::Refused | Event::Drifted => Some(State::Drifted),
        Event::Superseded => Some(State::Shadowed),
        // The policy is to yield.
        Event::Kept => Some(State::Kept),
        Event::Turned => Some(State::Reverting),
        Event::Gone => Some(State::Gone),
        // It was written, so it cannot be unwritten by a word; a verdict needs a drift first; and
        // the way back begins with a turn.
        Event::Withdrawn
        | Event::Overtaken
        | Event::Ours
        | Event::Reverted
        | Event::Stuck
        | Event::OwnersBack => None,
    }
}

/// To be brought back.
const fn reverting(event: Event) -> Option<State> {
    match event {
        // The answer to a write that was in flight at the turn: it changes what we know of the
        // value, not the way.
        Event::Applied | Event::Reasserted | Event::Turned => Some(State::Reverting),
        // A refusal that was in flight at the turn, or of the return itself. Stuck is tried again
        // and looks first, so it is right for both; Refused would forget a value that stands.
        Event::Refused | Event::Stuck => Some(State::Stuck),
        // Given up before it was written; the turn came in between.
        Event::Withdrawn => Some(State::Withdrawn),
        Event::Overtaken => Some(State::Overtaken),
        // The level was raised again before the return was made.
        Event::Superseded => Some(State::Shadowed),
        Event::Drifted => Some(State::Drifted),
        Event::Kept => Some(State::Kept),
        Event::Reverted => Some(State::Reverted),
        Event::Gone => Some(State::Gone),
        // A verdict needs a drift first; ownership follows the value.
        Event::Ours | Event::OwnersBack => None,
    }
}

/// The peacetime value stands again.
const fn reverted(event: Event) -> Option<State> {
    match event {
        Event::OwnersBack => Some(State::OwnersBack),
        // The ownership pass was refused.
        Event::Stuck => Some(State::Stuck),
        Event::Turned | Event::Reverted => Some(State::Reverted),
        // Raised again before the owners were back: the newer entry has copied them.
        Event::Superseded => Some(State::Shadowed),
        Event::Gone => Some(State::Gone),
        // The value is the owner's again: what happens to it is no drift of ours, and nothing of
        // wartime can be in flight, since there is one write in flight a target.
        Event::Applied
        | Event::Refused
        | Event::Withdrawn
        | Event::Overtaken
        | Event::Drifted
        | Event::Reasserted
        | Event::Ours
        | Event::Kept => None,
    }
}

/// Somebody else's value is there.
const fn drifted(event: Event, restoring: bool) -> Option<State> {
    match event {
        // Ours was found standing again, or was written again by policy.
        Event::Applied | Event::Reasserted => Some(standing(restoring)),
        // Writing over it was refused.
        Event::Refused => Some(if restoring {
            State::Stuck
        } else {
            State::Drifted
        }),
        Event::Superseded => Some(State::Shadowed),
        // Another edit: another verdict.
        Event::Drifted => Some(State::Drifted),
        // The effective value of the present direction is to be written over it; confirmed by
        // Applied or Reverted.
        Event::Ours => Some(if restoring {
            State::Reverting
        } else {
            State::Intended
        }),
        Event::Kept => Some(State::Kept),
        // What was drift in wartime is judged anew on the way back.
        Event::Turned => Some(State::Reverting),
        // The value went back by itself, or the policy is to revert.
        Event::Reverted if restoring => Some(State::Reverted),
        Event::Stuck if restoring => Some(State::Stuck),
        Event::Gone => Some(State::Gone),
        // In wartime nothing goes back without a turn. It was written once, or is at least
        // disputed. Ownership follows the value.
        Event::Reverted
        | Event::Stuck
        | Event::Withdrawn
        | Event::Overtaken
        | Event::OwnersBack => None,
    }
}

/// The return was refused; tried again.
const fn stuck(event: Event) -> Option<State> {
    match event {
        Event::Stuck | Event::Refused => Some(State::Stuck),
        Event::Reverted => Some(State::Reverted),
        Event::Drifted => Some(State::Drifted),
        // A person lets go of it.
        Event::Kept => Some(State::Kept),
        // Tried at once, over whatever the person named.
        Event::Turned | Event::Ours => Some(State::Reverting),
        Event::Superseded => Some(State::Shadowed),
        Event::Gone => Some(State::Gone),
        // Ownership follows the value, so a retry of the
        // ownership pass goes through Reverted again.
        Event::Applied
        | Event::Withdrawn
        | Event::Overtaken
        | Event::Reasserted
        | Event::OwnersBack => None,
    }
}

/// Final: its own event again, and turns, change nothing; anything else is an error.
const fn settled(state: State, own: Event, event: Event) -> Option<State> {
    match event {
        Event::Turned => Some(state),
        Event::Applied
        | Event::Refused
        | Event::Withdrawn
        | Event::Overtaken
        | Event::Superseded
        | Event::Drifted
        | Event::Reasserted
        | Event::Ours
        | Event::Kept
        | Event::Reverted
        | Event::Stuck
        | Event::OwnersBack
        | Event::Gone => {
            if event as u8 == own as u8 {
                Some(state)
            } else {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Every pair of the table, as a person reads it. A change of one cell is a change of what is
    /// done to somebody's service, and must be seen in review.
    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut text = String::new();
        for restoring in [false, true] {
            let way = if restoring {
                "on the way back"
            } else {
                "wartime"
            };
            for state in State::ALL {
                writeln!(text, "{state:?}, {way}").expect("a string takes everything");
                for event in Event::ALL {
                    let follows = match next(state, event, restoring) {
                        Ok(follows) if follows == state => "(stays)".to_owned(),
                        Ok(follows) => format!("{follows:?}"),
                        Err(_) => "illegal".to_owned(),
                    };
                    writeln!(text, "  {:<11} {follows}", event.word())
                        .expect("a string takes everything");
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    /// A turn to Restoring is folded over every entry: one illegal cell would make the journal of
    /// a running emergency unreadable.
    #[test]
    fn a_turn_is_legal_everywhere_and_leaves_nothing_in_wartime() {
        for state in State::ALL {
            for restoring in [false, true] {
                let follows = next(state, Event::Turned, restoring).expect("a turn is legal");
                assert!(
                    follows.is_settled_back()
                        || matches!(follows, State::Reverting | State::Reverted),
                    "{state:?} became {follows:?}"
                );
            }
        }
    }

    /// What is settled is over: no event may bring a field that was let go under our hands again.
    #[test]
    fn nothing_leaves_a_final_state() {
        for state in State::ALL
            .into_iter()
            .filter(|state| state.is_settled_back())
        {
            for event in Event::ALL {
                for restoring in [false, true] {
                    if let Ok(follows) = next(state, event, restoring) {
                        assert_eq!(follows, state, "by {event:?}");
                    }
                }
            }
        }
    }

    /// On the way back nothing may return to wartime, whatever answers are still in flight.
    #[test]
    fn no_event_on_the_way_back_leads_to_wartime() {
        for state in State::ALL {
            for event in Event::ALL {
                if let Ok(follows) = next(state, event, true) {
                    assert!(
                        !matches!(follows, State::Applied | State::Intended),
                        "{state:?} by {event:?}"
                    );
                }
            }
        }
    }

    /// Records hold words: each must be read back as what was written.
    #[test]
    fn words_are_read_back() {
        for event in Event::ALL {
            assert_eq!(Event::from_word(event.word()), Some(event));
        }
        assert_eq!(Event::from_word("applied"), None);
    }
}
