//! A small town, and a playbook for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pingzhan::api::{Level, Playbook};
use pingzhan::rehearsal::fault::Fault;
use pingzhan::rehearsal::play::{self, Rehearsal};
use pingzhan::rehearsal::report::Report;
use pingzhan::sandtable::load;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::snapshot::Snapshot;
use serde_json::{Value, json};

/// What is taken of it.
const KINDS: [(&str, &str); 7] = [
    ("", "namespaces"),
    ("", "nodes"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ),
];

/// Some Deployments of two pods each, on one node.
pub struct Town {
    objects: Vec<Value>,
}

impl Town {
    /// So many Deployments, on a node of so many cores.
    pub fn of(count: usize, cores: &str) -> Self {
        let mut objects = vec![
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "town" } }),
            json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": "pingzhan-playbooks" } }),
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1" },
                "status": { "allocatable": { "cpu": cores, "memory": "64Gi", "pods": "110" },
                    "conditions": [{ "type": "Ready", "status": "True" }] } }),
        ];
        objects.extend(account("town", "cluster-admin"));
        objects.extend(account("looker", "view"));
        for number in 0..count {
            objects.push(deployment(&format!("web-{number}")));
        }
        Self { objects }
    }

    /// The same, where a policy refuses to change the first one's count.
    pub fn guarded(mut self) -> Self {
        let api = "admissionregistration.k8s.io/v1";
        let rules = json!([{ "apiGroups": ["apps"], "apiVersions": ["v1"],
            "operations": ["UPDATE"], "resources": ["deployments"] }]);
        self.objects.push(json!({ "apiVersion": api, "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": "counts" }, "spec": {
                "failurePolicy": "Fail", "matchConstraints": { "resourceRules": rules },
                "validations": [{ "message": "its count is decided elsewhere",
                    "expression": "object.metadata.name != 'web-0' || object.spec.replicas == oldObject.spec.replicas" }],
            } }));
        self.objects.push(
            json!({ "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "counts" },
            "spec": { "policyName": "counts", "validationActions": ["Deny"] } }),
        );
        self
    }

    /// The town as a snapshot has it.
    pub fn snapshot(&self) -> Snapshot {
        let taken: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
        let mut server = Server::new(schema::builtin(), 3, taken);
        for object in &self.objects {
            let loaded = load::manifests(&mut server, &object.to_string(), taken);
            loaded.expect("it is accepted");
        }
        Snapshot::of(&server, &KINDS, taken)
    }

    pub fn try_rehearse(&self, playbook: &Playbook, faults: &[Fault]) -> Result<Report, String> {
        let rehearsal = Rehearsal {
            snapshot: &self.snapshot(),
            playbook,
            level: Level::II,
            parameters: &BTreeMap::new(),
            faults,
            seed: 7,
        };
        play::rehearse(&rehearsal).map_err(|error| error.to_string())
    }

    pub fn rehearse(&self, playbook: &Playbook, faults: &[Fault]) -> Report {
        self.try_rehearse(playbook, faults).expect("it is played")
    }
}

fn account(name: &str, role: &str) -> [Value; 2] {
    let namespace = "pingzhan-playbooks";
    [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "namespace": namespace } }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace }] }),
    ]
}

/// A Deployment of two pods that take half a core each.
pub fn deployment(name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": "town", "labels": { "tier": "critical" } },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "c", "image": "c:1",
                    "resources": { "requests": { "cpu": "500m" } } }] } } } })
}

/// A playbook that scales the town's critical services, and waits for them.
pub fn playbook(scale: &Value, account: &str) -> Playbook {
    let spec = json!({
        "title": { "en": "Town" }, "hazard": "Flood", "owner": "town",
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["approvers"] },
        "serviceAccountName": account,
        "stages": [{ "name": "surge", "steps": [
            { "name": "grow", "critical": true, "scale": scale,
                "targets": { "kinds": ["Deployment"], "namespaces": { "names": ["town"] },
                    "selector": { "matchLabels": { "tier": "critical" } } } },
            { "name": "ready", "after": ["grow"], "timeout": "5m",
                "wait": { "ready": { "step": "grow", "percent": 100 } } },
        ] }],
    });
    Playbook::new("town", serde_json::from_value(spec).expect("a playbook"))
}
