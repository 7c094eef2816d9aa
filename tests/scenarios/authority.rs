//! Who may set a mode in motion, and what keeps it from going on.

use std::time::Duration;

use pingzhan::api::{Concern, EmergencyMode, Phase, PlanFinding};
use serde_json::json;

use super::acts::{APPROVERS, REQUESTER};
use super::ending::halve;
use super::oracles::Allowed;
use super::world::World;

fn hash(mode: &EmergencyMode) -> String {
    let plan = mode.status.as_ref().and_then(|status| status.plan.as_ref());
    plan.expect("a plan").hash.clone()
}

impl World {
    /// Declares at level II, which needs two people, and waits for the plan.
    pub async fn awaits_approval(&self) -> String {
        let stages = json!([halve(self, "shed", &["portal-web", "legacy"])]);
        self.publish("flood", self.playbook(&stages)).await;
        self.declare("flood", json!({ "level": "II" })).await;
        let waits = |text: &str| text.contains("approvals from emergency-approvers");
        let mode = self
            .until("flood", "waits for approvals", |status| {
                status.plan.is_some() && status.waiting_on.as_deref().is_some_and(waits)
            })
            .await;
        hash(&mode)
    }
}

/// One person's will must not pass for two people's: not twice, not by the requester, not on
/// another plan, not from another group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_two_distinct_entitled_people_on_this_plan_set_it_in_force() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let hash = world.awaits_approval().await;
    world.approve("flood", "lin", &hash).await;
    let other = format!("sha256:{:064}", 7);
    let approval =
        |by: &str, group: &str, hash: &str| json!({ "by": by, "as": group, "planHash": hash });
    let refused = [
        (
            approval("lin", APPROVERS, &hash),
            "you have approved this plan already",
        ),
        (
            approval(REQUESTER, APPROVERS, &hash),
            "somebody else must approve it",
        ),
        (approval("he", APPROVERS, &other), "look at the plan again"),
        (approval("he", "platform", &hash), "emergency-approvers"),
    ];
    for (item, says) in refused {
        let said = world.try_add("flood", "approvals", item.clone()).await;
        let said = said.expect_err("it is refused");
        assert!(said.contains(says), "{item}: {said}");
    }
    let generation = world.mode("flood").await.metadata.generation;
    world
        .until("flood", "has counted them", |status| {
            Some(status.observed_generation) == generation
        })
        .await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0, "nothing is touched");
    world.compare(&before).await;
    let mode = world.mode("flood").await;
    assert_eq!(
        mode.status.and_then(|status| status.phase),
        Some(Phase::Pending)
    );
    world.approve("flood", "he", &hash).await;
    let active = world.phase("flood", Phase::Active).await;
    let granted = active
        .status
        .and_then(|status| status.granted)
        .expect("it is granted");
    assert_eq!((granted.approvals, granted.plan_hash), (2, hash));
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// A person should answer for an emergency: who approves one that a program declared reads so with the
/// plan.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_approves_is_told_that_the_requester_is_a_program() {
    let world = World::with_fleet().await;
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    world.publish("flood", world.playbook(&stages)).await;
    let program = "system:serviceaccount:gauges:watcher";
    let by_program = json!({ "level": "III", "requestedBy": program });
    world.declare("flood", by_program).await;
    let mode = world
        .until("flood", "has been looked at", |status| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some())
        })
        .await;
    let plan = mode.status.and_then(|status| status.plan).expect("a plan");
    let listed = plan.findings.expect("findings").listed;
    let says = |one: &PlanFinding| {
        one.concern == Concern::Risk && one.message.contains(program) && one.step.is_none()
    };
    assert!(listed.iter().any(says), "{listed:?}");
    world.approve("flood", "lin", &plan.hash).await;
    world.phase("flood", Phase::Active).await;
    world.come_back("flood").await;
}

/// Whoever declared saw a plan. Another plan is not what they declared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_differs_from_the_one_that_was_seen_is_not_carried_out() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    world.publish("flood", world.playbook(&stages)).await;
    let seen = format!("sha256:{:064}", 1);
    world.declare("flood", json!({ "planHash": seen })).await;
    let said = world.blocked("flood", "PlanDiffers").await;
    assert!(said.contains(&seen), "{said}");
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0);
}

/// The order in which people do things must not matter: the playbook may come last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_without_its_playbook_waits_and_goes_on_when_it_is_there() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.declare("flood", json!({})).await;
    let said = world.blocked("flood", "PlaybookMissing").await;
    assert!(said.contains("flood"), "{said}");
    world.judge(Allowed::default()).await;
    let stages = json!([halve(&world, "shed", &["portal-web"])]);
    world.publish("flood", world.playbook(&stages)).await;
    world.phase("flood", Phase::Active).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// A mode whose playbook is deleted goes on by the plan that was stored, and comes back by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_in_force_needs_its_playbook_no_more() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "store"])]);
    world.switch("flood", &stages).await;
    world.unpublish("flood").await;
    let late = world.history.quiet(Duration::from_secs(1)).await;
    assert!(
        late.iter().all(|event| event.kind != "Deployment"),
        "{late:?}"
    );
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
