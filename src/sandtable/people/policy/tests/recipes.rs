//! The policies that guard modes and playbooks, as they were run on a real server.

use serde_json::{Value, json};

use super::super::super::User;
use super::super::super::tests::world::World;
use super::super::{Admission, Kind, Operation, admit};
use crate::cel::Expressions;

const MODE: &str = include_str!("emergencymode.yaml");
const PARAMS: &str = include_str!("playbook-params.yaml");
const PLAYBOOK: &str = include_str!("playbook.yaml");
const FREEZE: &str = include_str!("freeze.yaml");
const OPERATOR: (&str, &str) = ("pingzhan-system", "pingzhan");

/// Who may do what to the playbook.
const ROLES: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: duty }
rules: [{ apiGroups: [pingzhan.dev], resources: [playbooks], resourceNames: [flood], verbs: [declare, standdown] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: duty }
roleRef: { kind: ClusterRole, name: duty }
subjects: [{ kind: Group, name: duty }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: command }
rules: [{ apiGroups: [pingzhan.dev], resources: [playbooks], resourceNames: [flood], verbs: [approve] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: command }
roleRef: { kind: ClusterRole, name: command }
subjects: [{ kind: Group, name: command }]
";

fn mode() -> Value {
    json!({
        "apiVersion": "pingzhan.dev/v1alpha1",
        "kind": "EmergencyMode",
        "metadata": { "name": "flood-2026-07" },
        "spec": {
            "playbookRef": { "name": "flood" }, "level": "II", "nature": "Actual",
            "posture": "Wartime", "paused": false, "reason": "the river", "expiresAfter": "72h",
            "requestedBy": "zhou", "requestedAs": "duty",
        },
        "status": { "plan": { "hash": "sha256:1" } },
    })
}

fn write<'a>(user: &'a User, object: &'a Value, old: Option<&'a Value>) -> Admission<'a> {
    let operation = if old.is_some() {
        Operation::Update
    } else {
        Operation::Create
    };
    Admission {
        user,
        operation,
        group: "pingzhan.dev",
        version: "v1alpha1",
        kind: Kind {
            group: "pingzhan.dev",
            version: "v1alpha1",
            kind: "EmergencyMode",
        },
        resource: "emergencymodes",
        subresource: "",
        namespace: "",
        name: "flood-2026-07",
        object: Some(object),
        old,
        dry_run: false,
        options: &Value::Null,
    }
}

/// What a policy says to a write: nothing where it lets it pass.
fn said(world: &World, of: &Admission<'_>) -> Option<String> {
    let refusal = admit(world, &Expressions::default(), of).refusal?;
    let (_, said) = refusal.message.split_once("denied request: ")?;
    Some(said.to_owned())
}

/// The demo and rehearsals would let people do what a cluster does not, or hold them up.
#[test]
fn a_mode_is_declared_and_approved_by_those_who_may() {
    let world = World::fresh().with(ROLES).with(MODE);
    let zhou = User::authenticated("zhou", &["duty"]);
    let lin = User::authenticated("lin", &["command"]);
    let declared = mode();
    assert_eq!(said(&world, &write(&zhou, &declared, None)), None);
    let expected = "spec.requestedBy must be lin, the authenticated user";
    assert_eq!(
        said(&world, &write(&lin, &declared, None)).as_deref(),
        Some(expected)
    );
    let mut elsewhere = declared.clone();
    elsewhere["spec"]["playbookRef"]["name"] = "quake".into();
    let refused = said(&world, &write(&zhou, &elsewhere, None)).expect("a denial");
    assert!(
        refused.starts_with("RBAC verb declare on this playbook is needed"),
        "{refused}"
    );

    let mut approved = declared.clone();
    let approval = json!({ "by": "lin", "as": "command", "planHash": "sha256:1" });
    approved["spec"]["approvals"] = json!([approval]);
    assert_eq!(said(&world, &write(&lin, &approved, Some(&declared))), None);
    let own = said(&world, &write(&zhou, &approved, Some(&declared)));
    let expected = "approvals[].by must be zhou, the authenticated user";
    assert_eq!(own.as_deref(), Some(expected));
    let mut stale = approved.clone();
    stale["spec"]["approvals"][0]["planHash"] = "sha256:0".into();
    let refused = said(&world, &write(&lin, &stale, Some(&declared)));
    let expected = "approvals[].planHash must be the plan hash in status: sha256:1";
    assert_eq!(refused.as_deref(), Some(expected));
    let mut changed = declared.clone();
    changed["spec"]["reason"] = "another".into();
    let refused = said(&world, &write(&zhou, &changed, Some(&declared))).expect("a denial");
    assert!(
        refused.starts_with("spec is frozen after creation"),
        "{refused}"
    );
}

