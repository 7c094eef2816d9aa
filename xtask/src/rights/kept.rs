//! The audit logs of control planes that belong to one test alone. Such a plane ends with its test, and its
//! folder with it: what the operator asked of it is written to a folder of the run, read there after all
//! tests, and removed.

use std::path::{Path, PathBuf};

use snafu::{ResultExt, ensure};

use super::{Error, FolderSnafu, Log, TooLongSnafu};
use crate::cluster::is_alive;
use crate::surroundings::{cache, operator_logs};

/// The name of a log, in a folder of its control plane.
const LOG: &str = "audit.log";

/// Where a control plane that a test brings up leaves its log; nothing where no run waits for it.
pub fn log_of(plane: &str) -> Option<PathBuf> {
    operator_logs().map(|folder| folder.join(plane).join(LOG))
}

/// The folder of a run: there while this is.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// An empty folder for the run of this process.
    ///
    /// Guarantees: what runs left that were killed is removed, what others need is not.
    pub fn begin() -> Result<Self, Error> {
        Self::under(&cache().join("audit"), std::process::id())
    }

    fn under(home: &Path, run: u32) -> Result<Self, Error> {
        let folder = home.join(run.to_string());
        std::fs::create_dir_all(&folder).context(FolderSnafu { path: &folder })?;
        for path in inside(home)? {
            let of = name(&path).parse::<u32>().ok();
            if of.is_some_and(|of| of != run && !is_alive(of)) {
                // Another run may be removing it at this moment, and either way is fine.
                let _ = std::fs::remove_dir_all(path);
            }
        }
        // A run that is gone may have had the same number.
        for path in inside(&folder)? {
            std::fs::remove_dir_all(&path).context(FolderSnafu { path })?;
        }
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was left, by control plane.
    ///
    /// # Errors
    /// A log was full and begun anew: what was in it may be gone.
    pub fn logs(&self) -> Result<Vec<Log>, Error> {
        let mut logs = Vec::new();
        for path in inside(&self.folder)? {
            let plane = name(&path);
            let files = inside(&path)?;
            ensure!(files.len() <= 1, TooLongSnafu { plane });
            logs.push(Log {
                plane,
                path: path.join(LOG),
            });
        }
        Ok(logs)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What is in a folder, by name.
fn inside(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).context(FolderSnafu { path: folder })?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::check;
    use super::super::tests::{OPERATOR, line};
    use super::*;

    /// A folder of this test's own, which is not there yet.
    fn home(test: &str) -> PathBuf {
        let own = std::process::id();
        std::env::temp_dir().join(format!("pingzhan-kept-{test}-{own}"))
    }

    fn kept(home: &Path) -> Kept {
        Kept::under(home, std::process::id()).expect("the folder can be made")
    }

    /// A log of a control plane, as its API server leaves it.
    fn left(kept: &Kept, plane: &str, file: &str, lines: &[String]) {
        let folder = kept.folder().join(plane);
        std::fs::create_dir_all(&folder).expect("the folder is ours");
        std::fs::write(folder.join(file), lines.join("\n")).expect("the folder is ours");
    }

    /// What only a plane of one test alone is asked for would else be found by whoever installs it with the
    /// rights that the others need.
    #[test]
    fn what_planes_of_one_test_are_asked_for_is_judged_and_removed() {
        let home = home("judged");
        let kept = kept(&home);
        let own = |group, resource| line(OPERATOR, None, group, resource);
        let account = "system:serviceaccount:pingzhan-playbooks:flood";
        let usual = [
            own("pingzhan.dev", "playbooks"),
            line(OPERATOR, Some(account), "apps", "deployments"),
            line("admin", Some(OPERATOR), "", "secrets"),
            own("", "secrets").replace(
                "\"username\"",
                "\"groups\":[\"system:masters\"],\"username\"",
            ),
            "{\"verb\": \"pa".to_owned(),
        ];
        left(&kept, "tests-7-usual", LOG, &usual);
        left(&kept, "tests-7-other", LOG, &[own("", "pods")]);
        let logs = kept.logs().expect("they are there");
        let planes: Vec<&str> = logs.iter().map(|log| log.plane.as_str()).collect();
        assert_eq!(planes, ["tests-7-other", "tests-7-usual"]);
        let said = check(&[], &logs, false).expect_err("one asks for pods");
        let said = said.to_string();
        assert!(
            said.contains(": patch pods/status (tests-7-other);"),
            "{said}"
        );
        check(&[], &logs[1..], false).expect("it is asked for what it may be");
        drop(kept);
        assert!(inside(&home).expect("it is there").is_empty());
        std::fs::remove_dir_all(home).expect("it is ours");
    }

    /// A log that stays empty, since it is not asked for or not of the operator, would say that all is well.
    #[test]
    fn a_whole_run_of_which_no_plane_left_anything_fails() {
        let home = home("silent");
        let kept = kept(&home);
        let silent = |logs: &[Log]| {
            let said = check(&[], logs, true).expect_err("nothing was asked for");
            assert!(matches!(said, Error::Silent), "{said}");
        };
        silent(&[]);
        left(&kept, "tests-7-a", LOG, &[line("admin", None, "", "pods")]);
        let logs = kept.logs().expect("it is there");
        silent(&logs);
        check(&[], &logs, false).expect("of a part of the tests nothing is said");
        std::fs::remove_dir_all(home).expect("it is ours");
    }

    /// A run that counted what another left would blame a test for it; and logs that nobody removes fill the
    /// disk.
    #[test]
    fn what_other_runs_left_is_not_read_and_goes_when_they_have_ended() {
        let home = home("others");
        let mut ended = Command::new("true").spawn().expect("true runs");
        let gone = ended.id();
        ended.wait().expect("it ends");
        let mut goes_on = Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let (own, running) = (std::process::id(), goes_on.id());
        for run in [gone, own, running] {
            let plane = home.join(run.to_string()).join("tests-7-before");
            std::fs::create_dir_all(&plane).expect("the folder is ours");
            std::fs::write(plane.join(LOG), line(OPERATOR, None, "", "pods"))
                .expect("the folder is ours");
        }
        let kept = kept(&home);
        assert!(kept.logs().expect("they are there").is_empty());
        let names = || -> Vec<String> {
            let paths = inside(&home).expect("it is there");
            paths.iter().map(|path| name(path)).collect()
        };
        let mut there = vec![own.to_string(), running.to_string()];
        there.sort();
        assert_eq!(names(), there);
        drop(kept);
        assert_eq!(names(), [running.to_string()]);
        goes_on.kill().expect("it is ours");
        goes_on.wait().expect("it ends");
        std::fs::remove_dir_all(home).expect("it is ours");
    }

    /// Logs are bounded, and what was cut off could be what matters.
    #[test]
    fn a_log_that_was_begun_anew_is_not_believed() {
        let home = home("long");
        let kept = kept(&home);
        let lines = [line(OPERATOR, None, "pingzhan.dev", "playbooks")];
        left(&kept, "tests-7-a", LOG, &lines);
        left(
            &kept,
            "tests-7-a",
            "audit-2026-07-01T08-00-00.000.log",
            &lines,
        );
        let said = kept.logs().expect_err("it was full").to_string();
        assert!(said.contains("tests-7-a"), "{said}");
        std::fs::remove_dir_all(home).expect("it is ours");
    }
}
