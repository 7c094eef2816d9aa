//! The page about the table: what was measured, and the case that shows it; and what each case notices
//! of servers that are wrong on purpose.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use snafu::{ResultExt, ensure};

use super::breaks::{all, proof::Proof};
use super::table::{Chapter, load};
use super::{Error, FileSnafu, UnfitSnafu, check, folder};

/// The page, under the root of the repository.
pub const PAGE: &str = "docs/reference/conformance.md";
/// Breaks that are shown for a case: the first are about its claim alone.
const SHOWN: usize = 6;

/// Something that the design rests on, and the cases that show it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    #[serde(rename = "fact")]
    says: String,
    #[serde(default)]
    cases: Vec<String>,
    /// Why no case can show it.
    elsewhere: Option<String>,
}

/// What the page has to say.
///
/// # Errors
/// The facts cannot be read, or name a case that is not there.
pub fn text(
    repository: &Path,
    chapters: &[Chapter],
    known: &BTreeMap<String, String>,
    proof: &Proof,
) -> Result<String, Error> {
    let mut text = String::from(HEAD);
    facts(repository, chapters, &mut text)?;
    differences(known, &mut text);
    for chapter in chapters {
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "\n## {}\n\n| Case | Notices |\n|---|---|\n",
            chapter.name
        );
        for case in &chapter.cases {
            let noticed: Vec<String> = proof
                .about(&case.name)
                .take(SHOWN)
                .map(|name| format!("`{name}`"))
                .collect();
            let noticed = if known.contains_key(&case.name) {
                "a known difference".to_owned()
            } else {
                noticed.join(", ")
            };
            let _ = writeln!(text, "| {} | {noticed} |", case.name);
        }
    }
    text.push_str("\n## What is wrong with the servers\n\n| Name | What the server does | Noticed by |\n|---|---|---|\n");
    for one in all() {
        let count = proof.counts.get(one.name).copied().unwrap_or_default();
        let narrow = if proof.is_narrow(one.name) {
            ""
        } else {
            ", too many"
        };
        let _ = writeln!(text, "| `{}` | {} | {count}{narrow} |", one.name, one.says);
    }
    Ok(text)
}

const HEAD: &str = "<!-- Written by `cargo xtask conformance breaks --write`. Do not edit. -->
# Conformance

What an API server answers, case by case: recorded from the real one (`tests/conformance`), played against it and against the sand table in every test run. A case that would also pass where its claim is not so is worth nothing, so each is played against servers that are wrong on purpose, in one thing each: it has to fail on one that not everything fails on.

";

fn facts(repository: &Path, chapters: &[Chapter], text: &mut String) -> Result<(), Error> {
    text.push_str("## What the design rests on\n\n| Fact | Shown by |\n|---|---|\n");
    let facts: Vec<Fact> = load(&folder(repository).join("facts.yaml"))?.unwrap_or_default();
    for Fact {
        says,
        cases,
        elsewhere,
    } in facts
    {
        for name in &cases {
            let mut all = chapters.iter().flat_map(|chapter| &chapter.cases);
            let problem = format!("facts.yaml: no case is called `{name}`");
            ensure!(all.any(|case| case.name == *name), UnfitSnafu { problem });
        }
        let problem = format!("facts.yaml: nothing shows that {says}");
        ensure!(
            cases.is_empty() == elsewhere.is_some(),
            UnfitSnafu { problem }
        );
        let shown = elsewhere.unwrap_or_else(|| cases.join("; "));
        let _ = writeln!(text, "| {says} | {shown} |");
    }
    Ok(())
}

fn differences(known: &BTreeMap<String, String>, text: &mut String) {
    text.push_str("\n## What the sand table answers otherwise\n\n| Case | Why |\n|---|---|\n");
    for (case, why) in known {
        let _ = writeln!(text, "| {case} | {why} |");
    }
}

/// Writes the page.
///
/// # Errors
/// The file cannot be written.
pub fn write(repository: &Path, text: &str) -> Result<PathBuf, Error> {
    let path = repository.join(PAGE);
    fs::write(&path, text).context(FileSnafu { path: &path })?;
    Ok(path)
}

/// Holds the page against what it should be.
///
/// # Errors
/// It says something else.
pub fn ensure_same(repository: &Path, text: &str) -> Result<(), Error> {
    let path = &repository.join(PAGE);
    let found = fs::read_to_string(path).context(FileSnafu { path })?;
    let problem = format!("{PAGE} is old: `cargo xtask conformance breaks --write`");
    ensure!(found == text, UnfitSnafu { problem });
    Ok(())
}

/// Plays the table against every server that is wrong on purpose, and says how many of how many cases
/// notice.
///
/// # Errors
/// A case notices nothing that is about its claim; the page is old, unless it is to be written.
pub fn prove(repository: &Path, writes: bool) -> Result<(usize, usize), Error> {
    let chapters = super::table::read(repository)?;
    let known = super::table::differences(repository)?;
    let proof = super::breaks::proof::prove(repository)?;
    let text = text(repository, &chapters, &known, &proof)?;
    if writes {
        write(repository, &text)?;
    } else {
        ensure_same(repository, &text)?;
    }
    let noticed = proof.judge(&chapters, &known)?;
    Ok((noticed, check::count(&chapters) - known.len()))
}
