//! Cells of jobs.

use serde_json::Value;

use super::{NONE, Row, UNSET, between, containers, selector};

pub(super) fn job(row: &Row<'_>) -> Vec<Value> {
    let done = row.number("/status/succeeded");
    let parallel = row.number("/spec/parallelism");
    let completions = match row.at("/spec/completions").as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None if parallel > 1 => format!("{done}/1 of {parallel}"),
        None => format!("{done}/1"),
    };
    let (begun, ended) = (
        row.text("/status/startTime"),
        row.text("/status/completionTime"),
    );
    let took = match (begun, ended) {
        ("", _) => String::new(),
        (begun, "") => between(begun, row.now),
        (begun, ended) => between(begun, ended),
    };
    let mut cells = vec![
        row.name(),
        status(row).into(),
        completions.into(),
        took.into(),
        row.age(),
    ];
    cells.extend(containers(row.at("/spec/template/spec")));
    cells.push(selector(row.at("/spec/selector")).into());
    cells
}

fn status(row: &Row<'_>) -> &'static str {
    let is = |type_: &str| {
        let mut all = row.items("/status/conditions").iter();
        all.any(|one| one["type"] == *type_ && one["status"] == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if !row.at("/metadata/deletionTimestamp").is_null() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

pub(super) fn cron_job(row: &Row<'_>) -> Vec<Value> {
    let last = if row.text("/status/lastScheduleTime").is_empty() {
        NONE.to_owned()
    } else {
        row.since("/status/lastScheduleTime")
    };
    let suspended = match row.at("/spec/suspend").as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => UNSET,
    };
    let mut cells = vec![
        row.name(),
        row.text("/spec/schedule").into(),
        row.or("/spec/timeZone", NONE).into(),
        suspended.into(),
        row.items("/status/active").len().into(),
        last.into(),
        row.age(),
    ];
    cells.extend(containers(row.at("/spec/jobTemplate/spec/template/spec")));
    cells.push(selector(row.at("/spec/jobTemplate/spec/selector")).into());
    cells
}
