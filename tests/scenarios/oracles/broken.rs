//! Each oracle on a history that breaks its rule: one that cannot object proves nothing.
//!
//! The honest history: one Deployment with 7 replicas is switched to 4 and brought back, and each
//! test breaks it in one way.

mod made;

use jiff::Timestamp;
use pingzhan::api::condition::types;
use pingzhan::api::{
    Condition, Counts, EmergencyMode, EmergencyModeStatus, Phase, RecordMode, TargetStatus, Turn,
    TurnKind, names,
};
use pingzhan::field::{Identity, Image, Path};
use pingzhan::ledger::entry::NewEntry;
use pingzhan::ledger::record::{Body, NewOutcome, encode};
use pingzhan::ledger::{EntryId, Event as Happened, Ledger};
use serde_json::{Value, json};

use super::super::history::Event;
use super::super::truth::{Truth, unnamed};
use super::super::world::{Objects, REMOVED};
use super::{Allowed, Evidence, differing, rests};

/// The mode's uid.
const MODE: &str = "0a1b2c3d-mode";
/// The Deployment's uid.
const WEB: &str = "web-uid";
/// When its owner created the Deployment.
const CREATED: u64 = 1;
/// The image of the Deployment, which the mode does not change.
const IMAGE: &str = "web:1";

fn mode() -> RecordMode {
    RecordMode {
        name: "flood".to_owned(),
        uid: MODE.to_owned(),
    }
}

/// The Deployment, with our marks or without.
fn web(replicas: i64, image: &str, ours: bool) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "uid": WEB, "labels": { "app": "web" },
            "managedFields": [{ "manager": "helm", "operation": "Apply", "apiVersion": "apps/v1",
                "fieldsV1": { "f:spec": { "f:image": {} } } }] },
        "spec": { "replicas": replicas, "image": image },
    });
    if ours {
        object["metadata"]["labels"][names::HELD_BY_LABEL] = json!("flood");
        object["metadata"]["managedFields"][0]["manager"] =
            json!(names::field_manager("flood", MODE));
    }
    object
}

fn turn(kind: TurnKind) -> Body {
    Body::Turn(Turn {
        kind,
        by: None,
        reason: None,
        plan_hash: Some("sha256:plan".to_owned()),
        level: Some(pingzhan::api::Level::IV),
        expires_at: Some("2026-12-01T00:00:00Z".to_owned()),
        approvals: Vec::new(),
    })
}

fn intent() -> Body {
    Body::Intents(vec![change()])
}

fn change() -> NewEntry {
    let target = Identity {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        plural: "deployments".to_owned(),
        namespace: "city".to_owned(),
        name: "web".to_owned(),
        uid: WEB.into(),
    };
    let count = |replicas: i64| Image::Present(json!(replicas));
    NewEntry {
        stage: "shed".into(),
        step: "halve".into(),
        target: target.into(),
        path: Path::fields(["spec", "replicas"]),
        base: count(7),
        seen: count(7),
        after: count(4),
        owners: Vec::new().into(),
        parents: Vec::new(),
        covers: None,
        supersedes: None,
        amendment: 0,
    }
}

fn outcome(event: Happened) -> Body {
    Body::Outcomes(vec![NewOutcome::new(event, vec![EntryId(1)])])
}

/// A history in the making: records are journalled as they come.
struct Story {
    ledger: Ledger,
    events: Vec<Event>,
}

impl Story {
    /// The Deployment as it was in peacetime; its owner wrote it.
    fn begins() -> Self {
        let story = Self {
            ledger: Ledger::new(mode()),
            events: Vec::new(),
        };
        story.is(CREATED, web(7, IMAGE, false))
    }

    /// A record is stored.
    fn record(mut self, version: u64, body: &Body) -> Self {
        let ledger = &self.ledger;
        let (head, entry) = (&ledger.head, ledger.next_entry);
        let spec = encode(head, &ledger.mode, 1, Timestamp::UNIX_EPOCH, entry, body);
        self.ledger.apply(&spec).expect("a legal record");
        let object = json!({ "spec": spec });
        self.push(version, "ChangeRecord", format!("record-{version}"), object);
        self
    }

