//! The CRDs: one file a kind.

use std::path::PathBuf;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use pingzhan::api::{ChangeRecord, EmergencyMode, Playbook};
use snafu::ResultExt;

use super::{Error, Generated, HEADER, RenderSnafu};

/// The CRD of every kind.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![EmergencyMode::crd(), Playbook::crd(), ChangeRecord::crd()]
}

/// Its file.
pub fn file(crd: &CustomResourceDefinition) -> Result<Generated, Error> {
    let names = &crd.spec.names;
    let yaml = serde_yaml::to_string(crd).context(RenderSnafu { kind: &names.kind })?;
    Ok(Generated {
        path: PathBuf::from(format!("manifests/crds/{}.yaml", names.plural)),
        text: format!("{HEADER}{yaml}"),
    })
}
