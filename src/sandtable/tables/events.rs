//! Cells of events, in their older and their newer form.

use serde_json::Value;

use super::{Row, UNKNOWN, text};

/// Where an event has what a row shows.
struct Places {
    object: &'static str,
    message: &'static str,
    source: &'static str,
    controller: &'static str,
    first: &'static str,
    last: &'static str,
    count: &'static str,
}

pub(super) fn event(row: &Row<'_>) -> Vec<Value> {
    cells(
        row,
        &Places {
            object: "/involvedObject",
            message: "/message",
            source: "/source",
            controller: "/reportingComponent",
            first: "/firstTimestamp",
            last: "/lastTimestamp",
            count: "/count",
        },
    )
}

pub(super) fn newer(row: &Row<'_>) -> Vec<Value> {
    cells(
        row,
        &Places {
            object: "/regarding",
            message: "/note",
            source: "/deprecatedSource",
            controller: "/reportingController",
            first: "/deprecatedFirstTimestamp",
            last: "/deprecatedLastTimestamp",
            count: "/deprecatedCount",
        },
    )
}

fn cells(row: &Row<'_>, at: &Places) -> Vec<Value> {
    let since = |pointer: &str, other: &str| match row.since(pointer) {
        time if time == UNKNOWN => other.to_owned(),
        time => time,
    };
    let first = since(at.first, &row.since("/eventTime"));
    let mut last = since(at.last, &first);
    let mut count = row.number(at.count);
    if row.at("/series").is_object() {
        last = row.since("/series/lastObservedTime");
        count = row.number("/series/count");
    } else if count == 0 {
        // One that was never repeated.
        count = 1;
    }
    let object = row.at(at.object);
    let kind = text(object, "kind").to_lowercase();
    let object_shown = match text(object, "name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = row.at(at.source);
    let component = or(text(source, "component"), row.text(at.controller));
    let instance = or(text(source, "host"), row.text("/reportingInstance"));
    let source = if instance.is_empty() {
        component.to_owned()
    } else {
        format!("{component}, {instance}")
    };
    vec![
        last.into(),
        row.text("/type").into(),
        row.text("/reason").into(),
        object_shown.into(),
        text(object, "fieldPath").into(),
        source.into(),
        row.text(at.message).trim().into(),
        first.into(),
        count.into(),
        row.name(),
    ]
}

fn or<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.is_empty() { other } else { one }
}