    /// The Deployment is written.
    fn is(mut self, version: u64, object: Value) -> Self {
        self.push(version, "Deployment", WEB.to_owned(), object);
        self
    }

    fn push(&mut self, version: u64, kind: &str, uid: String, object: Value) {
        self.events.push(Event {
            version,
            kind: kind.to_owned(),
            uid,
            object,
            removed: false,
        });
        self.events.sort_by_key(|event| event.version);
    }

    /// Switched, as it should be.
    fn switched() -> Self {
        Self::begins()
            .record(10, &turn(TurnKind::Granted))
            .record(20, &intent())
            .is(30, web(4, IMAGE, true))
            .record(40, &outcome(Happened::Applied))
    }

    /// Brought back from wherever it is, with this left of it.
    fn returned(self, left: Value) -> Self {
        self.record(50, &turn(TurnKind::Restoring))
            .is(60, web(7, IMAGE, true))
            .record(70, &outcome(Happened::Reverted))
            .is(80, left)
            .record(90, &outcome(Happened::OwnersBack))
            .record(100, &turn(TurnKind::Closed))
    }

    /// Everything in it, and what is there in the end.
    fn told(self, foreign: &[u64]) -> (Evidence, Objects) {
        let last = self.events.iter().rfind(|event| event.uid == WEB);
        let live = last.map(|event| event.object.clone()).expect("an object");
        let foreign = foreign.iter().chain([&CREATED]);
        let foreign = foreign.map(|version| (WEB.to_owned(), *version));
        let evidence = Evidence::of(self.events, foreign.collect());
        (evidence, fleet(live))
    }

    /// What the oracles object to, where the scenario made these writes.
    fn objections(self, foreign: &[u64]) -> String {
        let (evidence, live) = self.told(foreign);
        evidence.objections(&live, Allowed::default()).join("\n")
    }
}

fn fleet(object: Value) -> Objects {
    [(("Deployment".to_owned(), "web".to_owned()), object)].into()
}

fn assert_objects(said: &str, oracle: &str, why: &str) {
    assert!(said.contains(oracle), "{oracle} is silent: {why}: {said:?}");
}

/// The measure of all others: nobody objects to what is right.
#[test]
fn nobody_objects_to_an_honest_history() {
    let honest = Story::switched().returned(web(7, IMAGE, false));
    assert_eq!(honest.objections(&[]), "");
    assert_eq!(Story::switched().objections(&[]), "");
}

/// O1 must see a value, an owner, a label and a whole object that is not as it was.
#[test]
fn o1_objects_to_an_end_that_is_not_the_beginning() {
    let before = fleet(web(7, IMAGE, false));
    assert_eq!(differing(&before, &before, &[]), Vec::<String>::new());
    for (after, many) in [
        (fleet(web(8, IMAGE, false)), 1),
        (fleet(web(7, "web:2", false)), 1),
        (fleet(web(7, IMAGE, true)), 3),
        (Objects::new(), 1),
    ] {
        assert_eq!(differing(&before, &after, &[]).len(), many, "{after:?}");
        assert_eq!(differing(&before, &after, &["web"]), Vec::<String>::new());
    }
}

/// O2 must see a journalled field that is not back, and a mark of ours that is left.
#[test]
fn o2_objects_to_a_field_that_is_not_back_and_to_a_mark_that_is_left() {
    let said = Story::switched()
        .returned(web(4, IMAGE, false))
        .objections(&[]);
    assert_objects(&said, "O2: f:spec/f:replicas", "the wartime value is there");
    let said = Story::switched()
        .returned(web(7, IMAGE, true))
        .objections(&[]);
    assert_objects(&said, "O2: Deployment web still bears", "our name is left");
    let closed = Story::switched()
        .record(50, &turn(TurnKind::Restoring))
        .record(60, &turn(TurnKind::Closed));
    assert_objects(
        &closed.objections(&[]),
        "O2:",
        "it was closed and nothing done",
    );
}

