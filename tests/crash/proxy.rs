//! A proxy between one operator and the API server: it counts mutating requests, and at the one
//! that it is told it kills the operator or holds what is in flight. It keeps a copy of every write.
//!
//! It shows the operator its own mode, playbook and records only, so that several operators can be tested side by
//! side on one control plane.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as Gate, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::process::Victim;

/// Where a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The lease: not a boundary, it is renewed all the time.
    Lease,
    /// An Event, a review, a dry run, or whether a playbook is ready: leaves nothing that anything depends
    /// on.
    Aside,
    /// A record of the journal.
    Record,
    /// A mode's status or finalizer.
    Mode,
    /// A target.
    Target,
}

/// A write, and what the API server answered.
#[derive(Clone, Debug)]
pub struct Write {
    /// Which operator of the run sent it.
    pub by: usize,
    /// Where to.
    pub goal: Goal,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// What was sent.
    pub body: Vec<u8>,
    /// The status that the API server answered.
    pub answer: u16,
}

impl Write {
    /// Whether it took effect.
    pub fn took_effect(&self) -> bool {
        (200..300).contains(&self.answer)
    }
}

/// Every write of a run, in the order in which the API server answered.
pub type Trail = Arc<Mutex<Vec<Write>>>;

/// On which side of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before the API server sees it.
    Before,
    /// After it was carried out, before the operator hears of it.
    After,
}

/// What happens at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing ever.
    None,
    /// The operator is killed at this write, the first being 1.
    Kill(usize, Side),
    /// This write and all later ones are held, or only their answers.
    Hold(usize, Side),
}

/// What the proxy makes of a write.
enum Order {
    Pass,
    Drop,
    Kill(Side),
    Hold(Side),
}

/// A proxy. It ends when it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    upstream: Client,
    mode: String,
    number: usize,
    fault: Fault,
    victim: Victim,
    trail: Trail,
    /// How many writes there were; one is judged at a time, so that a boundary is sharp.
    gate: Gate<usize>,
    struck: watch::Sender<bool>,
    released: watch::Sender<bool>,
    leases: watch::Sender<usize>,
}

impl Proxy {
    /// Listens. `upstream` is the operator's own identity; `number` says which operator of the run
    /// it is.
    pub async fn start(
        upstream: Client,
        mode: &str,
        number: usize,
        fault: Fault,
        victim: Victim,
        trail: Trail,
    ) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(any).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            upstream,
            mode: mode.to_owned(),
            number,
            fault,
            victim,
            trail,
            gate: Gate::new(0),
            struck: watch::Sender::new(false),
            released: watch::Sender::new(false),
            leases: watch::Sender::new(0),
        });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self {
            url: format!("http://{address}"),
            shared,
            serving,
        }
    }

    /// Whether its fault has struck.
    pub fn has_struck(&self) -> bool {
        *self.shared.struck.borrow()
    }

    /// Lets go of everything that is held.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits until the operator has asked for its lease so many more times.
    pub async fn asks_for_lease(&self, times: usize) {
        let mut leases = self.shared.leases.subscribe();
        let wanted = *leases.borrow() + times;
        let seen = leases.wait_for(|asked| *asked >= wanted).await;
        seen.expect("the proxy lives");
    }

    /// How many writes were counted.
    pub async fn writes(&self) -> usize {
        *self.shared.gate.lock().await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                // What was sent goes on its way also when the sender hangs up.
                let shared = shared.clone();
                let carried = tokio::spawn(async move { shared.carry(request).await });
                async move { carried.await.unwrap_or_else(|_| Ok(bad_gateway())) }
            });
            // An operator that is killed hangs up: that is no error here.
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(connection.await);
        });
    }
}

fn bad_gateway() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = http::StatusCode::BAD_GATEWAY;
    answer
}

/// Where a request goes, if it changes anything.
fn goal(method: &Method, uri: &Uri) -> Option<Goal> {
    if method == Method::GET {
        return None;
    }
    let path = uri.path();
    let places = [
        ("/apis/coordination.k8s.io/", Goal::Lease),
        ("/apis/events.k8s.io/", Goal::Aside),
        ("/apis/authorization.k8s.io/", Goal::Aside),
        ("/apis/authentication.k8s.io/", Goal::Aside),
        ("/apis/pingzhan.dev/v1alpha1/playbooks", Goal::Aside),
        ("/apis/pingzhan.dev/v1alpha1/changerecords", Goal::Record),
        ("/apis/pingzhan.dev/v1alpha1/emergencymodes", Goal::Mode),
    ];
    if uri.query().is_some_and(|query| query.contains("dryRun=")) {
        return Some(Goal::Aside);
    }
    let place = places.iter().find(|(prefix, _)| path.starts_with(prefix));
    Some(place.map_or(Goal::Target, |(_, goal)| *goal))
}

