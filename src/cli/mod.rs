//! The command line: one file a verb. It reads the cluster and writes `EmergencyMode` objects,
//! never a target.
//!
//! The way of a call: [`main`] parses into [`args`], a verb's `run` does its work through
//! [`context`] (requests, output), [`edit`] (guarded writes) and [`render`] (pure: what people
//! read), and ends in an [`Exit`] or an [`Error`], which is printed once.

pub mod args;
pub mod context;
mod draft;
pub mod edit;
mod error;
mod exit;
pub mod follow;
mod localise;
mod logs;
mod others;
pub mod person;
pub mod preview;
pub mod render;
#[cfg(test)]
mod samples;

pub mod abandon;
pub mod abort;
pub mod answer;
pub mod approve;
pub mod break_glass;
pub mod check;
pub mod crds;
pub mod declare;
pub mod demo;
pub mod level;
pub mod lint;
pub mod page;
pub mod pause;
pub mod plan;
pub mod rbac;
pub mod rehearse;
pub mod renew;
pub mod restore;
pub mod review;
pub mod run;
pub mod sandtable;
pub mod skip;
pub mod snapshot;
pub mod stand_down;
pub mod status;
pub mod verdict;
pub mod version;
pub mod who;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};

pub use error::Error;
pub use exit::Exit;

use args::{Cli, Verb};
use context::Context;

use crate::i18n::Lang;
use crate::run::operator;
use crate::t;

/// The whole program. `called` is how people call it: `pingzhan`, or `kubectl pingzhan`.
pub fn main(called: &'static str) -> ExitCode {
    // Both may fail only if they were done before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse(called, &arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Invalid
            } else {
                Exit::Done
            }
            .into();
        }
    };
    if cli.global.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    let context = Context::new(cli.global.clone());
    if let Verb::Run(run) = &cli.verb {
        if let Err(error) = logs::of_operator(run) {
            return fail(context.lang, &error).into();
        }
    } else {
        logs::of_verb(context.global.verbose);
    }
    let runtime = match runtime(&cli.verb) {
        Ok(runtime) => runtime,
        Err(source) => return fail(context.lang, &Error::Output { source }).into(),
    };
    let lang = context.lang;
    runtime
        .block_on(dispatch(&context, cli.verb))
        .unwrap_or_else(|error| fail(lang, &error))
        .into()
}

fn runtime(verb: &Verb) -> std::io::Result<Runtime> {
    if let Verb::Run(_) = verb {
        return operator::runtime();
    }
    Builder::new_multi_thread().enable_all().build()
}

/// Reads the arguments, with help texts in the language that they or the environment ask for.
///
/// # Errors
/// What clap says, help and version included.
pub fn parse(called: &'static str, arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let command = localise::command(called, localise::wanted(arguments));
    let matches = command.try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

async fn dispatch(context: &Context, verb: Verb) -> Result<Exit, Error> {
    match verb {
        Verb::Declare(args) => Box::pin(declare::run(context, *args)).await,
        Verb::Approve(args) => approve::run(context, args).await,
        Verb::Status(args) => status::run(context, args).await,
        Verb::StandDown(args) => stand_down::run(context, args).await,
        Verb::Plan(args) => plan::run(context, args).await,
        Verb::Level(args) => level::run(context, args).await,
        Verb::Renew(args) => renew::run(context, args).await,
        Verb::Pause(args) => pause::run(context, args, true).await,
        Verb::Resume(args) => pause::run(context, args, false).await,
        Verb::Answer(args) => answer::run(context, args).await,
        Verb::Skip(args) => skip::run(context, args).await,
        Verb::Verdict(args) => verdict::run(context, args).await,
        Verb::Abort(args) => abort::run(context, args).await,
        Verb::BreakGlass(args) => break_glass::run(context, args).await,
        Verb::Review(args) => review::run(context, args).await,
        Verb::Abandon(args) => abandon::run(context, args).await,
        Verb::Who(args) => who::run(context, args).await,
        Verb::Lint(args) => lint::run(context, &args),
        Verb::Rbac(args) => rbac::run(context, args).await,
        Verb::Check(args) => check::run(context, args).await,
        Verb::Crds(args) => crds::run(context, &args),
        Verb::Restore(args) => restore::run(context, args).await,
        Verb::Run(args) => run::run(context, args).await,
        Verb::Page(args) => page::run(context, args).await,
        Verb::Snapshot(args) => snapshot::run(context, args).await,
        Verb::Sandtable(args) => sandtable::run(context, args).await,
        // It has a time of its own, and so a runtime.
        Verb::Demo(args) => tokio::task::block_in_place(|| demo::run(context, &args)),
        Verb::Rehearse(args) => tokio::task::block_in_place(|| rehearse::run(context, &args)),
        Verb::Version(args) => version::run(context, &args),
    }
}

/// Prints an error, once.
fn fail(lang: Lang, error: &Error) -> Exit {
    anstream::eprintln!("{}", t!(lang, "cli-error", text = error.explain(lang)));
    tracing::debug!(error = ?error, "ended");
    error.exit()
}
