//! The decision, carried out on a small model of the API server: crash at every step, people and
//! rivals at any moment. Pure and fast, so that thousands of schedules run in seconds. What the
//! model leaves out (HTTP, watches, other kinds) is shown on the real server.

mod abandoned;
mod acts;
mod authority;
mod council;
mod create;
mod denies;
mod dense;
mod freeze;
mod gitops;
mod glass;
mod late;
mod layers;
mod lost;
mod quarantined;
mod rights;
mod rules;
mod tabletop;
mod world;

use proptest::prelude::*;
use serde_json::json;

use crate::api::condition::types;
use crate::api::{
    AbortChoice, Concern, Level, Phase, PlanFinding, PlanFindings, Posture, VerdictChoice, names,
};
use crate::engine::decide::Waiting;
use crate::engine::scheduler::Class;
use crate::field::exact;
use crate::ledger::State;

use world::World;

/// Runs until nothing moves, standing down once the mode is active.
fn there_and_back(world: &mut World) {
    world.approve_when_planned();
    world.run();
    if world.phase() != Phase::Closed {
        world.spec.posture = Posture::Peacetime;
        world.run();
    }
}

fn assert_as_before(world: &World, what: &str) {
    for (uid, before) in &world.before {
        let after = &world.objects[uid];
        let found = exact::differences(before, after);
        assert!(found.is_empty(), "{what}: {uid} differs: {found:#?}");
    }
}

/// The whole of it in one piece: what was changed comes back, owners and all.
#[test]
fn a_switch_and_a_return_leave_no_trace() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(9));
    assert_eq!(world.objects["flags"]["data"]["a"], json!("off"));
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "without a crash");
}

/// What people wait for is released first, there and back: by the stage's `priority`, whatever the
/// order of the objects; and what no stage lists comes after it.
#[test]
fn what_a_stage_lists_is_released_in_that_order_and_before_the_rest() {
    let mut world = World::new();
    world.objects.get_mut("web-1").expect("there")["metadata"]["labels"]["who"] = json!("first");
    world.before = world.objects.clone();
    let priority = json!([{ "selector": { "matchLabels": { "who": "first" } } }, "portal"]);
    world.playbook.stages[2].priority = serde_json::from_value(priority).expect("a priority");
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let there = std::mem::take(&mut world.released);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_as_before(&world, "without a crash");
    for (way, released) in [("there", there), ("back", world.released)] {
        let scaled = released
            .iter()
            .filter(|(uid, class)| uid.starts_with("web") && *class != Class::REST);
        let scaled: Vec<_> = scaled
            .map(|(uid, class)| (uid.as_str(), class.place()))
            .collect();
        let expected = [("web-1", Some(0)), ("web-0", Some(1)), ("web-2", Some(1))];
        assert_eq!(scaled, expected, "{way}");
        let flags = released.iter().find(|(uid, _)| uid == "flags");
        assert_eq!(flags.map(|(_, class)| *class), Some(Class::REST), "{way}");
    }
}

/// The promise: killed anywhere, before or after any record or write, it comes back exact.
#[test]
fn a_crash_at_every_step_of_switch_and_return_is_exact() {
    let mut reference = World::new();
    there_and_back(&mut reference);
    let steps = reference.steps;
    assert!(
        steps > 30,
        "the scenario is too small to mean anything: {steps} steps"
    );
    for at in 0..steps {
        let mut world = World::new();
        world.crash_at = vec![at];
        there_and_back(&mut world);
        assert_eq!(world.phase(), Phase::Closed, "crash at {at}");
        assert_as_before(&world, &format!("crash at {at}"));
        assert!(
            world.writes <= reference.writes + 1,
            "crash at {at}: {} writes instead of {}",
            world.writes,
            reference.writes
        );
    }
}

/// Recovery itself may be killed.
#[test]
fn a_crash_while_recovering_from_a_crash_is_exact() {
    let mut reference = World::new();
    there_and_back(&mut reference);
    for first in (0..reference.steps).step_by(3) {
        for second in (first + 1..reference.steps + 5).step_by(4) {
            let mut world = World::new();
            world.crash_at = vec![first, second];
            there_and_back(&mut world);
            assert_as_before(&world, &format!("crashes at {first} and {second}"));
        }
    }
}

