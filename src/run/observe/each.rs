//! Objects that a step makes in each of many namespaces: whether they are there, and whether they could be
//! made and deleted again. One list says the first; the second is tried in some of the namespaces, since a
//! try is a request of its own, and rights are the same in most of them.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::found::{Found, merge};
use super::made::{Look, fault, left_alone};
use super::namespaces::{Labels, Namespaces, labels};
use super::{View, sentence};
use crate::cluster::list::{self, Query as List};
use crate::cluster::{Resource, write};
use crate::engine::protect::{Protected, binds_own, gives, protected};
use crate::field::{Target, creation};
use crate::step::Query;

/// Namespaces in which it is tried: a city's departments are fewer, and for a person who waits for a plan
/// this is a second.
const TRIED: usize = 32;
/// Up to so many places are read by name: each costs the server less than a page.
const SINGLE: usize = 16;
/// Requests in flight, as of every query.
const IN_FLIGHT: usize = 4;

/// Runs the query of an object that is made in each namespace.
pub(super) async fn run(
    view: View<'_>,
    namespaces: &Namespaces,
    query: &Query,
    manifest: &Value,
) -> Found {
    let resource = match view.discovery.resolve(&query.kind).await {
        Ok(resource) => resource,
        Err(error) => return Found::problem(sentence(&error)),
    };
    let rights = binds_own(manifest, view.own).map(Protected::sentence);
    if let Some(why) = rights.or_else(|| gives(manifest, view.own)) {
        return fault(format!("a {} is not made: {why}", query.kind));
    }
    let mut found = Found::default();
    let mut places: BTreeMap<String, (Target, Labels)> = BTreeMap::new();
    let spaces = match spaces(view, namespaces, query, &resource) {
        Ok(spaces) => spaces,
        Err(problem) => return Found::problem(problem),
    };
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    for (space, around) in spaces {
        let (version, kind) = (resource.api_version(), &resource.kind);
        let target = creation::target(&version, kind, &resource.plural, &space, name);
        // Whatever a selector finds, nothing is made where nothing is ever touched.
        match protected(&target, &labels(manifest), &around, view.own) {
            Some(why) => found
                .protected
                .extend(left_alone(target, why.sentence()).protected),
            None => {
                places.insert(space, (target, around));
            }
        }
    }
    let there = match there(view, &resource, name, &places).await {
        Ok((there, requests)) => {
            found.requests += requests;
            there
        }
        Err(problem) => return merge(vec![found, Found::problem(problem)]),
    };
    merge(vec![
        found,
        looked(view, &resource, manifest, places, there).await,
    ])
}

/// The namespaces of the query, each with its labels; the empty one for a kind that is in none.
fn spaces(
    view: View<'_>,
    namespaces: &Namespaces,
    query: &Query,
    resource: &Resource,
) -> Result<BTreeMap<String, Labels>, String> {
    if !resource.namespaced {
        // What is for the whole cluster is outside of every scope.
        let whole = view.scope.is_none();
        return Ok(BTreeMap::from_iter(
            whole.then(|| (String::new(), Labels::new())),
        ));
    }
    let selected = namespaces.selected(view, query)?;
    let all = selected.into_iter();
    Ok(all
        .map(|(name, labels)| (name.to_owned(), labels.clone()))
        .collect())
}

/// Objects that have the name already, by namespace.
async fn there(
    view: View<'_>,
    resource: &Resource,
    name: &str,
    places: &BTreeMap<String, (Target, Labels)>,
) -> Result<(BTreeMap<String, Value>, usize), String> {
    let reads = &view.account.reads;
    let failed =
        |error: &crate::cluster::Error| format!("{}: {}", view.account.who, sentence(error));
    if places.len() > SINGLE {
        let wanted = List {
            collection: resource.collection(""),
            fields: format!("metadata.name={name}"),
            ..List::default()
        };
        let listed = list::list(reads, &wanted, |object| {
            let space = object.pointer("/metadata/namespace")?.as_str()?.to_owned();
            Some((space, object))
        });
        match listed.await {
            Ok(listed) => return Ok((listed.items.into_iter().collect(), listed.requests)),
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    let reads: Vec<_> = places
        .keys()
        .map(|space| async move {
            let found = write::get(reads, &resource.collection(space), name).await;
            (space.clone(), found)
        })
        .collect();
    let answers: Vec<_> = stream::iter(reads).buffered(IN_FLIGHT).collect().await;
    let requests = answers.len();
    let mut there = BTreeMap::new();
    for (space, answer) in answers {
        let object = answer.map_err(|error| failed(&error))?;
        there.extend(object.map(|object| (space, object)));
    }
    Ok((there, requests))
}

/// What is said of each place.
async fn looked(
    view: View<'_>,
    resource: &Resource,
    manifest: &Value,
    places: BTreeMap<String, (Target, Labels)>,
    mut there: BTreeMap<String, Value>,
) -> Found {
    let mut found = Found::default();
    let mut free = Vec::new();
    for (space, (target, around)) in places {
        match there.remove(&space) {
            Some(object) if creation::made_for(&object).is_some() => {
                found.objects.push(creation::seen(&target, Some(&object)));
            }
            Some(_) => found.faults.push(format!(
                "{} is there already, and no mode made it: take it away, or give the step another name",
                crate::engine::plan::describe(&target)
            )),
            None => free.push((space, target, around)),
        }
    }
    let tries: Vec<_> = free
        .iter()
        .take(TRIED)
        .map(|(space, target, around)| {
            let mut manifest = manifest.clone();
            if !space.is_empty() {
                manifest["metadata"]["namespace"] = space.clone().into();
            }
            let (target, around) = (target.clone(), around.clone());
            async move {
                let look = Look {
                    view,
                    resource,
                    target,
                    manifest: &manifest,
                    adopt: false,
                    around: &around,
                };
                look.try_it().await
            }
        })
        .collect();
    let answers: Vec<Found> = stream::iter(tries).buffered(IN_FLIGHT).collect().await;
    let untried = free.iter().skip(TRIED);
    found
        .objects
        .extend(untried.map(|(_, target, _)| creation::seen(target, None)));
    let mut whole = merge(std::iter::once(found).chain(answers).collect());
    let place = |seen: &crate::field::Projection| seen.target.namespace.clone();
    whole.objects.sort_by_cached_key(place);
    whole
}

#[cfg(test)]
mod tests;
