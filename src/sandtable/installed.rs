//! What is there once Pingzhan is installed: its kinds, namespaces, rights and policies, as they are
//! shipped, and what the people of a rehearsal may do.

use jiff::Timestamp;

use super::load::{self, Error};
use super::serve::people::RIGHTS;
use super::server::Server;
use crate::api;
use crate::policies::{self, Names};

/// Namespaces, and the operator's rights: on a server that knows constrained impersonation.
const RIGHTS_AND_PLACES: [&str; 3] = [
    include_str!("../../manifests/namespaces.yaml"),
    include_str!("../../manifests/rbac.yaml"),
    include_str!("../../manifests/impersonation-constrained.yaml"),
];

/// What is installed beside the kinds, as YAML: as `kubectl apply -f` would of a released version.
pub fn shipped() -> Vec<String> {
    let policies = policies::all(&Names::default()).into_iter();
    let policies = policies.map(|policy| policy.text);
    let others = RIGHTS_AND_PLACES.into_iter().map(str::to_owned);
    others.chain(policies).collect()
}

/// Installs Pingzhan.
///
/// # Errors
/// Something of it does not fit what is there.
pub fn install(server: &mut Server, now: Timestamp) -> Result<(), Error> {
    for kind in api::kinds() {
        load::manifests(server, &kind.to_string(), now)?;
    }
    for manifest in shipped() {
        load::manifests(server, &manifest, now)?;
    }
    load::manifests(server, RIGHTS, now)?;
    Ok(())
}
