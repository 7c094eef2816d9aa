//! Acts that leave no field behind: waits and gates, what people say at them, and crashes between.

use serde_json::json;

use super::world::{NEVER, World};
use super::{assert_as_before, there_and_back};
use crate::api::condition::types;
use crate::api::{Answer, AnswerChoice, Level, OnTimeout, Phase, Posture, Skip, StageState, Term};
use crate::engine::acts::Ask;
use crate::step::wait::Reading;

/// The fleet of all these tests, with a wait and a gate before its batch is shrunk.
fn world() -> World {
    let mut world = World::new();
    world.spec.level = Level::I;
    let steps = json!([
        { "name": "settled", "wait": { "rollout": { "step": "calm" } }, "timeout": "1m" },
        { "name": "confirm", "after": ["settled"], "gate": { "groups": ["command"],
            "prompt": { "en": "Shrink the batch?", "zh-CN": "缩减批处理?" }, "timeout": "5m" } },
        { "name": "shrink", "after": ["confirm"],
            "targets": { "kinds": ["Deployment"], "names": ["batch"] },
            "scale": { "percent": 10, "minimum": 1 } }
    ]);
    let stage = &mut world.playbook.stages[1];
    stage.depends_on = vec!["shed".into()];
    stage.steps = serde_json::from_value(steps).expect("steps");
    world.approve_when_planned();
    world
}

fn see(world: &mut World, holds: bool) {
    let key = ("more".to_owned(), "settled".to_owned());
    let sentence = if holds { "all ready" } else { "1 of 3 ready" }.to_owned();
    let ready = Some(if holds { 3 } else { 1 });
    let reading = Reading {
        ready,
        ..Reading::new(holds, sentence)
    };
    world.seen.insert(key, reading);
}

fn answer(world: &mut World, answer: AnswerChoice, group: &str) {
    world.spec.answers.push(Answer {
        stage: "more".into(),
        step: "confirm".into(),
        answer,
        by: "wang".into(),
        as_: group.into(),
    });
}

fn skip(world: &mut World, step: &str) {
    skip_as(world, step, "command");
}

fn skip_as(world: &mut World, step: &str, group: &str) {
    world.spec.skips.push(Skip {
        stage: "more".into(),
        step: step.into(),
        reason: "the portal is being repaired".into(),
        by: "wang".into(),
        as_: group.into(),
    });
}

fn batch(world: &World) -> i64 {
    let replicas = &world.objects["batch"]["spec"]["replicas"];
    replicas.as_i64().expect("a number")
}

fn stands_down(world: &mut World) {
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(world, "after acts");
}

