//! Brings up what the story is played on: Pingzhan's kinds and rights, the city's departments,
//! their workloads as their owners write them, and the playbook.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use pingzhan::sandtable::installed;
use pingzhan::t;
use serde::Deserialize;
use serde_json::Value;
use snafu::{OptionExt, ResultExt};

use super::played::{PLAYBOOKS, PLAYED};
use super::teller::{self, Teller};
use super::{Error, FleetSnafu, LateSnafu, ManifestSnafu, PATIENCE, refused};
use crate::fleet::table::Owner;
use crate::fleet::{City, load as fleet};

/// Rights of people.
const RIGHTS: &str = include_str!("rights.yaml");
/// The manager under which the demo itself installs things.
const INSTALLER: &str = "pingzhan-install";
/// How often it is asked how many pods are ready.
const AGAIN: Duration = Duration::from_millis(500);
/// Chains of writes at the same time: a small API server is busy with these.
const IN_FLIGHT: usize = 4;

/// Installs Pingzhan's kinds, namespaces and rights.
pub async fn install(admin: &Client) -> Result<(), Error> {
    let kinds = pingzhan::api::crds();
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
    for text in installed::shipped() {
        apply_all(admin, &text, INSTALLER).await?;
    }
    let accounts = PLAYBOOKS.iter().map(|playbook| playbook.account);
    for text in accounts.chain([RIGHTS]) {
        apply_all(admin, text, INSTALLER).await?;
    }
    fleet::kinds(admin).await.context(FleetSnafu)
}

/// Loads the city, each object as its owner writes it.
pub async fn load(admin: &Client, city: &City, teller: Teller) -> Result<(), Error> {
    let total = u64::try_from(city.chains().len()).unwrap_or_default();
    let mut bar = teller.bar(&t!(teller.lang, "demo-fleet-bar"), total);
    let loaded = fleet::city(admin, city, IN_FLIGHT, |of| bar.step(of));
    loaded.await.context(FleetSnafu)?;
    bar.done();
    teller::say(&t!(
        teller.lang,
        "demo-fleet",
        departments = city.departments.len(),
        workloads = city.size(),
        owners = Owner::ALL.len()
    ));
    Ok(())
}

/// Waits until all pods of the city are ready, where controllers make some.
pub async fn settle(admin: &Client, city: &City, teller: Teller) -> Result<(), Error> {
    let total: i64 = city
        .workloads()
        .map(|(_, workload)| workload.replicas)
        .sum();
    let total = u64::try_from(total).unwrap_or_default();
    let mut bar = teller.bar(&t!(teller.lang, "demo-pods-bar"), total);
    let mut ready = 0;
    let settled = async {
        while ready < total {
            tokio::time::sleep(AGAIN).await;
            ready = ready_pods(admin).await?;
            bar.at(ready, "");
        }
        Ok::<_, Error>(())
    };
    let in_time = tokio::time::timeout(PATIENCE, settled).await;
    let late = LateSnafu {
        what: format!("{total} pods to be ready"),
        state: format!("{ready} are"),
    };
    in_time.ok().context(late)??;
    bar.done();
    Ok(())
}

/// How many pods of workloads are ready.
async fn ready_pods(admin: &Client) -> Result<u64, Error> {
    let services: Api<Deployment> = Api::all(admin.clone());
    let stores: Api<StatefulSet> = Api::all(admin.clone());
    let everything = ListParams::default();
    let listed = tokio::try_join!(services.list(&everything), stores.list(&everything));
    let (services, stores) = listed.map_err(refused("a list of all workloads"))?;
    let services = services.into_iter().map(|one| one.status?.ready_replicas);
    let stores = stores.into_iter().map(|one| one.status?.ready_replicas);
    let ready: i32 = services.chain(stores).flatten().sum();
    Ok(u64::try_from(ready).unwrap_or_default())
}

/// Writes the playbook, as an engineer does.
pub async fn publish(engineer: &Client) -> Result<(), Error> {
    apply_all(engineer, PLAYED.text, "kubectl").await
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

/// Server-side apply without force: what another owns is a conflict.
pub async fn apply(client: &Client, object: &Value, manager: &str) -> Result<(), Error> {
    let (api, name) = fleet::place(client, object);
    let params = PatchParams::apply(manager);
    let answer = api.patch(&name, &params, &Patch::Apply(object)).await;
    answer
        .map(|_| ())
        .map_err(refused(format!("{manager} applying {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every document of the rights is an object that can be applied.
    #[test]
    fn rights_are_whole_objects() {
        let texts = PLAYBOOKS.iter().map(|playbook| playbook.account);
        let texts = texts.chain([RIGHTS]);
        let documents: Vec<Value> = texts.flat_map(|text| documents(text).unwrap()).collect();
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
