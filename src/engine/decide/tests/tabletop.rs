//! Exercises at the table: everything is decided, and nothing is carried out.

use serde_json::json;

use super::assert_as_before;
use super::world::World;
use crate::api::condition::types;
use crate::api::{Answer, AnswerChoice, Level, Nature, Phase, Posture, StageState};

/// An exercise at the table with an act of every kind before its last stage.
fn world() -> World {
    let mut world = World::new();
    world.spec.nature = Nature::Exercise;
    world.spec.tabletop = true;
    world.spec.level = Level::I;
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let steps = json!([
        { "name": "settled", "wait": { "rollout": { "step": "calm" } }, "timeout": "1m" },
        { "name": "tell", "critical": true,
            "notify": { "channels": ["districts"], "message": { "en": "lines are diverted" } } },
        { "name": "export", "run": { "namespace": "portal",
            "job": { "template": { "spec": pods } }, "irreversible": true } },
        { "name": "divert",
            "call": { "url": "https://example.com/divert", "undo": "https://example.com/normal" } },
        { "name": "confirm", "after": ["settled"], "gate": { "groups": ["command"],
            "prompt": { "en": "Shrink the batch?", "zh-CN": "缩减批处理?" }, "timeout": "5m" } },
    ]);
    let stage = &mut world.playbook.stages[1];
    stage.depends_on = vec!["shed".into()];
    stage.steps = serde_json::from_value(steps).expect("steps");
    world.approve_when_planned();
    world
}

/// That so far nothing was written, journalled as a change, or tried.
fn assert_untouched(world: &World) {
    assert_eq!(world.objects, world.before, "no object was touched");
    assert_eq!(world.writes, 0, "nothing was sent");
    let entries = &world.ledger().entries;
    assert!(entries.is_empty(), "no change was journalled: {entries:#?}");
    assert!(
        world.asked.is_empty(),
        "no act was tried: {:?}",
        world.asked
    );
}

/// Whoever sits at the table decides as in an emergency: approvals and answers are recorded, and no
/// service notices anything.
#[test]
fn people_decide_and_nothing_is_carried_out() {
    let mut world = world();
    world.run_steps(200);
    assert_eq!(world.phase(), Phase::Activating);
    let waits = world.waiting_on().to_owned();
    assert!(
        waits.starts_with("more/confirm waits for: an answer"),
        "it is people who are waited for, and nothing else: {waits}"
    );
    world.spec.answers.push(Answer {
        stage: "more".into(),
        step: "confirm".into(),
        answer: AnswerChoice::Proceed,
        by: "wang".into(),
        as_: "command".into(),
    });
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let surge = world.stage("surge");
    assert_eq!(
        (surge.state, surge.changes, surge.applied),
        (StageState::Done, 3, 0)
    );
    let said = surge.message.as_deref().unwrap_or_default();
    assert_eq!(said, "3 changes at the table only: not carried out");
    let active = &world.said(types::ACTIVE).message;
    assert!(
        active.contains("of which nothing is carried out"),
        "{active}"
    );
    let told = world.status.timeline.iter();
    let mut told: Vec<&str> = told.map(|entry| entry.message.as_str()).collect();
    told.sort_unstable();
    assert!(
        told.contains(&"more/confirm by wang: Proceed, answered as command"),
        "{told:#?}"
    );
    for step in ["settled", "tell", "export", "divert"] {
        let skipped = format!("more/{step}: at the table only: not carried out");
        assert!(told.contains(&skipped.as_str()), "{skipped}: {told:#?}");
    }
    assert_untouched(&world);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    let restored = &world.said(types::RESTORED).message;
    assert!(
        restored.contains("of which nothing is carried out"),
        "{restored}"
    );
    assert_untouched(&world);
    assert_as_before(&world, "after the table");
}

/// A commander who says Stop at the table stops it, as it would in an emergency.
#[test]
fn a_stop_at_the_table_counts() {
    let mut world = world();
    world.run_steps(200);
    world.spec.answers.push(Answer {
        stage: "more".into(),
        step: "confirm".into(),
        answer: AnswerChoice::Stop,
        by: "wang".into(),
        as_: "command".into(),
    });
    world.run_steps(200);
    assert_eq!(world.stage("more").state, StageState::Failed);
    assert_eq!(world.said(types::BLOCKED).reason, "ActFailed");
    assert_untouched(&world);
}

/// What is approved for the table is not approved for the services: another hash, and one that a
/// plan for an exercise had before there were tables.
#[test]
fn an_approval_for_the_table_is_none_for_the_act() {
    let hash = |tabletop| {
        let mut world = world();
        world.spec.tabletop = tabletop;
        world.plan().hash.clone()
    };
    assert_ne!(hash(true), hash(false));
    let mut world = world();
    world.spec.tabletop = false;
    let plan = world.plan();
    let text = crate::engine::plan::store::text(&plan);
    assert!(!text.contains("tabletop"), "{text}");
    let loaded = crate::engine::plan::store::load(&text, &plan.hash).expect("a plan");
    assert!(!loaded.tabletop);
}
