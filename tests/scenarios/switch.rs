//! Switch and return: every kind of step on every kind of owner comes back exactly.

use pingzhan::api::{Phase, RecordType};
use pingzhan::ledger::State;
use serde_json::json;

use super::fleet;
use super::oracles::Allowed;
use super::world::World;

/// How many fields the playbook with every kind of step changes.
pub const CHANGES: usize = 24;

/// The promise itself: values and ownership of the whole fleet are what they were, and every owner
/// goes on applying as if nothing had happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_step_on_every_kind_of_owner_comes_back_exactly() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let active = world
        .switch("flood", &fleet::every_step(&world.namespace))
        .await;
    let evidence = world.judge(Allowed::default()).await;
    let ledger = evidence.ledger(&active);
    let others: Vec<_> = ledger
        .entries
        .values()
        .filter(|entry| entry.state != State::Applied)
        .collect();
    assert!(others.is_empty(), "everything is applied, but {others:?}");
    assert_eq!(
        ledger.entries.len(),
        CHANGES,
        "every change of the plan is journalled"
    );
    let wartime = world.snapshot().await;
    let web = &wartime[&("Deployment".to_owned(), "portal-web".to_owned())];
    assert_eq!(web["spec"]["replicas"], 4);
    let limits = &web["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(
        limits["cpu"], "1",
        "the server rewrote 1000m, and that is no drift"
    );
    let pool = &wartime[&("Pool".to_owned(), "counters".to_owned())]["spec"];
    assert_eq!(pool["quota"], json!(9_007_199_254_740_995_i64));

    let closed = world.come_back("flood").await;
    let evidence = world.judge(Allowed::default()).await;
    let back = evidence
        .ledger(&closed)
        .entries
        .values()
        .all(|entry| entry.state == State::OwnersBack);
    assert!(back, "every entry is given back");
    assert!(evidence.count(&closed, RecordType::Plan) > 0);
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// Records outlive their mode, and nothing in them holds up its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_mode_may_be_deleted_at_once_and_its_records_stay() {
    let world = World::with_fleet().await;
    let stages = json!([{ "name": "shed", "steps": [{
        "name": "halve", "scale": { "percent": 50, "minimum": 1 },
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": ["portal-web"] },
    }] }]);
    world.switch("flood", &stages).await;
    let closed = world.come_back("flood").await;
    assert_eq!(
        closed.status.and_then(|status| status.phase),
        Some(Phase::Closed)
    );
    world.judge(Allowed::default()).await;
    world.delete_mode("flood").await;
    assert!(
        world
            .modes()
            .get_opt("flood")
            .await
            .expect("an answer")
            .is_none()
    );
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.ledgers.len(), 1);
}
