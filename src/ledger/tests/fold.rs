//! What the fold makes of journals that matter, one claim each.

use crate::ledger::{Direction, held, overlapping};

use super::*;

fn superseding(older: i64, after: i64) -> NewEntry {
    NewEntry {
        seen: image(9),
        supersedes: Some(EntryId(older)),
        ..scale(0, 3, after)
    }
}

/// Raising a level writes over our own value: once the new one stands, the old entry must not be
/// held, nor brought back, beside it.
#[test]
fn an_applied_entry_shadows_the_one_that_it_supersedes() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    happened(&mut ledger, Event::Applied, 1);
    take(&mut ledger, &Body::Intents(vec![superseding(1, 12)]));
    assert_eq!(
        state(&ledger, 1),
        State::Applied,
        "not before the new one stands"
    );
    happened(&mut ledger, Event::Applied, 2);
    assert_eq!(state(&ledger, 1), State::Shadowed);
    let live: Vec<_> = ledger.live().map(|entry| entry.id.0).collect();
    assert_eq!(live, [2]);
}

/// A refused raise leaves the older value standing: it is the older entry that has to go back.
#[test]
fn the_head_falls_back_when_the_newer_entry_was_never_written() {
    for event in [Event::Refused, Event::Withdrawn, Event::Overtaken] {
        let mut ledger = started();
        take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
        happened(&mut ledger, Event::Applied, 1);
        take(&mut ledger, &Body::Intents(vec![superseding(1, 12)]));
        happened(&mut ledger, event, 2);
        let (uid, path) = (scale(0, 0, 0).target.uid.clone(), scale(0, 0, 0).path);
        assert_eq!(
            ledger.head_of(&uid, &path).map(|entry| entry.id),
            Some(EntryId(1))
        );
        assert_eq!(
            ledger.latest_of(&uid, &path).map(|entry| entry.id),
            Some(EntryId(2))
        );
        assert_eq!(ledger.base(&uid, &path), Some(&image(3)));
    }
}

/// A field that was refused and then changed by its owner has a new peacetime value; so has one
/// that was given back.
#[test]
fn a_field_that_was_let_go_is_captured_anew() {
    let (uid, path) = (scale(0, 0, 0).target.uid.clone(), scale(0, 0, 0).path);
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    happened(&mut ledger, Event::Refused, 1);
    assert_eq!(ledger.base(&uid, &path), None);
    take(&mut ledger, &Body::Intents(vec![scale(0, 4, 9)]));
    assert_eq!(ledger.base(&uid, &path), Some(&image(4)));
    for event in [
        Event::Applied,
        Event::Turned,
        Event::Reverted,
        Event::OwnersBack,
    ] {
        happened(&mut ledger, event, 2);
    }
    assert_eq!(ledger.base(&uid, &path), None);
    take(&mut ledger, &Body::Intents(vec![scale(0, 5, 9)]));
    assert_eq!(ledger.base(&uid, &path), Some(&image(5)));
}

/// The turn is the durable intent of all reverts: one record, whatever the number of entries.
#[test]
fn a_turn_to_restoring_turns_every_unsettled_entry() {
    let mut ledger = started();
    take(
        &mut ledger,
        &Body::Intents((0..5).map(|n| scale(n, 3, 9)).collect()),
    );
    happened(&mut ledger, Event::Applied, 1);
    happened(&mut ledger, Event::Refused, 2);
    happened(&mut ledger, Event::Applied, 3);
    happened(&mut ledger, Event::Drifted, 3);
    happened(&mut ledger, Event::Gone, 4);
    take(&mut ledger, &Body::Turn(turn(TurnKind::Restoring)));
    let states: Vec<_> = (1..=5).map(|id| state(&ledger, id)).collect();
    assert_eq!(
        states,
        [
            State::Reverting,
            State::Refused,
            State::Reverting,
            State::Gone,
            State::Reverting
        ]
    );
    assert_eq!(ledger.direction, Direction::Restoring);
}

/// The answer to a write that was in flight at the turn is the only word on what the server made
/// of it: without it the return would compare with the wrong value.
#[test]
fn an_answer_that_comes_after_the_turn_is_kept() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    take(&mut ledger, &Body::Turn(turn(TurnKind::Restoring)));
    let late = NewOutcome {
        observed: Some(image("9")),
        ..outcome(Event::Applied, 1)
    };
    take(&mut ledger, &Body::Outcomes(vec![late]));
    assert_eq!(state(&ledger, 1), State::Reverting);
    assert_eq!(ledger.entries[&EntryId(1)].ours(), &image("9"));
}

