//! What can be typed: global flags and one type a verb.

#![allow(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts: no backticks"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::api::{Level, Phase, Term};
use crate::i18n::Lang;

use super::{
    abandon, abort, answer, approve, break_glass, check, crds, declare, demo, level, lint, page,
    pause, plan, rbac, rehearse, renew, restore, review, run, sandtable, skip, snapshot,
    stand_down, status, verdict, version, who,
};

/// Switches digital services between peacetime and wartime, and back exactly.
#[derive(Debug, Parser)]
#[command(
    name = "pingzhan",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags of every verb.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Kubeconfig to use instead of $KUBECONFIG, ~/.kube/config or the pod's own account
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// User to act as; needs the right to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// Group to act as, with --as; may be repeated
    #[arg(
        long = "as-group",
        global = true,
        value_name = "GROUP",
        requires = "as_user"
    )]
    pub as_groups: Vec<String>,
    /// Language of texts: en or zh-CN; by default that of LC_ALL, LC_MESSAGES or LANG
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// No colours (as with NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Says more about what is done, on standard error; -vv says everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// What to do. The descriptions are in the catalogue, under `about-…`.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "each is the verb of the same name, described in the catalogue"
)]
pub enum Verb {
    Declare(Box<declare::Args>),
    Approve(approve::Args),
    Status(status::Args),
    StandDown(stand_down::Args),
    Plan(plan::Args),
    Level(level::Args),
    Renew(renew::Args),
    Pause(pause::Args),
    Resume(pause::Args),
    Answer(answer::Args),
    Skip(skip::Args),
    Verdict(verdict::Args),
    Abort(abort::Args),
    BreakGlass(break_glass::Args),
    Review(review::Args),
    Abandon(abandon::Args),
    Who(who::Args),
    Lint(lint::Args),
    Rbac(rbac::Args),
    Check(check::Args),
    Crds(crds::Args),
    Restore(restore::Args),
    Run(run::Args),
    Page(page::Args),
    Snapshot(snapshot::Args),
    Sandtable(sandtable::Args),
    Demo(demo::Args),
    Rehearse(Box<rehearse::Args>),
    Version(version::Args),
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// The flag for it.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Output {
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// Waiting for a phase.
#[derive(Clone, Debug, Args)]
pub struct Waiting {
    /// Waits until the mode is in this phase: Pending, Activating, Active, Restoring or Closed
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    pub wait_for: Option<Phase>,
    /// How long to wait
    #[arg(long, value_name = "TERM", default_value = "10m", value_parser = term)]
    pub timeout: Term,
}

/// Reads a phase.
///
/// # Errors
/// A sentence with the phases that there are.
pub fn phase(text: &str) -> Result<Phase, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| {
        format!("`{text}` is not a phase: use Pending, Activating, Active, Restoring or Closed")
    })
}

/// Reads a term.
///
/// # Errors
/// A sentence with examples.
pub fn term(text: &str) -> Result<Term, String> {
    let term = Term(text.to_owned());
    term.to_duration().map(|_| term)
}

/// Reads a response level.
///
/// # Errors
/// A sentence with the levels that there are.
pub fn level(text: &str) -> Result<Level, String> {
    text.parse()
}

/// Reads `KEY=VALUE`.
///
/// # Errors
/// A sentence with an example.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE, e.g. surge=250")),
    }
}
