//! How emergencies end, and what people do about fields that others changed, by the command line.

use std::process::{Command, Stdio};

use super::town::{Town, call, expect, json};
use crate::support::people;

impl Town {
    /// Puts a number of replicas there, as somebody who knows nothing of the emergency.
    fn scale(&self, replicas: u8) {
        let replicas = format!("--replicas={replicas}");
        let namespace = self.namespace.as_str();
        self.plane
            .kubectl(&["-n", namespace, "scale", "deployment/hotline", &replicas]);
    }
}

/// Who stops half-way chooses: with Hold nothing is written any more, not even against a rival,
/// and nothing comes back before somebody says so. The choice is made once.
#[tokio::test]
async fn an_abort_with_hold_stops_all_writing_until_the_mode_is_stood_down() {
    let mut town = Town::new().await;
    town.start();
    town.emergency("flood");
    expect(&town.duty, "abort flood hold --reason half-way", 0);
    let held = "jsonpath={.status.waitingOn}=aborted with Hold: values stay as they are until \
                somebody stands the mode down or its term ends";
    town.wait("em/flood", held);
    assert_eq!(town.replicas(), "9");
    expect(&town.duty, "abort flood hold --reason again", 0);
    let said = expect(&town.duty, "abort flood restore --reason no", 4);
    assert!(said.err.contains("stand it down instead"), "{}", said.err);

    expect(&town.duty, "stand-down flood --wait --timeout 90s", 0);
    assert_eq!(town.replicas(), "3");
    assert_eq!(town.field("configmap/flags", "{.data.carousel}"), "on");
}

/// With Restore everything comes back by itself, and whoever watches is let go when it has.
#[tokio::test]
async fn an_abort_with_restore_brings_everything_back_and_ends_the_watch() {
    let mut town = Town::new().await;
    town.start();
    town.emergency("flood");
    // `timeout` ends with 124 where the watch does not end by itself.
    let watch = Command::new("timeout")
        .args(["90", env!("CARGO_BIN_EXE_pingzhan")])
        .args(["status", "flood", "--watch"])
        .env("KUBECONFIG", &town.lin)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the watch starts");
    expect(&town.duty, "abort flood restore --reason over", 0);
    town.wait("em/flood", "jsonpath={.status.phase}=Closed");
    let watched = watch.wait_with_output().expect("the watch ends");
    let pages = String::from_utf8(watched.stdout).expect("text");
    assert_eq!(watched.status.code(), Some(0), "{pages}");
    let last = pages.rsplit("Mode ").next().unwrap_or_default();
    assert!(
        last.contains("Closed"),
        "the last page is not the end:\n{pages}"
    );
    assert_eq!(town.replicas(), "3");
    assert_eq!(town.field("configmap/flags", "{.data.carousel}"), "on");
    let page = expect(&town.duty, "status flood", 0).out;
    assert!(page.contains("Aborted by zhou"), "{page}");
    // Of what is over nothing changes any more, and nobody is told that it does.
    for line in ["pause flood", "level flood I", "renew flood --for 1h"] {
        let said = expect(&town.duty, line, 4);
        assert!(said.err.contains("is closed"), "{}", said.err);
    }
    expect(&town.duty, "stand-down flood", 0);
    // What is over is watched no longer than it takes to say so.
    expect(&town.duty, "status flood --watch", 0);
}

/// A verdict names the value that it is about: one that was given for another value, or where
/// nothing is drifted, says nothing. With Keep their value stays, and outlives the emergency.
#[tokio::test]
async fn a_verdict_keeps_the_value_that_it_names_and_no_other() {
    let mut town = Town::new().await;
    town.start();
    town.emergency("flood");
    let uid = town.field("deployment/hotline", "{.metadata.uid}");
    let verdict = format!("verdict flood keep --uid {uid} --path /spec/replicas");
    expect(&town.duty, &verdict, 4);
    expect(&town.duty, "verdict flood keep", 2);
    expect(&town.duty, "verdict flood keep --all", 4);
    expect(&town.duty, "verdict flood keep --step no-such", 4);
    town.scale(7);
    town.wait("em/flood", "condition=Drifted");
    expect(&town.duty, &format!("{verdict} --seen sha256:other"), 0);
    let drifted = json(&expect(&town.duty, "status flood -o json", 0));
    assert_eq!(drifted["status"]["counts"]["drifted"], 1, "{drifted}");
    expect(&town.duty, &verdict, 0);
    town.wait("em/flood", "jsonpath={.status.counts.kept}=1");
    expect(&town.duty, "stand-down flood --wait --timeout 90s", 0);
    assert_eq!(town.replicas(), "7");
    assert_eq!(town.field("configmap/flags", "{.data.carousel}"), "on");
}

/// Somebody takes a mode's object away, finalizer and all, while no operator runs. Who plans over what
/// it left must read the plan that the operator makes, of peacetime: 300 % of 3, and not of 9.
#[tokio::test]
async fn a_plan_over_what_a_vanished_mode_left_is_made_of_peacetime() {
    let mut town = Town::new().await;
    let plan = "plan town --level II -o json";
    let before = json(&expect(&town.duty, plan, 0));
    town.start();
    town.emergency("flood");
    assert_eq!(town.stop(), Some(0));
    people::take_away(&town.plane.client, "flood").await;
    let after = json(&expect(&town.duty, plan, 0));
    assert_eq!(after["hash"], before["hash"]);
    let found = after["findings"].to_string();
    assert!(
        found.contains("flood has it at 9; this plan's 9 lies over it; that mode is gone"),
        "{found}"
    );
    let who = format!("who deploy/hotline -n {}", town.namespace);
    let said = expect(&town.duty, &who, 0).out;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("flood (its EmergencyMode is gone)"), "{said}");

    town.start();
    town.emergency("second");
    assert_eq!(town.replicas(), "9");
    expect(&town.duty, "stand-down second --wait --timeout 90s", 0);
    assert_eq!(town.replicas(), "3");
}

/// Command may not read every workload, and must know all the same which mode holds it and what it
/// was: the journals say so. What they do not know is said to be unknown.
#[tokio::test]
async fn who_answers_from_the_journals_where_the_object_may_not_be_read() {
    let mut town = Town::new().await;
    town.start();
    town.emergency("flood");
    let who = format!("who deploy/hotline -n {}", town.namespace);
    let said = expect(&town.duty, &who, 0);
    assert!(said.err.contains("cannot be read"), "{}", said.err);
    assert!(said.err.contains("forbidden"), "{}", said.err);
    assert!(
        said.out.contains("flood, surge/hotline: Applied"),
        "{}",
        said.out
    );
    let fields = json(&expect(&town.duty, &format!("{who} -o json"), 0));
    assert_eq!(fields[0]["base"], "3", "{fields}");
    assert!(fields[0]["now"].is_null(), "{fields}");
    // Of another namespace's object of that name they know nothing.
    let elsewhere = call(&town.duty, "who deploy/hotline -n default");
    assert_eq!(elsewhere.code, 1, "{}", elsewhere.out);
}
