//! C11: the leader is frozen with writes in flight, another takes over and brings everything to
//! its end, and then the first one wakes up and its writes arrive.

use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, stream};

use super::checks;
use super::kill::{self, Reference};
use super::proxy::{Fault, Goal, Side};
use super::run::{Run, Stage};
use super::tell;
use crate::support::{self, one_in};

/// Runs side by side on one control plane.
const SIDE_BY_SIDE: usize = 10;
/// How often the mode is looked at before the leader is frozen.
const LOOK: Duration = Duration::from_millis(50);
/// How often a leader that woke up asks for its lease before it is believed to be at rest.
const ASKS: usize = 3;

/// A place, and what was found there; nothing where it was never reached.
type Judged = ((usize, Side), Option<Vec<String>>);

/// Lets a leader freeze at a write and wake up when all is over. `None` when the write was never
/// reached.
async fn frozen(
    stage: &Stage,
    reference: &Reference,
    folder: &Path,
    (at, side): (usize, Side),
) -> Option<Vec<String>> {
    let name = format!("f{at}{}", if side == Side::Before { "b" } else { "a" });
    let mut run = Run::begin(stage, &name, folder, Fault::Hold(at, side)).await;
    while !run.operators[0].proxy.has_struck() {
        let mode = run.scenario.mode().await;
        if run.advance(&mode).await {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
    run.operators[0].victim.freeze();
    run.start_another().await;
    if let Err(stuck) = run.finish().await {
        return Some(vec![stuck]);
    }
    let first = &run.operators[0];
    first.proxy.release();
    first.victim.thaw();
    first.proxy.asks_for_lease(ASKS).await;
    let mut found = checks::violations(&run, &reference.counts, 1).await;
    if run.operators.len() != 2 {
        found.push(format!("{} operators were needed", run.operators.len()));
    }
    let status = run.scenario.mode().await["status"]["phase"].clone();
    if status != "Closed" {
        found.push(format!("the status says {status}"));
    }
    Some(found)
}

/// A paused machine wakes up as a leader that is none any more: neither what it had in flight nor
/// what it does next may have an effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_changes_nothing_when_it_wakes_up() {
    let plane = support::cluster().await;
    let stage = kill::stage(&plane).await;
    let folder = tempfile::tempdir().expect("a folder");
    let reference = kill::reference(&stage, folder.path()).await;
    // Every third write of a record or a target; the side alternates.
    let places = reference.trail.iter().enumerate().filter(|(_, write)| {
        matches!(write.goal, Goal::Record | Goal::Target) && write.took_effect()
    });
    let sides = [Side::Before, Side::After].into_iter().cycle();
    let places = places.map(|(index, _)| index + 1).zip(sides);
    let places: Vec<(usize, Side)> = places.step_by(one_in(3)).collect();
    let judged: Vec<Judged> = stream::iter(places)
        .map(async |place| {
            (
                place,
                frozen(&stage, &reference, folder.path(), place).await,
            )
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let mut problems = Vec::new();
    for ((at, side), found) in &judged {
        let found = found.iter().flatten();
        problems.extend(found.map(|what| format!("frozen {side:?} write {at}: {what}")));
    }
    let reached = judged.iter().filter(|(_, found)| found.is_some()).count();
    let exact = judged
        .iter()
        .filter(|(_, found)| found.as_ref().is_some_and(Vec::is_empty));
    tell(&format!(
        "{} of {reached} exact: the leader frozen at a write, another one to the end, then thawed",
        exact.count()
    ));
    assert!(reached > 0, "no leader was frozen");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
