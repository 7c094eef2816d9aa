//! Break-glass: one person of a named group acts without quorum. Everybody sees it, and somebody
//! else reviews it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, Phase};
use pingzhan::run::signal::sign::Key;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::acts::APPROVERS;
use super::deeds::{Received, listen};
use super::oracles::Allowed;
use super::prometheus::free;
use super::world::{PATIENCE, World};
use crate::support;

fn act(by: &str, group: &str) -> Value {
    json!({ "breakGlass": { "reason": "the dam is about to break", "by": by, "as": group } })
}

fn approved(mode: &EmergencyMode) -> (String, String) {
    let status = mode.status.as_ref().expect("a status");
    let found = condition::get(&status.conditions, types::APPROVED).expect("it is said");
    (found.reason.clone(), found.message.clone())
}

impl World {
    /// Waits for a warning Event on a mode that says something, and returns all that it says.
    pub(super) async fn event(&self, mode: &EmergencyMode, reason: &str, says: &str) -> String {
        let events: Api<Event> = Api::all(self.client.clone());
        let told = async {
            loop {
                let all = events.list(&ListParams::default()).await;
                let found = all
                    .expect("Events can be listed")
                    .into_iter()
                    .find(|event| {
                        let about = event.regarding.as_ref().and_then(|about| about.uid.clone());
                        let note = event.note.as_deref().unwrap_or_default();
                        about == mode.metadata.uid
                            && event.reason.as_deref() == Some(reason)
                            && note.contains(says)
                    });
                match found {
                    Some(event) => return event,
                    None => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                }
            }
        };
        let event = tokio::time::timeout(PATIENCE, told).await;
        let event = event.expect("an Event tells it");
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        event.note.unwrap_or_default()
    }

    async fn is_reviewed(&self) -> EmergencyMode {
        self.until("flood", "is reviewed", |status| {
            condition::get(&status.conditions, types::APPROVED)
                .is_some_and(|found| found.reason == "BreakGlassReviewed")
        })
        .await
    }
}

/// The whole fleet, whose operator sends its alarms to a receiver on loopback; and where its metrics are.
async fn watched() -> (World, Received, SocketAddr) {
    let (listens, received) = listen().await;
    let metrics = free().await;
    let mut world = World::new().await;
    for owned in super::fleet::fleet(&world.namespace) {
        world.write(&owned).await;
    }
    world.scale("capacity", "Deployment", "shared", 9).await;
    let signals = support::alarms("duty", &format!("{listens}/alarms"));
    world.signals = Arc::new(signals);
    world.metrics = Some(metrics);
    (world.started().await, received, metrics)
}

/// The operator's metrics say that it was told once, and that it arrived.
async fn is_counted_once(of: SocketAddr) {
    let mut stream = TcpStream::connect(of).await.expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {of}\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("it reads");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.expect("it answers");
    let told = "pingzhan_alarms_total{reason=\"BreakGlass\"} 1\n";
    assert!(answer.contains(told), "{answer}");
    let missed = "pingzhan_alarms_missed_total{reason=\"BreakGlass\"}";
    assert!(!answer.contains(missed), "{answer}");
}

/// Whoever looks sees who acted, why, and that a review is awaited.
fn status_says_so(mode: &EmergencyMode) {
    let (reason, message) = approved(mode);
    assert_eq!(reason, "BreakGlass");
    assert!(
        message.contains("wang as emergency-command acted without quorum: the dam")
            && message.contains("somebody else than wang has to review it until"),
        "{message}"
    );
    let status = mode.status.as_ref().expect("a status");
    assert_eq!(
        status.granted.as_ref().map(|granted| granted.approvals),
        Some(0)
    );
    assert!(
        status
            .waiting_on
            .as_deref()
            .is_some_and(|text| text.contains("review")),
        "{:?}",
        status.waiting_on
    );
    assert!(
        status
            .timeline
            .iter()
            .any(|event| event.message.contains("without quorum by wang")),
        "{:?}",
        status.timeline
    );
}

