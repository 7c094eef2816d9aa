//! `restore --from-records`: brings everything back with no operator and no `EmergencyMode`.

use super::args::Output;
use super::context::Context;
use super::error::Error;
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Works from the journal alone; takes the operator's lease
    #[arg(long, required = true)]
    pub from_records: bool,
    /// Uid of the mode; by default every mode whose journal is not closed
    #[arg(long, value_name = "UID")]
    pub mode_uid: Option<String>,
    /// Namespace of the operator, where its lease is
    #[arg(long, value_name = "NAME", default_value = crate::api::names::DEFAULT_NAMESPACE)]
    pub namespace: String,
    /// Does not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Brings everything back.
#[allow(
    clippy::needless_pass_by_value,
    reason = "every verb has this signature"
)]
pub fn run(_: &Context, _: Args) -> Result<Exit, Error> {
    Err(Error::Unsupported {
        verb: "restore --from-records".to_owned(),
    })
}
