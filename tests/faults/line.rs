//! The operator's connection to the sand table: it answers in place of what the sand table does not have,
//! webhooks and quotas.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use pingzhan::sandtable::service::{Answered, Service};
use serde_json::json;

use super::site::locked;

/// What a namespace's requests meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A webhook that admits what is changed, created and deleted does not answer.
    Webhook,
    /// A quota of what is created is used up.
    Quota,
}

/// A connection.
#[derive(Clone)]
pub struct Line {
    pub service: Service,
    pub trouble: Arc<Mutex<BTreeMap<String, Trouble>>>,
}

impl Line {
    fn meets(&self, method: &Method, path: &str) -> Option<Trouble> {
        let trouble = locked(&self.trouble);
        let of = |space: &str| path.contains(&format!("/namespaces/{space}/"));
        let (_, trouble) = trouble.iter().find(|(space, _)| of(space))?;
        let made = [
            "/configmaps",
            "/networkpolicies",
            "/rolebindings",
            "/changefreezes",
        ];
        let is_new = path.ends_with("/jobs") || made.iter().any(|kind| path.ends_with(*kind));
        let creates = *method == Method::POST && is_new;
        let changes = *method == Method::PATCH && path.ends_with("-bad");
        let deletes = *method == Method::DELETE && made.iter().any(|kind| path.contains(*kind));
        match trouble {
            Trouble::Webhook if creates || changes || deletes => Some(*trouble),
            Trouble::Quota if creates => Some(*trouble),
            Trouble::Webhook | Trouble::Quota => None,
        }
    }
}

/// What an API server says then, in its own words.
fn answer(trouble: Trouble) -> Response<Answered> {
    let (code, reason, message) = match trouble {
        Trouble::Webhook => (
            500,
            "InternalError",
            "Internal error occurred: failed calling webhook \"deny.example.com\": failed to call \
             webhook: Post \"https://127.0.0.1:9/?timeout=1s\": dial tcp 127.0.0.1:9: connect: \
             connection refused",
        ),
        Trouble::Quota => (
            403,
            "Forbidden",
            "jobs.batch \"job\" is forbidden: exceeded quota: full, requested: count/jobs.batch=1, \
             used: count/jobs.batch=0, limited: count/jobs.batch=0",
        ),
    };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": message, "details": {} });
    let body = http_body_util::Full::new(bytes::Bytes::from(status.to_string()));
    let mut response = Response::new(Answered::new(body));
    *response.status_mut() = StatusCode::from_u16(code).expect("a code");
    response
}

impl tower::Service<Request<Body>> for Line {
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = self.clone();
        Box::pin(async move {
            match line.meets(request.method(), request.uri().path()) {
                Some(trouble) => Ok(answer(trouble)),
                None => Ok(line.service.answer(request).await),
            }
        })
    }
}
