//! C1 and C4: the operator is killed before and after each of its writes.

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt as _, stream};

use super::checks::{self, Counts};
use super::proxy::{Fault, Goal, Side, Write};
use super::run::{Run, Stage};
use super::{scenario, tell};
use crate::support::{self, ControlPlane, one_in};

/// Runs side by side on one control plane: a run mostly waits for a lease to run out.
const SIDE_BY_SIDE: usize = 12;
/// How often a boundary is tried that was not reached: runs differ by a status or two.
const TRIES: usize = 3;

/// What runs without a fault do.
pub struct Reference {
    /// The most that each target was written.
    pub counts: Counts,
    /// The least number of writes.
    pub least: usize,
    /// The largest number of writes.
    pub most: usize,
    /// The writes of the last run.
    pub trail: Vec<Write>,
}

/// Who acts on a control plane, with everything that runs need there.
pub async fn stage(plane: &ControlPlane) -> Stage {
    scenario::prepare(&plane.client).await;
    let kubeconfig = plane.operator();
    Stage {
        admin: plane.client.clone(),
        operator: support::client(&kubeconfig).await,
        prefix: plane.prefix.clone(),
        makes: false,
    }
}

/// Two runs without a fault: what they do alike is what is expected.
pub async fn reference(stage: &Stage, folder: &Path) -> Reference {
    let mut reference = Reference {
        counts: Counts::new(),
        least: usize::MAX,
        most: 0,
        trail: Vec::new(),
    };
    for number in 0..2 {
        let mut run = Run::begin(stage, &format!("ref{number}"), folder, Fault::None).await;
        run.finish().await.expect("a run without a fault ends");
        let trail = run.trail();
        for (path, count) in checks::counts(&trail) {
            let known = reference
                .counts
                .entry(checks::normal(&run, &path))
                .or_default();
            *known = count.max(*known);
        }
        let found = checks::violations(&run, &reference.counts, 0).await;
        assert!(found.is_empty(), "without a fault: {found:#?}");
        let writes = run.operators[0].proxy.writes().await;
        reference.least = reference.least.min(writes);
        reference.most = reference.most.max(writes);
        reference.trail = trail;
    }
    let kinds: BTreeSet<bool> = [Goal::Target, Goal::Record]
        .iter()
        .map(|goal| reference.trail.iter().any(|write| write.goal == *goal))
        .collect();
    assert_eq!(
        kinds,
        BTreeSet::from([true]),
        "the scenario writes targets and records"
    );
    reference
}

/// What became of one boundary.
struct Judged {
    at: usize,
    side: Side,
    reached: bool,
    copies: usize,
    found: Vec<String>,
}

async fn judge(
    stage: &Stage,
    reference: &Reference,
    folder: &Path,
    at: usize,
    side: Side,
) -> Judged {
    let mut judged = Judged {
        at,
        side,
        reached: false,
        copies: 0,
        found: Vec::new(),
    };
    for attempt in 0..TRIES {
        let name = format!(
            "k{at}{}{attempt}",
            if side == Side::Before { "b" } else { "a" }
        );
        let mut run = Run::begin(stage, &name, folder, Fault::Kill(at, side)).await;
        if let Err(stuck) = run.finish().await {
            judged.found.push(stuck);
            return judged;
        }
        judged.reached = run.operators[0].proxy.has_struck();
        if judged.reached {
            judged.found = checks::violations(&run, &reference.counts, 1).await;
            let (copies, found) = checks::late_copies(&run).await;
            judged.copies = copies;
            judged.found.extend(found);
            return judged;
        }
    }
    judged
}

/// Everything that is demanded after a crash is demanded without one first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_a_fault_keeps_every_promise() {
    let plane = support::cluster().await;
    let stage = stage(&plane).await;
    let folder = tempfile::tempdir().expect("a folder");
    let reference = reference(&stage, folder.path()).await;
    assert_eq!(reference.counts.len(), 7, "{:?}", reference.counts);
}

/// Whoever is killed at any moment, in the switch or in the return, leaves a state from which the
/// next operator finishes exactly: this is the promise of the journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_be_killed_before_and_after_every_write() {
    let plane = support::cluster().await;
    killed_everywhere(&stage(&plane).await, one_in(3)).await;
}

/// The same of a playbook that freezes, makes objects by every kind of step that does, and adopts one: what
/// no uid pins before it is there, and what only a probe proves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_makes_objects_may_be_killed_before_and_after_every_write() {
    let plane = support::cluster().await;
    let stage = Stage {
        makes: true,
        ..stage(&plane).await
    };
    killed_everywhere(&stage, one_in(6)).await;
}

async fn killed_everywhere(stage: &Stage, every: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let reference = reference(stage, folder.path()).await;
    let writes = (1..=reference.most).step_by(every);
    let boundaries = writes.flat_map(|at| [(at, Side::Before), (at, Side::After)]);
    let judged: Vec<Judged> = stream::iter(boundaries)
        .map(|(at, side)| judge(stage, &reference, folder.path(), at, side))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let mut problems = Vec::new();
    for one in &judged {
        let moment = format!("killed {:?} write {}", one.side, one.at);
        if !one.reached && one.found.is_empty() && one.at <= reference.least {
            problems.push(format!("{moment}: never reached"));
        }
        problems.extend(one.found.iter().map(|what| format!("{moment}: {what}")));
    }
    let reached = judged.iter().filter(|one| one.reached).count();
    let exact = judged
        .iter()
        .filter(|one| one.reached && one.found.is_empty())
        .count();
    let copies: usize = judged.iter().map(|one| one.copies).sum();
    tell(&format!(
        "{exact} of {reached} exact: killed before and after {} of {} to {} writes of a switch and \
         its return; {copies} late copies of writes sent afterwards",
        reference.most.div_ceil(every),
        reference.least,
        reference.most
    ));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
