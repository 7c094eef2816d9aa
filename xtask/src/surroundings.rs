//! What surrounds the tool: where the repository and the cache are, the environment, the clock.
//! The one module of the tool that reads them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where built programs and the state of clusters are kept: `$PINGZHAN_CACHE`, else
/// `$XDG_CACHE_HOME/pingzhan`, else `~/.cache/pingzhan`. Never inside the repository.
pub fn cache() -> PathBuf {
    if let Some(own) = variable("PINGZHAN_CACHE") {
        return std::path::absolute(&own).unwrap_or(own);
    }
    if let Some(cache) = variable("XDG_CACHE_HOME") {
        return cache.join("pingzhan");
    }
    variable("HOME")
        .unwrap_or_else(std::env::temp_dir)
        .join(".cache/pingzhan")
}

/// Names the folder in which control planes that tests bring up leave what the operator asks of them: the
/// test command sets it for its tests.
pub const OPERATOR_LOGS: &str = "PINGZHAN_TEST_OPERATOR_LOGS";

/// The folder that [`OPERATOR_LOGS`] names.
pub fn operator_logs() -> Option<PathBuf> {
    variable(OPERATOR_LOGS)
}

/// A directory with etcd, kube-apiserver and kubectl that is to be used instead of our own.
pub fn assets() -> Option<PathBuf> {
    variable("KUBEBUILDER_ASSETS")
}

/// The locale in which people want to be spoken to, as the usual variables say; empty when none
/// does.
pub fn locale() -> String {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(variable);
    set.unwrap_or_default().to_string_lossy().into_owned()
}

/// Every place in `$PATH` where a program of this name may be.
pub fn on_path(program: &str) -> Vec<PathBuf> {
    let Some(path) = variable("PATH") else {
        return Vec::new();
    };
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .filter(|candidate| candidate.is_file())
        .collect()
}

/// The variables that cargo set for this program. A cargo that inherited them would build crates
/// whose build scripts look at them (ring) anew each time, and everything above them.
pub fn set_by_cargo() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names
        .filter(|name| name.to_str().is_some_and(is_set_by_cargo))
        .collect()
}

fn is_set_by_cargo(name: &str) -> bool {
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_PRIMARY_",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(
        clippy::disallowed_methods,
        reason = "the tool measures itself, and this is its one clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A duration as people read it: `0.8 s`, `42 s`, `3 min 20 s`.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person's own settings of cargo must reach the cargo that we run.
    #[test]
    fn only_what_cargo_itself_sets_is_kept_from_another_cargo() {
        assert!(is_set_by_cargo("CARGO_PKG_NAME") && is_set_by_cargo("CARGO_MANIFEST_DIR"));
        assert!(!is_set_by_cargo("CARGO_HOME") && !is_set_by_cargo("CARGO_TARGET_DIR"));
    }

    /// People compare these figures with the documented ones.
    #[test]
    fn durations_read_well_at_every_size() {
        assert_eq!(human(Duration::from_millis(840)), "0.8 s");
        assert_eq!(human(Duration::from_secs(42)), "42 s");
        assert_eq!(human(Duration::from_secs(200)), "3 min 20 s");
    }
}
