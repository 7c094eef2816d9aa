//! What is decided where the API server does not enforce the rules of authority, and when a term ends.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::world::World;
use crate::api::condition::{self, types};
use crate::api::{AbortChoice, Level, Phase, Posture, Term};
use crate::engine::decide::{Blocked, shortened};
use crate::engine::enforcement::{FRESH, GOOD};
use crate::ledger::Direction;

const MISSING: &str = "ValidatingAdmissionPolicyBinding pingzhan-emergencymode is missing";

fn tampered() -> Vec<String> {
    vec![MISSING.to_owned()]
}

fn blocked(world: &World) -> String {
    let said = condition::get(&world.status.conditions, types::BLOCKED).expect("it is said");
    format!("{} {}: {}", said.status, said.reason, said.message)
}

/// Whoever may write a mode could approve in anybody's name: nothing is begun, however many approve.
#[test]
fn nothing_is_begun_without_the_rules_and_it_goes_on_when_they_are_back() {
    let mut world = World::new();
    world.tampered = tampered();
    world.approve_when_planned();
    world.run();
    assert_eq!((world.phase(), world.writes), (Phase::Pending, 0));
    let said = blocked(&world);
    assert!(said.starts_with("True RulesNotEnforced: "), "{said}");
    assert!(
        said.contains(MISSING) && said.contains("manifests/policies"),
        "{said}"
    );
    world.tampered.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert!(blocked(&world).starts_with("False"));
}

/// What cannot be tried is not known to be in force: nothing is begun, and it is said why.
#[test]
fn nothing_is_begun_where_the_rules_cannot_be_tried() {
    let mut world = World::new();
    world.unproven = Some("exceeded quota: journals".to_owned());
    world.approve_when_planned();
    world.run_steps(200);
    assert_eq!((world.phase(), world.writes), (Phase::Pending, 0));
    let said = blocked(&world);
    assert!(said.starts_with("True RulesNotProven: "), "{said}");
    assert!(said.contains("exceeded quota: journals"), "{said}");
    world.unproven = None;
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert!(blocked(&world).starts_with("False"));
}

/// What was proven a while ago may have been taken away since, in a way that no watch tells: the rules are
/// tried anew before a plan is set in force, and nothing is written before that.
#[test]
fn an_old_proof_is_not_enough_to_begin() {
    let rows = [(FRESH - SignedDuration::from_secs(5), 0), (FRESH, 1)];
    for (age, tried) in rows {
        let mut world = World::new();
        world.run();
        assert_eq!(world.proofs, 0, "nobody has approved yet");
        world.approve_when_planned();
        world.proven = Some(world.now - age);
        while world.ledger().granted.is_none() {
            assert_eq!((world.phase(), world.writes), (Phase::Pending, 0));
            assert!(world.turn().is_ok_and(|goes_on| goes_on), "{age:#} old");
        }
        assert_eq!(world.proofs, tried, "{age:#} old");
        world.run();
        assert_eq!(world.phase(), Phase::Active);
    }
}

/// In the middle of a switch a proof is good for longer, and not for ever: the next thing that is done
/// then is to try the rules, and no write comes before it.
#[test]
fn an_old_proof_stops_a_switch_until_there_is_another() {
    let mut world = World::new();
    world.approve_when_planned();
    while world.writes == 0 {
        world.run_steps(1);
    }
    let proofs = world.proofs;
    world.proven = Some(world.now - GOOD + SignedDuration::from_secs(5));
    assert!(world.turn().is_ok());
    assert_eq!(world.proofs, proofs, "it is still good");
    let writes = world.writes;
    world.proven = Some(world.now - GOOD);
    assert!(world.turn().is_ok());
    assert_eq!((world.writes, world.proofs), (writes, proofs + 1));
    world.run();
    assert_eq!(world.phase(), Phase::Active);
}

/// In the middle of a switch it stops where it is; it neither goes back by itself nor forgets.
#[test]
fn a_switch_stops_where_the_rules_are_taken_away_and_goes_on_when_they_are_back() {
    let mut world = World::new();
    world.approve_when_planned();
    while world.writes == 0 {
        world.run_steps(1);
    }
    world.tampered = tampered();
    world.run_steps(20);
    let writes = world.writes;
    world.run_steps(200);
    assert_eq!(world.writes, writes, "nothing more is written");
    assert_eq!(world.phase(), Phase::Activating);
    assert!(blocked(&world).contains(MISSING));
    world.tampered.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
}

