//! Logs: set up once by `main`, for people or for machines.

use snafu::{ResultExt, Snafu};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What log lines look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A line for people.
    #[default]
    Human,
    /// A JSON object a line, with the fields of all spans.
    Json,
}

/// Why there are no logs.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display(
        "the log filter `{filter}` cannot be read: write a level (info, debug) or \
         `module=level` pairs with commas"
    ))]
    Filter { filter: String, source: ParseError },
    #[snafu(display("logs are set up already: this is a defect of pingzhan"))]
    Twice { source: TryInitError },
}

/// Sends logs to standard error from now on. `filter` is as in `info,pingzhan=debug`;
/// `colour` is for terminals.
///
/// Errors: a filter that cannot be read; a second call in one process.
pub fn init(format: Format, filter: &str, colour: bool) -> Result<(), Error> {
    let parsed = EnvFilter::try_new(filter).context(FilterSnafu { filter })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_ansi(colour)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    match format {
        Format::Human => builder.with_target(false).compact().finish().try_init(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(true)
            .finish()
            .try_init(),
    }
    .context(TwiceSnafu)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A typing mistake in a flag must be told with what to write instead, not ignored.
    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_that_says_what_to_write() {
        let error = init(Format::Json, "pingzhan=loud", false).expect_err("loud is no level");
        assert!(error.to_string().contains("`pingzhan=loud`"), "{error}");
        assert!(error.to_string().contains("info, debug"), "{error}");
    }
}
