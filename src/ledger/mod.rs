//! Pure: the journal. Its records ([`record`]), its entries and their one transition function
//! ([`transition`]), and the fold of a mode's records into what is true ([`Ledger`]).

pub mod entry;
pub mod fold;
pub mod record;
pub mod transition;

pub use entry::{Entry, EntryId};
pub use fold::{Direction, Granted, Ledger};
pub use record::{Body, Damage, Head};
pub use transition::{Event, State};
