//! Who owns a count: chains of autoscalers, those that cannot be told, and those that can be stopped.

use serde_json::json;

use super::super::testing::object;
use super::*;

fn workload(count: i64) -> Projection {
    object(
        "apps/v1",
        "Deployment",
        "web",
        &json!({ "spec": { "replicas": count } }),
    )
}

fn autoscaler(name: &str, made_by: &Value) -> Projection {
    let of = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let body = json!({
        "metadata": { "ownerReferences": [made_by] },
        "spec": { "scaleTargetRef": of, "minReplicas": 2, "maxReplicas": 20 },
    });
    object("autoscaling/v2", AUTOSCALER, name, &body)
}

fn nobody() -> Value {
    json!({ "kind": "Team", "name": "web", "uid": "uid-team", "controller": false })
}

fn maker(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true })
}

fn scaled_object(name: &str, annotations: &Value, bounds: &Value) -> Projection {
    let mut spec = json!({ "scaleTargetRef": { "name": "web" } });
    for (name, bound) in bounds.as_object().into_iter().flatten() {
        spec[name] = bound.clone();
    }
    let body = json!({ "metadata": { "annotations": annotations }, "spec": spec });
    object("keda.sh/v1alpha1", "ScaledObject", name, &body)
}

fn said(told: &[Told]) -> Vec<String> {
    let told = told.iter().map(|told| {
        let (base, after) = (told.base.display(), told.after.display());
        format!("{}: {base} -> {after}", told.path.to_pointer())
    });
    told.collect()
}

/// Bounds that are put on an autoscaler which something else made are put back by its maker.
#[test]
fn a_chain_of_owners_is_followed_to_its_end() {
    let found = [
        vec![autoscaler("keda-hpa-web", &maker("ScaledObject", "web"))],
        vec![scaled_object("web", &json!({}), &json!({}))],
    ];
    let owner = Owners::read(&found).of(&workload(3)).unwrap().unwrap();
    assert_eq!(owner.named(), "ScaledObject web");
    let grow = Aim::From { base: 3, after: 9 };
    assert_eq!(
        said(&owner.told(grow)),
        ["/spec/minReplicaCount: (absent) -> 9"]
    );
    let far = Aim::From {
        base: 50,
        after: 150,
    };
    assert_eq!(
        said(&owner.told(far)),
        [
            "/spec/minReplicaCount: (absent) -> 150",
            "/spec/maxReplicaCount: (absent) -> 150"
        ]
    );
    let alone = [vec![autoscaler("web", &nobody())], Vec::new()];
    let owner = Owners::read(&alone).of(&workload(3)).unwrap().unwrap();
    assert_eq!(owner.named(), "HorizontalPodAutoscaler web");
}

/// Whom nobody can tell is named, so that a person can.
#[test]
fn a_count_that_cannot_be_told_is_refused_with_a_reason() {
    let two = [
        vec![autoscaler("a", &nobody()), autoscaler("b", &nobody())],
        Vec::new(),
    ];
    let beside = [
        vec![autoscaler("a", &nobody())],
        vec![scaled_object("web", &json!({}), &json!({}))],
    ];
    let unknown = [
        vec![autoscaler("a", &maker("PodAutoscaler", "web"))],
        Vec::new(),
    ];
    let mut going = autoscaler("a", &nobody());
    going.deleting = true;
    let said = [two, beside, unknown, [vec![going], Vec::new()]].map(|found| {
        let owners = Owners::read(&found);
        owners.of(&workload(3)).err().unwrap_or_default()
    });
    insta::assert_snapshot!(said.join("\n"));
}

/// Paused, it heeds no bounds; what is to be one count is no matter of bounds.
#[test]
fn one_that_can_be_stopped_is_stopped_for_a_fixed_count() {
    let pause = "autoscaling.keda.sh/paused-replicas";
    let at = format!("/metadata/annotations/{}", pause.replace('/', "~1"));
    let told = |annotations: Value, aim| {
        let found = [
            Vec::new(),
            vec![scaled_object(
                "web",
                &annotations,
                &json!({ "minReplicaCount": 1, "maxReplicaCount": 5 }),
            )],
        ];
        let owners = Owners::read(&found);
        said(&owners.of(&workload(3)).unwrap().unwrap().told(aim))
    };
    let shrink = Aim::From { base: 3, after: 2 };
    assert_eq!(told(json!({}), shrink), ["/spec/maxReplicaCount: 5 -> 2"]);
    assert_eq!(
        told(json!({}), Aim::Fixed(7)),
        [format!("{at}: (absent) -> \"7\"")]
    );
    let none = Aim::From { base: 3, after: 0 };
    assert_eq!(told(json!({}), none), [format!("{at}: (absent) -> \"0\"")]);
    assert_eq!(
        told(json!({ pause: "3" }), shrink),
        [format!("{at}: \"3\" -> \"2\"")]
    );
    assert_eq!(told(json!({ pause: "7" }), Aim::Fixed(7)), [""; 0]);
}
