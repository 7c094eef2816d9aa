//! The connection of one operator process: it meets the weather, and everything that goes over it is
//! kept for the judge.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use jiff::Timestamp;
use kube::client::Body;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::service::{Answered, Service};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::answers::{over_quota, refused, told};
use super::city::SPACES;
use super::clocks::Hands;
use super::weather::{AWAY, Fault, Seen, Weather, Which};

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Of which process.
    pub process: usize,
    /// Which it is; by its number among the writes where it is one.
    pub which: Which,
    /// When it was sent, in milliseconds since the beginning.
    pub at: u64,
    /// When it reached the server; the same where it never did.
    pub arrived: u64,
    pub method: Method,
    /// Path and query.
    pub uri: String,
    /// Whether it is about the lease.
    pub lease: bool,
    /// Whether it is a write that counts.
    pub write: bool,
    /// What it met.
    pub fault: Option<Fault>,
    /// The code of the server's own answer; 0 where it never arrived.
    pub code: u16,
    /// The revisions that it made: greater than the first, up to the second.
    pub made: (u64, u64),
    /// What it asked for, of writes of targets.
    pub body: Option<Value>,
}

/// A process heard that it is to stay away.
#[derive(Clone, Debug)]
pub struct Asked {
    pub process: usize,
    pub method: Method,
    pub path: String,
    /// When it heard it, in milliseconds.
    pub from: u64,
    pub until: u64,
}

impl Sent {
    /// Whether it patches or removes an object of the fleet.
    pub fn is_of_target(&self) -> bool {
        [Method::PATCH, Method::DELETE].contains(&self.method)
            && SPACES
                .iter()
                .any(|space| self.path().contains(&format!("/namespaces/{space}/")))
            && !self.path().contains("/events/")
    }

    /// What it is about, without parameters.
    pub fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }

    /// Whether it changes nothing: a read, or a review, which is a question that is posted.
    pub fn only_asks(&self) -> bool {
        only_asks(&self.method, &self.uri)
    }
}

/// Where questions are posted.
const REVIEWS: [&str; 2] = [
    "/apis/authentication.k8s.io/",
    "/apis/authorization.k8s.io/",
];

fn only_asks(method: &Method, uri: &str) -> bool {
    *method == Method::GET || REVIEWS.iter().any(|place| uri.starts_with(place))
}

/// Everything that operators sent, in the order in which it arrived.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Vec<Sent>>>);

impl Trail {
    pub fn all(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process, as its connection sees it.
pub struct Life {
    pub number: usize,
    dead: AtomicBool,
    requests: AtomicUsize,
    writes: AtomicUsize,
    /// Held while the process is frozen: nothing of it arrives, and nothing reaches it.
    frozen: AtomicBool,
    /// Told when it thaws; everything goes on in the order in which it was held.
    thaws: Notify,
    /// Told when it dies.
    pub died: Notify,
}

impl Life {
    pub fn new(number: usize) -> Arc<Self> {
        Arc::new(Self {
            number,
            dead: AtomicBool::default(),
            requests: AtomicUsize::default(),
            writes: AtomicUsize::default(),
            frozen: AtomicBool::default(),
            thaws: Notify::new(),
            died: Notify::new(),
        })
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
        self.thaws.notify_waiters();
    }

    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    async fn thawed(&self) {
        loop {
            let thaws = self.thaws.notified();
            if !self.frozen.load(Ordering::SeqCst) {
                return;
            }
            thaws.await;
        }
    }
}

/// What all connections share.
#[derive(Clone)]
pub struct Sky {
    pub weather: Arc<Mutex<Weather>>,
    pub trail: Trail,
    pub deaths: Arc<AtomicUsize>,
    pub began: Instant,
    /// What time it was then.
    pub morning: Timestamp,
    /// The API server is away.
    pub down: Arc<AtomicBool>,
    /// There is no room for new records.
    pub full: Arc<AtomicBool>,
    /// Who heard that it is to stay away.
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// Ends the watches that a fault broke.
    cleared: Arc<Notify>,
}

impl Sky {
    pub fn new(weather: Weather, morning: Timestamp) -> Self {
        Self {
            weather: Arc::new(Mutex::new(weather)),
            trail: Trail::default(),
            deaths: Arc::default(),
            began: Instant::now(),
            morning,
            down: Arc::default(),
            full: Arc::default(),
            cleared: Arc::default(),
            asked: Arc::default(),
        }
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The clock of a machine that begins now.
    pub fn clock(&self, hands: Hands) -> Clock {
        let since = self.began.elapsed();
        let now = self.morning.saturating_add(since).expect("a time");
        hands.clock(now, since)
    }

    pub fn clear(&self) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = Weather::fine();
        self.down.store(false, Ordering::SeqCst);
        self.full.store(false, Ordering::SeqCst);
        self.cleared.notify_waiters();
    }

    fn draw(&self, seen: Seen) -> Option<Fault> {
        self.weather
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .draw(seen)
    }
}

/// A connection.
#[derive(Clone)]
pub struct Wire {
    pub service: Service,
    pub life: Arc<Life>,
    pub sky: Sky,
}

impl tower::Service<Request<Body>> for Wire {
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { Ok(wire.send(request).await) })
    }
}

async fn never<T>() -> T {
    std::future::pending().await
}