/// A killed process may have sent a write that the server carries out seconds later, when its
/// successor has looked already and seen the peacetime value.
#[test]
fn a_write_that_arrives_after_its_sender_was_killed_comes_back_too() {
    let mut reference = World::new();
    reference.approve_when_planned();
    reference.run();
    let (steps, writes) = (reference.steps, reference.writes);
    let mut late = 0;
    for at in 0..steps {
        let mut world = World::new();
        world.lands_after = Some(jiff::SignedDuration::from_secs(12));
        world.crash_at = vec![at];
        world.approve_when_planned();
        world.run_until_killed();
        world.spec.posture = Posture::Peacetime;
        world.run();
        late += world.landed_late;
        assert_eq!(world.phase(), Phase::Closed, "crash at {at}");
        assert_as_before(&world, &format!("crash at {at}, the write came late"));
    }
    assert_eq!(late, writes, "each write came late once and took effect");
}

/// The same, where another level is granted before it arrives: what it leaves is not taken for peacetime's
/// value by the change of the new level, whenever it comes.
#[test]
fn a_write_that_arrives_after_the_level_was_changed_is_no_peacetime_value() {
    let graver = || {
        let graver = json!({ "name": "graver", "levels": ["I"], "steps": [
            { "name": "grow", "scale": { "percent": 400 }, "targets": { "kinds": ["Deployment"],
                "selector": { "matchLabels": { "tier": "critical" } } } }] });
        let mut world = World::new();
        world.playbook.stages[2].levels = vec![Level::II];
        let graver = serde_json::from_value(graver).expect("a stage");
        world.playbook.stages.push(graver);
        world.approve_when_planned();
        world
    };
    let mut reference = graver();
    reference.run();
    let mut late = 0;
    for at in 0..reference.steps {
        for lands_after in (3_500..=12_500).step_by(500) {
            let mut world = graver();
            world.lands_after = Some(jiff::SignedDuration::from_millis(lands_after));
            world.crash_at = vec![at];
            world.run_until_killed();
            if !world.has_in_flight() {
                break;
            }
            world.propose(Level::I);
            world.approve_when_planned();
            world.run();
            let what = format!("crash at {at}, the write came after {lands_after} ms");
            assert_eq!(world.phase(), Phase::Active, "{what}");
            assert_eq!(
                world.objects["web-0"]["spec"]["replicas"],
                json!(12),
                "{what}"
            );
            late += world.landed_late;
            world.spec.posture = Posture::Peacetime;
            world.run();
            assert_eq!(world.phase(), Phase::Closed, "{what}");
            assert_as_before(&world, &what);
        }
    }
    assert!(late > 0, "no write came late and took effect");
}

/// A rival that puts the peacetime value back does not win, and is not remembered as the base.
#[test]
fn a_base_value_put_back_is_written_over_and_the_return_is_exact() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.write_as("old-script", "web-0", "/spec/replicas", &json!(3));
    world.run();
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(9));
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(3));
}

/// A third value is somebody's intent: it stays, and the mode waits for a person.
#[test]
fn a_third_value_is_not_written_over_without_a_verdict() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.write_as("engineer", "web-0", "/spec/replicas", &json!(5));
    world.run();
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(5));
    assert_eq!(world.states("web-0"), vec![State::Drifted]);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Restoring, "it waits for a verdict");
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(5));
    assert_eq!(
        world.objects["web-1"]["spec"]["replicas"],
        json!(3),
        "the rest is not held up"
    );
    world.verdict_on_all(crate::api::VerdictChoice::Ours);
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(3));
}

