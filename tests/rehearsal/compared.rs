//! The same switch, rehearsed on a snapshot and made on the real control plane that it was taken of, with
//! its own controllers: the order of stages and the outcomes are equal. That times are within a factor of 2
//! is a matter of an idle machine, and a benchmark:
//! `PINGZHAN_BENCH=1 cargo test --test all -- rehearsal::compared --nocapture`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pingzhan::api::{EmergencyModeStatus, Level, Phase, Playbook, StageState};
use pingzhan::rehearsal::play::{self, Rehearsal};
use pingzhan::rehearsal::report::{End, Report};
use pingzhan::sandtable::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::scenarios::fleet;
use crate::scenarios::world::World;
use crate::support;

/// Deployments that are shed, and as many that grow.
const EACH: usize = 30;
/// What is shorter took no time: a look at the objects, a record.
const LEAST: f64 = 1.0;
/// How long the cluster may take to be at rest.
const PATIENCE: Duration = Duration::from_secs(90);

fn workload(space: &str, name: &str, tier: &str) -> Value {
    let mut object = fleet::deployment(space, name, Some(2));
    object["metadata"]["labels"] = json!({ "tier": tier });
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    container["resources"] = json!({ "requests": { "cpu": "10m" } });
    object
}

/// Shed, then what people need, of which one is refused; then what comes last.
fn stages(space: &str) -> Value {
    let of = |tier: &str| {
        json!({ "kinds": ["Deployment"], "namespaces": { "names": [space] },
        "selector": { "matchLabels": { "tier": tier } } })
    };
    json!([
        { "name": "shed", "steps": [
            { "name": "shrink", "targets": of("later"), "scale": { "replicas": 1 } } ] },
        { "name": "surge", "dependsOn": ["shed"], "onFailure": "Continue", "minSuccess": "90%", "steps": [
            { "name": "grow", "critical": false, "targets": of("now"), "scale": { "percent": 200 } },
            { "name": "settled", "after": ["grow"], "timeout": "2m",
                "wait": { "ready": { "step": "grow", "percent": 96 } } } ] },
        { "name": "last", "dependsOn": ["surge"], "steps": [
            { "name": "note", "targets": { "kinds": ["Deployment"], "namespaces": { "names": [space] },
                "names": ["later-0"] },
              "patch": { "set": [{ "path": "/metadata/annotations/example.com~1posture", "value": "war" }] } },
        ] },
    ])
}

