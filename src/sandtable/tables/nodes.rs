//! Cells of nodes.

use serde_json::Value;

use super::core::or_none;
use super::{NONE, Row, UNKNOWN, text};

/// How labels of roles begin.
const ROLE: &str = "node-role.kubernetes.io/";

pub(super) fn node(row: &Row<'_>) -> Vec<Value> {
    let ready = row
        .items("/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Ready");
    let mut status = match ready.map(|ready| text(ready, "status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if *row.at("/spec/unschedulable") == true {
        status += ",SchedulingDisabled";
    }
    let info = |name: &str| row.or(&format!("/status/nodeInfo/{name}"), UNKNOWN);
    vec![
        row.name(),
        status.into(),
        roles(row).into(),
        row.age(),
        row.text("/status/nodeInfo/kubeletVersion").into(),
        address(row, "InternalIP").into(),
        address(row, "ExternalIP").into(),
        info("osImage").into(),
        info("kernelVersion").into(),
        info("containerRuntimeVersion").into(),
    ]
}

fn roles(row: &Row<'_>) -> String {
    let labels = row.at("/metadata/labels").as_object();
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        match (key.strip_prefix(ROLE), value.as_str()) {
            (Some(role), _) if !role.is_empty() => roles.push(role),
            (_, Some(role)) if key == "kubernetes.io/role" && !role.is_empty() => roles.push(role),
            _ => {}
        }
    }
    roles.sort_unstable();
    roles.dedup();
    or_none(&roles.join(",")).to_owned()
}

fn address<'a>(row: &Row<'a>, of: &str) -> &'a str {
    let found = row
        .items("/status/addresses")
        .iter()
        .find(|address| address["type"] == *of);
    found.map_or(NONE, |address| text(address, "address"))
}