/// An owner that took its field again and lost it to us once more did not let it go: were the time of
/// its entry taken for that of a decision, it would not get the field back.
#[test]
fn an_owner_that_took_its_field_again_is_known_by_its_later_entry() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    happened(&mut ledger, Event::Applied, 1);
    let owner = ledger.entries[&EntryId(1)].owners[0].clone();
    let at = |ledger: &Ledger| ledger.entries[&EntryId(1)].owners[0].at.clone();
    let again = |manager: &str, at: &str| NewOutcome {
        owners: vec![format!("{at} {} {manager}", owner.owner.operation)],
        ..outcome(Event::Reasserted, 1)
    };
    let (name, later) = (&owner.owner.manager, "2026-07-01T09:00:00Z");
    take(&mut ledger, &Body::Outcomes(vec![again("another", later)]));
    assert_eq!(
        at(&ledger),
        owner.at,
        "another one's entry says nothing of this one"
    );
    take(&mut ledger, &Body::Outcomes(vec![again(name, later)]));
    assert_eq!(at(&ledger).as_deref(), Some(later));
    for older in ["-", "2026-07-01T07:00:00Z"] {
        take(&mut ledger, &Body::Outcomes(vec![again(name, older)]));
        assert_eq!(at(&ledger).as_deref(), Some(later), "{older}");
    }
}

/// An intent whose record crossed the turn was perhaps written: it has to be looked after.
#[test]
fn an_intent_that_is_read_after_the_turn_is_on_its_way_back() {
    let mut ledger = started();
    take(&mut ledger, &Body::Turn(turn(TurnKind::Restoring)));
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    assert_eq!(state(&ledger, 1), State::Reverting);
}

/// After a verdict an entry is Intended again. "Withdrawn" of it must not make its peacetime value
/// be forgotten.
#[test]
fn an_entry_that_once_stood_is_never_taken_for_unwritten() {
    for event in [Event::Refused, Event::Withdrawn, Event::Overtaken] {
        let mut ledger = started();
        take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
        for event in [Event::Applied, Event::Drifted, Event::Ours] {
            happened(&mut ledger, event, 1);
        }
        assert_eq!(state(&ledger, 1), State::Intended);
        happened(&mut ledger, event, 1);
        assert_eq!(state(&ledger, 1), State::Drifted, "{event:?}");
        assert_eq!(ledger.live().count(), 1);
    }
}

/// Lowering a level: an entry that left the plan goes back by itself, and a verdict on it means
/// peacetime, although the mode is in wartime.
#[test]
fn a_verdict_on_a_turned_entry_means_its_own_direction() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    for event in [Event::Applied, Event::Turned, Event::Drifted, Event::Ours] {
        happened(&mut ledger, event, 1);
    }
    assert_eq!(state(&ledger, 1), State::Reverting);
    assert_eq!(ledger.direction, Direction::Wartime);
}

/// A longer term must not set in motion again what a person stopped.
#[test]
fn a_renewal_of_a_held_mode_keeps_it_held() {
    let mut ledger = started();
    take(&mut ledger, &Body::Turn(turn(TurnKind::Held)));
    let mut longer = granted();
    longer.expires_at = Some("2026-07-03T08:00:00Z".to_owned());
    take(&mut ledger, &Body::Turn(longer));
    assert_eq!(ledger.direction, Direction::Held);
    let expires = ledger.granted.map(|granted| granted.expires_at.to_string());
    assert_eq!(expires.as_deref(), Some("2026-07-03T08:00:00Z"));
}

/// Nobody may be switched to wartime again by a record that comes after the return began, and a
/// closed mode's journal is closed.
#[test]
fn turns_out_of_order_are_damage() {
    for (first, second) in [
        (TurnKind::Restoring, granted()),
        (TurnKind::Restoring, turn(TurnKind::Held)),
        (TurnKind::Closed, granted()),
        (TurnKind::Closed, turn(TurnKind::Restoring)),
    ] {
        let mut ledger = started();
        take(&mut ledger, &Body::Turn(turn(first)));
        let record = encode(&ledger.head, &ledger.mode, 1, at(9), 1, &Body::Turn(second));
        let before = ledger.clone();
        assert!(ledger.apply(&record).is_err());
        assert_eq!(ledger, before);
    }
}

