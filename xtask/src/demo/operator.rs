//! The operator of the demo: the product's own, in this process, with its log in the cluster's
//! folder so that the story stays readable.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Mutex;

use kube::Config;
use pingzhan::api::names;
use pingzhan::run::clock::Clock;
use pingzhan::run::lease;
use pingzhan::run::operator::{self, Settings};
use pingzhan::run::retention;
use snafu::{OptionExt, ResultExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Error, FilesSnafu, LogsSnafu};
use crate::cluster::Cluster;

/// What is logged: what the operator does, and troubles of the libraries.
const FILTER: &str = "warn,pingzhan=debug";
/// Seconds of the lease. The operator is alone here, so the shortest is long enough.
const LEASE_SECONDS: u32 = 3;
/// Writes in flight at most.
const CONCURRENCY: usize = 8;
/// Lines of the log that are shown when something went wrong.
const LAST_LINES: usize = 20;

/// An operator that runs.
pub struct Operator {
    task: JoinHandle<Result<(), operator::Error>>,
    stop: oneshot::Sender<()>,
}

impl Operator {
    /// Starts it as whoever the configuration says.
    pub fn start(cluster: &Cluster, config: Config) -> Result<Self, Error> {
        let path = log_of(cluster);
        let file = File::create(&path).context(FilesSnafu { path: &path })?;
        tracing_subscriber::fmt()
            .with_env_filter(FILTER)
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .try_init()
            .ok()
            .context(LogsSnafu {
                why: "this process keeps another log already",
            })?;
        let clock = Clock::machine();
        let settings = Settings {
            namespace: names::DEFAULT_NAMESPACE.to_owned(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.to_owned(),
            identity: clock.identity("demo"),
            concurrency: CONCURRENCY,
            address: None,
            record_retention: retention::DEFAULT,
            lease: lease::settings(LEASE_SECONDS),
            signals: std::sync::Arc::default(),
            readiness: None,
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(operator::run(config, settings, clock, stopped));
        Ok(Self { task, stop })
    }

    /// Waits until it ends by itself, which it should not. Says why.
    pub async fn ended(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "it says nothing".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends it: it gives its lease back.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Shows the end of the operator's log, where there is one.
pub fn last_words(cluster: &Cluster) {
    let Ok(text) = std::fs::read_to_string(log_of(cluster)) else {
        return;
    };
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("the operator's log ends with:");
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        eprintln!("  {line}");
    }
}

fn log_of(cluster: &Cluster) -> PathBuf {
    cluster.folder.join("logs/operator.log")
}
