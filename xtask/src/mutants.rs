//! `cargo xtask mutants`: the operator is broken on purpose, one mistake at a time, in a copy of
//! the tree, and the tests that are named for the mistake must fail (M0 of the campaign).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde::Deserialize;
use snafu::{ResultExt, Snafu, ensure};

use crate::campaign;
use crate::progress::Progress;
use crate::surroundings::{Stopwatch, human, repository, set_by_cargo};

/// The list of mutants, under the root of the repository.
pub const LIST: &str = "tests/mutants.yaml";

/// Why nothing can be said of the mutants.
#[derive(Debug, Snafu)]
pub enum Error {
    /// A file cannot be read or written.
    #[snafu(display("{} cannot be read or written", path.display()))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The list is not as it should be.
    #[snafu(display("{LIST} cannot be understood"))]
    List {
        /// Why.
        source: serde_yaml::Error,
    },
    /// A mutant does not fit the source any more.
    #[snafu(display("the text of mutant {name} is {times} times in {file}: adapt {LIST}"))]
    Fit {
        /// Which mutant.
        name: String,
        /// The file.
        file: String,
        /// How often.
        times: usize,
    },
    /// A program does not run.
    #[snafu(display("cannot run {program}"))]
    Run {
        /// Which.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A program fails that must not.
    #[snafu(display("{what} failed:\n{said}"))]
    Failed {
        /// What.
        what: String,
        /// What it said.
        said: String,
    },
}

/// One mistake.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name.
    pub name: String,
    /// What goes wrong.
    pub says: String,
    /// In which file.
    pub file: String,
    /// The text that is taken out.
    pub replace: String,
    /// What is put in its place.
    pub with: String,
    /// What must catch it.
    pub tests: Tests,
}

/// Tests by a part of their names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tests {
    /// Of the library.
    Lib(String),
    /// Of the integration binary.
    All(String),
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Which.
    pub mutant: Mutant,
    /// The tests that failed; none when it survived.
    pub caught_by: Vec<String>,
    /// How long building and testing took.
    pub took: Duration,
}

/// What has to notice a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The tests that its row names.
    ItsTests,
    /// Simulated emergencies alone, from the first seed on.
    Simulation,
}

/// How many seeds a mutant may survive.
const SEEDS: u64 = 600;

impl Mutant {
    /// The source with the mistake in it.
    ///
    /// Errors: the text that is to be replaced is not there exactly once.
    pub fn applied(&self, source: &str) -> Result<String, Error> {
        let times = source.matches(&self.replace).count();
        let (name, file) = (&self.name, &self.file);
        ensure!(times == 1, FitSnafu { name, file, times });
        Ok(source.replacen(&self.replace, &self.with, 1))
    }
}

/// The mutants of the list.
pub fn listed(root: &Path) -> Result<Vec<Mutant>, Error> {
    let path = root.join(LIST);
    let text = std::fs::read_to_string(&path).context(FileSnafu { path })?;
    serde_yaml::from_str(&text).context(ListSnafu)
}

/// Makes every mutant whose name contains `only` and says what caught it.
pub fn run(only: Option<&str>, by: By, progress: Progress) -> Result<Vec<Verdict>, Error> {
    let root = repository();
    let tree = root.join("target/mutants");
    copy(&root, &tree)?;
    let mut verdicts = Vec::new();
    for mutant in listed(&root)? {
        if only.is_some_and(|only| !mutant.name.contains(only)) {
            continue;
        }
        progress.say(&format!("{}: {}", mutant.name, mutant.says));
        let verdict = judge(&root, &tree, mutant, by)?;
        progress.say(&sentence(&verdict));
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// A copy of what is committed, beside which nothing else is touched.
fn copy(root: &Path, tree: &Path) -> Result<(), Error> {
    let place = tree.to_string_lossy();
    // A copy that a killed run left behind; without one this fails, which is as good.
    drop(git(root, &["worktree", "remove", "--force", &place]));
    git(
        root,
        &["worktree", "add", "--detach", "--force", &place, "HEAD"],
    )
}

fn git(root: &Path, args: &[&str]) -> Result<(), Error> {
    let output = Command::new("git").current_dir(root).args(args).output();
    let output = output.context(RunSnafu { program: "git" })?;
    must(&output, || format!("git {}", args.join(" ")))
}

fn must(output: &Output, what: impl Fn() -> String) -> Result<(), Error> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), FailedSnafu { what: what(), said });
    Ok(())
}

fn judge(root: &Path, tree: &Path, mutant: Mutant, by: By) -> Result<Verdict, Error> {
    let path = tree.join(&mutant.file);
    let read = std::fs::read_to_string(&path);
    let source = read.context(FileSnafu { path: &path })?;
    let broken = mutant.applied(&source)?;
    let watch = Stopwatch::start();
    std::fs::write(&path, broken).context(FileSnafu { path: &path })?;
    let caught = match by {
        By::ItsTests => test(root, tree, &mutant),
        By::Simulation => simulate(root, tree, &mutant),
    };
    let took = watch.elapsed();
    std::fs::write(&path, source).context(FileSnafu { path: &path })?;
    Ok(Verdict {
        caught_by: caught?,
        mutant,
        took,
    })
}