/// What stays somebody else's is theirs alone at once, not only when the emergency is over: no mark
/// of ours, no owner.
#[test]
fn a_target_that_is_kept_bears_our_name_no_more() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.write_as("colleague", "web-1", "/spec/replicas", &json!(5));
    world.run();
    world.verdict_on_all(VerdictChoice::Keep);
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let kept = &world.objects["web-1"];
    assert_eq!(kept["spec"]["replicas"], json!(5));
    assert_eq!(kept["metadata"]["labels"].get(names::HELD_BY_LABEL), None);
    let owners = kept["metadata"]["managedFields"].to_string();
    assert!(!owners.contains("pingzhan/"), "{owners}");
    let held = &world.objects["web-0"]["metadata"]["labels"];
    assert_eq!(held[names::HELD_BY_LABEL], json!("flood"));
}

/// A mode that does not end says why: everything is back, but a label cannot be taken off.
#[test]
fn a_mode_that_waits_for_its_label_to_come_off_says_so() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.write_as("colleague", "web-1", "/spec/replicas", &json!(5));
    world.run();
    world.refusing.insert("web-1".to_owned());
    world.verdict_on_all(VerdictChoice::Keep);
    world.run_steps(40);
    world.spec.posture = Posture::Peacetime;
    world.run_steps(400);
    assert_eq!(world.phase(), Phase::Restoring);
    let waits = world.waits_for();
    let says = "another's value stays on 1 target, and this mode's label cannot be taken off";
    assert!(waits.contains(says), "{waits}");
    world.refusing.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
}

/// An account that lost a right in the middle keeps nothing from coming back that it may still write, and
/// whoever reads why the rest waits is told of both ways out.
#[test]
fn a_return_that_is_forbidden_to_the_account_says_who_may_do_it_instead() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.forbidding.insert("web-1".to_owned());
    world.spec.posture = Posture::Peacetime;
    world.run_steps(300);
    assert_eq!(world.phase(), Phase::Restoring);
    assert_eq!(world.states("web-1"), vec![State::Stuck]);
    let waits = world.waits_for();
    for says in [
        "1 field cannot be brought back yet",
        "1 of them is forbidden to the playbook's account",
        "give the right back",
        "`pingzhan restore --from-records --as-yourself flood`",
    ] {
        assert!(waits.contains(says), "{says}: {waits}");
    }
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(3));
    world.forbidding.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "the right is given back");
}

/// One person of a named group may act alone. Everybody sees it, and somebody else reviews it.
#[test]
fn an_act_without_quorum_is_said_until_somebody_else_reviews_it() {
    let mut world = World::new();
    world.run();
    world.break_glass("zhang", "platform");
    world.run();
    assert_eq!((world.phase(), world.writes), (Phase::Pending, 0));
    world.spec.break_glass = None;
    world.break_glass("wang", "command");
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert_eq!(world.approved().reason, "BreakGlass");
    world.review("wang");
    world.now += jiff::SignedDuration::from_hours(25);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    let said = world.approved();
    assert_eq!(said.reason, "BreakGlassOverdue");
    assert!(said.message.contains("somebody else than wang"), "{said:?}");
    world.review("lin");
    world.run();
    assert_eq!(world.approved().reason, "BreakGlassReviewed");
    assert_as_before(&world, "without quorum");
}

/// Raising adds, lowering takes away, and both end where they began.
#[test]
fn a_level_that_is_raised_and_lowered_comes_back_exact() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.propose(Level::I);
    world.run();
    assert_eq!(
        world.objects["web-1"]["spec"]["replicas"],
        json!(9),
        "granted stays in force"
    );
    world.approve_when_planned();
    world.run();
    assert_eq!(
        world.objects["batch"]["spec"]["replicas"],
        json!(1),
        "level I sheds more"
    );
    world.propose(Level::II);
    world.approve_when_planned();
    world.run();
    assert_eq!(world.objects["batch"]["spec"]["replicas"], json!(4));
    assert_eq!(world.objects["web-1"]["spec"]["replicas"], json!(9));
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "raised and lowered");
}