impl Wire {
    async fn send(self, request: Request<Body>) -> Response<Answered> {
        if self.life.is_dead() {
            return never().await;
        }
        let (request, mut sent) = self.number(request).await;
        let (method, path) = (sent.method.clone(), sent.path().to_owned());
        if self.sky.down.load(Ordering::SeqCst) {
            sent.fault = Some(Fault::Refused(503));
            self.keep(sent);
            return refused(503);
        }
        // What is held is delivered in the end, whether or not its sender still waits for it.
        let held = tokio::spawn(self.clone().meet(request, sent));
        let answer = held.await;
        self.life.thawed().await;
        if self.life.is_dead() {
            return never().await;
        }
        let Ok(Some(answer)) = answer else {
            return never().await;
        };
        if answer.status() == http::StatusCode::TOO_MANY_REQUESTS {
            let from = self.sky.now();
            let asked = Asked {
                process: self.life.number,
                method,
                path,
                from,
                until: from + AWAY * 1000,
            };
            let mut all = self
                .sky
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.push(asked);
        }
        answer
    }

    /// Counts a request, and keeps what it asks for.
    async fn number(&self, request: Request<Body>) -> (Request<Body>, Sent) {
        let uri = request.uri().to_string();
        let lease = request.uri().path().contains("/leases");
        let is_event = request.uri().path().ends_with("/events");
        let counts = !lease && !is_event && !only_asks(request.method(), &uri);
        let number = self.life.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let which = if counts {
            let write = self.life.writes.fetch_add(1, Ordering::SeqCst) + 1;
            Which::Write(self.life.number, write)
        } else {
            Which::Request(self.life.number, number)
        };
        let watch = uri.contains("watch=true") || uri.contains("watch=1");
        let method = request.method().clone();
        let (head, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap_or_default();
        let body = [Method::PATCH, Method::DELETE]
            .contains(&method)
            .then(|| serde_json::from_slice(&bytes).ok())
            .flatten();
        let sent = Sent {
            process: self.life.number,
            which,
            at: self.sky.now(),
            arrived: self.sky.now(),
            method,
            uri,
            lease,
            write: counts,
            fault: None,
            code: 0,
            made: (0, 0),
            body,
        };
        let mut sent = sent;
        sent.fault = self.sky.draw(Seen {
            process: self.life.number,
            request: number,
            write: match which {
                Which::Write(_, write) => Some(write),
                Which::Request(..) => None,
            },
            watch,
            lease,
            creates: sent.method == Method::POST,
            deaths: u32::try_from(self.sky.deaths.load(Ordering::SeqCst)).unwrap_or(u32::MAX),
        });
        (Request::from_parts(head, Body::from(bytes)), sent)
    }

    fn keep(&self, sent: Sent) {
        self.sky.trail.all().push(sent);
    }

    /// Carries a request out as the weather has it; nothing where it is never answered.
    async fn meet(self, request: Request<Body>, sent: Sent) -> Option<Response<Answered>> {
        self.life.thawed().await;
        match sent.fault {
            None
            | Some(
                Fault::Cut(_) | Fault::Expired | Fault::Twice | Fault::Stale(_) | Fault::HalfOpen,
            ) => {
                let fault = sent.fault;
                let answer = self.arrive(request, sent).await;
                Some(told(answer, fault, self.sky.cleared.clone()))
            }
            Some(Fault::Refused(code)) => {
                self.keep(sent);
                Some(refused(code))
            }
            Some(Fault::Conflict) => {
                self.keep(sent);
                Some(refused(409))
            }
            Some(Fault::Lost(code)) => {
                let _ = self.arrive(request, sent).await;
                Some(refused(code))
            }
            Some(Fault::Silent(carried)) => {
                self.carry(carried, request, sent).await;
                None
            }
            Some(Fault::Late(ms)) => {
                sleep(Duration::from_millis(ms)).await;
                Some(self.arrive(request, sent).await)
            }
            Some(Fault::Astray(ms)) => {
                tokio::spawn(async move {
                    sleep(Duration::from_millis(ms)).await;
                    let _ = self.arrive(request, sent).await;
                });
                Some(refused(504))
            }
            Some(Fault::Death(carried)) => {
                self.sky.deaths.fetch_add(1, Ordering::SeqCst);
                self.life.die();
                self.carry(carried, request, sent).await;
                None
            }
            Some(Fault::Posthumous(ms)) => {
                self.sky.deaths.fetch_add(1, Ordering::SeqCst);
                self.life.die();
                sleep(Duration::from_millis(ms)).await;
                let _ = self.arrive(request, sent).await;
                None
            }
        }
    }

    async fn carry(&self, carried: bool, request: Request<Body>, sent: Sent) {
        if carried {
            let _ = self.arrive(request, sent).await;
        } else {
            self.keep(sent);
        }
    }

    /// The request reaches the server.
    async fn arrive(&self, request: Request<Body>, mut sent: Sent) -> Response<Answered> {
        let revision = || self.service.lock().store.revision();
        sent.made.0 = revision();
        sent.arrived = self.sky.now();
        let is_record = sent.method == Method::POST && sent.path().ends_with("/changerecords");
        let answer = if is_record && self.sky.full.load(Ordering::SeqCst) {
            over_quota(request).await
        } else {
            self.service.answer(request).await
        };
        sent.made.1 = revision();
        sent.code = answer.status().as_u16();
        self.keep(sent);
        answer
    }
}
