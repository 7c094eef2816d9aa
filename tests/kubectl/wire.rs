//! What goes over the wire beside single answers: watches, waiting, limits, and the end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use super::line::Shell;
use super::sandtable::Sandtable;
use crate::support;

/// A watch that says nothing, or says it late, leaves people in the dark.
#[test]
fn watches_and_waits_see_changes_as_they_happen() {
    let sandtable = Sandtable::with(&[]);
    let shell = Shell::of(&sandtable.kubeconfig);
    let does = |line: &str| {
        let said = shell.types(line, "");
        assert_eq!(said.code, 0, "kubectl {line}: {}", said.text);
    };
    does("create deployment web --image=w:1 --replicas=2");

    let mut watch = shell
        .command("get deployment web --watch --output-watch-events --no-headers")
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines();
    let mut next = || {
        let line = lines.next().expect("the watch goes on").expect("a line");
        let words: Vec<&str> = line.split_whitespace().take(3).collect();
        words.join(" ")
    };
    assert_eq!(next(), "ADDED web 0/2");
    does("scale deployment web --replicas=5");
    assert_eq!(next(), "MODIFIED web 0/5");
    does(
        "patch deployment web --subresource=status --type=merge -p '{\"status\":{\"readyReplicas\":4}}'",
    );
    assert_eq!(next(), "MODIFIED web 4/5");

    let waits = |what: &str| {
        let line = format!("wait deployment/web --for={what} --timeout=60s");
        let mut command = shell.command(&line);
        command
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl runs")
    };
    let ended = |child: std::process::Child| {
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        text
    };
    let count = waits("jsonpath={.spec.replicas}=7");
    let condition = waits("condition=Available");
    let gone = waits("delete");
    does("scale deployment web --replicas=7");
    assert!(ended(count).contains("condition met"));
    does(
        "patch deployment web --subresource=status --type=merge -p '{\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"True\"}]}}'",
    );
    assert!(ended(condition).contains("condition met"));
    does("delete deployment web");
    ended(gone);
    assert_eq!(next(), "MODIFIED web 4/7");
    assert_eq!(next(), "MODIFIED web 4/7");
    assert_eq!(next(), "DELETED web 4/7");
    watch.kill().expect("it is ours");
    watch.wait().expect("it ends");
}

/// Who rehearses waits for what is ready: without controllers nothing would ever be.
#[test]
fn workloads_become_ready_and_namespaces_end() {
    let sandtable = Sandtable::at_work();
    let shell = Shell::of(&sandtable.kubeconfig);
    let says = |line: &str, what: &str| {
        let said = shell.types(line, "");
        assert_eq!(said.code, 0, "kubectl {line}: {}", said.text);
        assert!(said.text.contains(what), "kubectl {line}: {}", said.text);
    };
    says("create namespace shop", "created");
    says(
        "create deployment web -n shop --image=w:1 --replicas=3",
        "created",
    );
    says(
        "rollout status deployment/web -n shop --timeout=60s",
        "successfully rolled out",
    );
    says(
        "wait deployment/web -n shop --for=condition=Available --timeout=60s",
        "condition met",
    );
    says("get deployment web -n shop", "3/3");
    says("rollout restart deployment/web -n shop", "restarted");
    says(
        "rollout status deployment/web -n shop --timeout=60s",
        "successfully rolled out",
    );
    says("delete namespace shop --timeout=60s", "deleted");
    let said = shell.types("get deployments -n shop", "");
    assert!(said.text.contains("No resources found"), "{}", said.text);
}

/// An open watch must not keep it from ending, and what it leaves must not be taken for another's.
#[test]
fn it_ends_when_it_is_told_to_although_somebody_watches() {
    let mut sandtable = Sandtable::with(&[]);
    let shell = Shell::of(&sandtable.kubeconfig);
    let mut watch = shell
        .command("get namespaces --watch --no-headers")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let out = BufReader::new(watch.stdout.take().expect("it is piped"));
    let first = out.lines().next().expect("the watch began").expect("text");
    assert!(first.starts_with("default"), "{first}");
    let (code, last) = sandtable.interrupt();
    assert_eq!((code, last.trim()), (Some(0), "The sand table has ended."));
    watch.wait().expect("it ends with the server");
    let mut complaint = String::new();
    let complained = watch.stderr.take().expect("it is piped");
    BufReader::new(complained)
        .read_to_string(&mut complaint)
        .expect("text");
    let after = shell.types("get namespaces", "");
    assert_eq!(after.code, 1);
    assert!(after.text.contains("refused"), "{}", after.text);
}

/// What the real server would not read must not be read here either.
#[tokio::test]
async fn what_is_too_large_or_somebody_elses_is_refused() {
    let sandtable = Sandtable::with(&[]);
    let shell = Shell::of(&sandtable.kubeconfig);
    let large = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"large\"}},\"data\":{{\"a\":\"{}\"}}}}",
        "x".repeat(3 * 1024 * 1024)
    );
    let said = shell.types("create -f -", &large);
    assert_eq!(said.code, 1);
    assert!(
        said.text
            .contains("Request entity too large: limit is 3145728"),
        "{}",
        said.text
    );
    let folder = tempfile::tempdir().expect("a folder");
    let lin = Shell::of(&sandtable.of("approver-lin", folder.path()));
    let said = lin.types("auth whoami -o 'jsonpath={.status.userInfo.groups}'", "");
    assert_eq!(
        said.text,
        "[\"emergency-approvers\",\"system:authenticated\"]"
    );
    let said = lin.types("create configmap c", "");
    assert!(
        said.text
            .contains("User \"approver-lin\" cannot create resource"),
        "{}",
        said.text
    );
    let mut config: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(&sandtable.kubeconfig).expect("it was written"),
    )
    .expect("it is JSON");
    config["users"][0]["user"]["token"] = "wrong".into();
    let stolen = folder.path().join("stolen");
    std::fs::write(&stolen, config.to_string()).expect("a file");
    let said = Shell::of(&stolen).types("get --raw /api/v1/namespaces", "");
    let refused = "You must be logged in to the server";
    assert!(said.text.contains(refused), "{}", said.text);
    config["users"][0]["user"] = serde_json::json!({});
    std::fs::write(&stolen, config.to_string()).expect("a file");
    let nobody = support::client(&stolen).await;
    let asked = http::Request::get("/api/v1/namespaces").body(Vec::new());
    let refused = nobody
        .request::<serde_json::Value>(asked.expect("a request"))
        .await
        .expect_err("nobody may");
    let refused = refused.to_string();
    assert!(
        refused.contains("User \"system:anonymous\" cannot list"),
        "{refused}"
    );
}
