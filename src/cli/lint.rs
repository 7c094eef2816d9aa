//! `lint`: findings on playbooks and modes, with fixed codes, file, line, column and snippet.

use std::path::{Path, PathBuf};

use serde_json::json;
use snafu::ResultExt;

use crate::api::Playbook;
use crate::i18n::Lang;
use crate::playbook::Severity;
use crate::playbook::parse::{self, Body, Diagnostic};
use crate::t;

use super::args::Format;
use super::context::Context;
use super::error::{Error, ReadFileSnafu};
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Files with playbooks and modes; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// A file, and what was found in it.
struct Judged {
    file: String,
    text: String,
    found: Vec<Diagnostic>,
}

/// Judges files.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut all = Vec::new();
    for path in &args.files {
        let (file, text) = (path.display().to_string(), read(path)?);
        let found = parse::check(&text, |_| None).diagnostics;
        all.push(Judged { file, text, found });
    }
    let each = all.iter().flat_map(|judged| {
        judged
            .found
            .iter()
            .map(|found| parse::to_json(found, &judged.file))
    });
    let object = json!({ "findings": each.collect::<Vec<_>>() });
    context.print(args.output, &object, || page(context.lang, &all))?;
    Ok(if count(&all, Severity::Error) > 0 {
        Exit::Negative
    } else {
        Exit::Done
    })
}

/// The text of a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<String, Error> {
    let name = file.display().to_string();
    let text = if name == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    text.context(ReadFileSnafu { file: name })
}

/// The first playbook of a file, for the other verbs.
///
/// # Errors
/// `Input`, with what lint says of it, where the file is refused or holds none.
pub(super) fn playbook_of(context: &Context, path: &Path) -> Result<Playbook, Error> {
    playbook_in(context, path.display().to_string(), read(path)?)
}

/// The first playbook of a text; `file` is what it is called where something is wrong with it.
///
/// # Errors
/// Those of [`playbook_of`].
pub(super) fn playbook_in(
    context: &Context,
    file: String,
    text: String,
) -> Result<Playbook, Error> {
    let parsed = parse::check(&text, |_| None);
    if parsed.refused() {
        let judged = [Judged {
            file,
            text,
            found: parsed.diagnostics,
        }];
        return Err(Error::Input {
            problem: page(context.lang, &judged),
        });
    }
    let found = parsed
        .documents
        .into_iter()
        .find_map(|document| match document.body {
            Body::Playbook(spec) => Some(Playbook::new(&document.name, *spec)),
            Body::Mode(_) => None,
        });
    found.ok_or_else(|| Error::Input {
        problem: t!(context.lang, "lint-no-playbook", file = file),
    })
}

fn count(all: &[Judged], severity: Severity) -> usize {
    let found = all.iter().flat_map(|judged| &judged.found);
    found
        .filter(|found| found.finding.severity == severity)
        .count()
}

/// Every finding with its snippet, and how many there are.
fn page(lang: Lang, all: &[Judged]) -> String {
    let mut parts: Vec<String> = all
        .iter()
        .flat_map(|judged| {
            judged
                .found
                .iter()
                .map(|found| parse::render(found, &judged.text, &judged.file))
        })
        .collect();
    parts.push(t!(
        lang,
        "lint-summary",
        files = all.len(),
        errors = count(all, Severity::Error),
        warnings = count(all, Severity::Warning),
        notes = count(all, Severity::Note)
    ));
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engineer goes from the finding to the line.
    #[test]
    fn findings_name_file_line_and_column() {
        let text = "apiVersion: pingzhan.dev/v1alpha1\nkind: Playbook\nmetadata: {name: p}\nspec: {titel: {en: P}}\n";
        let found = parse::check(text, |_| None).diagnostics;
        assert!(!found.is_empty());
        let judged = Judged {
            file: "p.yaml".into(),
            text: text.into(),
            found,
        };
        let page = page(Lang::En, &[judged]);
        assert!(page.starts_with("p.yaml:4:"), "{page}");
        assert!(page.contains("titel"), "{page}");
        assert!(page.contains("1 file: "), "{page}");
    }
}
