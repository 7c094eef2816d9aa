//! What people said counts once, for what they said it of, and by the lists that were approved.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::world::World;
use crate::api::condition::types;
use crate::api::{Abandonment, AbortChoice, Level, Phase, Term, TurnKind};

/// What is asked of the world when level II is in force.
fn in_force() -> World {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.propose(Level::II);
    world
}

fn level(world: &World) -> Option<Level> {
    let granted = world.ledger().granted.as_ref();
    granted.map(|granted| granted.level)
}

/// Whoever may declare would raise the level again, alone, by what others agreed to yesterday.
#[test]
fn an_approval_counts_for_one_grant() {
    let mut world = in_force();
    world.propose(Level::I);
    world.approve_when_planned();
    world.run();
    assert_eq!(level(&world), Some(Level::I));
    for level_before in [Level::I, Level::II] {
        let asked = if level_before == Level::I {
            Level::II
        } else {
            Level::I
        };
        world.propose(asked);
        world.run();
        assert_eq!(
            level(&world),
            Some(level_before),
            "nobody has agreed to that"
        );
        assert!(world.status.proposed.is_some(), "it waits for approvals");
        world.approve_when_planned();
        world.run();
        assert_eq!(level(&world), Some(asked));
    }
}

/// Half of a quorum for what was taken back is not half of a quorum for whoever asks next.
#[test]
fn a_proposal_that_was_taken_back_keeps_no_approvals() {
    let mut world = World::new();
    let quorum = json!({ "I": 2, "II": 1 });
    world.playbook.authority.quorum = Some(serde_json::from_value(quorum).expect("a quorum"));
    world.approve_when_planned();
    world.run();
    world.propose(Level::I);
    world.run();
    let first = world.plan_to_approve();
    world.approve_as("lin");
    world.run();
    world.propose(Level::II);
    world.run();
    let turns = &world.ledger().turns;
    let withdrawn = turns
        .iter()
        .filter(|(_, turn)| turn.kind == TurnKind::Withdrawn);
    assert_eq!(withdrawn.count(), 1);
    assert!(world.status.proposed.is_none());
    world.propose(Level::I);
    world.run();
    assert_ne!(
        world.plan_to_approve(),
        first,
        "another round is another hash"
    );
    world.approve_as("he");
    world.run();
    assert_eq!(level(&world), Some(Level::II));
    world.approve_as("lin");
    world.run();
    assert_eq!(level(&world), Some(Level::I));
}

/// Before anything is granted, too: who saw level II and agreed has not agreed to it for whoever went
/// to level I and back.
#[test]
fn a_declaration_that_was_changed_keeps_no_approvals() {
    let mut world = World::new();
    let quorum = json!({ "I": 2, "II": 2 });
    world.playbook.authority.quorum = Some(serde_json::from_value(quorum).expect("a quorum"));
    world.run();
    world.approve_as("lin");
    // What is shown is the plan of this round, however the hashes of the earlier ones are sorted.
    let mut shown = BTreeSet::from([world.plan_to_approve()]);
    for level in [
        Level::I,
        Level::II,
        Level::I,
        Level::II,
        Level::I,
        Level::II,
    ] {
        world.propose(level);
        world.run();
        assert!(
            shown.insert(world.plan_to_approve()),
            "{level:?}: a plan of an earlier round"
        );
    }
    world.approve_as("he");
    world.run();
    assert_eq!(world.phase(), Phase::Pending);
    world.approve_as("lin");
    world.run();
    assert_eq!(world.phase(), Phase::Active);
}

/// A shorter term is a proposal; one that is over already would be a stand-down by who may only ask.
#[test]
fn a_term_that_is_over_ends_nothing() {
    let mut world = in_force();
    world.spec.expires_after = Term("2h".into());
    world.approve_when_planned();
    world.run();
    world.propose(Level::II);
    world.now += SignedDuration::from_mins(90);
    world.spec.expires_after = Term("1h".into());
    world.run();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let said = world.said(types::BLOCKED);
    assert_eq!(said.reason, "TermRefused");
    assert!(
        said.message.contains("stand the mode down"),
        "{}",
        said.message
    );
}

