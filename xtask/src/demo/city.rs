//! Brings up what the story is played on: Pingzhan's kinds and rights, the city's departments,
//! their workloads as their owners write them, and the playbook.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, CustomResourceExt};
use pingzhan::api::{ChangeRecord, EmergencyMode, Playbook};
use pingzhan::t;
use serde::Deserialize;
use serde_json::Value;
use snafu::ResultExt;

use super::fleet::{self, CITY, Deed, managers};
use super::teller::Teller;
use super::{Error, FilesSnafu, LateSnafu, ManifestSnafu, PATIENCE, refused};
use crate::surroundings;

/// The playbook of the story: the first of those that the project ships.
const PLAYBOOK: &str = include_str!("../../../playbooks/skeleton-surge/playbook.yaml");
/// Rights of people and of the playbook's account.
const RIGHTS: &str = include_str!("rights.yaml");
/// The manager under which the demo itself installs things.
const INSTALLER: &str = "pingzhan-install";
/// Workloads that are written at the same time: a small API server is busy with these.
const IN_FLIGHT: usize = 4;

/// Installs Pingzhan's kinds, namespaces and rights.
pub async fn install(admin: &Client) -> Result<(), Error> {
    let kinds = [EmergencyMode::crd(), Playbook::crd(), ChangeRecord::crd()];
    for kind in &kinds {
        let object = serde_json::to_value(kind).unwrap_or_default();
        apply(admin, &object, INSTALLER).await?;
    }
    let api: Api<CustomResourceDefinition> = Api::all(admin.clone());
    for kind in kinds {
        let name = kind.metadata.name.unwrap_or_default();
        let served = await_condition(api.clone(), &name, conditions::is_crd_established());
        let in_time = tokio::time::timeout(PATIENCE, served).await;
        if !matches!(in_time, Ok(Ok(_))) {
            let what = format!("the kind {name} to be served");
            return LateSnafu {
                what,
                state: "it is not established",
            }
            .fail();
        }
    }
    let manifests = surroundings::repository().join("manifests");
    let shipped = ["namespaces.yaml", "rbac.yaml"].map(|file| manifests.join(file));
    for path in shipped {
        let text = std::fs::read_to_string(&path).context(FilesSnafu { path })?;
        apply_all(admin, &text, INSTALLER).await?;
    }
    apply_all(admin, RIGHTS, INSTALLER).await?;
    Ok(())
}

/// Loads the fleet, each object as its owner writes it.
pub async fn load(admin: &Client, teller: Teller) -> Result<(), Error> {
    for department in &CITY {
        apply(admin, &fleet::namespace(department), INSTALLER).await?;
    }
    apply(admin, &fleet::portal_flags(), managers::HELM).await?;
    let total = u64::try_from(fleet::size()).unwrap_or_default();
    let mut bar = teller.bar(&t!(teller.lang, "demo-fleet-bar"), total);
    let all = CITY.iter().flat_map(|department| {
        department
            .workloads
            .iter()
            .map(move |workload| (department, workload))
    });
    let mut written = stream::iter(all)
        .map(|(department, workload)| async move {
            for deed in fleet::deeds(department, workload) {
                carry_out(admin, deed).await?;
            }
            Ok::<_, Error>(format!("{}/{}", department.namespace, workload.1))
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(name) = written.try_next().await? {
        bar.step(&name);
    }
    bar.done();
    Ok(())
}

/// Writes the playbook, as an engineer does.
pub async fn publish(engineer: &Client) -> Result<(), Error> {
    apply_all(engineer, PLAYBOOK, "kubectl").await
}

/// Applies every document of a YAML text.
async fn apply_all(client: &Client, text: &str, manager: &str) -> Result<(), Error> {
    for object in documents(text)? {
        apply(client, &object, manager).await?;
    }
    Ok(())
}

/// The documents of a YAML text.
fn documents(text: &str) -> Result<Vec<Value>, Error> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).context(ManifestSnafu))
        .collect()
}

async fn carry_out(client: &Client, deed: Deed) -> Result<(), Error> {
    match deed {
        Deed::Apply(manager, object) => apply(client, &object, manager).await,
        Deed::Create(manager, object) => {
            let (api, name) = place(client, &object);
            let params = PostParams {
                field_manager: Some(manager.to_owned()),
                ..PostParams::default()
            };
            let what = format!("{manager} creating {name}");
            let object = serde_json::from_value(object).map_err(kube::Error::SerdeError);
            let created = async { api.create(&params, &object?).await };
            created.await.map(|_| ()).map_err(refused(what))
        }
    }
}

/// Server-side apply without force: what another owns is a conflict.
pub async fn apply(client: &Client, object: &Value, manager: &str) -> Result<(), Error> {
    let (api, name) = place(client, object);
    let params = PatchParams::apply(manager);
    let answer = api.patch(&name, &params, &Patch::Apply(object)).await;
    answer
        .map(|_| ())
        .map_err(refused(format!("{manager} applying {name}")))
}

/// Where an object is, and its name.
fn place(client: &Client, object: &Value) -> (Api<DynamicObject>, String) {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let types = TypeMeta {
        api_version: text("/apiVersion").into(),
        kind: text("/kind").into(),
    };
    let gvk =
        GroupVersionKind::try_from(types).unwrap_or_else(|_| GroupVersionKind::gvk("", "", ""));
    let resource = ApiResource::from_gvk(&gvk);
    let api = match text("/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    (api, text("/metadata/name").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pingzhan::playbook::lint;

    /// The first playbook that a newcomer sees must be one that lint accepts.
    #[test]
    fn the_playbook_of_the_demo_has_no_findings() {
        let documents = documents(PLAYBOOK).unwrap();
        let playbook: Playbook = serde_json::from_value(documents[0].clone()).unwrap();
        assert_eq!(lint::playbook(&playbook.spec), Vec::new());
    }

    /// Every document of the rights is an object that can be applied.
    #[test]
    fn rights_are_whole_objects() {
        let documents = documents(RIGHTS).unwrap();
        assert!(documents.len() > 10);
        for document in documents {
            for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
                assert!(
                    document.pointer(pointer).is_some(),
                    "{document} lacks {pointer}"
                );
            }
        }
    }
}