impl Shared {
    async fn carry(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (mut parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return Ok(bad_gateway());
        };
        let body = body.to_bytes().to_vec();
        for name in [HOST, CONTENT_LENGTH, ACCEPT_ENCODING, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        if parts.uri.path().contains("/leases/") {
            self.leases.send_modify(|asked| *asked += 1);
        }
        let Some(goal) = goal(&parts.method, &parts.uri) else {
            parts.uri = self.narrowed(&parts.uri);
            let request = Request::from_parts(parts, Body::from(body));
            return Ok(self.forward(request).await.unwrap_or_else(bad_gateway));
        };
        let write = Write {
            by: self.number,
            goal,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            answer: 0,
        };
        let answer = match goal {
            Goal::Lease | Goal::Aside => self.send(write).await,
            Goal::Record | Goal::Mode | Goal::Target => self.counted(write).await,
        };
        Ok(answer.unwrap_or_else(bad_gateway))
    }

    /// A write that counts: what the fault says happens.
    async fn counted(&self, write: Write) -> Option<Response<Body>> {
        let mut count = self.gate.lock().await;
        match self.order(*count + 1) {
            Order::Drop => None,
            Order::Pass => {
                *count += 1;
                self.send(write).await
            }
            Order::Kill(side) => {
                *count += 1;
                if side == Side::After {
                    drop(self.send(write).await);
                }
                self.victim.kill();
                self.struck.send_replace(true);
                None
            }
            Order::Hold(side) => {
                *count += 1;
                drop(count);
                if side == Side::After {
                    let answer = self.send(write).await;
                    self.hold().await;
                    return answer;
                }
                self.hold().await;
                self.send(write).await
            }
        }
    }

    fn order(&self, number: usize) -> Order {
        match self.fault {
            // A dead process sends nothing; what it still had on its way is lost with it.
            Fault::Kill(..) if *self.struck.borrow() => Order::Drop,
            Fault::Kill(at, side) if at == number => Order::Kill(side),
            // Only the first write of a hold is carried out before it is held.
            Fault::Hold(at, side) if at == number => Order::Hold(side),
            Fault::Hold(at, _) if at < number => Order::Hold(Side::Before),
            Fault::None | Fault::Kill(..) | Fault::Hold(..) => Order::Pass,
        }
    }

    async fn hold(&self) {
        self.struck.send_replace(true);
        let mut released = self.released.subscribe();
        drop(released.wait_for(|released| *released).await);
    }

    async fn send(&self, mut write: Write) -> Option<Response<Body>> {
        let answer = self.forward(request(&write)).await;
        write.answer = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        if !matches!(write.goal, Goal::Lease | Goal::Aside) {
            let mut trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
            trail.push(write);
        }
        answer
    }

    async fn forward(&self, request: Request<Body>) -> Option<Response<Body>> {
        let mut answer = self.upstream.send(request).await.ok()?;
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            answer.headers_mut().remove(name);
        }
        Some(answer)
    }

    /// Lists and watches show one mode, the playbook of its name, and the mode's records: all runs'
    /// operators at what belongs to all runs would be a storm.
    fn narrowed(&self, uri: &Uri) -> Uri {
        let narrow = [
            ("/emergencymodes", "fieldSelector=metadata.name%3D"),
            ("/playbooks", "fieldSelector=metadata.name%3D"),
            ("/changerecords", "labelSelector=pingzhan.dev%2Fmode%3D"),
        ];
        let query = uri.query().unwrap_or_default();
        let ends = |(end, _): &&(&str, &str)| uri.path().ends_with(end);
        let Some((_, selector)) = narrow.iter().find(ends) else {
            return uri.clone();
        };
        // What asks for one mode's records needs no more.
        if query.contains("labelSelector=") {
            return uri.clone();
        }
        let narrowed = format!("{}?{query}&{selector}{}", uri.path(), self.mode);
        narrowed.parse().expect("an address with a longer query")
    }
}

/// A write as a request, now or later.
pub fn request(write: &Write) -> Request<Body> {
    let mut request = Request::new(Body::from(write.body.clone()));
    *request.method_mut() = write.method.clone();
    *request.uri_mut() = write.uri.clone();
    *request.headers_mut() = write.headers.clone();
    request
}
