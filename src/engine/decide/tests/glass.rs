//! What follows from an act without quorum: its review, and what is said of it.

use jiff::SignedDuration;
use serde_json::json;

use super::world::World;
use crate::api::condition::types;
use crate::api::{Phase, Posture};
use crate::engine::decide::{awaits_review, is_review_overdue};

/// A day and an hour: the review is overdue.
const LATER: SignedDuration = SignedDuration::from_hours(25);

/// A mode that one person set in force, for this reason.
fn without_quorum(reason: &str) -> World {
    let mut world = World::new();
    world.run();
    world.break_glass("wang", "command");
    if let Some(act) = &mut world.spec.break_glass {
        act.reason = reason.to_owned();
    }
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world
}

/// Something is always waited for in an emergency that does not come to its end: the review of what began
/// it must not be hidden by that once it is overdue.
#[test]
fn an_overdue_review_is_waited_for_whatever_else_is() {
    let mut world = without_quorum("the dam");
    assert!(world.waits_for().contains("has to review it until"));
    world.write_as("colleague", "web-0", "/spec/replicas", &json!(5));
    world.run();
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Restoring, "it waits for a verdict");
    let verdict = world.waits_for();
    assert!(verdict.starts_with("waiting for a verdict"), "{verdict}");
    assert!(awaits_review(&world.status) && !is_review_overdue(&world.status));
    world.now += LATER;
    world.run();
    let waits = world.waits_for();
    let (review, other) = waits.split_once("; besides, ").expect("both");
    assert!(review.contains("is overdue since"), "{review}");
    assert_eq!(other, verdict);
    assert_eq!(world.said(types::READY).message, waits);
    assert!(awaits_review(&world.status) && is_review_overdue(&world.status));
    world.review("lin");
    world.run();
    assert_eq!(world.waits_for(), verdict);
    assert!(!awaits_review(&world.status) && !is_review_overdue(&world.status));
}

/// Whoever has much to say for it is reviewed all the same, and by when stands at the end.
#[test]
fn what_a_reason_leads_to_is_said_however_long_it_is() {
    let mut world = without_quorum(&"大堤将溃".repeat(256));
    let said = world.approved().message.clone();
    assert!(said.contains("大堤将溃") && said.contains('…'), "{said}");
    let due = "somebody else than wang has to review it until";
    assert!(said.contains(due), "{said}");
    world.spec.posture = Posture::Peacetime;
    world.now += LATER;
    world.run();
    let overdue = "the review by somebody else than wang is overdue since";
    assert!(world.approved().message.contains(overdue));
    assert!(world.waits_for().contains(overdue));
    world.review("lin");
    world.run();
    let said = &world.approved().message;
    assert!(said.ends_with("reviewed by lin: Justified"), "{said}");
}

/// Nobody has to review what never came to be.
#[test]
fn an_act_that_does_not_count_awaits_no_review() {
    let mut world = World::new();
    world.run();
    world.break_glass("zhang", "platform");
    world.run();
    assert_eq!(world.phase(), Phase::Pending);
    assert!(!awaits_review(&world.status));
    world.now += LATER;
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert!(!awaits_review(&world.status) && !is_review_overdue(&world.status));
}
