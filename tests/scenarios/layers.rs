//! Several modes over the same fields: layers over one base, in any order, and what is no layer.

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use pingzhan::api::{EmergencyMode, Phase};
use pingzhan::ledger::State;
use pingzhan::recover::{self, Left, Restored};
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};

use super::ending::{LEASE, halve};
use super::oracles::Allowed;
use super::world::World;

/// A stage that gives some Deployments a number of replicas.
fn set(world: &World, replicas: i64, names: &[&str]) -> Value {
    json!({ "name": "set", "steps": [{
        "name": "set", "scale": { "replicas": replicas },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": names },
    }] })
}

/// A stage that writes one field of a Deployment.
fn patch(world: &World, path: &str, value: &Value) -> Value {
    json!({ "name": "patch", "steps": [{
        "name": "patch", "patch": { "set": [{ "path": path, "value": value }] },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": ["legacy"] },
    }] })
}

impl World {
    /// What is told of a mode by Events.
    async fn told(&self, mode: &EmergencyMode) -> Vec<String> {
        let events: Api<Event> = Api::all(self.client.clone());
        let events = events.list(&ListParams::default()).await;
        let uid = |event: &Event| event.regarding.as_ref().and_then(|about| about.uid.clone());
        let all = events.expect("events can be listed").into_iter();
        all.filter(|event| uid(event) == mode.metadata.uid)
            .filter_map(|event| event.note)
            .collect()
    }

    /// Modes, brought back from their records alone.
    async fn restored(&self, only: Option<&str>) -> Vec<Restored> {
        let config = self.operator_config().await;
        let settings = self.settings("restore");
        let restored = recover::restore(
            config,
            settings,
            Clock::machine(),
            false,
            only,
            LEASE,
            |_| {},
        )
        .await;
        restored.expect("the records can be carried out")
    }

    async fn label(&self, name: &str) -> Value {
        let object = self.get("Deployment", name).await;
        object["metadata"]["labels"]["pingzhan.dev/held-by"].clone()
    }
}

/// The later of two modes of one level lies on top. Once it is stood down the earlier one's value
/// stands, never peacetime's in between; then peacetime's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layer_beneath_stands_once_the_upper_one_is_gone() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([set(&world, 20, &["legacy", "portal-web"])]),
        )
        .await;
    world
        .switch("heat", &json!([set(&world, 30, &["legacy", "helm-api"])]))
        .await;
    assert_eq!(world.replicas("legacy").await, 30);
    assert_eq!(world.label("legacy").await, "heat");
    let flood = world
        .until("flood", "says what is covered", |status| {
            status.counts.is_some_and(|counts| counts.covered == 1)
        })
        .await;
    let status = flood.status.expect("a status");
    let covered = status
        .targets
        .iter()
        .find(|target| target.state == "Covered");
    let covered = covered.expect("it is listed");
    assert_eq!(covered.name, "legacy");
    assert_eq!(covered.message.as_deref(), Some("heat lies over it"));
    world.judge(Allowed::default()).await;
    let heat = world.come_back("heat").await;
    assert_eq!(world.replicas("legacy").await, 20);
    assert_eq!(world.label("legacy").await, "flood");
    let evidence = world.judge(Allowed::default()).await;
    let left = evidence.ledger(&heat).entries.values();
    let left = left.filter(|entry| entry.state == State::Shadowed);
    let left: Vec<&str> = left.map(|entry| entry.target.name.as_str()).collect();
    assert_eq!(left, ["legacy"]);
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// The one beneath may be stood down first: nobody sees anything of it, and what comes back in the
/// end is peacetime, not what it had put there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layer_beneath_may_go_first() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch(
            "flood",
            &json!([set(&world, 20, &["legacy", "portal-web"])]),
        )
        .await;
    world
        .switch("heat", &json!([set(&world, 30, &["legacy"])]))
        .await;
    world.come_back("flood").await;
    assert_eq!(world.replicas("legacy").await, 30);
    world.judge(Allowed::default()).await;
    world.come_back("heat").await;
    world.is_exact(&before).await;
}

