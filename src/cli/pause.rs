//! `pause` and `resume`: stop writing, and go on. An expiry overrides a pause.

use crate::t;

use super::args::Output;
use super::context::Context;
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Pauses or resumes a mode.
pub async fn run(context: &Context, args: Args, paused: bool) -> Result<Exit, Error> {
    let client = context.client().await?;
    let what = if paused {
        "pause the mode"
    } else {
        "resume the mode"
    };
    let mode = edit(&client, &args.name, what, |mode| {
        Ok(if mode.spec.paused == paused {
            vec![]
        } else {
            vec![set("paused", paused)]
        })
    })
    .await?;
    context.print(args.output.output, &mode, || {
        if paused {
            t!(context.lang, "pause-done", name = args.name.clone())
        } else {
            t!(context.lang, "resume-done", name = args.name.clone())
        }
    })?;
    Ok(Exit::Done)
}
