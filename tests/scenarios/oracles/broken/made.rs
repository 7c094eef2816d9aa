//! The oracles of what modes make, on histories that break their rules. The honest one: a notice is made
//! after its intent, and removed after the turn.

use pingzhan::field::{Target, creation};

use super::*;

fn place() -> Target {
    creation::target("v1", "ConfigMap", "configmaps", "city", "notice")
}

fn made_for(uid: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "text": "stay at home" },
        "metadata": { "name": "notice", "namespace": "city", "uid": uid,
            "labels": { names::HELD_BY_LABEL: "flood", names::MADE_FOR_LABEL: MODE } } })
}

fn creation() -> Body {
    Body::Intents(vec![NewEntry {
        target: place(),
        path: creation::path(),
        base: Image::Absent,
        seen: Image::Absent,
        after: Image::Present(json!({ "kind": "ConfigMap" })),
        ..change()
    }])
}

/// When the notice is there, by its uid: made, and removed.
type Life = (&'static str, u64, u64);

/// A history in which notices are there at these times.
fn history(lives: &[Life]) -> (Evidence, Objects) {
    let mut story = Story {
        ledger: Ledger::new(mode()),
        events: Vec::new(),
    }
    .record(10, &turn(TurnKind::Granted))
    .record(20, &creation())
    .record(40, &outcome(Happened::Applied))
    .record(50, &turn(TurnKind::Restoring))
    .record(70, &outcome(Happened::Reverted))
    .record(90, &outcome(Happened::OwnersBack))
    .record(100, &turn(TurnKind::Closed));
    let mut live = Objects::new();
    for (uid, from, until) in lives {
        let kind = "ConfigMap";
        story.push(*from, kind, (*uid).to_owned(), made_for(uid));
        if *until == u64::MAX {
            live.insert((kind.to_owned(), "notice".to_owned()), made_for(uid));
        } else {
            story.push(*until, kind, (*uid).to_owned(), made_for(uid));
            let last = story
                .events
                .iter_mut()
                .find(|event| event.version == *until);
            last.expect("it was just told").removed = true;
        }
    }
    (Evidence::of(story.events, [].into()), live)
}

fn said(lives: &[Life]) -> String {
    let (evidence, live) = history(lives);
    evidence.objections(&live, Allowed::default()).join("\n")
}

/// What is made as the journal says is no offence, though an object comes and goes.
#[test]
fn nobody_objects_to_an_object_that_is_made_and_removed_as_journalled() {
    assert_eq!(said(&[("one", 30, 60)]), "");
}

/// O3 must see an object that is made before its intent, removed before the turn, or made twice.
#[test]
fn o3_objects_to_what_is_made_or_removed_before_the_journal_says_so() {
    let rows: [(&[Life], &str, &str); 3] = [
        (&[("one", 15, 60)], "was created", "before its intent"),
        (&[("one", 30, 45)], "was removed", "before the turn"),
        (
            &[("one", 30, 60), ("two", 62, 65)],
            "was made 2 times",
            "a late copy",
        ),
    ];
    for (lives, word, why) in rows {
        let said = said(lives);
        assert_objects(&said, "O3", why);
        assert!(said.contains(word), "{why}: {said}");
    }
}

/// O2 must see an object that is still there when its mode is over.
#[test]
fn o2_objects_to_what_is_left_of_what_was_made() {
    let said = said(&[("one", 30, u64::MAX)]);
    assert_objects(&said, "O2", "it is left");
    assert!(said.contains("was made for a mode that is over"), "{said}");
}
