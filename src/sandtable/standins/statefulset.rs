//! Each `StatefulSet`: pods are started in order, each when the one before it is ready (or all at once,
//! where that is asked for), and a new template is rolled out from the last one down.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::pods::{Ground, Pod, Template};
use super::workload::{Memory, Outcome, counts, desired, min_ready, number, observed};

/// What is asked for.
struct Asked {
    desired: usize,
    is_parallel: bool,
    rolls: bool,
    partition: usize,
    min_ready: Duration,
}

impl Asked {
    fn read(spec: &Value) -> Self {
        let strategy = &spec["updateStrategy"];
        Self {
            desired: desired(spec),
            is_parallel: spec["podManagementPolicy"] == "Parallel",
            rolls: strategy["type"] != "OnDelete",
            partition: number(&strategy["rollingUpdate"]["partition"]),
            min_ready: min_ready(spec),
        }
    }
}

/// Attends to a StatefulSet.
pub fn attend(object: &Value, memory: &mut Memory, ground: &mut Ground<'_>) -> Outcome {
    let asked = Asked::read(&object["spec"]);
    let newest = Template::of(&object["spec"]["template"]);
    memory.newest = Some(newest.clone());
    memory.pods.settle(ground);
    while memory.pods.len() > asked.desired {
        memory.pods.end(memory.pods.len() - 1, ground.rooms);
    }
    let current = memory.current.get_or_insert_with(|| newest.clone()).clone();
    if stand(memory, &asked, [&current, &newest], ground) {
        replace(memory, &asked, &newest, ground);
    }
    let now = ground.now;
    let pods = &memory.pods;
    let is_ready = |pod: &Pod| pod.is_ready(now, Duration::ZERO);
    let is_complete = pods.count(|pod| pod.template == newest) == pods.len()
        && pods.count(is_ready) == pods.len();
    if is_complete && asked.rolls {
        memory.current = Some(newest.clone());
    }
    told(object, memory, &asked, now)
}

/// Starts the pods that are missing, as far as order lets it. Says whether all stand.
fn stand(
    memory: &mut Memory,
    asked: &Asked,
    templates: [&Arc<Template>; 2],
    ground: &mut Ground<'_>,
) -> bool {
    for ordinal in 0..asked.desired {
        if ordinal >= memory.pods.len() {
            let is_old = asked.rolls && ordinal < asked.partition;
            memory
                .pods
                .start(ordinal, templates[usize::from(!is_old)], ground);
        }
        let is_ready = memory.pods.all()[ordinal].is_ready(ground.now, asked.min_ready);
        if !is_ready && !asked.is_parallel {
            return false;
        }
    }
    true
}

/// Replaces the last pod that is not of the newest template, where all behind it are ready; and goes
/// on as long as pods are ready at once.
fn replace(memory: &mut Memory, asked: &Asked, newest: &Arc<Template>, ground: &mut Ground<'_>) {
    if !asked.rolls {
        return;
    }
    for ordinal in (asked.partition.min(memory.pods.len())..memory.pods.len()).rev() {
        if memory.pods.all()[ordinal].template != *newest {
            memory.pods.end(ordinal, ground.rooms);
            memory.pods.start(ordinal, newest, ground);
        }
        if !memory.pods.all()[ordinal].is_ready(ground.now, asked.min_ready) {
            return;
        }
    }
}

fn told(object: &Value, memory: &Memory, asked: &Asked, now: Timestamp) -> Outcome {
    let mut status = object["status"].as_object().cloned().unwrap_or_default();
    let pods = &memory.pods;
    let of = |template: &Option<Arc<Template>>| {
        pods.count(|pod| {
            template
                .as_ref()
                .is_some_and(|known| pod.template == *known)
        })
    };
    counts(
        &mut status,
        [
            (
                "readyReplicas",
                pods.count(|pod| pod.is_ready(now, Duration::ZERO)),
            ),
            ("currentReplicas", of(&memory.current)),
            ("updatedReplicas", of(&memory.newest)),
        ],
    );
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let revision = |template: &Option<Arc<Template>>| {
        let hash = template.as_ref().map_or("", |template| &template.hash);
        Value::from(format!("{name}-{hash}"))
    };
    let available = pods.count(|pod| pod.is_ready(now, asked.min_ready));
    for (member, value) in [
        ("replicas", pods.len().into()),
        ("availableReplicas", available.into()),
        ("collisionCount", 0.into()),
        ("currentRevision", revision(&memory.current)),
        ("updateRevision", revision(&memory.newest)),
    ] {
        status.insert(member.to_owned(), value);
    }
    observed(&mut status, object);
    Outcome {
        status,
        revision: None,
        again: pods.next(now, asked.min_ready),
    }
}
