//! A freeze stops people, not the machine: network, storage, mesh, autoscalers, rollouts and GitOps go on in
//! a frozen namespace, each under its own account with its own rights. CNI, CSI and operators live outside
//! of kube-system, and a freeze that stops them keeps the surge's own pods from starting.

use std::collections::BTreeMap;

use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::freeze::{MASTERS, Stage, Who, freeze_of};
use crate::support::{self, ControlPlane};

const PROGRAMS: &str = include_str!("machine.yaml");

/// A program, and what it does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    account: Place,
    pub why: String,
    rules: Value,
    pub send: String,
    pub body: Value,
    /// Whether a freeze that names it stops it.
    #[serde(default)]
    pub stopped: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    namespace: String,
    name: String,
}

impl Program {
    /// All of them.
    pub fn all() -> Vec<Self> {
        serde_yaml::from_str(PROGRAMS).expect("the table")
    }

    /// As whom it signs in.
    pub fn user(&self) -> String {
        let Place { namespace, name } = &self.account;
        format!("system:serviceaccount:{namespace}:{name}")
    }

    /// Its own client, with its own rights and no others.
    pub async fn client(&self, plane: &ControlPlane) -> Client {
        let group = format!("system:serviceaccounts:{}", self.account.namespace);
        let groups = ["system:serviceaccounts", "system:authenticated", &group];
        plane.client_as(&self.user(), &groups).await
    }

    /// Its rights in the frozen namespace: a Role of its own.
    fn rights(&self, space: &str) -> [(String, Value); 2] {
        let Place { namespace, name } = &self.account;
        let rbac = "rbac.authorization.k8s.io";
        let at = |plural: &str| format!("/apis/{rbac}/v1/namespaces/{space}/{plural}");
        let own = format!("{namespace}-{name}");
        let role = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "Role",
            "metadata": { "name": own }, "rules": self.rules });
        let binding = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
            "metadata": { "name": own },
            "roleRef": { "apiGroup": rbac, "kind": "Role", "name": own },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": name }] });
        [(at("roles"), role), (at("rolebindings"), binding)]
    }
}

/// Puts what programs work on into the namespace that is to be frozen, and gives each its rights there.
pub async fn settle(stage: &Stage, programs: &[Program]) {
    stage.prepare().await;
    let space = stage.space("frozen");
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    let claims = format!("/api/v1/namespaces/{space}/persistentvolumeclaims");
    stage.put(&claims, &claim).await;
    for program in programs {
        for (at, object) in program.rights(&space) {
            stage.put(&at, &object).await;
        }
    }
}

/// Every program goes on but the one that the step names; a person with the same request is stopped.
#[tokio::test]
async fn the_machine_goes_on_in_a_frozen_namespace() {
    let plane = support::cluster().await;
    let prefix = plane.namespace("machine");
    let mut clients = BTreeMap::new();
    for who in [Who::Operator, Who::Person] {
        let (name, groups) = who.identity(&prefix);
        let groups: Vec<&str> = groups.iter().map(String::as_str).chain([MASTERS]).collect();
        clients.insert(who, plane.client_as(&name, &groups).await);
    }
    let stage = Stage {
        admin: plane.client.clone(),
        clients,
        prefix,
        is_real: true,
    };
    let programs = Program::all();
    settle(&stage, &programs).await;
    let space = stage.space("frozen");
    let freeze = freeze_of(&[&space], "machine");
    stage.freeze(&freeze).await;
    stage.becomes(&freeze, true).await;

    let (mut on, mut stopped) = (0, 0);
    for program in &programs {
        let client = program.client(&plane).await;
        // A person is stopped first, so that what goes on is what would have been stopped.
        for (client, refused) in [
            (&stage.clients[&Who::Person], true),
            (&client, program.stopped),
        ] {
            let (code, said) = stage.send(client, &program.send, Some(&program.body)).await;
            let ours = said.contains("ValidatingAdmissionPolicy 'pingzhan-freeze'");
            let shown = format!("{}: {}: {code} {said}", program.user(), program.why);
            assert_eq!((ours, code == 200), (refused, !refused), "{shown}");
        }
        *(if program.stopped {
            &mut stopped
        } else {
            &mut on
        }) += 1;
    }
    assert_eq!((on, stopped), (9, 1));
    stage.lift(&freeze).await;
    stage.becomes(&freeze, false).await;
}
