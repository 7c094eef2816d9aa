//! The server as a service that a client is made of: in this process, without a network between.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use http::{HeaderMap, Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use jiff::Timestamp;
use kube::client::Body as Sent;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ask::{Answer, Ask, Body, Place, Reply};
use super::managed::Shown;
use super::patch::JSON_PATCH;
use super::people::{MASTERS, User};
use super::server::Server;
use super::watch::{Line, Watch};
use super::write;

/// A body that is answered.
pub type Answered = UnsyncBoxBody<bytes::Bytes, Infallible>;
/// Bytes that most answers fit into.
const ANSWER: usize = 8192;
/// How often a quiet watch is told up to where everything was said.
const BOOKMARK: Duration = Duration::from_mins(1);

/// A server that many clients share.
#[derive(Clone)]
pub struct Service {
    server: Arc<Mutex<Server>>,
    /// Wakes watches, in the order in which they wait: a channel would wake them in a random one.
    changed: Arc<Notify>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    user: User,
}

impl Service {
    /// Serves an administrator. `clock` says what time it is.
    pub fn new(server: Server, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            user: User::authenticated("admin", &[MASTERS]),
            server: Arc::new(Mutex::new(server)),
            changed: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    /// The server itself. Nothing else is answered meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the server itself at the present moment; whoever watches learns of it.
    pub fn act<T>(&self, act: impl FnOnce(&mut Server, Timestamp) -> T) -> T {
        let mut server = self.lock();
        let before = server.store.revision();
        let done = act(&mut server, (self.clock)());
        if server.store.revision() != before {
            self.changed.notify_waiters();
        }
        let forgotten = server.store.forgotten();
        drop(server);
        drop(forgotten);
        done
    }

    /// Ends when something happens, from the moment on at which it is made.
    pub fn change(&self) -> impl Future<Output = ()> + Send + 'static {
        self.changed.clone().notified_owned()
    }

    /// The same server, for somebody else.
    #[must_use]
    pub fn of(&self, user: User) -> Self {
        Self {
            user,
            ..self.clone()
        }
    }

    /// A client of it.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.clone(), "default")
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Sent>) -> Response<Answered> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect_bytes().await else {
            return whole(&Reply::text(
                400,
                "the body of the request ended too early\n",
            ));
        };
        self.reply(&head, body.to_vec())
    }

    /// Answers a request whose body has come.
    pub fn reply(&self, head: &http::request::Parts, body: Vec<u8>) -> Response<Answered> {
        let header = |name: &str| text(&head.headers, name);
        let ask = Ask {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: Ask::read_query(head.uri.query().unwrap_or_default()),
            accept: header("accept"),
            content_type: header("content-type")
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            user_agent: header("user-agent"),
            user: self.user.clone(),
            headers: head.headers.clone(),
            body,
            now: (self.clock)(),
            operations: OnceLock::new(),
            foreseen: std::cell::RefCell::default(),
        };
        if ask.content_type == JSON_PATCH {
            self.foresee(&ask);
        }
        match self.act(|server, _| server.handle(ask)) {
            Answer::Reply(reply) => whole(&reply),
            Answer::Watch(watch) => self.stream(watch),
        }
    }

    /// Reads a JSON Patch and works out what it makes of the object as it is now. That takes longer than
    /// anything else, and so keeps nobody waiting; it is done again where the object has changed until
    /// the server is asked.
    fn foresee(&self, ask: &Ask) {
        ask.operations();
        // A count has a form of its own.
        let place = Place::read(&ask.path).filter(|place| place.subresource != "scale");
        let Some(place) = place else { return };
        let seen = self.lock().peek(&place);
        if let Some((kind, of)) = seen {
            ask.foreseen.replace(write::foresee(&kind, &place, ask, of));
        }
    }

    /// The events of a watch, as they happen.
    fn stream(&self, watch: Watch) -> Response<Answered> {
        let ends = (watch.seconds > 0).then(|| Instant::now() + Duration::from_secs(watch.seconds));
        let state = Open {
            service: self.clone(),
            watch,
            ends,
            is_begun: false,
        };
        let lines = futures::stream::unfold(state, |mut open| async {
            let chunk = open.next().await?;
            Some((Ok::<_, Infallible>(http_body::Frame::data(chunk)), open))
        });
        let body = Answered::new(StreamBody::new(lines.boxed()));
        let mut response = Response::new(body);
        let json = http::HeaderValue::from_static("application/json");
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, json);
        response
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let all = headers.get_all(name).iter();
    let texts: Vec<&str> = all.filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}

/// An open watch.
struct Open {
    service: Service,
    watch: Watch,
    ends: Option<Instant>,
    is_begun: bool,
}

impl Open {
    /// The next lines; nothing at the end.
    async fn next(&mut self) -> Option<bytes::Bytes> {
        loop {
            let now = super::ask::time((self.service.clock)());
            // What happens from here on is heard, also before it is waited for.
            let changed = self.service.change();
            let lines = {
                let server = self.service.lock();
                self.watch.next(&server.store, &now)
            };
            if !lines.is_empty() {
                return Some(written(&lines));
            }
            if self.watch.is_over() {
                return None;
            }
            // The head of the answer is sent with the first bytes: an open watch says that it is.
            if !std::mem::replace(&mut self.is_begun, true) {
                return Some(bytes::Bytes::new());
            }
            let until = self.ends.unwrap_or_else(|| Instant::now() + BOOKMARK);
            let until = until.min(Instant::now() + BOOKMARK);
            tokio::select! {
                biased;
                () = changed => {}
                () = tokio::time::sleep_until(until) => {
                    if self.ends.is_some_and(|ends| Instant::now() >= ends) {
                        return None;
                    }
                    if let Some(mark) = self.watch.bookmark() {
                        return Some(written(&[mark]));
                    }
                }
            }
        }
    }
}

fn written(lines: &[Line]) -> bytes::Bytes {
    let mut text = Vec::new();
    for line in lines {
        text.extend(json(line));
        text.push(b'\n');
    }
    text.into()
}

/// As JSON text. A value of ours has no keys that are no texts.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = Vec::with_capacity(ANSWER);
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => text,
        Err(_) => Vec::new(),
    }
}

/// A whole answer.
pub(super) fn whole(reply: &Reply) -> Response<Answered> {
    let (media, text) = match &reply.body {
        Body::Json(value) => ("application/json", json(&Shown(value))),
        Body::List(list) => ("application/json", json(list)),
        Body::Text(text) => ("text/plain; charset=utf-8", text.as_bytes().to_vec()),
    };
    let media = if reply.media.is_empty() {
        media
    } else {
        reply.media
    };
    let body = http_body_util::Full::new(bytes::Bytes::from(text));
    let mut response = Response::new(Answered::new(body));
    *response.status_mut() =
        http::StatusCode::from_u16(reply.code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(media),
    );
    for warning in &reply.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = http::HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append("warning", value);
        }
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

impl tower::Service<Request<Sent>> for Service {
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
