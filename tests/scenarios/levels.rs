//! The response level is raised and lowered: a proposal that waits for its own approval, while what
//! was granted stays in force.

use pingzhan::api::{EmergencyMode, Level, Phase};
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::World;

/// Two stages: everybody sheds, at level I more services do.
fn stages(world: &World) -> Value {
    let mut graver = after(halve(world, "graver", &["helm-api", "legacy"]), "shed");
    graver["levels"] = json!(["I"]);
    let mut shed = halve(world, "shed", &["portal-web", "shared"]);
    let flags = json!({
        "name": "flags", "config": { "set": { "homepage.carousel": "off" } },
        "targets": { "kinds": ["ConfigMap"], "namespaces": { "names": [world.namespace] }, "names": ["portal-flags"] },
    });
    shed["steps"].as_array_mut().expect("steps").push(flags);
    json!([shed, graver])
}

fn proposed(mode: &EmergencyMode) -> String {
    let proposed = mode
        .status
        .as_ref()
        .and_then(|status| status.proposed.as_ref());
    proposed.expect("a proposal").plan_hash.clone()
}

fn granted(mode: &EmergencyMode) -> Option<Level> {
    let granted = mode
        .status
        .as_ref()
        .and_then(|status| status.granted.as_ref());
    granted.map(|granted| granted.level)
}

impl World {
    async fn declared_at_two(&self) -> EmergencyMode {
        self.publish("flood", self.playbook(&stages(self))).await;
        self.declare("flood", json!({ "level": "II" })).await;
        let mode = self
            .until("flood", "has a plan", |status| status.plan.is_some())
            .await;
        let hash = mode
            .status
            .and_then(|status| status.plan)
            .expect("a plan")
            .hash;
        self.approve("flood", "lin", &hash).await;
        self.approve("flood", "he", &hash).await;
        self.phase("flood", Phase::Active).await
    }

    /// Asks for a level, and waits until the proposal is there.
    async fn propose(&self, level: Level) -> EmergencyMode {
        self.change("flood", json!({ "level": level })).await;
        self.until("flood", "has a proposal", |status| {
            status
                .proposed
                .as_ref()
                .is_some_and(|proposed| proposed.level == level)
        })
        .await
    }

    async fn grant(&self, level: Level, hash: &str) -> EmergencyMode {
        self.approve("flood", "lin", hash).await;
        self.approve("flood", "he", hash).await;
        self.until("flood", "is granted and active", |status| {
            status.phase == Some(Phase::Active)
                && status.proposed.is_none()
                && status
                    .granted
                    .as_ref()
                    .is_some_and(|granted| granted.level == level)
        })
        .await
    }
}

/// Approvals of a live emergency must not be reset by a change of level: it goes on as granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_is_raised_only_when_it_is_approved_and_what_was_granted_holds_meanwhile() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.declared_at_two().await;
    let mode = world.propose(Level::I).await;
    assert_eq!(granted(&mode), Some(Level::II));
    world.approve("flood", "lin", &proposed(&mode)).await;
    world
        .merge(
            "gitops",
            "Deployment",
            "portal-web",
            json!({ "spec": { "replicas": 7 } }),
        )
        .await;
    world
        .becomes("Deployment", "portal-web", "is held", |object| {
            object["spec"]["replicas"] == 4
        })
        .await;
    let evidence = world.judge(Allowed::default()).await;
    let waiting = world.mode("flood").await;
    assert_eq!(
        granted(&waiting),
        Some(Level::II),
        "one approval of two is not enough"
    );
    assert!(
        evidence
            .ledger(&waiting)
            .entries
            .values()
            .all(|entry| entry.stage == "shed")
    );
    world.approve("flood", "he", &proposed(&waiting)).await;
    let raised = world
        .until("flood", "is at level I", |status| {
            status.phase == Some(Phase::Active)
                && status
                    .granted
                    .as_ref()
                    .is_some_and(|granted| granted.level == Level::I)
                && status.counts.is_some_and(|counts| counts.applied == 5)
        })
        .await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(
        evidence.ledger(&raised).entries.len(),
        5,
        "the delta alone was written"
    );
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare_but(&before, &[]).await;
}

/// Lowering brings back what the lower level does not need, and only that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lowered_level_gives_back_what_it_does_not_need_and_no_more() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.declared_at_two().await;
    let mode = world.propose(Level::I).await;
    world.grant(Level::I, &proposed(&mode)).await;
    world
        .until("flood", "holds four fields", |status| {
            status.counts.is_some_and(|counts| counts.applied == 5)
        })
        .await;
    let mode = world.propose(Level::III).await;
    world.approve("flood", "lin", &proposed(&mode)).await;
    let lowered = world
        .until("flood", "is at level III", |status| {
            status
                .granted
                .as_ref()
                .is_some_and(|granted| granted.level == Level::III)
                && status.counts.is_some_and(|counts| counts.restored == 2)
        })
        .await;
    let evidence = world.judge(Allowed::default()).await;
    let mut back: Vec<&str> = evidence
        .ledger(&lowered)
        .entries
        .values()
        .filter(|entry| entry.state == State::OwnersBack)
        .map(|entry| entry.target.name.as_str())
        .collect();
    // Equals in a step go by uid, which is chance.
    back.sort_unstable();
    assert_eq!(back, ["helm-api", "legacy"]);
    world
        .compare_but(&before, &["portal-web", "shared", "portal-flags"])
        .await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}
