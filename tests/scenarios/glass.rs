//! Break-glass: one person of a named group acts without quorum. Everybody sees it, and somebody
//! else reviews it.

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, Phase};
use serde_json::{Value, json};

use super::acts::APPROVERS;
use super::oracles::Allowed;
use super::world::{PATIENCE, World};

fn act(by: &str, group: &str) -> Value {
    json!({ "breakGlass": { "reason": "the dam is about to break", "by": by, "as": group } })
}

fn approved(mode: &EmergencyMode) -> (String, String) {
    let status = mode.status.as_ref().expect("a status");
    let found = condition::get(&status.conditions, types::APPROVED).expect("it is said");
    (found.reason.clone(), found.message.clone())
}

impl World {
    /// Waits for an Event on a mode, and returns what it says.
    pub async fn event(&self, mode: &EmergencyMode, reason: &str) -> String {
        let events: Api<Event> = Api::all(self.client.clone());
        let told = async {
            loop {
                let all = events.list(&ListParams::default()).await;
                let found = all
                    .expect("Events can be listed")
                    .into_iter()
                    .find(|event| {
                        let about = event.regarding.as_ref().and_then(|about| about.uid.clone());
                        about == mode.metadata.uid && event.reason.as_deref() == Some(reason)
                    });
                match found {
                    Some(event) => return event,
                    None => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                }
            }
        };
        let event = tokio::time::timeout(PATIENCE, told).await;
        let event = event.expect("an Event tells it");
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        event.note.unwrap_or_default()
    }

    async fn is_reviewed(&self) -> EmergencyMode {
        self.until("flood", "is reviewed", |status| {
            condition::get(&status.conditions, types::APPROVED)
                .is_some_and(|found| found.reason == "BreakGlassReviewed")
        })
        .await
    }
}

/// There may be no time for two people. What one did alone is marked in the journal, told to
/// everybody, reviewed by somebody else, and comes back like everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_of_the_named_group_acts_alone_and_is_reviewed_by_somebody_else() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.awaits_approval().await;
    world
        .change("flood", act("wang", "emergency-command"))
        .await;
    let active = world.phase("flood", Phase::Active).await;
    let (reason, message) = approved(&active);
    assert_eq!(reason, "BreakGlass");
    assert!(
        message.contains("wang as emergency-command acted without quorum: the dam")
            && message.contains("somebody else than wang has to review it until"),
        "{message}"
    );
    let status = active.status.as_ref().expect("a status");
    assert_eq!(
        status.granted.as_ref().map(|granted| granted.approvals),
        Some(0)
    );
    assert!(
        status
            .waiting_on
            .as_deref()
            .is_some_and(|text| text.contains("review")),
        "{:?}",
        status.waiting_on
    );
    assert!(
        status
            .timeline
            .iter()
            .any(|event| event.message.contains("without quorum by wang")),
        "{:?}",
        status.timeline
    );
    let told = world.event(&active, "BreakGlass").await;
    assert!(told.contains("wang acted without quorum"), "{told}");
    let evidence = world.judge(Allowed::default()).await;
    let turns = &evidence.ledger(&active).turns;
    assert!(
        turns
            .iter()
            .any(|(_, turn)| turn.reason.as_deref() == Some("BreakGlass")
                && turn.by.as_deref() == Some("wang")),
        "the record is marked"
    );
    let review =
        |by: &str| json!({ "of": "breakGlass", "outcome": "Justified", "by": by, "as": APPROVERS });
    let refused = world.try_add("flood", "reviews", review("wang")).await;
    let refused = refused.expect_err("nobody reviews themselves");
    assert!(refused.contains("by somebody else"), "{refused}");
    world.judge(Allowed::default()).await;
    assert_eq!(approved(&world.mode("flood").await).0, "BreakGlass");
    world.add("flood", "reviews", review("lin")).await;
    let (_, message) = approved(&world.is_reviewed().await);
    assert!(message.contains("reviewed by lin: Justified"), "{message}");
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// Nobody else may. And whoever tries does not keep those who may approve from doing so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_outside_the_named_group_acts_alone() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let hash = world.awaits_approval().await;
    let tried = world
        .try_change("flood", act("wang", "emergency-duty"))
        .await;
    let said = tried.expect_err("the group is not named");
    assert!(
        said.contains("breakGlassGroups of playbook flood: emergency-command"),
        "{said}"
    );
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0);
    world.compare(&before).await;
    world.approve("flood", "lin", &hash).await;
    world.approve("flood", "he", &hash).await;
    let active = world.phase("flood", Phase::Active).await;
    assert_eq!(approved(&active).0, "Granted");
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