/// A deposed leader's record must not be taken in after its successor's.
#[test]
fn an_older_epoch_is_damage() {
    let mut ledger = started();
    let leader = Body::Turn(turn(TurnKind::Leader));
    let record = encode(&ledger.head, &ledger.mode, 5, at(1), 1, &leader);
    ledger.apply(&record).expect("a new leader");
    assert_eq!(ledger.epoch, 5);
    let late = encode(&ledger.head, &ledger.mode, 4, at(2), 1, &leader);
    assert!(ledger.apply(&late).is_err());
}

/// An approval is for a text: a plan counts as stored only when all of it is.
#[test]
fn a_plan_is_whole_when_all_its_parts_are_there() {
    let mut ledger = Ledger::new(mode());
    let text = "防汛".repeat(40_000);
    let parts = crate::ledger::record::plan_parts("sha256:p", &text);
    assert!(parts.len() > 2);
    for part in parts {
        assert!(ledger.plans.is_empty());
        take(&mut ledger, &Body::Plan(part));
    }
    assert_eq!(ledger.plans.get("sha256:p"), Some(&text));
    assert!(ledger.plan_parts.is_empty());
}

/// What status and objectives count from: the first intent and the last outcome of each stage.
#[test]
fn stages_know_when_they_began_and_last_moved() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    take(&mut ledger, &Body::Intents(vec![scale(1, 3, 9)]));
    happened(&mut ledger, Event::Applied, 1);
    happened(&mut ledger, Event::Applied, 2);
    assert_eq!(ledger.stage_started["surge"], at(1));
    assert_eq!(ledger.stage_last["surge"], at(4));
    assert_eq!(ledger.last_outcome_at, Some(at(4)));
    assert_eq!(ledger.activated_at, Some(at(0)));
}

/// How long a stage may take is counted under the plan that is in force: what a later one still asks
/// for has not had its time yet. And a clock that is set must not give or take any of it.
#[test]
fn stages_begin_anew_with_each_plan_that_is_granted() {
    let mut ledger = started();
    take(&mut ledger, &Body::Intents(vec![scale(0, 3, 9)]));
    assert_eq!(ledger.in_force_since, Some(at(0)));
    assert_eq!(ledger.stage_began["surge"], at(1));
    take(&mut ledger, &Body::Turn(turn(TurnKind::Leader)));
    assert_eq!(
        ledger.stage_began["surge"],
        at(1),
        "a leader grants nothing"
    );
    take(&mut ledger, &Body::Turn(granted()));
    assert_eq!(ledger.in_force_since, Some(at(3)));
    assert!(ledger.stage_began.is_empty());
    take(&mut ledger, &Body::Intents(vec![scale(1, 3, 9)]));
    take(&mut ledger, &Body::Intents(vec![scale(2, 3, 9)]));
    assert_eq!(ledger.stage_began["surge"], at(4));
    assert_eq!(ledger.stage_started["surge"], at(1), "for people");
    ledger.move_stages(jiff::SignedDuration::from_secs(60));
    assert_eq!(ledger.in_force_since, Some(at(63)));
    assert_eq!(ledger.stage_began["surge"], at(64));
    assert_eq!(ledger.stage_started["surge"], at(1), "for people, still");
}

/// A leader that dies in the moment in which it takes over has counted nothing. Whoever leads next must not
/// take a stage for late for the hour in which nobody led, nor by another machine's clock: the whole
/// emergency may come back for it. Whoever only reads the journal reads what it says, and people are told
/// when a stage began, whoever leads.
#[test]
fn what_nobody_carried_out_took_no_time_however_many_took_over() {
    let leader = || Body::Turn(turn(TurnKind::Leader));
    let told = [
        (0, Body::Turn(granted())),
        (10, Body::Intents(vec![scale(0, 3, 9)])),
        (15, Body::Intents(vec![scale(1, 3, 9)])),
        (15, Body::Outcomes(vec![outcome(Event::Applied, 1)])),
        (3_600, leader()),
        (3_601, leader()),
        (3_000, leader()),
    ];
    let mut written = Ledger::new(mode());
    let mut records = Vec::new();
    for (second, body) in &told {
        let next = written.next_entry;
        let record = encode(&written.head, &written.mode, 1, at(*second), next, body);
        written.apply(&record).expect("a legal record");
        records.push(record);
    }
    assert_eq!(written.stage_began["surge"], at(10));
    assert_eq!(
        written,
        Ledger::fold(mode(), records.clone()).expect("it is whole")
    );
    let carried = Ledger::carried_out(mode(), records).expect("it is whole");
    assert_eq!(carried.stage_began["surge"], at(2_995), "5 s were counted");
    assert_eq!(carried.in_force_since, Some(at(2_985)));
    assert_eq!(carried.stage_last["surge"], at(3_000));
    for (told, when) in [
        (carried.stage_started["surge"], 10),
        (carried.stage_moved["surge"], 15),
        (carried.activated_at.expect("it was activated"), 0),
    ] {
        assert_eq!(told, at(when), "by which people go");
    }
}

