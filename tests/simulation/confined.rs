//! The program itself fails at something of one mode: at a decision, at its journal, at a record, at a write.
//! It is said on that mode and ends nothing else: the one beside it goes on, and so does this one, as soon
//! as the program does not fail any more.
//!
//! To fail is to panic in the middle of a request, as at an answer that nobody foresaw.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::client::Body;
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook};
use pingzhan::field::exact;
use pingzhan::run::clock::Clock;
use pingzhan::run::lease;
use pingzhan::run::operator::{self, Settings};
use pingzhan::sandtable::service::{Answered, Service};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::city::{ANNEX, City, SPACE};
use super::panics;
use super::story::Story;
use crate::city::played::{OFFICER, settings};
use crate::faults::site::locked;
use crate::support::people::person;

/// What every failure says that is meant.
const ON_PURPOSE: &str = "on purpose";
/// Seconds that anything may take: two terms of leadership, and what is tried again after a minute.
const PATIENCE: u64 = 300;
/// Seconds of the lease: its renewals are most of what idle minutes cost.
const LEASE: u32 = 45;

/// A request as it is sent.
#[derive(Clone)]
pub struct Asked {
    pub method: Method,
    pub uri: String,
    pub body: String,
}

type Trap = Arc<dyn Fn(&Asked) -> bool + Send + Sync>;

/// The operator's connection, at which the program fails now and then.
#[derive(Clone)]
struct Line {
    service: Service,
    trap: Arc<Mutex<Option<Trap>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Line {
    fn client(&self) -> Client {
        let line = self.clone();
        let send = move |request| {
            let line = line.clone();
            async move { Ok::<_, Infallible>(line.send(request).await) }
        };
        Client::new(tower::service_fn(send), "default")
    }

    async fn send(self, request: Request<Body>) -> Response<Answered> {
        let (head, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap_or_default();
        let asked = Asked {
            method: head.method.clone(),
            uri: head.uri.to_string(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        locked(&self.asked).push(asked.clone());
        let trap = locked(&self.trap).clone();
        let fails = trap.is_some_and(|trap| trap(&asked));
        assert!(!fails, "{ON_PURPOSE}: {} {}", asked.method, asked.uri);
        let request = Request::from_parts(head, Body::from(bytes));
        self.service.answer(request).await
    }
}

/// An operator.
pub struct Operator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Operator {
    /// Starts one over a connection; it runs until it is stopped.
    pub fn begin(client: Client, settings: Settings, clock: Clock) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let until = async {
                // A sender that is dropped is a process that is stopped.
                let _ = stopped.await;
            };
            let ended = operator::run_over(client, settings, clock, until).await;
            ended.expect("the operator ends in peace");
        });
        Self { stop, task }
    }

    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("it ends in peace");
    }
}

/// Plays a story of a program that fails, in paused time. Nothing may fail but on purpose, and something has
/// to.
pub fn played(story: impl Future<Output = ()>) {
    panics::watch();
    let over = catch_unwind(AssertUnwindSafe(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(story);
    }));
    let heard = panics::taken();
    let others = heard.iter().filter(|one| !one.contains(ON_PURPOSE));
    let others: Vec<&String> = others.collect();
    assert!(over.is_ok() && others.is_empty(), "{others:#?}");
    assert!(!heard.is_empty(), "it never failed");
}

/// A step that halves Deployments of a namespace.
fn halve(space: &str, names: &[&str]) -> Value {
    json!({ "name": "halve", "scale": { "percent": 50, "minimum": 1 }, "targets": {
        "kinds": ["Deployment"], "namespaces": { "names": [space] }, "names": names } })
}

/// Why a condition is true; nothing where it is not.
pub fn why<'a>(status: &'a EmergencyModeStatus, type_: &str) -> Option<&'a str> {
    let said = condition::get(&status.conditions, type_)?;
    (said.status == "True").then_some(said.reason.as_str())
}

/// A city, its people, and the connection of its operators.
pub struct Desk {
    pub city: City,
    line: Line,
}

impl Desk {
    /// With the playbooks `flood`, of one namespace, and `heat`, of another.
    async fn open() -> Self {
        let desk = Self::bare().await;
        let flood = halve(ANNEX, &["both", "gateway"]);
        desk.publish("flood", &json!([flood])).await;
        let heat = halve(SPACE, &["portal-web"]);
        desk.publish("heat", &json!([heat])).await;
        desk
    }

    /// Without any playbook.
    pub async fn bare() -> Self {
        let city = City::new(&Story::plain()).await;
        let line = Line {
            service: city.service.of(City::operator()),
            trap: Arc::default(),
            asked: Arc::default(),
        };
        Self { city, line }
    }

    pub fn start(&self, identity: &str) -> Operator {
        let settings = Settings {
            identity: identity.to_owned(),
            lease: lease::settings(LEASE),
            ..settings()
        };
        let clock = Clock::from(self.city.now());
        Operator::begin(self.line.client(), settings, clock)
    }

