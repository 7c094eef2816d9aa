//! A freeze: written first, proven before anything counts on it, lifted after everything else is back.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::*;
use crate::api::condition::{self, types};
use crate::api::{ActEvent, EmergencyModeSpec, PlaybookSpec, RecordMode};
use crate::engine::acts::{Answer, Answers};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::plan::{self, Request, store};
use crate::engine::work::Act;
use crate::field::{Image, creation, project};
use crate::ledger::EntryId;
use crate::ledger::Event;
use crate::ledger::record::{NewOutcome, encode, plan_parts};
use crate::playbook::expand;
use crate::step::wait::Reading;

const UID: &str = "0123abcd-0000-4000-8000-000000000000";
const MANAGER: &str = "pingzhan/flood/0123abcd";

fn start() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a time")
}

fn key() -> Key {
    ("calm".into(), "no-changes".into())
}

/// The Deployment, as it is with so many replicas, ours or not.
fn web(replicas: i64, ours: bool) -> Projection {
    let manager = if ours { MANAGER } else { "helm" };
    let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "portal", "uid": "u1", "generation": 1,
            "resourceVersion": "5", "managedFields": [{ "manager": manager, "operation": "Update",
                "apiVersion": "apps/v1", "fieldsV1": { "f:spec": { "f:replicas": {} } } }] },
        "spec": { "replicas": replicas } });
    let paths = [Path::fields(["spec", "replicas"])];
    project::project(&object, "deployments", &paths, true).expect("an object")
}

fn namespace(name: &str) -> Projection {
    let target = Target::from(crate::field::Identity {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        name: name.into(),
        ..crate::field::Identity::default()
    });
    creation::seen(&target, None)
}

/// The plan that freezes these namespaces.
fn plan_of(spec: &EmergencyModeSpec, namespaces: &[&str]) -> Arc<Plan> {
    let book = json!({
        "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x", "serviceAccountName": "x",
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"], "quorum": { "IV": 0 } },
        "stages": [
            { "name": "calm", "steps": [{ "name": "no-changes", "timeout": "1m",
                "freeze": { "namespaces": { "matchLabels": { "tier": "critical" } } } }] },
            { "name": "surge", "dependsOn": ["calm"], "steps": [{ "name": "grow",
                "targets": { "kinds": ["Deployment"], "names": ["web"] }, "scale": { "replicas": 9 } }] },
        ],
    });
    let book: PlaybookSpec = serde_json::from_value(book).expect("a playbook");
    let expanded = expand(&book, spec.level, &BTreeMap::new()).expect("it expands");
    let found = |found: Vec<Vec<Projection>>| StepFacts {
        found,
        ..StepFacts::default()
    };
    let mut facts = Facts::default();
    let frozen = namespaces.iter().map(|name| namespace(name)).collect();
    facts.steps.insert(key(), found(vec![frozen]));
    let grown = ("surge".into(), "grow".into());
    facts.steps.insert(grown, found(vec![vec![web(3, false)]]));
    let plan = plan::compute(&Request::of(spec, "flood", "pb", &book), &expanded, &facts);
    Arc::new(plan)
}

