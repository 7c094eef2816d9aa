//! What a connection in trouble hears: answers of a server that refuses, and watches that are broken.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use pingzhan::api::names;
use pingzhan::sandtable::service::Answered;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::weather::{AWAY, Fault};

/// An answer of a server in trouble.
pub fn refused(code: u16) -> Response<Answered> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": "the server is in trouble" });
    let body = http_body_util::Full::new(bytes::Bytes::from(status.to_string()));
    let mut response = Response::new(Answered::new(body));
    *response.status_mut() = http::StatusCode::from_u16(code).expect("a code");
    if code == 429 {
        response.headers_mut().insert("retry-after", AWAY.into());
    }
    response
}

/// What an API server says to a record where a quota of that many objects is used up.
pub async fn over_quota(request: Request<Body>) -> Response<Answered> {
    let body = request
        .into_body()
        .collect_bytes()
        .await
        .unwrap_or_default();
    let record: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name = record["metadata"]["name"].as_str().unwrap_or_default();
    let (kind, what) = (
        "changerecords",
        format!("count/changerecords.{}", names::GROUP),
    );
    let message = format!(
        "{kind}.{group} \"{name}\" is forbidden: exceeded quota: journals, requested: {what}=1, \
         used: {what}=40, limited: {what}=40",
        group = names::GROUP
    );
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
        "reason": "Forbidden", "message": message,
        "details": { "name": name, "group": names::GROUP, "kind": kind } });
    let body = http_body_util::Full::new(bytes::Bytes::from(status.to_string()));
    let mut response = Response::new(Answered::new(body));
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    response
}

/// What a watch tells, as its fault has it.
pub fn told(
    answer: Response<Answered>,
    fault: Option<Fault>,
    cleared: Arc<Notify>,
) -> Response<Answered> {
    let Some(fault) = fault.filter(|_| answer.status().is_success()) else {
        return answer;
    };
    let (head, body) = answer.into_parts();
    let lines = body.into_data_stream().map(|chunk| {
        let Ok(chunk) = chunk;
        chunk
    });
    let began = Instant::now();
    let lines = match fault {
        Fault::Cut(ms) => {
            let end = began + Duration::from_millis(ms);
            lines.take_until(sleep_until(end)).boxed()
        }
        Fault::Expired => {
            let gone = json!({ "type": "ERROR", "object": { "kind": "Status", "apiVersion": "v1",
                "status": "Failure", "reason": "Expired", "code": 410,
                "message": "too old resource version" } });
            let line = bytes::Bytes::from(format!("{gone}\n"));
            futures::stream::once(std::future::ready(line)).boxed()
        }
        Fault::Twice => lines
            .flat_map(|line| futures::stream::iter([line.clone(), line]))
            .boxed(),
        Fault::Stale(ms) => {
            let late = Duration::from_millis(ms);
            let lines = lines.map(move |line| (Instant::now() + late, line));
            // What is told meanwhile waits in line, as it does behind a slow cache.
            let lines = Box::pin(lines);
            futures::stream::unfold(lines, |mut lines| async move {
                let (at, line) = lines.next().await?;
                sleep_until(at).await;
                Some((line, lines))
            })
            .boxed()
        }
        Fault::HalfOpen => {
            let open = futures::stream::once(std::future::ready(bytes::Bytes::new()));
            open.chain(futures::stream::pending()).boxed()
        }
        Fault::Refused(_)
        | Fault::Lost(_)
        | Fault::Conflict
        | Fault::Silent(_)
        | Fault::Late(_)
        | Fault::Astray(_)
        | Fault::Death(_)
        | Fault::Posthumous(_) => lines.boxed(),
    };
    let lines = lines.take_until(cleared.notified_owned());
    let frames = lines.map(|line| Ok::<_, Infallible>(http_body::Frame::data(line)));
    Response::from_parts(head, Answered::new(StreamBody::new(frames)))
}
