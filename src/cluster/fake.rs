//! A stand-in for the API server in unit tests: a function from request to answer, and the record
//! of what was asked.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tower::{BoxError, service_fn};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body, where it is JSON.
    pub body: Value,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    }
}

/// What the server answers: the status, headers and body. `None` breaks the connection.
pub type Reply = Option<Response<Vec<u8>>>;

type Handler = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The stand-in.
#[derive(Clone)]
pub struct Fake {
    handler: Option<Handler>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// An answer with a JSON body.
#[allow(
    clippy::needless_pass_by_value,
    reason = "tests write the body in place"
)]
pub fn reply(status: u16, body: Value) -> Reply {
    respond(status, &[], &body.to_string())
}

/// An answer with headers and any body.
#[allow(
    clippy::unnecessary_wraps,
    reason = "a handler may also break the connection"
)]
pub fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Some(response.body(body.as_bytes().to_vec()).expect("a response"))
}

impl Fake {
    /// A server that answers by a function.
    pub fn new(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            handler: Some(Arc::new(handler)),
            asked: Arc::default(),
        }
    }

    /// A server that never answers.
    pub fn silent() -> Self {
        Self {
            handler: None,
            asked: Arc::default(),
        }
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(request).await }
        });
        Client::new(service, "default")
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Methods and addresses of what was asked so far.
    pub fn addresses(&self) -> Vec<String> {
        let requests = self.requests();
        requests
            .iter()
            .map(|asked| format!("{} {}", asked.method, asked.path))
            .collect()
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let asked = Asked {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        };
        self.asked.lock().expect("no panic").push(asked.clone());
        let Some(handler) = &self.handler else {
            return std::future::pending().await;
        };
        let response = handler(&asked).ok_or("connection reset by peer")?;
        Ok(response.map(Body::from))
    }
}
