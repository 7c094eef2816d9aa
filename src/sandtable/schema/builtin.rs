//! What the real server says of its own kinds, as `cargo xtask generate openapi` wrote it down.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::Documents;
use super::read::OMITS_ZERO;

/// The components of the kinds that are served, descriptions left out.
const OPENAPI: &str = include_str!("../data/openapi.json");
/// What the server fills in and leaves out of its own accord, by component and member: no document
/// of it says so.
const DEFAULTS: &str = include_str!("../data/defaults.json");

/// The documents of the built-in kinds. What the server fills in of its own accord is in them as
/// `default`, as if they said so.
pub fn builtin() -> &'static Documents {
    static READ: OnceLock<Documents> = OnceLock::new();
    READ.get_or_init(|| {
        let mut documents = Documents::of(&object(OPENAPI));
        for (component, said) in object(DEFAULTS) {
            if let Value::Object(defaults) = &said["default"] {
                documents.say(&component, "default", defaults);
            }
            let omits = said["omits"].as_array().into_iter().flatten();
            let omits = omits.filter_map(Value::as_str);
            let omits: Map<_, _> = omits.map(|name| (name.to_owned(), true.into())).collect();
            documents.say(&component, OMITS_ZERO, &omits);
        }
        documents
    })
}

/// The components of the built-in kinds as the server publishes them, descriptions left out, with
/// nothing added.
pub fn published() -> Map<String, Value> {
    object(OPENAPI)
}

/// A file of ours. A test reads each; one that cannot be read holds nothing.
fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that is served without a schema would lose every field of every object.
    #[test]
    fn every_kind_has_its_schema() {
        assert!(object(OPENAPI).len() > 200, "the file cannot be read");
        assert!(object(DEFAULTS).len() > 20, "the file cannot be read");
        for (group, version, kinds) in [
            (
                "",
                "v1",
                "Namespace ConfigMap Secret Service ServiceAccount Event Node Pod",
            ),
            ("", "v1", "PersistentVolumeClaim ResourceQuota LimitRange"),
            ("apps", "v1", "Deployment StatefulSet DaemonSet ReplicaSet"),
            ("batch", "v1", "Job CronJob"),
            ("autoscaling", "v2", "HorizontalPodAutoscaler"),
            ("autoscaling", "v1", "Scale"),
            ("coordination.k8s.io", "v1", "Lease"),
            ("events.k8s.io", "v1", "Event"),
            ("networking.k8s.io", "v1", "NetworkPolicy Ingress"),
            ("policy", "v1", "PodDisruptionBudget"),
            ("scheduling.k8s.io", "v1", "PriorityClass"),
            (
                "rbac.authorization.k8s.io",
                "v1",
                "Role RoleBinding ClusterRole ClusterRoleBinding",
            ),
            (
                "admissionregistration.k8s.io",
                "v1",
                "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
            ),
            ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        ] {
            for kind in kinds.split(' ') {
                let schema = builtin().kind(group, version, kind);
                let schema = schema.unwrap_or_else(|| panic!("{group}/{version} {kind}"));
                assert!(schema.root().property("metadata").is_some(), "{kind}");
            }
        }
        assert!(builtin().kind("apps", "v1", "Nothing").is_none());
    }

    /// The keys of a list are what server-side apply and strategic patches tell items apart by.
    #[test]
    fn containers_and_ports_have_their_keys() {
        let schema = builtin()
            .kind("apps", "v1", "Deployment")
            .expect("it is served");
        let walk = |path: &str| {
            path.split('.').fold(schema.root(), |part, step| {
                let next = if step == "*" {
                    part.items()
                } else {
                    part.property(step)
                };
                next.unwrap_or_else(|| panic!("{path}: {step}"))
            })
        };
        let containers = walk("spec.template.spec.containers");
        assert_eq!(containers.node().patch_key.as_deref(), Some("name"));
        let ports = walk("spec.template.spec.containers.*.ports");
        let keys = ["containerPort", "protocol"].map(str::to_owned).to_vec();
        assert_eq!(ports.node().topology, super::super::Topology::Keyed(keys));
        let protocol = walk("spec.template.spec.containers.*.ports.*.protocol");
        assert_eq!(protocol.node().default, Some("TCP".into()));
    }
}
