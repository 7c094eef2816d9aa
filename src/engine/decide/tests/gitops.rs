//! Objects of GitOps that are suspended: their roots first on the way there and last on the way back,
//! and watched until they go on.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::world::World;
use super::{assert_as_before, there_and_back};
use crate::api::condition::{self, types};
use crate::api::{Phase, Posture, Skip, Term};
use crate::engine::beside::{Origin, Program};

/// A Kustomization that is Ready, and what applied it.
fn kustomization(name: &str, by: &str) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": "flux", "uid": name, "generation": 1,
            "resourceVersion": "1", "labels": { "tier": "gitops",
                "kustomize.toolkit.fluxcd.io/name": by, "kustomize.toolkit.fluxcd.io/namespace": "flux" },
            "managedFields": [{ "manager": "kustomize-controller", "operation": "Apply",
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:interval": {} } } }] },
        "spec": { "interval": "10m" },
        "status": { "observedGeneration": 1, "conditions": [{ "type": "Ready", "status": "True" }] }
    })
}

/// The fleet of all these tests, with a root of Flux and what it applies.
fn world() -> World {
    let mut world = World::new();
    for (name, by) in [("root", "root"), ("apps", "root"), ("city", "apps")] {
        world.objects.insert(name.into(), kustomization(name, by));
    }
    world.before = world.objects.clone();
    let steps = json!([{ "name": "hold", "suspend": {}, "targets": {
        "kinds": ["kustomize.toolkit.fluxcd.io/Kustomization"],
        "selector": { "matchLabels": { "tier": "gitops" } } } }]);
    let mut protect = world.playbook.stages[0].clone();
    protect.name = "protect".into();
    protect.steps = serde_json::from_value(steps).expect("steps");
    world.playbook.stages[0].depends_on = vec!["protect".into()];
    world.playbook.stages.insert(0, protect);
    world.approve_when_planned();
    world
}

/// What the controller of Flux does with what is not suspended.
fn reconcile(world: &mut World, names: &[&str], ready: &str) {
    for name in names {
        let object = world.objects.get_mut(*name).expect("it is there");
        if object["spec"]["suspend"] != json!(true) {
            let generation = object["metadata"]["generation"].clone();
            object["status"] = json!({ "observedGeneration": generation,
                "conditions": [{ "type": "Ready", "status": ready }] });
        }
        world.touch(name);
    }
}

/// As it was but for the status that its controller writes.
fn is_as_before(world: &mut World) {
    for name in ["root", "apps", "city"] {
        let status = world.before[name]["status"].clone();
        world.objects.get_mut(name).expect("it is there")["status"] = status;
    }
    assert_as_before(world, "after the return");
}

fn returning() -> World {
    let mut world = world();
    world.run();
    assert_eq!(world.phase(), Phase::Active);
    world.spec.posture = Posture::Peacetime;
    world
}

const ALL: [&str; 3] = ["root", "apps", "city"];

/// In which order they were written. The ownership pass writes each once more, as soon as its value is back.
fn back(world: &World) -> Vec<&str> {
    let mut back: Vec<&str> = Vec::new();
    for uid in of_gitops(&world.wrote) {
        if !back.contains(&uid) {
            back.push(uid);
        }
    }
    back
}

/// While the root goes on it puts its children back, and a child that goes on before its root is
/// applied as the root has it, not as it was.
#[test]
fn roots_are_suspended_first_and_resumed_last() {
    let mut world = world();
    world.run();
    assert_eq!(suspended(&world), ALL);
    let order = std::mem::take(&mut world.wrote);
    assert_eq!(of_gitops(&order), ["root", "apps", "city"]);
    world.spec.posture = Posture::Peacetime;
    world.is_patient = true;
    world.run();
    assert_eq!(back(&world), ["city", "apps", "root"]);
}

/// So it is where a renewal, by a playbook that does not hold them any more, resumes them.
#[test]
fn roots_that_a_renewal_resumes_go_on_last() {
    let mut world = world();
    world.run();
    assert_eq!(suspended(&world), ALL);
    world.playbook.stages.remove(0);
    world.playbook.stages[0].depends_on.clear();
    world.spec.expires_after = Term("2h".into());
    world.wrote.clear();
    world.approve_when_planned();
    world.run();
    assert!(suspended(&world).is_empty(), "{:?}", suspended(&world));
    assert_eq!(back(&world), ["city", "apps", "root"]);
}

/// Killed anywhere, before or after any record of the watch, too, the mode ends and all is exact.
#[test]
fn a_crash_at_every_step_with_roots_is_exact() {
    let there = |at: Option<usize>| {
        let mut world = world();
        world.is_patient = true;
        world.crash_at.extend(at);
        there_and_back(&mut world);
        world
    };
    let steps = there(None).steps;
    for at in 0..steps {
        let mut world = there(Some(at));
        assert_eq!(world.phase(), Phase::Closed, "crash at {at}");
        assert_eq!(
            world.said(types::DEGRADED).reason,
            "GitOpsNotReady",
            "crash at {at}"
        );
        is_as_before(&mut world);
    }
}