/// Two modes on one field, or on a field and its parent, would bring back each other's values.
#[test]
fn a_field_its_parent_and_its_parts_are_held_until_given_back() {
    let mut ledger = started();
    take(
        &mut ledger,
        &Body::Intents((0..3).map(|n| scale(n, 3, 9)).collect()),
    );
    happened(&mut ledger, Event::Refused, 3);
    let uid = scale(0, 0, 0).target.uid.clone();
    {
        let held = held(std::iter::once(&ledger));
        assert_eq!(held.len(), 2);
        for (path, blocked) in [
            (Path::fields(["spec", "replicas"]), true),
            (Path::fields(["spec"]), true),
            (Path::fields(["spec", "replicas", "part"]), true),
            (Path::fields(["spec", "paused"]), false),
        ] {
            assert_eq!(
                overlapping(&held, &uid, &path).next().is_some(),
                blocked,
                "{path}"
            );
        }
        let parent = Path::fields(["spec"]);
        let (_, holder) = overlapping(&held, &uid, &parent).next().expect("held");
        assert_eq!(
            (holder.mode.as_str(), holder.entry),
            ("flood-2026-07", EntryId(1))
        );
        let other = "other".into();
        assert!(overlapping(&held, &other, &parent).next().is_none());
    }
    for event in [Event::Applied, Event::Turned, Event::Reverted] {
        happened(&mut ledger, event, 1);
    }
    assert_eq!(
        held(std::iter::once(&ledger)).len(),
        2,
        "its owners are not back yet"
    );
    happened(&mut ledger, Event::OwnersBack, 1);
    assert_eq!(held(std::iter::once(&ledger)).len(), 1);
    take(&mut ledger, &Body::Turn(turn(TurnKind::Closed)));
    assert!(held(std::iter::once(&ledger)).is_empty());
}

/// A fleet's entries are read from the records that its changes were just written to: what both
/// say is kept once, and nothing that differs is taken over.
#[test]
fn an_entry_shares_what_it_was_made_of_and_nothing_else() {
    let mut ledger = started();
    let made_of = [scale(0, 3, 9), scale(1, 3, 9)];
    take(&mut ledger, &Body::Intents(vec![scale(7, 3, 9)]));
    take(&mut ledger, &Body::Intents(made_of.to_vec()));
    let before = ledger.clone();
    let is_shared = |ledger: &Ledger, id: i64, with: &NewEntry| {
        let entry = &ledger.entries[&EntryId(id)];
        let owners = std::sync::Arc::ptr_eq(&entry.owners, &with.owners);
        let target = std::ptr::eq(&raw const *entry.target, &raw const *with.target);
        assert_eq!(owners, target);
        owners
    };
    assert!(!is_shared(&ledger, 2, &made_of[0]));
    ledger.made_of(&made_of);
    assert!(is_shared(&ledger, 2, &made_of[0]));
    assert!(is_shared(&ledger, 3, &made_of[1]));
    assert_eq!(ledger, before);
    ledger.made_of(&[scale(5, 3, 9), scale(6, 3, 9)]);
    assert_eq!(ledger, before, "another's words are not taken over");
    assert!(!is_shared(&ledger, 1, &made_of[0]));
}

/// A watch asks this of every object of a kind.
#[test]
fn a_target_with_changes_is_told_from_its_neighbours() {
    let mut ledger = started();
    let uid = |n| scale(n, 3, 9).target.uid.clone();
    take(&mut ledger, &Body::Intents(vec![scale(4, 3, 9)]));
    assert!(ledger.has_changes_of(&uid(4)));
    assert!(!ledger.has_changes_of(&uid(3)), "it stands before");
    assert!(!ledger.has_changes_of(&uid(5)), "it stands after");
}
