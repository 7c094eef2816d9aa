//! Rehearsals: what a report says of an emergency is what happened in it, and on a real control plane
//! would have.

mod compared;
mod told;
mod town;

use std::collections::BTreeMap;

use pingzhan::api::{Level, StageState};
use pingzhan::rehearsal::fault::Fault;
use pingzhan::rehearsal::play::{self, Rehearsal};
use pingzhan::rehearsal::report::{About, End, Happened, Report};
use pingzhan::sandtable::snapshot::Snapshot;
use serde_json::json;

use town::{Town, playbook};

const YUNXI: &[u8] = include_bytes!("../../src/cli/demo/yunxi.json.gz");

/// The playbook for floods, where `bare` without the stage that stops people and what applies manifests.
fn flood(bare: bool) -> pingzhan::api::Playbook {
    let mut playbook = pingzhan::api::Playbook::new("flood-response", crate::city::flood::spec());
    if bare {
        playbook.spec.stages.retain(|stage| stage.name != "protect");
        for stage in &mut playbook.spec.stages {
            stage.depends_on.retain(|name| name != "protect");
        }
    }
    playbook
}

fn city(bare: bool, level: Level, faults: &[Fault]) -> Report {
    let snapshot = Snapshot::read(YUNXI).expect("the city is a snapshot");
    let rehearsal = Rehearsal {
        snapshot: &snapshot,
        playbook: &flood(bare),
        level,
        parameters: &BTreeMap::new(),
        faults,
        seed: 7,
    };
    play::rehearse(&rehearsal).expect("it is played")
}

fn at(report: &Report, wanted: impl Fn(&Happened) -> bool) -> Option<f64> {
    let found = report.moments.iter().find(|one| wanted(&one.what));
    found.map(|one| one.at)
}

/// Whoever rehearses has to be able to trust a good word: it is worked out from whole objects, and the
/// same rehearsal says the same.
#[test]
fn a_good_playbook_is_good_at_every_level_and_the_same_each_time() {
    for level in Level::ALL {
        let report = city(false, level, &[]);
        assert!(report.verdict.good, "{level}: {report:#?}");
        let exact = &report.exactness;
        assert!(
            exact.fields > 10_000 && exact.same == exact.fields,
            "{level}: {exact:?}"
        );
        assert_eq!(
            json!(report),
            json!(city(false, level, &[])),
            "{level}: another rehearsal"
        );
        let is_part = |name: &str| {
            let stage = report.stages.iter().find(|stage| stage.name == name);
            stage.is_some_and(|stage| stage.state == StageState::Done && stage.applied > 0)
        };
        assert_eq!(is_part("spare"), level == Level::I, "{level}");
        assert_eq!(is_part("shed"), level != Level::IV, "{level}");
        let quorum = report
            .moments
            .iter()
            .filter(|one| matches!(one.what, Happened::Approved { .. }));
        let asked = [2, 2, 1, 0][Level::ALL
            .iter()
            .position(|one| *one == level)
            .expect("a level")];
        assert_eq!(quorum.count(), asked, "{level}");
        let critical = &report.critical;
        assert!(
            critical.objects > 20 && critical.ready == critical.objects,
            "{critical:?}"
        );
        assert!(
            critical.first <= critical.half && critical.half <= critical.all,
            "{critical:?}"
        );
    }
}

/// A fault that does nothing would make every playbook look sound.
#[test]
fn every_fault_leaves_its_trace_and_everything_comes_back() {
    let calm = city(true, Level::II, &[]);
    let took = |report: &Report| report.switch.as_ref().map_or(0.0, |took| took.seconds);
    for fault in Fault::ALL {
        let report = city(true, Level::II, &[fault]);
        assert_eq!(report.verdict.end, End::Closed, "{fault}: {report:#?}");
        let exact = &report.exactness;
        assert!(exact.differences.is_empty(), "{fault}: {exact:?}");
        let struck = at(
            &report,
            |what| matches!(what, Happened::Struck { fault: one, .. } if *one == fault),
        );
        assert!(struck.is_some(), "{fault}: {:?}", report.moments);
        let all = |report: &Report| report.critical.all.expect("all became ready");
        let trace = match fault {
            Fault::NodeLoss => at(&report, |what| {
                matches!(what, Happened::Struck { object, .. } if object.starts_with("node-"))
            })
            .is_some(),
            Fault::ControllersSlow => all(&report) > 2.0 * all(&calm),
            Fault::Api429 => report.requests.turned_away > 50 && took(&report) > took(&calm),
            Fault::GitopsReverts => {
                let fights = report.fights.iter();
                let fought = fights.filter(|one| one.wrote > 1 && one.reasserted > 0);
                let rivals: Vec<&str> = fought.map(|one| one.rival.as_str()).collect();
                rivals.contains(&"argocd-controller") && rivals.contains(&"kustomize-controller")
            }
            Fault::ApproverLate => at(&report, |what| *what == Happened::Activated) > Some(2400.0),
            Fault::OperatorDeath => {
                let deaths = report.moments.iter().filter(|one| matches!(one.what, Happened::Struck { .. }));
                deaths.count() == 2 && took(&report) > took(&calm)
            }
            Fault::HandEdit => {
                let decided = report.moments.iter().filter(|one| matches!(one.what, Happened::Decided { .. }));
                let mut fights = report.fights.iter();
                let by_hand = fights.all(|fight| fight.rival == "kubectl-edit" && fight.wrote == 1);
                decided.count() == 3 && report.fights.len() == 3 && by_hand
            }
        };
        assert!(trace, "{fault} left no trace: {report:#?}");
    }
}

