//! The few requests on single objects: a guarded patch, a create, a look.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::Client;
use serde_json::Value;
use snafu::ResultExt;

use super::classify::{self, Answer};
use super::request::{
    self, BuildSnafu, Collection, DecodeSnafu, Error, JSON, Raw, SendSnafu, Status, query,
};
use crate::field::Target;

/// The media type of a JSON Patch.
const JSON_PATCH: &str = "application/json-patch+json";

/// How often a question is sent again to a server that is busy: of a server that turns every fifth request
/// away, a plan of a hundred questions has all of its answers.
const ASKED_AGAIN: u32 = 8;
/// The longest that is waited before: who asks for more is not there, and that is the answer.
const SOON: Duration = Duration::from_secs(5);

/// Whether a write takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does.
    Real,
    /// The server says what it would do, and does nothing.
    DryRun,
}

impl Effect {
    const fn parameter(self) -> &'static str {
        match self {
            Self::Real => "",
            Self::DryRun => "All",
        }
    }
}

/// Sends a JSON Patch of one object, and reads what is answered.
///
/// Assumptions: `client` is a [`super::Clients::writes`], which sends it once, with the server's
/// timeout, and ends it at its deadline; the patch is guarded (`field::patch`).
pub async fn patch<T>(
    client: &Client,
    target: &Target,
    patch: &json_patch::Patch,
    field_manager: &str,
    effect: Effect,
    read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
) -> Answer<T> {
    let parameters = query(&[
        ("fieldManager", field_manager),
        ("dryRun", effect.parameter()),
    ]);
    let object = Collection::of(target).object_path(&target.name);
    patched(client, &format!("{object}?{parameters}"), patch, read).await
}

/// Sends a JSON Patch of one object's status.
///
/// Assumptions: as with [`patch`].
pub async fn patch_status(
    client: &Client,
    target: &Target,
    patch: &json_patch::Patch,
    field_manager: &str,
    effect: Effect,
) -> Answer {
    let parameters = query(&[
        ("fieldManager", field_manager),
        ("dryRun", effect.parameter()),
    ]);
    let status = Collection::of(target).object_path(&target.name);
    let address = format!("{status}/status?{parameters}");
    patched(client, &address, patch, object).await
}

async fn patched<T>(
    client: &Client,
    address: &str,
    patch: &json_patch::Patch,
    read: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
) -> Answer<T> {
    let body = match serde_json::to_vec(patch) {
        Ok(body) => body,
        Err(error) => return unsendable(&error),
    };
    let answer = send(client, Method::PATCH, address, JSON_PATCH, body).await;
    answer.map_or_else(
        |error| unsendable(&error),
        |raw| classify::answer(raw, read),
    )
}

/// Creates an object from its bytes. [`Answer::Moved`] says that there is one of this name.
///
/// Assumptions: as with [`patch`].
pub async fn create(
    client: &Client,
    collection: &Collection,
    body: Vec<u8>,
    field_manager: &str,
    effect: Effect,
) -> Answer {
    let parameters = query(&[
        ("fieldManager", field_manager),
        ("dryRun", effect.parameter()),
    ]);
    let path = format!("{}?{parameters}", collection.path());
    let answer = send(client, Method::POST, &path, JSON, body).await;
    answer.map_or_else(
        |error| unsendable(&error),
        |raw| classify::answer(raw, object),
    )
}

/// Creates what takes no effect: a dry run, or a review. It is sent again some times where the server is busy,
/// each time not before the server asks for it: twice is no more than once.
///
/// Assumptions: as with [`patch`].
pub async fn ask(
    client: &Client,
    collection: &Collection,
    body: Vec<u8>,
    field_manager: &str,
    effect: Effect,
) -> Answer {
    for _ in 0..ASKED_AGAIN {
        match create(client, collection, body.clone(), field_manager, effect).await {
            Answer::Busy { after, .. } if after <= SOON => tokio::time::sleep(after).await,
            answer => return answer,
        }
    }
    create(client, collection, body, field_manager, effect).await
}

/// Removes the very object that was seen, in the state in which it was seen, and what hangs on it.
/// [`Answer::Moved`] says that it is another one, or has changed; [`Answer::Done`] gives the object where
/// something still keeps it, else what the server says of it.
///
/// Assumptions: as with [`patch`].
pub async fn delete(
    client: &Client,
    collection: &Collection,
    name: &str,
    uid: &str,
    resource_version: &str,
) -> Answer {
    let options = serde_json::json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
        "preconditions": { "uid": uid, "resourceVersion": resource_version },
    });
    let body = options.to_string().into_bytes();
    let path = collection.object_path(name);
    let answer = send(client, Method::DELETE, &path, JSON, body).await;
    answer.map_or_else(
        |error| unsendable(&error),
        |raw| classify::answer(raw, object),
    )
}

