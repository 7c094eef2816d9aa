//! What is there once Pingzhan is installed: its kinds, namespaces, rights and policies, as they are
//! shipped, and what the people of a rehearsal may do.

use jiff::Timestamp;
use kube::CustomResourceExt;

use super::load::{self, Error};
use super::serve::people::RIGHTS;
use super::server::Server;
use crate::api::{ChangeRecord, EmergencyMode, Playbook};

/// What is installed beside the kinds: as `kubectl apply -f` would of a released version.
const MANIFESTS: [&str; 4] = [
    include_str!("../../manifests/namespaces.yaml"),
    include_str!("../../manifests/rbac.yaml"),
    include_str!("../../manifests/policies/new-targets.yaml"),
    RIGHTS,
];

/// Installs Pingzhan.
///
/// # Errors
/// Something of it does not fit what is there.
pub fn install(server: &mut Server, now: Timestamp) -> Result<(), Error> {
    for kind in [EmergencyMode::crd(), Playbook::crd(), ChangeRecord::crd()] {
        // A kind of ours is always JSON.
        let text = serde_json::to_string(&kind).unwrap_or_default();
        load::manifests(server, &text, now)?;
    }
    for manifest in MANIFESTS {
        load::manifests(server, manifest, now)?;
    }
    Ok(())
}
