//! Cells of what keeps counts: autoscalers and budgets.

use serde_json::Value;

use super::{NONE, Row, UNKNOWN, UNSET, text, written};

/// So many metrics are shown.
const METRICS: usize = 2;

pub(super) fn budget(row: &Row<'_>) -> Vec<Value> {
    let bound = |name: &str| match row.at(name) {
        Value::Null => "N/A".to_owned(),
        value => written(value),
    };
    vec![
        row.name(),
        bound("/spec/minAvailable").into(),
        bound("/spec/maxUnavailable").into(),
        row.number("/status/disruptionsAllowed").into(),
        row.age(),
    ]
}

pub(super) fn autoscaler(row: &Row<'_>) -> Vec<Value> {
    let target = row.at("/spec/scaleTargetRef");
    let least = row.at("/spec/minReplicas").as_i64();
    vec![
        row.name(),
        format!("{}/{}", text(target, "kind"), text(target, "name")).into(),
        metrics(row).into(),
        least
            .map_or_else(|| UNSET.to_owned(), |least| least.to_string())
            .into(),
        row.number("/spec/maxReplicas").into(),
        row.number("/status/currentReplicas").into(),
        row.age(),
    ]
}

fn metrics(row: &Row<'_>) -> String {
    let wanted = row.items("/spec/metrics");
    let current = row.items("/status/currentMetrics");
    if wanted.is_empty() {
        return NONE.to_owned();
    }
    let all: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(at, metric)| shown(metric, current.get(at).unwrap_or(&Value::Null)))
        .collect();
    if all.len() > METRICS {
        let more = all.len() - METRICS;
        return format!("{} + {more} more...", all[..METRICS].join(", "));
    }
    all.join(", ")
}

/// One metric: what it is and what it should be.
fn shown(metric: &Value, status: &Value) -> String {
    let word = match text(metric, "type") {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return "<unknown type>".to_owned(),
    };
    let target = &metric[word]["target"];
    let current = &status[word]["current"];
    let value = |of: &Value, member: &str| match &of[member] {
        Value::Null => UNKNOWN.to_owned(),
        value => written(value),
    };
    let average = !target["averageValue"].is_null();
    let pair = |member: &str| format!("{}/{}", value(current, member), value(target, member));
    match word {
        "pods" => pair("averageValue"),
        "external" | "object" if average => format!("{} (avg)", pair("averageValue")),
        "external" | "object" => pair("value"),
        word => {
            let name = text(&metric[word], "name");
            if average {
                return format!("{name}: {}", pair("averageValue"));
            }
            let percent = |of: &Value| of["averageUtilization"].as_i64();
            let now = percent(current).map_or_else(|| UNKNOWN.to_owned(), |now| format!("{now}%"));
            let wanted =
                percent(target).map_or_else(|| "<auto>".to_owned(), |wanted| format!("{wanted}%"));
            format!("{name}: {now}/{wanted}")
        }
    }
}