/// A mode that freezes one namespace and grows one Deployment after it.
struct World {
    spec: EmergencyModeSpec,
    ledger: Ledger,
    /// The plan in force, and all that were.
    plan: Arc<Plan>,
    plans: BTreeMap<String, Arc<Plan>>,
    sights: BTreeMap<Uid, Sight>,
    answers: Answers,
    /// What is not as it is shipped of the policies without which a mode goes on.
    lapsed: Vec<String>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let spec: EmergencyModeSpec = serde_json::from_value(json!({
            "playbookRef": { "name": "flood" }, "level": "IV", "reason": "x",
            "requestedBy": "li", "requestedAs": "duty", "expiresAfter": "1h",
        }))
        .expect("a mode");
        let plan = plan_of(&spec, &["portal"]);
        let mut world = Self {
            spec,
            ledger: Ledger::new(RecordMode {
                name: "flood".into(),
                uid: UID.into(),
            }),
            plan: plan.clone(),
            plans: BTreeMap::new(),
            sights: BTreeMap::new(),
            answers: Answers::new(),
            lapsed: Vec::new(),
            now: start() + SignedDuration::from_secs(60),
        };
        world.grants(plan);
        let freeze = world.freeze();
        let nothing = creation::seen(&freeze, None);
        world.sees(nothing);
        world.sees(web(3, false));
        world
    }

    /// A plan is stored, where it is not, and set in force.
    fn grants(&mut self, plan: Arc<Plan>) {
        if !self.plans.contains_key(&plan.hash) {
            for part in plan_parts(&plan.hash, &store::text(&plan)) {
                self.record(&Body::Plan(part));
            }
        }
        let mut granted = self.turned(TurnKind::Granted, "Approved");
        granted.plan_hash = Some(plan.hash.clone());
        granted.level = Some(self.spec.level);
        granted.expires_at = Some((start() + SignedDuration::from_hours(1)).to_string());
        self.record(&Body::Turn(granted));
        self.plans.insert(plan.hash.clone(), plan.clone());
        self.plan = plan;
    }

    #[expect(clippy::unused_self, reason = "it reads as what happens to the mode")]
    fn turned(&self, kind: TurnKind, reason: &'static str) -> Turn {
        turn(kind, &Ending { reason, by: None })
    }

    /// The freeze of the first namespace.
    fn freeze(&self) -> Target {
        self.freeze_of("portal")
    }

    fn freeze_of(&self, namespace: &str) -> Target {
        let step = self.plan.step("calm", "no-changes").expect("the step");
        let mut targets = step.changes.iter().map(|change| &change.target);
        let own = targets.find(|target| *target.namespace == *namespace);
        own.expect("it is frozen").clone()
    }

    fn record(&mut self, body: &Body) {
        let ledger = &self.ledger;
        let next = ledger.next_entry;
        let record = encode(&ledger.head, &ledger.mode, 1, self.now, next, body);
        self.ledger.apply(&record).expect("the next record");
    }

    fn sees(&mut self, seen: Projection) {
        let uid = seen.target.uid.clone();
        self.sights.insert(uid, Sight::Present(Arc::new(seen)));
    }

    fn outcome(&mut self, event: Event, entry: i64, observed: Option<Image>) {
        let mut outcome = NewOutcome::new(event, vec![EntryId(entry)]);
        outcome.observed = observed;
        self.record(&Body::Outcomes(vec![outcome]));
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
            enforcement: &crate::engine::enforcement::Enforcement::Proven(self.now),
            lapsed: &self.lapsed,
            own: super::world::OWN,
            layers: &crate::engine::layers::Layers::default(),
            unanswered: &BTreeMap::new(),
            quarantined: &BTreeSet::new(),
            trying: &BTreeSet::new(),
            sights: &self.sights,
            adopted: &[],
            answers: &self.answers,
            rewrites: &BTreeMap::new(),
            retry_at: &BTreeMap::new(),
            dead_at: start(),
            unconfirmed: &BTreeMap::new(),
            unwatched: None,
            refused: None,
            interruptions: &[],
            reported: &[],
            given_up: &BTreeMap::new(),
            now: self.now,
        })
    }

    /// Decides and journals until nothing more is to be journalled.
    fn settle(&mut self) -> Decision {
        loop {
            let decision = self.decide();
            if decision.append.is_empty() {
                return decision;
            }
            for body in &decision.append {
                self.record(body);
            }
        }
    }

    /// The uids of what is written now.
    fn written(&mut self) -> Vec<Uid> {
        let works = self.settle().works;
        works.into_iter().map(|work| work.uid).collect()
    }

    /// The intents of what is written now are stored.
    fn intend(&mut self) {
        for work in self.settle().works {
            let Act::Switch(items) = work.payload.act else {
                panic!("it is written for the first time");
            };
            let entries = items.into_iter().map(|item| item.entry).collect();
            self.record(&Body::Intents(entries));
        }
    }

    /// What the operator's probe says.
    fn says(&mut self, ask: Ask, answer: Answer) {
        self.answers.insert((key(), ask), (self.now, answer));
    }

    /// The freeze is written and stored.
    fn frozen(mut self) -> Self {
        self.intend();
        let freeze = self.freeze();
        self.stands(&freeze, 1);
        self
    }

    /// What an entry froze is stored.
    fn stands(&mut self, freeze: &Target, entry: i64) {
        let mut object = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze",
            "spec": { "groups": [] },
            "metadata": { "name": freeze.name, "namespace": freeze.namespace, "uid": "77aa",
                "resourceVersion": "9", "managedFields": [{ "manager": MANAGER, "operation": "Update",
                    "time": "2026-07-01T08:00:01Z", "fieldsV1": { "f:spec": { "f:groups": {} } } }] } });
        let body = creation::body(&object, "flood", UID);
        object["metadata"]["labels"] = body["metadata"]["labels"].clone();
        let seen = creation::seen(freeze, Some(&object));
        self.outcome(Event::Applied, entry, Some(seen.seen[0].image.clone()));
        self.sees(seen);
    }

    /// The freeze is proven, and what comes after it is written.
    fn active(self) -> Self {
        let mut world = self.frozen();
        world.settle();
        let seen = Reading::new(true, "in force in 1 namespaces".to_owned());
        world.says(Ask::Look, Answer::Seen(seen));
        world.intend();
        let nine = Value::from(9);
        world.outcome(Event::Applied, 2, Some(Image::Present(nine)));
        world.sees(web(9, true));
        world.settle();
        world
    }
}

