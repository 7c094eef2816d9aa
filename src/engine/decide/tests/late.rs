//! How long a step may take: what counts of the time, and what does not. A stage that is taken for
//! failed by mistake tears a whole emergency down, where its playbook says `onFailure: Restore`.

use jiff::SignedDuration;
use serde_json::json;

use super::assert_as_before;
use super::world::World;
use crate::api::condition::types;
use crate::api::{Level, OnFailure, Phase, Posture, StageState, Term, VerdictChoice};
use crate::ledger::State;

/// The fleet, where whatever stage fails brings everything back.
fn world() -> World {
    let mut world = World::new();
    for stage in &mut world.playbook.stages {
        stage.on_failure = Some(OnFailure::Restore);
    }
    world
}

/// An emergency of a level, in which every stage is done.
fn active(level: Level) -> World {
    let mut world = world();
    world.spec.level = level;
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world
}

/// One at level I of which the batch never answers.
fn begun_without_the_batch() -> World {
    let mut world = world();
    world.spec.level = Level::I;
    world.refusing.insert("batch".to_owned());
    world.approve_when_planned();
    turns(&mut world, 60);
    assert_eq!(state(&world, "more"), StageState::Running);
    assert_eq!(state(&world, "surge"), StageState::Done);
    world
}

/// Some decisions, half a second apart.
fn turns(world: &mut World, count: usize) {
    for _ in 0..count {
        assert!(world.turn().is_ok(), "nobody kills it");
    }
}

/// Time passes, and what follows from it is decided: a proof, a turn, and what is said of it.
fn minutes(world: &mut World, minutes: i64) {
    world.now += SignedDuration::from_mins(minutes);
    turns(world, 4);
}

fn state(world: &World, stage: &str) -> StageState {
    world.stage(stage).state
}

fn replicas(world: &World, uid: &str) -> i64 {
    let replicas = &world.objects[uid]["spec"]["replicas"];
    replicas.as_i64().expect("a number")
}

fn change_level(world: &mut World, level: Level) {
    world.propose(level);
    world.approve_when_planned();
    world.run();
}

fn stands_down(world: &mut World, what: &str) {
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed, "{what}");
    assert_as_before(world, what);
}

/// What fails truly must not wait for ever, or `onFailure` would mean nothing.
#[test]
fn a_step_that_takes_longer_than_it_may_fails_its_stage() {
    let mut world = begun_without_the_batch();
    minutes(&mut world, 9);
    assert_eq!(state(&world, "more"), StageState::Running);
    minutes(&mut world, 2);
    assert_eq!(world.phase(), Phase::Restoring);
    let last = world.ledger().turns.last().expect("a turn");
    assert_eq!(last.1.reason.as_deref(), Some("StageFailed"));
    world.refusing.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "it came too late");
}

/// A graver level begins its stages when it is granted, however long ago it was in force before.
#[test]
fn a_stage_of_a_level_that_is_in_force_again_has_its_time_again() {
    let mut world = active(Level::II);
    change_level(&mut world, Level::I);
    assert_eq!(replicas(&world, "batch"), 1);
    change_level(&mut world, Level::II);
    assert_eq!(replicas(&world, "batch"), 4);
    world.now += SignedDuration::from_mins(15);
    change_level(&mut world, Level::I);
    assert_eq!(
        (world.phase(), replicas(&world, "batch")),
        (Phase::Active, 1)
    );
    assert_eq!(replicas(&world, "web-0"), 9, "the rest stands");
    stands_down(&mut world, "raised twice");
}

/// A longer term is planned on the cluster as it is by then: what is new in it is a stage's work of now.
#[test]
fn an_object_that_a_renewal_finds_is_switched_in_time() {
    let mut world = active(Level::II);
    world.now += SignedDuration::from_mins(15);
    world.appears("web-3");
    world.spec.expires_after = Term("2h".into());
    world.approve_when_planned();
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-3")),
        (Phase::Active, 9)
    );
    stands_down(&mut world, "renewed");
}

/// What was journalled under an earlier plan and not confirmed is written without another record. It has
/// its time anew with each plan that is granted, and it must not have it for ever.
#[test]
fn what_is_under_way_when_a_plan_is_granted_has_its_time_anew_and_once() {
    let mut world = begun_without_the_batch();
    minutes(&mut world, 9);
    world.spec.expires_after = Term("2h".into());
    world.approve_when_planned();
    turns(&mut world, 20);
    let granted = world.status.granted.as_ref().expect("it is granted");
    assert_eq!(granted.expires_at, expected_end(&world), "it is renewed");
    minutes(&mut world, 9);
    assert_eq!(state(&world, "more"), StageState::Running);
    minutes(&mut world, 2);
    assert_eq!(world.phase(), Phase::Restoring);
}

