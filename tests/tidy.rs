//! House rules that a machine can hold: which folder may import which, what pure folders must not
//! know, how long files and functions may be, what must not be left behind.
//!
//! The rules are in [`rules`], each with a sample that breaks it; here they meet the repository.

mod rules;
mod source;

use std::path::{Path, PathBuf};

use crate::support::repository;

/// What is not ours to judge: cargo's output, git's own, and the lock file, which names where
/// each package came from.
const SKIPPED: [&str; 3] = ["target", ".git", "Cargo.lock"];

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the repository is readable");
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every text file of the repository: its path from the root, and what it holds.
fn texts() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    files_under(repository(), &mut paths);
    paths.sort();
    let relative = |path: &Path| {
        let inside = path.strip_prefix(repository()).expect("found under it");
        inside.to_string_lossy().into_owned()
    };
    // What is not UTF-8 is not text.
    let read = |path: &PathBuf| Some((relative(path), std::fs::read_to_string(path).ok()?));
    paths.iter().filter_map(read).collect()
}

/// Applies a rule to every Rust file and fails with everything that it found.
fn hold(rule: fn(&str, &source::Source) -> Vec<String>) {
    let mut broken = Vec::new();
    let mut judged = 0;
    for (path, text) in texts() {
        if Path::new(&path).extension().is_some_and(|end| end == "rs") {
            judged += 1;
            let found = rule(&path, &source::Source::new(&text));
            broken.extend(found.into_iter().map(|what| format!("{path}: {what}")));
        }
    }
    assert!(judged > 0, "no Rust file was found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The layers are the architecture: an import upward is how it rots.
#[test]
fn folders_import_only_what_the_table_allows() {
    hold(rules::imports);
}

/// Planning is deterministic only if nothing in it can look around.
#[test]
fn pure_folders_know_no_client_clock_environment_or_chance() {
    hold(rules::pure);
}

/// Whoever opens a file must know at once what it is for.
#[test]
fn every_file_opens_with_its_purpose() {
    hold(rules::opening);
}

/// A file that is read in one sitting is understood.
#[test]
fn no_file_is_longer_than_its_budget() {
    hold(rules::file_length);
}

/// A function that is seen at once is understood.
#[test]
fn no_function_is_longer_than_its_budget() {
    hold(rules::function_length);
}

/// A simulation can stop a process only if it knows all of its tasks.
#[test]
fn every_task_of_the_operator_is_its_own() {
    hold(rules::spawned);
}

/// What is left for later must not look done.
#[test]
fn nothing_is_left_undone_or_skipped() {
    hold(rules::undone);
}

/// A path of somebody's machine, or a registry's host, works nowhere else.
#[test]
fn no_file_names_a_machine_or_a_registry() {
    let mut broken = Vec::new();
    for (path, text) in texts() {
        broken.extend(
            rules::machines(&text)
                .into_iter()
                .map(|what| format!("{path}: {what}")),
        );
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
