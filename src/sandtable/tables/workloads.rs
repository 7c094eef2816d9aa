//! Cells of workloads.

use serde_json::Value;

use super::{Row, containers, labels, requirements, selector};

const TEMPLATE: &str = "/spec/template/spec";

/// The count that is asked for.
fn wanted(row: &Row<'_>) -> i64 {
    row.number("/spec/replicas")
}

pub(super) fn deployment(row: &Row<'_>) -> Vec<Value> {
    let ready = row.number("/status/readyReplicas");
    let mut cells = vec![
        row.name(),
        format!("{ready}/{}", wanted(row)).into(),
        row.number("/status/updatedReplicas").into(),
        row.number("/status/availableReplicas").into(),
        row.age(),
    ];
    cells.extend(containers(row.at(TEMPLATE)));
    cells.push(requirements(row.at("/spec/selector")).into());
    cells
}

pub(super) fn stateful_set(row: &Row<'_>) -> Vec<Value> {
    let ready = row.number("/status/readyReplicas");
    let ready = format!("{ready}/{}", wanted(row));
    let mut cells = vec![row.name(), ready.into(), row.age()];
    cells.extend(containers(row.at(TEMPLATE)));
    cells
}

pub(super) fn daemon_set(row: &Row<'_>) -> Vec<Value> {
    let mut cells = vec![row.name()];
    let counts = [
        "/status/desiredNumberScheduled",
        "/status/currentNumberScheduled",
        "/status/numberReady",
        "/status/updatedNumberScheduled",
        "/status/numberAvailable",
    ];
    cells.extend(counts.map(|count| Value::from(row.number(count))));
    cells.push(labels(row.at("/spec/template/spec/nodeSelector")).into());
    cells.push(row.age());
    cells.extend(containers(row.at(TEMPLATE)));
    cells.push(selector(row.at("/spec/selector")).into());
    cells
}

pub(super) fn replica_set(row: &Row<'_>) -> Vec<Value> {
    let mut cells = vec![
        row.name(),
        wanted(row).into(),
        row.number("/status/replicas").into(),
        row.number("/status/readyReplicas").into(),
        row.age(),
    ];
    cells.extend(containers(row.at(TEMPLATE)));
    cells.push(selector(row.at("/spec/selector")).into());
    cells
}
