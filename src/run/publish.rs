//! Publishing: a mode's status and its finalizer. Written when they differ, after every decision,
//! also after a failure.

use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use snafu::{ResultExt, Snafu};

use crate::api::condition::{self, types};
use crate::api::{Condition, EmergencyMode, EmergencyModeStatus, Playbook, PlaybookStatus, names};
use crate::engine::decide;

/// Why something could not be published.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("the status of EmergencyMode {name} could not be written: {source}"))]
    Status { name: String, source: kube::Error },
    #[snafu(display(
        "EmergencyMode {name} has moved on since it was seen: its status is decided anew"
    ))]
    Moved { name: String },
    #[snafu(display("the label of EmergencyMode {name} could not be changed: {source}"))]
    Mark { name: String, source: kube::Error },
    #[snafu(display("the status of Playbook {name} could not be written: {source}"))]
    Readiness { name: String, source: kube::Error },
    #[snafu(display("the finalizer of EmergencyMode {name} could not be changed: {source}"))]
    Finalizer { name: String, source: kube::Error },
}

impl Error {
    /// Whether it can never be said, since the object is gone, or another one has its name.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { source: kube::Error::Api(answer), .. }
            if matches!(answer.code, 404 | 422))
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(names::OPERATOR_MANAGER.into()),
        ..PatchParams::default()
    }
}

/// Writes a status on the object of this uid, as it was at this version; returns its new version.
///
/// Guarantees: a copy that arrives late, or comes from a leader that is none any more, changes
/// nothing.
///
/// Errors: `Moved` where the object has another version by now.
pub async fn status(
    client: &Client,
    name: &str,
    uid: &str,
    version: &str,
    status: &EmergencyModeStatus,
) -> Result<String, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let patch = json_patch(json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
        { "op": "add", "path": "/status", "value": status },
    ]));
    match api.patch_status(name, &params(), &patch).await {
        Ok(mode) => Ok(mode.resource_version().unwrap_or_default()),
        Err(kube::Error::Api(answer)) if answer.code == 409 => MovedSnafu { name }.fail(),
        Err(source) => Err(source).context(StatusSnafu { name }),
    }
}

/// Says on a mode, as it was at this version and beside what its status says, that the program failed at it;
/// returns the mode's new version.
///
/// # Errors
/// As of [`status`].
pub async fn panicked(
    client: &Client,
    mode: &EmergencyMode,
    version: &str,
    said: Option<EmergencyModeStatus>,
    now: Timestamp,
) -> Result<String, Error> {
    let blocked = decide::Blocked::Panicked("see the operator's log".to_owned());
    let failed = Condition {
        type_: types::BLOCKED.to_owned(),
        status: "True".to_owned(),
        reason: blocked.reason().to_owned(),
        message: blocked.sentence(),
        last_transition_time: now,
        observed_generation: mode.metadata.generation.unwrap_or_default(),
    };
    let mut whole = said.unwrap_or_default();
    condition::set(&mut whole.conditions, failed);
    let uid = mode.uid().unwrap_or_default();
    status(client, &mode.name_any(), &uid, version, &whole).await
}

/// Marks a mode, as it was at this version, for the admission policy that refuses new objects, or
/// takes the mark away; returns the mode's new version.
///
/// Errors: `Moved` where the object has another version by now.
pub async fn mark(
    client: &Client,
    mode: &EmergencyMode,
    version: &str,
    marked: bool,
) -> Result<String, Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let name = mode.name_any();
    let key = names::DENIES_LABEL.replace('/', "~1");
    let change = match (marked, &mode.metadata.labels) {
        (true, Some(_)) => {
            json!({ "op": "add", "path": format!("/metadata/labels/{key}"), "value": "true" })
        }
        (true, None) => {
            json!({ "op": "add", "path": "/metadata/labels", "value": { names::DENIES_LABEL: "true" } })
        }
        (false, _) => json!({ "op": "remove", "path": format!("/metadata/labels/{key}") }),
    };
    let patch = json_patch(json!([
        { "op": "test", "path": "/metadata/uid", "value": mode.uid() },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
        change,
    ]));
    match api.patch(&name, &params(), &patch).await {
        Ok(mode) => Ok(mode.resource_version().unwrap_or_default()),
        Err(kube::Error::Api(answer)) if answer.code == 409 => MovedSnafu { name }.fail(),
        Err(source) => Err(source).context(MarkSnafu { name }),
    }
}

/// The same as [`status`] on an object that cannot be read as a mode.
///
/// # Errors
/// As of [`status`].
pub async fn say(
    client: &Client,
    name: &str,
    uid: &str,
    version: &str,
    status: &EmergencyModeStatus,
) -> Result<(), Error> {
    let resource = ApiResource::erase::<EmergencyMode>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let patch = json_patch(json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
        { "op": "add", "path": "/status", "value": status },
    ]));
    match api.patch_status(name, &params(), &patch).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(answer)) if answer.code == 409 => MovedSnafu { name }.fail(),
        Err(source) => Err(source).context(StatusSnafu { name }),
    }
}

/// Says whether a playbook is ready, on the object of this uid; of one that cannot be read the uid is not
/// known.
///
/// # Errors
/// What the API server says.
pub async fn playbook(
    client: &Client,
    name: &str,
    uid: Option<&str>,
    status: &PlaybookStatus,
) -> Result<(), Error> {
    let resource = ApiResource::erase::<Playbook>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut operations = vec![json!({ "op": "add", "path": "/status", "value": status })];
    if let Some(uid) = uid {
        operations.insert(
            0,
            json!({ "op": "test", "path": "/metadata/uid", "value": uid }),
        );
    }
    api.patch_status(name, &params(), &json_patch(operations.into()))
        .await
        .context(ReadinessSnafu { name })?;
    Ok(())
}

/// Sees to it that the mode cannot vanish while it is carried out: before anything is journalled.
pub async fn hold(client: &Client, mode: &EmergencyMode) -> Result<(), Error> {
    if mode
        .finalizers()
        .iter()
        .any(|one| one == names::MODE_FINALIZER)
    {
        return Ok(());
    }
    let mut finalizers = mode.finalizers().to_vec();
    finalizers.push(names::MODE_FINALIZER.to_owned());
    let patch = json_patch(json!([
        { "op": "test", "path": "/metadata/uid", "value": mode.uid() },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": mode.resource_version() },
        { "op": "add", "path": "/metadata/finalizers", "value": finalizers },
    ]));
    send(client, mode, &patch).await
}

/// Lets a mode go that is over. Only our own finalizer is taken off, whatever else has changed.
pub async fn release(client: &Client, mode: &EmergencyMode) -> Result<(), Error> {
    let ours = mode
        .finalizers()
        .iter()
        .position(|one| one == names::MODE_FINALIZER);
    let Some(place) = ours else { return Ok(()) };
    let at = format!("/metadata/finalizers/{place}");
    let patch = json_patch(json!([
        { "op": "test", "path": "/metadata/uid", "value": mode.uid() },
        { "op": "test", "path": at, "value": names::MODE_FINALIZER },
        { "op": "remove", "path": at },
    ]));
    send(client, mode, &patch).await
}

async fn send(client: &Client, mode: &EmergencyMode, patch: &Patch<()>) -> Result<(), Error> {
    let api: Api<EmergencyMode> = Api::all(client.clone());
    let name = mode.name_any();
    match api.patch(&name, &params(), patch).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(source).context(FinalizerSnafu { name }),
    }
}

fn json_patch(operations: serde_json::Value) -> Patch<()> {
    Patch::Json(serde_json::from_value(operations).unwrap_or_default())
}
