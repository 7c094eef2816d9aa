//! `run`: the operator, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use snafu::ResultExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{Term, names};
use crate::run::clock::Clock;
use crate::run::lease;
use crate::run::operator::{self, Settings};
use crate::run::signal::Signals;

use super::args::term;
use super::context::Context;
use super::error::{Error, OperatorSnafu, OutputSnafu, SignalsSnafu};
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
    /// How long the leader tries to renew before it steps back; by default two thirds of
    /// --lease-duration
    #[arg(long, value_name = "TERM", value_parser = term)]
    pub renew_deadline: Option<Term>,
    /// How long between two tries; by default two fifteenths of --lease-duration
    #[arg(long, value_name = "TERM", value_parser = term)]
    pub retry_period: Option<Term>,
    /// Most writes in flight at once; fewer are used when the API server is slow
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub concurrency: u16,
    /// Address of /livez, /readyz and /metrics; port 0 takes a free one, which the log names
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: SocketAddr,
    /// How long the records of a mode that is over are kept: days, or a term such as 36h
    #[arg(long, value_name = "TERM", default_value = "90d", value_parser = days)]
    pub record_retention: Duration,
    /// How often playbooks are held against the cluster where nothing of them changes; 0s for never
    #[arg(long, value_name = "TERM", default_value = "1h", value_parser = interval)]
    pub readiness_interval: Duration,
    /// File that says where notifications, calls and questions to Prometheus go; without one they
    /// go nowhere
    #[arg(long, value_name = "FILE")]
    pub signals: Option<PathBuf>,
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

/// Runs the operator until it is told to stop (SIGTERM or SIGINT): it then lets everything go,
/// where it stands, and gives its lease back.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let lease = times(&args)?;
    let signals = match args.signals {
        Some(path) => Signals::read(path).context(SignalsSnafu)?,
        None => Signals::default(),
    };
    // Before anything is written: from here on a signal is an orderly end.
    let mut terminate = signal(SignalKind::terminate()).context(OutputSnafu)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(OutputSnafu)?;
    let config = context.config().await?;
    let clock = Clock::machine();
    let settings = Settings {
        namespace: args.namespace,
        accounts_namespace: args.accounts_namespace,
        identity: args.identity.unwrap_or_else(|| clock.identity(&host())),
        concurrency: usize::from(args.concurrency),
        address: Some(args.metrics_address),
        record_retention: args.record_retention,
        lease,
        signals: Arc::new(signals),
        readiness: Some(args.readiness_interval).filter(|every| !every.is_zero()),
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        identity = settings.identity,
        namespace = settings.namespace,
        server = %config.cluster_url,
        "starting"
    );
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
    };
    operator::run(config, settings, clock, stop)
        .await
        .context(OperatorSnafu)?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Days, `90d`, or a term.
fn days(text: &str) -> Result<Duration, String> {
    let Some(days) = text.strip_suffix('d') else {
        return Term(text.to_owned()).to_duration();
    };
    match days.parse::<u32>() {
        Ok(days) if days > 0 => Ok(Duration::from_hours(24 * u64::from(days))),
        Ok(_) | Err(_) => Err(format!("`{text}` is not a number of days such as 90d")),
    }
}

/// A term, or `0s` for never.
fn interval(text: &str) -> Result<Duration, String> {
    if text == "0s" || text == "0" {
        return Ok(Duration::ZERO);
    }
    Term(text.to_owned()).to_duration()
}

/// The name of this machine; in a pod, the pod's.
pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "pingzhan".to_owned())
}

/// The three times of the lease, which must leave room for each other.
fn times(args: &Args) -> Result<lease::Settings, Error> {
    let read = |term: &Term| {
        term.to_duration()
            .map_err(|problem| Error::Input { problem })
    };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let given = |term: &Option<Term>| term.as_ref().map(read).transpose();
    let duration = read(&args.lease_duration)?;
    let usual = lease::settings(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
    let times = lease::Settings {
        duration_ms: millis(duration),
        renew_deadline_ms: given(&args.renew_deadline)?.map_or(usual.renew_deadline_ms, millis),
        retry_ms: given(&args.retry_period)?.map_or(usual.retry_ms, millis),
    };
    if times.duration_ms > times.renew_deadline_ms && times.renew_deadline_ms > times.retry_ms {
        return Ok(times);
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
        assert!(times(&parsed("pingzhan run --renew-deadline 15s")).is_err());
        assert!(times(&parsed("pingzhan run --retry-period 10s")).is_err());
        assert!(
            times(&parsed(
                "pingzhan run --lease-duration 2s --renew-deadline 3s"
            ))
            .is_err()
        );
    }

    /// A retention that is read wrongly deletes records too soon, or never.
    #[test]
    fn records_are_kept_for_days_or_a_term() {
        let kept = |line: &str| parsed(line).record_retention;
        assert_eq!(kept("pingzhan run"), crate::run::retention::DEFAULT);
        let short = kept("pingzhan run --record-retention 36h");
        assert_eq!(short, Duration::from_hours(36));
        assert_eq!(days("7d"), Ok(Duration::from_hours(168)));
        for bad in ["0d", "d", "-1d", "1.5d", "0s", "soon"] {
            assert!(days(bad).is_err(), "{bad} was accepted");
        }
    }

    /// What is asked too often is load that nobody ordered; what is never asked has to be wished.
    #[test]
    fn readiness_is_looked_at_hourly_or_never() {
        let every = |line: &str| parsed(line).readiness_interval;
        assert_eq!(every("pingzhan run"), crate::run::playbooks::DEFAULT);
        assert_eq!(
            every("pingzhan run --readiness-interval 0s"),
            Duration::ZERO
        );
        assert!(interval("soon").is_err());
    }

    /// One flag shortens a failover; the other two follow it, as Kubernetes' own defaults do.
    #[test]
    fn the_other_times_follow_the_duration() {
        assert_eq!(times(&parsed("pingzhan run")).unwrap(), lease::DEFAULT);
        let short = times(&parsed("pingzhan run --lease-duration 3s")).unwrap();
        assert_eq!((short.renew_deadline_ms, short.retry_ms), (2_000, 400));
    }
}
