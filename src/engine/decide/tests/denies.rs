//! When new objects are refused, and until when.

use jiff::SignedDuration;

use super::world::World;
use crate::api::condition::types;
use crate::api::{AbortChoice, Level, Nature, NewTargets, Phase, Posture};
use crate::engine::denies::Newcomer;

/// A mode of level I whose playbook refuses what is new for its stages `shed` and `more`.
fn world() -> World {
    let mut world = World::new();
    world.spec.level = Level::I;
    for stage in &mut world.playbook.stages[..2] {
        for step in &mut stage.steps {
            step.new_targets = Some(NewTargets::Deny);
        }
    }
    world
}

/// Refusing before people have approved, or after they have ended it, would hold up a city for nothing.
#[test]
fn new_objects_are_refused_in_wartime_only() {
    let mut world = world();
    world.run();
    assert_eq!(world.phase(), Phase::Pending);
    assert!(world.refuses().is_empty(), "nobody has approved");
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert_eq!(world.refuses(), ["calm", "shrink"]);

    world.spec.posture = Posture::Peacetime;
    while world.phase() != Phase::Restoring {
        assert!(world.turn().is_ok());
    }
    assert!(world.refuses().is_empty(), "it is on its way back");
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert!(world.refuses().is_empty());
}

/// Talk at a table stops nobody's work.
#[test]
fn an_exercise_at_the_table_refuses_nothing() {
    let mut world = world();
    world.spec.nature = Nature::Exercise;
    world.spec.tabletop = true;
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    assert!(world.refuses().is_empty(), "{:?}", world.refuses());
}

/// A mode that nobody ends still ends; what it refuses must end with it.
#[test]
fn what_is_refused_ends_with_the_term_and_with_an_abort() {
    let mut expired = world();
    expired.approve_when_planned();
    expired.run();
    assert!(!expired.refuses().is_empty());
    expired.now += SignedDuration::from_hours(100);
    expired.run();
    assert_eq!(expired.phase(), Phase::Closed);
    assert!(expired.refuses().is_empty());

    for choice in [AbortChoice::Hold, AbortChoice::Restore] {
        let mut aborted = world();
        aborted.approve_when_planned();
        aborted.run();
        assert!(!aborted.refuses().is_empty());
        aborted.abort(choice);
        aborted.run();
        assert!(aborted.refuses().is_empty(), "{choice:?}");
    }
}

/// At another level other stages run: what is not in force refuses nothing.
#[test]
fn rules_follow_the_level_that_is_granted() {
    let mut world = world();
    world.approve_when_planned();
    world.spec.level = Level::II;
    world.run();
    assert_eq!(world.refuses(), ["calm"], "`more` is for level I");
    world.propose(Level::I);
    world.run();
    assert_eq!(
        world.refuses(),
        ["calm"],
        "nobody has approved the proposal"
    );
    world.approve_as("lin");
    world.run();
    assert_eq!(world.refuses(), ["calm", "shrink"]);
}

/// Who reads that something slipped through has to know that it should not have, and where to look.
#[test]
fn what_appears_all_the_same_is_said_with_what_to_look_at() {
    let mut world = world();
    world.approve_when_planned();
    world.run();
    world.newcomers = vec![
        newcomer("Deployment city/a", true),
        newcomer("Deployment city/b", false),
        newcomer("Deployment city/c", true),
    ];
    world.run();
    let said = &world.said(types::ACTIVE).message;
    let report =
        "1 new objects match and are not switched (newTargets: Report): Deployment city/b;";
    assert!(said.contains(report), "{said}");
    let deny = "2 new objects match and are not switched, although such creations are refused \
                (newTargets: Deny): Deployment city/a and others;";
    assert!(said.contains(deny), "{said}");
    assert!(
        said.contains("the policy pingzhan-new-targets and its binding"),
        "{said}"
    );
}

/// Where the policy is not as it is shipped, who counts on it hears so, and who does not, nothing. What
/// only advises is a note, and neither stops anything.
#[test]
fn a_policy_that_has_lapsed_degrades_the_mode_that_relies_on_it() {
    let lapsed = ["pingzhan-new-targets", "pingzhan-emergencymode-advice"]
        .map(|policy| format!("ValidatingAdmissionPolicyBinding {policy} is missing"));
    let mut relies = world();
    relies.approve_when_planned();
    let mut relies_not = World::new();
    relies_not.approve_when_planned();
    for world in [&mut relies, &mut relies_not] {
        world.run();
        assert_eq!(world.said(types::DEGRADED).status, "False");
        world.lapsed = lapsed.to_vec();
        world.run();
        assert_eq!(world.phase(), Phase::Active);
        assert_eq!(world.said(types::BLOCKED).status, "False");
        let said = &world.said(types::ACTIVE).message;
        assert!(said.contains(&lapsed[1]), "{said}");
    }
    let degraded = relies.said(types::DEGRADED);
    assert_eq!(
        (&*degraded.status, &*degraded.reason),
        ("True", "RulesLapsed")
    );
    let said = &degraded.message;
    assert!(
        said.contains(&lapsed[0]) && !said.contains(&lapsed[1]),
        "{said}"
    );
    assert!(said.contains("apply manifests/policies"), "{said}");
    assert_eq!(relies_not.said(types::DEGRADED).status, "False");

    relies.lapsed.clear();
    relies.run();
    assert_eq!(relies.said(types::DEGRADED).status, "False");
    relies.lapsed = lapsed.to_vec();
    relies.spec.posture = Posture::Peacetime;
    relies.run();
    assert_eq!(relies.phase(), Phase::Closed);
    assert_eq!(
        relies.said(types::DEGRADED).status,
        "False",
        "nothing is refused any more"
    );
}

fn newcomer(what: &str, refused: bool) -> Newcomer {
    Newcomer {
        what: what.to_owned(),
        refused,
    }
}