/// Rules that were mended and are taken away again are news to whoever was told of the first time; what
/// people write into the mode meanwhile is not.
#[test]
fn a_second_outage_of_the_rules_is_another_alarm() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let mut told = Vec::new();
    for _ in 0..2 {
        world.now += SignedDuration::from_mins(1);
        world.tampered = tampered();
        world.run_steps(40);
        let first = world.alarms.clone();
        assert_eq!(first.len(), 1, "{first:?}");
        world.now += SignedDuration::from_mins(1);
        world.spec.paused = !world.spec.paused;
        world.run_steps(40);
        assert_eq!(world.alarms, first, "it is told once");
        told.extend(first);
        world.spec.paused = false;
        world.tampered.clear();
        world.run();
        assert_eq!(world.alarms, []);
    }
    assert_ne!(told[0].occasion, told[1].occasion);
}

/// A mode that something else blocks is blocked before an outage of the rules, and after it. A receiver
/// that took the second outage for the first would tell nobody.
#[test]
fn each_outage_of_the_rules_is_an_alarm_whatever_else_blocks() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.spec.expires_after = Term("100h".into());
    world.run();
    let mut occasions = BTreeSet::new();
    for _ in 0..2 {
        assert_eq!(world.said(types::BLOCKED).reason, "TermRefused");
        assert_eq!(world.alarms, []);
        world.now += SignedDuration::from_mins(1);
        world.tampered = tampered();
        world.run_steps(20);
        let first = world.alarms.clone();
        assert_eq!(first.len(), 1, "{first:?}");
        world.now += SignedDuration::from_mins(1);
        world.run_steps(20);
        assert_eq!(world.alarms, first, "it is told once");
        occasions.extend(first.into_iter().map(|alarm| alarm.occasion));
        world.tampered.clear();
        world.run();
    }
    assert_eq!(occasions.len(), 2, "{occasions:?}");
}

/// What a rival puts back is not fought over while nobody knows who may say what; and a return never
/// waits for the rules: it takes away what was done.
#[test]
fn nothing_is_held_without_the_rules_and_the_return_does_not_need_them() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let writes = world.writes;
    world.tampered = tampered();
    let peace = world.before["web-1"]["spec"]["replicas"].clone();
    world.write_as("helm", "web-1", "/spec/replicas", &peace);
    world.run_steps(100);
    assert_eq!(world.writes, writes, "it is not fought over");
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    for (uid, before) in &world.before {
        let after = &world.objects[uid];
        assert_eq!(
            after["spec"]["replicas"], before["spec"]["replicas"],
            "{uid}"
        );
        assert_eq!(after["data"], before["data"], "{uid}");
    }
}

/// People hear of the end of a term when a quarter of it is left and again at a tenth, and of each
/// once more where it was renewed.
#[test]
fn the_end_of_a_term_is_told_at_a_quarter_and_at_a_tenth() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let granted = world.status.granted.clone().expect("it is granted");
    let began = world.status.activated_at.expect("it is activated");
    let whole = granted.expires_at.duration_since(began);
    let rows = [
        (whole / 2, "TermRuns"),
        (whole / 4 * 3 - SignedDuration::from_secs(5), "TermRuns"),
        (
            whole / 4 * 3 + SignedDuration::from_secs(5),
            "QuarterOfTermLeft",
        ),
        (
            whole / 10 * 9 - SignedDuration::from_secs(5),
            "QuarterOfTermLeft",
        ),
        (
            whole / 10 * 9 + SignedDuration::from_secs(5),
            "TenthOfTermLeft",
        ),
    ];
    for (after, reason) in rows {
        world.now = began + after;
        world.run_steps(40);
        let said = condition::get(&world.status.conditions, types::EXPIRING).expect("it is said");
        assert_eq!(said.reason, reason, "after {after:#}");
        let is_told = reason != "TermRuns";
        assert_eq!(said.status == "True", is_told);
        assert_eq!(
            said.message.contains("pingzhan renew"),
            is_told,
            "{}",
            said.message
        );
        let alarms: Vec<&str> = world.alarms.iter().map(|alarm| alarm.reason).collect();
        assert_eq!(alarms, if is_told { vec![reason] } else { vec![] });
    }
}

