//! Who wrote lately in namespaces that are to be frozen: a few kinds that people change, at most so many
//! requests, as the playbook's account.

use std::collections::BTreeSet;

use super::{View, sentence};
use crate::cluster::list::{self, Query as List};
use crate::cluster::{self, Collection};
use crate::engine::plan::Plan;
use crate::engine::plan::writers::{KINDS, Writers};
use crate::step::freeze;

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
            let names = manifests.filter_map(freeze::namespace).map(str::to_owned);
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
        if names.len() > FEW {
            let answer = look(view, of(""), PAGES, names, &mut writers).await;
            if !answer.as_ref().is_err_and(cluster::Error::is_forbidden) {
                take(&mut writers, answer);
                continue;
            }
            // Who may not look at the whole cluster looks at the first of them.
            writers.is_part = true;
        }
        for space in names.iter().take(FEW) {
            let answer = look(view, of(space), 1, names, &mut writers).await;
            take(&mut writers, answer);
        }
    }
    writers
}

/// Looks at the first pages of a collection; whether these are all of it.
async fn look(
    view: View<'_>,
    collection: Collection,
    most_pages: usize,
    names: &BTreeSet<String>,
    writers: &mut Writers,
) -> Result<bool, cluster::Error> {
    let wanted = List {
        collection,
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
    Ok(listed.await?.whole)
}

/// Notes what could not be looked at.
fn take(writers: &mut Writers, answer: Result<bool, cluster::Error>) {
    match answer {
        Ok(whole) => writers.is_part |= !whole,
        Err(error) => {
            writers.problem.get_or_insert_with(|| sentence(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{Freeze, NamespaceSelector};
    use crate::cluster::fake::{Fake, reply};
    use crate::cluster::{Clients, Discovery};
    use crate::engine::protect::Own;

    /// The least rights reach into each namespace and not over the whole cluster: some of those who would be
    /// stopped are better than nobody, where it is said that they are not all.
    #[tokio::test]
    async fn who_may_not_look_at_the_whole_cluster_looks_at_the_first_namespaces() {
        let fake = Fake::new(|asked| {
            let path = asked.path.split('?').next().unwrap_or_default();
            let Some((_, within)) = path.split_once("/namespaces/") else {
                let refused = json!({ "kind": "Status", "reason": "Forbidden", "message": "no" });
                return reply(403, refused);
            };
            let space = within.split('/').next().unwrap_or_default();
            let written = json!([{ "manager": "kubectl", "time": "2026-06-30T10:00:00Z" }]);
            let object = json!({ "metadata": { "name": "web", "namespace": space, "managedFields": written } });
            let items = if path.ends_with("/deployments") {
                vec![object]
            } else {
                Vec::new()
            };
            reply(200, json!({ "metadata": {}, "items": items }))
        });
        let account = Clients::fake(&fake.client());
        let discovery = Discovery::new(fake.client());
        let view = View {
            account: &account,
            discovery: &discovery,
            scope: None,
            own: Own {
                operator: "ops",
                accounts: "ops-accounts",
            },
            explains: true,
        };
        let names: BTreeSet<String> = (0..6).map(|number| format!("s{number}")).collect();
        let writers = read(view, &names).await;
        assert_eq!(writers.problem, None);
        let freeze = Freeze {
            namespaces: NamespaceSelector::default(),
            automation: Vec::new(),
            except: Vec::new(),
        };
        let text = writers.finding(&freeze).text;
        assert!(text.contains("kubectl (4) would be stopped"), "{text}");
        assert!(text.ends_with("not all objects were looked at"), "{text}");
    }
}
