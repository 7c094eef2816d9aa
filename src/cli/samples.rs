//! Hand-made objects for tests of what people read.

use serde_json::json;

use crate::api::{
    DriftActive, DriftRestore, EmergencyMode, Level, Nature, NewTargets, OnFailure, PlaybookSpec,
    Scalar, Term,
};
use crate::engine::plan::{Change, Finding, Intent, Plan, PlannedStage, PlannedStep, Skip};
use crate::engine::scheduler::Class;
use crate::field::{Identity, Image, Path, Target};
use crate::step::Rule;

/// The hash of the samples' plan.
pub const HASH: &str = "sha256:5f7d0c8e4b1a29366f0f2c9d7e8a1b3c5d7e9f1029384756afbecd0123456789";
/// The hash of the samples' proposal.
pub const OTHER_HASH: &str =
    "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn mode(status: &serde_json::Value) -> EmergencyMode {
    serde_json::from_value(json!({
        "apiVersion": "pingzhan.dev/v1alpha1",
        "kind": "EmergencyMode",
        "metadata": {
            "name": "flood-2026-07", "uid": "7d3f5c1e-0a2b-4c3d-8e4f-5a6b7c8d9e0f",
            "resourceVersion": "4711", "generation": 3,
        },
        "spec": {
            "playbookRef": { "name": "flood-response" },
            "level": "II",
            "nature": "Actual",
            "posture": "Wartime",
            "reason": "24 h rainfall 210 mm, river at the guarantee level",
            "legalBasis": { "instrument": "云溪市防汛应急预案", "article": "4.2", "orderNumber": "云防指〔2026〕7号" },
            "decidedBy": { "name": "市防汛抗旱指挥部", "role": "指挥长" },
            "requestedBy": "duty-officer-zhou",
            "requestedAs": "emergency-duty",
            "expiresAfter": "24h",
            "parameters": { "surge": 250 },
            "paused": false,
        },
        "status": status,
    }))
    .expect("the sample is a mode")
}

/// A mode that waits for an approval.
pub fn pending() -> EmergencyMode {
    mode(&json!({
        "phase": "Pending",
        "observedGeneration": 1,
        "plan": { "hash": HASH, "changes": 412, "targets": 380, "amendments": 0, "findings": {
            "at": "2026-07-21T00:00:06Z", "leftOut": 12, "listed": [
                { "concern": "Harm", "message": "critical pods would stay Pending: 42 CPU short in stage surge" },
                { "concern": "Risk", "step": "surge/scale-critical",
                  "message": "Kustomization flux-system/portal puts this back (3 objects); suspend it in an earlier stage, or expect it to be contested" },
                { "concern": "Note", "message": "capacity: 8 CPU, 16 GiB and 220 pods free on 2 nodes that take pods" },
            ] } },
        "waitingOn": "waiting for 2 of 2 approvals from emergency-approvers",
        "conditions": [
            { "type": "Planned", "status": "True", "reason": "PlanStored", "message": "412 changes of 380 objects", "lastTransitionTime": "2026-07-21T00:00:05Z", "observedGeneration": 1 },
            { "type": "Approved", "status": "False", "reason": "QuorumMissing", "message": "0 of 2 approvals", "lastTransitionTime": "2026-07-21T00:00:05Z", "observedGeneration": 1 },
        ],
    }))
}

