//! `crds`: the CRD YAML that `kubectl apply -f -` takes.

use snafu::ResultExt;

use crate::api;

use super::context::Context;
use super::error::{Error, OutputSnafu};
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {}

/// Prints the CRDs as YAML documents.
pub fn run(context: &Context, _: &Args) -> Result<Exit, Error> {
    for crd in api::crds() {
        let yaml = serde_yaml::to_string(&crd).map_err(std::io::Error::other);
        context.say(&format!("---\n{}", yaml.context(OutputSnafu)?.trim_end()))?;
    }
    Ok(Exit::Done)
}
