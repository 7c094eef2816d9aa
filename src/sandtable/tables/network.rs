//! Cells of what connects.

use serde_json::Value;

use super::core::or_none;
use super::{NONE, Row, UNKNOWN, UNSET, labels, selector, text};

/// So many hosts, ports and addresses are shown.
const HOSTS: usize = 3;
/// What stands where a balancer has no address yet.
const PENDING: &str = "<pending>";

pub(super) fn service(row: &Row<'_>) -> Vec<Value> {
    let internal = row
        .items("/spec/clusterIPs")
        .first()
        .and_then(Value::as_str);
    let ports: Vec<String> = row.items("/spec/ports").iter().map(port).collect();
    vec![
        row.name(),
        row.text("/spec/type").into(),
        or_none(internal.unwrap_or_default()).into(),
        external(row).into(),
        or_none(&ports.join(",")).into(),
        row.age(),
        labels(row.at("/spec/selector")).into(),
    ]
}

fn port(port: &Value) -> String {
    let protocol = text(port, "protocol");
    match port["nodePort"].as_i64().filter(|number| *number > 0) {
        Some(node) => format!("{}:{node}/{protocol}", port["port"]),
        None => format!("{}/{protocol}", port["port"]),
    }
}

fn external(row: &Row<'_>) -> String {
    let own = row.items("/spec/externalIPs").iter();
    let own: Vec<&str> = own.filter_map(Value::as_str).collect();
    let own = own.join(",");
    match row.text("/spec/type") {
        "ClusterIP" | "NodePort" => or_none(&own).to_owned(),
        "LoadBalancer" => {
            let balanced = addresses(row.items("/status/loadBalancer/ingress"));
            match (own.is_empty(), balanced.is_empty()) {
                (true, true) => PENDING.to_owned(),
                (true, false) => balanced,
                (false, true) => own,
                (false, false) => format!("{balanced},{own}"),
            }
        }
        "ExternalName" => row.text("/spec/externalName").to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

/// Addresses and names under which a balancer is reached: each once, in order.
fn addresses(points: &[Value]) -> String {
    let mut all: Vec<&str> = points
        .iter()
        .map(|point| match text(point, "ip") {
            "" => text(point, "hostname"),
            ip => ip,
        })
        .filter(|address| !address.is_empty())
        .collect();
    all.sort_unstable();
    all.dedup();
    all.join(",")
}

pub(super) fn policy(row: &Row<'_>) -> Vec<Value> {
    let pods = selector(row.at("/spec/podSelector"));
    vec![row.name(), pods.into(), row.age()]
}

pub(super) fn ingress(row: &Row<'_>) -> Vec<Value> {
    let hosts = row.items("/spec/rules").iter();
    let hosts: Vec<String> = hosts
        .map(|rule| text(rule, "host").to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    let shown = if hosts.is_empty() {
        "*".to_owned()
    } else {
        some(&hosts)
    };
    let ports = if row.items("/spec/tls").is_empty() {
        "80"
    } else {
        "80, 443"
    };
    vec![
        row.name(),
        row.or("/spec/ingressClassName", NONE).into(),
        shown.into(),
        addresses(row.items("/status/loadBalancer/ingress")).into(),
        ports.into(),
        row.age(),
    ]
}

pub(super) fn slice(row: &Row<'_>) -> Vec<Value> {
    let ports = row.items("/ports").iter().map(|port| {
        let number = port["port"].as_i64().map(|number| number.to_string());
        number.unwrap_or_else(|| match text(port, "name") {
            "" => "*".to_owned(),
            name => name.to_owned(),
        })
    });
    let points = row.items("/endpoints").iter();
    let points = points.flat_map(|point| point["addresses"].as_array().into_iter().flatten());
    let points = points.map(|address| address.as_str().unwrap_or_default().to_owned());
    vec![
        row.name(),
        row.text("/addressType").into(),
        some(&ports.collect::<Vec<_>>()).into(),
        some(&points.collect::<Vec<_>>()).into(),
        row.age(),
    ]
}

/// The first of a list, and how many more there are.
fn some(all: &[String]) -> String {
    match all {
        [] => UNSET.to_owned(),
        all if all.len() > HOSTS => {
            let more = all.len() - HOSTS;
            format!("{} + {more} more...", all[..HOSTS].join(","))
        }
        all => all.join(","),
    }
}
