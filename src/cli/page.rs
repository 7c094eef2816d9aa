//! `page`: the emergency page, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use snafu::ResultExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::page::{self, Page};
use crate::t;

use super::context::Context;
use super::error::{Error, OutputSnafu};
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one, which is printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// File that says what the page says; it is read again when it changes
    #[arg(long, value_name = "FILE")]
    pub content: PathBuf,
}

/// Serves the page until it is told to stop (SIGTERM or SIGINT).
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let page = Page::bind(args.address, &args.content)
        .await
        .map_err(|error| input(&error))?;
    let address = page.address().map_err(|error| input(&error))?;
    context.say(&t!(
        context.lang,
        "page-ready",
        address = address.to_string()
    ))?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    page.serve(stop).await.map_err(|error| input(&error))?;
    Ok(Exit::Done)
}

fn input(error: &page::Error) -> Error {
    Error::Input {
        problem: error.to_string(),
    }
}
