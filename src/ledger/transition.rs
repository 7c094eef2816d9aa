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
    pub fn is_settled_back(self) -> bool {
        todo!()
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
}

/// The state that follows. `restoring` says that the mode is on its way back.
pub fn next(_state: State, _event: Event, _restoring: bool) -> Result<State, Illegal> {
    todo!()
}
