//! Tests of what targets have to be handled with care for.

use serde_json::{Value, json};

use super::super::explain::{Names, explain};
use super::super::testing::{book, facts, plan_of, stage, workload};
use super::*;
use crate::engine::room::Vertical;

/// What is said of one step that does this to these objects.
fn said(kind: &str, act: &str, objects: &[Value], room: &Room) -> Vec<String> {
    let book = book(&[stage("shed", "", &[("calm", kind, act)])]);
    let facts = facts(&book, &[("shed/calm", objects.to_vec())]);
    let mut plan = plan_of(&book, &facts);
    explain(&mut plan, &facts, Some(room));
    let findings = plan.stages.remove(0).steps.remove(0).findings.into_iter();
    findings.map(|finding| finding.text).collect()
}

const HALF: &str = "scale: { percent: 40 }";

fn cpu() -> Value {
    json!({ "cpu": "1" })
}

/// Of software that others stand on, a count is not just a count.
#[test]
fn a_majority_that_would_be_lost_is_said() {
    let mut store = workload("StatefulSet", "store", 5, &cpu());
    store["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/coreos/etcd:v3.5".into();
    let lost = said(
        "StatefulSet",
        HALF,
        std::slice::from_ref(&store),
        &Room::default(),
    );
    let even = said(
        "StatefulSet",
        "scale: { replicas: 4 }",
        &[store],
        &Room::default(),
    );
    insta::assert_snapshot!([lost, even].concat().join("\n"));
    let web = workload("StatefulSet", "web", 5, &cpu());
    assert!(said("StatefulSet", HALF, &[web], &Room::default()).is_empty());
}

/// Growing loses nothing; what grew is taken away again.
#[test]
fn members_that_the_return_takes_away_with_their_volumes_are_said() {
    let mut store = workload("StatefulSet", "store", 3, &cpu());
    store["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenScaled": "Delete" });
    let store = [store];
    let grown = said(
        "StatefulSet",
        "scale: { replicas: 5 }",
        &store,
        &Room::default(),
    );
    assert!(
        grown[0].starts_with("StatefulSet portal/store: deletes the volumes"),
        "{grown:?}"
    );
    assert!(
        said("StatefulSet", HALF, &store, &Room::default()).is_empty(),
        "it is refused"
    );
}

fn budget(spec: &Value, expected: i64) -> Room {
    let mut spec = spec.clone();
    spec["selector"] = json!({ "matchLabels": { "app": "web" } });
    let budget = json!({ "metadata": { "name": "web" }, "spec": spec,
        "status": { "expectedPods": expected } });
    Room {
        budgets: [("portal".to_owned(), vec![Budget::of(&budget)])].into(),
        ..Room::default()
    }
}

/// A budget does not stop a scale-down; it stops the nodes' repair for as long as the mode lasts.
#[test]
fn a_budget_that_spares_no_pod_after_a_shrink_is_said() {
    let web = workload("Deployment", "web", 5, &cpu());
    let of = |act: &str, spec: Value, expected: i64| {
        said(
            "Deployment",
            act,
            std::slice::from_ref(&web),
            &budget(&spec, expected),
        )
        .join("\n")
    };
    let least = json!({ "minAvailable": 2 });
    let spent = of(HALF, least.clone(), 5);
    assert!(
        spent.contains(
            "of 5 pods 2 are left, of which PodDisruptionBudget portal/web keeps at least 2"
        ),
        "{spent}"
    );
    let unaffected = [
        of("scale: { replicas: 9 }", least.clone(), 5),
        of("scale: { replicas: 0 }", least.clone(), 5),
        // Others of the same label are counted by the budget, too.
        of(HALF, least, 8),
        of(HALF, json!({ "maxUnavailable": 1 }), 5),
        // It spared none before: that is not this plan's doing.
        of(HALF, json!({ "minAvailable": 5 }), 5),
    ];
    assert_eq!(unaffected, [""; 5]);
}

/// What is changed in a template that nobody rolls out is not in force, and looks as if it were.
#[test]
fn paused_deployments_are_said_by_what_changes_of_them() {
    let mut web = workload("Deployment", "web", 5, &cpu());
    web["spec"]["paused"] = true.into();
    let count = said(
        "Deployment",
        HALF,
        std::slice::from_ref(&web),
        &Room::default(),
    );
    assert_eq!(
        count,
        ["Deployment portal/web: paused, so its count follows, but nothing new is rolled out"]
    );
    let patch = "patch: { set: [ { path: /spec/template/spec/priorityClassName, value: high } ] }";
    let template = said("Deployment", patch, &[web], &Room::default());
    assert!(
        template[0].ends_with("takes effect only when somebody resumes it"),
        "{template:?}"
    );
}

/// A rollout that goes on changes what "as before" is.
#[test]
fn rollouts_in_progress_are_said() {
    let rolling = |name: &str, status: Value| {
        let mut web = workload("Deployment", name, 5, &cpu());
        web["metadata"]["generation"] = 4.into();
        web["status"] = status;
        web
    };
    let objects = [
        rolling("behind", json!({ "observedGeneration": 3 })),
        rolling(
            "between",
            json!({ "observedGeneration": 4, "readyReplicas": 5, "updatedReplicas": 2 }),
        ),
        rolling(
            "done",
            json!({ "observedGeneration": 4, "readyReplicas": 5, "updatedReplicas": 5 }),
        ),
        rolling("fresh", json!({})),
    ];
    let said = said("Deployment", HALF, &objects, &Room::default());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0]
            .starts_with("Deployment portal/behind and Deployment portal/between: in the middle"),
        "{said:?}"
    );
}

/// Numbers that somebody else changes are no numbers to rely on.
#[test]
fn a_vertical_autoscaler_makes_capacity_uncertain() {
    let vertical = Vertical {
        name: "web".into(),
        of: ("Deployment".into(), "web".into()),
    };
    let room = Room {
        verticals: [("portal".to_owned(), vec![vertical])].into(),
        ..Room::default()
    };
    let objects = ["web", "api"].map(|name| workload("Deployment", name, 5, &cpu()));
    let said = said("Deployment", HALF, &objects, &room);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("Deployment portal/web: a VerticalPodAutoscaler"),
        "{said:?}"
    );
}

/// Long lists are not read.
#[test]
fn few_names_are_said_and_the_rest_counted() {
    assert_eq!(few::<&str>(&[]), "");
    assert_eq!(few(&["a"]), "a");
    assert_eq!(few(&["a", "b", "c"]), "a, b and c");
    assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    for many in 0..6 {
        let all: Vec<String> = (0..many).map(|at| format!("n{at}")).collect();
        let mut names = Names::default();
        for name in &all {
            names.add(|| name.clone());
        }
        assert_eq!((names.said(), names.count()), (few(&all), many));
    }
}
