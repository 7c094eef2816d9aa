//! IO: the Kubernetes API as this program uses it. Clients with bounds ([`clients`]), requests and
//! their one classification ([`classify`], [`write`]), lists that keep no objects ([`list`]),
//! metadata watches ([`watch`]), and which resource a kind is ([`discovery`]).
//!
//! Everything above (`run`, `recover`, `panel`, `cli`) speaks to the API server through here.

mod again;
mod away;
pub mod classify;
pub mod clients;
pub(crate) mod deadline;
pub mod discovery;
#[cfg(test)]
pub(crate) mod fake;
pub mod list;
pub mod request;
pub mod reviews;
pub mod schemas;
pub mod watch;
pub mod whoami;
pub mod write;

pub use classify::Answer;
pub use clients::{Accounts, Clients, Count, connect, over};
pub use discovery::{Discovery, Resource};
pub use request::{Collection, Error};
