//! Modes that two people give up for lost: they are over, and say what they leave behind.

use jiff::Timestamp;
use serde_json::json;

use super::assert_as_before;
use super::world::World;
use crate::api::condition::{self, types};
use crate::api::{Abandonment, EmergencyModeSpec, Phase, Posture, StageState};
use crate::engine::decide::{self, Damaged, Need};
use crate::engine::enforcement::Enforcement;

impl World {
    fn give_up(&mut self, by: &str) {
        give_up(&mut self.spec, by);
    }

    /// What is said of each field that is listed, by target.
    fn listed(&self) -> Vec<(&str, &str)> {
        let listed = self.status.targets.iter();
        let said = listed.map(|one| {
            let message = one.message.as_deref().unwrap_or_default();
            (one.name.as_str(), message)
        });
        said.collect()
    }
}

fn give_up(spec: &mut EmergencyModeSpec, by: &str) {
    spec.abandon.push(Abandonment {
        reason: "the cluster is lost".into(),
        by: by.into(),
        as_: "approvers".into(),
    });
}

/// A mode that does not come back keeps people for ever; and whoever reads of one that was given up that
/// everything is back would not look at what is left. One person, twice, gives nothing up.
#[test]
fn a_return_that_two_people_give_up_is_over_and_says_what_is_left() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.refusing.insert("web-1".to_owned());
    world.spec.posture = Posture::Peacetime;
    world.run_steps(400);
    world.give_up("wang");
    world.give_up("wang");
    world.run_steps(400);
    assert_eq!(world.phase(), Phase::Restoring, "it takes two");
    world.give_up("lin");
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    let live = world.ledger().live().count();
    let restored = world.said(types::RESTORED);
    let said = (restored.status.as_str(), restored.reason.as_str());
    assert_eq!(said, ("False", "Abandoned"));
    let s = if live == 1 { "" } else { "s" };
    let left = format!("given up for lost by wang, lin; left as it is: {live} field{s},");
    assert!(restored.message.starts_with(&left), "{restored:?}");
    let ready = world.said(types::READY);
    assert_eq!((&*ready.status, &*ready.reason), ("False", "Abandoned"));
    let listed = world.listed();
    assert_eq!(listed.len(), live, "{listed:?}");
    for (name, said) in &listed {
        assert!(
            said.starts_with("it was not brought back"),
            "{name}: {said}"
        );
    }
    assert!(
        listed.iter().any(|(name, _)| *name == "web-1"),
        "{listed:?}"
    );
    assert_eq!(world.objects["web-1"]["spec"]["replicas"], json!(9));
    assert_ne!(world.stage("surge").state, StageState::Restored);
    assert_eq!(world.status.restore, None, "no return has ended");
    let over = world.status.timeline.iter();
    let over = over.filter(|told| told.message == "over: Abandoned by wang, lin");
    assert_eq!(over.count(), 1);
    // Whoever leads next has nothing to do.
    let (writes, status) = (world.writes, world.status.clone());
    world.refusing.clear();
    world.restart();
    world.run();
    assert_eq!((world.phase(), world.writes), (Phase::Closed, writes));
    assert_eq!(world.status.targets, status.targets);
}

/// Who gives an emergency up in its midst is not obeyed half: nothing more is written, there or back.
#[test]
fn what_is_given_up_in_wartime_stays_as_it_is() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let (writes, objects) = (world.writes, world.objects.clone());
    world.give_up("wang");
    world.give_up("lin");
    world.run();
    assert_eq!((world.phase(), world.writes), (Phase::Closed, writes));
    assert_eq!(world.objects, objects);
    let live = world.ledger().live().count();
    assert_eq!(world.listed().len(), live);
    let counts = world.status.counts.expect("counts");
    assert_eq!(usize::try_from(counts.applied), Ok(live));
    let stages = world.status.stages.iter();
    let back = stages.filter(|stage| stage.state == StageState::Restored);
    assert_eq!(back.count(), 0);
    world.write_as("helm", "web-0", "/spec/replicas", &json!(3));
    world.run();
    assert_eq!(world.writes, writes, "nobody holds it any more");
}

/// Where nobody can try the rules, nobody's word that a mode is lost counts; that somebody stands it down
/// does, and what comes back waits for nothing.
#[test]
fn a_stand_down_counts_where_the_rules_cannot_be_tried() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    world.unproven = Some("the webhook does not support dry run".to_owned());
    world.proven = None;
    world.give_up("wang");
    world.give_up("lin");
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "stood down and given up");
    assert!(world.ledger().abandoned().is_none());
}

/// A plan that nobody had approved changed nothing: there is nothing to be left.
#[test]
fn a_mode_that_is_given_up_before_it_begins_leaves_nothing() {
    let mut world = World::new();
    world.run();
    world.give_up("wang");
    world.give_up("lin");
    world.run();
    assert_eq!((world.phase(), world.writes), (Phase::Closed, 0));
    let restored = &world.said(types::RESTORED).message;
    assert!(restored.contains("left as it is: 0 fields"), "{restored}");
}

/// What a damaged journal leaves nobody knows: the mode is Blocked, until two people give it up. Then its
/// object may go, and it says that what it changed stays.
#[test]
fn a_mode_with_a_damaged_journal_is_let_go_when_two_give_it_up() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let proven = Enforcement::Proven(Timestamp::UNIX_EPOCH);
    let decide = |world: &World, enforcement: &Enforcement| {
        decide::damaged(&Damaged {
            damage: "a gap",
            generation: 7,
            spec: Some(&world.spec),
            status: Some(&world.status),
            authority: Some(&world.playbook.authority),
            enforcement,
            now: Timestamp::UNIX_EPOCH,
        })
    };
    world.give_up("wang");
    let blocked = decide(&world, &proven);
    assert!(!blocked.closed && blocked.append.is_empty());
    assert_eq!(blocked.status.phase, Some(Phase::Active), "as it was");
    world.status = blocked.status;
    assert_eq!(world.said(types::BLOCKED).reason, "JournalDamaged");
    world.give_up("lin");
    let untried = decide(&world, &Enforcement::Untried);
    assert!(!untried.closed && untried.need == Some(Need::Proof));
    let broken = Enforcement::Broken(vec!["a policy is missing".into()]);
    let broken = decide(&world, &broken);
    assert!(
        !broken.closed && broken.again_at.is_some(),
        "anybody may have written that"
    );
    let over = decide(&world, &proven);
    assert!(over.closed && over.append.is_empty() && over.works.is_empty());
    assert_eq!(over.status.phase, Some(Phase::Closed));
    for type_ in [
        types::BLOCKED,
        types::STALLED,
        types::READY,
        types::RESTORED,
    ] {
        assert!(
            !condition::is_true(&over.status.conditions, type_),
            "{type_}"
        );
    }
    world.status = over.status;
    let restored = &world.said(types::RESTORED).message;
    for says in [
        "by wang, lin",
        "a gap",
        "stays as it is",
        "its records are kept",
    ] {
        assert!(restored.contains(says), "{restored}");
    }
}
