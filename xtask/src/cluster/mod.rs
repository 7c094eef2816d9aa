//! A real control plane on loopback: up, down, status, identities. Several live side by side by
//! name; each has its folder in the cache with certificates, data, logs and pid files.

mod commands;
mod kubeconfig;
mod process;
mod ready;
mod spec;
mod state;

use std::path::{Path, PathBuf};

use snafu::{ResultExt, Snafu, ensure};

use crate::certs::{self, Pki};
use crate::progress::Progress;
use crate::surroundings::cache;
use crate::tools;

pub use kubeconfig::NOBODYS_GROUPS;
pub use process::{Process, is_alive};
pub use ready::{client, config};
pub use spec::{Controllers, Spec};
pub use state::{Status, Unit};

/// What went wrong with a cluster.
#[derive(Debug, Snafu)]
pub enum Error {
    /// A program cannot be found or built.
    #[snafu(transparent)]
    Tools {
        /// Why.
        source: tools::Error,
    },
    /// A certificate cannot be made.
    #[snafu(transparent)]
    Certificates {
        /// Why.
        source: certs::Error,
    },
    /// A file of the cluster cannot be used.
    #[snafu(display("cannot use {}", path.display()))]
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The name cannot be a folder's.
    #[snafu(display("{name:?} cannot name a cluster: use lower-case letters, digits and `-`"))]
    Name {
        /// Which.
        name: String,
    },
    /// Nothing is up under this name.
    #[snafu(display("no cluster {name} is up: run `cargo xtask cluster up --name {name}`"))]
    NotUp {
        /// Which.
        name: String,
    },
    /// It is up, but not as asked for.
    #[snafu(display(
        "cluster {name} is up with other options: run `cargo xtask cluster down --name {name}` first"
    ))]
    Different {
        /// Which.
        name: String,
    },
    /// There is no free port.
    #[snafu(display("cannot take a free port on 127.0.0.1"))]
    Ports {
        /// Why.
        source: std::io::Error,
    },
    /// A program does not start.
    #[snafu(display("cannot start {program}"))]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ended while the cluster was coming up.
    #[snafu(display("{program} ended while the cluster was coming up. Its log ({}) ends with:\n{tail}", log.display()))]
    Ended {
        /// Which.
        program: String,
        /// Its log.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// The cluster is not ready in time.
    #[snafu(display("the cluster is not ready after {seconds} s: {waiting}. Its logs are in {}", logs.display()))]
    Late {
        /// How long we waited.
        seconds: u64,
        /// For what.
        waiting: String,
        /// Where to look.
        logs: PathBuf,
    },
    /// The API server refuses us.
    #[snafu(display("the API server at {url} refused {what}"))]
    Api {
        /// Where.
        url: String,
        /// What was asked.
        what: &'static str,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The kubeconfig cannot be read.
    #[snafu(display("the kubeconfig {} cannot be used: bring the cluster down and up again", path.display()))]
    Kubeconfig {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
}

/// A cluster that is up.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How it was asked for.
    pub spec: Spec,
    /// Where the API server is.
    pub url: String,
    /// Where its store is.
    pub etcd: String,
    /// Its folder: `pki`, `logs`, `pids`, `data`.
    pub folder: PathBuf,
}

/// The folder of all clusters.
fn home() -> PathBuf {
    cache().join("clusters")
}

fn folder(name: &str) -> Result<PathBuf, Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !name.is_empty() && name.len() <= 63 && name.chars().all(plain);
    ensure!(fits, NameSnafu { name });
    Ok(home().join(name))
}

/// How often a start is tried with other ports: between the choice of a free port and its use
/// somebody else may take it, hardly twice.
const TRIES: usize = 3;

