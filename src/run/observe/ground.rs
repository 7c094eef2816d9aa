//! Looking at the ground on which rights are needed: which kinds are served, and which namespaces there
//! are.

use std::collections::{BTreeMap, BTreeSet};

use super::namespaces::Namespaces;
use super::{View, sentence};
use crate::cluster::discovery::Error;
use crate::engine::rights::{Ground, Served};
use crate::engine::room::Right;
use crate::playbook::Expanded;
use crate::step::wait::Probe;
use crate::step::{self, Query};

/// Reads what [`rights`](crate::engine::rights) has to know of a cluster for these expansions of a
/// playbook. Kinds that are not served, and namespaces that may not be read, are left out.
///
/// # Errors
/// It is not known which kinds are served: that is not the same as none.
pub async fn ground<'v>(view: View<'v>, all: &[&Expanded]) -> Result<Ground<'v>, String> {
    let queries: Vec<Query> = all.iter().flat_map(|one| queries(one)).collect();
    let namespaces = Namespaces::read(view, queries.iter()).await;
    let verticals = format!("{}/{}", Right::Verticals.group(), Right::Verticals.kind());
    let written: BTreeSet<&str> = queries
        .iter()
        .map(|query| query.kind.as_str())
        .chain([verticals.as_str()])
        .collect();
    let mut kinds = BTreeMap::new();
    for kind in written {
        let resource = match view.discovery.resolve(kind).await {
            Ok(resource) => resource,
            Err(Error::Unknown { .. }) => continue,
            Err(error) => return Err(sentence(&error)),
        };
        let served = Served {
            group: resource.group,
            plural: resource.plural,
            namespaced: resource.namespaced,
            guessed: false,
        };
        kinds.insert(kind.to_owned(), served);
    }
    Ok(Ground {
        kinds: Some(kinds),
        namespaces: namespaces.known(),
        scope: view.scope,
        own: Some(view.own),
    })
}

/// What the steps of an expansion look at, at once or while they wait.
fn queries(expanded: &Expanded) -> Vec<Query> {
    let stages = expanded.stages.iter();
    let stages = stages.filter(|stage| stage.left_out.is_none());
    let steps = stages.flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
    steps
        .flat_map(|(stage, step)| {
            let waits = Probe::new(expanded, &stage.name, step).ok().flatten();
            let waits = waits.map(|probe| probe.queries().to_vec());
            step::needs(step)
                .into_iter()
                .chain(waits.unwrap_or_default())
        })
        .collect()
}