/// What a graver level could not write is no word of what stands there: taken for peacetime's when the
/// level is lowered, wartime's value would stay for good, and the mode would say that everything is back.
#[test]
fn a_target_that_refuses_a_graver_level_comes_back_exact() {
    let mut world = World::new();
    let graver = json!({ "name": "graver", "levels": ["I"], "minSuccess": "60%", "steps": [
        { "name": "grow", "scale": { "percent": 400 }, "targets": { "kinds": ["Deployment"],
            "selector": { "matchLabels": { "tier": "critical" } } } }] });
    let graver = serde_json::from_value(graver).expect("a stage");
    world.playbook.stages[2].levels = vec![Level::II];
    world.playbook.stages.push(graver);
    world.approve_when_planned();
    world.run();
    world.rejecting.insert("web-0".to_owned());
    world.propose(Level::I);
    world.approve_when_planned();
    world.run();
    let replicas = |world: &World, uid: &str| world.objects[uid]["spec"]["replicas"].clone();
    let both = |world: &World| [replicas(world, "web-0"), replicas(world, "web-1")];
    assert_eq!(both(&world), [json!(9), json!(12)]);
    world.rejecting.clear();
    world.propose(Level::II);
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert_eq!(both(&world), [json!(9), json!(9)]);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "a graver level was refused");
}

/// What was found of the plan that waits for approval.
fn found(world: &World, message: &str) -> (String, PlanFindings) {
    let plan = world.plan_to_approve();
    let findings = PlanFindings {
        at: world.now,
        listed: vec![PlanFinding {
            concern: Concern::Harm,
            step: None,
            message: message.into(),
        }],
        left_out: 0,
    };
    (plan, findings)
}

/// Who is asked must be able to know what they say yes to, of a plan and of a proposal.
#[test]
fn nobody_is_asked_to_approve_what_was_not_tried() {
    let mut world = World::new();
    world.run();
    let waiting = world.decide().waiting;
    assert!(
        matches!(waiting, Some(Waiting::Preflight(_))),
        "{waiting:?}"
    );
    world.explained = Some(found(&world, "short"));
    let waiting = world.decide().waiting;
    assert!(
        matches!(waiting, Some(Waiting::Approvals(_))),
        "{waiting:?}"
    );
    world.approve_when_planned();
    world.run();
    world.propose(Level::I);
    world.run();
    let waiting = world.decide().waiting;
    assert!(
        matches!(waiting, Some(Waiting::Preflight(_))),
        "{waiting:?}"
    );
    world.explained = Some(found(&world, "shorter"));
    let waiting = world.decide().waiting;
    assert!(
        matches!(waiting, Some(Waiting::ProposalApprovals(_))),
        "{waiting:?}"
    );
}

/// Who approves decides by what was found: it must not be lost with the process that found it, nor
/// be shown for a plan that it is not of.
#[test]
fn what_was_found_of_a_plan_stays_with_it_and_with_no_other() {
    let mut world = World::new();
    world.run();
    assert_eq!(world.found(), [None::<String>, None]);
    world.explained = Some(found(&world, "short"));
    world.run();
    world.explained = None;
    world.restart();
    world.run();
    assert_eq!(world.found(), [Some("short".into()), None]);
    world.approve_when_planned();
    world.run();
    world.propose(Level::I);
    world.run();
    assert_eq!(
        world.found(),
        [Some("short".into()), None],
        "nobody has looked at the proposal"
    );
    world.explained = Some(found(&world, "shorter"));
    world.run();
    world.explained = None;
    world.run();
    assert_eq!(
        world.found(),
        [Some("short".into()), Some("shorter".into())]
    );
    world.approve_when_planned();
    world.run();
    assert_eq!(world.found(), [Some("shorter".into()), None]);
}

/// A record that the API server refuses would be tried for ever: what one object takes beyond a
/// record comes in the next one, and comes back all the same.
#[test]
fn changes_of_one_object_beyond_a_record_are_written_one_record_after_the_other() {
    let mut world = World::new();
    let keys = (0..600).map(|key| (format!("key-{key}"), json!("off")));
    let set: serde_json::Map<_, _> = keys.collect();
    let mut playbook = serde_json::to_value(&world.playbook).expect("a playbook");
    playbook["stages"][0]["steps"][0]["config"]["set"] = set.into();
    world.playbook = serde_json::from_value(playbook).expect("a playbook");
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let intents = world
        .records
        .iter()
        .filter_map(|record| record.intents.as_ref());
    let sizes: Vec<usize> = intents.map(|intents| intents.entries.len()).collect();
    assert!(sizes.iter().all(|size| *size <= 256), "{sizes:?}");
    assert_eq!(world.objects["flags"]["data"]["key-599"], json!("off"));
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "600 keys");
}

