//! Pure: fields of objects. Where they are ([`Path`]), what they hold ([`Image`]), who owns them
//! ([`FieldSet`], [`managed`]), what we saw of an object ([`Projection`]), and how a field is
//! written ([`patch`]) and given back ([`giveback`]).
//!
//! Shared by the operator, the CLI and the sand table. No client, no clock, no randomness.

pub mod creation;
mod draft;
pub mod exact;
pub mod flatten;
pub mod giveback;
pub mod image;
pub mod locate;
pub mod managed;
pub(crate) mod ops;
pub mod packed;
pub mod patch;
pub mod path;
mod pointer;
pub mod progress;
pub mod project;
pub mod quantity;
pub mod schema;
pub mod set;
pub mod sieve;
pub mod uid;

pub use image::Image;
pub use locate::{Place, Shape};
pub use managed::{FormerOwner, Owner};
pub use patch::Guard;
pub use path::{Path, Segment};
pub use progress::Progress;
pub use project::{Identity, Projection, Seen, Target};
pub use schema::Schemas;
pub use set::FieldSet;
pub use uid::Uid;
