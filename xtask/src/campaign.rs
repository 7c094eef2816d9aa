//! `cargo xtask campaign`: emergencies on the sand table with faults from seeds, for as long as one
//! likes. The schedules and the oracles are tests (`tests/simulation`); this says how many are played.

use std::process::{Command, Stdio};

use clap::Args;
use snafu::{ResultExt, Snafu, ensure};

use crate::surroundings::{repository, set_by_cargo};

/// How much is played.
#[derive(Args, Clone, Debug)]
pub struct Campaign {
    /// How many seeds; without it, as many as there is time for, or 1,250.
    #[arg(long)]
    pub seeds: Option<u64>,
    /// For how many minutes at most.
    #[arg(long)]
    pub minutes: Option<u64>,
    /// The first seed: with `--seeds 1`, a failure is played again and told in words.
    #[arg(long, default_value_t = 0)]
    pub from: u64,
    /// On how many threads; without it, on all cores.
    #[arg(long)]
    pub threads: Option<usize>,
    /// With an optimised build: several times as many schedules a minute, after a longer build.
    #[arg(long)]
    pub release: bool,
}

/// Why a campaign did not end well.
#[derive(Debug, Snafu)]
pub enum Error {
    /// cargo does not run.
    #[snafu(display("cannot run cargo"))]
    Run {
        /// Why.
        source: std::io::Error,
    },
    /// An oracle objected, or the tests did not build.
    #[snafu(display("the campaign failed: what was found is above, with its seed"))]
    Failed,
}

/// The test that plays seeds.
pub(crate) const TEST: &str = "simulation::campaign::no_oracle_objects_to_any_seed";

/// Plays it.
pub fn run(campaign: &Campaign) -> Result<(), Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--package", "pingzhan", "--test", "all"]);
    if campaign.release {
        command.arg("--release");
    }
    command.args(["--", "--exact", TEST, "--nocapture"]);
    for name in set_by_cargo() {
        command.env_remove(name);
    }
    let numbers = [
        ("SEEDS", campaign.seeds),
        ("MINUTES", campaign.minutes),
        ("FROM", Some(campaign.from)),
        ("THREADS", Some(campaign.threads.unwrap_or(cores) as u64)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            command.env(format!("PINGZHAN_CAMPAIGN_{name}"), number.to_string());
        }
    }
    let command = command.current_dir(repository()).stdin(Stdio::null());
    let status = command.status().context(RunSnafu)?;
    ensure!(status.success(), FailedSnafu);
    Ok(())
}
