//! The kinds of this version, as the API server keeps them.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::{ChangeFreeze, ChangeRecord, EmergencyMode, Playbook};

/// Worked out once: a schema is long, and is made from all types that it holds.
static KINDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    // A kind of ours is always JSON.
    let all = crds().into_iter();
    all.map(|kind| serde_json::to_value(kind).unwrap_or_default())
        .collect()
});

/// The `CustomResourceDefinitions` of modes, playbooks, records and freezes.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        EmergencyMode::crd(),
        Playbook::crd(),
        ChangeRecord::crd(),
        ChangeFreeze::crd(),
    ]
}

/// The same, as JSON.
pub fn kinds() -> &'static [Value] {
    &KINDS
}
