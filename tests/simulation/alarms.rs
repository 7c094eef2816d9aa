//! Alarms, from what they are about to whoever is on call, in paused time: a term of two hours is played
//! in a moment, and nothing leaves this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook};
use pingzhan::run::clock::Clock;
use pingzhan::run::lease;
use pingzhan::run::operator::Settings;
use pingzhan::run::signal::http::Reply;
use pingzhan::run::signal::sign::Key;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::city::{City, SPACE};
use super::confined::Operator;
use super::story::Story;
use crate::city::played::settings;
use crate::support::{self, people::person};

/// The channel over which alarms go.
const CHANNEL: &str = "duty";
/// How long anything may take that does not wait for the term.
const PATIENCE: u64 = 120;
/// Seconds of the lease: its renewals are most of what idle hours cost.
const LEASE: u32 = 45;

/// An alarm as it arrived.
#[derive(Clone, Debug)]
struct Heard {
    at: Timestamp,
    headers: HeaderMap,
    bytes: Vec<u8>,
    body: Value,
}

/// Whoever is on call.
#[derive(Clone, Default)]
struct Pager(Arc<Mutex<Vec<Heard>>>);

impl Pager {
    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each was about, in the order in which they arrived.
    fn reasons(&self) -> Vec<String> {
        let heard = self.heard();
        let reasons = heard.iter().map(|one| &one.body["alarm"]);
        let words = reasons.map(|reason| reason.as_str().unwrap_or_default().to_owned());
        words.collect()
    }
}

/// An operator that tells a pager.
fn start(city: &City, identity: &str, pager: &Pager) -> Operator {
    let (clock, into) = (Clock::from(city.now()), pager.clone());
    let answer = move |_: &Method, _: &str, headers: &HeaderMap, bytes: &[u8]| {
        into.heard().push(Heard {
            at: clock.now(),
            headers: headers.clone(),
            bytes: bytes.to_vec(),
            body: serde_json::from_slice(bytes).expect("JSON"),
        });
        Reply {
            status: StatusCode::NO_CONTENT,
            body: bytes::Bytes::new(),
        }
    };
    let signals = support::alarms(CHANNEL, "http://127.0.0.1/alarms");
    let settings = Settings {
        identity: identity.to_owned(),
        concurrency: 4,
        lease: lease::settings(LEASE),
        signals: Arc::new(signals.played(Arc::new(answer))),
        ..settings()
    };
    let client = city.service.of(City::operator()).client();
    Operator::begin(client, settings, clock)
}

/// A playbook that one person may set in force alone, and a mode of it that waits for two.
async fn declared(city: &City) {
    let step = json!({ "name": "halve", "scale": { "percent": 50, "minimum": 1 }, "targets": {
        "kinds": ["Deployment"], "namespaces": { "names": [SPACE] }, "names": ["portal-web"] } });
    let spec = json!({ "title": { "en": "Flood" }, "hazard": "Flood", "owner": "simulation",
        "serviceAccountName": "flood",
        "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers"],
            "breakGlassGroups": ["emergency-command"], "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 } },
        "stages": [{ "name": "shed", "steps": [step] }] });
    let playbook = Playbook::new("flood", serde_json::from_value(spec).expect("a playbook"));
    let playbooks: Api<Playbook> = Api::all(city.admin.clone());
    let published = playbooks.create(&PostParams::default(), &playbook).await;
    published.expect("the playbook is accepted");
    let spec = json!({ "playbookRef": { "name": "flood" }, "level": "II", "reason": "the river rises",
        "requestedBy": "zhou", "requestedAs": "emergency-duty", "expiresAfter": "2h" });
    let mode = EmergencyMode::new("flood", serde_json::from_value(spec).expect("a mode"));
    let modes: Api<EmergencyMode> = Api::all(person(&city.admin, "zhou", "emergency-duty"));
    let declared = modes.create(&PostParams::default(), &mode).await;
    declared.expect("the mode is accepted");
    until(city, |status| status.plan.is_some()).await;
}

/// The commander acts without quorum.
async fn break_glass(city: &City) {
    let act =
        json!({ "reason": "the dam is about to break", "by": "wang", "as": "emergency-command" });
    let patch = Patch::Merge(json!({ "spec": { "breakGlass": act } }));
    let modes: Api<EmergencyMode> = Api::all(person(&city.admin, "wang", "emergency-command"));
    let acted = modes.patch("flood", &PatchParams::default(), &patch).await;
    acted.expect("the commander may");
}

/// Waits until the mode's status says something.
async fn until(city: &City, says: impl Fn(&EmergencyModeStatus) -> bool) -> EmergencyMode {
    for _ in 0..PATIENCE {
        let status = |mode: &EmergencyMode| mode.status.as_ref().is_some_and(&says);
        if let Some(mode) = city.mode().filter(status) {
            return mode;
        }
        sleep(Duration::from_secs(1)).await;
    }
    panic!("it never says so: {:?}", city.mode())
}

/// Lets time pass until then.
async fn pass(city: &City, until: Timestamp) {
    let left = until.duration_since(city.now());
    assert!(left.is_positive(), "{until} is over");
    sleep(left.unsigned_abs()).await;
}

