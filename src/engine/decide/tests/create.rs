//! Objects that a mode makes: what is decided at the switch, in wartime and at the return, and after a
//! crash in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::*;
use crate::api::condition::{self, types};
use crate::api::{EmergencyModeSpec, PlaybookSpec, RecordMode, names};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::plan::{self, Request, store};
use crate::engine::work::Act;
use crate::field::{Image, creation};
use crate::ledger::entry::NewEntry;
use crate::ledger::record::{NewOutcome, encode, plan_parts};
use crate::ledger::{EntryId, Event, State};
use crate::playbook::expand;

const UID: &str = "0123abcd-0000-4000-8000-000000000000";
const MANAGER: &str = "pingzhan/flood/0123abcd";

fn start() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a time")
}

fn notice() -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "notice", "namespace": "portal" }, "data": { "text": "stay at home" } })
}

fn place() -> Target {
    creation::target("v1", "ConfigMap", "configmaps", "portal", "notice")
}

/// The notice as the server made it of ours.
fn made() -> Value {
    let mut object = creation::body(&notice(), "flood", UID);
    object["metadata"]["uid"] = json!("77aa");
    object["metadata"]["resourceVersion"] = json!("9");
    object["metadata"]["managedFields"] = json!([{ "manager": MANAGER, "operation": "Update",
        "time": "2026-07-01T08:00:01Z", "fieldsV1": { "f:data": { "f:text": {} } } }]);
    object
}

/// Somebody's own notice.
fn theirs() -> Value {
    let mut object = notice();
    object["metadata"]["uid"] = json!("55ff");
    object["metadata"]["managedFields"] = json!([{ "manager": "helm", "operation": "Apply",
        "time": "2026-07-01T07:00:00Z", "fieldsV1": { "f:data": { "f:text": {} } } }]);
    object
}

/// A mode that makes one notice.
struct World {
    spec: EmergencyModeSpec,
    ledger: Ledger,
    plans: BTreeMap<String, Arc<Plan>>,
    sights: BTreeMap<Uid, Sight>,
    unconfirmed: BTreeMap<Uid, Timestamp>,
    dead_at: Timestamp,
    /// What is not as it is shipped of the policies without which a mode goes on.
    lapsed: Vec<String>,
    now: Timestamp,
}

impl World {
    fn new(drift: &str) -> Self {
        let book = json!({
            "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x", "serviceAccountName": "x",
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"], "quorum": { "IV": 0 } },
            "stages": [{ "name": "tell", "steps": [{ "name": "notices",
                "drift": serde_json::from_str::<Value>(drift).expect("a policy"),
                "apply": { "objects": [notice()] } }] }],
        });
        let book: PlaybookSpec = serde_json::from_value(book).expect("a playbook");
        let spec: EmergencyModeSpec = serde_json::from_value(json!({
            "playbookRef": { "name": "flood" }, "level": "IV", "reason": "x",
            "requestedBy": "li", "requestedAs": "duty", "expiresAfter": "1h",
        }))
        .expect("a mode");
        let expanded = expand(&book, spec.level, &BTreeMap::new()).expect("it expands");
        let seen = StepFacts {
            found: vec![vec![creation::seen(&place(), None)]],
            ..StepFacts::default()
        };
        let mut facts = Facts::default();
        facts.steps.insert(("tell".into(), "notices".into()), seen);
        let plan = plan::compute(&Request::of(&spec, "flood", "pb", &book), &expanded, &facts);
        let mut world = Self {
            spec,
            ledger: Ledger::new(RecordMode {
                name: "flood".into(),
                uid: UID.into(),
            }),
            plans: BTreeMap::from([(plan.hash.clone(), Arc::new(plan.clone()))]),
            sights: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            dead_at: start(),
            lapsed: Vec::new(),
            now: start() + SignedDuration::from_secs(60),
        };
        for part in plan_parts(&plan.hash, &store::text(&plan)) {
            world.record(&Body::Plan(part));
        }
        let mut granted = turn(
            TurnKind::Granted,
            &Ending {
                reason: "Approved",
                by: None,
            },
        );
        granted.plan_hash = Some(plan.hash);
        granted.level = Some(world.spec.level);
        granted.expires_at = Some((start() + SignedDuration::from_hours(1)).to_string());
        world.record(&Body::Turn(granted));
        world
    }

