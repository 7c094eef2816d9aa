//! A town on a real control plane, and people who call the program: what tests of the command line
//! stand on. Nothing here calls the library.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{self, ControlPlane};

/// What a call said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A town with a hotline, a portal's flags, a duty officer and two approvers.
pub struct Town {
    pub namespace: String,
    pub duty: PathBuf,
    pub lin: PathBuf,
    pub he: PathBuf,
    log: PathBuf,
    operator: Option<Child>,
    _folder: tempfile::TempDir,
    pub plane: ControlPlane,
}

impl Town {
    pub async fn new() -> Self {
        let plane = support::cluster().await;
        let namespace = plane.namespace("town");
        Self::at(plane, namespace)
    }

    /// A town in a namespace of a name that is always the same: its pages can be compared.
    pub async fn called(namespace: &str) -> Self {
        Self::at(support::cluster().await, namespace.to_owned())
    }

    fn at(plane: ControlPlane, namespace: String) -> Self {
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
    pub fn start(&mut self) {
        let kubeconfig = self.plane.operator();
        self.start_as(&kubeconfig);
    }

    /// Starts `pingzhan run` with a kubeconfig.
    pub fn start_as(&mut self, kubeconfig: &Path) {
        let log = File::create(&self.log).expect("a log");
        let operator = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
            .args(["run", "--lease-duration", "5s", "--log-format", "json"])
            .args(["--metrics-address", "127.0.0.1:0"])
            .env("KUBECONFIG", kubeconfig)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.operator = Some(operator.expect("the operator starts"));
    }

    /// Kills the operator; it has no time to give anything back.
    pub fn kill(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            operator.kill().expect("it is ours");
            operator.wait().expect("it ends");
        }
    }

    /// Asks the operator to end, as a kubelet does, and returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut operator = self.operator.take().expect("it runs");
        let pid = operator.id().to_string();
        support::run(Command::new("kill").args(["-TERM", &pid]));
        operator.wait().expect("it ends").code()
    }

    /// What the operator's own server answers.
    pub fn ask_operator(&self, path: &str) -> String {
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
    pub fn wait(&self, object: &str, what: &str) {
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

    pub fn field(&self, object: &str, path: &str) -> String {
        let path = format!("jsonpath={path}");
        self.plane
            .kubectl(&["-n", &self.namespace, "get", object, "-o", &path])
    }

    pub fn replicas(&self) -> String {
        self.field("deployment/hotline", "{.spec.replicas}")
    }

    /// Declares at level II and has it approved by two people, until it is active.
    pub fn emergency(&self, name: &str) {
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
pub fn call(kubeconfig: &Path, line: &str) -> Said {
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
pub fn expect(kubeconfig: &Path, line: &str, code: i32) -> Said {
    let said = call(kubeconfig, line);
    assert_eq!(
        said.code, code,
        "`pingzhan {line}` ended otherwise:\n{}\n{}",
        said.out, said.err
    );
    said
}

pub fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}:\n{}", said.out))
}

/// What somebody sees on a terminal of 80 columns.
pub fn seen(kubeconfig: &Path, lang: &str, line: &str) -> String {
    let program = env!("CARGO_BIN_EXE_pingzhan");
    let command = format!("stty cols 80 rows 60; exec {program} --lang {lang} {line}");
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--command", &command, "/dev/null"])
        .env("KUBECONFIG", kubeconfig)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "Asia/Shanghai")
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    // Where input ends at once, the terminal says so.
    support::run(&mut script)
        .replace(['\r', '\u{4}', '\u{8}'], "")
        .replace("^D", "")
}
