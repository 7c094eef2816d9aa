//! What a renewal takes out of the plan, under a playbook that has lost a stage, goes back as it would have
//! gone under the plan by which it was written.

use serde_json::{Value, json};

use super::assert_as_before;
use super::world::World;
use crate::api::{Phase, Posture, Step, Term};

/// In force by a playbook whose first stage has these steps besides; then renewed by one that has only the stage
/// `more`.
fn renewed(mut world: World, steps: Value) -> World {
    world.before = world.objects.clone();
    let besides: Vec<Step> = serde_json::from_value(steps).expect("steps");
    let stages = &mut world.playbook.stages;
    stages[0].steps.extend(besides);
    stages[1].levels.clear();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    let stages = &mut world.playbook.stages;
    stages.retain(|stage| stage.name == "more");
    world.spec.expires_after = Term("2h".into());
    world.wrote.clear();
    world.approve_when_planned();
    world.run();
    assert_eq!(world.ledger().turns.len(), 2, "it is renewed");
    assert_eq!(
        world.objects["batch"]["spec"]["replicas"], 1,
        "what is named still stands"
    );
    world
}

/// Stands it down; everything is as it was.
fn ends(mut world: World) {
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "after the return");
}

/// Stages in reverse, and in a step its waves.
#[test]
fn stages_and_waves_that_a_renewal_loses_go_back_in_their_order() {
    let world = renewed(World::new(), json!([]));
    let at = |uid: &str| {
        let wrote = world.wrote.iter().enumerate();
        let places: Vec<usize> = wrote
            .filter(|(_, one)| *one == uid)
            .map(|(at, _)| at)
            .collect();
        places
    };
    // What came up last goes down first, then what was calmed, then what was restarted for it.
    let flags = at("flags")[0];
    for web in ["web-0", "web-1", "web-2"] {
        assert!(at(web)[0] < flags, "{web}: {:?}", world.wrote);
    }
    assert!(at("web-0")[1] > flags, "{:?}", world.wrote);
    ends(world);
}

/// A `CronJob` that is to make up for no run that it missed.
#[test]
fn what_a_renewal_resumes_still_makes_up_for_nothing_that_was_missed() {
    let mut world = World::new();
    let nightly = json!({ "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": { "name": "nightly", "namespace": "portal", "uid": "nightly", "generation": 1,
            "resourceVersion": "1", "labels": { "tier": "office" },
            "managedFields": [{ "manager": "helm", "operation": "Apply", "apiVersion": "batch/v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:spec": { "f:schedule": {} } } }] },
        "spec": { "schedule": "0 3 * * *" } });
    world.objects.insert("nightly".into(), nightly);
    let steps = json!([{ "name": "stop", "suspend": { "onResume": "SkipMissed" },
        "targets": { "kinds": ["CronJob"], "names": ["nightly"] } }]);
    let world = renewed(world, steps);
    assert_eq!(world.passed_over, ["nightly"]);
    ends(world);
}
