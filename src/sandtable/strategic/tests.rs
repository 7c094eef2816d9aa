//! Held against what the real server answered, and against what its own rules say.

use serde_json::json;

use super::super::schema::builtin;
use super::*;

#[allow(clippy::result_large_err, reason = "it is the answer")]
#[allow(
    clippy::needless_pass_by_value,
    reason = "tests write their values down"
)]
fn merged(current: Value, patch: Value) -> Result<Value, Refusal> {
    let schema = builtin()
        .kind("apps", "v1", "Deployment")
        .expect("it is served");
    merge(schema.root(), &current, &patch)
}

fn pod(spec: &Value) -> Value {
    json!({ "spec": { "template": { "spec": spec } } })
}

fn pods(current: &Value, patch: &Value) -> Value {
    let merged = merged(pod(current), pod(patch)).expect("it can be merged");
    merged["spec"]["template"]["spec"].clone()
}

/// What the server answered: `a strategic merge patch merges containers by name`. kubectl patches so
/// by default.
#[test]
fn containers_are_merged_by_name() {
    let web = json!({ "containers": [{ "name": "web", "image": "web:1", "resources": {} }] });
    let patch = json!({ "containers": [{ "name": "side", "image": "side:1" }, { "name": "web", "image": "web:2" }] });
    let both = pods(&web, &patch);
    assert_eq!(
        both,
        json!({ "containers": [
            { "name": "side", "image": "side:1" },
            { "name": "web", "image": "web:2", "resources": {} },
        ] })
    );
    let patch = json!({ "containers": [{ "name": "side", "$patch": "delete" }] });
    assert_eq!(
        pods(&both, &patch),
        json!({ "containers": [{ "name": "web", "image": "web:2", "resources": {} }] })
    );
}

/// What the server answered: `a strategic patch replaces, orders and refuses what it does not know`.
#[test]
fn a_map_is_replaced_and_an_item_without_its_key_refused() {
    let strategy = json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%" } } } });
    let patch = json!({ "spec": { "strategy": { "$patch": "replace", "type": "Recreate" } } });
    assert_eq!(
        merged(strategy, patch),
        Ok(json!({ "spec": { "strategy": { "type": "Recreate" } } }))
    );
    let web = pod(&json!({ "containers": [{ "name": "web" }] }));
    let patch = pod(&json!({ "containers": [{ "image": "web:2" }] }));
    let refusal = merged(web, patch).expect_err("it has no key");
    assert_eq!(
        refusal.body(),
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500,
            "message": "map: map[image:web:2] does not contain declared merge key: name" })
    );
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    let patch = json!({ "metadata": { "labels": null } });
    assert_eq!(merged(labels, patch), Ok(json!({ "metadata": {} })));
}

/// A list without a key is one value, and a merged list of texts has each once.
#[test]
fn lists_of_values_are_replaced_or_united() {
    let args = pods(
        &json!({ "containers": [{ "name": "web", "args": ["a", "b"] }] }),
        &json!({ "containers": [{ "name": "web", "args": ["c"] }] }),
    );
    assert_eq!(args["containers"][0]["args"], json!(["c"]));
    let finalizers = |list: Value| json!({ "metadata": { "finalizers": list } });
    let united = merged(finalizers(json!(["a", "b"])), finalizers(json!(["c", "b"])));
    assert_eq!(united, Ok(finalizers(json!(["c", "a", "b"]))));
    let patch = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"] } });
    let less = merged(finalizers(json!(["a", "b"])), patch);
    assert_eq!(less, Ok(finalizers(json!(["b"]))));
}

/// An order that a person gives holds, and what they did not name stays.
#[test]
fn an_order_is_kept() {
    let three = json!({ "containers": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] });
    let patch = json!({
        "$setElementOrder/containers": [{ "name": "c" }, { "name": "a" }],
        "containers": [{ "name": "a", "image": "a:2" }],
    });
    assert_eq!(
        pods(&three, &patch),
        json!({ "containers": [{ "name": "b" }, { "name": "c" }, { "name": "a", "image": "a:2" }] })
    );
    let patch = json!({
        "$setElementOrder/containers": [{ "name": "a" }, { "name": "c" }],
        "containers": [{ "name": "c" }, { "name": "a" }],
    });
    let refusal = merged(pod(&three), pod(&patch)).expect_err("two orders");
    assert!(
        refusal
            .message
            .starts_with("The order in patch list:\n[map[name:c] map[name:a]]"),
        "{}",
        refusal.message
    );
}

/// `$retainKeys` takes away what is not named: a volume becomes another kind of volume.
#[test]
fn keys_that_are_not_retained_go() {
    let volume = json!({ "volumes": [{ "name": "v", "emptyDir": {} }] });
    let patch = json!({ "volumes": [{ "name": "v", "$retainKeys": ["name", "secret"], "secret": { "secretName": "s" } }] });
    assert_eq!(
        pods(&volume, &patch),
        json!({ "volumes": [{ "name": "v", "secret": { "secretName": "s" } }] })
    );
    let patch = json!({ "volumes": [{ "name": "v", "$retainKeys": ["name"], "secret": {} }] });
    let refusal = merged(pod(&volume), pod(&patch)).expect_err("it retains less than it sets");
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (400, "invalid patch format of retainKeys")
    );
}

/// A whole list can be replaced, and what is new brings no directive and no null with it.
#[test]
fn a_list_is_replaced_and_what_is_new_is_clean() {
    let two = json!({ "containers": [{ "name": "a" }, { "name": "b" }] });
    let patch = json!({ "containers": [{ "$patch": "replace" }, { "name": "c" }] });
    assert_eq!(
        pods(&two, &patch),
        json!({ "containers": [{ "name": "c" }] })
    );
    let patch = json!({ "volumes": [{ "name": "v", "secret": null }, { "$patch": "delete", "name": "w" }] });
    assert_eq!(
        pods(&json!({}), &patch),
        json!({ "volumes": [{ "name": "v" }] })
    );
}

/// What nobody asks for is refused, not guessed.
#[test]
fn an_unknown_directive_is_refused() {
    let patch = json!({ "spec": { "$patch": "stir" } });
    let refusal = merged(json!({ "spec": {} }), patch).expect_err("unknown");
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (500, "unknown patch type: stir in map: map[$patch:stir]")
    );
    let patch = json!({ "$deleteFromPrimitiveListfinalizers": [] });
    let refusal = merged(json!({}), patch).expect_err("no list");
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (400, "invalid patch format of primitive list")
    );
    let patch = json!({ "$setElementOrder/containers": 5 });
    let refusal = merged(json!({}), patch).expect_err("no list");
    assert_eq!(
        refusal.message,
        "expected a []interface {}, but received a int64"
    );
    let patch = pod(&json!({ "containers": [{ "name": "c" }, "x"] }));
    let refusal =
        merged(pod(&json!({ "containers": [{ "name": "a" }] })), patch).expect_err("two types");
    assert_eq!(
        refusal.message,
        "list element types are not identical: [[map[name:a]] [map[name:c] x]]"
    );
}