/// What counts on a freeze must not begin before it is known to be in force, whatever is stored.
#[test]
fn what_comes_after_a_freeze_waits_for_its_proof() {
    let mut world = World::new();
    let freeze = world.freeze();
    let freeze = freeze.uid.clone();
    assert_eq!(world.written(), [freeze]);
    let mut world = world.frozen();
    let decision = world.settle();
    assert_eq!(decision.asks.get(&key()), Some(&Ask::Look));
    assert!(decision.works.is_empty(), "the rest waits");
    let not_yet = Reading::new(false, "the freeze is not in force in portal".to_owned());
    world.says(Ask::Look, Answer::Seen(not_yet.clone()));
    let decision = world.settle();
    assert!(decision.works.is_empty());
    let waiting = decision.waiting.expect("it waits").sentence();
    assert!(waiting.contains("not in force in portal"), "{waiting}");

    world.now += SignedDuration::from_secs(61);
    world.says(Ask::Look, Answer::Seen(not_yet));
    world.settle();
    let act = &world.ledger.acts[&key()];
    assert_eq!(act.state, crate::ledger::ActState::Failed);
    let why = act.reason.as_deref().unwrap_or_default();
    assert!(why.contains("not in force in portal"), "{why}");
}

/// People are let in when everything is back, in whatever stage the freeze stands, and the mode is over
/// when that is proven.
#[test]
fn a_freeze_is_lifted_last_and_proven_to_be() {
    let mut world = World::new().active();
    let freeze = world.freeze();
    let down = world.turned(TurnKind::Restoring, "StoodDown");
    world.spec.posture = crate::api::Posture::Peacetime;
    world.record(&Body::Turn(down));
    assert_eq!(world.written(), ["u1"], "the freeze stays");
    world.outcome(Event::Reverted, 2, None);
    world.sees(web(3, true));
    assert!(world.written().contains(&freeze.uid));
    world.outcome(Event::OwnersBack, 2, None);
    world.outcome(Event::Reverted, 1, None);
    world.sees(creation::seen(&freeze, None));
    let decision = world.settle();
    assert_eq!(decision.asks.get(&key()), Some(&Ask::Undo));
    world.outcome(Event::OwnersBack, 1, None);
    world.says(
        Ask::Undo,
        Answer::NotYet("still in force in 1 namespaces".to_owned()),
    );
    let decision = world.settle();
    assert!(!decision.closed);
    let waiting = decision.waiting.expect("it waits").sentence();
    assert!(waiting.contains("still in force"), "{waiting}");
    world.says(Ask::Undo, Answer::Done("lifted".to_owned()));
    assert!(world.settle().closed);
    let undone = |(_, note): &(Timestamp, crate::api::ActNote)| note.event == ActEvent::Undone;
    assert!(world.ledger.told.iter().any(undone));
}

fn degraded(decision: &Decision) -> String {
    let said = condition::get(&decision.status.conditions, types::DEGRADED).expect("it is said");
    format!("{} {}: {}", said.status, said.reason, said.message)
}