/// Builds and runs a mutant's tests; returns those that failed.
fn test(root: &Path, tree: &Path, mutant: &Mutant) -> Result<Vec<String>, Error> {
    let (which, filter): (&[&str], &str) = match &mutant.tests {
        Tests::Lib(filter) => (&["--lib"], filter),
        Tests::All(filter) => (&["--test", "all"], filter),
    };
    let built = cargo(root, tree, which, &["--no-run"])?;
    must(&built, || format!("building mutant {}", mutant.name))?;
    let tested = cargo(root, tree, which, &["--", filter])?;
    let said = String::from_utf8_lossy(&tested.stdout).into_owned();
    let failed = said.lines().filter_map(|line| {
        let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
        end.starts_with("FAILED").then(|| name.to_owned())
    });
    let failed: Vec<String> = failed.collect();
    let ran = said.contains("test result:") && !said.contains("0 passed; 0 failed");
    ensure!(
        ran && failed.is_empty() == tested.status.success(),
        FailedSnafu {
            what: format!("testing mutant {}", mutant.name),
            said: said + &String::from_utf8_lossy(&tested.stderr),
        }
    );
    Ok(failed)
}

/// Builds a mutant and plays seeds until an oracle objects; says which, and to which seed.
fn simulate(root: &Path, tree: &Path, mutant: &Mutant) -> Result<Vec<String>, Error> {
    let which = &["--test", "all"];
    let built = cargo(root, tree, which, &["--no-run"])?;
    must(&built, || format!("building mutant {}", mutant.name))?;
    let args = ["--", "--exact", campaign::TEST, "--nocapture"];
    let played = cargo(root, tree, which, &args)?;
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    let objections = said.lines().filter_map(objection);
    let objections: Vec<String> = objections.collect();
    ensure!(
        said.contains("test result:") && objections.is_empty() == played.status.success(),
        FailedSnafu {
            what: format!("simulating mutant {}", mutant.name),
            said: said + &String::from_utf8_lossy(&played.stderr),
        }
    );
    Ok(objections)
}

/// `seed 17 (both) fails: O4: …` as `O4, seed 17`.
fn objection(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("seed ")?;
    let (seed, rest) = rest.split_once(" (")?;
    let (_, rest) = rest.split_once(") fails: ")?;
    let (oracle, _) = rest.split_once(':')?;
    Some(format!("{oracle}, seed {seed}"))
}

fn cargo(root: &Path, tree: &Path, which: &[&str], more: &[&str]) -> Result<Output, Error> {
    let mut command = Command::new("cargo");
    for name in set_by_cargo() {
        command.env_remove(name);
    }
    let own = std::env::current_exe().unwrap_or_default();
    command
        .current_dir(tree)
        // Not beside other builds: cargo would take a mutant's program for theirs, and theirs for its.
        .env("CARGO_TARGET_DIR", root.join("target/mutants-build"))
        // The tool itself need not be built again.
        .env("PINGZHAN_XTASK", own)
        .env("PINGZHAN_CAMPAIGN_SEEDS", SEEDS.to_string())
        .env("PINGZHAN_CAMPAIGN_SHRINK", "0")
        .arg("test")
        .args(which)
        .args(more)
        .output()
        .context(RunSnafu { program: "cargo" })
}

fn sentence(verdict: &Verdict) -> String {
    let took = human(verdict.took);
    match verdict.caught_by.first() {
        Some(test) => format!(
            "  caught by {test} and {} more, {took}",
            verdict.caught_by.len() - 1
        ),
        None => format!("  SURVIVED, {took}"),
    }
}

/// The verdicts as a table in Markdown.
pub fn table(verdicts: &[Verdict]) -> String {
    let mut text = String::from(
        "| Mutant | What goes wrong | Caught by | Tests that failed | Time |\n|---|---|---|---|---|\n",
    );
    for Verdict {
        mutant,
        caught_by,
        took,
    } in verdicts
    {
        let first = caught_by.first().map_or("**nothing**", String::as_str);
        let (name, says, count) = (&mutant.name, &mutant.says, caught_by.len());
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {says} | `{first}` | {count} | {} |",
            human(*took)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of mutants is made of these lines.
    #[test]
    fn an_objection_is_read_from_what_the_campaign_says() {
        let line = "test x ... seed 17 (both) fails: O4: a write of helm-api changed";
        assert_eq!(objection(line).as_deref(), Some("O4, seed 17"));
        assert_eq!(objection("campaign: 17 of 17 schedules"), None);
    }

    /// A mutant that no longer fits its source would be believed caught for ever.
    #[test]
    fn every_mutant_fits_its_source_exactly_once() {
        let root = repository();
        let mutants = listed(&root).expect("the list is readable");
        assert!(mutants.len() >= 15, "{} mutants", mutants.len());
        for mutant in mutants {
            let source = std::fs::read_to_string(root.join(&mutant.file)).expect("a source");
            let broken = mutant.applied(&source).expect("it fits");
            assert_ne!(broken, source, "{}", mutant.name);
        }
    }
}
