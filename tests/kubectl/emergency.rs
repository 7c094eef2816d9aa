//! A whole emergency on the sand table as it is served: the operator and everybody else are programs
//! that know it by its kubeconfig only.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::line::Shell;
use super::sandtable::Sandtable;
use crate::support;

/// The operator, ended with the test.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn pingzhan(kubeconfig: &PathBuf, line: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
    command
        .args(line.split_whitespace())
        .env("KUBECONFIG", kubeconfig)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    support::run(&mut command);
}

/// A rehearsal that works only inside one process proves nothing of the program that people run.
#[test]
fn an_emergency_is_declared_approved_and_stood_down_over_https() {
    let town = include_str!("../cli/town.yaml").replace("NAMESPACE", "town");
    let sandtable = Sandtable::with(&[&town]);
    let folder = tempfile::tempdir().expect("a folder");
    let of = |context: &str| sandtable.of(context, folder.path());
    let admin = Shell::of(&sandtable.kubeconfig);
    let whole = |what: &str| {
        let line = format!("get {what} -n town -o json --show-managed-fields");
        let mut object: serde_json::Value =
            serde_json::from_str(&admin.types(&line, "").text).expect("an object");
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.remove("resourceVersion");
        metadata.remove("generation");
        object
    };
    let before = ["deployment/hotline", "configmap/flags"].map(whole);

    let operator = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
        .args(["run", "--lease-duration", "5s"])
        .args(["--metrics-address", "127.0.0.1:0"])
        .env("KUBECONFIG", of("pingzhan-system/pingzhan"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _operator = Operator(operator.expect("the operator starts"));

    let zhou = of("duty-officer-zhou");
    pingzhan(
        &zhou,
        "declare flood --playbook town --level II --reason rain --yes",
    );
    let planned = "wait em/flood --for=jsonpath={.status.plan.hash} --timeout=90s";
    assert_eq!(admin.types(planned, "").code, 0);
    pingzhan(&of("approver-lin"), "approve flood --yes");
    let line = "approve flood --yes --wait-for Active --timeout 90s";
    pingzhan(&of("approver-chen"), line);
    let count = || {
        let line = "get deployment hotline -n town -o 'jsonpath={.spec.replicas}'";
        admin.types(line, "").text
    };
    assert_eq!(count(), "9");
    assert_eq!(whole("configmap/flags")["data"]["carousel"], "off");
    let seen = admin.types("get emergencymodes", "").text;
    assert!(seen.contains("flood") && seen.contains("Active"), "{seen}");
    let told = admin.types("describe emergencymode flood", "").text;
    let (_, events) = told.split_once("Events:").expect("it lists events");
    assert!(events.contains("pingzhan"), "{told}");

    pingzhan(&zhou, "stand-down flood --wait --timeout 90s");
    assert_eq!(count(), "3");
    let after = ["deployment/hotline", "configmap/flags"].map(whole);
    assert_eq!(after, before);
}