    fn record(&mut self, body: &Body) {
        let ledger = &self.ledger;
        let record = encode(
            &ledger.head,
            &ledger.mode,
            1,
            start(),
            ledger.next_entry,
            body,
        );
        self.ledger.apply(&record).expect("the next record");
    }

    fn outcome(&mut self, event: Event, object: Option<&Value>) {
        let mut outcome = NewOutcome::new(event, vec![EntryId(1)]);
        outcome.observed =
            object.map(|object| creation::seen(&place(), Some(object)).seen[0].image.clone());
        self.record(&Body::Outcomes(vec![outcome]));
    }

    /// The intent is stored; and, where it says so, that it was made.
    fn intended(mut self, applied: bool) -> Self {
        self.sees(None);
        let entry = match self.act() {
            Some(Act::Switch(mut items)) => items.remove(0).entry,
            other => panic!("{other:?}"),
        };
        self.record(&Body::Intents(vec![entry]));
        if applied {
            self.outcome(Event::Applied, Some(&made()));
            self.sees(Some(&made()));
        }
        self
    }

    fn restoring(mut self) -> Self {
        let ending = Ending {
            reason: "StoodDown",
            by: None,
        };
        self.spec.posture = crate::api::Posture::Peacetime;
        self.record(&Body::Turn(turn(TurnKind::Restoring, &ending)));
        self
    }

    fn sees(&mut self, object: Option<&Value>) {
        let seen = creation::seen(&place(), object);
        self.sights
            .insert(place().uid.clone(), Sight::Present(Arc::new(seen)));
    }

    fn decide(&self) -> Decision {
        decide(&Input {
            mode: ModeView {
                name: "flood",
                uid: UID,
                generation: 1,
                created: start(),
                deleting: false,
                spec: Some(&self.spec),
                status: None,
                kept: &[],
            },
            playbook: None,
            malformed: None,
            ledger: &self.ledger,
            plans: &self.plans,
            candidate: None,
            explained: None,
            conflicts: &|_| Vec::new(),
            own: super::world::OWN,
            layers: &crate::engine::layers::Layers::default(),
            enforcement: &crate::engine::enforcement::Enforcement::Proven(self.now),
            lapsed: &self.lapsed,
            unanswered: &BTreeMap::new(),
            quarantined: &BTreeSet::new(),
            trying: &BTreeSet::new(),
            sights: &self.sights,
            adopted: &[],
            answers: &BTreeMap::new(),
            rewrites: &BTreeMap::new(),
            retry_at: &BTreeMap::new(),
            dead_at: self.dead_at,
            unconfirmed: &self.unconfirmed,
            unwatched: None,
            refused: None,
            interruptions: &[],
            reported: &[],
            given_up: &BTreeMap::new(),
            now: self.now,
        })
    }

    /// What is done to the place, if anything.
    fn act(&self) -> Option<Act> {
        let mut works = self.decide().works;
        assert!(works.len() <= 1, "one act a place");
        works.pop().map(|work| work.payload.act)
    }

    /// What is journalled of the place without a write.
    fn noted(&self) -> Option<(Event, String)> {
        match self.act() {
            Some(Act::Note(outcomes)) => {
                let outcome = &outcomes[0];
                Some((outcome.event, outcome.reason.clone().unwrap_or_default()))
            }
            Some(Act::Switch(_) | Act::Rewrite(_) | Act::Revert { .. } | Act::GiveBack { .. })
            | None => None,
        }
    }
}

/// Nothing is made before its intent is stored, and the intent says all that brings it back.
#[test]
fn an_object_that_is_not_there_is_intended_and_made() {
    let mut world = World::new("{}");
    assert!(
        matches!(world.decide().need, Some(Need::Sights(_))),
        "it is looked at first"
    );
    world.sees(None);
    let work = world.decide().works.pop().expect("a work");
    assert!(matches!(
        work.before,
        crate::engine::scheduler::Before::Intents { changes: 1, .. }
    ));
    assert_eq!(work.uid, place().uid);
    let Act::Switch(items) = work.payload.act else {
        panic!("it is made");
    };
    let NewEntry {
        base, seen, after, ..
    } = &items[0].entry;
    assert_eq!((base, seen), (&Image::Absent, &Image::Absent));
    assert_eq!(*after, Image::Present(notice()));
}

