//! Cells of pods. They have no insides here: what is shown is what somebody wrote into their status.

use serde_json::Value;

use super::{NONE, Row, text};

pub(super) fn pod(row: &Row<'_>) -> Vec<Value> {
    let statuses = row.items("/status/containerStatuses");
    let sidecars = sidecars(row);
    let all = row.items("/spec/containers").len() + sidecars.len();
    let is_running = |status: &&Value| {
        status["ready"] == true
            && (status["state"]["running"].is_object() || status["started"] == true)
    };
    let ready = statuses.iter().filter(is_running).count()
        + sidecars
            .iter()
            .filter(|status| status["started"] == true && status["ready"] == true)
            .count();
    let restarts: i64 = statuses
        .iter()
        .filter_map(|status| status["restartCount"].as_i64())
        .sum();
    let addresses = row.items("/status/podIPs");
    let address = addresses.first().map(|address| text(address, "ip"));
    vec![
        row.name(),
        format!("{ready}/{all}").into(),
        reason(row).into(),
        restarts.to_string().into(),
        row.age(),
        address.filter(|ip| !ip.is_empty()).unwrap_or(NONE).into(),
        row.or("/spec/nodeName", NONE).into(),
        row.or("/status/nominatedNodeName", NONE).into(),
        gates(row).into(),
    ]
}

/// The statuses of containers that begin before the others and stay; empty ones where there is none.
fn sidecars(row: &Row<'_>) -> Vec<Value> {
    let statuses = row.items("/status/initContainerStatuses");
    let stay = row
        .items("/spec/initContainers")
        .iter()
        .filter(|container| container["restartPolicy"] == "Always");
    stay.map(|container| {
        let own = statuses
            .iter()
            .find(|status| status["name"] == container["name"]);
        own.cloned().unwrap_or_default()
    })
    .collect()
}

fn reason(row: &Row<'_>) -> String {
    let phase = row.text("/status/phase");
    let mut reason = row.or("/status/reason", phase).to_owned();
    let is_gated = row
        .items("/status/conditions")
        .iter()
        .any(|one| one["type"] == "PodScheduled" && one["reason"] == "SchedulingGated");
    if is_gated {
        "SchedulingGated".clone_into(&mut reason);
    }
    let mut has_running = false;
    for status in row.items("/status/containerStatuses").iter().rev() {
        let state = &status["state"];
        let (waits, ended) = (
            text(&state["waiting"], "reason"),
            text(&state["terminated"], "reason"),
        );
        if !waits.is_empty() {
            waits.clone_into(&mut reason);
        } else if !ended.is_empty() {
            ended.clone_into(&mut reason);
        } else if state["terminated"].is_object() {
            let ended = &state["terminated"];
            reason = match ended["signal"].as_i64().filter(|signal| *signal != 0) {
                Some(signal) => format!("Signal:{signal}"),
                None => format!(
                    "ExitCode:{}",
                    ended["exitCode"].as_i64().unwrap_or_default()
                ),
            };
        } else if status["ready"] == true && state["running"].is_object() {
            has_running = true;
        }
    }
    let is_ready = row
        .items("/status/conditions")
        .iter()
        .any(|one| one["type"] == "Ready" && one["status"] == "True");
    if reason == "Completed" && has_running {
        let word = if is_ready { "Running" } else { "NotReady" };
        word.clone_into(&mut reason);
    }
    let is_going = !row.at("/metadata/deletionTimestamp").is_null();
    if is_going && row.text("/status/reason") == "NodeLost" {
        return "Unknown".to_owned();
    }
    if is_going && !["Succeeded", "Failed"].contains(&phase) {
        return "Terminating".to_owned();
    }
    reason
}

fn gates(row: &Row<'_>) -> String {
    let gates = row.items("/spec/readinessGates");
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let is_open = |gate: &&Value| {
        let mut conditions = row.items("/status/conditions").iter();
        conditions.any(|one| one["type"] == gate["conditionType"] && one["status"] == "True")
    };
    let open = gates.iter().filter(is_open).count();
    format!("{open}/{}", gates.len())
}
