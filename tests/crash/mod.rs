//! Crash tests on a real API server (CAMPAIGN C1, C4, C11): the operator is a process of its own
//! behind a proxy that counts its writes, and it is killed or frozen at any of them.

mod checks;
mod freeze;
mod kill;
mod process;
mod proxy;
mod run;
mod scenario;

use std::io::Write as _;

/// Says how many there were, also when the test passes: a figure that nobody sees is none.
fn tell(sentence: &str) {
    let mut out = std::io::stderr().lock();
    drop(writeln!(out, "crash: {sentence}"));
}