impl Cluster {
    /// Brings a cluster up, or finds it up.
    ///
    /// Guarantees: what is returned answers `/readyz`, has its Node objects and, with controllers,
    /// a `default` service account. What a killed run left under this name, or under a name whose
    /// owner is gone, is ended first.
    pub async fn up(spec: Spec, progress: Progress) -> Result<Self, Error> {
        let place = folder(&spec.name)?;
        std::fs::create_dir_all(home()).context(FilesSnafu { path: home() })?;
        sweep();
        let _lock = state::lock(&place)?;
        if let Some(cluster) = state::load(&place)
            && cluster.is_up().await
        {
            ensure!(cluster.spec == spec, DifferentSnafu { name: spec.name });
            return Ok(cluster);
        }
        let set = tools::ensure(&spec.programs(), progress)?;
        let task = progress.task(&format!("start cluster {}", spec.name));
        let mut tries = 1;
        loop {
            process::end_all(&place)?;
            state::clear(&place)?;
            match commands::start(&spec, &set, &place).await {
                Ok(cluster) => {
                    state::save(&cluster)?;
                    task.done(&cluster.url);
                    return Ok(cluster);
                }
                Err(Error::Ended { tail, .. }) if is_taken(&tail) && tries < TRIES => tries += 1,
                Err(error) => {
                    process::end_all(&place)?;
                    return Err(error);
                }
            }
        }
    }

    /// Finds a cluster that is up.
    pub fn find(name: &str) -> Result<Self, Error> {
        let found = state::load(&folder(name)?);
        match found.filter(|cluster| process::api_server(&cluster.folder)) {
            Some(cluster) => Ok(cluster),
            None => NotUpSnafu { name }.fail(),
        }
    }

    /// Finds a cluster by its admin's kubeconfig; nothing where that is no cluster of this tool's.
    pub fn of(kubeconfig: &Path) -> Option<Self> {
        state::load(kubeconfig.parent()?).filter(|cluster| cluster.kubeconfig() == kubeconfig)
    }

    /// The admin's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join(kubeconfig::ADMIN)
    }

    /// The kubeconfig of a user who is in these groups, signed by the cluster's authority.
    pub fn identity(&self, user: &str, groups: &[String]) -> Result<PathBuf, Error> {
        kubeconfig::identity(self, user, groups)
    }

    /// The audit log of every request, when the cluster was brought up with one.
    pub fn audit_log(&self) -> Option<PathBuf> {
        let log = || commands::audit_log(&self.spec, &self.folder);
        self.spec.audit.then(log)
    }

    /// An admin's client.
    pub async fn client(&self) -> Result<kube::Client, Error> {
        client(&self.kubeconfig()).await
    }

    /// Its certificates.
    pub fn pki(&self) -> Pki {
        Pki::at(&self.folder.join("pki"))
    }

    /// Its programs that run.
    pub fn processes(&self) -> Vec<Process> {
        process::of(&self.folder)
    }

    /// Ends it by pid and removes its folder.
    pub fn down(self) -> Result<(), Error> {
        down(&self.spec.name).map(|_| ())
    }

    async fn is_up(&self) -> bool {
        process::api_server(&self.folder) && ready::answers(&self.kubeconfig()).await
    }
}

/// Ends a cluster by pid, whatever state it is in, and removes its folder. Says how many programs
/// were ended.
pub fn down(name: &str) -> Result<usize, Error> {
    let place = folder(name)?;
    let _lock = state::lock(&place)?;
    let ended = process::end_all(&place)?;
    state::clear(&place)?;
    Ok(ended)
}

/// The state of all clusters, by name.
pub fn status() -> Vec<Status> {
    state::all(&home())
}

/// Waits until a process is gone, then ends a cluster: for clusters that live as long as a run.
pub fn reap(name: &str, owner: u32) -> Result<(), Error> {
    process::wait_gone(owner);
    down(name).map(|_| ())
}

/// Ends what belongs to runs that are gone.
fn sweep() {
    for status in state::all(&home()) {
        if status.owner.is_some_and(|owner| !is_alive(owner)) {
            // Somebody else may be ending it at this moment, and either way is fine.
            let _ = down(&status.name);
        }
    }
}

fn is_taken(log: &str) -> bool {
    log.contains("address already in use")
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