/// What somebody chooses once a mode is over is theirs, also where the mode's own write had never arrived; but O2
/// must see what was so before the end, and what we write ourselves.
#[test]
fn o2_lets_people_change_afterwards_what_was_never_written() {
    let never = |edited: u64| {
        Story::begins()
            .record(10, &turn(TurnKind::Granted))
            .record(20, &intent())
            .record(50, &turn(TurnKind::Restoring))
            .record(70, &outcome(Happened::Reverted))
            .record(90, &outcome(Happened::OwnersBack))
            .record(100, &turn(TurnKind::Closed))
            .is(edited, web(13, IMAGE, false))
    };
    assert_eq!(never(110).objections(&[110]), "");
    assert_objects(
        &never(60).objections(&[60]),
        "O2: f:spec/f:replicas",
        "it was so when the mode ended",
    );
    assert_objects(
        &never(110).objections(&[]),
        "O2: f:spec/f:replicas",
        "nobody else wrote it",
    );
}

/// O2 must see a wartime value that is taken for the peacetime one.
#[test]
fn o2_objects_to_a_base_that_is_captured_again() {
    let again = |base: i64| {
        let count = |replicas: i64| Image::Present(json!(replicas));
        let entry = NewEntry {
            base: count(base),
            seen: count(4),
            after: count(2),
            supersedes: Some(EntryId(1)),
            amendment: 1,
            ..change()
        };
        let raised = Story::switched().record(45, &Body::Intents(vec![entry]));
        raised.is(46, web(2, IMAGE, true)).objections(&[])
    };
    assert_eq!(again(7), "");
    assert_objects(&again(4), "O2: f:spec/f:replicas", "it had another base");
}

/// O3 must see one write more than the journal accounts for, though it changes nothing of note.
#[test]
fn o3_objects_to_a_write_too_many() {
    let said = Story::switched()
        .returned(web(7, IMAGE, false))
        .is(110, web(7, IMAGE, false))
        .objections(&[]);
    assert_objects(&said, "O3: 4 writes", "the journal accounts for three");
    let said = Story::switched()
        .returned(web(7, IMAGE, false))
        .is(110, web(7, IMAGE, false))
        .objections(&[110]);
    assert_eq!(said, "", "it was the scenario's own");
}

/// O3 must see an object that nobody else created or removed.
#[test]
fn o3_objects_to_a_target_that_is_created_or_removed() {
    let mut created = Story::switched();
    created.push(45, "ConfigMap", "other".to_owned(), json!({}));
    let said = created.objections(&[]);
    assert_objects(&said, "O3: ConfigMap  was created", "nobody did");
    let removed = || {
        let mut story = Story::switched();
        story.push(45, "Deployment", WEB.to_owned(), web(4, IMAGE, true));
        story.events.last_mut().expect("an event").removed = true;
        story
    };
    let said = removed().objections(&[]);
    assert_objects(&said, "O3: Deployment web was removed", "nobody did");
    assert_eq!(removed().objections(&[REMOVED]), "");
}

/// O4 must see an effect before its intent, a return before its turn, and a change that no record
/// names.
#[test]
fn o4_objects_to_an_effect_before_its_record() {
    let early = Story::begins()
        .record(10, &turn(TurnKind::Granted))
        .is(15, web(4, IMAGE, true))
        .record(20, &intent())
        .record(40, &outcome(Happened::Applied));
    assert_objects(&early.objections(&[]), "O4:", "effect before intent");
    let unturned = Story::switched().is(45, web(7, IMAGE, true));
    assert_objects(&unturned.objections(&[]), "O4:", "return before its turn");
    let other = Story::switched().is(45, web(4, "web:2", true));
    assert_objects(
        &other.objections(&[]),
        "O4: a write of web",
        "another field",
    );
}

/// O5 must see somebody else's value written over, unless a person or the playbook allowed it.
#[test]
fn o5_objects_to_a_foreign_value_that_is_written_over() {
    let fought = || {
        Story::switched()
            .is(42, web(5, IMAGE, true))
            .record(43, &outcome(Happened::Reasserted))
            .is(44, web(4, IMAGE, true))
    };
    let said = fought().objections(&[42]);
    assert_objects(&said, "O5: f:spec/f:replicas of web was 5", "it was theirs");
    let (evidence, live) = fought().told(&[42]);
    let allowed = evidence.objections(&live, Allowed::OVERWRITE);
    assert_eq!(allowed, Vec::<String>::new());
}