/// Three modes, the gravest of them first: those declared later journal their layers under it and
/// write nothing there; the operator is stopped and another takes over in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graver_mode_stays_on_top_and_a_successor_knows_the_layers() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([set(&world, 40, &["legacy", "both"])]);
    world.publish("dam", world.playbook(&stages)).await;
    world.declare("dam", json!({ "level": "III" })).await;
    let waits = world
        .until("dam", "is planned", |status| status.plan.is_some())
        .await;
    let plan = waits.status.and_then(|status| status.plan);
    world
        .approve("dam", "lin", &plan.expect("a plan").hash)
        .await;
    world.phase("dam", Phase::Active).await;
    for (name, replicas) in [("flood", 20), ("heat", 30)] {
        world
            .switch(name, &json!([set(&world, replicas, &["legacy", "both"])]))
            .await;
    }
    assert_eq!(world.replicas("legacy").await, 40);
    world.judge(Allowed::default()).await;
    world.stop().await;
    world.start().await;
    world.come_back("dam").await;
    assert_eq!(
        world.replicas("legacy").await,
        30,
        "the later of two equals"
    );
    world.come_back("flood").await;
    assert_eq!(world.replicas("both").await, 30);
    world.come_back("heat").await;
    let allowed = Allowed {
        crashes: 1,
        ..Allowed::default()
    };
    world.judge(allowed).await;
    world.compare(&before).await;
}

/// A percentage is of peacetime's count, not of what another mode has made of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_percentage_is_of_the_peacetime_value() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world
        .switch("flood", &json!([set(&world, 1, &["helm-api"])]))
        .await;
    world
        .switch("heat", &json!([halve(&world, "shed", &["helm-api"])]))
        .await;
    assert_eq!(world.replicas("helm-api").await, 2, "half of four");
    world.come_back("flood").await;
    world.come_back("heat").await;
    world.is_exact(&before).await;
}

/// An exercise makes room at once when an Actual mode wants one of its targets, and says for whom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exercise_is_stood_down_by_an_actual_mode_and_not_begun_under_one() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([set(&world, 20, &["legacy", "portal-web"])]);
    world.publish("practice", world.playbook(&stages)).await;
    world
        .declare("practice", json!({ "nature": "Exercise" }))
        .await;
    world.phase("practice", Phase::Active).await;
    world
        .switch("flood", &json!([set(&world, 30, &["legacy"])]))
        .await;
    let over = world.phase("practice", Phase::Closed).await;
    let told = world.told(&over).await;
    let is_marked = |note: &String| note.starts_with("EXERCISE/演练: ");
    assert!(!told.is_empty() && told.iter().all(is_marked), "{told:?}");
    let timeline = over.status.expect("a status").timeline;
    let said = timeline.iter().find(|said| said.event == "Restoring");
    let said = &said.expect("it is said").message;
    assert!(said.contains("Preempted by flood"), "{said}");
    assert_eq!(world.replicas("legacy").await, 30);
    assert_eq!(world.replicas("portal-web").await, 7, "given back at once");
    world.publish("second", world.playbook(&stages)).await;
    world
        .declare("second", json!({ "nature": "Exercise" }))
        .await;
    let said = world.blocked("second", "HeldBy").await;
    assert!(
        said.contains("legacy") && said.contains("gives way"),
        "{said}"
    );
    world.stand_down("second").await;
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.is_exact(&before).await;
}