fn expected_end(world: &World) -> jiff::Timestamp {
    let began = world.status.activated_at.expect("it was activated");
    let end = began + SignedDuration::from_hours(2);
    jiff::Timestamp::from_second(end.as_second()).expect("a time")
}

/// A new leader knows how long a step has taken from the journal.
#[test]
fn a_new_leader_counts_on() {
    let mut world = begun_without_the_batch();
    minutes(&mut world, 6);
    world.restart();
    turns(&mut world, 40);
    assert_eq!(state(&world, "more"), StageState::Running);
    minutes(&mut world, 6);
    assert_eq!(world.phase(), Phase::Restoring);
    let batch = json!(4);
    assert_eq!(world.objects["batch"]["spec"]["replicas"], batch);
}

/// What came later is switched as well, however late; and whatever becomes of it, the emergency does
/// not end for it.
#[test]
fn an_object_that_appears_late_is_switched_and_fails_no_stage() {
    for enough in [None, Some("90%".to_owned())] {
        let what = format!("{enough:?}");
        let mut world = world();
        world.playbook.stages[2].min_success = enough;
        world.approve_when_planned();
        world.run();
        assert_eq!(world.phase(), Phase::Active, "{what}");
        world.now += SignedDuration::from_mins(15);
        world.appears("web-3");
        world.survey();
        world.refusing.insert("web-3".to_owned());
        turns(&mut world, 20);
        minutes(&mut world, 15);
        assert_eq!(world.phase(), Phase::Active, "{what}");
        assert_eq!(state(&world, "surge"), StageState::Done, "{what}");
        world.refusing.clear();
        world.run();
        assert_eq!(
            (world.phase(), replicas(&world, "web-3")),
            (Phase::Active, 9),
            "{what}"
        );
        stands_down(&mut world, &what);
    }
}

/// The journal alone knows what was adopted and not confirmed: nobody names it to a new leader.
#[test]
fn a_crash_at_every_step_of_an_adoption_is_exact() {
    let begin = || {
        let mut world = active(Level::II);
        world.now += SignedDuration::from_mins(15);
        world.appears("web-3");
        world.survey();
        world
    };
    let play = |world: &mut World, what: &str| {
        world.run();
        assert_eq!(
            (world.phase(), replicas(world, "web-3")),
            (Phase::Active, 9),
            "{what}"
        );
        stands_down(world, what);
    };
    let mut reference = begin();
    let from = reference.steps;
    play(&mut reference, "no crash");
    assert!(
        reference.steps > from + 10,
        "{} steps",
        reference.steps - from
    );
    for at in from..reference.steps {
        let mut world = begin();
        world.crash_at = vec![at];
        play(&mut world, &format!("crash at {at}"));
    }
}

/// A field that was as wanted is in no journal. When somebody changes it after hours, that is no failure
/// of the switch.
#[test]
fn what_was_as_wanted_and_is_not_any_more_is_written_and_fails_no_stage() {
    let mut world = world();
    world.run();
    world.write_as("colleague", "web-0", "/spec/replicas", &json!(9));
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert!(
        world.states("web-0").is_empty(),
        "nothing was written there"
    );
    world.now += SignedDuration::from_mins(15);
    world.write_as("colleague", "web-0", "/spec/replicas", &json!(5));
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-0")),
        (Phase::Active, 9)
    );
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-0")),
        (Phase::Closed, 5)
    );
}

/// What is late in a stage of which enough succeeded is tried on.
#[test]
fn what_is_open_in_a_stage_that_is_done_is_written_still() {
    let mut world = world();
    world.playbook.stages[2].min_success = Some("60%".into());
    world.refusing.insert("web-1".to_owned());
    world.approve_when_planned();
    turns(&mut world, 60);
    assert_eq!(state(&world, "surge"), StageState::Running);
    minutes(&mut world, 11);
    assert_eq!(
        (world.phase(), state(&world, "surge")),
        (Phase::Active, StageState::Done)
    );
    assert_eq!(replicas(&world, "web-1"), 3);
    world.refusing.clear();
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-1")),
        (Phase::Active, 9)
    );
    stands_down(&mut world, "one was late");
}