/// Where the playbook suspends what applies manifests, nobody fights: that is what the stage is for.
#[test]
fn what_is_suspended_puts_nothing_back() {
    let report = city(false, Level::II, &[Fault::GitopsReverts]);
    assert!(
        report.verdict.good && report.fights.is_empty(),
        "{:?}",
        report.fights
    );
}

/// A surge that finds no room is found in the rehearsal, not in the flood: before it is approved, and as
/// pods that never became ready.
#[test]
fn a_surge_without_room_is_found() {
    let town = Town::of(2, "2");
    let report = town.rehearse(&playbook(&json!({ "percent": 900 }), "town"), &[]);
    let failed = report
        .stages
        .iter()
        .filter(|stage| stage.state == StageState::Failed);
    assert_eq!(failed.count(), 1, "{report:#?}");
    assert!(!report.verdict.good);
    let found = report.plan.findings.iter();
    let mut found = found
        .filter(|one| one.about == About::Capacity)
        .map(|one| one.text.as_str());
    assert!(
        found.any(|text| text.contains("critical pods would stay Pending")),
        "{:?}",
        report.plan.findings
    );
    assert!(
        !report.unready.is_empty() && !report.critical.never.is_empty(),
        "{report:#?}"
    );
    let exact = &report.exactness;
    assert!(
        exact.differences.is_empty(),
        "it was stood down all the same: {exact:?}"
    );
}

/// An account that lacks a right, or is not there at all, stops a real switch: a rehearsal says so
/// first, and by whom what was refused.
#[test]
fn what_would_be_refused_is_said() {
    let town = Town::of(4, "8");
    let book = playbook(&json!({ "percent": 200 }), "nobody");
    let report = town.rehearse(&book, &[]);
    let why = &report.refused.first().expect("it is said").why;
    assert!(
        why.contains("pingzhan-playbooks/nobody is not in the snapshot"),
        "{why}"
    );
    assert!(
        !report.verdict.good && report.verdict.end == End::Closed,
        "{report:#?}"
    );

    let report = town.rehearse(&playbook(&json!({ "percent": 200 }), "looker"), &[]);
    let refused: Vec<&str> = report.refused.iter().map(|one| one.why.as_str()).collect();
    let named = refused
        .iter()
        .filter(|why| why.contains("pingzhan-playbooks:looker"));
    assert!(named.count() > 0, "{refused:?}");
    assert!(!report.verdict.good, "{report:#?}");

    let guarded = Town::of(4, "8").guarded();
    let report = guarded.rehearse(&playbook(&json!({ "percent": 200 }), "town"), &[]);
    let refused = report.refused.iter();
    let refused: Vec<&str> = refused.filter_map(|one| one.object.as_deref()).collect();
    assert_eq!(refused, ["Deployment town/web-0"], "{report:#?}");
    assert!(report.exactness.differences.is_empty() && !report.verdict.good);
}

/// A playbook for the wrong cluster changes nothing and must not look good for that.
#[test]
fn parameters_and_playbooks_that_do_not_fit_are_refused() {
    let town = Town::of(1, "8");
    let mut book = playbook(&json!({ "percent": "${parameters.surge}" }), "town");
    let parameter = json!([{ "name": "surge", "type": "Integer" }]);
    book.spec.parameters = serde_json::from_value(parameter).expect("a parameter");
    let refused = town.try_rehearse(&book, &[]).expect_err("nobody chose");
    assert!(refused.contains("surge"), "{refused}");
}

/// A freeze that is not in force on the sand table would let a playbook look good that fails on the
/// cluster, or the other way round.
#[test]
fn a_freeze_is_proven_and_lifted_in_a_rehearsal() {
    let mut playbook = playbook(&json!({ "replicas": 4 }), "town");
    let calm = json!({ "name": "calm", "steps": [{ "name": "no-changes", "timeout": "1m",
        "freeze": { "namespaces": { "names": ["town"] }, "except": [{ "kind": "Group", "name": "duty" }] } }] });
    let calm = serde_json::from_value(calm).expect("a stage");
    playbook.spec.stages[0].depends_on = vec!["calm".to_owned()];
    playbook.spec.stages.insert(0, calm);
    let report = Town::of(3, "16").rehearse(&playbook, &[]);
    assert!(report.verdict.good, "{report:#?}");
    let exact = &report.exactness;
    assert_eq!(exact.same, exact.fields, "{exact:#?}");
    let states: Vec<StageState> = report.stages.iter().map(|stage| stage.state).collect();
    assert_eq!(states, [StageState::Done; 2], "{report:#?}");
}
