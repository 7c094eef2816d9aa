//! An act without quorum that nobody reviews: once its review is overdue it is said, over every way that
//! there is, also by an operator that begins to lead after the emergency is over.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, Phase};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::city::City;
use super::people::People;
use super::play::{self, HEAD};
use super::stage::Stage;
use super::story::{APPROVERS, Act, GROUPS, Story};
use super::weather::Weather;
use super::wire::{Sent, Sky};

/// What is said of a review that is overdue.
const OVERDUE: &str = "BreakGlassOverdue";
/// Seconds of the lease: long, since its renewals are most of what happens in a day.
const LEASE: u32 = 900;
/// How long it takes until another process leads, and has begun.
const TAKEOVER: Duration = Duration::from_mins(20);

/// Hours in a moment.
fn simulated(told: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(told);
}

fn story() -> Story {
    Story {
        happenings: Vec::new(),
        operators: 1,
        lease: LEASE,
        alarms: true,
        ..Story::plain()
    }
}

/// A city in which an emergency was set in force without quorum, and is over.
struct Over<'a> {
    city: Arc<City>,
    sky: Sky,
    story: &'a Story,
    people: People,
}

impl<'a> Over<'a> {
    /// With the operator that carried it out.
    async fn begin(story: &'a Story) -> (Self, Stage<'a>) {
        let city = Arc::new(City::new(story).await);
        // Where Events are of what is in no namespace.
        let space = json!({ "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "default" } });
        city.put(&space).await;
        let sky = Sky::new(Weather::fine(), city.now());
        play::publish(&city, story).await;
        let mut stage = Stage::new(&city, &sky, story);
        sleep(HEAD).await;
        let people = People::new(city.clone());
        let mut over = Self {
            city,
            sky,
            story,
            people,
        };
        over.people.declare(story).await;
        over.until(&mut stage, "is planned", |mode| {
            let status = mode.status.as_ref();
            status.is_some_and(|status| status.plan.is_some())
        })
        .await;
        let act = json!({ "reason": "the dam is about to break", "by": "commander-wang",
            "as": GROUPS[1] });
        over.people.ask(json!({ "breakGlass": act })).await;
        over.until(&mut stage, "is active", is_in(Phase::Active))
            .await;
        over.people.act(&Act::StandDown).await;
        over.until(&mut stage, "is over", |mode| {
            let finalizers = mode.metadata.finalizers.as_deref().unwrap_or_default();
            is_in(Phase::Closed)(mode) && finalizers.is_empty()
        })
        .await;
        (over, stage)
    }

    /// Time passes until the mode is so.
    async fn until(
        &self,
        stage: &mut Stage<'_>,
        what: &str,
        is_so: impl Fn(&EmergencyMode) -> bool,
    ) {
        let patience = Instant::now() + TAKEOVER;
        while !self.city.mode().as_ref().is_some_and(&is_so) {
            let now = Instant::now();
            assert!(now < patience, "never {what}: {:?}", self.city.mode());
            stage.wait(now + Duration::from_secs(1)).await;
        }
    }

    /// What is said of the approval: reason and sentence.
    fn approved(&self) -> (String, String) {
        let mode = self.city.mode().expect("a mode");
        let status = mode.status.expect("a status");
        let said = condition::get(&status.conditions, types::APPROVED).expect("it is said");
        (said.reason.clone(), said.message.clone())
    }

    /// The notes of Events that tell of it.
    async fn events(&self) -> Vec<String> {
        let api: Api<Event> = Api::all(self.city.admin.clone());
        let all = api.list(&ListParams::default()).await;
        let all = all.expect("Events are listed").into_iter();
        let of_it = all.filter(|event| event.reason.as_deref() == Some(OVERDUE));
        of_it.filter_map(|event| event.note).collect()
    }

    /// How often an alarm has told of it.
    fn alarms(&self) -> usize {
        let keys = self.city.outside.keys().into_iter();
        keys.filter(|key| key.contains(&format!("/{OVERDUE}/")))
            .count()
    }

    async fn is_not_overdue_yet(&self) {
        assert_eq!(self.approved().0, "BreakGlass");
        assert_eq!(self.events().await, Vec::<String>::new());
        assert_eq!(self.alarms(), 0);
    }

    /// By the status, by one Event and by one alarm.
    async fn is_said_to_be_overdue(&self) {
        let (reason, message) = self.approved();
        assert_eq!(reason, OVERDUE);
        let says = "the review by somebody else than commander-wang is overdue since";
        assert!(message.contains(says), "{message}");
        let status = self.city.mode().and_then(|mode| mode.status);
        let waits = status.and_then(|status| status.waiting_on);
        assert_eq!(waits.as_deref(), Some(message.as_str()));
        assert_eq!(self.events().await, [message]);
        assert_eq!(self.alarms(), 1);
    }

    /// Somebody else reviews it, and that is answered.
    async fn is_reviewed(&self, stage: &mut Stage<'_>) {
        let review = json!({ "of": "breakGlass", "outcome": "Justified", "by": APPROVERS[0],
            "as": GROUPS[0] });
        self.people.ask(json!({ "reviews": [review] })).await;
        self.until(stage, "is reviewed", |mode| {
            let status = mode.status.as_ref();
            let waits = status.and_then(|status| status.waiting_on.as_ref());
            waits.is_none() && self.approved().0 == "BreakGlassReviewed"
        })
        .await;
    }

    /// How often a process read the journal of a mode, and whether it led at all.
    fn journals(&self, process: usize) -> (usize, bool) {
        let trail = self.sky.trail.all();
        let own = || trail.iter().filter(move |sent| sent.process == process);
        let is_journal = |sent: &&Sent| {
            sent.path().ends_with("/changerecords") && sent.uri.contains("labelSelector")
        };
        let leads = |sent: &Sent| sent.lease && sent.method == http::Method::PUT;
        (own().filter(is_journal).count(), own().any(leads))
    }
}

fn is_in(phase: Phase) -> impl Fn(&EmergencyMode) -> bool {
    move |mode| mode.status.as_ref().and_then(|status| status.phase) == Some(phase)
}

/// Who looks after what is over goes on doing so with every leader, for as long as somebody has to act:
/// what nobody follows is never overdue. And no longer than that.
#[test]
fn an_overdue_review_is_said_by_the_next_leader_after_the_end() {
    let story = story();
    simulated(async {
        let (over, mut stage) = Over::begin(&story).await;
        stage.life(0).die();
        stage.wait(Instant::now() + Duration::from_hours(23)).await;
        over.is_not_overdue_yet().await;
        stage.wait(Instant::now() + Duration::from_hours(2)).await;
        over.is_said_to_be_overdue().await;
        over.is_reviewed(&mut stage).await;
        let (read, led) = over.journals(1);
        assert!(read > 0 && led, "the second process follows it");
        stage.life(1).die();
        stage.wait(Instant::now() + TAKEOVER).await;
        assert_eq!(over.journals(2), (0, true), "nobody has to act any more");
    });
}

/// A day without any operator is no reason to forget it.
#[test]
fn a_review_that_became_overdue_without_any_operator_is_said_by_the_next_one() {
    let story = story();
    simulated(async {
        let (over, stage) = Over::begin(&story).await;
        stage.stop().await;
        sleep(Duration::from_hours(25)).await;
        over.is_not_overdue_yet().await;
        let mut stage = Stage::new(&over.city, &over.sky, over.story);
        stage.wait(Instant::now() + TAKEOVER).await;
        over.is_said_to_be_overdue().await;
        over.is_reviewed(&mut stage).await;
    });
}
