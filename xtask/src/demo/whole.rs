//! Whole objects of the fleet, before and after: what "restored exactly" is computed from.

use std::collections::BTreeSet;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use pingzhan::api::names;
pub use pingzhan::rehearsal::whole::{Objects, Verdict, compare, fields, forget_count};
use serde_json::Value;

use super::played::PLAYED;
use super::{Error, refused};
use crate::cluster::Controllers;
use crate::fleet::City;

/// What modes make beside the kinds of the city's own objects.
const MADE: (&str, &str) = ("networking.k8s.io/v1", "NetworkPolicy");

/// Every object of the city, whole: metadata and managedFields included. What else is in its namespaces, and
/// in the operator's, of the same kinds or of those that modes make, is one as well.
pub async fn take(client: &Client, city: &City) -> Result<Objects, Error> {
    let deeds = city.deeds();
    let text = |object: &Value, at: &str| {
        let found = object.pointer(at).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let kinds = deeds.iter().map(|deed| &deed.object);
    let kinds = kinds.map(|object| (text(object, "/apiVersion"), text(object, "/kind")));
    let mut kinds: BTreeSet<(String, String)> = kinds.collect();
    kinds.insert((MADE.0.to_owned(), MADE.1.to_owned()));
    let wide = deeds.iter().map(|deed| &deed.object);
    let wide: BTreeSet<(String, String)> = wide
        .filter(|object| object["metadata"]["namespace"].is_null())
        .map(|object| (text(object, "/kind"), text(object, "/metadata/name")))
        .collect();
    let is_ours = |kind: &str, namespace: &str, name: &str| match namespace {
        "" => wide.contains(&(kind.to_owned(), name.to_owned())),
        names::DEFAULT_NAMESPACE => true,
        space => wide.contains(&("Namespace".to_owned(), space.to_owned())),
    };
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
            if is_ours(&kind, &namespace, &name) {
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
