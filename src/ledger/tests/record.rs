//! Records: read back as written, small, and within what the API server accepts.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use crate::api::{ChangeRecordSpec, PlanPart};
use crate::ledger::record::{
    BYTES, Damage, Decoded, FIRST_GROUP, GROUP, Head, decode, group, group_outcomes, hash,
    plan_parts,
};

use super::*;

fn record(body: &Body) -> ChangeRecordSpec {
    encode(&Head::default(), &mode(), 3, at(0), 1, body)
}

/// As the API server stores it and gives it back.
fn stored(record: &ChangeRecordSpec) -> ChangeRecordSpec {
    let text = serde_json::to_string(record).expect("a record is JSON");
    serde_json::from_str(&text).expect("a record is read back")
}

/// etcd holds the journal of the whole emergency: a change has to cost a few hundred bytes, its
/// confirmation included, or a large switch fills it.
#[test]
fn a_plain_change_costs_at_most_300_bytes_of_journal() {
    let entries: Vec<_> = (0..5000).map(|n| scale(n, 3, 9)).collect();
    let mut ledger = started();
    let mut bytes = 0;
    for body in group(entries, FIRST_GROUP) {
        let Body::Intents(entries) = &body else {
            panic!("changes became {body:?}")
        };
        let ids = (ledger.next_entry..).take(entries.len()).map(EntryId);
        let applied = Body::Outcomes(vec![NewOutcome::new(Event::Applied, ids.collect())]);
        for body in [&body, &applied] {
            let record = encode(
                &ledger.head,
                &ledger.mode,
                1,
                at(0),
                ledger.next_entry,
                body,
            );
            bytes += serde_json::to_string(&record).expect("JSON").len();
            ledger.apply(&record).expect("a legal record");
        }
    }
    assert_eq!(ledger.entries.len(), 5000);
    assert!(bytes / 5000 <= 300, "{} bytes a change", bytes / 5000);
}

/// The first writes of a switch must not wait for a long record, and no record may be refused for
/// its length.
#[test]
fn changes_are_split_small_first_and_never_within_a_target() {
    let mut entries = Vec::new();
    for n in 0..1000 {
        entries.push(scale(n, 3, 9));
        if n % 3 == 0 {
            let mut second = scale(n, 3, 9);
            second.path = Path::fields(["spec", "paused"]);
            entries.push(second);
        }
    }
    let bodies = group(entries.clone(), FIRST_GROUP);
    let mut joined = Vec::new();
    let mut last = None;
    for (index, body) in bodies.into_iter().enumerate() {
        let bytes = serde_json::to_string(&record(&body)).expect("JSON").len();
        let Body::Intents(entries) = body else {
            panic!("changes became {body:?}")
        };
        assert!(entries.len() <= if index == 0 { FIRST_GROUP } else { GROUP });
        assert!(bytes <= BYTES + 1024, "{bytes} bytes");
        let first = entries.first().map(|entry| entry.target.uid.clone());
        assert_ne!(first, last, "a target was split");
        last = entries.last().map(|entry| entry.target.uid.clone());
        joined.extend(entries);
    }
    assert_eq!(joined, entries);
}

/// A ConfigMap of many large keys is one write; it may be a large record, but not lost.
#[test]
fn a_target_beyond_the_limit_is_a_body_of_its_own() {
    let large: Vec<_> = (0..4)
        .map(|key| {
            let mut entry = scale(1, 3, 9);
            entry.path = Path::fields(["data", ["a", "b", "c", "d"][key]]);
            entry.base = image("\"".repeat(20_000));
            entry
        })
        .collect();
    let mut entries = vec![scale(0, 3, 9)];
    entries.extend(large.clone());
    entries.push(scale(2, 3, 9));
    assert_eq!(
        group(entries, FIRST_GROUP),
        vec![
            Body::Intents(vec![scale(0, 3, 9)]),
            Body::Intents(large),
            Body::Intents(vec![scale(2, 3, 9)]),
        ]
    );
}

/// The schema bounds items and etcd bounds bytes: what the server made of large values must be
/// spread over records.
#[test]
fn many_different_outcomes_are_spread_over_records() {
    let outcomes: Vec<_> = (1..=3000)
        .map(|id| NewOutcome {
            observed: Some(image(format!("{id}-{}", "x".repeat(100)))),
            ..outcome(Event::Applied, id)
        })
        .collect();
    let bodies = group_outcomes(outcomes.clone());
    let mut read = Vec::new();
    for body in bodies {
        let record = stored(&record(&body));
        assert!(serde_json::to_string(&record).expect("JSON").len() <= BYTES + 16 * 1024);
        let items = record.outcomes.as_ref().expect("outcomes").items.len();
        assert!(items <= 1024, "{items} items");
        match decode(&record).expect("just written") {
            Decoded::Outcomes(outcomes) => read.extend(outcomes),
            other @ (Decoded::Plan(_)
            | Decoded::Intents(_)
            | Decoded::Acts(_)
            | Decoded::Turn(_)) => {
                panic!("outcomes became {other:?}")
            }
        }
    }
    assert_eq!(read, outcomes);
}

