//! Where log lines go: standard error, for people or as JSON.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

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
    start(EnvFilter::new(filter), LogFormat::Human);
}

/// Logs of the operator.
pub fn of_operator(args: &Args) {
    start(EnvFilter::new(&args.log_filter), args.log_format);
}

fn start(filter: EnvFilter, format: LogFormat) {
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let builder = SubscriberBuilder::default()
        .with_ansi(colour)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // It fails only if another subscriber is there, which then has the lines.
    let _ = match format {
        LogFormat::Human => builder.with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
