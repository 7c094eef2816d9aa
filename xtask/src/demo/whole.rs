//! Whole objects of the fleet, before and after: what "restored exactly" is computed from.

use std::collections::BTreeSet;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
pub use pingzhan::rehearsal::whole::{Objects, Verdict, compare, fields, forget_count};
use serde_json::Value;

use super::played::PLAYED;
use super::{Error, refused};
use crate::cluster::Controllers;
use crate::fleet::City;

/// Every object of the city, whole: metadata and managedFields included.
pub async fn take(client: &Client, city: &City) -> Result<Objects, Error> {
    let deeds = city.deeds();
    let text = |object: &Value, at: &str| {
        let found = object.pointer(at).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let kinds = deeds.iter().map(|deed| &deed.object);
    let kinds = kinds.map(|object| (text(object, "/apiVersion"), text(object, "/kind")));
    let kinds: BTreeSet<(String, String)> = kinds.collect();
    let namespaces = deeds.iter().map(|deed| &deed.object);
    let namespaces: BTreeSet<String> = namespaces
        .filter(|object| object["kind"] == "Namespace")
        .map(|object| text(object, "/metadata/name"))
        .collect();
    let driven = driven(city);
    let mut found = Objects::new();
    for (api_version, kind) in kinds {
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        // A city has a few hundred objects of a kind at most: one page.
        let list = api.list(&ListParams::default()).await;
        for object in list.map_err(refused(format!("a list of every {kind}")))? {
            let mut whole = serde_json::to_value(&object).unwrap_or_default();
            let (namespace, name) = (
                text(&whole, "/metadata/namespace"),
                text(&whole, "/metadata/name"),
            );
            let of = if namespace.is_empty() {
                &name
            } else {
                &namespace
            };
            if namespaces.contains(of) {
                if driven.contains(&(namespace.clone(), name.clone())) {
                    forget_count(&mut whole);
                }
                found.insert(format!("{kind} {namespace}/{name}"), whole);
            }
        }
    }
    Ok(found)
}

/// Namespaces and names of the workloads whose count an autoscaler drives, where one is at work.
fn driven(city: &City) -> BTreeSet<(String, String)> {
    if PLAYED.controllers == Controllers::None {
        return BTreeSet::new();
    }
    let scaled = city
        .workloads()
        .filter(|(_, one)| one.hpa.is_some() || one.keda.is_some());
    scaled
        .map(|(department, one)| (department.namespace.clone(), one.name.clone()))
        .collect()
}
