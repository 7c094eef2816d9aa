//! How long a rehearsal of a large fleet takes: a whole emergency in a time of its own, and how much
//! memory that needs.

use std::collections::BTreeMap;

use pingzhan::api::Level;
use pingzhan::rehearsal::fault::Fault;
use pingzhan::rehearsal::play::{self, Rehearsal};
use pingzhan::sandtable::snapshot::Snapshot;
use snafu::{ResultExt, ensure};

use super::sandtable::{prepare, service};
use super::{Error, IoSnafu, WrongSnafu, mode};
use crate::progress::Progress;
use crate::surroundings::Stopwatch;

/// What is taken of the fleet.
const KINDS: [(&str, &str); 3] = [
    ("", "namespaces"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("apps", "deployments"),
];

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Size of the fleet: every one is a target.
    #[arg(long, default_value_t = 5000)]
    targets: usize,
    /// Something that goes wrong; may be repeated.
    #[arg(long = "fault")]
    faults: Vec<Fault>,
}

/// Measures, and prints.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let sand = service();
    prepare(&sand.client(), args.targets, progress).await?;
    let snapshot = Snapshot::of(&sand.lock(), &KINDS, jiff::Timestamp::UNIX_EPOCH);
    drop(sand);
    let wrong = |problem: String| Error::Wrong { problem };
    let packed = snapshot.write().map_err(|error| wrong(error.to_string()))?;
    let objects = snapshot.objects.len();
    let (faults, playbook) = (args.faults.clone(), mode::playbook()?);
    let played = tokio::task::spawn_blocking(move || {
        let watch = Stopwatch::start();
        let rehearsal = Rehearsal {
            snapshot: &snapshot,
            playbook: &playbook,
            level: Level::IV,
            parameters: &BTreeMap::new(),
            faults: &faults,
            seed: 1,
        };
        let report = play::rehearse(&rehearsal);
        (report, watch.elapsed().as_secs_f64())
    });
    let (report, took) = played.await.map_err(|error| wrong(error.to_string()))?;
    let report = report.map_err(|error| wrong(error.to_string()))?;
    let exact = &report.exactness;
    let problem = format!("{} of {} fields came back", exact.same, exact.fields);
    ensure!(
        exact.same == exact.fields && exact.fields > 0,
        WrongSnafu { problem }
    );
    let story = report.moments.last().map_or(0.0, |moment| moment.at);
    println!(
        "{objects} objects, {} KiB packed: {} targets there and back in {took:.1} s of {:.0} min of its own time, \
         {} requests, {:.0} MiB at most",
        packed.len() / 1024,
        report.plan.targets,
        story / 60.0,
        report.requests.sent,
        peak()?
    );
    Ok(())
}

/// The most memory that this process ever had, in MiB.
fn peak() -> Result<f64, Error> {
    let doing = "reading /proc/self/status";
    let status = std::fs::read_to_string("/proc/self/status").context(IoSnafu { doing })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    let problem = "VmHWM is not told".to_owned();
    kib.map(|kib| kib / 1024.0).ok_or(Error::Wrong { problem })
}