/// A stage that goes on before its services are there, or before people have agreed, is a mistake
/// that cannot be taken back in time.
#[test]
fn a_wait_and_a_gate_hold_what_comes_after_them() {
    let mut world = world();
    see(&mut world, false);
    world.run();
    let waits = world.waiting_on();
    assert!(
        waits.contains("more/settled waits for: 1 of 3 ready"),
        "{waits}"
    );
    assert_eq!(
        (world.stage("more").state, batch(&world)),
        (StageState::Running, 4)
    );
    assert_eq!(world.stage("more").ready, Some(1));
    see(&mut world, true);
    world.now += jiff::SignedDuration::from_secs(10);
    world.run();
    let asked = world.waiting_on();
    assert!(
        asked.contains("more/confirm waits for: an answer"),
        "{asked}"
    );
    assert!(asked.contains("Shrink the batch?"), "{asked}");
    assert_eq!((world.phase(), batch(&world)), (Phase::Activating, 4));
    answer(&mut world, AnswerChoice::Proceed, "passers-by");
    world.run();
    assert_eq!(batch(&world), 4, "their answer does not count");
    answer(&mut world, AnswerChoice::Proceed, "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    // As it was when the wait ended, by the journal: nobody looks any more.
    let ready = |stage| world.stage(stage).ready;
    assert_eq!((ready("more"), ready("shed")), (Some(3), None));
    stands_down(&mut world);
    assert_eq!(world.stage("more").ready, None);
}

/// What people leave out stays out, and everything else goes on.
#[test]
fn a_gate_that_is_answered_skip_leaves_out_what_comes_after_it() {
    let mut world = world();
    see(&mut world, true);
    answer(&mut world, AnswerChoice::Skip, "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 4));
    assert_eq!(world.stage("more").state, StageState::Done);
    assert_eq!(world.objects["web-0"]["spec"]["replicas"], json!(9));
    stands_down(&mut world);
}

/// Nobody at the desk is an answer too, the one that the playbook gives.
#[test]
fn silence_at_a_gate_means_what_the_playbook_says() {
    for (on_timeout, replicas, state) in [
        (OnTimeout::Proceed, 1, StageState::Done),
        (OnTimeout::Skip, 4, StageState::Done),
        (OnTimeout::Stop, 4, StageState::Failed),
    ] {
        let mut world = world();
        let gate = world.playbook.stages[1].steps[1].gate.as_mut().unwrap();
        gate.on_timeout = Some(on_timeout);
        gate.timeout = Some(Term("2m".into()));
        see(&mut world, true);
        world.is_patient = true;
        world.run();
        assert_eq!(batch(&world), replicas, "{on_timeout:?}");
        assert_eq!(world.stage("more").state, state, "{on_timeout:?}");
        stands_down(&mut world);
    }
}

/// While a mode is paused its gates ask nobody: nobody's silence means anything then.
#[test]
fn a_pause_is_no_silence_at_a_gate() {
    let mut world = world();
    see(&mut world, true);
    world.run();
    let asks = "more/confirm waits for: an answer";
    assert!(world.waiting_on().contains(asks), "{}", world.waiting_on());
    world.spec.paused = true;
    world.run();
    world.now += jiff::SignedDuration::from_mins(20);
    world.run();
    world.spec.paused = false;
    world.run();
    assert!(world.waiting_on().contains(asks), "{}", world.waiting_on());
    assert_eq!(world.stage("more").state, StageState::Running);
    answer(&mut world, AnswerChoice::Proceed, "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    stands_down(&mut world);
}

/// A wait that is over without what was waited for stops the stage, says so, and a person may go on
/// without it.
#[test]
fn a_wait_that_fails_blocks_until_a_person_passes_over_it() {
    let mut world = world();
    see(&mut world, false);
    world.is_patient = true;
    world.run();
    let blocked = world.said(types::BLOCKED);
    assert_eq!(
        (blocked.status.as_str(), blocked.reason.as_str()),
        ("True", "ActFailed")
    );
    let why = "more/settled failed: not in time: 1 of 3 ready";
    assert!(blocked.message.contains(why), "{}", blocked.message);
    answer(&mut world, AnswerChoice::Proceed, "command");
    skip(&mut world, "settled");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    stands_down(&mut world);
}

/// A step that a person leaves out before it begins is not begun at all.
#[test]
fn a_skip_passes_over_an_act_before_it_begins() {
    let mut world = world();
    skip(&mut world, "settled");
    skip(&mut world, "confirm");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
}

/// To pass a gate over is to decide at it: whoever may leave a step out would decide in place of those whom it
/// asks, and over their Stop.
#[test]
fn a_gate_is_passed_over_by_those_alone_whom_it_asks() {
    let mut world = world();
    skip_as(&mut world, "settled", "duty");
    skip_as(&mut world, "confirm", "duty");
    world.run();
    let asked = world.waiting_on();
    let asks = "more/confirm waits for: an answer";
    assert!(asked.contains(asks), "{asked}");
    assert_eq!((world.phase(), batch(&world)), (Phase::Activating, 4));
    skip_as(&mut world, "confirm", "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));

    let mut stopped = self::world();
    see(&mut stopped, true);
    answer(&mut stopped, AnswerChoice::Stop, "command");
    skip_as(&mut stopped, "confirm", "duty");
    stopped.run();
    assert_eq!(batch(&stopped), 4, "it was stopped");
    assert_eq!(stopped.stage("more").state, StageState::Failed);
    stands_down(&mut stopped);
}

/// What was answered, waited for or skipped is remembered by the journal alone.
#[test]
fn a_crash_at_every_step_with_acts_is_exact() {
    let begin = || {
        let mut world = world();
        see(&mut world, true);
        answer(&mut world, AnswerChoice::Proceed, "command");
        world
    };
    let mut reference = begin();
    there_and_back(&mut reference);
    assert!(reference.steps > 40, "{}", reference.steps);
    for at in 0..reference.steps {
        let mut world = begin();
        world.crash_at = vec![at];
        there_and_back(&mut world);
        assert_eq!(world.phase(), Phase::Closed, "crash at {at}");
        assert_as_before(&world, &format!("crash at {at}"));
    }
}

/// A Job before the batch is shrunk, which the return undoes, and a word to the districts after it.
fn deeds() -> World {
    let mut world = World::new();
    world.spec.level = Level::I;
    let job = json!({ "template": { "spec": {} } });
    let steps = json!([
        { "name": "close", "run": { "namespace": "portal", "job": job, "undo": job } },
        { "name": "shrink", "after": ["close"],
            "targets": { "kinds": ["Deployment"], "names": ["batch"] },
            "scale": { "percent": 10, "minimum": 1 } },
        { "name": "tell", "timeout": "1m", "after": ["shrink"],
            "notify": { "channels": ["districts"], "message": { "en": "Shrunk", "zh-CN": "已缩减" } } }
    ]);
    let stage = &mut world.playbook.stages[1];
    stage.steps = serde_json::from_value(steps).expect("steps");
    world.approve_when_planned();
    world
}

fn comes_to(world: &mut World, step: &str, holds: bool) {
    let key = ("more".to_owned(), step.to_owned());
    let sentence = format!(
        "{step} {}",
        if holds { "is done" } else { "comes to nothing" }
    );
    world.seen.insert(key, Reading::new(holds, sentence));
}

fn asked(world: &World, step: &str, what: Ask) -> usize {
    let mut asked = world.asked.clone();
    asked.retain(|((_, at), ask)| at == step && *ask == what);
    asked.len()
}

/// What was done outside is undone last: after what was done after it has come back.
#[test]
fn what_was_carried_out_is_undone_at_the_return() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    let done = (
        asked(&world, "close", Ask::Carry),
        asked(&world, "tell", Ask::Carry),
    );
    assert_eq!(done, (1, 1));
    comes_to(&mut world, "close", false);
    world.spec.posture = Posture::Peacetime;
    world.run();
    let waits = world.waiting_on();
    assert!(
        waits.contains("more/close is to be undone: close comes to nothing"),
        "{waits}"
    );
    assert_eq!(batch(&world), 4, "what came after it is back");
    assert_eq!(world.phase(), Phase::Restoring);
    comes_to(&mut world, "close", true);
    world.now += jiff::SignedDuration::from_mins(2);
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "after deeds");
}

/// What can never be undone must not keep a mode open for ever: a person lets it be, with a reason.
#[test]
fn a_person_may_leave_what_cannot_be_undone() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    comes_to(&mut world, "close", false);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Restoring);
    skip(&mut world, "close");
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
}

