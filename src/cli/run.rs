//! `run`: the operator.

use std::net::SocketAddr;

use clap::ValueEnum;

use crate::api::{Term, names};

use super::args::term;
use super::context::Context;
use super::error::Error;
use super::exit::Exit;

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Namespace of the operator: its lease and its events
    #[arg(long, value_name = "NAME", default_value = names::DEFAULT_NAMESPACE)]
    pub namespace: String,
    /// Namespace of the service accounts that playbooks run under
    #[arg(long, value_name = "NAME", default_value = names::ACCOUNT_NAMESPACE)]
    pub accounts_namespace: String,
    /// How long the lease holds without being renewed
    #[arg(long, value_name = "TERM", default_value = "15s", value_parser = term)]
    pub lease_duration: Term,
    /// How long the leader tries to renew before it steps back
    #[arg(long, value_name = "TERM", default_value = "10s", value_parser = term)]
    pub renew_deadline: Term,
    /// How long between two tries
    #[arg(long, value_name = "TERM", default_value = "2s", value_parser = term)]
    pub retry_period: Term,
    /// Most writes in flight at once; fewer are used when the API server is slow
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// Address of /livez, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: SocketAddr,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Which log lines there are
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "pingzhan=info,kube=warn,warn"
    )]
    pub log_filter: String,
    /// Name under which the lease is held; by default the host's name and a number
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Runs the operator until it is told to stop.
pub fn run(_: &Context, args: &Args) -> Result<Exit, Error> {
    check(args)?;
    Err(Error::Unsupported {
        verb: "run".to_owned(),
    })
}

/// The three times of the lease must leave room for each other.
fn check(args: &Args) -> Result<(), Error> {
    let read = |term: &Term| {
        term.to_duration()
            .map_err(|problem| Error::Input { problem })
    };
    let (lease, renew, retry) = (
        read(&args.lease_duration)?,
        read(&args.renew_deadline)?,
        read(&args.retry_period)?,
    );
    if lease > renew && renew > retry {
        return Ok(());
    }
    Err(Error::Input {
        problem: "--lease-duration must be longer than --renew-deadline, and that longer than \
                  --retry-period"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Verb};
    use super::*;

    fn parsed(line: &str) -> Args {
        match Cli::parse_from(line.split(' ')).verb {
            Verb::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }

    /// A leader that renews more slowly than its lease runs out is two leaders.
    #[test]
    fn the_times_of_the_lease_leave_room_for_each_other() {
        assert!(check(&parsed("pingzhan run")).is_ok());
        assert!(check(&parsed("pingzhan run --renew-deadline 15s")).is_err());
        assert!(check(&parsed("pingzhan run --retry-period 10s")).is_err());
    }
}
