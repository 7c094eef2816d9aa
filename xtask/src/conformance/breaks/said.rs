//! What may be wrong with lists, tables, reviews, and all else that a server says.

use serde_json::{Value, json};

use super::walk::{metadata, set, take};
use super::{Break, answers as row};

/// All of them.
pub const ALL: &[Break] = &[
    row("texts-are-json", "a text is said to be JSON", |_, said| {
        if said.body.is_string() {
            let json = http::HeaderValue::from_static("application/json");
            said.headers.insert("content-type", json);
        }
    }),
    row(
        "statuses-are-tables",
        "what is well is said as an object",
        |_, said| {
            if said.body == "ok" {
                said.body = json!({ "status": "ok" });
            }
        },
    ),
    row(
        "all-pages-counted",
        "what is left is always counted",
        |_, said| {
            if said.body.pointer("/metadata/continue").is_some() {
                said.body["metadata"]["remainingItemCount"] = 1.into();
            }
        },
    ),
    row(
        "pages-uncounted",
        "what is left is never counted",
        |_, said| {
            take(&mut said.body, "/metadata/remainingItemCount");
        },
    ),
    row(
        "tokens-dropped",
        "a page does not say where the next begins",
        |_, said| {
            take(&mut said.body, "/metadata/continue");
        },
    ),
    row(
        "lists-backwards",
        "lists are in another order",
        |_, said| {
            if let Some(items) = said.body.get_mut("items").and_then(Value::as_array_mut) {
                items.reverse();
            }
        },
    ),
    row(
        "items-say-their-kind",
        "every item of a list says what it is",
        |_, said| {
            for item in said
                .body
                .get_mut("items")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                item["kind"] = "ConfigMap".into();
                item["apiVersion"] = "v1".into();
            }
        },
    ),
    row(
        "empty-lists-are-null",
        "an empty list has no items",
        |_, said| {
            if said.body["items"].as_array().is_some_and(Vec::is_empty) {
                said.body["items"] = Value::Null;
            }
        },
    ),
    row(
        "columns-missing",
        "a table has its first column only",
        |_, said| {
            let columns = said.body.get_mut("columnDefinitions");
            if let Some(columns) = columns.and_then(Value::as_array_mut) {
                columns.truncate(1);
            }
        },
    ),
    row(
        "cells-missing",
        "a row has its first cell only",
        |_, said| {
            for row in said
                .body
                .get_mut("rows")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(cells) = row["cells"].as_array_mut() {
                    cells.truncate(1);
                }
            }
        },
    ),
    row(
        "reviews-say-yes",
        "everybody is told that they may",
        |_, said| {
            if said.body.pointer("/spec/resourceAttributes").is_some() {
                said.body["status"] = json!({ "allowed": true });
            }
        },
    ),
    row(
        "reviews-say-no",
        "everybody is told that they may not",
        |_, said| {
            if said.body["kind"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("AccessReview"))
            {
                set(&mut said.body, "/status/allowed", false);
            }
        },
    ),
    row(
        "parts-of-roles-unsaid",
        "a role does not say of which others it is made",
        |_, said| {
            take(&mut said.body, "/aggregationRule");
        },
    ),
    row(
        "bindings-of-nobody",
        "a list of bindings does not say whom they are for",
        |_, said| {
            let items = said.body.get_mut("items").and_then(Value::as_array_mut);
            for binding in items.into_iter().flatten() {
                take(binding, "/subjects");
            }
        },
    ),
    row(
        "rules-unlisted",
        "nobody is told what they may do",
        |_, said| {
            set(&mut said.body, "/status/resourceRules", json!([]));
        },
    ),
    row(
        "people-have-no-groups",
        "who one is does not say in which groups",
        |_, said| {
            take(&mut said.body, "/status/userInfo/groups");
        },
    ),
    row(
        "removals-say-nothing",
        "a removal does not say of what",
        |asked, said| {
            if asked.method == "DELETE" {
                take(&mut said.body, "/details");
            }
        },
    ),
    row(
        "removals-unmarked",
        "what is being removed does not say so",
        |_, said| {
            metadata(&mut said.body, |own| drop(take(own, "/deletionTimestamp")));
        },
    ),
    row(
        "namespaces-unlabelled",
        "a namespace has not its name as a label",
        |_, said| {
            if said.body["kind"] == "Namespace" {
                take(&mut said.body, "/metadata/labels");
            }
        },
    ),
    row(
        "kinds-unlisted",
        "a group does not say what it serves",
        |_, said| {
            if said.body["kind"] == "APIResourceList" {
                set(&mut said.body, "/resources", json!([]));
            }
        },
    ),
    row(
        "versions-unlisted",
        "a group does not say which version is preferred",
        |_, said| {
            if said.body["kind"] == "APIGroup" {
                take(&mut said.body, "/preferredVersion");
            }
        },
    ),
    row(
        "times-without-fractions",
        "a lease's times lose their fractions",
        |_, said| {
            for place in ["/spec/renewTime", "/spec/acquireTime"] {
                if said.body["kind"] == "Lease" {
                    take(&mut said.body, place);
                }
            }
        },
    ),
    row(
        "events-apart",
        "events of the newer group are not those of the older one",
        |_, said| {
            if said.body["kind"] == "EventList" && said.body["apiVersion"] == "v1" {
                said.body["items"] = json!([]);
            }
        },
    ),
    row("statuses-dropped", "an object has no status", |_, said| {
        if said.body["kind"] != "Status" {
            take(&mut said.body, "/status");
        }
    }),
];