/// What the Events on the mode say that have this reason.
async fn events(city: &City, reason: &str) -> Vec<String> {
    let api: Api<Event> = Api::all(city.admin.clone());
    let all = api.list(&ListParams::default()).await;
    let told = all.expect("Events are listed").items.into_iter();
    let told = told.filter(|event| event.reason.as_deref() == Some(reason));
    told.filter_map(|event| event.note).collect()
}

/// Each alarm is ours, and another one than the others.
fn are_signed(heard: &[Heard]) {
    let key = Key::read(support::SIGNALS_KEY).expect("a key");
    for one in heard {
        let text = |name: &str| one.headers[name].to_str().expect("text");
        let at = text("webhook-timestamp").parse().expect("a time");
        let signed = key.headers(text("webhook-id"), at, &one.bytes);
        assert_eq!(
            one.headers["webhook-signature"],
            signed["webhook-signature"]
        );
        assert_eq!(one.headers["content-type"], "application/json");
        let same = |other: &&Heard| other.headers["webhook-id"] == one.headers["webhook-id"];
        assert_eq!(heard.iter().filter(same).count(), 1);
    }
}

/// All but the message is the same for each reason; both languages say what to do.
fn says(heard: &Heard, reason: &str, english: &str, chinese: &str) {
    let mut body = heard.body.clone();
    let message = body["message"].take();
    let expected = json!({ "alarm": reason, "mode": "flood", "playbook": "flood", "level": "II",
        "nature": "Actual", "severity": "High", "message": null });
    assert_eq!(body, expected);
    let has = |lang: &str, words: &str| {
        let said = message[lang].as_str();
        said.is_some_and(|said| said.contains(words))
    };
    assert!(has("en", english) && has("zh-CN", chinese), "{message}");
}

/// Who is on call hears at once of an act without quorum, and in time that an emergency is about to end by
/// itself; of each once, or nobody listens any more.
#[tokio::test(start_paused = true)]
async fn break_glass_and_the_end_of_a_term_arrive_at_the_alarm_channel_once() {
    let (city, pager) = (City::new(&Story::plain()).await, Pager::default());
    let operator = start(&city, "first", &pager);
    declared(&city).await;
    assert_eq!(pager.reasons(), [""; 0]);
    let acted = city.now();
    break_glass(&city).await;
    let active = until(&city, |status| status.phase == Some(Phase::Active)).await;
    let status = active.status.expect("a status");
    let end = status.granted.expect("it is granted").expires_at;
    let whole = end.duration_since(status.activated_at.expect("it is activated"));
    let moment = SignedDuration::from_secs(10);
    let all = ["BreakGlass", "QuarterOfTermLeft", "TenthOfTermLeft"];
    for (count, next) in [(1, end - whole / 4), (2, end - whole / 10), (3, end)] {
        assert_eq!(pager.reasons(), all[..count]);
        pass(&city, next - moment).await;
        assert_eq!(pager.reasons(), all[..count], "too early");
        pass(&city, next + moment).await;
    }
    until(&city, |status| status.phase == Some(Phase::Closed)).await;
    assert_eq!(pager.reasons(), all);
    operator.stop().await;

    let heard = pager.heard().clone();
    assert!(
        heard[0].at.duration_since(acted) < moment,
        "{:?}",
        heard[0].at
    );
    are_signed(&heard);
    let alone = "wang as emergency-command acted without quorum: the dam is about to break";
    says(&heard[0], all[0], alone, "未经会签");
    says(
        &heard[1],
        all[1],
        "`pingzhan renew flood --for TERM`",
        "四分之一",
    );
    says(
        &heard[2],
        all[2],
        "`pingzhan renew flood --for TERM`",
        "十分之一",
    );
    let act = events(&city, all[0]).await;
    assert_eq!(act.len(), 1, "{act:?}");
    assert!(act[0].starts_with("wang acted without quorum"), "{act:?}");
    let mut expiring = events(&city, "Expiring").await;
    expiring.sort();
    let words = expiring.iter().map(|note| note.split(':').next());
    assert_eq!(words.collect::<Vec<_>>(), [Some(all[1]), Some(all[2])]);
}

/// A leader that died may have told of it, or not: the next one tells again, under the same key, so that a
/// receiver that has heard it does nothing.
#[tokio::test(start_paused = true)]
async fn another_leader_tells_the_same_alarm_again_under_the_same_key() {
    let (city, pager) = (City::new(&Story::plain()).await, Pager::default());
    let first = start(&city, "first", &pager);
    declared(&city).await;
    break_glass(&city).await;
    until(&city, |status| status.phase == Some(Phase::Active)).await;
    assert_eq!(pager.reasons(), ["BreakGlass"]);
    first.stop().await;
    let second = start(&city, "second", &pager);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(pager.reasons(), ["BreakGlass", "BreakGlass"]);
    let heard = pager.heard().clone();
    let key = |one: &Heard| one.headers["webhook-id"].clone();
    assert_eq!(key(&heard[0]), key(&heard[1]));
    second.stop().await;
}
