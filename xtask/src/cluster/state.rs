//! What is kept of a cluster on disk, and what can be said of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snafu::ResultExt;

use super::{Cluster, Error, FilesSnafu, Spec, process};

/// Written when the cluster is ready.
const STATE: &str = "cluster.json";
/// Written before anything is started: the process with which the cluster ends.
const OWNER: &str = "owner";

#[derive(Serialize, Deserialize)]
struct Stored {
    spec: Spec,
    url: String,
    /// Not noted by a tool older than this one.
    #[serde(default)]
    etcd: String,
}

/// One program of a cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Unit {
    /// Its name.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

/// What can be said of a cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether it came up and its API server runs.
    pub up: bool,
    /// Where the API server is.
    pub url: Option<String>,
    /// The admin's kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// The audit log.
    pub audit: Option<PathBuf>,
    /// Its logs.
    pub logs: PathBuf,
    /// The programs that run.
    pub programs: Vec<Unit>,
    /// The process with which it ends.
    pub owner: Option<u32>,
}

/// One act at a time on one cluster. The file stays: removing it would let two hold it.
pub fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.with_extension("lock");
    if let Some(home) = path.parent() {
        std::fs::create_dir_all(home).context(FilesSnafu { path: home })?;
    }
    let file = File::create(&path).context(FilesSnafu { path: &path })?;
    file.lock().context(FilesSnafu { path: &path })?;
    Ok(file)
}

/// Removes the folder of a cluster whose programs have ended.
pub fn clear(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(FilesSnafu { path: folder })
        }
        _ => Ok(()),
    }
}

/// Notes the owner, before anything is started.
pub fn note_owner(folder: &Path, owner: Option<u32>) -> Result<(), Error> {
    let Some(owner) = owner else { return Ok(()) };
    let path = folder.join(OWNER);
    std::fs::write(&path, owner.to_string()).context(FilesSnafu { path })
}

/// Notes that a cluster is ready.
pub fn save(cluster: &Cluster) -> Result<(), Error> {
    let stored = Stored {
        spec: cluster.spec.clone(),
        url: cluster.url.clone(),
        etcd: cluster.etcd.clone(),
    };
    let path = cluster.folder.join(STATE);
    let text = serde_json::to_vec_pretty(&stored).map_err(std::io::Error::from);
    text.and_then(|text| std::fs::write(&path, text))
        .context(FilesSnafu { path })
}

/// What was noted of a cluster; nothing when it never became ready.
pub fn load(folder: &Path) -> Option<Cluster> {
    let text = std::fs::read(folder.join(STATE)).ok()?;
    let stored: Stored = serde_json::from_slice(&text).ok()?;
    Some(Cluster {
        spec: stored.spec,
        url: stored.url,
        etcd: stored.etcd,
        folder: folder.to_path_buf(),
    })
}

/// All clusters in a folder, by name.
pub fn all(home: &Path) -> Vec<Status> {
    let Ok(entries) = std::fs::read_dir(home) else {
        return Vec::new();
    };
    let folders = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<Status> = folders
        .filter(|path| path.is_dir())
        .map(|path| status(&path))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn status(folder: &Path) -> Status {
    let cluster = load(folder).filter(|_| process::api_server(folder));
    let owner = std::fs::read_to_string(folder.join(OWNER)).ok();
    let programs = process::of(folder).into_iter();
    Status {
        name: folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        up: cluster.is_some(),
        url: cluster.as_ref().map(|cluster| cluster.url.clone()),
        kubeconfig: cluster.as_ref().map(Cluster::kubeconfig),
        audit: cluster.as_ref().and_then(Cluster::audit_log),
        logs: folder.join("logs"),
        programs: programs
            .map(|process| Unit {
                program: process.program,
                pid: process.pid,
            })
            .collect(),
        owner: owner.and_then(|text| text.trim().parse().ok()),
    }
}
