//! The programs of the real control plane, built from Go modules and kept in the cache.
//!
//! One table says what each program is built from. A build is keyed by the module's `go.sum`, the
//! version of Go and the flags; it goes into a folder of its own and is renamed into place, under
//! a lock, so that two builds never collide and a killed one leaves nothing half-made.

mod table;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use snafu::{OptionExt, ResultExt, Snafu};

use crate::golang::{self, Go};
use crate::progress::Progress;
use crate::{stages, surroundings};

pub use table::Program;
use table::{Module, Row};

/// What went wrong while programs were found or built.
#[derive(Debug, Snafu)]
pub enum Error {
    /// No Go toolchain.
    #[snafu(transparent)]
    Toolchain {
        /// Why.
        source: golang::Error,
    },
    /// A folder or file of the cache cannot be used.
    #[snafu(display("cannot use {}: check its rights and free space, or set PINGZHAN_CACHE to another folder", path.display()))]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Go does not run.
    #[snafu(display("cannot run {}", go.display()))]
    Go {
        /// Which.
        go: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The build failed.
    #[snafu(display(
        "building {program} failed; the Go module proxy must be reachable the first time. It ended with:\n{tail}"
    ))]
    Build {
        /// Which program.
        program: &'static str,
        /// The last lines.
        tail: String,
    },
    /// The stages of kwok cannot be put together.
    #[snafu(transparent)]
    Stages {
        /// Why.
        source: stages::Error,
    },
}

/// Programs that are there.
#[derive(Clone, Debug, Default)]
pub struct Toolset(BTreeMap<Program, PathBuf>);

impl Toolset {
    /// Where a program is; nothing when it was not asked for.
    pub fn get(&self, program: Program) -> Option<&Path> {
        self.0.get(&program).map(PathBuf::as_path)
    }

    /// The stages that kwok plays, beside its program.
    pub fn kwok_stages(&self) -> Option<PathBuf> {
        self.get(Program::Kwok)
            .map(|kwok| kwok.with_file_name(stages::FILE))
    }
}

/// Finds or builds these programs.
///
/// Guarantees: every program asked for is in the set and runs; `$KUBEBUILDER_ASSETS` comes first,
/// then the cache; Go is looked for only when something must be looked up by its version.
///
/// Errors: a missing toolchain is reported before anything is built.
pub fn ensure(programs: &[Program], progress: Progress) -> Result<Toolset, Error> {
    let (mut set, ours) = given(programs);
    if ours.is_empty() {
        return Ok(set);
    }
    let home = surroundings::cache().join("tools");
    std::fs::create_dir_all(&home).context(CacheSnafu { path: &home })?;
    let go = golang::find(progress)?;
    for program in ours {
        let place = home.join(folder(program, &go));
        let path = place.join(program.name());
        if !path.is_file() {
            let _lock = lock(&home, progress)?;
            // Another build may have made it while this one waited.
            if !path.is_file() {
                build(program, &go, &home, &place, progress)?;
            }
        }
        set.0.insert(program, path);
    }
    Ok(set)
}

/// Finds the toolchain where one of these programs may have to be built: what is missing is said before
/// anything long begins beside [`ensure`].
pub fn toolchain(programs: &[Program], progress: Progress) -> Result<(), Error> {
    if !given(programs).1.is_empty() {
        golang::find(progress)?;
    }
    Ok(())
}

/// The programs that `$KUBEBUILDER_ASSETS` has, and those that it has not.
fn given(programs: &[Program]) -> (Toolset, Vec<Program>) {
    let assets = surroundings::assets();
    let mut set = Toolset::default();
    let mut ours = Vec::new();
    for &program in programs {
        let given = assets.as_ref().map(|folder| folder.join(program.name()));
        match given.filter(|path| path.is_file()) {
            Some(path) => {
                set.0.insert(program, path);
            }
            None => ours.push(program),
        }
    }
    (set, ours)
}

/// The folder of a build: program, version, and the key of everything that it depends on.
fn folder(program: Program, go: &Go) -> String {
    let row = program.row();
    let mut hash = Sha256::new();
    let flags = link_flags(row.module);
    let parts = [row.module.go_sum, &go.version, FLAGS, &flags, row.tags];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let key: String = hash
        .finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut text, byte| {
            use std::fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        });
    format!("{}-{}-{key}", row.name, row.module.version)
}

/// `-mod=mod` lets Go complete the copied `go.mod`; the rest keeps builds alike wherever they run.
const FLAGS: &str = "-mod=mod -trimpath -buildvcs=false";

/// What is given to the linker. Without the stamp the server says a placeholder for its version.
fn link_flags(module: &Module) -> String {
    let mut flags = "-s -w".to_owned();
    if module.stamped {
        let mut numbers = module.version.trim_start_matches('v').split('.');
        let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
        for (name, value) in [
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitVersion", module.version),
            ("gitTreeState", "clean"),
            ("buildDate", "1970-01-01T00:00:00Z"),
        ] {
            flags.extend([" -X k8s.io/component-base/version.", name, "=", value]);
        }
    }
    flags
}

