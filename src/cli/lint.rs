//! `lint`: findings on playbooks, with file, line, column and snippet.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use snafu::ResultExt;

use crate::api::Playbook;
use crate::playbook::{Finding, Severity, lint};
use crate::t;

use super::args::Format;
use super::context::Context;
use super::error::{Error, ReadFileSnafu};
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Files with playbooks; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// A finding and where it is.
#[derive(Clone, Debug)]
struct Located {
    file: String,
    finding: Finding,
}

/// Judges playbooks.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut all = Vec::new();
    for file in &args.files {
        let name = file.display().to_string();
        let found = match read_playbook(context, file)? {
            Ok(playbook) => lint::playbook(&playbook.spec),
            Err(finding) => vec![finding],
        };
        all.extend(found.into_iter().map(|finding| Located {
            file: name.clone(),
            finding,
        }));
    }
    let object = json!({ "findings": all.iter().map(to_json).collect::<Vec<_>>() });
    context.print(args.output, &object, || {
        page(context, &all, args.files.len())
    })?;
    let refused = all
        .iter()
        .any(|located| located.finding.severity == Severity::Error);
    Ok(if refused { Exit::Negative } else { Exit::Done })
}

/// The playbook of a file, for the other verbs.
///
/// # Errors
/// `Input` where the file does not hold a playbook.
pub(super) fn playbook_of(context: &Context, file: &Path) -> Result<Playbook, Error> {
    read_playbook(context, file)?.map_err(|finding| Error::Input {
        problem: format!("{}: {}", file.display(), finding.message),
    })
}

fn read_playbook(context: &Context, file: &Path) -> Result<Result<Playbook, Finding>, Error> {
    let name = file.display().to_string();
    let text = if name == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.context(ReadFileSnafu { file: name })?;
    Ok(
        serde_saphyr::from_str::<Playbook>(&text).map_err(|error| Finding {
            code: "PZ0001",
            severity: Severity::Error,
            at: String::new(),
            message: error.to_string(),
            help: t!(context.lang, "lint-help-parse"),
        }),
    )
}

fn page(context: &Context, all: &[Located], files: usize) -> String {
    let mut page = String::new();
    for Located { file, finding } in all {
        let severity = severity(finding.severity);
        let _ = writeln!(page, "{severity}[{}]: {}", finding.code, finding.message);
        let _ = writeln!(page, "  --> {file} {}", finding.at);
        let _ = writeln!(page, "  = help: {}\n", finding.help);
    }
    let count = |severity| {
        all.iter()
            .filter(|located| located.finding.severity == severity)
            .count()
            .to_string()
    };
    page + &t!(
        context.lang,
        "lint-summary",
        files = files.to_string(),
        errors = count(Severity::Error),
        warnings = count(Severity::Warning),
        notes = count(Severity::Note)
    )
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn to_json(Located { file, finding }: &Located) -> serde_json::Value {
    json!({
        "file": file,
        "code": finding.code,
        "severity": severity(finding.severity),
        "at": finding.at,
        "message": finding.message,
        "help": finding.help,
    })
}