/// Plans hold Chinese: a part must not end inside a character, and joined parts are what is hashed.
#[test]
fn parts_of_a_plan_join_to_its_text() {
    for text in [String::new(), "短".to_owned(), "防汛".repeat(40_000)] {
        let parts = plan_parts("sha256:x", &text);
        let count = i32::try_from(parts.len()).expect("few parts");
        for (part, number) in parts.iter().zip(1..) {
            assert_eq!((part.part, part.parts), (number, count));
            assert!(part.text.len() <= 64 * 1024);
        }
        let joined: String = parts.into_iter().map(|part| part.text).collect();
        assert_eq!(joined, text);
    }
}

/// A record that says one thing and holds another was not written by us.
#[test]
fn a_record_with_two_bodies_is_damaged() {
    let mut both = record(&Body::Turn(granted()));
    both.plan = Some(PlanPart::default());
    assert!(decode(&both).is_err());
    both.turn = None;
    assert!(decode(&both).is_err());
}

/// The format is a contract with every later version: a change of it must be seen in review.
#[test]
fn an_intents_record_reads_as_reviewed() {
    let mut keyed = scale(2, 3, 9);
    keyed.path = Path::parse(r#"f:spec/k:{"name":"web"}/f:image"#).expect("a path");
    keyed.base = Image::Absent;
    keyed.seen = Image::Absent;
    keyed.after = image(json!(null));
    keyed.parents = vec![Path::fields(["spec"])];
    keyed.owners = Arc::new([FormerOwner {
        lost: FieldSet::of(&Path::fields(["spec"])),
        ..keyed.owners[0].clone()
    }]);
    keyed.amendment = 1;
    keyed.covers = Some("another-mode".to_owned());
    let body = Body::Intents(vec![scale(1, 3, 9), keyed]);
    insta::assert_json_snapshot!(record(&body));
}

/// What the record says of writes and owners is what is given back: where it names something else
/// than it holds, it was not written by us.
#[test]
fn a_record_that_names_what_it_does_not_hold_is_damaged() {
    let mut second = scale(1, 3, 9);
    second.path = Path::fields(["spec", "paused"]);
    let good = record(&Body::Intents(vec![scale(1, 3, 9), second]));
    assert_eq!(
        good.intents.as_ref().expect("intents").entries[1].write,
        Some(1)
    );
    assert!(started_with(&good).is_ok());
    let broken = |change: &dyn Fn(&mut crate::api::Intent)| {
        let mut record = good.clone();
        change(&mut record.intents.as_mut().expect("intents").entries[1]);
        started_with(&record)
    };
    for (why, damage) in [
        ("another write", broken(&|entry| entry.write = Some(7))),
        (
            "no owner",
            broken(&|entry| entry.owners = vec!["3 -".to_owned()]),
        ),
        (
            "no number",
            broken(&|entry| entry.owners = vec!["helm -".to_owned()]),
        ),
        (
            "no time",
            broken(&|entry| entry.owners = vec!["0".to_owned()]),
        ),
        (
            "no JSON",
            broken(&|entry| entry.owners = vec!["0 - {".to_owned()]),
        ),
        ("no group", broken(&|entry| entry.group = 4)),
        ("no name", broken(&|entry| entry.name.clear())),
    ] {
        assert!(
            matches!(damage, Err(Damage::Body { .. })),
            "{why}: {damage:?}"
        );
    }
}

fn started_with(record: &ChangeRecordSpec) -> Result<(), Damage> {
    Ledger::new(mode()).apply(record)
}

fn value() -> impl Strategy<Value = Image> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no NaN", |number| number.is_finite())
            .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop_oneof![1 => Just(Image::Absent), 4 => tree.prop_map(Image::Present)]
}

fn path() -> impl Strategy<Value = Path> {
    prop::collection::vec("[a-z/~.\"洪]{1,6}", 1..4).prop_map(|names| {
        Path::new(
            names
                .into_iter()
                .map(crate::field::Segment::Field)
                .collect(),
        )
    })
}

fn entry() -> impl Strategy<Value = NewEntry> {
    (
        (0..4_usize, path(), value(), value(), value()),
        prop::collection::vec(
            (
                0..3_usize,
                prop::option::of("[0-9]{4}"),
                path(),
                any::<bool>(),
            ),
            0..3,
        ),
        (
            prop::collection::vec(path(), 0..2),
            prop::option::of("[a-z]{3}"),
            0..3_i64,
        ),
    )
        .prop_map(
            |((n, path, base, seen, after), owners, (parents, covers, amendment))| {
                let mut entry = scale(n, 0, 0);
                entry.owners = owners
                    .into_iter()
                    .map(|(owner, at, other, own)| FormerOwner {
                        owner: Arc::new(Owner {
                            manager: format!("manager-{owner}"),
                            ..Owner::clone(&entry.owners[0].owner)
                        }),
                        at,
                        lost: FieldSet::of(if own { &path } else { &other }),
                    })
                    .collect();
                NewEntry {
                    path,
                    base,
                    seen,
                    after,
                    parents,
                    covers,
                    amendment,
                    ..entry
                }
            },
        )
}

proptest! {
    /// What is restored is what was read back: an intent must survive its record bit for bit,
    /// nulls, big numbers and absent values included.
    #[test]
    fn changes_are_read_back_as_written(entries in prop::collection::vec(entry(), 1..20)) {
        let written = record(&Body::Intents(entries.clone()));
        let read = decode(&stored(&written)).expect("just written");
        prop_assert_eq!(hash(&written), hash(&stored(&written)));
        prop_assert_eq!(read.into_body(), Body::Intents(entries));
    }
}
