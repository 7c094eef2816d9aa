//! What of the parameters of a request may not be heard.

use super::{Break, requests as row};

/// Bytes of a manager's name that the real server takes.
const MANAGER: usize = 128;

/// All of them.
pub const ALL: &[Break] = &[
    row("dry-runs-count", "a dry run is kept", |asked| {
        if asked.parameter("dryRun") == "All" {
            asked.forget("dryRun");
        }
    }),
    row(
        "words-of-parameters-unchecked",
        "a parameter may say what it cannot",
        |asked| {
            for (name, known) in [
                ("dryRun", "All"),
                ("propagationPolicy", "Foreground Background Orphan"),
                ("resourceVersionMatch", "Exact NotOlderThan"),
                ("fieldValidation", "Strict Warn Ignore"),
            ] {
                if !known.split(' ').any(|word| word == asked.parameter(name)) {
                    asked.forget(name);
                }
            }
        },
    ),
    row(
        "matches-need-no-version",
        "how a version is matched may be said without a version",
        |asked| {
            if asked.parameter("resourceVersion").is_empty() && !asked.is_watch() {
                asked.forget("resourceVersionMatch");
            }
        },
    ),
    row(
        "long-managers-cut",
        "a manager's name of any length is cut",
        |asked| {
            if asked.parameter("fieldManager").len() > MANAGER {
                asked.set("fieldManager", "somebody");
            }
        },
    ),
    row("strict-is-a-warning", "Strict refuses nothing", |asked| {
        if asked.parameter("fieldValidation") == "Strict" {
            asked.set("fieldValidation", "Warn");
        }
    }),
    row("ignore-is-a-warning", "Ignore warns", |asked| {
        if asked.parameter("fieldValidation") == "Ignore" {
            asked.forget("fieldValidation");
        }
    }),
    row(
        "applies-are-forced",
        "an apply meets no conflict",
        |asked| {
            if asked.is_apply() {
                asked.set("force", "true");
            }
        },
    ),
    row("force-unheard", "no apply is forced", |asked| {
        asked.forget("force");
    }),
    row(
        "applies-need-no-manager",
        "an apply without a manager is somebody's",
        |asked| {
            if asked.is_apply() && asked.parameter("fieldManager").is_empty() {
                asked.set("fieldManager", "somebody");
            }
        },
    ),
    row("managers-unheard", "everybody is one manager", |asked| {
        if !asked.parameter("fieldManager").is_empty() {
            asked.set("fieldManager", "everybody");
        }
    }),
    row("limits-unheard", "every list is whole", |asked| {
        asked.forget("limit");
    }),
    row("tokens-unheard", "every page is the first", |asked| {
        asked.forget("continue");
    }),
    row("labels-unheard", "labels select nothing", |asked| {
        asked.forget("labelSelector");
    }),
    row("fields-unheard", "fields select nothing", |asked| {
        asked.forget("fieldSelector");
    }),
    row(
        "versions-of-lists-unheard",
        "every list is of now",
        |asked| {
            if !asked.is_watch() {
                asked.forget("resourceVersion");
                asked.forget("resourceVersionMatch");
            }
        },
    ),
    row(
        "versions-of-watches-unheard",
        "every watch begins with what is there",
        |asked| {
            if asked.is_watch() {
                asked.forget("resourceVersion");
            }
        },
    ),
    row(
        "initial-events-unheard",
        "a watch has no list at its beginning",
        |asked| {
            if !asked.parameter("sendInitialEvents").is_empty() {
                asked.forget("sendInitialEvents");
                asked.forget("resourceVersionMatch");
            }
        },
    ),
    row(
        "watches-are-lists",
        "a watch is answered as a list",
        |asked| asked.forget("watch"),
    ),
    row(
        "objects-beside-cells-unheard",
        "what is wanted beside the cells of a table is not heard",
        |asked| asked.forget("includeObject"),
    ),
];