/// Two people may pass over one step on the way there, and a step that was done already may be named by
/// mistake. Taken for a word about the way back, what was carried out would stay, and nobody would have tried.
#[test]
fn what_was_left_out_on_the_way_there_is_undone_all_the_same() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    skip(&mut world, "close");
    skip_as(&mut world, "close", "duty");
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    comes_to(&mut world, "close", false);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Restoring, "it is not undone yet");
    assert!(asked(&world, "close", Ask::Undo) > 0);
    skip(&mut world, "close");
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
}

/// With the records alone there is nobody to ask: what cannot be undone is said, and the rest comes back.
#[test]
fn with_the_object_gone_what_cannot_be_undone_is_left() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    let key = ("more".to_owned(), "close".to_owned());
    let sentence = format!("{NEVER}: no signals are sent");
    let holds = false;
    world.seen.insert(key, Reading::new(holds, sentence));
    world.is_gone = true;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "with the records alone");
}

/// A pager that is down must not stop a response to a flood, nor be passed over in silence.
#[test]
fn what_could_not_be_told_stops_nothing_and_is_said() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", false);
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    world.now += jiff::SignedDuration::from_mins(2);
    world.run();
    let said = world.said(types::DEGRADED);
    assert_eq!(
        (said.status.as_str(), said.reason.as_str()),
        ("True", "ActFailed")
    );
    let why = "more/tell failed: not in time: tell comes to nothing";
    assert!(said.message.contains(why), "{}", said.message);
    stands_down(&mut world);
}

/// Carried out twice it means the same, but not at all would mean something else.
#[test]
fn a_crash_at_every_step_with_deeds_is_exact() {
    let begin = || {
        let mut world = deeds();
        comes_to(&mut world, "close", true);
        comes_to(&mut world, "tell", true);
        world
    };
    let mut reference = begin();
    there_and_back(&mut reference);
    for at in 0..reference.steps {
        let mut world = begin();
        world.crash_at = vec![at];
        there_and_back(&mut world);
        assert_eq!(world.phase(), Phase::Closed, "crash at {at}");
        assert_as_before(&world, &format!("crash at {at}"));
        for (step, what) in [
            ("close", Ask::Carry),
            ("close", Ask::Undo),
            ("tell", Ask::Carry),
        ] {
            let times = asked(&world, step, what);
            assert!(
                (1..=2).contains(&times),
                "crash at {at}: {step} {what:?} {times} times"
            );
        }
    }
}

fn change_level(world: &mut World, level: Level) {
    world.propose(level);
    world.approve_when_planned();
    world.run();
}