/// Who may only ask would end alone what others approved, without the right to stand it down: by a level that
/// nobody has to approve, for a minute more.
#[test]
fn a_level_that_nobody_approves_does_not_end_what_somebody_approved() {
    let mut world = World::new();
    let quorum = json!({ "II": 1, "IV": 0 });
    world.playbook.authority.quorum = Some(serde_json::from_value(quorum).expect("a quorum"));
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.now += SignedDuration::from_mins(30);
    world.propose(Level::IV);
    world.spec.expires_after = Term("35m".into());
    world.run();
    assert_eq!(level(&world), Some(Level::II), "nobody has agreed to that");
    assert!(world.status.proposed.is_some(), "it waits for approvals");
    world.approve_as("lin");
    world.run();
    assert_eq!(level(&world), Some(Level::IV));
}

/// Whoever edits the playbook of a mode in force would decide by it who agrees, and as whom it is done.
#[test]
fn an_edited_playbook_changes_neither_the_quorum_nor_the_account_of_a_mode_in_force() {
    let mut world = in_force();
    let quorum = json!({ "I": 0, "II": 0 });
    world.playbook.authority.quorum = Some(serde_json::from_value(quorum).expect("a quorum"));
    world.playbook.authority.approver_groups = vec!["friends".into()];
    world.propose(Level::I);
    world.run();
    assert_eq!(level(&world), Some(Level::II));
    world.approve_as("lin");
    world.run();
    assert_eq!(level(&world), Some(Level::I), "the approved lists hold");
    world.playbook.service_account_name = "another".into();
    world.propose(Level::II);
    world.approve_when_planned();
    world.run();
    assert_eq!(level(&world), Some(Level::I));
    let said = world.said(types::BLOCKED);
    assert!(said.message.contains("another"), "{}", said.message);
}

fn give_up(world: &mut World, by: &str, group: &str) {
    world.spec.abandon.push(Abandonment {
        reason: "lost".into(),
        by: by.into(),
        as_: group.into(),
    });
}

/// With the policies gone whoever may write a mode writes two names; the values would stay for good.
#[test]
fn a_mode_is_given_up_by_people_of_its_lists_and_only_while_the_rules_hold() {
    let mut world = in_force();
    for (by, group) in [("lin", "wheel"), ("he", "duty"), ("", "command")] {
        give_up(&mut world, by, group);
        world.run();
        assert_eq!(world.phase(), Phase::Active, "{by} as {group}");
    }
    world.tampered = vec!["a policy is missing".into()];
    give_up(&mut world, "lin", "approvers");
    give_up(&mut world, "wang", "command");
    world.run();
    assert_eq!(
        world.phase(),
        Phase::Active,
        "anybody may have written that"
    );
    assert_eq!(world.said(types::BLOCKED).reason, "RulesNotEnforced");
    world.tampered.clear();
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    let turns = &world.ledger().turns;
    let last = turns.last().map(|(_, turn)| turn.reason.as_deref());
    assert_eq!(last, Some(Some("Abandoned")));
}

/// The lists of the playbook hold for an abort where no policy asks for them.
#[test]
fn an_abort_by_nobody_of_the_lists_does_not_count() {
    for choice in [AbortChoice::Restore, AbortChoice::Hold] {
        let mut world = in_force();
        world.abort(choice);
        world.spec.abort.as_mut().expect("an abort").as_ = "wheel".into();
        world.run();
        assert_eq!(world.phase(), Phase::Active);
        world.spec.abort.as_mut().expect("an abort").as_ = "duty".into();
        world.run();
        let turned = &world.ledger().turns;
        let reason = turned.iter().find_map(|(_, turn)| turn.reason.as_deref());
        assert_eq!(reason, Some("Aborted"));
    }
}
