//! The project's own tooling: the real control plane from Go modules ([`tools`], [`cluster`]),
//! the demo, generated files, and the test command.
//!
//! `main.rs` only parses the command line. Demo and benchmarks call [`cluster`] in-process.
//! Linux only: processes are recognised by `/proc`.

pub mod bench;
pub mod campaign;
pub mod certs;
pub mod cluster;
pub mod conformance;
pub mod demo;
// The city that the tests play on as well: one table, two builds.
#[path = "../../tests/fleet/mod.rs"]
pub mod fleet;
pub mod generate;
pub mod golang;
pub mod mutants;
pub mod picture;
pub mod progress;
pub mod rights;
pub mod runner;
pub mod stages;
pub mod surroundings;
// What tests of the command line look at as well.
#[path = "../../tests/support/terminal.rs"]
pub mod terminal;
pub mod test;
pub mod tools;