/// Runs until the surge is in the middle: one of three is written.
fn in_the_middle() -> World {
    let mut world = world();
    world.approve_when_planned();
    while replicas(&world, "web-0") != 9 {
        turns(&mut world, 1);
    }
    assert_eq!(replicas(&world, "web-2"), 3);
    world
}

/// Who pauses a switch wants it to go on later, and not to be torn down for it.
#[test]
fn a_pause_makes_nothing_late() {
    let mut world = in_the_middle();
    world.spec.paused = true;
    turns(&mut world, 2);
    minutes(&mut world, 15);
    assert_eq!(state(&world, "surge"), StageState::Running);
    assert_eq!(world.phase(), Phase::Activating);
    world.spec.paused = false;
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-2")),
        (Phase::Active, 9)
    );
    stands_down(&mut world, "paused");
}

/// While nothing may be written, nothing is late: neither where the rules are known not to be in force,
/// nor where nobody knows.
#[test]
fn what_the_rules_stop_is_not_late() {
    let mut world = in_the_middle();
    world.tampered = vec!["a policy is missing".to_owned()];
    turns(&mut world, 2);
    minutes(&mut world, 15);
    assert_eq!(world.said(types::BLOCKED).reason, "RulesNotEnforced");
    assert_eq!(state(&world, "surge"), StageState::Running);
    world.tampered.clear();
    world.unproven = Some("over quota".to_owned());
    turns(&mut world, 2);
    minutes(&mut world, 15);
    assert_eq!(world.said(types::BLOCKED).reason, "RulesNotProven");
    assert_eq!(state(&world, "surge"), StageState::Running);
    world.unproven = None;
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "web-2")),
        (Phase::Active, 9)
    );
    stands_down(&mut world, "without rules");
}

/// What a step had taken before it was interrupted counts, and so does what it takes afterwards, also
/// for a leader that has seen nothing of it: else whoever pauses often enough, or rules that are tried in
/// vain every ten minutes, would hide a stage that fails.
#[test]
fn interruptions_do_not_count_and_all_else_does() {
    for taken_over in [false, true] {
        let mut world = begun_without_the_batch();
        minutes(&mut world, 5);
        for _ in 0..2 {
            world.spec.paused = true;
            turns(&mut world, 2);
            minutes(&mut world, 12);
            if taken_over {
                world.restart();
                turns(&mut world, 4);
            }
            world.spec.paused = false;
            turns(&mut world, 20);
            assert_eq!(state(&world, "more"), StageState::Running, "{taken_over}");
        }
        assert_eq!(world.status.interruptions.len(), 2, "{taken_over}");
        minutes(&mut world, 3);
        assert_eq!(state(&world, "more"), StageState::Running, "{taken_over}");
        minutes(&mut world, 3);
        assert_eq!(world.phase(), Phase::Restoring, "{taken_over}");
        assert!(world.status.interruptions.is_empty(), "{taken_over}");
    }
}

/// Status must stay small, and a stage must not be late since its interruptions are many.
#[test]
fn of_many_interruptions_the_oldest_are_told_as_one() {
    let mut world = begun_without_the_batch();
    let began = world.now;
    for _ in 0..40 {
        world.spec.paused = true;
        turns(&mut world, 1);
        world.now += SignedDuration::from_secs(30);
        world.spec.paused = false;
        turns(&mut world, 2);
    }
    assert!(world.now > began + SignedDuration::from_mins(20));
    assert_eq!(world.status.interruptions.len(), 16);
    assert_eq!(state(&world, "more"), StageState::Running);
}

/// The rules are tried again every ten minutes. Were that told, a mode at rest would have its status
/// written each time.
#[test]
fn that_the_rules_are_tried_again_is_no_news() {
    let mut world = active(Level::II);
    for _ in 0..3 {
        world.now += SignedDuration::from_mins(11);
        for _ in 0..4 {
            turns(&mut world, 1);
            assert!(world.status.interruptions.is_empty());
        }
    }
}

/// What a lowered level gives up may take its time to come back. Where the level is raised meanwhile, it
/// is switched again once it is back, and not left between.
#[test]
fn a_level_that_is_raised_before_it_is_lowered_is_switched() {
    let mut world = active(Level::I);
    assert_eq!(replicas(&world, "batch"), 1);
    world.refusing.insert("batch".to_owned());
    world.propose(Level::II);
    world.approve_when_planned();
    turns(&mut world, 40);
    assert_eq!(world.states("batch"), [State::Reverting]);
    world.propose(Level::I);
    world.approve_when_planned();
    turns(&mut world, 40);
    assert_eq!(world.states("batch"), [State::Reverting]);
    assert_eq!(world.phase(), Phase::Activating);
    world.refusing.clear();
    world.run();
    assert_eq!(world.states("batch"), [State::Applied]);
    assert_eq!(
        (world.phase(), replicas(&world, "batch")),
        (Phase::Active, 1)
    );
    stands_down(&mut world, "raised in the middle");
}

