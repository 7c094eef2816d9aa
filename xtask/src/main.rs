//! `cargo xtask`: parses the command line and calls the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::progress::Progress;

mod cluster_command;

/// The project's own tooling.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// A real control plane on this machine.
    #[command(subcommand)]
    Cluster(cluster_command::Verb),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let progress = Progress::detect();
    let result = match cli.verb {
        Verb::Cluster(verb) => cluster_command::run(verb, progress).await.map_err(report),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// An error with everything that caused it, each said once.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is the end of the error's way"
)]
fn report(error: impl snafu::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text.extend(["\n  because ", &said]);
        }
        cause = source.source();
    }
    text
}
