//! The proof: each policy is asked to refuse a record that is marked to be refused by it, and by nothing
//! else. Nothing is stored: it is a dry run.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::api::{Playbook, names};
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Collection};
use crate::policies::{self, Names};

/// The policy whose parameter is the playbook.
const BY_PLAYBOOK: &str = "pingzhan-emergencymode-playbook";
/// How often a policy is asked that does not refuse: the API server takes up to a second to follow what
/// is written.
const TRIES: usize = 4;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks every policy; a sentence of each that does not refuse.
pub(super) async fn all(client: &Client, names: &Names) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    let is_bare = no_playbook(client).await?;
    for policy in policies::all(names) {
        // It speaks of playbooks, and where there is none it has nothing to refuse.
        if is_bare && policy.name == BY_PLAYBOOK {
            continue;
        }
        if policy.is_needed() && !refuses(client, policy.name).await? {
            problems.push(format!(
                "policy {0} is stored as it should be, and does not refuse what it has to: see `kubectl get \
                 validatingadmissionpolicy {0} -o yaml`, its status says whether its expressions are taken",
                policy.name
            ));
        }
    }
    Ok(problems)
}

/// Whether no playbook is left: what is in force goes on by its own copy.
async fn no_playbook(client: &Client) -> Result<bool, String> {
    let api: Api<Playbook> = Api::all(client.clone());
    let one = ListParams::default().limit(1);
    let found = api.list_metadata(&one).await;
    let found = found.map_err(|error| format!("playbooks cannot be listed: {error}"))?;
    Ok(found.items.is_empty())
}

async fn refuses(client: &Client, policy: &str) -> Result<bool, String> {
    let collection = Collection {
        api_version: format!("{}/{}", names::GROUP, names::VERSION),
        kind: "ChangeRecord".to_owned(),
        plural: "changerecords".to_owned(),
        namespace: String::new(),
    };
    let body = record(policy).to_string().into_bytes();
    let manager = names::OPERATOR_MANAGER;
    for _ in 0..TRIES {
        let answer =
            write::create(client, &collection, body.clone(), manager, Effect::DryRun).await;
        match answer {
            Answer::Refused { message, .. } if message.contains(&format!("'{policy}'")) => {
                return Ok(true);
            }
            Answer::Refused {
                reason, message, ..
            } => {
                return Err(format!(
                    "it cannot be tried whether policy {policy} is in force: {reason}: {message}"
                ));
            }
            Answer::Busy { why, .. } | Answer::Ambiguous(why) => {
                return Err(format!(
                    "it cannot be tried whether policy {policy} is in force: {why}"
                ));
            }
            Answer::Done(_) | Answer::Moved | Answer::Gone => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(false)
}

/// A record of no mode, marked for one policy.
fn record(policy: &str) -> Value {
    json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION), "kind": "ChangeRecord",
        "metadata": { "name": "probe-000001", "labels": { names::PROBE_LABEL: policy } },
        "spec": { "format": 1, "mode": { "name": "probe", "uid": "probe" }, "sequence": 1, "epoch": 0,
            "at": "1970-01-01T00:00:00Z", "prev": "", "type": "Turn", "turn": { "kind": "Leader" } },
    })
}
