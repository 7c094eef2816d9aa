//! `stand-down`: back to peacetime, at any moment. One way.

use crate::api::{Phase, Posture};
use crate::t;

use super::args::{Output, Waiting};
use super::context::Context;
use super::edit::{edit, set};
use super::error::Error;
use super::exit::Exit;
use super::follow;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// Waits until everything is back: the same as --wait-for Closed
    #[arg(long, conflicts_with = "wait_for")]
    pub wait: bool,
    /// What is waited for.
    #[command(flatten)]
    pub waiting: Waiting,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Stands a mode down.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let mode = edit(&client, &args.name, "stand the mode down", |mode| {
        // A mode whose term ended is closed, and its lever still at wartime.
        let closed = mode.status.as_ref().and_then(|status| status.phase) == Some(Phase::Closed);
        Ok(match mode.spec.posture {
            Posture::Wartime if !closed => vec![set("posture", Posture::Peacetime)],
            Posture::Wartime | Posture::Peacetime => vec![],
        })
    })
    .await?;
    context.print(args.output.output, &mode, || {
        t!(context.lang, "stand-down-done", name = args.name.clone())
    })?;
    let phase = if args.wait {
        Some(Phase::Closed)
    } else {
        args.waiting.wait_for
    };
    follow::until(context, &client, &args.name, phase, &args.waiting.timeout).await
}