/// A freeze that is not enforced any more keeps nobody from anything, and whoever counts on it has to hear
/// so for as long as it lasts. It stops nothing: the return goes its way, and nothing is said once the
/// freeze is gone.
#[test]
fn a_freeze_that_lapses_is_said_and_stops_nothing() {
    let mut world = World::new().active();
    let before = world.settle();
    assert!(degraded(&before).starts_with("False "));
    world.lapsed = vec![
        "ValidatingAdmissionPolicy pingzhan-made is missing".to_owned(),
        "ValidatingAdmissionPolicyBinding pingzhan-freeze: spec.validationActions is not what this \
         version ships"
            .to_owned(),
    ];
    let decision = world.settle();
    assert_eq!(decision.blocked, None);
    assert_eq!(decision.status.phase, before.status.phase);
    let said = degraded(&decision);
    for part in [
        "True RulesLapsed: the change freeze is not enforced",
        &world.lapsed[1],
        "apply manifests/policies",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Nothing was made but the freeze, which the operator makes itself.
    assert!(!said.contains("pingzhan-made"), "{said}");

    let freeze = world.freeze();
    let down = world.turned(TurnKind::Restoring, "StoodDown");
    world.spec.posture = crate::api::Posture::Peacetime;
    world.record(&Body::Turn(down));
    assert_eq!(world.written(), ["u1"]);
    assert!(degraded(&world.settle()).starts_with("True RulesLapsed: "));
    world.outcome(Event::Reverted, 2, None);
    world.sees(web(3, true));
    assert!(world.written().contains(&freeze.uid));
    world.outcome(Event::OwnersBack, 2, None);
    world.outcome(Event::Reverted, 1, None);
    world.sees(creation::seen(&freeze, None));
    assert!(degraded(&world.settle()).starts_with("False "));
}

/// What a person has to repair must not be locked away until they have repaired it.
#[test]
fn what_waits_for_a_verdict_does_not_keep_a_freeze() {
    let mut world = World::new().active();
    let freeze = world.freeze();
    let down = world.turned(TurnKind::Restoring, "StoodDown");
    world.spec.posture = crate::api::Posture::Peacetime;
    world.record(&Body::Turn(down));
    world.sees(web(5, false));
    world.outcome(Event::Drifted, 2, Some(Image::Present(json!(5))));
    assert!(world.written().contains(&freeze.uid));
}

/// That another freeze was in force says nothing of the one that is written now: after a level or a term
/// has changed it may be of other namespaces.
#[test]
fn a_freeze_that_has_changed_is_proven_anew() {
    let mut world = World::new().active();
    world.now += SignedDuration::from_secs(60);
    let same = world.plan.clone();
    world.grants(same);
    let decision = world.settle();
    assert_eq!(decision.asks.get(&key()), None, "it is the same freeze");
    assert_eq!(world.ledger.acts[&key()].times, 1);

    let wider = plan_of(&world.spec, &["portal", "tax"]);
    world.grants(wider);
    let freeze = world.freeze_of("tax");
    world.sees(creation::seen(&freeze, None));
    let works = world.settle().works;
    let [new] = <[_; 1]>::try_from(works).expect("what is frozen already is not written again");
    assert_eq!(new.uid, freeze.uid);
    let Act::Switch(items) = new.payload.act else {
        panic!("it is written for the first time");
    };
    let entries = items.into_iter().map(|item| item.entry).collect();
    world.record(&Body::Intents(entries));
    world.stands(&freeze, 3);
    let decision = world.settle();
    assert_eq!(
        decision.asks.get(&key()),
        Some(&Ask::Look),
        "what is known is of the other"
    );
    let act = &world.ledger.acts[&key()];
    assert_eq!((act.state, act.times), (crate::ledger::ActState::Begun, 2));
    world.now += SignedDuration::from_secs(5);
    let seen = Reading::new(true, "in force in 2 namespaces".to_owned());
    world.says(Ask::Look, Answer::Seen(seen));
    world.settle();
    let act = &world.ledger.acts[&key()];
    assert_eq!(act.state, crate::ledger::ActState::Done);
}