/// Reads one object; `None` when there is none of this name.
///
/// # Errors
/// Everything else, a kind that is not served included: it says nothing about the object.
pub async fn get(
    client: &Client,
    collection: &Collection,
    name: &str,
) -> Result<Option<Value>, Error> {
    let doing = format!("reading {name} of {}", collection.describe());
    let request =
        request::get(&collection.object_path(name), JSON).context(BuildSnafu { doing: &doing })?;
    let raw = request::send(client, request)
        .await
        .context(SendSnafu { doing: &doing })?;
    if raw.status.as_u16() == 404 && !Status::read(&raw.body).details.name.is_empty() {
        return Ok(None);
    }
    let body = raw.success(&doing)?;
    let object = serde_json::from_slice(&body).context(DecodeSnafu { doing })?;
    Ok(Some(object))
}

/// Sends a write, where it can be sent at all.
async fn send(
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> Result<Result<Raw, kube::Error>, http::Error> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(ACCEPT, JSON)
        .header(CONTENT_TYPE, kind)
        .body(body)?;
    Ok(request::send(client, request).await)
}

/// Reads a whole object.
///
/// # Errors
/// The text is not JSON.
pub fn object(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(body)
}

/// A write that could not even be sent certainly took no effect.
fn unsendable<T>(error: &dyn std::error::Error) -> Answer<T> {
    Answer::Refused {
        code: 0,
        reason: "Unsendable".to_owned(),
        message: request::cut(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Clients;
    use crate::cluster::fake::{Fake, reply};
    use crate::field::Identity;
    use serde_json::json;

    fn target() -> Target {
        Target::from(Identity {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: "portal".to_owned(),
            name: "web".to_owned(),
            uid: "u1".into(),
        })
    }

    /// The address, manager and form of a write are what the fence and the stamp rest on.
    #[tokio::test]
    async fn a_patch_is_a_json_patch_under_the_modes_manager() {
        let fake = Fake::new(|_| reply(200, json!({"kind": "Deployment"})));
        let clients = Clients::fake(&fake.client());
        let tests: json_patch::Patch =
            serde_json::from_value(json!([{"op": "test", "path": "/metadata/uid", "value": "u1"}]))
                .expect("a patch");
        for effect in [Effect::Real, Effect::DryRun] {
            let manager = "pingzhan/flood/0123";
            let answer = patch(&clients.writes, &target(), &tests, manager, effect, object).await;
            assert!(matches!(answer, Answer::Done(_)));
        }
        let path = "PATCH /apis/apps/v1/namespaces/portal/deployments/web?fieldManager=pingzhan%2Fflood%2F0123";
        assert_eq!(
            fake.addresses(),
            [
                format!("{path}&timeout=8s"),
                format!("{path}&dryRun=All&timeout=8s")
            ]
        );
        let asked = &fake.requests()[0];
        assert_eq!(asked.header("content-type").as_deref(), Some(JSON_PATCH));
        assert_eq!(asked.body[0]["op"], "test");
    }

    /// A plan that asks a hundred times whether something could be made would never come to be where the server
    /// turns some requests away; but it is not waited for a server that is not there.
    #[tokio::test(start_paused = true)]
    async fn a_question_is_asked_again_where_the_server_is_busy() {
        let times = std::sync::atomic::AtomicU32::new(0);
        let fake = Fake::new(move |_| {
            let busy = times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
            let body = json!({ "kind": "Status", "code": 429 });
            reply(if busy { 429 } else { 201 }, body)
        });
        let collection = Collection::of(&target());
        let body = b"{}".to_vec();
        let answer = ask(&fake.client(), &collection, body, "try", Effect::DryRun).await;
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
        assert_eq!(fake.requests().len(), 3);
        let away = Fake::new(|_| reply(429, json!({ "kind": "Status", "code": 429 })));
        let body = b"{}".to_vec();
        let answer = ask(&away.client(), &collection, body, "try", Effect::DryRun).await;
        assert!(matches!(answer, Answer::Busy { .. }), "{answer:?}");
    }

    /// An object that is taken for gone is given up for ever, so only its own 404 says so.
    #[tokio::test]
    async fn only_a_404_that_names_the_object_says_that_it_is_gone() {
        let named = json!({"kind": "Status", "reason": "NotFound", "details": {"name": "web"}});
        let fake = Fake::new(move |_| reply(404, named.clone()));
        let collection = Collection::of(&target());
        let found = get(&fake.client(), &collection, "web").await;
        assert_eq!(found.expect("an answer"), None);
        let fake = Fake::new(|_| reply(404, json!({"kind": "Status", "details": {}})));
        let found = get(&fake.client(), &collection, "web").await;
        assert_eq!(found.expect_err("no answer about it").code(), Some(404));
    }
}
