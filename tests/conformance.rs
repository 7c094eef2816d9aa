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
