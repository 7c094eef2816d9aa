//! The conformance table against the real API server: what was recorded is what it answers today.

use crate::support::{self, xtask};

/// A table that has rotted says nothing about the server that stands in for the real one.
#[tokio::test]
async fn the_real_server_answers_what_is_recorded() {
    let plane = support::cluster().await;
    let kubeconfig = plane.kubeconfig.display().to_string();
    let prefix = plane.namespace("conformance");
    let said = xtask(&["conformance", "check", &kubeconfig, "--prefix", &prefix]);
    let count = said.split(' ').next().and_then(|count| count.parse().ok());
    let count: usize = count.expect("it says how many cases it played");
    assert!(count >= 120, "{said}");
    println!("{said}");
}

/// Rehearsals, the demo and simulated faults stand on the sand table: where it is kinder than the real
/// server, they prove nothing.
#[test]
fn the_sand_table_answers_what_the_real_server_does() {
    let said = xtask(&["conformance", "sandtable"]);
    let mut numbers = said
        .split(|c: char| !c.is_ascii_digit())
        .filter(|word| !word.is_empty());
    let mut next = || {
        numbers
            .next()
            .and_then(|number| number.parse::<usize>().ok())
    };
    let (same, other) = (
        next().expect("how many answered so"),
        next().expect("how many did not"),
    );
    assert!(same >= 120, "{said}");
    assert!(
        other <= 5,
        "known differences are few, and become fewer: {said}"
    );
    println!("{said}");
}