/// What was stopped half-way still answers an emergency: whoever renews it in time must not see it come
/// back all the same, nor see it go on. That it goes to no other level has to be said.
#[test]
fn a_mode_that_was_aborted_with_hold_is_renewed_and_stays_stopped() {
    let mut world = World::new();
    world.approve_when_planned();
    while world.writes == 0 {
        world.run_steps(1);
    }
    world.abort(AbortChoice::Hold);
    world.run();
    assert!(world.waits_for().starts_with("aborted with Hold: values"));
    let writes = world.writes;
    let granted = |world: &World| {
        let granted = world.ledger().granted.clone().expect("it is granted");
        (granted.level, granted.expires_at)
    };
    let (_, end) = granted(&world);
    world.spec.expires_after = Term("2h".into());
    world.run();
    let renewed = (Level::II, end + SignedDuration::from_hours(1));
    assert_eq!(granted(&world), renewed);
    world.propose(Level::I);
    world.approve_when_planned();
    world.run();
    let said = world.waits_for();
    assert!(said.contains("put spec.level back to II"), "{said}");
    assert_eq!(granted(&world), renewed);
    world.propose(Level::II);
    world.run();
    assert!(world.waits_for().starts_with("aborted with Hold: values"));
    assert_eq!(world.ledger().direction, Direction::Held);
    assert_eq!(world.writes, writes, "nothing more is switched");
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
}

/// Who acts without quorum is answered for at once, over every way that there is.
#[test]
fn an_act_without_quorum_and_its_overdue_review_are_alarms() {
    let mut world = World::new();
    world.run();
    world.break_glass("wang", "command");
    world.run();
    let reasons = |world: &World| -> Vec<&str> {
        let alarms = world.alarms.iter();
        alarms.map(|alarm| alarm.reason).collect()
    };
    assert_eq!(reasons(&world), ["BreakGlass"]);
    world.spec.posture = Posture::Peacetime;
    world.run();
    world.now += SignedDuration::from_hours(25);
    world.run();
    assert_eq!(reasons(&world), ["BreakGlassOverdue"]);
    world.review("lin");
    world.run();
    assert_eq!(reasons(&world), [""; 0]);
}

/// The reason of a condition is what programs go by; a sentence without a next step helps nobody.
#[test]
fn missing_rules_are_said_with_what_to_do() {
    let why =
        "it cannot be tried whether policy pingzhan-record is in force: Forbidden: over quota";
    let all = [
        Blocked::NotEnforced(tampered()),
        Blocked::NotProven(why.to_owned()),
    ];
    let said = all.map(|blocked| json!([blocked.reason(), blocked.sentence()]).to_string());
    insta::assert_snapshot!(said.join("\n"));
}

/// Most people hear of it by an Event, which holds 1,024 bytes: what is left out of it must not be what
/// to do.
#[test]
fn what_to_do_is_in_an_event_however_much_is_wrong() {
    let long = |word: &str| word.repeat(2_000);
    let problems = vec![
        long("绑定"),
        MISSING.to_owned(),
        long("a"),
        "another".to_owned(),
    ];
    let all = [
        (Blocked::NotEnforced(problems.clone()), "manifests/policies"),
        (
            Blocked::NotProven(long("错")),
            "it is tried again by itself",
        ),
        (Blocked::Faulty(problems.clone()), "correct the playbook"),
        (Blocked::HeldBy(problems.clone()), "stand it down first"),
        (Blocked::ActFailed(problems.clone()), "skip the step"),
        (Blocked::StageFailed(problems.clone()), "abort with Hold"),
        (Blocked::JournalRefused(long("满")), "give the right back"),
        (Blocked::JournalDamaged(long("b")), "docs/guides/operate.md"),
        (Blocked::Malformed(long("c")), "`pingzhan lint` says where"),
        (
            Blocked::PlaybookMalformed {
                name: "flood".to_owned(),
                problem: long("d"),
            },
            "`pingzhan lint` says where",
        ),
    ];
    for (blocked, what_to_do) in all {
        let (reason, sentence) = (blocked.reason(), blocked.sentence());
        let note = format!("EXERCISE/演练: {reason}: {sentence}");
        assert!(note.len() <= 1024, "{} bytes: {note}", note.len());
        assert!(note.contains(what_to_do), "{note}");
        assert!(note.contains('…'), "{note}");
    }
    let said = Blocked::NotEnforced(problems).sentence();
    assert!(said.contains(MISSING), "what is short stays whole: {said}");
    assert!(said.contains("; and 1 more; apply"), "{said}");
}

/// Half a character is none that anybody could read, nor the API server.
#[test]
fn a_text_is_shortened_between_characters() {
    for (bytes, short) in [(12, "演练演练"), (11, "演练…"), (7, "演…"), (2, "…")] {
        assert_eq!(shortened("演练演练", bytes), short, "{bytes}");
    }
}