/// A value that grew between plan and switch beyond what the journal keeps would make a record that
/// the API server refuses for ever. It is left alone and named, and the rest goes on.
#[test]
fn a_value_that_has_outgrown_the_journal_is_left_alone_and_named() {
    let mut world = World::new();
    world.run();
    let long = json!("x".repeat(70_000));
    world.write_as("colleague", "flags", "/data/a", &long);
    world.before = world.objects.clone();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.objects["flags"]["data"]["a"], long);
    let said = world.said(types::DEGRADED);
    assert!(
        said.status == "True"
            && said
                .message
                .contains("ConfigMap portal/flags /data/a holds"),
        "{said:?}"
    );
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "too long");
}

/// Somebody else's value may be longer than the journal keeps. It is known again by its hash, and a
/// verdict on it counts.
#[test]
fn a_drift_that_is_longer_than_the_journal_keeps_waits_for_a_verdict() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let long = json!("x".repeat(70_000));
    world.write_as("colleague", "flags", "/data/a", &long);
    world.run();
    let outcomes = world.records.iter().filter_map(|r| r.outcomes.as_ref());
    let observed = outcomes.flat_map(|all| all.items.iter().filter_map(|i| i.observed.as_ref()));
    let texts: Vec<&str> = observed.filter_map(|seen| seen.value.as_deref()).collect();
    assert!(matches!(texts[..], [one] if one.len() < 200), "{texts:?}");
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Restoring, "it waits for a verdict");
    assert_eq!(world.objects["flags"]["data"]["a"], long);
    world.verdict_on_all(VerdictChoice::Ours);
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.objects["flags"]["data"]["a"], json!("on"));
}

/// Seconds from the stand-down to the return of `flags`, which `surge` depends on, where the
/// controllers of the Deployments say this. Everything comes back in the end, also when another
/// leader takes over once `surge` is back.
fn seconds_to_the_first_stage(status: &serde_json::Value, taken_over: bool) -> i64 {
    let mut world = World::new();
    for object in world.objects.values_mut() {
        if object["kind"] == "Deployment" {
            object["status"] = status.clone();
        }
    }
    world.before = world.objects.clone();
    world.approve_when_planned();
    world.run();
    world.spec.posture = Posture::Peacetime;
    let from = world.now;
    if taken_over {
        while world.states("web-2") != [State::Reverted] {
            world.run_steps(1);
        }
        world.restart();
    }
    while world.objects["flags"]["data"]["a"] != json!("on") {
        world.run_steps(1);
    }
    let took = world.now.duration_since(from).as_secs();
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, &format!("{status}"));
    took
}

/// What depends on a stage is ready again before the stage goes back; but controllers that are
/// down, or one service that never starts, hold the rest for a bounded time only.
#[test]
fn the_return_waits_for_readiness_and_never_for_long() {
    let unready = json!({ "observedGeneration": 9, "unavailableReplicas": 3 });
    let unobserved = json!({ "observedGeneration": 1, "readyReplicas": 3 });
    let ready = json!({ "observedGeneration": 9, "readyReplicas": 9, "updatedReplicas": 9 });
    let statuses = [json!({}), ready, unobserved, unready];
    for (status, bound) in statuses.iter().zip([0..=9, 0..=9, 10..=25, 60..=75]) {
        let took = seconds_to_the_first_stage(status, false);
        assert!(bound.contains(&took), "{took} s, not {bound:?}");
    }
    let took = seconds_to_the_first_stage(&statuses[3], true);
    assert!((60..=75).contains(&took), "{took} s with a new leader");
}

/// Nothing is written without the quorum, whatever else is asked.
#[test]
fn nothing_is_written_before_the_quorum() {
    let mut world = World::new();
    world.run();
    world.approve_as("zhou");
    world.run();
    assert_eq!(world.phase(), Phase::Pending);
    assert_eq!(
        world.writes, 0,
        "the requester's own approval does not count"
    );
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.writes, 0);
}

