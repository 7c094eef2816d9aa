//! The programs as people and scripts call them: exit codes, languages, one error each.

mod check;
mod demo;
mod emergency;
mod endings;
mod pages;
mod snapshot;
pub mod town;

use std::process::{Command, Output};

/// Nobody listens on the discard port of the loopback address, so a connection is refused at once.
const NOBODY: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";

fn called(program: &str, line: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, NOBODY).unwrap();
    Command::new(program)
        .args(line.split_whitespace())
        .env_clear()
        .env("KUBECONFIG", &kubeconfig)
        .env("LANG", "C.UTF-8")
        .output()
        .unwrap()
}

fn pingzhan(line: &str) -> (Option<i32>, String, String) {
    let output = called(env!("CARGO_BIN_EXE_pingzhan"), line);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Scripts branch on the code.
#[test]
fn calls_end_with_the_documented_code() {
    let calls = [
        ("version", 0),
        ("crds", 0),
        ("--help", 0),
        ("declare --help", 0),
        ("", 2),
        ("no-such-verb", 2),
        ("lint no-such-file.yaml", 2),
        ("declare flood --playbook p", 2),
        ("declare flood --playbook p --level V --reason r", 2),
        ("status flood --wait-for Active", 2),
        ("renew flood --for 12", 2),
        ("status --as= ", 2),
        ("status", 3),
        ("status --kubeconfig no-such-file", 3),
        ("approve flood", 3),
    ];
    for (line, code) in calls {
        let (ended, _, said) = pingzhan(line);
        assert_eq!(ended, Some(code), "`pingzhan {line}` said: {said}");
    }
}

/// People read one error, with what to do next, and nothing of it on standard output.
#[test]
fn an_error_is_printed_once_on_standard_error() {
    let (_, result, said) = pingzhan("status");
    assert_eq!(result, "");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert!(said.contains("kubectl cluster-info"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let (_, _, said) = pingzhan("status --lang zh-CN");
    assert!(said.contains("无法连接集群"), "{said}");
}

/// A cluster takes what is printed: four documents, each a CRD of ours.
#[test]
fn crds_are_four_yaml_documents() {
    let (_, text, _) = pingzhan("crds");
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  name: "))
        .collect();
    assert_eq!(
        names,
        [
            "emergencymodes.pingzhan.dev",
            "playbooks.pingzhan.dev",
            "changerecords.pingzhan.dev",
            "changefreezes.pingzhan.dev"
        ]
    );
    assert_eq!(text.matches("kind: CustomResourceDefinition").count(), 4);
}

/// kubectl finds the plugin by its name, and people see the name that they typed.
#[test]
fn the_plugin_speaks_of_kubectl() {
    let output = called(env!("CARGO_BIN_EXE_kubectl-pingzhan"), "declare --help");
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Usage: kubectl pingzhan declare"), "{help}");
    let version = called(env!("CARGO_BIN_EXE_kubectl-pingzhan"), "version -o json");
    let object: serde_json::Value = serde_json::from_slice(&version.stdout).unwrap();
    assert_eq!(object["api"], "pingzhan.dev/v1alpha1");
}
