//! Whoever was asked to stay away stays away: the same request is not sent again before its time, the
//! server's answer is given once more instead.
//!
//! The executor and the client for reads wait by themselves. Watches, which the library begins anew, the
//! lease, the status and everything else that tries again on its own clock would come too early.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::Instant;

/// The longest that a server is believed: one that asks for more is asked again then.
const LONGEST: Duration = Duration::from_mins(1);

/// Which requests are to wait, and until when.
#[derive(Clone, Debug, Default)]
pub(super) struct Away(Arc<Mutex<BTreeMap<(Method, String), Instant>>>);

/// What a request asks for, whatever its parameters are.
pub(super) fn key(request: &Request<Body>) -> (Method, String) {
    (request.method().clone(), request.uri().path().to_owned())
}

impl Away {
    /// The answer to a request that is not to be sent yet.
    pub(super) fn answer(&self, request: &(Method, String)) -> Option<Response<Body>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *all.get(request)?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            all.remove(request);
            return None;
        }
        Some(stay_away(left))
    }

    /// Keeps what a server asks for with its answer.
    pub(super) fn heed<B>(&self, request: (Method, String), answer: &Response<B>) {
        let busy = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        let Some(asked) = super::again::asked(answer).filter(|_| busy.contains(&answer.status()))
        else {
            return;
        };
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is over is forgotten, so that there are never more than the busy ones of a minute.
        all.retain(|_, until| *until > now);
        all.insert(request, now + asked.min(LONGEST));
    }
}

/// 429, as the server said it, with the time that is left.
fn stay_away(left: Duration) -> Response<Body> {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "TooManyRequests",
        "code": 429, "details": { "retryAfterSeconds": seconds },
        "message": "the API server asked to be left alone a moment ago",
    });
    let mut answer = Response::new(Body::from(status.to_string().into_bytes()));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, seconds.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
