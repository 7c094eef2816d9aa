//! The kinds of this version, as the API server keeps them.

use std::sync::LazyLock;

use kube::CustomResourceExt as _;
use serde_json::Value;

use super::{ChangeRecord, EmergencyMode, Playbook};

/// Worked out once: a schema is long, and is made from all types that it holds.
static KINDS: LazyLock<[Value; 3]> = LazyLock::new(|| {
    let all = [EmergencyMode::crd(), Playbook::crd(), ChangeRecord::crd()];
    // A kind of ours is always JSON.
    all.map(|kind| serde_json::to_value(kind).unwrap_or_default())
});

/// The `CustomResourceDefinitions` of modes, playbooks and records.
pub fn kinds() -> &'static [Value; 3] {
    &KINDS
}
