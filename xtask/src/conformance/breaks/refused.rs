//! What may be wrong with how a server refuses.

use serde_json::{Value, json};

use super::walk::{set, take};
use super::{Break, Said, answers as row};

/// All of them.
pub const ALL: &[Break] = &[
    row(
        "missing-is-empty",
        "what is not there is found, and empty",
        |_, said| {
            instead(said, 404, 200);
        },
    ),
    row(
        "missing-is-forbidden",
        "what is not there is forbidden",
        |_, said| {
            instead(said, 404, 403);
        },
    ),
    row("conflicts-pass", "a conflict is a success", |_, said| {
        instead(said, 409, 200);
    }),
    row(
        "conflicts-are-invalid",
        "a conflict is said to be invalid",
        |_, said| {
            instead(said, 409, 422);
        },
    ),
    row(
        "invalid-creations-pass",
        "what is invalid is created",
        |asked, said| {
            if asked.method == "POST" {
                instead(said, 422, 201);
            }
        },
    ),
    row(
        "invalid-changes-pass",
        "a change to something invalid succeeds",
        |asked, said| {
            if asked.method == "PUT" || asked.method == "PATCH" && !asked.is_patch() {
                instead(said, 422, 200);
            }
        },
    ),
    row(
        "failed-patches-pass",
        "a JSON patch that fails succeeds",
        |asked, said| {
            if asked.is_patch() {
                instead(said, 422, 200);
            }
        },
    ),
    row(
        "invalid-parameters-pass",
        "what a read asks for is never invalid",
        |asked, said| {
            if asked.method == "GET" || asked.method == "DELETE" {
                instead(said, 422, 200);
            }
        },
    ),
    row(
        "bad-requests-are-invalid",
        "a request that makes no sense is invalid",
        |_, said| {
            instead(said, 400, 422);
        },
    ),
    row(
        "forbidden-passes",
        "what is forbidden succeeds",
        |_, said| instead(said, 403, 200),
    ),
    row(
        "forbidden-is-unknown",
        "who may not is not known",
        |_, said| instead(said, 403, 401),
    ),
    row(
        "wrong-methods-are-missing",
        "a method that is not served is not found",
        |_, said| {
            instead(said, 405, 404);
        },
    ),
    row(
        "wrong-forms-pass",
        "a form that is not to be had is answered",
        |_, said| {
            instead(said, 406, 200);
        },
    ),
    row(
        "too-old-passes",
        "a list that is too old is answered",
        |_, said| {
            instead(said, 410, 200);
        },
    ),
    row(
        "wrong-media-are-bad",
        "a media type that nobody knows is a bad request",
        |_, said| {
            instead(said, 415, 400);
        },
    ),
    row(
        "errors-are-bad-requests",
        "an error of the server is a bad request",
        |_, said| {
            instead(said, 500, 400);
        },
    ),
    row(
        "late-is-an-error",
        "what is not there in time is an error",
        |_, said| {
            instead(said, 504, 500);
        },
    ),
    row(
        "reasons-dropped",
        "a conflict or an end does not say its reason",
        |_, said| {
            if [409, 410, 504].contains(&said.status) {
                take(&mut said.body, "/reason");
            }
        },
    ),
    row(
        "new-tokens-dropped",
        "a page that is too old gives no new token",
        |_, said| {
            if said.status == 410 {
                take(&mut said.body, "/metadata/continue");
            }
        },
    ),
    row(
        "forbidden-unexplained",
        "who may not is not told what",
        |_, said| {
            if said.status == 403 {
                set(&mut said.body, "/message", "Forbidden");
            }
        },
    ),
    row(
        "conflicts-unexplained",
        "a conflict does not say with whom",
        |_, said| {
            if said.status == 409 {
                set(&mut said.body, "/message", "Conflict");
            }
        },
    ),
    row(
        "bad-requests-unexplained",
        "a bad request is not told why",
        |_, said| {
            if said.status == 400 {
                set(&mut said.body, "/message", "Bad Request");
            }
        },
    ),
    row(
        "missing-unexplained",
        "what is not found is not named",
        |_, said| {
            if said.status == 404 {
                take(&mut said.body, "/details");
            }
        },
    ),
    row(
        "causes-dropped",
        "what is invalid is not said field by field",
        |_, said| {
            take(&mut said.body, "/details/causes");
        },
    ),
    row(
        "one-cause-only",
        "only the first thing that is wrong is said",
        |_, said| {
            let causes = said.body.pointer_mut("/details/causes");
            if let Some(causes) = causes.and_then(Value::as_array_mut) {
                causes.truncate(1);
            }
        },
    ),
    row("warnings-dropped", "nobody is warned", |_, said| {
        said.headers.remove("warning");
    }),
    row(
        "waits-dropped",
        "nobody is told when to come again",
        |_, said| {
            said.headers.remove("retry-after");
        },
    ),
];

/// One code where another belongs; a success without what was wrong.
fn instead(said: &mut Said, right: u16, wrong: u16) {
    if said.status != right {
        return;
    }
    said.status = wrong;
    if wrong < 300 {
        said.body = json!({});
    }
}
