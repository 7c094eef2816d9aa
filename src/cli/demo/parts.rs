//! What a playbook from elsewhere needs in the city before it can be played: an account with rights.

use serde_json::json;

use crate::api::{Playbook, names};
use crate::rehearsal::stage::Stage;
use crate::sandtable::load;

/// Roles of the city that accounts of playbooks have.
const ROLES: [&str; 2] = ["pingzhan-playbook-skeleton-surge", "flood-response"];

/// Gives a playbook's account what those of the city's own playbooks have, where the city does not know
/// it. Returns its name where it did.
///
/// # Errors
/// Its name cannot be an account's.
pub fn give(stage: &Stage, playbook: &Playbook) -> Result<Option<String>, load::Error> {
    let account = &playbook.spec.service_account_name;
    let namespace = names::ACCOUNT_NAMESPACE;
    let manifests = ROLES.iter().map(|role| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": format!("demo-{account}-{role}") },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": namespace }],
        })
    });
    let its_own = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": account, "namespace": namespace } });
    let manifests: Vec<String> = [its_own]
        .into_iter()
        .chain(manifests)
        .map(|one| one.to_string())
        .collect();
    let manifests = manifests.join("\n---\n");
    stage.service.act(|server, now| {
        let known = server.store.list("", "serviceaccounts", namespace, None);
        if known.into_iter().any(|(key, _)| key.name == *account) {
            return Ok(None);
        }
        load::manifests(server, &manifests, now)?;
        Ok(Some(account.clone()))
    })
}