/// Who brings one mode back while nobody else is there has to know what stays in wartime all the same,
/// and because of whom; what nobody else holds is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_one_mode_lists_what_it_leaves_to_others() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let flood = json!([set(&world, 20, &["legacy", "portal-web"])]);
    world.switch("flood", &flood).await;
    let heat = json!([set(&world, 30, &["legacy", "helm-api"])]);
    world.switch("heat", &heat).await;
    world.stop().await;
    let restored = world.restored(Some("heat")).await;
    let [heat] = restored.as_slice() else {
        panic!("one mode, not {restored:?}");
    };
    assert!(heat.closed && heat.left.is_empty(), "{heat:?}");
    let left = Left {
        target: format!("Deployment {}/legacy", world.namespace),
        path: "/spec/replicas".into(),
        mode: "flood".into(),
    };
    assert_eq!(heat.left_to, [left]);
    let key = ("Deployment".to_owned(), "helm-api".to_owned());
    assert_eq!(
        world.replicas("helm-api").await,
        before[&key]["spec"]["replicas"]
    );
    let restored = world.restored(None).await;
    let nothing = restored.iter().all(|mode| mode.left_to.is_empty());
    assert!(nothing, "flood holds nothing any more: {restored:?}");
    // Their objects are there still, and the next operator says so on them.
    world.start().await;
    world.phase("flood", Phase::Closed).await;
    world.phase("heat", Phase::Closed).await;
    world.is_exact(&before).await;
}

/// A mode whose object is gone, and whose records are there, has left its values: a mode over them
/// brings back what was there before both, and the records bring back the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vanished_mode_wrote_is_never_taken_for_peacetimes() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let flood = json!([set(&world, 20, &["legacy", "portal-web"])]);
    world.switch("flood", &flood).await;
    world.stop().await;
    world.take_away("flood").await;
    world.start().await;
    let heat = json!([set(&world, 30, &["legacy", "helm-api"])]);
    world.switch("heat", &heat).await;
    assert_eq!(world.replicas("legacy").await, 30);
    world.come_back("heat").await;
    // Its finalizer goes last.
    world.comes_to_rest().await;
    let key = ("Deployment".to_owned(), "legacy".to_owned());
    let peacetime = &before[&key]["spec"]["replicas"];
    assert_eq!(world.replicas("legacy").await, *peacetime);
    assert_eq!(world.replicas("portal-web").await, 20, "nobody asked");
    world.stop().await;
    let restored = world.restored(Some("flood")).await;
    assert!(
        restored[0].closed && restored[0].left.is_empty(),
        "{restored:?}"
    );
    world.is_exact(&before).await;
}

/// A field and a part of it are no layers: one would be written over with the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_field_that_another_mode_holds_waits_for_it() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let part = patch(&world, "/spec/strategy/rollingUpdate/maxSurge", &json!(1));
    world.switch("flood", &json!([part])).await;
    let whole = json!({ "maxSurge": 2, "maxUnavailable": 0 });
    let whole = patch(&world, "/spec/strategy/rollingUpdate", &whole);
    world.publish("heat", world.playbook(&json!([whole]))).await;
    world.declare("heat", json!({})).await;
    let said = world.blocked("heat", "HeldBy").await;
    assert!(
        said.contains("flood") && said.contains("maxSurge"),
        "{said}"
    );
    world.come_back("flood").await;
    world.phase("heat", Phase::Active).await;
    world.come_back("heat").await;
    // The oracles know one field of an object apart from the others, and not a part of it.
    world.compare(&before).await;
}

/// Nobody would end the wait for a mode that is gone: who waits reads what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_field_that_a_vanished_mode_holds_says_how_to_bring_it_back() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let part = patch(&world, "/spec/strategy/rollingUpdate/maxSurge", &json!(1));
    world.switch("flood", &json!([part])).await;
    world.stop().await;
    world.take_away("flood").await;
    world.start().await;
    let whole = json!({ "maxSurge": 2, "maxUnavailable": 0 });
    let whole = patch(&world, "/spec/strategy/rollingUpdate", &whole);
    world.publish("heat", world.playbook(&json!([whole]))).await;
    world.declare("heat", json!({})).await;
    let said = world.blocked("heat", "HeldBy").await;
    let way = "`pingzhan restore --from-records flood`";
    assert!(said.contains(way), "{said}");
    world.stop().await;
    let restored = world.restored(Some("flood")).await;
    assert!(restored[0].closed, "{restored:?}");
    world.start().await;
    world.phase("heat", Phase::Active).await;
    world.come_back("heat").await;
    world.compare(&before).await;
}
