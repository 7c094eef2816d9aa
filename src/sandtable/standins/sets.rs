//! `ReplicaSets`, which keep a count of pods, and `DaemonSets`, which keep one on each node that suits.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::pods::{Ground, Pod, Pods, Readiness, Template};
use super::workload::{Memory, Outcome, counts, desired, min_ready, number, observed, share};

/// Attends to a `ReplicaSet` that somebody made by themselves.
pub fn attend_replicas(object: &Value, memory: &mut Memory, ground: &mut Ground<'_>) -> Outcome {
    let spec = &object["spec"];
    let template = Template::of(&spec["template"]);
    let (desired, min_ready) = (desired(spec), min_ready(spec));
    let pods = &mut memory.pods;
    pods.settle(ground);
    pods.grow(desired.saturating_sub(pods.len()), &template, ground);
    let surplus = pods.len().saturating_sub(desired);
    pods.shrink(surplus, |_| true, ground.now, ground.rooms);
    let mut status = object["status"].as_object().cloned().unwrap_or_default();
    counts(
        &mut status,
        [
            ("fullyLabeledReplicas", pods.len()),
            (
                "readyReplicas",
                pods.count(|pod| pod.is_ready(ground.now, Duration::ZERO)),
            ),
            (
                "availableReplicas",
                pods.count(|pod| pod.is_ready(ground.now, min_ready)),
            ),
        ],
    );
    status.insert("replicas".to_owned(), pods.len().into());
    status.insert("terminatingReplicas".to_owned(), 0.into());
    observed(&mut status, object);
    Outcome {
        status,
        revision: None,
        again: pods.next(ground.now, min_ready),
    }
}

/// Attends to a `DaemonSet`.
pub fn attend_daemons(object: &Value, memory: &mut Memory, ground: &mut Ground<'_>) -> Outcome {
    let spec = &object["spec"];
    let newest = Template::of(&spec["template"]);
    let min_ready = min_ready(spec);
    let nodes = ground.rooms.suitable(&newest.needs);
    // What an earlier controller started is there, and ready, as far as the status says so.
    let mut stood = if memory.newest.is_none() {
        number(&object["status"]["numberReady"])
    } else {
        0
    };
    memory.newest = Some(newest.clone());
    let pods = &mut memory.pods;
    for at in (0..pods.len()).rev() {
        let node = pods.all()[at].node();
        if node.is_none_or(|node| !nodes.iter().any(|known| known == node)) {
            pods.end(at, ground.rooms);
        }
    }
    for node in &nodes {
        if pods.count(|pod| pod.node() == Some(node)) > 0 {
            continue;
        }
        let usual = ground.readiness;
        if stood > 0 {
            stood -= 1;
            ground.readiness = Readiness::After(Duration::ZERO);
        }
        pods.start_on(node, &newest, ground);
        ground.readiness = usual;
    }
    let strategy = &spec["updateStrategy"];
    if strategy["type"] != "OnDelete" {
        let most = &strategy["rollingUpdate"]["maxUnavailable"];
        let budget = share(most, nodes.len(), true).max(1);
        replace(pods, &newest, budget, min_ready, ground);
    }
    told_daemons(object, memory, nodes.len(), ground)
}

/// Replaces pods of an older template: those that are not ready, and as many others as may be missing
/// at a time.
fn replace(
    pods: &mut Pods,
    newest: &Arc<Template>,
    budget: usize,
    min_ready: Duration,
    ground: &mut Ground<'_>,
) {
    let now = ground.now;
    let is_old = |pod: &Pod| pod.template != *newest;
    loop {
        let down = pods.count(|pod| !pod.is_ready(now, min_ready));
        let mut old = (0..pods.len()).filter(|at| is_old(&pods.all()[*at]));
        let unready = |at: &usize| !pods.all()[*at].is_ready(now, min_ready);
        let next = old.clone().find(unready);
        let Some(at) = next.or_else(|| old.next().filter(|_| down < budget)) else {
            return;
        };
        let node = pods.all()[at].node().unwrap_or_default().to_owned();
        pods.end(at, ground.rooms);
        pods.start_on(&node, newest, ground);
    }
}

fn told_daemons(object: &Value, memory: &Memory, nodes: usize, ground: &Ground<'_>) -> Outcome {
    let min_ready = min_ready(&object["spec"]);
    let pods = &memory.pods;
    let available = pods.count(|pod| pod.is_ready(ground.now, min_ready));
    let mut status = object["status"].as_object().cloned().unwrap_or_default();
    counts(
        &mut status,
        [
            (
                "updatedNumberScheduled",
                pods.count(|pod| memory.newest.as_ref() == Some(&pod.template)),
            ),
            ("numberAvailable", available),
            ("numberUnavailable", nodes.saturating_sub(available)),
        ],
    );
    for (member, count) in [
        ("currentNumberScheduled", pods.len()),
        ("desiredNumberScheduled", nodes),
        ("numberMisscheduled", 0),
        (
            "numberReady",
            pods.count(|pod| pod.is_ready(ground.now, Duration::ZERO)),
        ),
    ] {
        status.insert(member.to_owned(), count.into());
    }
    observed(&mut status, object);
    Outcome {
        status,
        revision: None,
        again: pods.next(ground.now, min_ready),
    }
}
