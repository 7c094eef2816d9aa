//! The documentation as people use it: every command of it is run, every link leads somewhere, every
//! playbook in it passes lint.
//!
//! A page's commands are run in their order, in a fresh folder that has what a checkout has, by bash in a
//! terminal, with the real kubectl and helm and the built `pingzhan`. [`table`] says for each page where it
//! plays, and which commands nobody can run in a test. A page with commands that is not in it fails.

mod examples;
mod links;
mod page;
mod scene;
mod table;
mod threats;

use std::path::PathBuf;

use crate::support::repository;
use page::Command;
use scene::Scene;
use table::{NOT_RUN, PAGES};

/// Folders whose pages are for users.
const FOLDERS: [&str; 3] = ["docs", "playbooks", "charts"];

/// All pages: their path from the root, and their text.
pub fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = FOLDERS.iter().flat_map(|folder| under(folder)).collect();
    let top = std::fs::read_dir(repository()).expect("the repository is readable");
    paths.extend(top.flatten().map(|entry| entry.path()));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.sort();
    let read = |path: &PathBuf| {
        let inside = path.strip_prefix(repository()).expect("found under it");
        let text = std::fs::read_to_string(path).expect("a page");
        (inside.to_string_lossy().into_owned(), text)
    };
    paths.iter().map(read).collect()
}

fn under(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        let inside = std::fs::read_dir(&folder).expect("a folder is readable");
        for entry in inside.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Why a command is not run, where it is not.
fn reason(path: &str, command: &Command) -> Option<usize> {
    NOT_RUN
        .iter()
        .position(|(page, begins, _)| *page == path && command.text.starts_with(begins))
}

/// Runs a page; says what went wrong, and how many commands were run.
fn run(path: &str, commands: &[Command]) -> Result<usize, String> {
    let row = PAGES.iter().find(|row| row.path == path);
    let row =
        row.ok_or_else(|| format!("{path} has commands and no row in tests/docs/table.rs"))?;
    let mut scene = Scene::open(row)?;
    let mut count = 0;
    for command in commands {
        if reason(path, command).is_some() {
            continue;
        }
        scene
            .run(command)
            .map_err(|problem| format!("{path}:{}: {problem}", command.line))?;
        count += 1;
    }
    Ok(count)
}

/// Whoever types what a page says must see it work: a page whose commands are wrong costs people the trust
/// that they need in an emergency.
#[test]
fn every_command_of_the_documentation_works() {
    let pages = pages();
    let all: Vec<(&str, Vec<Command>)> = pages
        .iter()
        .map(|(path, text)| (path.as_str(), page::commands(text)))
        .filter(|(_, commands)| !commands.is_empty())
        .collect();
    let ran: Vec<Result<usize, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = all
            .iter()
            .map(|(path, commands)| {
                scope.spawn(move || {
                    let ran = run(path, commands);
                    println!("{path}: {ran:?}");
                    ran
                })
            })
            .collect();
        let joined = threads.into_iter();
        joined
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let wrong: Vec<&String> = ran.iter().filter_map(|ran| ran.as_ref().err()).collect();
    let wrong: Vec<&str> = wrong.iter().map(|text| text.as_str()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let run: usize = ran.iter().flatten().sum();
    let met: Vec<usize> = all
        .iter()
        .flat_map(|(path, commands)| commands.iter().filter_map(|one| reason(path, one)))
        .collect();
    for (number, (page, begins, why)) in NOT_RUN.iter().enumerate() {
        let found = met.contains(&number);
        assert!(
            found,
            "{page} has no `{begins}` any more ({why}): take it out"
        );
    }
    for row in PAGES {
        let found = all.iter().any(|(path, _)| *path == row.path);
        assert!(found, "{} has no commands any more: take it out", row.path);
    }
    println!(
        "{run} commands of {} pages run, {} not",
        all.len(),
        met.len()
    );
    assert!(run >= 100, "{run} commands are no documentation");
}
