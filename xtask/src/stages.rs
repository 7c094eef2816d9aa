//! The stages that kwok plays on nodes and pods: put together from the files that its module
//! ships, since the program has none of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use snafu::{ResultExt, Snafu, ensure};

/// The file beside the program.
pub const FILE: &str = "kwok-stages.yaml";

/// The folders of the module whose stages make nodes and pods Ready at once.
const FOLDERS: [&str; 3] = [
    "kustomize/stage/node/fast",
    "kustomize/stage/node/heartbeat-with-lease",
    "kustomize/stage/pod/fast",
];

/// What went wrong.
#[derive(Debug, Snafu)]
pub enum Error {
    /// Go does not say where the module is.
    #[snafu(display("cannot ask Go where the module of kwok is"))]
    Locate {
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read or written.
    #[snafu(display("cannot use {} for the stages of kwok", path.display()))]
    Stage {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The module is laid out differently.
    #[snafu(display("the module of kwok has no stages under {folder}: was its version changed?"))]
    Empty {
        /// Where they were looked for.
        folder: &'static str,
    },
}

/// Writes the stages into a folder.
pub fn assemble(go: &Path, work: &Path, into: &Path) -> Result<(), Error> {
    let output = Command::new(go)
        .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .current_dir(work)
        .output()
        .context(LocateSnafu)?;
    let module = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let mut documents = Vec::new();
    for folder in FOLDERS {
        let before = documents.len();
        let place = module.join(folder);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&place)
            .context(StageSnafu { path: &place })?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_stage(path))
            .collect();
        files.sort();
        for path in files {
            documents.push(std::fs::read_to_string(&path).context(StageSnafu { path })?);
        }
        ensure!(documents.len() > before, EmptySnafu { folder });
    }
    let path = into.join(FILE);
    std::fs::write(&path, documents.join("\n---\n")).context(StageSnafu { path })
}

fn is_stage(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml")
        && path
            .file_name()
            .is_some_and(|name| name != "kustomization.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kustomization among the stages stops kwok.
    #[test]
    fn only_stages_are_taken() {
        assert!(is_stage(Path::new("pod/fast/pod-ready.yaml")));
        assert!(!is_stage(Path::new("pod/fast/kustomization.yaml")));
        assert!(!is_stage(Path::new("pod/fast/README.md")));
    }
}
