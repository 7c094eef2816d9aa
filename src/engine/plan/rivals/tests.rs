//! Tests of who puts values back.

use serde_json::{Value, json};

use super::super::join;
use super::super::testing::{book, facts, object, plan_of, stage};
use super::*;

/// A Deployment whose count this manager owns.
fn owned(name: &str, manager: &str, metadata: &Value) -> Value {
    let mut object = object("apps/v1", "Deployment", name, &json!({ "replicas": 3 }));
    object["metadata"]["managedFields"] = json!([{
        "manager": manager, "operation": "Apply", "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } },
    }]);
    for (key, value) in metadata.as_object().into_iter().flatten() {
        object["metadata"][key] = value.clone();
    }
    object
}

/// The labels of Flux on what a Kustomization applies.
fn applied(name: &str) -> Value {
    json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": name,
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system" } })
}

fn kustomization(name: &str, metadata: &Value) -> Value {
    let api_version = "kustomize.toolkit.fluxcd.io/v1";
    let mut object = object(
        api_version,
        "Kustomization",
        name,
        &json!({ "suspend": false }),
    );
    object["metadata"]["namespace"] = "flux-system".into();
    object["metadata"]["managedFields"] = json!([{
        "manager": "kustomize-controller", "operation": "Apply", "apiVersion": api_version,
        "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:suspend": {} } },
    }]);
    for (key, value) in metadata.as_object().into_iter().flatten() {
        object["metadata"][key] = value.clone();
    }
    object
}

const GROW: &str = "scale: { replicas: 9 }";

/// What is said of each step, by stage and step.
fn said(stages: &[String], seen: &[(&str, Vec<Value>)]) -> Vec<String> {
    let book = book(stages);
    let facts = facts(&book, seen);
    let plan = plan_of(&book, &facts);
    let order = Order::of(&plan);
    let joined = join::all(&plan, &facts);
    let findings = findings(&plan, &joined, &order).into_iter();
    let said = findings.map(|((stage, step), sentence)| {
        let stage = &plan.stages[stage];
        format!("{}/{}: {sentence}", stage.name, stage.steps[step].name)
    });
    said.collect()
}

/// Who approves has to know that the emergency will be undone within minutes, before it is, and
/// what to suspend.
#[test]
fn the_object_that_puts_values_back_is_named_before_the_switch() {
    let helm = json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" }, "annotations": {
        "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "portal" } });
    let argo =
        json!({ "annotations": { "argocd.argoproj.io/tracking-id": "portal:apps/Deployment:x" } });
    let instance = json!({ "labels": { "app.kubernetes.io/instance": "shop" } });
    let release = json!({ "labels": { "helm.toolkit.fluxcd.io/name": "shop",
        "helm.toolkit.fluxcd.io/namespace": "flux-system" } });
    let objects = vec![
        owned("a", "kustomize-controller", &applied("portal")),
        owned("b", "kustomize-controller", &applied("portal")),
        owned("c", "kustomize-controller", &json!({})),
        owned("d", "argocd-controller", &argo),
        owned("e", "argocd-application-controller", &instance),
        owned("f", "helm-controller", &release),
        owned("g", "helm", &helm),
        // A label of charts, and an owner who is nobody's controller: neither is a rival.
        owned("h", "helm", &instance),
        owned("i", "kubectl-scale", &applied("portal")),
    ];
    let stages = [stage("surge", "", &[("grow", "Deployment", GROW)])];
    let said = said(&stages, &[("surge/grow", objects)]);
    insta::assert_snapshot!(said.join("\n"));
}

/// An object whose owners the server does not track is judged by its marks, where they are sure.
#[test]
fn marks_alone_name_the_rival_of_an_object_without_owners() {
    let bare = |name: &str, metadata: &Value| {
        let mut object = owned(name, "x", metadata);
        object["metadata"]["managedFields"] = json!([]);
        object
    };
    let chart = json!({ "labels": { "app.kubernetes.io/instance": "shop" } });
    let stages = [stage("surge", "", &[("grow", "Deployment", GROW)])];
    let objects = vec![bare("a", &applied("portal")), bare("b", &chart)];
    let said = said(&stages, &[("surge/grow", objects)]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("Kustomization flux-system/portal"),
        "{said:?}"
    );
}

/// What the plan suspends before it changes anything puts nothing back; what it suspends at the same
/// time or later does.
#[test]
fn a_rival_that_is_suspended_before_is_not_said() {
    let hold = stage(
        "hold",
        "",
        &[(
            "gitops",
            "kustomize.toolkit.fluxcd.io/Kustomization",
            "suspend: {}",
        )],
    );
    let grow = |after| stage("surge", after, &[("grow", "Deployment", GROW)]);
    let seen = |suspended: &str| {
        [
            ("hold/gitops", vec![kustomization(suspended, &json!({}))]),
            (
                "surge/grow",
                vec![owned("a", "kustomize-controller", &applied("portal"))],
            ),
        ]
    };
    let of_surge = |stages: &[String], suspended: &str| -> Vec<String> {
        let said = said(stages, &seen(suspended)).into_iter();
        said.filter(|one| one.starts_with("surge")).collect()
    };
    let after = [hold.clone(), grow("hold")];
    assert_eq!(of_surge(&after, "portal"), Vec::<String>::new());
    assert_eq!(of_surge(&after, "other").len(), 1, "another one is no help");
    let beside = of_surge(&[hold, grow("")], "portal");
    assert!(
        beside[0].contains("step hold/gitops suspends"),
        "{beside:?}"
    );
}

/// A Kustomization that another one applies is resumed by it: its root has to be suspended, too.
#[test]
fn the_root_of_what_is_suspended_is_named_unless_it_is_suspended_as_well() {
    let kind = "kustomize.toolkit.fluxcd.io/Kustomization";
    let stages = [stage("hold", "", &[("gitops", kind, "suspend: {}")])];
    let leaf = || kustomization("portal", &applied("root"));
    let alone = said(&stages, &[("hold/gitops", vec![leaf()])]);
    assert!(
        alone[0].contains("Kustomization flux-system/root puts this back"),
        "{alone:?}"
    );
    let root = kustomization("root", &json!({}));
    let both = said(&stages, &[("hold/gitops", vec![root, leaf()])]);
    // The root itself is applied by one that nobody knows.
    let of_leaf = both.iter().filter(|one| one.contains("flux-system/root"));
    assert_eq!(of_leaf.count(), 0, "{both:?}");
}

/// Two steps of one stage run at the same time unless one is after the other.
#[test]
fn order_follows_stages_and_steps_through_others() {
    let quiet = |name: &str, after: &str| stage(name, after, &[("s", "Deployment", GROW)]);
    let stages = [
        quiet("a", ""),
        quiet("b", "a"),
        quiet("c", "b"),
        quiet("d", ""),
    ];
    let book = book(&stages);
    let plan = plan_of(&book, &facts(&book, &[]));
    let order = Order::of(&plan);
    let before = |one, other| order.is_before((one, 0), (other, 0));
    assert!(before(0, 1) && before(0, 2) && before(1, 2));
    assert!(!before(2, 0) && !before(0, 3) && !before(0, 0));
}