/// A mode would be stood down by anybody, marked as the operator marks, or lost.
#[test]
fn a_mode_is_kept_by_its_operator() {
    let world = World::fresh().with(ROLES).with(MODE);
    let zhou = User::authenticated("zhou", &["duty"]);
    let lin = User::authenticated("lin", &["command"]);
    let operator = User::account(OPERATOR.0, OPERATOR.1);
    let declared = mode();
    let mut down = declared.clone();
    down["spec"]["posture"] = "Peacetime".into();
    assert_eq!(said(&world, &write(&zhou, &down, Some(&declared))), None);
    let refused = said(&world, &write(&lin, &down, Some(&declared)));
    let expected = "RBAC verb standdown on this playbook is needed";
    assert_eq!(refused.as_deref(), Some(expected));
    let mut held = declared.clone();
    held["metadata"]["finalizers"] = json!(["pingzhan.dev/hold"]);
    held["metadata"]["annotations"] = json!({ "pingzhan.dev/turn": "1" });
    assert_eq!(
        said(&world, &write(&operator, &held, Some(&declared))),
        None
    );
    let refused = said(&world, &write(&zhou, &held, Some(&declared)));
    assert_eq!(
        refused.as_deref(),
        Some("only the operator may add or remove finalizers")
    );
    let delete = Admission {
        operation: Operation::Delete,
        object: None,
        ..write(&zhou, &held, Some(&held))
    };
    let refused = said(&world, &delete).expect("a denial");
    assert!(
        refused.starts_with("an EmergencyMode that is not in Standby"),
        "{refused}"
    );
    let status = Admission {
        subresource: "status",
        ..write(&zhou, &declared, Some(&declared))
    };
    let expected = "only the operator's ServiceAccount writes status and ChangeRecords";
    assert_eq!(said(&world, &status).as_deref(), Some(expected));
    let status = Admission {
        user: &operator,
        ..status
    };
    assert_eq!(said(&world, &status), None);
}

/// Whoever has a wildcard role would pass for a member of the playbook's groups.
#[test]
fn a_playbook_names_its_groups() {
    let mut world = World::fresh().with(PARAMS);
    let zhou = User::authenticated("zhou", &["duty"]);
    let declared = mode();
    let missed = said(&world, &write(&zhou, &declared, None)).expect("there is no playbook");
    assert!(
        missed.starts_with("failed to configure binding: no params found"),
        "{missed}"
    );
    world.add(json!({
        "apiVersion": "pingzhan.dev/v1alpha1",
        "kind": "Playbook",
        "metadata": { "name": "flood" },
        "spec": { "authority": {
            "requesterGroups": ["duty", "night"], "approverGroups": ["command"],
            "breakGlassGroups": ["chief"], "maxTerm": { "II": "72h" },
        } },
    }));
    assert_eq!(said(&world, &write(&zhou, &declared, None)), None);
    let mut other = declared.clone();
    other["spec"]["requestedAs"] = "guests".into();
    let refused = said(&world, &write(&zhou, &other, None));
    assert_eq!(
        refused.as_deref(),
        Some("requestedAs must be one of duty, night")
    );
    let mut long = declared.clone();
    long["spec"]["expiresAfter"] = "73h".into();
    let refused = said(&world, &write(&zhou, &long, None));
    let expected = "expiresAfter is longer than the playbook's maxTerm for this level";
    assert_eq!(refused.as_deref(), Some(expected));
}

/// Whoever writes a playbook would borrow an account that they may not use.
#[test]
fn a_playbook_borrows_an_account_that_its_author_may_use() {
    let world = World::fresh().with(PLAYBOOK).with(
        r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: root }
roleRef: { kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: User, name: lin }]
",
    );
    let playbook =
        json!({ "metadata": { "name": "flood" }, "spec": { "serviceAccountName": "flood" } });
    let of = |user| {
        let kind = Kind {
            group: "pingzhan.dev",
            version: "v1alpha1",
            kind: "Playbook",
        };
        said(
            &world,
            &Admission {
                kind,
                resource: "playbooks",
                name: "flood",
                ..write(user, &playbook, None)
            },
        )
    };
    let zhou = User::authenticated("zhou", &["duty"]);
    let expected = "zhou may not use ServiceAccount pingzhan-playbooks/flood (RBAC verb impersonate \
                    on it)";
    assert_eq!(of(&zhou).as_deref(), Some(expected));
    assert_eq!(of(&User::authenticated("lin", &[])), None);
}

/// A freeze would stop the machine as well, or nobody.
#[test]
fn a_freeze_stops_people_and_not_the_machine() {
    let world = World::fresh().with(FREEZE).with(
        "{ apiVersion: v1, kind: Namespace, \
         metadata: { name: crit, labels: { kubernetes.io/metadata.name: crit } } }",
    );
    let old = json!({ "metadata": { "name": "d" }, "spec": { "replicas": 1 } });
    let new = json!({ "metadata": { "name": "d" }, "spec": { "replicas": 2 } });
    let zhou = User::authenticated("zhou", &["duty"]);
    let kind = Kind {
        group: "apps",
        version: "v1",
        kind: "Deployment",
    };
    let update = Admission {
        group: "apps",
        version: "v1",
        kind,
        resource: "deployments",
        namespace: "crit",
        name: "d",
        ..write(&zhou, &new, Some(&old))
    };
    let expected = "change freeze 封网 by EmergencyMode flood-2026-07: update deployments by zhou is \
                    held until the mode is stood down; emergency-command may act";
    assert_eq!(said(&world, &update).as_deref(), Some(expected));
    let status = Admission {
        subresource: "status",
        ..update
    };
    assert_eq!(said(&world, &status), None);
    let mut marked = old.clone();
    marked["metadata"]["labels"] = json!({ "a": "b" });
    let marked = Admission {
        object: Some(&marked),
        ..status
    };
    assert!(said(&world, &marked).is_some());
    let dry_run = Admission {
        dry_run: true,
        ..update
    };
    assert_eq!(said(&world, &dry_run), None);
    for user in [
        User::account("kube-system", "deployment-controller"),
        User::authenticated("chief", &["emergency-command"]),
    ] {
        let user = &user;
        assert_eq!(said(&world, &Admission { user, ..update }), None);
    }
}
