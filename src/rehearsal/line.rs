//! The connection between an operator and the sand table: it takes time as a real server does, and is
//! as bad as it is told to be.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use kube::client::Body;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::sandtable::service::{Answered, Service};

/// What requests cost: the model of the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// From sending to the answer, where the server has nothing else to do.
    pub round_trip: Duration,
    /// How long a write keeps the server from everything else: its rate.
    pub write: Duration,
    /// How long a read does.
    pub read: Duration,
}

impl Default for Costs {
    /// Measured on a kube-apiserver of two cores with etcd beside it (docs/benchmarks.md): some 430
    /// guarded writes a second, a round trip of some milliseconds.
    fn default() -> Self {
        Self {
            round_trip: Duration::from_millis(4),
            write: Duration::from_micros(2300),
            read: Duration::from_micros(700),
        }
    }
}

/// What all connections of one server share.
#[derive(Clone, Debug, Default)]
pub struct Server(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// When it has time for the next request.
    free: Mutex<Option<Instant>>,
    /// Of a thousand requests so many are told to come later.
    refused: AtomicU64,
    /// Requests that came.
    asked: AtomicU64,
    /// Requests that were told to come later.
    turned_away: AtomicU64,
}

impl Server {
    /// From now on so many of a thousand requests are told to come later (429).
    pub fn turns_away(&self, of_thousand: u64) {
        self.0.refused.store(of_thousand, Ordering::SeqCst);
    }

    /// How many requests came, and how many of them were told to come later.
    pub fn asked(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
        (of(&self.0.asked), of(&self.0.turned_away))
    }

    /// When a request that is sent now is answered.
    fn answers_at(&self, costs: Costs, write: bool) -> Instant {
        let now = Instant::now();
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free.map_or(now, |free| free.max(now));
        *free = Some(begins + if write { costs.write } else { costs.read });
        begins + costs.round_trip
    }

    fn is_turned_away(&self) -> bool {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let refused = self.0.refused.load(Ordering::SeqCst);
        let turned = refused > 0 && fastrand::u64(0..1000) < refused;
        if turned {
            self.0.turned_away.fetch_add(1, Ordering::SeqCst);
        }
        turned
    }
}

/// Whether a process is there.
#[derive(Clone, Debug, Default)]
pub struct Life(Arc<AtomicBool>);

impl Life {
    /// It is no more: nothing of it arrives, and nothing reaches it.
    pub fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A connection of one process.
#[derive(Clone)]
pub struct Line {
    /// Who answers, and to whom.
    pub service: Service,
    /// What it shares with the others.
    pub server: Server,
    /// What requests cost.
    pub costs: Costs,
    /// Of the process.
    pub life: Life,
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
        Box::pin(async move { Ok(line.send(request).await) })
    }
}

impl Line {
    async fn send(self, request: Request<Body>) -> Response<Answered> {
        let is_lease = request.uri().path().contains("/leases");
        let is_write = request.method() != Method::GET;
        let answers = self.server.answers_at(self.costs, is_write);
        // A leader is not turned away from its lease: the real server has a lane for that.
        let turned = self.server.is_turned_away() && !is_lease;
        sleep_until(answers).await;
        if self.life.is_over() {
            return std::future::pending().await;
        }
        let answer = if turned {
            busy()
        } else {
            self.service.answer(request).await
        };
        if self.life.is_over() {
            return std::future::pending().await;
        }
        answer
    }
}

/// What a server says that has too much to do.
fn busy() -> Response<Answered> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 429,
        "reason": "TooManyRequests", "message": "too many requests, please try again later",
        "details": { "retryAfterSeconds": 1 },
    });
    let body = Full::new(Bytes::from(status.to_string()));
    let mut answer = Response::new(Answered::new(body));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = answer.headers_mut();
    let json = http::HeaderValue::from_static("application/json");
    headers.insert(http::header::CONTENT_TYPE, json);
    let second = http::HeaderValue::from_static("1");
    headers.insert(http::header::RETRY_AFTER, second);
    answer
}
