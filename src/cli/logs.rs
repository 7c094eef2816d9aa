//! Where log lines go: standard error, for people or as JSON.

use crate::run::logs::{self, Format};

use super::error::Error;
use super::run::{Args, LogFormat};

/// Logs of a verb: our own warnings, and more with `-v`. What the libraries say of a failed request
/// the error says better, once.
pub fn of_verb(verbose: u8) {
    let filter = match verbose {
        0 => "off,pingzhan=warn",
        1 => "pingzhan=info,warn",
        2 => "pingzhan=debug,kube=debug,info",
        _ => "trace",
    };
    // It fails only if another subscriber is there, which then has the lines.
    let _ = logs::init(Format::Human, filter, coloured());
}

/// Logs of the operator.
///
/// # Errors
/// `Input` where the filter cannot be read.
pub fn of_operator(args: &Args) -> Result<(), Error> {
    let format = match args.log_format {
        LogFormat::Human => Format::Human,
        LogFormat::Json => Format::Json,
    };
    logs::init(format, &args.log_filter, coloured()).map_err(|error| Error::Input {
        problem: error.to_string(),
    })
}

fn coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