/// The crash between the create and its outcome: what is there is recognised, and never made twice.
#[test]
fn after_a_crash_ours_is_recognised_and_anothers_is_refused() {
    let mut world = World::new("{}").intended(false);
    assert!(matches!(world.act(), Some(Act::Switch(items)) if items[0].id == Some(EntryId(1))));
    world.sees(Some(&made()));
    assert_eq!(world.noted().map(|(event, _)| event), Some(Event::Applied));
    world.sees(Some(&theirs()));
    // It may come as soon as theirs goes.
    world.dead_at = world.now + SignedDuration::from_secs(5);
    assert!(world.act().is_none(), "one of ours may be under way");
    world.now = world.dead_at;
    let (event, why) = world.noted().expect("it is said");
    assert_eq!(event, Event::Refused);
    assert!(why.contains("made by helm"), "{why}");
}

/// Somebody deletes it: that is the peacetime value put back, and each policy says what follows.
#[test]
fn what_is_deleted_in_wartime_is_made_again_or_let_go() {
    let mut world = World::new("{}").intended(true);
    assert!(world.act().is_none(), "it stands");
    world.sees(None);
    assert!(
        matches!(world.act(), Some(Act::Rewrite(items)) if items[0].event == Event::Reasserted)
    );
    let mut world = World::new(r#"{ "active": "Yield" }"#).intended(true);
    world.sees(None);
    assert_eq!(world.noted().map(|(event, _)| event), Some(Event::Kept));
}

/// An edit is somebody's intent, and is named by its fields; another object is no edit of ours.
#[test]
fn what_is_edited_or_replaced_in_wartime_waits_for_a_person() {
    let mut world = World::new("{}").intended(true);
    let mut edited = made();
    edited["data"]["text"] = json!("go out");
    edited["metadata"]["managedFields"].as_array_mut().expect("a list").push(
        json!({ "manager": "colleague", "operation": "Update", "time": "2026-07-01T09:00:00Z", "fieldsV1": {} }),
    );
    world.sees(Some(&edited));
    let drifted = (Event::Drifted, "colleague changed /data/text".to_owned());
    assert_eq!(world.noted(), Some(drifted));
    world.sees(Some(&theirs()));
    let (event, why) = world.noted().expect("it is said");
    assert_eq!(event, Event::Drifted);
    assert_eq!(why, "helm has put another object in its place");
}

/// The return deletes what stands, looks once more when nothing can be under way, and ends.
#[test]
fn the_return_deletes_and_looks_once_more() {
    let mut world = World::new("{}").intended(true).restoring();
    let Some(Act::Revert { items, turned }) = world.act() else {
        panic!("it is deleted");
    };
    assert_eq!(items[0].edit.to, Image::Absent);
    assert!(turned.is_empty());
    world.outcome(Event::Reverted, None);
    world.sees(None);
    let dead_at = world.now + SignedDuration::from_secs(7);
    world.unconfirmed.insert(place().uid.clone(), dead_at);
    let decision = world.decide();
    assert!(decision.works.is_empty(), "a copy may still come");
    assert_eq!(decision.waiting, Some(Waiting::Unconfirmed(dead_at)));
    assert_eq!(decision.again_at, Some(dead_at));
    world.now = dead_at;
    assert!(matches!(world.act(), Some(Act::GiveBack { items, .. }) if items.len() == 1));
    world.outcome(Event::OwnersBack, None);
    assert!(
        matches!(world.decide().append.as_slice(), [Body::Turn(turn)] if turn.kind == TurnKind::Closed)
    );
}

/// A mode that never made its object leaves whoever took the name alone, without asking anybody.
#[test]
fn the_return_never_deletes_what_was_never_ours() {
    let mut world = World::new("{}").intended(false).restoring();
    world.sees(Some(&theirs()));
    let (event, why) = world.noted().expect("it is said");
    assert_eq!(event, Event::Kept);
    assert!(why.contains("made by helm"), "{why}");
    let mut world = World::new(r#"{ "restore": "Revert" }"#)
        .intended(true)
        .restoring();
    world.sees(Some(&theirs()));
    assert_eq!(
        world.noted().map(|(event, _)| event),
        Some(Event::Kept),
        "a policy does not delete somebody's object"
    );
}

/// A create whose answer was lost may have made it: it is deleted all the same.
#[test]
fn the_return_deletes_what_no_outcome_speaks_of() {
    let mut world = World::new("{}").intended(false).restoring();
    world.sees(Some(&made()));
    assert!(matches!(world.act(), Some(Act::Revert { .. })));
    world.sees(None);
    world.dead_at = world.now + SignedDuration::from_secs(5);
    assert!(
        world.act().is_none(),
        "what a dead leader sent may still come"
    );
    world.now = world.dead_at;
    assert_eq!(world.noted().map(|(event, _)| event), Some(Event::Reverted));
}

/// The policy that refuses late creations is a second net: where it has lapsed, a mode that makes something
/// says so until nothing of it is left, one that makes nothing says nothing, and the return does not wait.
#[test]
fn a_lapsed_net_for_what_is_made_is_said_and_stops_nothing() {
    let lapsed = "ValidatingAdmissionPolicy pingzhan-made: spec.validations[0].expression is not what \
                  this version ships";
    let degraded = |world: &World| {
        let status = world.decide().status;
        let said = condition::get(&status.conditions, types::DEGRADED).expect("it is said");
        format!("{} {}: {}", said.status, said.reason, said.message)
    };
    let mut world = World::new("{}");
    world.lapsed = vec![lapsed.to_owned()];
    assert!(
        degraded(&world).starts_with("False "),
        "nothing is made yet"
    );
    let world = world.intended(true);
    let said = degraded(&world);
    assert!(
        said.starts_with("True RulesLapsed: a creation that arrives late"),
        "{said}"
    );
    assert!(
        said.contains(lapsed) && said.contains("manifests/policies"),
        "{said}"
    );
    assert_eq!(world.decide().blocked, None);
    let mut world = world.restoring();
    assert!(
        matches!(world.act(), Some(Act::Revert { .. })),
        "it comes back"
    );
    assert!(degraded(&world).starts_with("True RulesLapsed: "));
    world.outcome(Event::Reverted, None);
    world.outcome(Event::OwnersBack, None);
    world.sees(None);
    assert!(
        degraded(&world).starts_with("False "),
        "nothing of it is left"
    );
}

/// Finalizers that keep it are named; after a minute it is stuck, and never before.
#[test]
fn what_is_being_deleted_is_waited_for_and_then_stuck() {
    let mut world = World::new("{}").intended(true).restoring();
    let mut going = made();
    going["metadata"]["deletionTimestamp"] = json!(world.now.to_string());
    going["metadata"]["finalizers"] = json!(["example.com/keep"]);
    world.sees(Some(&going));
    let decision = world.decide();
    assert!(decision.works.is_empty());
    let said = decision.waiting.expect("it waits").sentence();
    assert!(
        said.contains("ConfigMap portal/notice") && said.contains("example.com/keep"),
        "{said}"
    );
    assert_eq!(decision.refresh, [place().uid.clone()]);
    world.now += SignedDuration::from_secs(60);
    let (event, why) = world.noted().expect("it is stuck");
    assert_eq!(event, Event::Stuck);
    assert!(why.contains("example.com/keep"), "{why}");
    world.outcome(Event::Stuck, None);
    assert!(world.act().is_none(), "it is said once");
    world.sees(None);
    assert_eq!(world.noted().map(|(event, _)| event), Some(Event::Reverted));
    let entry = world.ledger.entries.get(EntryId(1)).expect("the entry");
    assert_eq!(entry.state, State::Stuck);
    assert_eq!(names::field_manager("flood", UID), MANAGER);
}