    /// From now on the program fails at requests like this.
    pub fn fails_at(&self, trap: impl Fn(&Asked) -> bool + Send + Sync + 'static) {
        *locked(&self.line.trap) = Some(Arc::new(trap));
    }

    /// It fails at nothing any more.
    pub fn is_mended(&self) {
        *locked(&self.line.trap) = None;
    }

    /// Everything that operators have asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.line.asked).clone()
    }

    /// Publishes a playbook of one stage, of which level IV needs nobody's approval.
    pub async fn publish(&self, name: &str, steps: &Value) {
        let spec = json!({ "title": { "en": name }, "hazard": "Flood", "owner": "simulation",
            "serviceAccountName": "flood",
            "authority": { "requesterGroups": [OFFICER.1], "approverGroups": ["emergency-approvers"],
                "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 } },
            "stages": [{ "name": "shed", "steps": steps }] });
        let playbook = Playbook::new(name, serde_json::from_value(spec).expect("a playbook"));
        let playbooks: Api<Playbook> = Api::all(self.city.admin.clone());
        let published = playbooks.create(&PostParams::default(), &playbook).await;
        published.expect("the playbook is accepted");
    }

    fn officer(&self) -> Api<EmergencyMode> {
        Api::all(person(&self.city.admin, OFFICER.0, OFFICER.1))
    }

    /// Declares a mode of the playbook of its name.
    pub async fn declare(&self, name: &str) {
        let spec = json!({ "playbookRef": { "name": name }, "level": "IV", "reason": "the river rises",
            "requestedBy": OFFICER.0, "requestedAs": OFFICER.1, "expiresAfter": "2h" });
        let mode = EmergencyMode::new(name, serde_json::from_value(spec).expect("a mode"));
        let declared = self.officer().create(&PostParams::default(), &mode).await;
        declared.expect("the mode is accepted");
    }

    /// Stands a mode down, and waits for its end.
    pub async fn come_back(&self, name: &str) {
        let patch = Patch::Merge(json!({ "spec": { "posture": "Peacetime" } }));
        let officer = self.officer();
        let asked = officer.patch(name, &PatchParams::default(), &patch).await;
        asked.expect("the officer may");
        self.is_in(name, Phase::Closed).await;
    }

    pub fn mode(&self, name: &str) -> EmergencyMode {
        let mut modes = self.city.modes().into_iter();
        let found = modes.find(|mode| mode.metadata.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("{name} is gone"))
    }

    /// Waits until a mode's status says something.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        says: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> EmergencyModeStatus {
        for _ in 0..PATIENCE {
            let status = self.mode(name).status;
            if let Some(status) = status.filter(|status| says(status)) {
                return status;
            }
            sleep(Duration::from_secs(1)).await;
        }
        panic!("{name} never {what}: {:#?}", self.mode(name).status)
    }

    pub async fn is_in(&self, name: &str, phase: Phase) -> EmergencyModeStatus {
        let says = |status: &EmergencyModeStatus| status.phase == Some(phase);
        self.until(name, &format!("is {phase:?}"), says).await
    }

    /// That the program failed at a mode is said on it.
    async fn is_named(&self, name: &str) {
        let says = |status: &EmergencyModeStatus| {
            why(status, types::BLOCKED).is_some_and(|reason| reason == "InternalError")
        };
        let status = self.until(name, "is said to be failed at", says).await;
        let blocked = condition::get(&status.conditions, types::BLOCKED).expect("it is said");
        let says = "pingzhan failed at this mode and leaves it alone";
        assert!(blocked.message.contains(says), "{}", blocked.message);
    }

    /// How many replicas a Deployment is to have.
    pub fn replicas(&self, name: &str) -> Value {
        let key = ("Deployment".to_owned(), name.to_owned());
        self.city.fleet()[&key]["spec"]["replicas"].clone()
    }

    /// Everything is what it was, owners included; but for these.
    pub fn is_exact_but(&self, names: &[&str]) {
        let now = self.city.fleet();
        let before = self.city.before.iter();
        for (key, before) in before.filter(|((_, name), _)| !names.contains(&name.as_str())) {
            let found = exact::differences(before, &now[key]);
            assert!(found.is_empty(), "{key:?}: {found:#?}");
        }
    }
}

/// Whether something of the namespace of `flood` is read.
fn is_read(asked: &Asked) -> bool {
    asked.method == Method::GET && asked.uri.contains(&format!("/namespaces/{ANNEX}/"))
}

