//! Trouble stays where it is: one bad object, account, stage or mode never holds up the others, and
//! status names it.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, Phase, StageState};
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::ending::{after, halve};
use super::oracles::Allowed;
use super::world::{World, resource};
use crate::support::people::person;

fn states(mode: &EmergencyMode) -> Vec<StageState> {
    let status = mode.status.as_ref().expect("a status");
    status.stages.iter().map(|stage| stage.state).collect()
}

fn is_degraded(mode: &EmergencyMode) -> bool {
    let status = mode.status.as_ref().expect("a status");
    condition::is_true(&status.conditions, types::DEGRADED)
}

/// What status says of a target.
fn said_of(mode: &EmergencyMode, name: &str) -> String {
    let status = mode.status.as_ref().expect("a status");
    let found = status.targets.iter().find(|target| target.name == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not named: {:?}", status.targets));
    format!(
        "{}: {}",
        found.state,
        found.message.as_deref().unwrap_or_default()
    )
}

impl World {
    /// A stage with a poison, and one after it.
    async fn poisoned(&self, more: Value) -> Value {
        self.refuse("poison", &["legacy"]).await;
        let mut first = halve(self, "first", &["helm-api", "legacy"]);
        for (key, value) in more.as_object().expect("fields of a stage") {
            first[key] = value.clone();
        }
        json!([
            first,
            after(halve(self, "second", &["portal-web"]), "first")
        ])
    }

    async fn returns_exactly(&self, before: &super::world::Objects) {
        self.come_back("flood").await;
        self.judge(Allowed::default()).await;
        self.compare(before).await;
        self.accept("poison", "legacy").await;
        self.owners_go_on().await;
    }
}

/// A refused write is named with the server's own words; with `Continue` the rest goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_object_is_named_and_a_stage_that_continues_goes_on() {
    let world = World::with_fleet().await;
    let stages = world.poisoned(json!({ "onFailure": "Continue" })).await;
    let before = world.snapshot().await;
    let active = world.switch("flood", &stages).await;
    assert_eq!(states(&active), [StageState::Failed, StageState::Done]);
    assert!(is_degraded(&active));
    let said = said_of(&active, "legacy");
    assert!(
        said.starts_with("Refused") && said.contains("not to be changed"),
        "{said}"
    );
    world.judge(Allowed::default()).await;
    world.returns_exactly(&before).await;
}

/// `minSuccess` says how much is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_of_which_enough_succeeded_is_done_and_said_to_be_degraded() {
    let world = World::with_fleet().await;
    let stages = world.poisoned(json!({ "minSuccess": "50%" })).await;
    let before = world.snapshot().await;
    let active = world.switch("flood", &stages).await;
    assert_eq!(states(&active), [StageState::Done, StageState::Done]);
    assert!(is_degraded(&active));
    world.judge(Allowed::default()).await;
    world.returns_exactly(&before).await;
}

/// A critical step fails its stage whatever `minSuccess` says, and Halt waits for a person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_critical_step_that_fails_halts_the_mode() {
    let world = World::with_fleet().await;
    let mut stages = world.poisoned(json!({ "minSuccess": "50%" })).await;
    stages[0]["steps"][0]["critical"] = json!(true);
    let before = world.snapshot().await;
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    let said = world.blocked("flood", "StageFailed").await;
    assert!(said.contains("first"), "{said}");
    assert_eq!(
        states(&world.mode("flood").await),
        [StageState::Failed, StageState::Waiting]
    );
    world.judge(Allowed::default()).await;
    world.returns_exactly(&before).await;
}

/// `onFailure: Restore` brings everything back without being asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_stage_that_says_restore_brings_everything_back() {
    let world = World::with_fleet().await;
    world.refuse("poison", &["legacy"]).await;
    let before = world.snapshot().await;
    let mut second = after(halve(&world, "second", &["helm-api", "legacy"]), "first");
    second["onFailure"] = json!("Restore");
    let stages = json!([halve(&world, "first", &["portal-web"]), second]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({})).await;
    let closed = world.phase("flood", Phase::Closed).await;
    let timeline = closed.status.as_ref().expect("a status").timeline.clone();
    assert!(
        timeline
            .iter()
            .any(|event| event.message.contains("StageFailed")),
        "{timeline:?}"
    );
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// One target that cannot be brought back never holds the rest, and is tried again by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_that_is_refused_holds_nothing_up_and_is_tried_again() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([halve(&world, "shed", &["portal-web", "helm-api", "legacy"])]),
        )
        .await;
    world.refuse("poison", &["legacy"]).await;
    world.stand_down("flood").await;
    let stuck = world
        .until("flood", "is stuck at one target alone", |status| {
            status
                .counts
                .is_some_and(|counts| counts.stuck == 1 && counts.restored == 2)
        })
        .await;
    assert!(is_degraded(&stuck));
    let said = said_of(&stuck, "legacy");
    assert!(
        said.starts_with("Stuck") && said.contains("not to be changed"),
        "{said}"
    );
    world.compare_but(&before, &["legacy"]).await;
    world.accept("poison", "legacy").await;
    world.phase("flood", Phase::Closed).await;
    world.is_exact(&before).await;
}

