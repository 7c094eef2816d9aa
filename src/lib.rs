//! Pingzhan 平战 switches digital services between peacetime and wartime under a plan, and brings
//! every changed field back exactly.
//!
//! The data's one way through the program is in `ARCHITECTURE.md`. Imports go only downward in
//! this list; a tidy test holds it.

pub mod api;
pub mod cel;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod field;
pub mod i18n;
pub mod ledger;
pub mod page;
pub mod playbook;
pub mod policies;
pub mod recover;
pub mod rehearsal;
pub mod run;
pub mod sandtable;
pub mod step;
