//! What people write: the declaration, approvals, a verdict, the stand-down. Each as the person
//! whose act it is.

use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, Posture, names};
use serde_json::{Value, json};

use super::people::Person;
use super::played::PLAYED;
use super::{Error, refused};

/// The mode of the story.
pub const NAME: &str = "flood-2026-07";

/// Declares.
pub async fn declare(person: &Person, reason: &str) -> Result<(), Error> {
    let mode = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "EmergencyMode",
        "metadata": { "name": NAME },
        "spec": {
            "playbookRef": { "name": PLAYED.name },
            "level": "II",
            "nature": "Actual",
            "reason": reason,
            "legalBasis": {
                "instrument": "云溪市防汛应急预案", "article": "4.2",
                "orderNumber": "云防指〔2026〕7号",
            },
            "decidedBy": { "name": "市防汛抗旱指挥部", "role": "指挥长" },
            "requestedBy": person.name,
            "requestedAs": person.group,
            "expiresAfter": "24h",
            "parameters": PLAYED.parameters(),
        },
    });
    let api: Api<EmergencyMode> = Api::all(person.client.clone());
    let mode = serde_json::from_value(mode).map_err(kube::Error::SerdeError);
    let declared = async { api.create(&PostParams::default(), &mode?).await };
    declared
        .await
        .map(|_| ())
        .map_err(refused("the declaration"))
}

/// Approves a plan.
pub async fn approve(person: &Person, hash: &str) -> Result<(), Error> {
    let approval = json!({ "by": person.name, "as": person.group, "planHash": hash });
    append(person, "approvals", |spec| spec.approvals.len(), approval).await
}

/// Decides that the mode's value is written over another's.
pub async fn ours(person: &Person, uid: &str, path: &str, seen: &str) -> Result<(), Error> {
    let verdict = json!({
        "of": { "uid": uid, "path": path }, "choice": "Ours", "seen": seen,
        "by": person.name, "as": person.group,
    });
    append(person, "verdicts", |spec| spec.verdicts.len(), verdict).await
}

/// Stands down.
pub async fn stand_down(person: &Person) -> Result<(), Error> {
    let lever = json!({ "op": "add", "path": "/spec/posture", "value": Posture::Peacetime });
    edit(person, vec![lever]).await
}

async fn append(
    person: &Person,
    list: &str,
    length: impl Fn(&pingzhan::api::EmergencyModeSpec) -> usize,
    item: Value,
) -> Result<(), Error> {
    let api: Api<EmergencyMode> = Api::all(person.client.clone());
    let mode = api.get(NAME).await.map_err(refused("a look at the mode"))?;
    let operation = if length(&mode.spec) == 0 {
        json!({ "op": "add", "path": format!("/spec/{list}"), "value": [item] })
    } else {
        json!({ "op": "add", "path": format!("/spec/{list}/-"), "value": item })
    };
    edit(person, vec![operation]).await
}

async fn edit(person: &Person, operations: Vec<Value>) -> Result<(), Error> {
    let api: Api<EmergencyMode> = Api::all(person.client.clone());
    let params = PatchParams {
        field_manager: Some(names::CLI_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = serde_json::from_value(Value::Array(operations)).map_err(kube::Error::SerdeError);
    let edited = async {
        api.patch(NAME, &params, &Patch::<EmergencyMode>::Json(patch?))
            .await
    };
    edited
        .await
        .map(|_| ())
        .map_err(refused(format!("{} changing the mode", person.name)))
}
