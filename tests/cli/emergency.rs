//! Whole emergencies by the command line: people with kubeconfigs of their own, `pingzhan run` as a
//! process, a real control plane. Nothing here calls the library.

use std::path::Path;
use std::process::Command;

use super::town::{Town, expect, json};
use crate::support::{self, people};

/// The product as its users meet it: what was previewed is what is carried out, every act has its
/// verb, and all of it comes back.
#[tokio::test]
async fn an_emergency_is_declared_approved_changed_and_stood_down_by_the_command_line() {
    let mut town = Town::new().await;
    town.start();
    let previewed = json(&expect(&town.duty, "plan town --level II -o json", 0));
    let hash = previewed["hash"].as_str().expect("a hash").to_owned();
    assert_eq!(previewed["counts"]["changes"], 2);

    town.emergency("flood");
    let status = json(&expect(&town.lin, "status flood -o json", 0));
    assert_eq!(status["spec"]["planHash"], hash.as_str());
    let executed = &status["status"]["granted"]["planHash"];
    assert_eq!(executed, hash.as_str(), "previewed = executed");
    assert_eq!(town.replicas(), "9");
    assert!(town.ask_operator("/readyz").starts_with("HTTP/1.1 200"));
    let metrics = town.ask_operator("/metrics");
    assert!(metrics.contains("pingzhan_leader 1"), "{metrics}");
    let patches = "pingzhan_api_requests_total{verb=\"patch\",code=\"200\"}";
    assert!(metrics.contains(patches), "{metrics}");

    expect(&town.duty, "approve flood --yes", 4);
    expect(&town.duty, "level flood III", 0);
    town.wait("em/flood", "jsonpath={.status.proposed.planHash}");
    expect(&town.lin, "approve flood --yes", 0);
    expect(&town.he, "approve flood --yes", 0);
    town.wait("configmap/flags", "jsonpath={.data.carousel}=on");
    town.wait("em/flood", "jsonpath={.status.granted.level}=III");
    assert_eq!(
        town.replicas(),
        "9",
        "a change of level plans from peacetime"
    );
    expect(&town.duty, "renew flood --for 24h", 0);
    town.wait("em/flood", "jsonpath={.status.proposed.planHash}");
    expect(&town.he, "approve flood --yes", 0);
    expect(&town.duty, "pause flood", 0);
    town.wait("em/flood", "condition=Paused");
    expect(&town.duty, "resume flood", 0);
    town.wait("em/flood", "condition=Paused=False");

    town.plane.kubectl(&[
        "-n",
        &town.namespace,
        "scale",
        "deployment/hotline",
        "--replicas=7",
    ]);
    town.wait("em/flood", "condition=Drifted");
    let page = expect(&town.duty, "status flood", 0).out;
    assert!(page.contains("--path /spec/replicas"), "{page}");
    expect(&town.lin, "verdict flood ours --all", 0);
    town.wait("deployment/hotline", "jsonpath={.spec.replicas}=9");

    let who = format!("who deploy/hotline -n {}", town.namespace);
    let page = expect(&town.plane.kubeconfig, &who, 0).out;
    assert!(page.contains("flood, surge/hotline: Applied"), "{page}");
    let changes = json(&expect(&town.lin, "status flood --targets -o json", 0));
    assert!(
        changes.as_array().is_some_and(|all| all.len() >= 2),
        "{changes}"
    );
    expect(&town.duty, "stand-down flood --wait --timeout 90s", 0);
    assert_eq!(town.replicas(), "3");
    expect(&town.plane.kubeconfig, &who, 1);
    assert_eq!(town.stop(), Some(0), "an orderly end is no failure");
}

/// Scripts branch on the codes: each of them, from a real cluster's answers.
#[tokio::test]
async fn every_exit_code_is_what_the_reference_page_says() {
    let town = Town::new().await;
    let declare = "declare slow --playbook town --level II --reason rain --yes";
    expect(&town.duty, "status", 0);
    let who = format!("who configmap/flags -n {}", town.namespace);
    expect(&town.plane.kubeconfig, &who, 1);
    expect(&town.duty, "plan no-such-playbook --level II", 2);
    let nobody = town.duty.with_file_name("no-such-kubeconfig");
    expect(&nobody, "status", 3);
    expect(&town.lin, declare, 4);
    // Nobody carries it out here, so what is waited for does not come.
    let waits = format!("{declare} --wait-for Active --timeout 1s");
    expect(&town.duty, &waits, 5);
    expect(&town.duty, declare, 2);
    expect(&town.lin, "approve slow --yes", 4);
    // Without the right to act as the account the preview says whose eyes it saw with.
    let said = expect(&town.lin, "plan town --level II", 1);
    assert!(said.err.contains("read as yourself"), "{}", said.err);
    assert!(said.out.contains("cannot be planned"), "{}", said.out);
}

/// People who live in kubectl find the same program there.
#[tokio::test]
async fn kubectl_finds_the_plugin() {
    let town = Town::new().await;
    let plugin = Path::new(env!("CARGO_BIN_EXE_kubectl-pingzhan"));
    let folder = plugin.parent().expect("a program is in a folder");
    let kubectl = support::kubectl_with(&town.duty).get_program().to_owned();
    let mut status = Command::new(kubectl);
    status
        .args(["pingzhan", "status"])
        .env("PATH", folder)
        .env("KUBECONFIG", &town.duty)
        .env("LC_ALL", "C.UTF-8");
    assert_eq!(support::run(&mut status).trim(), "No modes: peacetime.");
}

/// The last resort: the operator is dead, the mode is gone, the records are all that is left. What
/// somebody else wrote meanwhile is not overwritten, but named.
#[tokio::test]
async fn records_alone_bring_everything_back() {
    let mut town = Town::new().await;
    town.start();
    town.emergency("flood");
    town.kill();
    people::take_away(&town.plane.client, "flood").await;
    let flags = ["-n", &town.namespace, "patch", "configmap", "flags"];
    let third = r#"{"data":{"carousel":"slow"}}"#;
    let patch = [&flags[..], &["--type=merge", "-p", third]].concat();
    town.plane.kubectl(&patch);

    let admin = &town.plane.kubeconfig;
    expect(admin, "restore --from-records", 2);
    let said = expect(admin, "restore --from-records --yes -o json", 1);
    let modes = json(&said)["modes"].clone();
    let left = modes[0]["left"].as_array().cloned().unwrap_or_default();
    assert_eq!(left.len(), 1, "{modes}");
    assert!(left[0].to_string().contains("carousel"), "{modes}");
    assert_eq!(
        town.replicas(),
        "3",
        "one field that is left holds nothing else up"
    );
    assert_eq!(town.field("configmap/flags", "{.data.carousel}"), "slow");

    let base = third.replace("slow", "on");
    let patch = [&flags[..], &["--type=merge", "-p", &base]].concat();
    town.plane.kubectl(&patch);
    let said = expect(admin, "restore --from-records --yes -o json", 0);
    assert_eq!(json(&said)["modes"][0]["closed"], true, "{}", said.out);
    let said = expect(admin, "restore --from-records", 0);
    assert!(said.out.contains("nothing to bring back"), "{}", said.out);
}
