//! What cluster tests stand on: a pool of real control planes, each handed to one test at a time
//! with a clean slate, and the people who act on it.

#![allow(
    dead_code,
    reason = "a harness offers more than any one set of tests uses"
)]

pub mod people;
mod plane;
mod pool;
pub mod terminal;

use pingzhan::run::signal::Signals;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(
    unused_imports,
    reason = "a harness offers more than any one set of tests uses"
)]
pub use plane::{ControlPlane, client, clients, kubectl_as, kubectl_with};

/// Takes a control plane for this test alone; waits while all of them are in use.
///
/// Guarantees: the CRDs are established, namespaces and the operator's RBAC are there; no mode,
/// playbook, record, freeze or lease of an earlier test is left; the namespace prefix was never used.
/// When the returned value is dropped the control plane goes back.
///
/// Assumption: a test takes one at a time.
pub async fn cluster() -> ControlPlane {
    let slot = pool::take().await;
    ControlPlane::new(slot).await
}

/// A control plane of this test's own, with stock controllers. It is not one of the pool: what its
/// controllers do takes processor time from other tests' control planes only while it is up.
pub async fn cluster_with_controllers(name: &str) -> ControlPlane {
    ControlPlane::with_controllers(name).await
}

/// A control plane of this test's own without controllers: for what selects all over the cluster, where what
/// other tests have left would be selected as well.
pub async fn cluster_alone(name: &str) -> ControlPlane {
    ControlPlane::alone(name).await
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the project's tool and returns what it printed; fails the test when it fails.
pub fn xtask(args: &[&str]) -> String {
    let own = variable("PINGZHAN_XTASK").map(Command::new);
    let mut command = own.unwrap_or_else(through_cargo);
    run(command.args(args).current_dir(repository()))
}

/// The project's tool, built first where it is not.
fn through_cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
    // Crates whose build scripts look at what cargo set for us would be built anew.
    for (name, _) in std::env::vars_os() {
        let set = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ];
        if name
            .to_str()
            .is_some_and(|name| set.iter().any(|prefix| name.starts_with(prefix)))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command and returns what it printed; fails the test, with everything that it said, when
/// it fails.
pub fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{shown} does not run: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{shown} failed ({}):\n{said}\n{complained}",
        output.status
    );
    said
}

/// Where kubectl is; it is built the first time.
pub fn kubectl_program() -> PathBuf {
    static KUBECTL: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let find = || match variable("PINGZHAN_TEST_KUBECTL") {
        Some(path) => path.into(),
        None => xtask(&["cluster", "kubectl"]).trim().into(),
    };
    KUBECTL.get_or_init(find).clone()
}

/// Where helm is; it is built the first time.
pub fn helm() -> PathBuf {
    static HELM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let find = || match variable("PINGZHAN_TEST_HELM") {
        Some(path) => path.into(),
        None => xtask(&["cluster", "helm"]).trim().into(),
    };
    HELM.get_or_init(find).clone()
}

/// Where prometheus is; it is built the first time.
pub fn prometheus() -> PathBuf {
    static PROMETHEUS: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let find = || match variable("PINGZHAN_TEST_PROMETHEUS") {
        Some(path) => path.into(),
        None => xtask(&["cluster", "prometheus"]).trim().into(),
    };
    PROMETHEUS.get_or_init(find).clone()
}

/// Of a run that could be played whole, one in so many is played in the normal test run, which has to be
/// short; `PINGZHAN_CRASH_ALL=1` plays all.
pub fn one_in(usual: usize) -> usize {
    if variable("PINGZHAN_CRASH_ALL").is_some() {
        1
    } else {
        usual
    }
}

pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The key that signals of tests are signed with.
pub const SIGNALS_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Signals of one channel, to an address on loopback.
pub fn signals(channel: &str, url: &str) -> Signals {
    signals_with(channel, url, "")
}

/// The same, where alarms go over that channel too.
pub fn alarms(channel: &str, url: &str) -> Signals {
    signals_with(channel, url, &format!("alarms: [{channel}]\n"))
}

fn signals_with(channel: &str, url: &str, more: &str) -> Signals {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, file) = (
        folder.path().join("key"),
        folder.path().join("signals.yaml"),
    );
    std::fs::write(&key, SIGNALS_KEY).expect("it is written");
    let key = key.display();
    let text = format!(
        "allow: ['127.0.0.0/8']\ncallKeyFile: {key}\nchannels:\n  \
         - {{ name: {channel}, url: '{url}', keyFile: {key} }}\n{more}"
    );
    std::fs::write(&file, text).expect("it is written");
    Signals::read(file).expect("a signals file")
}