async fn at_rest(world: &World) {
    let waited = async {
        loop {
            let all = world.snapshot().await;
            let mut workloads = all.iter().filter(|((kind, _), _)| kind == "Deployment");
            if workloads.all(|(_, object)| object["status"]["readyReplicas"] == 2) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited)
        .await
        .expect("it comes to rest");
}

/// Takes the snapshot as an engineer would.
fn taken(kubeconfig: &Path) -> Snapshot {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("city.json.gz");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingzhan"));
    command.env_clear().arg("--kubeconfig").arg(kubeconfig);
    support::run(command.arg("snapshot").arg("-o").arg(&file));
    let packed = std::fs::read(file).expect("it is written");
    Snapshot::read(&packed).expect("it is one")
}

/// What became of stages, and how long each took: since the first began.
#[derive(Debug, Default)]
struct Went {
    order: Vec<String>,
    outcomes: BTreeMap<String, (StageState, i64, i64, i64)>,
    times: BTreeMap<String, f64>,
}

/// A stage: its name, what became of it, and how long it took.
type Row = (String, (StageState, i64, i64, i64), Option<f64>);

impl Went {
    fn of(rows: impl Iterator<Item = Row>) -> Self {
        let mut went = Self::default();
        for (name, outcome, time) in rows {
            went.order.push(name.clone());
            went.outcomes.insert(name.clone(), outcome);
            went.times.extend(time.map(|time| (name, time)));
        }
        went
    }
}

fn really(status: &EmergencyModeStatus) -> Went {
    let mut stages: Vec<_> = status.stages.iter().collect();
    stages.sort_by_key(|stage| stage.started_at);
    Went::of(stages.into_iter().map(|stage| {
        let outcome = (stage.state, stage.changes, stage.applied, stage.failed);
        let both = stage.started_at.zip(stage.finished_at);
        let time = both.map(|(from, to)| to.duration_since(from).as_secs_f64());
        (stage.name.clone(), outcome, time)
    }))
}

fn rehearsed(report: &Report) -> Went {
    Went::of(report.stages.iter().map(|stage| {
        let outcome = (stage.state, stage.changes, stage.applied, stage.failed);
        let both = stage.began.zip(stage.ended);
        let time = both.map(|(from, to)| to - from);
        (stage.name.clone(), outcome, time)
    }))
}

/// The fleet, at rest, and its playbook.
async fn ready() -> (World, Value) {
    let plane = support::cluster_with_controllers("compared").await;
    let world = World::on(plane).await.started().await;
    let space = world.namespace.clone();
    for number in 0..EACH {
        for tier in ["later", "now"] {
            let object = workload(&space, &format!("{tier}-{number}"), tier);
            world.apply("helm", &object).await.expect("it is accepted");
        }
    }
    at_rest(&world).await;
    // Not before: its controller writes the revision first.
    world.refuse("guard", &["now-7"]).await;
    let mut spec = world.playbook(&stages(&space));
    spec["objective"] = json!({ "switchWithin": "5m", "restoreWithin": "5m" });
    world.publish("flood", spec.clone()).await;
    (world, spec)
}

/// What was refused.
fn refused(status: &EmergencyModeStatus) -> BTreeSet<String> {
    let refused = status
        .targets
        .iter()
        .filter(|target| target.state == "Refused");
    let named = refused.map(|target| {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        format!("{} {namespace}/{}", target.kind, target.name)
    });
    named.collect()
}

/// A switch and its return, for real: how it went, what was refused, and how long the return took.
async fn made(world: &World, name: &str) -> (Went, BTreeSet<String>, f64) {
    let playbook = json!({ "playbookRef": { "name": "flood" } });
    world.declare(name, playbook).await;
    let mode = world.phase(name, Phase::Active).await;
    let status = mode.status.expect("a status");
    let closed = world.come_back(name).await.status.expect("a status");
    let restore = closed.restore.expect("it came back");
    let took: jiff::SignedDuration = restore.took.parse().expect("a span");
    at_rest(world).await;
    (really(&status), refused(&status), took.as_secs_f64())
}

async fn rehearse(snapshot: Snapshot, spec: Value) -> Report {
    let playbook = Playbook::new("flood", serde_json::from_value(spec).expect("a playbook"));
    let report = tokio::task::spawn_blocking(move || {
        let rehearsal = Rehearsal {
            snapshot: &snapshot,
            playbook: &playbook,
            level: Level::IV,
            parameters: &BTreeMap::new(),
            faults: &[],
            seed: 1,
        };
        play::rehearse(&rehearsal).expect("it is played")
    });
    report.await.expect("no panic")
}

fn alike(what: &str, rehearsed: f64, real: f64) {
    let ratio = rehearsed.max(LEAST) / real.max(LEAST);
    let said = format!("{what}: rehearsed {rehearsed:.1} s, really {real:.1} s");
    eprintln!("{said}");
    let is_benchmark = support::variable("PINGZHAN_BENCH").is_some();
    assert!(!is_benchmark || (0.5..=2.0).contains(&ratio), "{said}");
}

/// A rehearsal that is not like the switch is worse than none: people would rely on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_goes_as_the_switch_does_on_the_real_control_plane() {
    let (world, spec) = ready().await;
    let snapshot = taken(&world.plane.kubeconfig);
    let before = world.snapshot().await;
    // Twice: what else the machine does makes a switch longer, never shorter.
    let (mut real, refused, mut back) = made(&world, "flood").await;
    let (again, _, sooner) = made(&world, "again").await;
    assert_eq!(again.outcomes, real.outcomes, "the same twice");
    for (stage, took) in &mut real.times {
        *took = took.min(again.times[stage]);
    }
    back = back.min(sooner);
    world.compare(&before).await;

    let report = rehearse(snapshot, spec).await;
    let played = rehearsed(&report);
    assert_eq!(report.verdict.end, End::Closed, "{report:#?}");
    assert_eq!(played.order, real.order, "the order of stages");
    assert_eq!(played.outcomes, real.outcomes, "what became of them");
    let said = report.refused.iter().filter_map(|one| one.object.clone());
    assert_eq!(said.collect::<BTreeSet<_>>(), refused, "what was refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    let exact = &report.exactness;
    assert!(exact.differences.is_empty(), "{exact:?}");
    for (stage, took) in &real.times {
        alike(stage, played.times[stage], *took);
    }
    let restore = report.restore.as_ref().expect("it came back");
    alike("the return", restore.seconds, back);
}
