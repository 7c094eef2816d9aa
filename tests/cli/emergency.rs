//! Whole emergencies by the command line: people with kubeconfigs of their own, `pingzhan run` as a
//! process, a real control plane. Nothing here calls the library.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{self, ControlPlane};

/// What a call said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// A town with a hotline, a portal's flags, a duty officer and two approvers.
struct Town {
    namespace: String,
    duty: PathBuf,
    lin: PathBuf,
    he: PathBuf,
    log: PathBuf,
    operator: Option<Child>,
    _folder: tempfile::TempDir,
    plane: ControlPlane,
}

impl Town {
    async fn new() -> Self {
        let plane = support::cluster().await;
        let namespace = plane.namespace("town");
        let manifest = include_str!("town.yaml").replace("NAMESPACE", &namespace);
        let mut apply = support::kubectl_with(&plane.kubeconfig);
        apply.args(["apply", "--server-side", "--validate=strict", "-f", "-"]);
        let mut child = apply
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("kubectl runs");
        let mut input = child.stdin.take().expect("its input is piped");
        input.write_all(manifest.as_bytes()).expect("it is read");
        drop(input);
        assert!(child.wait().expect("it ends").success());
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            duty: plane.identity("zhou", &["emergency-duty"]),
            lin: plane.identity("lin", &["emergency-approvers"]),
            he: plane.identity("he", &["emergency-approvers"]),
            log: folder.path().join("operator.log"),
            operator: None,
            namespace,
            _folder: folder,
            plane,
        }
    }

    /// Starts `pingzhan run` under the operator's own identity.
    fn start(&mut self) {
        let log = File::create(&self.log).expect("a log");
        let operator = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
            .args(["run", "--lease-duration", "5s", "--log-format", "json"])
            .args(["--metrics-address", "127.0.0.1:0"])
            .env("KUBECONFIG", self.plane.operator())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.operator = Some(operator.expect("the operator starts"));
    }

    /// Kills the operator; it has no time to give anything back.
    fn kill(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            operator.kill().expect("it is ours");
            operator.wait().expect("it ends");
        }
    }

    /// Asks the operator to end, as a kubelet does, and returns its exit code.
    fn stop(&mut self) -> Option<i32> {
        let mut operator = self.operator.take().expect("it runs");
        let pid = operator.id().to_string();
        support::run(Command::new("kill").args(["-TERM", &pid]));
        operator.wait().expect("it ends").code()
    }

    /// What the operator's own server answers.
    fn ask_operator(&self, path: &str) -> String {
        let log = std::fs::read_to_string(&self.log).expect("a log");
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let address = lines.find_map(|line: Value| line["address"].as_str().map(str::to_owned));
        let address = address.unwrap_or_else(|| panic!("the log names no address:\n{log}"));
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// Waits for something about an object, as admin.
    fn wait(&self, object: &str, what: &str) {
        let what = format!("--for={what}");
        self.plane.kubectl(&[
            "-n",
            &self.namespace,
            "wait",
            object,
            &what,
            "--timeout=90s",
        ]);
    }

    fn field(&self, object: &str, path: &str) -> String {
        let path = format!("jsonpath={path}");
        self.plane
            .kubectl(&["-n", &self.namespace, "get", object, "-o", &path])
    }

    fn replicas(&self) -> String {
        self.field("deployment/hotline", "{.spec.replicas}")
    }

    /// Declares at level II and has it approved by two people, until it is active.
    fn emergency(&self, name: &str) {
        let line = format!("declare {name} --playbook town --level II --reason rain --yes");
        expect(&self.duty, &line, 0);
        self.wait(&format!("em/{name}"), "jsonpath={.status.plan.hash}");
        expect(&self.lin, &format!("approve {name} --yes"), 0);
        let line = format!("approve {name} --yes --wait-for Active --timeout 90s");
        expect(&self.he, &line, 0);
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Calls the program as somebody; nobody is there to answer questions.
fn call(kubeconfig: &Path, line: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
        .args(line.split_whitespace())
        .env("KUBECONFIG", kubeconfig)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    Said {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Calls the program as somebody and checks how it ends.
fn expect(kubeconfig: &Path, line: &str, code: i32) -> Said {
    let said = call(kubeconfig, line);
    assert_eq!(
        said.code, code,
        "`pingzhan {line}` ended otherwise:\n{}\n{}",
        said.out, said.err
    );
    said
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}:\n{}", said.out))
}

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
    let free = r#"{"metadata":{"finalizers":null}}"#;
    town.plane
        .kubectl(&["patch", "em", "flood", "--type=merge", "-p", free]);
    town.plane.kubectl(&["delete", "em", "flood"]);
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
