//! The operator as the measured process: this program again, with nothing in it but the operator,
//! so that its memory is its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use snafu::{OptionExt, ResultExt};
use tokio::process::{Child, Command};

use super::{Error, IoSnafu, WrongSnafu};
use crate::cluster;
use pingzhan::run::clock::Clock;
use pingzhan::run::{lease, logs, operator};

/// How the operator is started.
#[derive(clap::Args)]
pub struct Args {
    /// The kubeconfig.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// Writes in flight at most.
    #[arg(long)]
    concurrency: usize,
}

/// Runs the operator until the process ends, on the threads that the program itself gives it.
///
/// # Panics
/// It was called on a thread of another runtime's.
pub fn serve(args: &Args) -> Result<(), Error> {
    let doing = "starting the operator's threads";
    let runtime = operator::runtime().context(IoSnafu { doing })?;
    runtime.block_on(run(args))
}

async fn run(args: &Args) -> Result<(), Error> {
    let problem = |error: &dyn std::fmt::Display| Error::Wrong {
        problem: error.to_string(),
    };
    logs::init(logs::Format::Human, "pingzhan=info,warn", false)
        .map_err(|error| problem(&error))?;
    let config = cluster::config(&args.kubeconfig).await?;
    let settings = operator::Settings {
        namespace: "pingzhan-system".into(),
        accounts_namespace: "pingzhan-playbooks".into(),
        identity: "bench".into(),
        concurrency: args.concurrency,
        address: None,
        record_retention: pingzhan::run::retention::DEFAULT,
        lease: lease::DEFAULT,
        signals: std::sync::Arc::default(),
        readiness: None,
    };
    let ended = operator::run(config, settings, Clock::machine(), std::future::pending()).await;
    ended.map_err(|error| problem(&error))
}

/// An operator that runs; it ends with this value.
pub struct Operator {
    child: Child,
    pid: u32,
}

impl Operator {
    /// Starts one. Its log is beside the cluster's.
    pub fn start(kubeconfig: &Path, concurrency: usize, log: &Path) -> Result<Self, Error> {
        let doing = "starting the operator";
        let program = std::env::current_exe().context(IoSnafu { doing })?;
        let log = std::fs::File::create(log).context(IoSnafu { doing })?;
        let child = Command::new(program)
            .args(["bench", "operator", "--kubeconfig"])
            .arg(kubeconfig)
            .args(["--concurrency", &concurrency.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context(IoSnafu { doing })?;
        let problem = "the operator ended at once: see its log";
        let pid = child.id().context(WrongSnafu { problem })?;
        Ok(Self { child, pid })
    }

    /// Resident memory now, in KiB.
    pub fn resident(&self) -> Result<u64, Error> {
        self.figure("VmRSS:")
    }

    /// The most that was ever resident, in KiB.
    pub fn peak(&self) -> Result<u64, Error> {
        self.figure("VmHWM:")
    }

    fn figure(&self, name: &str) -> Result<u64, Error> {
        let path = format!("/proc/{}/status", self.pid);
        let text = std::fs::read_to_string(&path).context(IoSnafu { doing: &path })?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let figure = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let problem = format!("{path} has no {name}");
        figure.context(WrongSnafu { problem })
    }

    /// Ends it.
    pub async fn end(mut self) -> Result<(), Error> {
        let doing = "ending the operator";
        self.child.kill().await.context(IoSnafu { doing })
    }
}
