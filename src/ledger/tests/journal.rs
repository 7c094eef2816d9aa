//! Property tests over whole journals: made at random, but legal, by asking the ledger what it
//! admits.

use proptest::prelude::*;

use crate::api::{ChangeRecordSpec, PlanPart};
use crate::ledger::record::Damage;

use super::*;

/// One choice of the generator: what kind of record, and two dice.
type Choice = (u8, u8, u8);

/// A legal journal, and the ledger after each of its records.
fn journal(choices: &[Choice]) -> (Vec<ChangeRecordSpec>, Vec<Ledger>) {
    let mut ledger = Ledger::new(mode());
    let mut records = Vec::new();
    let mut ledgers = Vec::new();
    let mut epoch = 1;
    for choice in choices {
        let Some(body) = body(&ledger, *choice) else {
            continue;
        };
        if matches!(&body, Body::Turn(turn) if turn.kind == TurnKind::Leader) {
            epoch += 1;
        }
        let record = encode(
            &ledger.head,
            &ledger.mode,
            epoch,
            at(ledger.head.sequence),
            ledger.next_entry,
            &body,
        );
        ledger
            .apply(&record)
            .expect("the generator makes legal records");
        records.push(record);
        ledgers.push(ledger.clone());
    }
    (records, ledgers)
}

fn body(ledger: &Ledger, (kind, first, second): Choice) -> Option<Body> {
    use crate::ledger::Direction;
    let granting = matches!(
        ledger.direction,
        Direction::Pending | Direction::Wartime | Direction::Held
    );
    match kind {
        0 => Some(Body::Turn(turn(TurnKind::Leader))),
        1 if granting => Some(Body::Turn(granted())),
        2 if granting && first == 0 => Some(Body::Turn(turn(TurnKind::Held))),
        3 if first < 20 => Some(Body::Turn(turn(TurnKind::Restoring))),
        4 => Some(Body::Plan(PlanPart {
            hash: format!("sha256:{}", ledger.head.sequence),
            part: 1,
            parts: 1,
            text: "{}".to_owned(),
        })),
        5..30 => Some(Body::Intents(intents(ledger, first, second))),
        _ => outcomes(ledger, first, second).map(Body::Outcomes),
    }
}

/// Changes of a few of six fields; those that are held already are superseded.
fn intents(ledger: &Ledger, first: u8, second: u8) -> Vec<NewEntry> {
    (0..=usize::from(first % 3))
        .map(|n| {
            let mut entry = scale((n + usize::from(second)) % 6, 3, i64::from(second));
            if let Some(head) = ledger
                .head_of(&entry.target.uid, &entry.path)
                .filter(|head| !head.state.is_settled_back())
            {
                entry.base = head.base.clone();
                entry.seen = head.ours().clone();
                entry.supersedes = Some(head.id);
            }
            entry
        })
        .collect()
}

fn outcomes(ledger: &Ledger, first: u8, second: u8) -> Option<Vec<NewOutcome>> {
    let ids: Vec<_> = ledger.entries.values().map(|entry| entry.id).collect();
    let id = *ids.get(usize::from(first) % ids.len().max(1))?;
    let legal = (0..Event::ALL.len()).find_map(|offset| {
        let event = Event::ALL[(usize::from(second) + offset) % Event::ALL.len()];
        let outcome = NewOutcome {
            observed: (event == Event::Drifted).then(|| image(77)),
            ..NewOutcome::new(event, vec![id])
        };
        ledger
            .admits(std::slice::from_ref(&outcome))
            .is_ok()
            .then_some(outcome)
    })?;
    Some(vec![legal])
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((0..90_u8, any::<u8>(), any::<u8>()), 2..60)
}

/// Changes one leaf of a record by one character.
fn tamper(record: &ChangeRecordSpec, which: usize) -> Option<ChangeRecordSpec> {
    fn leaves<'a>(value: &'a mut Value, all: &mut Vec<&'a mut Value>) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| leaves(value, all)),
            Value::Array(list) => list.iter_mut().for_each(|value| leaves(value, all)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => all.push(value),
        }
    }
    let mut value = serde_json::to_value(record).expect("a record is JSON");
    let mut all = Vec::new();
    leaves(&mut value, &mut all);
    let count = all.len();
    let leaf = all.swap_remove(which % count);
    match leaf {
        Value::Number(number) => *leaf = (number.as_i64().expect("whole numbers") + 1).into(),
        Value::String(text) => match text.pop() {
            Some('x') => text.push('y'),
            Some(_) | None => text.push('x'),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    }
    // What the API server's schema would refuse is no journal at all.
    serde_json::from_value(value).ok()
}

