//! What may be wrong with what a server makes of an object.

use serde_json::{Value, json};

use super::walk::{all, as_sent, lists_as_sent, only, rounded, take};
use super::{Break, answers as row};

/// All of them.
pub const ALL: &[Break] = &[
    row(
        "defaults-missing",
        "what is created has what was sent and nothing else",
        |asked, said| {
            if asked.method == "POST" {
                let sent = asked.json();
                if let Some(spec) = said
                    .body
                    .get_mut("spec")
                    .filter(|_| sent.get("spec").is_some())
                {
                    only(spec, &sent["spec"]);
                }
            }
        },
    ),
    row(
        "defaults-stay-away",
        "what a patch takes away stays away",
        |asked, said| {
            for one in asked.json().as_array().into_iter().flatten() {
                let is_away =
                    one["op"] == "remove" || one["value"].is_null() && one["op"] != "test";
                if is_away && said.status == 200 {
                    take(&mut said.body, one["path"].as_str().unwrap_or_default());
                }
            }
            if asked.json()["spec"]["replicas"].is_null()
                && asked.method == "PATCH"
                && !asked.is_patch()
                && asked.json()["spec"].get("replicas").is_some()
            {
                take(&mut said.body, "/spec/replicas");
            }
        },
    ),
    row(
        "surplus-kept",
        "what no schema knows is kept",
        |asked, said| {
            if asked.method == "POST" && said.status == 201 {
                let mut sent = asked.json();
                take(&mut sent, "/metadata");
                all(&mut said.body, &sent);
            }
        },
    ),
    row(
        "values-as-sent",
        "values are kept as they were written",
        |asked, said| {
            if asked.method == "POST" && said.status == 201 {
                let sent = asked.json();
                if let Some(spec) = said.body.get_mut("spec") {
                    as_sent(spec, &sent["spec"]);
                }
            }
        },
    ),
    row("numbers-rounded", "big numbers are rounded", |_, said| {
        rounded(&mut said.body);
    }),
    row(
        "percentages-are-numbers",
        "a percentage is kept as a number",
        |_, said| {
            let least = said.body.pointer_mut("/spec/minAvailable");
            if let Some(least) = least.filter(|least| *least == "50%") {
                *least = 50.into();
            }
        },
    ),
    row(
        "nulls-kept",
        "a null is kept where the schema has no room for it",
        |asked, said| {
            let sent = asked.json();
            if let Some(spec) = said.body.get_mut("spec") {
                for (name, value) in sent["spec"].as_object().into_iter().flatten() {
                    if value.is_null() {
                        spec[name.as_str()] = Value::Null;
                    }
                }
            }
        },
    ),
    row(
        "applied-lists-replace",
        "an apply replaces lists",
        |asked, said| {
            if asked.is_apply() && said.status < 300 {
                let sent = asked.json();
                if let Some(spec) = said.body.get_mut("spec") {
                    lists_as_sent(spec, &sent["spec"]);
                }
            }
        },
    ),
    row(
        "applies-keep-all",
        "what an apply no longer names stays",
        |asked, said| {
            if asked.is_apply() && said.status == 200 {
                said.body["data"] = json!({ "k": "a", "l": "b" });
            }
        },
    ),
    row(
        "merges-keep-lists",
        "a merge patch adds to lists",
        |asked, said| {
            if asked.media() == "application/merge-patch+json" {
                let list = said.body.pointer_mut("/spec/template/spec/containers");
                if let Some(list) = list.and_then(Value::as_array_mut) {
                    let first = list.first().cloned();
                    list.extend(first);
                }
            }
        },
    ),
    row(
        "strategic-order-lost",
        "a strategic merge patch puts new items last",
        |asked, said| {
            if asked.media() == "application/strategic-merge-patch+json" {
                let list = said.body.pointer_mut("/spec/template/spec/containers");
                if let Some(list) = list.and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
        },
    ),
];
