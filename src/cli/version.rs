//! `version`: which program this is, and which formats it reads.

use serde_json::json;

use crate::api::names;
use crate::ledger::record::FORMAT;
use crate::t;

use super::args::Output;
use super::context::Context;
use super::error::Error;
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Prints the version.
pub fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let version = env!("CARGO_PKG_VERSION");
    let api = format!("{}/{}", names::GROUP, names::VERSION);
    let object = json!({ "version": version, "api": api, "journalFormat": FORMAT });
    context.print(args.output.output, &object, || {
        t!(
            context.lang,
            "version-line",
            version = version,
            api = api.clone(),
            format = FORMAT.to_string()
        )
    })?;
    Ok(Exit::Done)
}
