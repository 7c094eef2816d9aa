//! Pure: which bindings give a playbook's account a right, and which roles they name, so that a
//! rehearsal refuses what the cluster would.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The accounts that playbooks act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Their namespace.
    pub namespace: String,
    /// Their names.
    pub names: Vec<String>,
}

/// Roles that are named by bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Those of the whole cluster.
    pub cluster: BTreeSet<String>,
    /// Those of namespaces, by namespace.
    pub namespaced: BTreeMap<String, BTreeSet<String>>,
}

impl Accounts {
    /// Whether a binding names one of them, or a group that they are in.
    pub fn are_bound_by(&self, binding: &Value) -> bool {
        let own = binding.pointer("/metadata/namespace");
        let own = own.and_then(Value::as_str).unwrap_or_default();
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let mut subjects = subjects.filter(|_| !self.names.is_empty());
        subjects.any(|subject| self.is_one(subject, own))
    }

    fn is_one(&self, subject: &Value, own: &str) -> bool {
        let text = |member: &str| subject[member].as_str().unwrap_or_default();
        let name = text("name");
        let space = &self.namespace;
        match text("kind") {
            "ServiceAccount" => {
                let of = Some(text("namespace")).filter(|of| !of.is_empty());
                of.unwrap_or(own) == space && self.names.iter().any(|one| one == name)
            }
            "User" => {
                let own = name.strip_prefix(&format!("system:serviceaccount:{space}:"));
                own.is_some_and(|own| self.names.iter().any(|one| one == own))
            }
            "Group" => {
                let groups = ["system:serviceaccounts", "system:authenticated"];
                groups.contains(&name) || name == format!("system:serviceaccounts:{space}")
            }
            _ => false,
        }
    }
}

impl Roles {
    /// Adds the role that a binding names. What is none names none.
    pub fn add(&mut self, binding: &Value) {
        let text = |place| binding.pointer(place).and_then(Value::as_str);
        let Some(name) = text("/roleRef/name").map(str::to_owned) else {
            return;
        };
        if text("/roleRef/kind") == Some("ClusterRole") {
            self.cluster.insert(name);
        } else if let Some(namespace) = text("/metadata/namespace") {
            let of = self.namespaced.entry(namespace.to_owned()).or_default();
            of.insert(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A binding that is missing refuses in a rehearsal what the cluster allows, and the other way round
    /// a rehearsal goes well and the emergency does not.
    #[test]
    fn every_way_of_naming_an_account_is_seen_and_no_other() {
        let accounts = Accounts {
            namespace: "pingzhan-playbooks".to_owned(),
            names: vec!["flood".to_owned()],
        };
        let subject = |kind: &str, namespace: &str, name: &str| json!({ "kind": kind, "namespace": namespace, "name": name });
        let user = "system:serviceaccount:pingzhan-playbooks:flood";
        let rows = [
            (
                subject("ServiceAccount", "pingzhan-playbooks", "flood"),
                true,
            ),
            (
                subject("ServiceAccount", "pingzhan-playbooks", "fire"),
                false,
            ),
            (subject("ServiceAccount", "portal", "flood"), false),
            (subject("User", "", user), true),
            (subject("User", "", "flood"), false),
            (subject("Group", "", "system:serviceaccounts"), true),
            (
                subject("Group", "", "system:serviceaccounts:pingzhan-playbooks"),
                true,
            ),
            (subject("Group", "", "system:serviceaccounts:portal"), false),
            (subject("Group", "", "system:authenticated"), true),
            (subject("Group", "", "duty"), false),
        ];
        for (subject, expected) in rows {
            let binding = json!({ "metadata": { "namespace": "portal" }, "subjects": [subject] });
            assert_eq!(accounts.are_bound_by(&binding), expected, "{binding}");
        }
        let mut roles = Roles::default();
        for (kind, name) in [("ClusterRole", "view"), ("Role", "scaler")] {
            roles.add(&json!({ "metadata": { "namespace": "portal" },
                "roleRef": { "kind": kind, "name": name } }));
        }
        roles.add(&json!({ "kind": "ServiceAccount", "metadata": { "namespace": "portal" } }));
        assert!(roles.cluster.contains("view"));
        assert!(roles.namespaced["portal"].contains("scaler"));
        assert_eq!(roles.cluster.len() + roles.namespaced.len(), 2);
    }
}
