//! The one way in which the CLI writes an `EmergencyMode`: a JSON Patch guarded by the resource
//! version that was read, tried again on a conflict with a fresh read.

use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::api::{EmergencyMode, Phase, names};

use super::context::{call, mode};
use super::error::Error;

/// How often an edit is tried: several people may append at the same moment, and the operator
/// writes status; more conflicts than these are no coincidence.
const TRIES: usize = 8;

/// Edits a mode.
///
/// `change` gives the JSON Patch operations for the mode as it is now; it is asked again after a
/// conflict, so what it checks holds for what is written.
///
/// Guarantees: nothing is written over an edit that `change` has not seen; without operations
/// nothing is sent.
///
/// # Errors
/// What `change` says, what the request says, `Closed` where the mode is over, and `Contended` after
/// many conflicts.
pub async fn edit(
    client: &Client,
    name: &str,
    what: &str,
    change: impl Fn(&EmergencyMode) -> Result<Vec<Value>, Error>,
) -> Result<EmergencyMode, Error> {
    edit_record(client, name, what, |now| {
        let operations = change(now)?;
        let closed = now.status.as_ref().and_then(|status| status.phase) == Some(Phase::Closed);
        if closed && !operations.is_empty() {
            // The operator has let go of it: whatever is written there is never read.
            return Err(Error::Closed {
                name: name.to_owned(),
            });
        }
        Ok(operations)
    })
    .await
}

/// The same, also where the mode is over: what people find afterwards belongs to its record.
///
/// # Errors
/// As with [`edit`], but for `Closed`.
pub async fn edit_record(
    client: &Client,
    name: &str,
    what: &str,
    change: impl Fn(&EmergencyMode) -> Result<Vec<Value>, Error>,
) -> Result<EmergencyMode, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let params = PatchParams {
        field_manager: Some(names::CLI_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for _ in 0..TRIES {
        let now = mode(client, name).await?;
        let operations = change(&now)?;
        if operations.is_empty() {
            return Ok(now);
        }
        let patch = guarded(&now, operations)?;
        match call(
            what,
            api.patch(name, &params, &Patch::<EmergencyMode>::Json(patch)),
        )
        .await
        {
            Err(error) if is_conflict(&error) => {}
            other => return other,
        }
    }
    Err(Error::Contended {
        name: name.to_owned(),
    })
}

/// The operation that appends an item to a list of the spec, creating the list if need be.
pub fn append(list: &str, length: usize, item: &impl serde::Serialize) -> Value {
    if length == 0 {
        json!({ "op": "add", "path": format!("/spec/{list}"), "value": [item] })
    } else {
        json!({ "op": "add", "path": format!("/spec/{list}/-"), "value": item })
    }
}

/// The operation that sets a field of the spec.
pub fn set(field: &str, value: impl serde::Serialize) -> Value {
    json!({ "op": "add", "path": format!("/spec/{field}"), "value": value })
}

/// The operations, with the guard before them: a stale resource version is a clean conflict.
fn guarded(mode: &EmergencyMode, operations: Vec<Value>) -> Result<json_patch::Patch, Error> {
    let version = mode.metadata.resource_version.clone().unwrap_or_default();
    let mut all =
        vec![json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version })];
    all.extend(operations);
    serde_json::from_value(Value::Array(all)).map_err(|error| Error::Input {
        problem: error.to_string(),
    })
}

fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Request { source, .. }
        if matches!(&**source, kube::Error::Api(status) if status.is_conflict()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{Method, Request, Response, StatusCode};
    use http_body_util::BodyExt;
    use kube::client::Body;

    use super::*;
    use crate::cli::samples;

    type Seen = Arc<Mutex<Vec<Value>>>;

    /// A server that answers every read with the sample and refuses the first `conflicts` patches.
    fn server(conflicts: usize) -> (Client, Seen) {
        let seen: Seen = Arc::default();
        let patches = Arc::clone(&seen);
        let service = tower::service_fn(move |request: Request<Body>| {
            let patches = Arc::clone(&patches);
            async move {
                let patch = request.method() == Method::PATCH;
                let body = request.into_body().collect().await?.to_bytes();
                let mut code = StatusCode::OK;
                let mut answer = serde_json::to_value(samples::active())?;
                if patch {
                    let mut patches = patches.lock().unwrap();
                    patches.push(serde_json::from_slice(&body)?);
                    if patches.len() <= conflicts {
                        code = StatusCode::CONFLICT;
                        answer = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {},
                            "status": "Failure", "reason": "Conflict", "code": 409,
                            "message": "the object has been modified" });
                    }
                }
                let body = Body::from(serde_json::to_vec(&answer)?);
                Ok::<_, tower::BoxError>(Response::builder().status(code).body(body)?)
            }
        });
        (Client::new(service, "default"), seen)
    }

    /// An approval that meets another person's at the same moment must not get lost, nor
    /// overwrite it.
    #[tokio::test]
    async fn a_conflict_is_tried_again_with_a_fresh_read() {
        let (client, seen) = server(2);
        let mode = edit(&client, "flood-2026-07", "pause", |_| {
            Ok(vec![set("paused", true)])
        })
        .await;
        assert_eq!(
            mode.unwrap().metadata.name.as_deref(),
            Some("flood-2026-07")
        );
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 3);
        assert_eq!(
            seen[2],
            json!([
                { "op": "replace", "path": "/metadata/resourceVersion", "value": "4711" },
                { "op": "add", "path": "/spec/paused", "value": true },
            ])
        );
    }

    /// A mode that somebody rewrites all the time must not keep a person waiting for ever.
    #[tokio::test]
    async fn endless_conflicts_end() {
        let (client, seen) = server(usize::MAX);
        let error = edit(&client, "flood-2026-07", "pause", |_| {
            Ok(vec![set("paused", true)])
        })
        .await;
        assert!(matches!(error, Err(Error::Contended { .. })));
        assert_eq!(seen.lock().unwrap().len(), TRIES);
    }

    /// Two requests for the same state are one.
    #[tokio::test]
    async fn nothing_is_sent_where_nothing_is_to_be_done() {
        let (client, seen) = server(0);
        edit(&client, "flood-2026-07", "pause", |_| Ok(Vec::new()))
            .await
            .unwrap();
        assert!(seen.lock().unwrap().is_empty());
    }

    /// The API server refuses `-` on a list that is not there.
    #[test]
    fn the_first_item_creates_its_list() {
        assert_eq!(append("approvals", 0, &1)["path"], "/spec/approvals");
        assert_eq!(append("approvals", 0, &1)["value"], json!([1]));
        assert_eq!(append("approvals", 2, &1)["path"], "/spec/approvals/-");
    }
}
