//! What may be wrong with who owns what, and with what counts versions and generations.

use serde_json::Value;

use super::walk::{metadata, set, take};
use super::{Break, Said, answers as row};

/// All of them.
pub const ALL: &[Break] = &[
    row("owners-dropped", "who owns what is not said", |_, said| {
        metadata(&mut said.body, |own| drop(take(own, "/managedFields")));
    }),
    row(
        "applies-own-as-updates",
        "who applied is said to have updated",
        |_, said| {
            owners(said, |entry| set(entry, "/operation", "Update"));
        },
    ),
    row(
        "owners-without-subresource",
        "through which subresource one owns is not said",
        |_, said| {
            owners(said, |entry| drop(take(entry, "/subresource")));
        },
    ),
    row(
        "owners-as-sent",
        "managedFields are what the writer says",
        |asked, said| {
            let sent = asked.json();
            let operations = sent.as_array().into_iter().flatten();
            let edits = operations.filter(|one| one["path"] == "/metadata/managedFields");
            let edited = edits.map(|one| &one["value"]).next_back();
            let sent = edited.or_else(|| sent.pointer("/metadata/managedFields"));
            if let Some(sent) = sent.filter(|_| said.status == 200) {
                said.body["metadata"]["managedFields"] = sent.clone();
            }
        },
    ),
    row(
        "updates-own-everything",
        "who updates owns all that the first owner has",
        |asked, said| {
            let entries = said.body.pointer_mut("/metadata/managedFields");
            let entries = entries
                .and_then(Value::as_array_mut)
                .filter(|_| asked.method == "PATCH");
            if let Some([first, .., last]) = entries.map(Vec::as_mut_slice)
                && last["operation"] == "Update"
            {
                last["fieldsV1"] = first["fieldsV1"].clone();
            }
        },
    ),
    row(
        "generated-names-are-short",
        "a generated name ends with one letter",
        |_, said| {
            metadata(&mut said.body, |own| {
                if let Some(begin) = own["generateName"].as_str() {
                    own["name"] = format!("{begin}x").into();
                }
            });
        },
    ),
    row(
        "annotations-do-not-count",
        "a change of annotations alone counts no generation up",
        |asked, said| {
            let sent = asked.json();
            let is_alone =
                sent.pointer("/metadata/annotations").is_some() && sent.get("spec").is_none();
            let generation = said.body["metadata"]["generation"].as_i64();
            if let Some(generation) = generation.filter(|_| is_alone && asked.method == "PATCH") {
                said.body["metadata"]["generation"] = (generation - 1).into();
            }
        },
    ),
    row(
        "labels-count",
        "a change of metadata alone counts the generation up",
        |asked, said| {
            let sent = asked.json();
            let is_metadata = sent.get("metadata").is_some() && sent.get("spec").is_none();
            if asked.method == "PATCH" && is_metadata && !asked.path.ends_with("/scale") {
                counted(said);
            }
        },
    ),
    row(
        "statuses-count",
        "a write of the status counts the generation up",
        |asked, said| {
            if asked.path.ends_with("/status") && asked.method != "GET" {
                counted(said);
            }
        },
    ),
    row(
        "writes-without-effect-count",
        "a write without effect counts the generation up",
        |asked, said| {
            let sent = asked.json();
            if asked.method == "PATCH" && sent["spec"]["replicas"] == said.body["spec"]["replicas"]
            {
                counted(said);
            }
        },
    ),
    row(
        "generations-stand",
        "the generation counts nothing",
        |_, said| {
            metadata(&mut said.body, |own| set(own, "/generation", 1));
        },
    ),
    row(
        "removals-do-not-count",
        "being removed does not count the generation up",
        |_, said| {
            metadata(&mut said.body, |own| {
                if own.get("deletionTimestamp").is_some() {
                    set(own, "/generation", 1);
                }
            });
        },
    ),
    row(
        "versions-always-new",
        "a write without effect makes a version",
        |asked, said| {
            if asked.method == "PUT" || asked.method == "PATCH" {
                metadata(&mut said.body, |own| {
                    let version = own["resourceVersion"].as_str().unwrap_or_default();
                    let next = format!("9{version}");
                    set(own, "/resourceVersion", next);
                });
            }
        },
    ),
    row(
        "versions-always-old",
        "a write makes no version",
        |asked, said| {
            if asked.method == "PUT" || asked.method == "PATCH" {
                metadata(&mut said.body, |own| set(own, "/resourceVersion", "1"));
            }
        },
    ),
];

/// Shows the entries of all managedFields.
fn owners(said: &mut Said, change: impl Fn(&mut Value)) {
    metadata(&mut said.body, |own| {
        let entries = own.get_mut("managedFields").and_then(Value::as_array_mut);
        entries.into_iter().flatten().for_each(&change);
    });
}

/// The generation is one more than it should be.
fn counted(said: &mut Said) {
    let generation = said.body["metadata"]["generation"].as_i64();
    if let Some(generation) = generation {
        said.body["metadata"]["generation"] = (generation + 1).into();
    }
}