/// What has arrived of it.
fn alarms(received: &Received) -> Vec<(String, HeaderMap, Value)> {
    let all = received.lock().expect("nobody panicked").clone();
    let of = |(_, _, body): &(String, HeaderMap, Value)| body["alarm"] == "BreakGlass";
    all.into_iter().filter(of).collect()
}

/// The one alarm that has arrived is this mode's, and signed.
async fn has_arrived(received: &Received, mode: &EmergencyMode) {
    let arrives = async {
        while alarms(received).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, arrives).await;
    in_time.expect("the alarm arrives");
    let all = alarms(received);
    let [(path, headers, body)] = all.as_slice() else {
        panic!("it arrives once: {all:?}")
    };
    assert_eq!(path, "/alarms");
    assert_eq!(body["mode"], "flood");
    let said = body["message"]["en"].as_str().unwrap_or_default();
    assert!(
        said.contains("wang as emergency-command acted without quorum"),
        "{said}"
    );
    let id = format!(
        "{}/BreakGlass/",
        mode.metadata.uid.as_deref().unwrap_or_default()
    );
    let header = |name: &str| headers[name].to_str().expect("text");
    let at = header("webhook-timestamp").parse().expect("a time");
    let key = Key::read(support::SIGNALS_KEY).expect("a key");
    let signed = key.headers(&id, at, body.to_string().as_bytes());
    for name in ["webhook-id", "webhook-signature"] {
        assert_eq!(headers[name], signed[name], "{name}");
    }
}

/// There may be no time for two people. What one did alone is marked in the journal, told to
/// everybody, whoever is on call included, reviewed by somebody else, and comes back like everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_of_the_named_group_acts_alone_and_is_reviewed_by_somebody_else() {
    let (world, received, address) = watched().await;
    let before = world.snapshot().await;
    world.awaits_approval().await;
    world
        .change("flood", act("wang", "emergency-command"))
        .await;
    let active = world.phase("flood", Phase::Active).await;
    status_says_so(&active);
    world
        .event(&active, "BreakGlass", "wang acted without quorum")
        .await;
    has_arrived(&received, &active).await;
    let evidence = world.judge(Allowed::default()).await;
    let turns = &evidence.ledger(&active).turns;
    assert!(
        turns
            .iter()
            .any(|(_, turn)| turn.reason.as_deref() == Some("BreakGlass")
                && turn.by.as_deref() == Some("wang")),
        "the record is marked"
    );
    let review =
        |by: &str| json!({ "of": "breakGlass", "outcome": "Justified", "by": by, "as": APPROVERS });
    let refused = world.try_add("flood", "reviews", review("wang")).await;
    let refused = refused.expect_err("nobody reviews themselves");
    assert!(refused.contains("by somebody else"), "{refused}");
    world.judge(Allowed::default()).await;
    assert_eq!(approved(&world.mode("flood").await).0, "BreakGlass");
    world.add("flood", "reviews", review("lin")).await;
    let (_, message) = approved(&world.is_reviewed().await);
    assert!(message.contains("reviewed by lin: Justified"), "{message}");
    world.come_back("flood").await;
    world.is_exact(&before).await;
    is_counted_once(address).await;
    has_arrived(&received, &active).await;
}

/// Nobody else may. And whoever tries does not keep those who may approve from doing so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_outside_the_named_group_acts_alone() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let hash = world.awaits_approval().await;
    let tried = world
        .try_change("flood", act("wang", "emergency-duty"))
        .await;
    let said = tried.expect_err("the group is not named");
    assert!(
        said.contains("breakGlassGroups of playbook flood: emergency-command"),
        "{said}"
    );
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0);
    world.compare(&before).await;
    world.approve("flood", "lin", &hash).await;
    world.approve("flood", "he", &hash).await;
    let active = world.phase("flood", Phase::Active).await;
    assert_eq!(approved(&active).0, "Granted");
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
