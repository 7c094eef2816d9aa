//! The election against a stand-in that keeps one lease, can go away, hang, or hold a request back.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::{BoxError, service_fn};

use super::*;

#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    Away,
    Hangs,
    /// The next PUT is applied only when it is let go.
    HoldsPut,
    /// Nobody may have the lease.
    Forbids,
}

#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
    mood: Arc<Mutex<Mood>>,
    held: Arc<Notify>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(service, "default")
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().expect("no panic") = mood;
    }

    fn spec(&self) -> Value {
        let lease = self.lease.lock().expect("no panic");
        lease.as_ref().expect("a lease")["spec"].clone()
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mood = *self.mood.lock().expect("no panic");
        let put = request.method() == Method::PUT;
        match mood {
            Mood::Well => {}
            Mood::Away => return Err("connection refused".into()),
            Mood::HoldsPut if !put => {}
            Mood::Hangs => return std::future::pending().await,
            Mood::Forbids => {
                let status = json!({"kind": "Status", "status": "Failure", "code": 403,
                    "message": "you may not have it", "reason": "Forbidden"});
                let body = Body::from(status.to_string().into_bytes());
                return Ok(Response::builder().status(403).body(body)?);
            }
            Mood::HoldsPut => {
                // The request is on its way, and stays so when its sender gives up.
                let server = self.clone();
                self.set(Mood::Well);
                let late = tokio::spawn(async move {
                    server.held.notified().await;
                    server.apply(request).await
                });
                return late.await?;
            }
        }
        self.apply(request).await
    }

    async fn apply(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let mut sent: Value =
            serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap_or_default();
        let mut lease = self.lease.lock().expect("no panic");
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        let (code, answer) = match (&*lease, &parts.method) {
            (None, &Method::GET) => (404, json!({})),
            (Some(_), &Method::POST) => (409, json!({})),
            (Some(stored), &Method::GET) => (200, stored.clone()),
            (Some(stored), &Method::PUT) if version(stored) != version(&sent) => (409, json!({})),
            (stored, &Method::POST | &Method::PUT) => {
                let number = stored.as_ref().map_or(0, |stored| {
                    version(stored)
                        .as_str()
                        .and_then(|text| text.parse().ok())
                        .unwrap_or(0)
                });
                sent["metadata"]["resourceVersion"] = json!((number + 1).to_string());
                *lease = Some(sent.clone());
                (200, sent)
            }
            (_, method) => panic!("{method} is not part of the protocol"),
        };
        self.answers.lock().expect("no panic").push(code);
        let reason = if code == 404 { "NotFound" } else { "Conflict" };
        let body = if code < 300 {
            answer
        } else {
            json!({"kind": "Status", "status": "Failure", "code": code, "message": "", "reason": reason})
        };
        Ok(Response::builder()
            .status(code)
            .body(Body::from(body.to_string().into_bytes()))?)
    }

    /// Another replica takes the lease.
    fn overtake(&self) {
        let mut lease = self.lease.lock().expect("no panic");
        let stored = lease.as_mut().expect("a lease");
        let version = &mut stored["metadata"]["resourceVersion"];
        let number: u64 = version
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        *version = json!((number + 1).to_string());
        stored["spec"]["holderIdentity"] = json!("other");
        stored["spec"]["leaseTransitions"] = json!(2);
    }
}

struct Candidate {
    leader: Leader,
    clock: Clock,
    stop: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

fn start(server: &Server, identity: &str) -> Candidate {
    let clock = Clock::from(jiff::Timestamp::UNIX_EPOCH);
    let (elector, leader) = Elector::new(
        server.client(),
        "pingzhan-system",
        "pingzhan-operator",
        identity.to_owned(),
        crate::run::lease::DEFAULT,
        clock,
    );
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let task = tokio::spawn(elector.run(async move { stopped.notified().await }));
    Candidate {
        leader,
        clock,
        stop,
        task,
    }
}

impl Candidate {
    fn epoch(&self) -> Option<i64> {
        self.leader.still_leader(self.clock.monotonic_ms())
    }