/// One build at a time in one cache.
fn lock(home: &Path, progress: Progress) -> Result<File, Error> {
    let path = home.join(".lock");
    let file = File::create(&path).context(CacheSnafu { path: &path })?;
    if file.try_lock().is_err() {
        let task = progress.task("another build uses the cache");
        file.lock().context(CacheSnafu { path: &path })?;
        task.done("it is finished");
    }
    Ok(file)
}

/// Builds a program beside, and renames it into place.
fn build(
    program: Program,
    go: &Go,
    home: &Path,
    place: &Path,
    progress: Progress,
) -> Result<(), Error> {
    let row = program.row();
    let work = home.join(".work").join(row.module.name);
    // The lock is ours, so whatever is there was left by a build that was killed.
    if work.exists() {
        std::fs::remove_dir_all(&work).context(CacheSnafu { path: &work })?;
    }
    std::fs::create_dir_all(&work).context(CacheSnafu { path: &work })?;
    for (name, text) in [("go.mod", row.module.go_mod), ("go.sum", row.module.go_sum)] {
        std::fs::write(work.join(name), text).context(CacheSnafu { path: &work })?;
    }
    compile(row, go, &work, progress)?;
    std::fs::create_dir_all(place).context(CacheSnafu { path: place })?;
    if program == Program::Kwok {
        stages::assemble(&go.program, &work, place)?;
    }
    std::fs::rename(work.join(row.name), place.join(row.name))
        .context(CacheSnafu { path: place })?;
    std::fs::remove_dir_all(&work).context(CacheSnafu { path: &work })
}

/// How many of the last lines of a failed build are shown.
const TAIL: usize = 20;

fn compile(row: &'static Row, go: &Go, work: &Path, progress: Progress) -> Result<(), Error> {
    let title = format!(
        "build {} {} (the first time takes about {} on 2 cores)",
        row.name, row.module.version, row.first
    );
    let mut task = progress.task(&title);
    let mut child = command(go, work)
        .args([
            "build",
            "-v",
            "-tags",
            row.tags,
            "-ldflags",
            &link_flags(row.module),
            "-o",
            row.name,
            row.package,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context(GoSnafu { go: &go.program })?;
    let output = child.stderr.take().context(BuildSnafu {
        program: row.name,
        tail: "",
    })?;
    let (mut downloaded, mut compiled) = (0_usize, 0_usize);
    let mut tail = VecDeque::with_capacity(TAIL);
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if line.starts_with("go: downloading") {
            downloaded += 1;
        } else {
            compiled += 1;
        }
        task.at(&format!(
            "{downloaded} modules fetched, {compiled} packages compiled"
        ));
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = child.wait().context(GoSnafu { go: &go.program })?;
    if !status.success() {
        let tail = Vec::from(tail).join("\n");
        return BuildSnafu {
            program: row.name,
            tail,
        }
        .fail();
    }
    task.done("built");
    Ok(())
}

/// Go, set up so that a build is the same wherever it runs.
fn command(go: &Go, work: &Path) -> Command {
    let mut command = Command::new(&go.program);
    command
        .current_dir(work)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", FLAGS);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Program; 8] = [
        Program::KubeApiserver,
        Program::Etcd,
        Program::KubeControllerManager,
        Program::KubeScheduler,
        Program::Kubectl,
        Program::Kwok,
        Program::Helm,
        Program::Prometheus,
    ];

    /// The table and the pinned modules must not drift apart: a wrong version here would be
    /// stamped into the server.
    #[test]
    fn every_version_in_the_table_is_the_one_that_its_module_pins() {
        for program in ALL {
            let module = program.row().module;
            let required = module
                .go_mod
                .lines()
                .find(|line| line.starts_with("require ") && !line.ends_with('('));
            let required = required.expect("a go.mod names its program's module");
            assert!(
                required.ends_with(module.version),
                "{}: {required}",
                program.name()
            );
        }
    }

    /// A cached program must not outlive a change of what it was made from.
    #[test]
    fn another_go_is_another_build() {
        let go = |version: &str| Go {
            program: "go".into(),
            version: version.into(),
        };
        let (one, other) = (go("go1.26.8"), go("go1.27.0"));
        for program in ALL {
            assert_eq!(folder(program, &one), folder(program, &one));
            assert_ne!(folder(program, &one), folder(program, &other));
        }
    }

    /// `kubectl version` and the server's version checks read this stamp.
    #[test]
    fn kubernetes_is_stamped_with_its_version() {
        let flags = link_flags(Program::KubeApiserver.row().module);
        assert!(flags.contains("version.gitVersion=v1.36.3"), "{flags}");
        assert!(flags.contains("version.gitMinor=36 "), "{flags}");
        assert_eq!(link_flags(Program::Etcd.row().module), "-s -w");
    }
}
