//! Pure: the journal. Its records ([`record`]), its entries and their one transition function
//! ([`transition`]), the fold of a mode's records into what is true ([`Ledger`]), and which fields
//! which mode holds ([`held`]).

pub mod acts;
mod apply;
mod began;
mod entries;
pub mod entry;
pub mod fold;
mod follow;
mod group;
pub mod held;
mod intents;
mod outcomes;
pub mod record;
pub mod retention;
pub mod transition;

#[cfg(test)]
mod tests;

pub use acts::{Act, ActState};
pub use entries::Entries;
pub use entry::{Entry, EntryId, Found};
pub use fold::{ABANDONED, Direction, Granted, Ledger};
pub use held::{Holder, held, overlapping};
pub use record::{Body, Damage, Head};
pub use transition::{Event, State};
