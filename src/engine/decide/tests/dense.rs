//! Stages, and steps of a stage, that wait for all that came before: there are billions of ways through them.

use serde_json::{Value, json};

use super::assert_as_before;
use super::world::World;
use crate::api::{Phase, Posture};

/// Most that a stage or step may name of what it waits for.
const NAMED: usize = 16;
/// Most stages of a playbook.
const MANY: usize = 32;

/// A step that sets a key of its own.
fn step(number: usize, after: &[String]) -> Value {
    json!({ "name": format!("s{number}"), "after": after,
        "targets": { "kinds": ["ConfigMap"], "names": ["flags"] },
        "config": { "set": { format!("key{number}"): "war" } } })
}

/// The names before a number, as many of them as may be named.
fn before(number: usize) -> Vec<String> {
    let names = number.saturating_sub(NAMED)..number;
    names.map(|number| format!("s{number}")).collect()
}

/// A switch and its return, and everything is as before.
fn plays(stages: &Value) {
    let mut world = World::new();
    world.playbook.stages = serde_json::from_value(stages.clone()).expect("stages");
    world.approve_when_planned();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.spec.posture = Posture::Peacetime;
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_as_before(&world, "dense");
}

/// A decision that walks through each of the ways takes hours, in the middle of an emergency.
#[test]
fn stages_that_wait_for_all_before_them_are_switched_and_come_back() {
    let stages = (0..MANY).map(|number| {
        json!({ "name": format!("s{number}"), "dependsOn": before(number),
            "steps": [step(number, &[])] })
    });
    plays(&Value::Array(stages.collect()));
}

/// The same inside one stage.
#[test]
fn steps_that_wait_for_all_before_them_are_switched_and_come_back() {
    let steps: Vec<Value> = (0..MANY)
        .map(|number| step(number, &before(number)))
        .collect();
    plays(&json!([{ "name": "all", "steps": steps }]));
}