/// O8 must see what never comes to rest, and let pass what does after a while.
#[tokio::test]
async fn o8_objects_to_what_never_comes_to_rest() {
    let (evidence, _) = Story::switched().told(&[]);
    let happens = evidence.events[..1].to_vec();
    let restless = rests(async || happens.clone()).await;
    assert_eq!(restless, Err(vec!["Deployment web".to_owned()]));
    let mut left = 3;
    let settles = rests(async || {
        left -= 1;
        if left > 0 {
            happens.clone()
        } else {
            Vec::new()
        }
    });
    assert_eq!(settles.await, Ok(()));
}

/// A status that is true of the switched story.
fn status() -> EmergencyModeStatus {
    let condition = |type_: &str| Condition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        reason: "Because".to_owned(),
        message: String::new(),
        last_transition_time: Timestamp::UNIX_EPOCH,
        observed_generation: 1,
    };
    EmergencyModeStatus {
        phase: Some(Phase::Active),
        counts: Some(Counts {
            applied: 1,
            ..Counts::default()
        }),
        conditions: vec![condition(types::ACTIVE), condition(types::APPROVED)],
        ..EmergencyModeStatus::default()
    }
}

/// What O9 says of a status of the switched story, where the Deployment is like this.
fn lies(status: &EmergencyModeStatus, object: Value) -> String {
    let spec = json!({ "playbookRef": { "name": "flood" }, "level": "IV", "reason": "r",
        "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" });
    let mode = EmergencyMode::new("flood", serde_json::from_value(spec).expect("a mode"));
    let (evidence, _) = Story::switched().told(&[]);
    let truth = Truth {
        mode: &mode,
        status,
        ledger: &evidence.ledgers[MODE],
        live: &fleet(object),
    };
    truth.lies().join("\n")
}

/// O9 must see each kind of lie: a count, a value, a condition, a phase, and what was seen.
#[test]
fn o9_objects_to_a_status_that_is_not_true() {
    let held = || web(4, IMAGE, true);
    assert_eq!(lies(&status(), held()), "");
    let mut counted = status();
    counted.counts = Some(Counts {
        applied: 1,
        restored: 1,
        ..Counts::default()
    });
    assert_objects(&lies(&counted, held()), "it says 1 restored", "a count");
    let said = lies(&status(), web(5, IMAGE, true));
    assert_objects(&said, "counts as applied", "another value is there");
    let mut unsaid = status();
    unsaid.conditions.truncate(1);
    assert_objects(
        &lies(&unsaid, held()),
        "Approved should be true",
        "a condition",
    );
    let mut closed = status();
    closed.phase = Some(Phase::Closed);
    assert_objects(&lies(&closed, held()), "its journal Wartime", "a phase");
    let mut seen = status();
    seen.targets = vec![TargetStatus {
        name: "web".to_owned(),
        uid: WEB.into(),
        path: "/spec/replicas".to_owned(),
        state: "Drifted".to_owned(),
        seen: Some(Image::Present(json!(6)).hash()),
        ..TargetStatus::default()
    }];
    assert_objects(
        &lies(&seen, held()),
        "it says that web was seen as",
        "a value",
    );
}

/// And a status that was replaced since: for a moment it asked for a verdict that nobody could give.
#[test]
fn o9_objects_to_a_status_that_asks_for_a_verdict_and_names_no_value() {
    let said = |state: &str, seen: Value| {
        let target = json!({ "name": "web", "uid": WEB, "state": state, "seen": seen });
        let object = json!({ "metadata": { "name": "flood" }, "status": { "targets": [target] } });
        let event = Event {
            version: 7,
            kind: "EmergencyMode".to_owned(),
            uid: MODE.to_owned(),
            object,
            removed: false,
        };
        unnamed(&[event]).join("\n")
    };
    for state in ["Drifted", "Stuck"] {
        assert_eq!(said(state, json!("sha256:1")), "");
        assert_objects(
            &said(state, Value::Null),
            "does not say what was seen",
            state,
        );
    }
    assert_eq!(said("Gone", Value::Null), "", "nobody speaks about it");
}
