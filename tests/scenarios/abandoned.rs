//! Modes that cannot come back: two people give them up for lost. They are over, say what they leave behind,
//! and may be deleted.

use kube::api::{Api, DeleteParams, Patch, PatchParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{ChangeRecord, EmergencyMode, Phase, names};
use pingzhan::sandtable::people::MASTERS;
use serde_json::{Value, json};

use super::acts::{APPROVERS, REQUESTER, REQUESTERS, message};
use super::ending::halve;
use super::oracles::Allowed;
use super::world::World;
use crate::cli::town::expect;
use crate::support::people::operator;

/// Admission refuses a return for ever. One person, twice, does not end the mode, nor does whoever asked
/// for it: the playbook does not name them for that. Two do, each by the command line and in their own name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_give_up_a_mode_that_cannot_come_back_and_it_says_what_is_left() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "legacy"])]);
    world.switch("flood", &stages).await;
    let wartime = world.get("Deployment", "legacy").await;
    world.refuse("poison", &["legacy"]).await;
    world.stand_down("flood").await;
    world
        .until("flood", "is stuck", |status| {
            let counts = status.counts.unwrap_or_default();
            counts.stuck == 1 && counts.restored == 1
        })
        .await;
    let people = [
        (REQUESTER, REQUESTERS),
        ("lin", APPROVERS),
        ("he", APPROVERS),
    ];
    let [zhou, lin, he] = people.map(|(name, group)| world.plane.identity(name, &[group, MASTERS]));
    let lost = "abandon flood --reason poisoned --yes";
    expect(&zhou, lost, 4);
    for _ in 0..2 {
        let said = expect(&lin, lost, 0).out;
        assert!(said.contains("It takes one more person"), "{said}");
    }
    let again = json!({ "reason": "poisoned", "by": "lin", "as": APPROVERS });
    let refused = world.try_add("flood", "abandon", again).await;
    let refused = refused.expect_err("they have said so");
    assert!(refused.contains("it takes somebody else"), "{refused}");
    let generation = world.mode("flood").await.metadata.generation;
    let seen = world
        .until("flood", "has heard one of them", |status| {
            Some(status.observed_generation) == generation
        })
        .await;
    let phase = seen.status.and_then(|status| status.phase);
    assert_eq!(phase, Some(Phase::Restoring), "one is not enough");
    let modes = world.modes();
    let deleted = modes.delete("flood", &DeleteParams::default()).await;
    let refused = deleted.expect_err("it is not over").to_string();
    assert!(refused.contains("two people abandon it"), "{refused}");

    let said = expect(&he, lost, 0).out;
    assert!(said.contains("2 people say that flood is lost"), "{said}");
    let closed = world.phase("flood", Phase::Closed).await;
    says_what_is_left(&closed, &expect(&lin, "status flood", 0).out);
    world.judge(Allowed::default()).await;
    let legacy = world.get("Deployment", "legacy").await;
    assert_eq!(legacy["spec"], wartime["spec"], "it stays as it is");
    world.compare_but(&before, &["legacy"]).await;
    world.delete_mode("flood").await;
    world.vanishes("flood").await;
    world.accept("poison", "legacy").await;
}

/// The page and the status of a mode that was given up.
fn says_what_is_left(closed: &EmergencyMode, page: &str) {
    let restored = message(closed, types::RESTORED);
    let left = "given up for lost by lin, he; left as it is: 1 field";
    assert!(restored.starts_with(left), "{restored}");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [left, "it was not brought back, and stays as it is"] {
        assert!(page.contains(says), "{page}");
    }
    let status = closed.status.as_ref().expect("a status");
    assert!(!condition::is_true(&status.conditions, types::RESTORED));
    let listed: Vec<_> = status.targets.iter().map(|one| &*one.name).collect();
    assert_eq!(listed, ["legacy"]);
    let why = status.targets[0].message.as_deref().unwrap_or_default();
    assert!(why.contains("not to be changed"), "{why}");
    let mut told = status.timeline.iter();
    let over = told.any(|told| told.message == "over: Abandoned by lin, he");
    assert!(over, "{:?}", status.timeline);
}

/// What is missing of a journal may be the way back of some field: nothing is touched, and nothing ends by
/// itself. Two people give the mode up: its object may go. What is left of its journal is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_with_a_damaged_journal_is_let_go_when_two_people_give_it_up() {
    let mut world = World::with_fleet().await;
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    let active = world.switch("flood", &stages).await;
    let wartime = world.get("Deployment", "portal-web").await;
    world.stop().await;
    let uid = active.metadata.uid.expect("a uid");
    let records: Api<ChangeRecord> = Api::all(operator(&world.client));
    let lost = names::record_name(&uid, 2);
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    let freed = records.patch(&lost, &PatchParams::default(), &free).await;
    freed.expect("the operator may let its records go");
    let deleted = records.delete(&lost, &DeleteParams::default()).await;
    deleted.expect("the operator may delete its records");
    world.start().await;
    world.blocked("flood", "JournalDamaged").await;
    for who in ["lin", "he"] {
        let item = json!({ "reason": "there is no backup", "by": who, "as": APPROVERS });
        world.add("flood", "abandon", item).await;
    }
    let closed = world.phase("flood", Phase::Closed).await;
    let said = message(&closed, types::RESTORED);
    for says in ["given up for lost by lin, he", "its records are kept"] {
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(message(&closed, types::BLOCKED), "");
    world.delete_mode("flood").await;
    world.vanishes("flood").await;
    let first = records.get(&names::record_name(&uid, 1)).await;
    let held = first.expect("it is kept").metadata.finalizers;
    assert!(held.is_some_and(|held| !held.is_empty()));
    let now: Value = world.get("Deployment", "portal-web").await;
    assert_eq!(now["spec"], wartime["spec"], "nothing is touched");
}