/// A mode that is active, with one stage under way again, and one drifted field.
pub fn active() -> EmergencyMode {
    mode(&json!({
        "phase": "Active",
        "observedGeneration": 3,
        "plan": { "hash": HASH, "changes": 412, "targets": 380, "amendments": 1 },
        "granted": { "planHash": HASH, "level": "II", "expiresAt": "2026-07-22T00:10:00Z", "approvals": 2, "at": "2026-07-21T00:10:00Z" },
        "conditions": [
            { "type": "Active", "status": "True", "reason": "AllStagesDone", "message": "411 of 412 changes hold", "lastTransitionTime": "2026-07-21T00:14:10Z", "observedGeneration": 3 },
            { "type": "Drifted", "status": "True", "reason": "VerdictNeeded", "message": "1 field was changed by somebody else: give a verdict", "lastTransitionTime": "2026-07-21T03:00:00Z", "observedGeneration": 3 },
            { "type": "Ready", "status": "False", "reason": "Drifted", "message": "1 field waits for a verdict", "lastTransitionTime": "2026-07-21T03:00:00Z", "observedGeneration": 3 },
        ],
        "waitingOn": "waiting for a verdict on 1 field: pingzhan verdict flood-2026-07",
        "stages": [
            { "name": "shed", "state": "Done", "changes": 360, "applied": 359, "failed": 1, "message": "1 of 360 was refused: quota" },
            { "name": "surge", "state": "Running", "changes": 52, "applied": 37, "failed": 0, "ready": 30 },
            { "name": "access", "state": "Skipped", "changes": 0, "applied": 0, "failed": 0, "message": "it is for level I, and this is level II" },
            { "name": "counters", "state": "Waiting", "changes": 0, "applied": 0, "failed": 0 },
        ],
        "denies": [
            { "stage": "shed", "step": "shrink-offices", "kinds": ["apps/Deployment", "apps/StatefulSet"], "namespaceLabels": [ { "key": "tier", "operator": "In", "values": ["back-office"] } ] },
        ],
        "counts": { "applied": 411, "drifted": 1, "stuck": 0, "gone": 0, "kept": 0, "overtaken": 0, "refused": 0, "restored": 0 },
        "activatedAt": "2026-07-21T00:10:00Z",
        "switch": { "took": "4m10s", "objective": "10m", "met": true },
        "targets": [
            { "kind": "Deployment", "namespace": "portal", "name": "portal-web", "uid": "0f0e0d0c-1111-2222-3333-444455556666", "path": "/spec/replicas", "state": "Drifted", "message": "kubectl-scale set 5 over 9: give a verdict", "seen": OTHER_HASH },
        ],
        "timeline": [
            { "at": "2026-07-21T03:00:00Z", "event": "Drifted", "message": "portal/portal-web was changed by kubectl-scale" },
            { "at": "2026-07-21T00:14:10Z", "event": "Activated", "message": "every stage is done" },
        ],
    }))
}

/// The active mode, where it was set in force without quorum: this is the reason of `Approved`.
pub fn without_quorum(reason: &str) -> EmergencyMode {
    let mut mode = active();
    let approved = json!({ "type": "Approved", "status": "True", "reason": reason,
        "message": "commander-wang as emergency-command acted without quorum: the dam is about to break; the review by somebody else than commander-wang is overdue since 2026-07-22T00:10:00Z",
        "lastTransitionTime": "2026-07-21T00:10:00Z", "observedGeneration": 3 });
    if let Some(status) = &mut mode.status {
        let approved = serde_json::from_value(approved).expect("the sample is a condition");
        status.conditions.insert(0, approved);
    }
    mode
}

/// An active mode with a proposal to raise its level.
pub fn proposed() -> EmergencyMode {
    let mut mode = active();
    mode.spec.approvals = vec![crate::api::Approval {
        by: "approver-lin".into(),
        as_: "emergency-approvers".into(),
        plan_hash: HASH.into(),
        comment: Some("同意".into()),
    }];
    if let Some(status) = &mut mode.status {
        status.proposed = Some(crate::api::ProposedStatus {
            plan_hash: OTHER_HASH.into(),
            level: crate::api::Level::I,
            expires_after: crate::api::Term("72h".into()),
            changes: 500,
            findings: Some(crate::api::PlanFindings {
                at: "2026-07-21T02:00:00Z".parse().expect("a time"),
                listed: vec![crate::api::PlanFinding {
                    concern: crate::api::Concern::Harm,
                    step: None,
                    message: "pods would stay Pending: 8 CPU short in stage surge".into(),
                }],
                left_out: 0,
            }),
        });
    }
    mode
}

/// A playbook with parameters and terms.
pub fn playbook() -> PlaybookSpec {
    serde_json::from_value(json!({
        "title": { "en": "Urban flood response" },
        "hazard": "Flood",
        "owner": "市应急管理局",
        "parameters": [
            { "name": "surge", "type": "Integer", "default": 300, "minimum": 100, "maximum": 1000 },
            { "name": "closeCounters", "type": "Boolean", "default": true },
        ],
        "authority": {
            "requesterGroups": ["emergency-duty"],
            "approverGroups": ["emergency-approvers"],
            "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 },
            "maxTerm": { "II": "72h" },
        },
        "serviceAccountName": "flood",
        "stages": [ { "name": "surge", "steps": [
            { "name": "scale-critical", "targets": { "kinds": ["Deployment"] }, "scale": { "percent": 300 } },
            { "name": "wait-critical", "timeout": "5m", "wait": { "ready": { "step": "scale-critical", "percent": 95 } } },
        ] } ],
    }))
    .expect("the sample is a playbook")
}