/// A case folds a journal many times over: 64 of them take about a second. `PROPTEST_CASES` says how many
/// else: 50,000 are a run of the campaign (C15).
fn sequences() -> ProptestConfig {
    let config = ProptestConfig::default();
    let nobody_said = config.cases == 256;
    ProptestConfig {
        cases: if nobody_said { 64 } else { config.cases },
        // One journal in fifty is too short for what is done to it.
        max_global_rejects: config.max_global_rejects.max(config.cases),
        ..config
    }
}

proptest! {
    #![proptest_config(sequences())]

    /// The operator may be killed after any record: what was true then must be found again.
    #[test]
    fn any_prefix_folds_to_what_was_true_then(choices in choices()) {
        let (records, ledgers) = journal(&choices);
        for (end, expected) in ledgers.iter().enumerate() {
            let folded = Ledger::fold(mode(), records[..=end].to_vec());
            prop_assert_eq!(folded.as_ref(), Ok(expected));
        }
    }

    /// Lists come in no order that we may rely on.
    #[test]
    fn the_order_of_the_list_does_not_matter(
        (shuffled, expected) in choices().prop_flat_map(|choices| {
            let (records, ledgers) = journal(&choices);
            (Just(records).prop_shuffle(), Just(ledgers.last().cloned()))
        }),
    ) {
        let folded = Ledger::fold(mode(), shuffled);
        prop_assert_eq!(folded.ok(), Some(expected.unwrap_or_else(|| Ledger::new(mode()))));
    }

    /// A journal with a hole, a double, or an edit must never be taken for the truth: nothing is
    /// touched then. (The last record is vouched for by the API server alone.)
    #[test]
    fn a_removed_doubled_or_edited_record_is_damage(
        choices in choices(), at in any::<prop::sample::Index>(), which in any::<usize>(),
    ) {
        let (records, _) = journal(&choices);
        prop_assume!(records.len() > 1);
        let at = at.index(records.len() - 1);

        let mut hole = records.clone();
        hole.remove(at);
        let expected = records[at].sequence;
        let gap = Damage::Gap { expected, found: expected + 1 };
        prop_assert_eq!(Ledger::fold(mode(), hole).err(), Some(gap));

        let mut doubled = records.clone();
        doubled.push(records[at].clone());
        prop_assert!(Ledger::fold(mode(), doubled).is_err());

        if let Some(edited) = tamper(&records[at], which) {
            prop_assert_ne!(&edited, &records[at]);
            let mut records = records.clone();
            records[at] = edited;
            prop_assert!(Ledger::fold(mode(), records).is_err());
        }
    }

    /// A record that is refused must leave what we believe as it was: the next look at the journal
    /// starts from there.
    #[test]
    fn a_refused_record_changes_nothing(choices in choices(), which in any::<usize>()) {
        let (records, ledgers) = journal(&choices);
        for (index, ledger) in ledgers.iter().enumerate().skip(1) {
            let mut before = ledgers[index - 1].clone();
            let Some(edited) = tamper(&records[index], which) else { continue };
            if before.apply(&edited).is_err() {
                prop_assert_eq!(&before, &ledgers[index - 1]);
            } else {
                prop_assert_ne!(&before.head, &ledger.head);
            }
        }
    }

    /// A field's head must be its latest entry that was not given up unwritten, or a value of ours
    /// would be forgotten.
    #[test]
    fn heads_are_the_latest_entries_that_were_written(choices in choices()) {
        let (_, ledgers) = journal(&choices);
        let Some(ledger) = ledgers.last() else { return Ok(()) };
        let mut heads = std::collections::BTreeMap::new();
        let mut latest = std::collections::BTreeMap::new();
        for entry in ledger.entries.values() {
            let field = (entry.target.uid.clone(), entry.path.clone());
            if !entry.state.is_unwritten() {
                heads.insert(field.clone(), entry.id);
            }
            latest.insert(field, entry.id);
        }
        prop_assert_eq!(&ledger.heads, &heads);
        for ((uid, path), id) in latest {
            prop_assert_eq!(ledger.latest_of(&uid, &path).map(|entry| entry.id), Some(id));
        }
    }

    /// The peacetime value of everything that may still be ours is known, and on the way back
    /// nothing is left in wartime.
    #[test]
    fn whatever_is_live_has_its_base(choices in choices()) {
        let (_, ledgers) = journal(&choices);
        let Some(ledger) = ledgers.last() else { return Ok(()) };
        for entry in ledger.live() {
            prop_assert_eq!(ledger.base(&entry.target.uid, &entry.path), Some(&image(3)));
            if ledger.restoring_at.is_some() {
                prop_assert!(entry.turned, "{:?}", entry);
                prop_assert!(!matches!(entry.state, State::Intended | State::Applied));
            }
        }
    }
}
