//! `cargo xtask bench`: what a switch and its return cost, beside a raw client that sends the same
//! guarded patches from a file and nothing else.
//!
//! [`switch`] is the run: a control plane, a [`fleet`], then pairs of [`raw`] and [`operator`] in
//! turn, [`kubectl`] beside them, and [`report`] at the end. Bytes are counted at a [`forwarder`]
//! between client and API server, requests in the API server's own [`audit`] log.
//!
//! [`ready`] and [`sandtable`] are other runs: how soon workloads are Ready with stock controllers,
//! and the same raw client against the real server and the sand table. [`freeze`] is what a policy costs.

pub mod audit;
pub mod fleet;
pub mod forwarder;
pub mod freeze;
pub mod kubectl;
pub mod mode;
pub mod operator;
pub mod plan;
pub mod raw;
pub mod ready;
pub mod rehearse;
pub mod report;
mod rules;
pub mod sandtable;
pub mod switch;

use snafu::{OptionExt, Snafu};

use crate::{cluster, tools};

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// A switch and its return, against a raw client.
    Switch(switch::Args),
    /// Release order: how soon what is critical is Ready, with stock controllers.
    Ready(ready::Args),
    /// The sand table, beside the real server.
    Sandtable(sandtable::Args),
    /// What a freeze costs those whom it does not concern.
    Freeze(freeze::Args),
    /// A rehearsal of a large fleet.
    Rehearse(rehearse::Args),
    /// The pure plan of a large fleet, and what its findings cost.
    Plan(plan::Args),
    /// The operator alone, as the measured process.
    #[command(hide = true)]
    Operator(operator::Args),
}

/// What went wrong.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// There is no control plane.
    #[snafu(transparent)]
    Cluster {
        /// Why.
        source: cluster::Error,
    },
    /// A program is missing.
    #[snafu(transparent)]
    Tools {
        /// Why.
        source: tools::Error,
    },
    /// The API server did not answer as expected.
    #[snafu(display("{doing} failed"))]
    Api {
        /// What was done.
        doing: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A file, a socket or a process failed.
    #[snafu(display("{doing} failed"))]
    Io {
        /// What was done.
        doing: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something is not as the benchmark needs it, so that a figure would say nothing.
    #[snafu(display("the benchmark cannot go on: {problem}"))]
    Wrong {
        /// What.
        problem: String,
    },
}

/// Measures.
pub async fn run(verb: Verb, progress: crate::progress::Progress) -> Result<(), Error> {
    match verb {
        Verb::Switch(args) => switch::run(&args, progress).await,
        Verb::Ready(args) => ready::run(&args, progress).await,
        Verb::Sandtable(args) => sandtable::run(&args, progress).await,
        Verb::Freeze(args) => freeze::run(&args, progress).await,
        Verb::Rehearse(args) => rehearse::run(&args, progress).await,
        Verb::Plan(args) => plan::run(&args),
        Verb::Operator(args) => {
            let served = tokio::task::spawn_blocking(move || operator::serve(&args));
            let problem = "the operator panicked: see its log";
            served.await.ok().context(WrongSnafu { problem })?
        }
    }
}

/// The median of some figures; 0 of none.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every headline figure is a median; one slow pair must not move it.
    #[test]
    fn a_median_is_not_moved_by_one_slow_pair() {
        assert!((median([1.0, 0.9, 0.1]) - 0.9).abs() < 1e-9);
        assert!((median([1.0, 0.5]) - 0.75).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }
}
