//! One operator as a process of its own, that can be killed, frozen and thawed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use kube::Client;
use serde_json::json;

use super::proxy::{Fault, Proxy, Trail};

/// The process of an operator. It is killed when the last handle is dropped.
#[derive(Clone, Default)]
pub struct Victim(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot(Option<Child>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Victim {
    /// SIGKILL; when this returns, the process is gone.
    pub fn kill(&self) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = &mut slot.0 {
            child.kill().expect("the process is ours");
            child.wait().expect("a killed process ends");
        }
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let child = slot.0.as_mut().expect("a process was started");
        matches!(child.try_wait(), Ok(Some(_)))
    }

    fn signal(&self, signal: &str) {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = slot.0.as_ref().expect("a process was started").id();
        let sent = Command::new("kill")
            .args([signal, &pid.to_string()])
            .status();
        assert!(sent.expect("kill runs").success(), "no process {pid}");
    }

    fn spawn(&self, command: &mut Command) {
        // No request can come before the lock is free again.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.0 = Some(command.spawn().expect("the operator starts"));
    }
}

/// An operator and its proxy.
pub struct Operator {
    /// Its process.
    pub victim: Victim,
    /// Its proxy.
    pub proxy: Proxy,
    log: PathBuf,
}

/// What operators of a run have in common.
pub struct Home {
    /// The operator's own identity on the API server.
    pub identity: Client,
    /// The mode that they see.
    pub mode: String,
    /// Their own namespace.
    pub namespace: String,
    /// Where their files are.
    pub folder: PathBuf,
    /// What they wrote.
    pub trail: Trail,
}

impl Operator {
    /// Starts one.
    pub async fn start(home: &Home, number: usize, fault: Fault) -> Self {
        let victim = Victim::default();
        let proxy = Proxy::start(
            home.identity.clone(),
            &home.mode,
            number,
            fault,
            victim.clone(),
            home.trail.clone(),
        );
        let proxy = proxy.await;
        let kubeconfig = home.folder.join(format!("{number}.kubeconfig"));
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{ "name": "proxy", "cluster": { "server": proxy.url } }],
            "users": [{ "name": "proxy", "user": {} }],
            "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "proxy" } }],
        });
        std::fs::write(&kubeconfig, content.to_string()).expect("a file is written");
        let log = home.folder.join(format!("{number}.log"));
        victim.spawn(&mut command(home, number, &kubeconfig, &log));
        Self { victim, proxy, log }
    }

    /// What it said, the end of it.
    pub fn said(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// The lease of operators under test, as `--lease-duration` takes it: a dead one is replaced within
/// its 3 s, and on a busy machine a live one still renews within its renew deadline of 2 s.
const LEASE: &str = "3s";
/// Writes in flight at once: several, so that a crash meets some under way, and few, so that the
/// number of boundaries hardly differs from run to run.
const CONCURRENCY: &str = "4";

fn command(home: &Home, number: usize, kubeconfig: &Path, log: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
    let identity = format!("{}-{number}", home.mode);
    let log = File::create(log).expect("a log is created");
    command
        .arg("run")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--namespace", &home.namespace, "--identity", &identity])
        .args(["--lease-duration", LEASE, "--concurrency", CONCURRENCY])
        .args(["--metrics-address", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    command
}
