//! The response level is raised and lowered: a proposal that waits for its own approval, while what
//! was granted stays in force.

use pingzhan::api::{EmergencyMode, Level, Phase};
use pingzhan::field::Image;
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

/// The hash of the plan that awaits approval.
pub fn proposed(mode: &EmergencyMode) -> String {
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
    pub async fn propose(&self, level: Level) -> EmergencyMode {
        self.change("flood", json!({ "level": level })).await;
        self.until("flood", "has a proposal", |status| {
            status
                .proposed
                .as_ref()
                .is_some_and(|proposed| proposed.level == level)
        })
        .await
    }

    pub async fn grant(&self, level: Level, hash: &str) -> EmergencyMode {
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
            .all(|entry| &*entry.stage == "shed")
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
    world.is_exact(&before).await;
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
    // Level III needs one person, and what two approved ends by the word of two.
    let mode = world.propose(Level::III).await;
    world.approve("flood", "lin", &proposed(&mode)).await;
    world.approve("flood", "he", &proposed(&mode)).await;
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
    world.is_exact(&before).await;
}

/// What this mode wants of its Deployments: in each stage of one level the same step asks for
/// another percentage of the same counts.
fn surge(world: &World) -> Value {
    let stage = |name: &str, levels: Value, percent: i64| {
        let mut stage = halve(world, name, &["portal-web", "shared", "legacy", "both"]);
        stage["levels"] = levels;
        stage["steps"][0]["name"] = json!("grow");
        stage["steps"][0]["scale"] = json!({ "percent": percent });
        stage
    };
    json!([
        stage("surge", json!(["III", "IV"]), 200),
        stage("flood", json!(["I", "II"]), 300),
    ])
}

/// Counts in peacetime, by name.
const COUNTS: [(&str, i64); 4] = [("portal-web", 7), ("shared", 9), ("legacy", 5), ("both", 6)];

impl World {
    /// Waits until every count is this many times that of peacetime.
    async fn times(&self, many: i64) {
        for (name, count) in COUNTS {
            self.becomes("Deployment", name, &format!("is {many} times"), |object| {
                object["spec"]["replicas"] == count * many
            })
            .await;
        }
        self.until("flood", "says so", |status| {
            status.phase == Some(Phase::Active)
                && status.counts.is_some_and(|counts| counts.applied == 4)
        })
        .await;
    }

    /// Every field that is held knows its peacetime value.
    async fn bases_are_of_peacetime(&self, replaced: i64) {
        let mode = self.mode("flood").await;
        let evidence = self.judge(Allowed::default()).await;
        let live: Vec<_> = evidence.ledger(&mode).live().collect();
        assert_eq!(live.len(), COUNTS.len());
        for entry in live {
            let (_, count) = COUNTS
                .into_iter()
                .find(|(name, _)| *name == entry.target.name)
                .expect("a count");
            assert_eq!(entry.base, Image::Present(json!(count)));
            assert_eq!(entry.seen, Image::Present(json!(count * replaced)));
        }
    }
}

/// A graver level wants more of the same: its value is written over ours, not taken of it, and
/// what comes back is peacetime, from either level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_percentage_that_a_level_raises_is_taken_of_peacetime_and_returns_to_it() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.publish("flood", world.playbook(&surge(&world))).await;
    world.declare("flood", json!({})).await;
    world.times(2).await;
    let mode = world.propose(Level::II).await;
    world.grant(Level::II, &proposed(&mode)).await;
    world.times(3).await;
    world.bases_are_of_peacetime(2).await;
    // A rival that puts peacetime back meets the level in force.
    world
        .merge(
            "gitops",
            "Deployment",
            "legacy",
            json!({ "spec": { "replicas": 5 } }),
        )
        .await;
    world.times(3).await;
    // Level III needs one person, and what two approved ends by the word of two.
    let mode = world.propose(Level::III).await;
    world.approve("flood", "lin", &proposed(&mode)).await;
    world.approve("flood", "he", &proposed(&mode)).await;
    world.times(2).await;
    world.bases_are_of_peacetime(3).await;
    let mode = world.propose(Level::I).await;
    world.grant(Level::I, &proposed(&mode)).await;
    world.times(3).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
