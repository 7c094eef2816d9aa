//! Kinds of the cluster's own: a replicas path from a CRD, and values that are easily lost on the
//! way: null, absent, numbers that no double holds.

use pingzhan::api::Phase;
use pingzhan::api::condition::types;
use pingzhan::field::exact;
use pingzhan::ledger::State;
use serde_json::{Value, json};

use super::acts::message;
use super::fleet::GROUP;
use super::oracles::Allowed;
use super::world::{World, serve};

/// A Pool with this spec, as text: numbers are sent as they are written here.
fn pool(world: &World, name: &str, spec: &str) -> Value {
    let text = format!(
        r#"{{ "apiVersion": "{GROUP}/v1", "kind": "Pool", "metadata": {{ "name": "{name}", "namespace": "{}" }}, "spec": {spec} }}"#,
        world.namespace
    );
    serde_json::from_str(&text).expect("a Pool")
}

/// Pools whose fields hold what is easily lost, and one that has none of them.
const AWKWARD: [(&str, &str); 5] = [
    (
        "nulls",
        r#"{ "size": 8, "note": null, "tuning": { "nothing": null, "list": [null, 1, "a&b<>"] } }"#,
    ),
    (
        "numbers",
        r#"{ "size": 6, "quota": 9007199254740993, "tuning": { "exact": 9007199254740993, "huge": 18446744073709551615, "vast": 1e30, "one": 1.0, "thousand": 1e3, "small": 0.1 } }"#,
    ),
    ("empty", r#"{ "size": 4, "note": "", "tuning": {} }"#),
    ("absent", r#"{ "size": 2 }"#),
    ("uncounted", r#"{ "note": "no size" }"#),
];

fn stages(world: &World) -> Value {
    let targets =
        json!({ "kinds": [format!("{GROUP}/Pool")], "namespaces": { "names": [world.namespace] } });
    let set = |path: &str, value: Value| json!({ "path": path, "value": value });
    let huge: Value = serde_json::from_str("18446744073709551615").expect("a number");
    json!([
        { "name": "grow", "steps": [{ "name": "size", "targets": targets, "scale": { "percent": 150 } }] },
        { "name": "tune", "dependsOn": ["grow"], "steps": [{ "name": "fields", "targets": targets, "patch": {
            "set": [
                set("/spec/note", Value::Null),
                set("/spec/quota", json!(i64::MAX)),
                set("/spec/tuning/nothing", json!(0)),
                set("/spec/tuning/exact", json!(9_007_199_254_740_995_i64)),
                set("/spec/tuning/huge", json!(1)),
                set("/spec/tuning/vast", huge),
                set("/spec/tuning/one", json!(1.5)),
                set("/spec/tuning/thousand", json!(1e3)),
                set("/spec/tuning/small", json!(1e-7)),
                set("/spec/tuning/list", json!([null])),
            ],
        } }] },
    ])
}

/// Null is not absent, 2^53 + 1 is not 2^53, and an empty object is not none: after the return
/// each is what it was, its owner included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_absent_and_numbers_that_no_double_holds_come_back_as_they_were() {
    let world = World::new().await.started().await;
    for (name, spec) in AWKWARD {
        let manifest = pool(&world, name, spec);
        let applied = world.apply("pool-team", &manifest).await;
        applied.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let before = world.snapshot().await;
    let active = world.switch("flood", &stages(&world)).await;
    let evidence = world.judge(Allowed::default()).await;
    let ledger = evidence.ledger(&active);
    let unheld: Vec<_> = ledger
        .entries
        .values()
        .filter(|entry| entry.state != State::Applied)
        .collect();
    assert!(unheld.is_empty(), "{unheld:?}");
    let sizes = async |name: &str| world.get("Pool", name).await["spec"]["size"].clone();
    assert_eq!(sizes("nulls").await, 12);
    assert_eq!(sizes("numbers").await, 9);
    assert_eq!(sizes("absent").await, 3);
    assert_eq!(
        sizes("uncounted").await,
        Value::Null,
        "no count to return to"
    );
    let wartime = world.get("Pool", "absent").await;
    assert_eq!(wartime["spec"].get("note"), Some(&Value::Null));
    assert_eq!(wartime["spec"]["quota"], json!(i64::MAX));
    let exact = &world.get("Pool", "numbers").await["spec"]["tuning"]["exact"];
    assert_eq!(*exact, json!(9_007_199_254_740_995_i64));
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    for (name, spec) in AWKWARD {
        let mut next = pool(&world, name, spec);
        for (field, value) in [
            ("note", json!("later")),
            ("quota", json!(7)),
            ("size", json!(5)),
        ] {
            next["spec"][field] = value;
        }
        next["spec"]["tuning"] = json!({ "exact": 1, "nothing": "else", "one": 2 });
        let applied = world.apply("pool-team", &next).await;
        applied.unwrap_or_else(|error| panic!("the owner of {name} meets a conflict: {error}"));
        assert_eq!(world.get("Pool", name).await["spec"], next["spec"]);
    }
}

/// Somebody else's null is a value of theirs: it is not taken for absent, and not for ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_writes_null_over_a_held_value_has_written_a_value() {
    let world = World::new().await.started().await;
    let manifest = pool(&world, "nulls", r#"{ "size": 8, "note": "open" }"#);
    let applied = world.apply("pool-team", &manifest).await;
    applied.expect("it is created");
    let before = world.snapshot().await;
    let stages = json!([{ "name": "tune", "steps": [{ "name": "note",
        "targets": { "kinds": [format!("{GROUP}/Pool")], "namespaces": { "names": [world.namespace] } },
        "patch": { "set": [{ "path": "/spec/note", "value": "closed" }] },
    }] }]);
    world.switch("flood", &stages).await;
    let theirs = pool(&world, "nulls", r#"{ "note": null }"#);
    world.force("colleague", &theirs).await;
    let mode = world
        .condition("flood", types::DRIFTED, "WaitsForVerdict")
        .await;
    let said = message(&mode, types::DRIFTED);
    assert!(said.contains("1 field changed"), "{said}");
    world.judge(Allowed::default()).await;
    world.verdict("flood", "Ours").await;
    world
        .becomes("Pool", "nulls", "is ours again", |object| {
            object["spec"]["note"] == "closed"
        })
        .await;
    world.come_back("flood").await;
    world.judge(Allowed::OVERWRITE).await;
    assert_eq!(world.get("Pool", "nulls").await["spec"]["note"], "open");
    let key = ("Pool".to_owned(), "nulls".to_owned());
    assert_eq!(world.snapshot().await[&key]["spec"], before[&key]["spec"]);
    let mode = world.mode("flood").await;
    assert_eq!(
        mode.status.and_then(|status| status.phase),
        Some(Phase::Closed)
    );
}

/// A kind whose count is deep in its spec.
fn tower_kind() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("towers.{GROUP}") },
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": { "kind": "Tower", "plural": "towers", "singular": "tower" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": { "scale": { "specReplicasPath": ".spec.workers.count", "statusReplicasPath": ".status.count" }, "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                        "workers": { "type": "object", "properties": { "count": { "type": "integer" }, "zone": { "type": "string" } } },
                    } },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
            }],
        },
    })
}