/// A root that an earlier step suspends undoes nothing, and a warning that is wrong is not read the
/// next time.
#[test]
fn a_root_that_an_earlier_step_suspends_is_no_finding() {
    let mut world = world();
    let step = |name: &str, names: &[&str]| {
        json!({ "name": name, "suspend": {}, "targets": {
            "kinds": ["kustomize.toolkit.fluxcd.io/Kustomization"], "names": names } })
    };
    let mut findings = |steps: Value| -> Vec<String> {
        world.playbook.stages[0].steps = serde_json::from_value(steps).expect("steps");
        let plan = world.plan();
        let steps = plan.stages[0].steps.iter();
        let said = steps.flat_map(|step| &step.findings);
        let said = said.map(|finding| finding.text.clone());
        said.filter(|said| said.contains(" puts ")).collect()
    };
    let roots = step("roots", &["root", "apps"]);
    assert_eq!(findings(json!([roots, step("city", &["city"])])), [""; 0]);
    let alone = findings(json!([step("city", &["city"])]));
    assert_eq!(alone.len(), 2, "{alone:?}");
    assert!(
        alone[1].contains("Kustomization flux/root, a root, applies 1 object"),
        "{alone:?}"
    );
}

fn suspended(world: &World) -> Vec<&'static str> {
    let is = |name: &&str| world.objects[*name]["spec"]["suspend"] == json!(true);
    ALL.into_iter().filter(is).collect()
}

fn of_gitops(uids: &[String]) -> Vec<&str> {
    let all = uids.iter().map(String::as_str);
    all.filter(|uid| ALL.contains(uid)).collect()
}

/// A mode that says that it is over while Flux applies nothing of the city any more is what nobody
/// notices for weeks. Everything else is back before that is waited for.
#[test]
fn what_was_suspended_is_watched_until_it_is_ready_again() {
    let mut world = returning();
    world.run();
    assert_eq!(world.phase(), Phase::Restoring);
    let said = world.waiting_on().to_owned();
    assert!(
        said.contains("3 GitOps objects to be Ready or Synced again: Kustomization flux/apps"),
        "{said}"
    );
    reconcile(&mut world, &["apps", "city"], "True");
    world.run();
    let said = world.waiting_on().to_owned();
    assert!(said.contains("1 GitOps object to be"), "{said}");
    assert!(said.contains(": Kustomization flux/root;"), "{said}");
    reconcile(&mut world, &["root"], "True");
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.said(types::DEGRADED).status, "False");
    is_as_before(&mut world);
}

/// Nobody may have to watch a mode that waits for ever; whoever reads that it is over reads what is
/// not.
#[test]
fn what_is_never_ready_again_is_named_when_the_mode_closes() {
    let mut world = returning();
    world.run();
    reconcile(&mut world, &["apps", "root"], "True");
    reconcile(&mut world, &["city"], "False");
    world.now += SignedDuration::from_mins(9);
    world.run();
    assert_eq!(world.phase(), Phase::Restoring);
    world.restart();
    world.run();
    assert_eq!(
        world.phase(),
        Phase::Restoring,
        "a new leader keeps the time"
    );
    world.now += SignedDuration::from_mins(1);
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    let degraded = world.said(types::DEGRADED);
    assert_eq!(degraded.reason, "GitOpsNotReady");
    let named =
        "1 GitOps object not Ready or Synced 10 minutes after the return: Kustomization flux/city;";
    assert!(degraded.message.contains(named), "{}", degraded.message);
    is_as_before(&mut world);
}

/// Where no controller ever looked there is nothing to wait for, and where a person says so nobody
/// waits.
#[test]
fn nothing_is_waited_for_without_a_controller_or_once_a_person_says_so() {
    let mut world = world();
    for name in ALL {
        let object = world.objects.get_mut(name).expect("it is there");
        object["status"] = json!({ "observedGeneration": -1 });
    }
    world.before = world.objects.clone();
    there_and_back(&mut world);
    let mut world = returning();
    world.run();
    world.spec.skips.push(Skip {
        stage: "protect".into(),
        step: "hold".into(),
        reason: "Flux is being upgraded".into(),
        by: "wang".into(),
        as_: "command".into(),
    });
    world.run();
    assert_eq!(world.phase(), Phase::Closed);
    assert_eq!(world.said(types::DEGRADED).status, "False");
}

/// Whoever keeps a mode in Git reads what would become of it, from the first look until it is taken out;
/// of a mode that people declared nothing is said.
#[test]
fn a_mode_that_a_program_keeps_says_by_what_until_it_is_let_go() {
    let mut world = World::new();
    world.approve_when_planned();
    world.run();
    let known = &world.status.conditions;
    assert!(condition::get(known, types::KEPT_IN_GIT).is_none());
    let origin = |program, namespace: &str| Origin {
        program,
        namespace: namespace.to_owned(),
        name: "emergencies".to_owned(),
        sure: true,
    };
    for (origin, reason, what) in [
        (
            origin(Program::Kustomization, "flux-system"),
            "Kustomization",
            "Kustomization flux-system/emergencies",
        ),
        (
            origin(Program::Application, ""),
            "Application",
            "Application emergencies",
        ),
        (
            origin(Program::Release, "ops"),
            "Helm",
            "Helm release ops/emergencies",
        ),
    ] {
        world.kept = vec![origin];
        world.run();
        let said = world.said(types::KEPT_IN_GIT);
        assert_eq!((&*said.status, &*said.reason), ("True", reason));
        let says = format!("{what} puts this object there: whenever it heals, it wipes approvals");
        assert!(said.message.starts_with(&says), "{said:?}");
        assert_eq!(world.phase(), Phase::Active, "it goes on");
        world.kept.clear();
        world.run();
        let said = world.said(types::KEPT_IN_GIT);
        assert_eq!((&*said.status, &*said.reason), ("False", "Declared"));
    }
}