fn target(kind: &str, namespace: &str, name: &str, uid: &str) -> Target {
    Target::from(Identity {
        api_version: if kind == "ConfigMap" { "v1" } else { "apps/v1" }.into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_ascii_lowercase()),
        namespace: namespace.into(),
        name: name.into(),
        uid: uid.into(),
    })
}

fn change(target: Target, pointer: &str, base: Image, after: Image, why: &str) -> Change {
    let path = Path::parse_pointer(pointer).expect("a path");
    let intent = Intent::between(&base, &after);
    Change {
        target,
        path,
        base,
        after,
        why: why.into(),
        wave: 0,
        class: Class::REST,
        intent,
        rule: Rule::Fixed,
    }
}

fn step(name: &str, act: &str, changes: Vec<Change>) -> PlannedStep {
    PlannedStep {
        name: name.into(),
        act: act.into(),
        after: Vec::new(),
        timeout_seconds: 300,
        critical: false,
        drift_active: DriftActive::Reassert,
        drift_restore: DriftRestore::Hold,
        new_targets: NewTargets::Report,
        changes,
        skipped: Vec::new(),
        findings: Vec::new(),
        problems: Vec::new(),
        faults: Vec::new(),
    }
}

fn stage(name: &str, after: &[&str], steps: Vec<PlannedStep>) -> PlannedStage {
    PlannedStage {
        name: name.into(),
        depends_on: after.iter().map(|name| (*name).to_owned()).collect(),
        left_out: None,
        on_failure: OnFailure::Halt,
        min_success: 100,
        steps,
    }
}

#[allow(clippy::too_many_lines, reason = "one literal")]
/// A plan of two stages, one of which waits for what it changes, and one that is left out.
pub fn plan() -> Plan {
    let value = |value: serde_json::Value| Image::Present(value);
    let flags = || target("ConfigMap", "portal", "portal-flags", "uid-flags");
    let mut calm = step(
        "calm-portal",
        "config",
        vec![
            change(
                flags(),
                "/data/homepage.carousel",
                value(json!("on")),
                value(json!("off")),
                "degrade switch",
            ),
            change(
                flags(),
                "/data/search.suggest",
                Image::Absent,
                value(json!("off")),
                "degrade switch",
            ),
        ],
    );
    calm.skipped.push(Skip {
        target: "ConfigMap kube-system/portal-flags".into(),
        why: "kube-system is never touched".into(),
    });
    let mut scale = step(
        "scale-critical",
        "scale",
        vec![
            change(
                target("Deployment", "portal", "portal-web", "uid-web"),
                "/spec/replicas",
                value(json!(3)),
                value(json!(8)),
                "250 % of 3, at most 40",
            ),
            change(
                target("Deployment", "hotline", "hotline-api", "uid-api"),
                "/spec/replicas",
                value(json!(20)),
                value(json!(40)),
                "250 % of 20, at most 40",
            ),
        ],
    );
    scale.after = vec!["wait-quota".into()];
    scale.findings.push(Finding::risk(
        "Deployment hotline/hotline-api is in the middle of a rollout",
    ));
    let wait = step("wait-critical", "wait", Vec::new());
    let mut access = stage(
        "access",
        &["shed"],
        vec![step("vendors-out", "isolate", Vec::new())],
    );
    access.left_out = Some("it runs at levels I and II".into());
    Plan {
        playbook: "flood-response".into(),
        playbook_uid: "uid-playbook".into(),
        spec: playbook(),
        expires_after: Term("24h".into()),
        level: Level::III,
        nature: Nature::Actual,
        tabletop: false,
        parameters: [("surge".to_owned(), Scalar::Int(250))].into(),
        scope: None,
        round: 0,
        stages: vec![
            stage("shed", &[], vec![calm]),
            stage("surge", &["shed"], vec![scale, wait]),
            access,
        ],
        findings: vec![Finding::harm(
            "critical pods would stay Pending: 42 CPU short in stage surge",
        )],
        hash: HASH.into(),
    }
}
