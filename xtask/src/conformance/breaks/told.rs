//! What may be wrong with the events of a watch.

use super::walk::{metadata, set, take};
use super::{Break, events as row};

/// All of them.
pub const ALL: &[Break] = &[
    row(
        "changes-are-additions",
        "a change is told as something new",
        |event| {
            if event["type"] == "MODIFIED" {
                set(event, "/type", "ADDED");
            }
            true
        },
    ),
    row("removals-untold", "a removal is not told", |event| {
        event["type"] != "DELETED"
    }),
    row(
        "removals-are-changes",
        "a removal is told as a change",
        |event| {
            if event["type"] == "DELETED" {
                set(event, "/type", "MODIFIED");
            }
            true
        },
    ),
    row(
        "removals-have-no-version",
        "what is removed keeps the version that it had",
        |event| {
            if event["type"] == "DELETED" {
                set(event, "/object/metadata/resourceVersion", "");
            }
            true
        },
    ),
    row("additions-untold", "something new is not told", |event| {
        event["type"] != "ADDED"
    }),
    row("bookmarks-untold", "there are no bookmarks", |event| {
        event["type"] != "BOOKMARK"
    }),
    row(
        "the-end-of-the-beginning-unmarked",
        "the bookmark does not say that the list has ended",
        |event| {
            if event["type"] == "BOOKMARK" {
                take(event, "/object/metadata/annotations");
            }
            true
        },
    ),
    row(
        "too-old-untold",
        "a watch that is too old is open and silent",
        |event| event["type"] != "ERROR",
    ),
    row(
        "too-old-is-an-error-of-the-server",
        "a watch that is too old ends with 500",
        |event| {
            if event["type"] == "ERROR" {
                set(event, "/object/code", 500);
                set(event, "/object/reason", "InternalError");
            }
            true
        },
    ),
    row(
        "events-without-owners",
        "events do not say who owns what",
        |event| {
            metadata(&mut event["object"], |own| {
                take(own, "/managedFields");
            });
            true
        },
    ),
];