/// The count of a custom resource is where its CRD says, however deep; one without it is left
/// alone, since there is nothing to come back to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_deep_in_a_custom_resource_is_scaled_where_its_crd_says() {
    let mut world = World::new().await;
    serve(&world.client, &tower_kind(), "Tower").await;
    world.start().await;
    let tower = |name: &str, spec: Value| {
        json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "Tower", "spec": spec,
            "metadata": { "name": name, "namespace": world.namespace } })
    };
    let counted = |count: i64| {
        tower(
            "counted",
            json!({ "workers": { "count": count, "zone": "north" }, "size": 3 }),
        )
    };
    let uncounted = tower(
        "uncounted",
        json!({ "workers": { "zone": "south" }, "size": 3 }),
    );
    for manifest in [&counted(5), &uncounted] {
        let applied = world.apply("tower-team", manifest).await;
        applied.expect("it is created");
    }
    let before = [
        world.get("Tower", "counted").await,
        world.get("Tower", "uncounted").await,
    ];
    let stages = json!([{ "name": "grow", "steps": [{ "name": "size", "scale": { "percent": 300 },
        "targets": { "kinds": [format!("{GROUP}/Tower")], "namespaces": { "names": [world.namespace] } },
    }] }]);
    world.switch("flood", &stages).await;
    let wartime = world.get("Tower", "counted").await;
    assert_eq!(
        wartime["spec"]["workers"],
        json!({ "count": 15, "zone": "north" })
    );
    assert_eq!(wartime["spec"]["size"], 3);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    for old in before {
        let new = world
            .get(
                "Tower",
                old["metadata"]["name"].as_str().unwrap_or_default(),
            )
            .await;
        assert_eq!(exact::differences(&old, &new), Vec::<String>::new());
    }
    let next = world.apply("tower-team", &counted(6)).await;
    next.expect("the owner goes on");
}
