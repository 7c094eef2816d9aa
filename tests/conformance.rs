//! The conformance table: what was recorded is what the real server answers today, and the sand table;
//! every case fails where its claim is not so; and whatever clients send is in a case.

pub mod recorder;
mod shape;
mod traffic;

use pingzhan::policies::{self, Names};

use crate::support::{self, xtask};

/// A table that has rotted says nothing about the server that stands in for the real one.
#[tokio::test]
async fn the_real_server_answers_what_is_recorded() {
    let plane = support::cluster().await;
    // The cases bring the policies that they are about.
    for policy in policies::all(&Names::default()) {
        plane.disarm(policy.name).await;
    }
    let kubeconfig = plane.kubeconfig.display().to_string();
    let prefix = plane.namespace("conformance");
    let said = xtask(&["conformance", "check", &kubeconfig, "--prefix", &prefix]);
    let count = said.split(' ').next().and_then(|count| count.parse().ok());
    let count: usize = count.expect("it says how many cases it played");
    assert!(count >= 190, "{said}");
    println!("{said}");
}

/// A case that would also pass where its claim is not so is worth nothing: each has to fail on a server
/// that is wrong in one thing, and not only on those that everything fails on.
#[test]
fn every_case_fails_when_the_server_is_broken() {
    let said = xtask(&["conformance", "breaks"]);
    let (noticed, rest) = said.split_once(" of ").expect("how many of how many");
    let all = rest.split(' ').next().expect("how many");
    assert_eq!(noticed, all, "{said}");
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
    assert!(same >= 170, "{said}");
    assert!(
        other <= 5,
        "known differences are few, and become fewer: {said}"
    );
    println!("{said}");
}
