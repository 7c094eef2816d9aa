//! Objects to ask about, and the answers of the real server to compare with.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Objects, User, text};

/// The namespace that the recorded answers are read as speaking of.
pub const NS: &str = "town";

/// Some objects, by group, plural, namespace and name.
#[derive(Default)]
pub struct World(BTreeMap<(String, String, String, String), Value>);

/// The kinds of the world: group, kind, plural, whether in namespaces.
const KINDS: [(&str, &str, &str, bool); 11] = [
    ("", "ConfigMap", "configmaps", true),
    ("", "Namespace", "namespaces", false),
    ("pingzhan.dev", "Playbook", "playbooks", false),
    ("pingzhan.dev", "EmergencyMode", "emergencymodes", false),
    (super::super::RBAC, "Role", "roles", true),
    (super::super::RBAC, "RoleBinding", "rolebindings", true),
    (super::super::RBAC, "ClusterRole", "clusterroles", false),
    (
        super::super::RBAC,
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
    ),
    ("apps", "Deployment", "deployments", true),
];

impl World {
    /// A cluster on its first day.
    pub fn fresh() -> Self {
        let mut world = Self::default();
        for object in super::super::bootstrap::bootstrap() {
            world.add(object);
        }
        world
    }

    /// With the objects of some YAML documents.
    pub fn with(mut self, yaml: &str) -> Self {
        for document in serde_yaml::Deserializer::from_str(yaml) {
            self.add(Value::deserialize(document).expect("YAML of an object"));
        }
        self
    }

    pub fn add(&mut self, object: Value) {
        let version = text(&object, "/apiVersion");
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let kind = text(&object, "/kind");
        let row = KINDS.iter().find(|row| row.0 == group && row.1 == kind);
        let (group, _, plural, _) = row.expect("a kind of the world");
        let namespace = text(&object, "/metadata/namespace");
        let name = text(&object, "/metadata/name");
        let key = [*group, *plural, namespace, name].map(str::to_owned);
        self.0.insert(key.into(), object);
    }
}

impl Objects for World {
    fn all(&self, group: &str, plural: &str, namespace: Option<&str>) -> Vec<&Value> {
        let own = self.0.iter().filter(|(key, _)| {
            key.0 == group && key.1 == plural && namespace.is_none_or(|own| key.2 == own)
        });
        own.map(|(_, object)| object).collect()
    }

    fn get(
        &self,
        group: &str,
        plural: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<&Value> {
        let key = [group, plural, namespace.unwrap_or_default(), name].map(str::to_owned);
        self.0.get(&key.into())
    }

    fn kind(&self, group: &str, kind: &str) -> Option<(String, bool)> {
        let row = KINDS.iter().find(|row| row.0 == group && row.1 == kind)?;
        Some((row.2.to_owned(), row.3))
    }

    fn token(&self, token: &str) -> Option<User> {
        (token == "of-zhou").then(|| User::authenticated("zhou", &["duty"]))
    }
}

/// What the real server answered to a step of a case of `people.yaml`.
pub fn recorded(case: &str, step: usize) -> Value {
    let text = include_str!("../../../../tests/conformance/answers/people.yaml");
    let text = text.replace("<ns>", NS);
    let all: Value = serde_yaml::from_str(&text).expect("the answers are YAML");
    let body = &all[case][step]["body"];
    assert!(!body.is_null(), "{case} has no step {step}");
    body.clone()
}