/// An account without the right to write changes nothing, and status says what it lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_write_is_named_and_changes_nothing() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let reader = format!("{}-reader", world.namespace);
    world
        .account(&reader, &json!(["get", "list", "watch"]))
        .await;
    let mut playbook = world.playbook(&json!([halve(&world, "shed", &["portal-web"])]));
    playbook["serviceAccountName"] = json!(reader);
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    world.blocked("flood", "StageFailed").await;
    let mode = world.mode("flood").await;
    assert!(is_degraded(&mode));
    let said = said_of(&mode, "portal-web");
    assert!(
        said.starts_with("Refused") && said.contains("cannot patch"),
        "{said}"
    );
    world.compare(&before).await;
    world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0);
}

/// An account that may not even read plans nothing, and status says what it lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_whose_account_is_missing_is_blocked_with_a_sentence() {
    let world = World::with_fleet().await;
    let mut playbook = world.playbook(&json!([halve(&world, "shed", &["portal-web"])]));
    playbook["serviceAccountName"] = json!("nobody");
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    let said = world.blocked("flood", "Unreadable").await;
    assert!(said.contains("nobody"), "{said}");
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0);
}

/// A target that vanishes between plan and write is Gone; the rest of its stage is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_deleted_before_it_is_switched_holds_nothing_up() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "legacy"])]);
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({ "paused": true })).await;
    world
        .until("flood", "waits", |status| {
            status
                .waiting_on
                .as_deref()
                .is_some_and(|text| text.contains("paused"))
        })
        .await;
    world.remove("Deployment", "legacy").await;
    world.change("flood", json!({ "paused": false })).await;
    let active = world.phase("flood", Phase::Active).await;
    let evidence = world.judge(Allowed::default()).await;
    let applied = evidence
        .ledger(&active)
        .entries
        .values()
        .filter(|entry| entry.state == State::Applied);
    assert_eq!(applied.count(), 1);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare_but(&before, &["legacy"]).await;
}

/// A mode that the operator cannot read is said on that mode; the one beside it is carried out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_that_cannot_be_read_is_named_and_others_go_on() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let api = kube::Api::all_with(world.client.clone(), &resource("EmergencyMode"));
    let broken: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode", "metadata": { "name": "broken" },
        "spec": {
            "playbookRef": { "name": "flood" }, "level": "IV", "reason": "r", "requestedBy": "zhou",
            "requestedAs": "emergency-duty", "expiresAfter": "1h", "parameters": { "surge": [1, 2] },
        },
    }))
    .expect("an object");
    world
        .switch("flood", &json!([halve(&world, "shed", &["portal-web"])]))
        .await;
    let officer = person(&world.client, "zhou", "emergency-duty");
    let declared = Api::<DynamicObject>::all_with(officer, &resource("EmergencyMode"));
    declared
        .create(&PostParams::default(), &broken)
        .await
        .expect("schema and policies let it pass");
    let said = async {
        loop {
            let object: DynamicObject = api.get("broken").await.expect("it is there");
            let conditions = object.data["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            if let Some(found) = conditions
                .into_iter()
                .find(|found| found["type"] == "Blocked")
            {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let said = tokio::time::timeout(super::world::PATIENCE, said)
        .await
        .expect("it is said on the mode");
    assert_eq!(
        (&said["status"], &said["reason"]),
        (&json!("True"), &json!("Malformed"))
    );
    assert!(
        said["message"]
            .as_str()
            .is_some_and(|text| text.contains("pingzhan lint")),
        "{said}"
    );
    api.delete("broken", &kube::api::DeleteParams::default())
        .await
        .expect("it may be deleted");
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// A Playbook that got into the cluster and does not read as one, after a CRD was changed: the
/// mode that names it says so, and why; others go on; a correction is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_that_cannot_be_read_is_named_by_its_mode_and_others_go_on() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let api: Api<DynamicObject> = Api::all_with(world.client.clone(), &resource("Playbook"));
    let mut spec = world.playbook(&json!([halve(&world, "calm", &["helm-api"])]));
    spec["parameters"] = json!([{ "name": "surge", "type": "Integer", "default": [1, 2] }]);
    let broken: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook",
        "metadata": { "name": "heat" }, "spec": spec,
    }))
    .expect("an object");
    let created = api.create(&PostParams::default(), &broken).await;
    created.expect("the schema lets it pass");
    world.declare("heat", json!({})).await;
    world
        .switch("flood", &json!([halve(&world, "shed", &["portal-web"])]))
        .await;
    let said = world.blocked("heat", "PlaybookMalformed").await;
    assert!(
        said.contains("Playbook heat cannot be read") && said.contains("Scalar"),
        "{said}"
    );
    assert!(said.contains("pingzhan lint"), "{said}");
    world.judge(Allowed::default()).await;
    let repaired = json!({ "spec": { "parameters": null } });
    let patched = api
        .patch("heat", &PatchParams::default(), &Patch::Merge(repaired))
        .await;
    patched.expect("it may be corrected");
    world.phase("heat", Phase::Active).await;
    world.come_back("heat").await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
