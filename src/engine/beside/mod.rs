//! What is worth knowing of a target beside the fields that steps change: what its pods take, what
//! put it there, and whether it is of the kind that has to be handled with care. It goes into the
//! plan's findings, and into nothing that is done.

pub mod origin;
pub mod pods;
pub mod quorum;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::field::Path;

pub use origin::{Origin, Program};
pub use pods::Pods;

/// What is worth knowing of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// What put it there, the nearest first.
    pub origins: Arc<[Origin]>,
    /// Its pods, of kinds that have a template of them.
    pub pods: Option<Arc<Pods>>,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// Which software it runs that decides by a majority of its members.
    pub quorum: Option<&'static str>,
    /// Whether a `Deployment` is told to roll nothing out.
    pub paused: bool,
    /// Whether a `StatefulSet` deletes the volumes of members that are taken away.
    pub deletes_volumes: bool,
}

impl Beside {
    /// Reads an object.
    pub fn of(object: &Value) -> Self {
        let template = object.pointer("/spec/template");
        let labels = object.pointer("/spec/template/metadata/labels");
        let labels = labels.and_then(Value::as_object).into_iter().flatten();
        let retention = object.pointer("/spec/persistentVolumeClaimRetentionPolicy/whenScaled");
        let is_deployment = object.get("kind").and_then(Value::as_str) == Some("Deployment");
        Self {
            origins: Origin::of(object).into(),
            pods: template.map(|template| Arc::new(Pods::of(template))),
            labels: labels
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            quorum: quorum::of(object),
            paused: is_deployment
                && object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true),
            deletes_volumes: retention.and_then(Value::as_str) == Some("Delete"),
        }
    }

    /// The fields of an object that are read.
    pub fn paths() -> impl Iterator<Item = Path> {
        let template = |names: &[&'static str]| {
            let all = ["spec", "template"]
                .into_iter()
                .chain(names.iter().copied());
            Path::fields(all.collect::<Vec<_>>())
        };
        [
            Path::fields(["spec", "paused"]),
            Path::fields(["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"]),
            template(&["metadata", "labels"]),
            template(&["spec", "containers"]),
            template(&["spec", "initContainers"]),
            template(&["spec", "overhead"]),
            template(&["spec", "priorityClassName"]),
            template(&["spec", "resources"]),
        ]
        .into_iter()
    }

    /// Takes from another one what is the same in both, so that it is in memory once: the objects of
    /// a fleet are much alike.
    #[must_use]
    pub fn sharing(mut self, other: &Self) -> Self {
        if self.origins == other.origins {
            self.origins = Arc::clone(&other.origins);
        }
        if self.pods == other.pods {
            self.pods.clone_from(&other.pods);
        }
        self
    }

    /// Whether there is nothing to be known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::sieve::Sieve;

    /// A field that the sieve leaves out would be missing from every finding, and nobody would know.
    #[test]
    fn what_is_read_of_a_sieved_object_is_what_is_read_of_all_of_it() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "labels": { "kustomize.toolkit.fluxcd.io/name": "portal" } },
            "spec": { "paused": true, "replicas": 3,
                "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" }, "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": {
                    "priorityClassName": "high", "overhead": { "cpu": "1m" },
                    "resources": { "requests": { "cpu": "2" } },
                    "initContainers": [{ "name": "i", "restartPolicy": "Always" }],
                    "containers": [{ "name": "c", "image": "quay/etcd:3" }],
                },
            } },
        });
        let whole = Beside::of(&object);
        let paths: Vec<Path> = Beside::paths().collect();
        let sieved = Sieve::of(&paths).read(object.to_string().as_bytes());
        assert_eq!(Beside::of(&sieved.expect("it is JSON")), whole);
        assert!(
            whole.paused && whole.deletes_volumes && whole.quorum.is_none(),
            "{whole:?}"
        );
        assert!(!whole.is_nothing());
        assert!(Beside::of(&json!({ "kind": "ConfigMap", "metadata": {} })).is_nothing());
    }
}
