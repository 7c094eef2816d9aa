//! The city: what holds of it at every size, that API servers take it as it is, and what the playbook for
//! floods does with it.

mod carried;
mod crash;
mod cyber;
pub mod flood;
mod loaded;
pub mod played;
mod shape;