/// Two offices have an emergency each: a defect that shows in one of them must not be the other's, nor keep
/// the API server from its work.
#[test]
fn a_mode_at_which_the_program_fails_is_named_and_the_one_beside_it_goes_on() {
    played(async {
        let desk = Desk::open().await;
        let operator = desk.start("first");
        desk.fails_at(is_read);
        desk.declare("flood").await;
        desk.is_named("flood").await;
        desk.declare("heat").await;
        desk.is_in("heat", Phase::Active).await;
        let tries = || desk.asked().iter().filter(|asked| is_read(asked)).count();
        let before = tries();
        sleep(Duration::from_mins(5)).await;
        let many = tries() - before;
        assert!((1..=10).contains(&many), "{many} tries in five minutes");
        desk.is_named("flood").await;
        desk.is_mended();
        let active = desk.is_in("flood", Phase::Active).await;
        assert_eq!(why(&active, types::BLOCKED), None);
        desk.come_back("flood").await;
        desk.come_back("heat").await;
        operator.stop().await;
        desk.is_exact_but(&[]);
    });
}

/// A leader reads all journals before it decides anything. One at which it fails must keep no other mode from
/// being carried out, whether its own mode is there or gone.
#[test]
fn a_journal_at_which_the_program_fails_holds_up_no_other_mode() {
    played(async {
        let desk = Desk::open().await;
        let first = desk.start("first");
        desk.declare("flood").await;
        desk.is_in("flood", Phase::Active).await;
        first.stop().await;
        let uid = desk.mode("flood").metadata.uid.expect("a uid");
        let of_flood = move |asked: &Asked| {
            let reads = asked.method == Method::GET && asked.uri.contains("/changerecords?");
            reads && asked.uri.contains(&uid)
        };
        desk.fails_at(of_flood.clone());
        let second = desk.start("second");
        desk.declare("heat").await;
        desk.is_in("heat", Phase::Active).await;
        desk.is_named("flood").await;
        desk.is_mended();
        let says = |status: &EmergencyModeStatus| why(status, types::BLOCKED).is_none();
        desk.until("flood", "is carried out again", says).await;
        second.stop().await;

        // Somebody takes its object away, finalizer and all, while nobody leads.
        desk.city
            .vanish("emergencymodes", |_, name| name == "flood");
        desk.fails_at(of_flood);
        let third = desk.start("third");
        desk.come_back("heat").await;
        third.stop().await;
        desk.is_exact_but(&["both", "gateway"]);
        assert_eq!(desk.replicas("gateway"), 6, "nobody knows what it was");
    });
}

/// What is journalled is all that brings services back. Where the program fails at it the mode takes its
/// journal up anew, and does not stand still for ever.
#[test]
fn a_record_at_which_the_program_fails_is_made_after_all() {
    played(async {
        let desk = Desk::open().await;
        let operator = desk.start("first");
        let failed = AtomicBool::default();
        desk.fails_at(move |asked| {
            let records = asked.method == Method::POST && asked.uri.contains("/changerecords");
            let of_flood = asked.body.contains(r#""name":"flood""#);
            let intents = asked.body.contains(r#""intents""#);
            records && of_flood && intents && !failed.swap(true, Ordering::SeqCst)
        });
        desk.declare("flood").await;
        desk.declare("heat").await;
        desk.is_in("heat", Phase::Active).await;
        desk.is_in("flood", Phase::Active).await;
        assert_eq!(
            (desk.replicas("both"), desk.replicas("gateway")),
            (json!(3), json!(6))
        );
        desk.come_back("flood").await;
        desk.come_back("heat").await;
        operator.stop().await;
        desk.is_exact_but(&[]);
    });
}

/// One service that the program fails at is left as it is, and named, since nobody would look into the log;
/// all others are switched, and the next operator does what this one could not.
#[test]
fn a_target_at_which_the_program_fails_is_named_and_the_others_are_switched() {
    played(async {
        let desk = Desk::open().await;
        let first = desk.start("first");
        desk.fails_at(|asked| {
            asked.method == Method::PATCH && asked.uri.contains("/deployments/gateway")
        });
        desk.declare("flood").await;
        desk.declare("heat").await;
        desk.is_in("heat", Phase::Active).await;
        let says = |status: &EmergencyModeStatus| {
            let applied = status.counts.is_some_and(|counts| counts.applied == 1);
            applied && why(status, types::DEGRADED) == Some("InternalError")
        };
        let status = desk.until("flood", "is said to be failed at", says).await;
        let named = status.targets.iter();
        let named = named.map(|one| (one.name.as_str(), one.state.as_str()));
        assert_eq!(named.collect::<Vec<_>>(), [("gateway", "Quarantined")]);
        assert_eq!(
            (desk.replicas("both"), desk.replicas("gateway")),
            (json!(3), json!(12))
        );
        first.stop().await;
        desk.is_mended();
        let second = desk.start("second");
        desk.is_in("flood", Phase::Active).await;
        assert_eq!(desk.replicas("gateway"), 6);
        desk.come_back("flood").await;
        desk.come_back("heat").await;
        second.stop().await;
        desk.is_exact_but(&[]);
    });
}
