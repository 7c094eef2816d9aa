//! Looking at the room that a cluster has for pods, for a plan's findings. Read as the playbook's
//! account; what it may not read is said, and stops nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{View, sentence};
use crate::cluster::list::{self, Query as List};
use crate::cluster::{Collection, Error};
use crate::engine::room::guests::{Guests, Read};
use crate::engine::room::{Budget, Class, Limit, Nodes, Quota, Right, Room, Vertical};
use crate::field::Path;
use crate::field::sieve::Sieve;

/// Most pages of pods: a hundred thousand of them, two thirds of what Kubernetes is made for in one
/// cluster. Beyond that the look would take minutes of the API server's time.
const PAGES: usize = 500;
/// Up to so many namespaces are listed one by one rather than the whole cluster: quotas and the like
/// are few, so a page of all of them costs as much as a namespace.
const FEW: usize = 2;
/// Where the account may not list the whole cluster, at most so many namespaces are asked for.
const MANY: usize = 32;

/// Looks at nodes, pods, quotas, limit ranges, classes of priority, budgets of disruption and
/// vertical autoscalers; the namespaced ones in these namespaces.
///
/// Guarantees: at most [`PAGES`] requests for pods; of nodes and pods their sums are kept; an answer
/// that is missing is among [`Room::missing`] or [`Room::problems`], never an error.
pub async fn room(view: View<'_>, namespaces: &BTreeSet<String>) -> Room {
    let mut look = Look {
        view,
        namespaces,
        room: Room {
            who: view.account.who.clone(),
            ..Room::default()
        },
    };
    look.nodes().await;
    let classes = collection("scheduling.k8s.io/v1", Right::Classes);
    let paths = ["globalDefault", "preemptionPolicy", "value"].map(|name| Path::fields([name]));
    let read = look.whole(classes, Right::Classes, &paths, Class::of).await;
    look.room.classes = read;
    let spec = [Path::fields(["spec"])];
    for (api_version, right) in [
        ("v1", Right::Quotas),
        ("v1", Right::Limits),
        ("policy/v1", Right::Budgets),
    ] {
        look.namespaced(collection(api_version, right), right, &spec)
            .await;
    }
    let written = format!("{}/{}", Right::Verticals.group(), Right::Verticals.kind());
    // A cluster that does not serve them has none.
    if let Ok(resource) = view.discovery.resolve(&written).await {
        let all = resource.collection("");
        look.namespaced(all, Right::Verticals, &spec).await;
    }
    look.room
}

fn collection(api_version: &str, right: Right) -> Collection {
    Collection {
        api_version: api_version.to_owned(),
        kind: right.kind().to_owned(),
        plural: right.resource().to_owned(),
        namespace: String::new(),
    }
}

struct Look<'a> {
    view: View<'a>,
    namespaces: &'a BTreeSet<String>,
    room: Room,
}

impl Look<'_> {
    /// Nodes, and what the pods of the whole cluster take of them.
    async fn nodes(&mut self) {
        let nodes = collection("v1", Right::Nodes);
        let read = self
            .whole(nodes, Right::Nodes, &Read::paths(), Read::of)
            .await;
        let mut guests = Guests::default();
        let query = List {
            collection: collection("v1", Right::Pods),
            fields: "status.phase!=Succeeded,status.phase!=Failed".to_owned(),
            // Without nodes there is nothing to sum them for: one page says whether they may be read.
            most_pages: if read.is_some() { PAGES } else { 1 },
            sieve: Some(Sieve::of(&Guests::paths())),
            ..List::default()
        };
        let client = &self.view.account.reads;
        let listed = list::list(client, &query, |pod| {
            guests.add(&pod);
            None::<()>
        });
        match (listed.await, read) {
            (Err(error), _) => self.failed(Right::Pods, &error),
            (Ok(listed), None) => self.room.requests += listed.requests,
            (Ok(listed), Some(read)) => {
                self.room.requests += listed.requests;
                if listed.whole {
                    self.room.nodes = Some(Nodes::of(read, &guests));
                } else {
                    self.room.problems.push(format!(
                        "capacity is not known: there are more than {} pods, which are not all read",
                        PAGES * list::PAGE
                    ));
                }
            }
        }
    }

    /// All objects of a kind.
    async fn whole<T: Send>(
        &mut self,
        collection: Collection,
        right: Right,
        paths: &[Path],
        read: fn(&Value) -> T,
    ) -> Option<Vec<T>> {
        match self
            .list(collection, paths, |object| Some(read(&object)))
            .await
        {
            Ok(items) => Some(items),
            Err(error) => {
                self.failed(right, &error);
                None
            }
        }
    }

    /// Objects of a kind in the namespaces: of the whole cluster, or of each of them where they are
    /// few, or where the account may not list more.
    async fn namespaced(&mut self, mut collection: Collection, right: Right, paths: &[Path]) {
        if self.namespaces.len() > FEW {
            let mut kept = Vec::new();
            let of = self.namespaces;
            let listed = self.list(collection.clone(), paths, |object| {
                let namespace = object.pointer("/metadata/namespace")?.as_str()?;
                of.contains(namespace)
                    .then(|| kept.push((namespace.to_owned(), object.clone())))?;
                None::<()>
            });
            match listed.await {
                Ok(_) => {
                    for (namespace, object) in kept {
                        self.keep(&namespace, right, &object);
                    }
                    return;
                }
                Err(error) if error.is_forbidden() && self.namespaces.len() <= MANY => {
                    self.room.requests += 1;
                }
                Err(error) => {
                    self.failed(right, &error);
                    return;
                }
            }
        }
        for namespace in self.namespaces {
            collection.namespace.clone_from(namespace);
            match self.list(collection.clone(), paths, Some).await {
                Ok(objects) => {
                    for object in objects {
                        self.keep(namespace, right, &object);
                    }
                }
                Err(error) => {
                    // The others would be refused as well, as a rule.
                    self.failed(right, &error);
                    return;
                }
            }
        }
    }

    fn keep(&mut self, namespace: &str, right: Right, object: &Value) {
        let room = &mut self.room;
        let place = || namespace.to_owned();
        match right {
            Right::Quotas => room
                .quotas
                .entry(place())
                .or_default()
                .push(Quota::of(object)),
            Right::Limits => room
                .limits
                .entry(place())
                .or_default()
                .extend(Limit::of(object)),
            Right::Budgets => room
                .budgets
                .entry(place())
                .or_default()
                .push(Budget::of(object)),
            Right::Verticals => {
                let vertical = Vertical::of(object);
                room.verticals.entry(place()).or_default().extend(vertical);
            }
            // These are of no namespace here.
            Right::Nodes | Right::Pods | Right::Classes => {}
        }
    }

    async fn list<T: Send>(
        &mut self,
        collection: Collection,
        paths: &[Path],
        keep: impl FnMut(Value) -> Option<T> + Send,
    ) -> Result<Vec<T>, Error> {
        let query = List {
            collection,
            sieve: Some(Sieve::of(paths)),
            ..List::default()
        };
        let listed = list::list(&self.view.account.reads, &query, keep).await?;
        self.room.requests += listed.requests;
        Ok(listed.items)
    }

    fn failed(&mut self, right: Right, error: &Error) {
        self.room.requests += 1;
        if error.is_forbidden() {
            self.room.missing.insert(right);
            return;
        }
        let what = right.resource();
        let why = sentence(error);
        self.room.problems.push(format!(
            "{what} are not known, nor what they say of capacity: {why}"
        ));
    }
}

#[cfg(test)]
mod tests;