/// An emergency ends by itself, also while it is paused. Whoever read that it is paused and at rest would
/// not expect the writes of its return.
#[test]
fn the_term_ends_a_paused_mode() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.spec.paused = true;
    world.run();
    let paused_and_reconciling = |world: &World| {
        [types::PAUSED, types::RECONCILING].map(|type_| world.said(type_).status.clone())
    };
    assert_eq!(paused_and_reconciling(&world), ["True", "False"]);
    world.now += jiff::SignedDuration::from_hours(2);
    let mut returning = 0;
    for _ in 0..100 {
        assert!(world.turn().is_ok(), "nobody kills it");
        if world.phase() == Phase::Restoring {
            returning += 1;
            assert_eq!(paused_and_reconciling(&world), ["False", "True"]);
        }
    }
    assert!(returning > 1, "it is seen on its way");
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "expired");
}

/// What happens to a mode at some step.
#[derive(Clone, Debug)]
enum Act {
    Crash,
    Rival(usize, i64),
    Delete(usize),
    StandDown,
    Pause,
    Resume,
    Raise,
    Lower,
    Hold,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Crash),
        2 => (0..3_usize, 1..12_i64).prop_map(|(target, value)| Act::Rival(target, value)),
        1 => (0..3_usize).prop_map(Act::Delete),
        1 => Just(Act::StandDown),
        1 => Just(Act::Pause),
        1 => Just(Act::Resume),
        1 => Just(Act::Raise),
        1 => Just(Act::Lower),
        1 => Just(Act::Hold),
    ]
}

fn perform(world: &mut World, act: &Act, touched: &mut Vec<String>) {
    match act {
        Act::Crash => world.restart(),
        Act::Rival(target, value) => {
            let uid = format!("web-{target}");
            if world.objects.contains_key(&uid) {
                world.write_as("rival", &uid, "/spec/replicas", &json!(value));
                touched.push(uid);
            }
        }
        Act::Delete(target) => {
            let uid = format!("web-{target}");
            world.objects.remove(&uid);
            world.before.remove(&uid);
            world.touch(&uid);
        }
        Act::StandDown => world.spec.posture = Posture::Peacetime,
        Act::Pause => world.spec.paused = true,
        Act::Resume => world.spec.paused = false,
        Act::Raise => world.propose(Level::I),
        Act::Lower => world.propose(Level::II),
        Act::Hold => world.abort(AbortChoice::Hold),
    }
}

/// As many as usual, or as many as `PROPTEST_CASES` says: 50,000 are a run of the campaign (C15).
fn sequences(usual: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let nobody_said = config.cases == 256;
    ProptestConfig {
        cases: if nobody_said { usual } else { config.cases },
        ..config
    }
}

proptest! {
    #![proptest_config(sequences(400))]

    /// People, rivals and crashes at any moment: whatever nobody else wrote is exactly what it
    /// was, the mode comes to an end, and a verdict ends every wait.
    #[test]
    fn whatever_happens_untouched_objects_come_back_exact(
        acts in prop::collection::vec((1..12_usize, act()), 0..8)
    ) {
        let mut world = World::new();
        world.approve_when_planned();
        let mut touched = Vec::new();
        for (steps, act) in &acts {
            world.run_steps(*steps);
            perform(&mut world, act, &mut touched);
            world.approve_when_planned();
        }
        world.spec.paused = false;
        world.spec.posture = Posture::Peacetime;
        world.run();
        world.verdict_on_all(crate::api::VerdictChoice::Ours);
        world.run();
        prop_assert_eq!(world.phase(), Phase::Closed);
        for (uid, before) in &world.before {
            let found = exact::differences(before, &world.objects[uid]);
            if touched.contains(uid) {
                let owned = world.objects[uid].to_string();
                prop_assert!(!owned.contains("pingzhan/"), "{} is still ours: {}", uid, owned);
            } else {
                prop_assert!(found.is_empty(), "{} differs: {:#?}", uid, found);
            }
        }
    }
}