/// People agreed to what was so an hour ago, and what was ready then may not be now: a level that is
/// raised again asks and waits again.
#[test]
fn a_level_that_is_raised_again_waits_and_asks_again() {
    let mut world = world();
    see(&mut world, true);
    answer(&mut world, AnswerChoice::Proceed, "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    let looks = asked(&world, "settled", Ask::Look);
    change_level(&mut world, Level::II);
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 4));
    see(&mut world, false);
    change_level(&mut world, Level::I);
    let waits = world.waiting_on();
    assert!(
        waits.contains("more/settled waits for: 1 of 3 ready"),
        "{waits}"
    );
    assert!(asked(&world, "settled", Ask::Look) > looks);
    see(&mut world, true);
    world.now += jiff::SignedDuration::from_secs(10);
    world.run();
    let waits = world.waiting_on();
    assert!(
        waits.contains("more/confirm waits for: an answer"),
        "{waits}"
    );
    assert_eq!(world.stage("more").asks, ["confirm"]);
    assert_eq!((world.phase(), batch(&world)), (Phase::Activating, 4));
    answer(&mut world, AnswerChoice::Proceed, "command");
    world.run();
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    assert!(world.stage("more").asks.is_empty());
    stands_down(&mut world);
}

/// What people declined or stopped is not declined for good either, and what they left out by name is:
/// that was no answer to a question.
#[test]
fn what_was_declined_is_asked_again_and_what_was_skipped_stays_skipped() {
    for said in [AnswerChoice::Skip, AnswerChoice::Stop] {
        let mut world = world();
        see(&mut world, true);
        answer(&mut world, said, "command");
        world.run();
        assert_eq!(batch(&world), 4, "{said:?}");
        change_level(&mut world, Level::II);
        change_level(&mut world, Level::I);
        answer(&mut world, AnswerChoice::Proceed, "command");
        world.run();
        assert_eq!(
            (world.phase(), batch(&world)),
            (Phase::Active, 1),
            "{said:?}"
        );
    }
    let mut world = world();
    skip(&mut world, "settled");
    skip(&mut world, "confirm");
    world.run();
    change_level(&mut world, Level::II);
    change_level(&mut world, Level::I);
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    stands_down(&mut world);
}

/// A longer term, or a graver level that has the stage too, is no reason to do anything twice.
#[test]
fn a_plan_that_keeps_a_stage_repeats_none_of_its_acts() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    world.spec.expires_after = Term("2h".into());
    world.approve_when_planned();
    world.run();
    assert_eq!(world.ledger().turns.len(), 2, "it is renewed");
    assert_eq!((world.phase(), batch(&world)), (Phase::Active, 1));
    let times = |step| asked(&world, step, Ask::Carry);
    assert_eq!((times("close"), times("tell")), (1, 1));
}

/// What was carried out goes back by the plan in force: a renewal under a playbook that does not undo it any
/// more would leave it as it is, and the mode would say that everything is back.
#[test]
fn a_renewal_does_not_forget_what_is_to_be_undone() {
    let mut world = deeds();
    comes_to(&mut world, "close", true);
    comes_to(&mut world, "tell", true);
    world.run();
    let (written, granted) = (world.playbook.clone(), world.status.granted.clone());
    let steps = &mut world.playbook.stages[1].steps;
    steps.remove(0);
    steps[0].after.clear();
    world.spec.expires_after = Term("2h".into());
    world.approve_when_planned();
    world.run();
    assert_eq!(world.status.granted, granted, "it goes on as granted");
    let blocked = world.said(types::BLOCKED);
    assert_eq!((&*blocked.status, &*blocked.reason), ("True", "PlanFaulty"));
    let says =
        "this mode has carried out more/close, and playbook flood does not undo that any more";
    assert!(blocked.message.contains(says), "{}", blocked.message);
    // Once the playbook is as it was, the plan is made anew by itself.
    world.playbook = written;
    world.plan();
    world.run();
    assert_ne!(world.status.granted, granted, "it is renewed");
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(asked(&world, "close", Ask::Undo), 1);
}

/// What a level of its own does outside is done each time that the level comes, and undone once.
#[test]
fn a_level_that_is_raised_again_acts_again_and_is_undone_once() {
    let begin = || {
        let mut world = deeds();
        comes_to(&mut world, "close", true);
        comes_to(&mut world, "tell", true);
        world.run();
        change_level(&mut world, Level::II);
        world
    };
    let play = |world: &mut World| {
        change_level(world, Level::I);
        assert_eq!((world.phase(), batch(world)), (Phase::Active, 1));
        world.spec.posture = Posture::Peacetime;
        world.run();
        assert_eq!(world.phase(), Phase::Closed);
    };
    let mut reference = begin();
    let from = reference.steps;
    play(&mut reference);
    let times = |world: &World| {
        [
            asked(world, "close", Ask::Carry),
            asked(world, "tell", Ask::Carry),
            asked(world, "close", Ask::Undo),
        ]
    };
    assert_eq!(times(&reference), [2, 2, 1]);
    for at in from..reference.steps {
        let mut world = begin();
        world.crash_at = vec![at];
        play(&mut world);
        assert_as_before(&world, &format!("crash at {at}"));
        let [close, tell, undo] = times(&world);
        let total = close + tell + undo;
        assert!(
            close >= 2 && tell >= 2 && undo >= 1 && total <= 6,
            "crash at {at}: {total}"
        );
    }
}