    async fn until_leader(&self, leads: bool) {
        let mut watch = self.leader.watch();
        let wanted = |state: &Leadership| matches!(state, Leadership::Leader { .. }) == leads;
        watch.wait_for(wanted).await.expect("the election goes on");
    }
}

/// The plain case, and the fields that other tools read.
#[tokio::test(start_paused = true)]
async fn the_first_candidate_leads_with_epoch_1_and_a_release_hands_over_at_once() {
    let server = Server::default();
    let first = start(&server, "first");
    first.until_leader(true).await;
    assert_eq!(first.epoch(), Some(1));
    assert_eq!(server.spec()["holderIdentity"], "first");
    assert_eq!(server.spec()["leaseDurationSeconds"], 15);

    let second = start(&server, "second");
    second.clock.sleep_until(60_000).await;
    assert_eq!((first.epoch(), second.epoch()), (Some(1), None));
    let holder = Some("first".to_owned());
    assert_eq!(
        *second.leader.watch().borrow(),
        Leadership::Follower { holder }
    );

    let before = second.clock.monotonic_ms();
    first.stop.notify_one();
    first.task.await.expect("ends");
    second.until_leader(true).await;
    assert_eq!(second.epoch(), Some(2));
    assert!(
        second.clock.monotonic_ms() - before <= 2_000,
        "at the next try"
    );
}

/// A leader that cannot be contradicted must contradict itself: the crates that exist stay leader
/// for ever here.
#[tokio::test(start_paused = true)]
async fn a_leader_without_api_server_is_demoted_by_its_renew_deadline() {
    for mood in [Mood::Away, Mood::Hangs] {
        let server = Server::default();
        let only = start(&server, "only");
        only.until_leader(true).await;
        only.clock.sleep_until(20_000).await;
        assert_eq!(only.epoch(), Some(1));
        let lost = only.clock.monotonic_ms();
        server.set(mood);
        only.until_leader(false).await;
        let took = only.clock.monotonic_ms() - lost;
        assert!((8_000..=10_000).contains(&took), "{took} ms");
        assert_eq!(only.epoch(), None);

        server.set(Mood::Well);
        only.until_leader(true).await;
        assert_eq!(
            only.epoch(),
            Some(2),
            "a new term is a new epoch, also after oneself"
        );
    }
}

/// A PUT that was sent by a leader and arrives after another took over must change nothing.
#[tokio::test(start_paused = true)]
async fn a_late_put_with_an_old_version_does_nothing() {
    let server = Server::default();
    let old = start(&server, "old");
    old.until_leader(true).await;
    server.set(Mood::HoldsPut);
    old.clock.sleep_until(5_000).await;
    server.overtake();
    server.held.notify_one();
    old.until_leader(false).await;
    assert!(server.answers.lock().expect("no panic").contains(&409));
    assert_eq!(server.spec()["holderIdentity"], "other");
    assert_eq!(old.epoch(), None);
}

/// The other replica is dead: nobody renews, and the candidate's own clock says when it is over.
#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_replaced_within_a_lease_and_a_try() {
    let server = Server::default();
    let dead = start(&server, "dead");
    dead.until_leader(true).await;
    let heir = start(&server, "heir");
    dead.clock.sleep_until(7_000).await;
    dead.task.abort();
    let died = heir.clock.monotonic_ms();
    heir.until_leader(true).await;
    assert_eq!(heir.epoch(), Some(2));
    let took = heir.clock.monotonic_ms() - died;
    assert!((13_000..=17_000).contains(&took), "{took} ms");
}

/// Whoever may not have the lease must not be told that somebody else has it.
#[tokio::test(start_paused = true)]
async fn that_the_lease_is_forbidden_is_known_for_as_long_as_it_is() {
    let server = Server::default();
    server.set(Mood::Forbids);
    let only = start(&server, "only");
    only.clock.sleep_until(5_000).await;
    assert_eq!(only.epoch(), None);
    let why = only.leader.refused();
    assert_eq!(why.as_deref(), Some("you may not have it"));
    server.set(Mood::Well);
    only.until_leader(true).await;
    assert_eq!(only.leader.refused(), None);

    server.set(Mood::Forbids);
    let second = start(&server, "second");
    second.clock.sleep_until(1_000).await;
    assert!(second.leader.refused().is_some());
    server.set(Mood::Well);
    second.clock.sleep_until(5_000).await;
    assert_eq!(only.epoch(), Some(1), "it has it still");
    assert_eq!(second.leader.refused(), None);
}
