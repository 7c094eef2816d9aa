//! Who wrote lately in namespaces that are to be frozen: a few kinds that people change, at most so many
//! requests, as the playbook's account.

use std::collections::BTreeSet;

use super::{View, sentence};
use crate::cluster::Collection;
use crate::cluster::list::{self, Query as List};
use crate::engine::plan::{Plan, writers::Writers};
use crate::step::freeze;

/// What people change most, and every cluster has.
const KINDS: [(&str, &str, &str); 4] = [
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Service", "services"),
];
/// Up to so many namespaces are listed one by one, a page of each kind; of more the first pages of the
/// whole cluster are.
const FEW: usize = 4;
/// Pages of a kind at most.
const PAGES: usize = 4;

/// Adds to a plan who wrote lately where its steps freeze.
pub(super) async fn explain(view: View<'_>, plan: &mut Plan) {
    let mut places = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        for (place, step) in stage.steps.iter().enumerate() {
            let source = plan.source(&stage.name, &step.name);
            let Some(freeze) = source.and_then(|source| source.freeze.clone()) else {
                continue;
            };
            let manifests = step
                .changes
                .iter()
                .filter_map(|change| change.after.value());
            let names = manifests.flat_map(freeze::namespaces).map(str::to_owned);
            let names: BTreeSet<String> = names.collect();
            if !names.is_empty() {
                places.push((at, place, freeze, names));
            }
        }
    }
    for (at, place, freeze, names) in places {
        let writers = read(view, &names).await;
        let finding = writers.finding(&freeze);
        plan.stages[at].steps[place].findings.push(finding);
    }
}

async fn read(view: View<'_>, names: &BTreeSet<String>) -> Writers {
    let mut writers = Writers::default();
    for (api_version, kind, plural) in KINDS {
        let of = |namespace: &str| Collection {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
        };
        let (spaces, most_pages): (Vec<&str>, usize) = if names.len() <= FEW {
            (names.iter().map(String::as_str).collect(), 1)
        } else {
            (vec![""], PAGES)
        };
        for space in spaces {
            let wanted = List {
                collection: of(space),
                most_pages,
                ..List::default()
            };
            let listed = list::list(&view.account.reads, &wanted, |object| {
                let namespace = object["metadata"]["namespace"].as_str();
                if namespace.is_some_and(|namespace| names.contains(namespace)) {
                    writers.take(&object);
                }
                None::<()>
            });
            match listed.await {
                Ok(listed) => writers.is_part |= !listed.whole,
                Err(error) => {
                    writers.problem.get_or_insert_with(|| sentence(&error));
                }
            }
        }
    }
    writers
}
