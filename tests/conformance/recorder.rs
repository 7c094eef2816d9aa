//! A proxy between a client and the API server that keeps what kind of requests pass.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::shape::{Request, shapes};
use crate::support;

/// The proxies of one run, and what passed them.
pub struct Recorder {
    folder: tempfile::TempDir,
    serving: Vec<JoinHandle<()>>,
    shapes: Shapes,
}

/// Kinds of requests, with who sent them.
type Shapes = Arc<Mutex<BTreeSet<(String, String)>>>;

impl Recorder {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            serving: Vec::new(),
            shapes: Shapes::default(),
        }
    }

    /// A kubeconfig of somebody whose requests are kept under the name of a client.
    pub async fn of(&mut self, client: &'static str, kubeconfig: &Path) -> PathBuf {
        let upstream = support::client(kubeconfig).await;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(any).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shapes = self.shapes.clone();
        self.serving
            .push(tokio::spawn(serve(listener, upstream, client, shapes)));
        let path = self
            .folder
            .path()
            .join(format!("{}.kubeconfig", address.port()));
        let config = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, \
             clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], \
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
             users: [{{name: u, user: {{}}}}]}}\n"
        );
        std::fs::write(&path, config).expect("a kubeconfig");
        path
    }

    /// What one client sent.
    pub fn sent_by(&self, client: &str) -> BTreeSet<String> {
        let shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        let own = shapes.iter().filter(|(by, _)| by == client);
        own.map(|(_, shape)| shape.clone()).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(listener: TcpListener, upstream: Client, by: &'static str, kept: Shapes) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (upstream, kept) = (upstream.clone(), kept.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let (upstream, kept) = (upstream.clone(), kept.clone());
                async move { Ok::<_, Infallible>(carry(upstream, by, &kept, request).await) }
            });
            // A client that hangs up is no error here.
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(connection.await);
        });
    }
}

async fn carry(
    upstream: Client,
    by: &str,
    kept: &Shapes,
    request: http::Request<Incoming>,
) -> http::Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => return bad_gateway(),
    };
    let header = |name: &str| {
        let value = parts.headers.get(name);
        let text = value.and_then(|value| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    let seen = Request {
        method: parts.method.to_string(),
        address: parts.uri.to_string(),
        content_type: header("content-type"),
        accept: header("accept"),
        body: read(&body),
    };
    let kinds = shapes(&seen)
        .into_iter()
        .map(|shape| (by.to_owned(), shape));
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(kinds);
    for name in [HOST, CONTENT_LENGTH, ACCEPT_ENCODING, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let request = http::Request::from_parts(parts, Body::from(body));
    let Ok(mut answer) = upstream.send(request).await else {
        return bad_gateway();
    };
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING] {
        answer.headers_mut().remove(name);
    }
    answer
}

/// A body as JSON, which most YAML that is applied is too; a text where it is neither.
fn read(body: &[u8]) -> serde_json::Value {
    if body.is_empty() {
        return serde_json::Value::Null;
    }
    serde_yaml::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

fn bad_gateway() -> http::Response<Body> {
    let mut answer = http::Response::new(Body::empty());
    *answer.status_mut() = http::StatusCode::BAD_GATEWAY;
    answer
}