/// What somebody changed while a lowered level gave it up is nobody's wartime value: a level that is raised
/// again has not switched it, and what depends on it must not begin before the verdict.
#[test]
fn what_drifted_on_its_way_back_is_not_done_when_the_level_is_raised() {
    let mut world = world();
    world.playbook.stages[2].depends_on.push("more".into());
    world.spec.level = Level::I;
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.refusing.insert("batch".to_owned());
    world.propose(Level::II);
    world.approve_when_planned();
    turns(&mut world, 40);
    assert_eq!(world.states("batch"), [State::Reverting]);
    world.refusing.clear();
    world.write_as("colleague", "batch", "/spec/replicas", &json!(7));
    world.run();
    assert_eq!(world.states("batch"), [State::Drifted]);
    change_level(&mut world, Level::I);
    assert_eq!(replicas(&world, "batch"), 7, "it waits for a verdict");
    assert_eq!(state(&world, "more"), StageState::Running);
    assert_eq!(state(&world, "surge"), StageState::Waiting);
    world.verdict_on_all(VerdictChoice::Ours);
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "batch")),
        (Phase::Active, 1)
    );
    assert_eq!(state(&world, "surge"), StageState::Done);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(
        (world.phase(), replicas(&world, "batch")),
        (Phase::Closed, 4)
    );
}

/// A stage in which everything waits journals nothing under its plan. It fails in its time like any other, or
/// what depends on it would wait for ever and nobody would be told.
#[test]
fn a_stage_in_which_everything_waits_is_late_too() {
    let change = json!(7);
    let mut lowered = active(Level::I);
    lowered.refusing.insert("batch".to_owned());
    lowered.propose(Level::II);
    lowered.approve_when_planned();
    turns(&mut lowered, 40);
    lowered.refusing.clear();
    lowered.write_as("colleague", "batch", "/spec/replicas", &change);
    lowered.run();
    change_level(&mut lowered, Level::I);

    let mut renewed = active(Level::I);
    renewed.write_as("colleague", "batch", "/spec/replicas", &change);
    renewed.run();
    let half = serde_json::from_value(json!({ "percent": 50 }));
    renewed.playbook.stages[1].steps[0].scale = Some(half.expect("a scale"));
    renewed.spec.expires_after = Term("2h".into());
    renewed.approve_when_planned();
    renewed.run();

    for (mut world, what) in [(lowered, "raised again"), (renewed, "another value")] {
        let granted = world.status.granted.clone().expect("it is granted");
        assert_eq!(world.states("batch"), [State::Drifted], "{what}");
        assert_eq!(replicas(&world, "batch"), 7, "{what}");
        minutes(&mut world, 9);
        assert_eq!(state(&world, "more"), StageState::Running, "{what}");
        assert_eq!(world.status.granted, Some(granted), "{what}");
        minutes(&mut world, 2);
        assert_eq!(world.phase(), Phase::Restoring, "{what}");
        let last = world.ledger().turns.last().expect("a turn");
        assert_eq!(last.1.reason.as_deref(), Some("StageFailed"), "{what}");
    }
}

/// What a graver level adopted is there for that level: it goes back with it, and comes again with it.
#[test]
fn what_a_graver_level_adopted_goes_back_with_it() {
    let mut world = world();
    world.spec.level = Level::I;
    let offices =
        json!({ "kinds": ["Deployment"], "selector": { "matchLabels": { "tier": "office" } } });
    let shrink = &mut world.playbook.stages[1].steps[0];
    shrink.targets = Some(serde_json::from_value(offices).expect("targets"));
    world.approve_when_planned();
    world.run();
    world.appears_in("night", "office");
    world.survey();
    world.run();
    assert_eq!(
        (replicas(&world, "batch"), replicas(&world, "night")),
        (1, 1)
    );
    change_level(&mut world, Level::II);
    assert_eq!(
        (replicas(&world, "batch"), replicas(&world, "night")),
        (4, 3)
    );
    assert_eq!(world.phase(), Phase::Active);
    change_level(&mut world, Level::I);
    assert_eq!(
        (replicas(&world, "batch"), replicas(&world, "night")),
        (1, 1)
    );
    stands_down(&mut world, "adopted by level I");
}
