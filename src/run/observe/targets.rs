//! Looking again at objects that are known already, for hold and return.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::sentence;
use crate::cluster::list::{self, Query as List};
use crate::cluster::{self, Clients, Collection, write};
use crate::field::{Path, Projection, Target, project};

/// Up to so many objects of a namespace are read by name rather than listed.
const SINGLE: usize = 3;
/// From so many requests on, one list of the whole cluster is tried first: a fleet in twenty
/// namespaces is five pages of it.
const MANY: usize = 8;
/// Requests in flight, as for queries.
const IN_FLIGHT: usize = 4;

/// An object that is to be looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub target: Target,
    /// Which of its fields.
    pub paths: Vec<Path>,
}

/// What was seen of known objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// By uid. `None` says that the object is gone: there is none of its name, or it is another
    /// one. An object that is not here could not be read: nothing is known of it.
    pub seen: BTreeMap<String, Option<Projection>>,
    /// Why some could not be read, each a sentence.
    pub problems: Vec<String>,
    /// How many requests it took.
    pub requests: usize,
}

/// Looks at known objects, as the account.
///
/// Guarantees: objects of one kind and namespace are read by name where they are few, else listed
/// at once; what cannot be read holds up nothing else.
pub async fn observe_targets(
    account: &Clients,
    wanted: &[Wanted],
    with_managed_fields: bool,
) -> Observed {
    let mut groups: BTreeMap<Collection, BTreeMap<&str, &Wanted>> = BTreeMap::new();
    for one in wanted {
        let group = groups.entry(Collection::of(&one.target)).or_default();
        group.insert(one.target.uid.as_str(), one);
    }
    let mut whole = Observed::default();
    for kind in kinds(&groups) {
        let look = Look {
            account,
            collection: kind.clone(),
            with_managed_fields,
        };
        let of_kind = |collection: &Collection| same_kind(collection, &kind);
        let asked: Vec<_> = groups.iter().filter(|(c, _)| of_kind(c)).collect();
        let cost = asked.iter().map(|(_, group)| cost(group)).sum();
        if cost < MANY {
            continue;
        }
        let all = asked.iter().flat_map(|(_, group)| group.iter());
        let all = all.map(|(uid, wanted)| (*uid, *wanted)).collect();
        let (requests, seen) = look.everywhere(&all, cost).await;
        whole.requests += requests;
        if let Some(seen) = seen {
            whole.seen.extend(seen);
            groups.retain(|collection, _| !of_kind(collection));
        }
    }
    // Gathered first: a closure inside the stream's type would keep it from being sent.
    let mut looks = Vec::with_capacity(groups.len());
    for (collection, group) in groups {
        let look = Look {
            account,
            collection,
            with_managed_fields,
        };
        looks.push(async move { look.group(&group).await });
    }
    let parts: Vec<Observed> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    for part in parts {
        whole.seen.extend(part.seen);
        whole.problems.extend(part.problems);
        whole.requests += part.requests;
    }
    whole
}

/// The kinds of some groups, each as its collection in the whole cluster.
fn kinds(groups: &BTreeMap<Collection, BTreeMap<&str, &Wanted>>) -> BTreeSet<Collection> {
    let everywhere = |collection: &Collection| Collection {
        namespace: String::new(),
        ..collection.clone()
    };
    groups.keys().map(everywhere).collect()
}

fn same_kind(one: &Collection, other: &Collection) -> bool {
    (&one.api_version, &one.kind) == (&other.api_version, &other.kind)
}

/// How many requests a group takes at least.
fn cost(group: &BTreeMap<&str, &Wanted>) -> usize {
    if group.len() > SINGLE { 1 } else { group.len() }
}

/// Objects of one list, each sharing with the one before what is the same in both.
#[derive(Default)]
struct Row {
    last: Option<Projection>,
}

impl Row {
    fn take(&mut self, mut seen: Projection) -> Projection {
        if let Some(last) = &self.last {
            seen = seen.sharing(last);
        }
        let managed_fields = seen.managed_fields.take();
        self.last = Some(seen.clone());
        seen.managed_fields = managed_fields;
        seen
    }
}

struct Look<'a> {
    account: &'a Clients,
    collection: Collection,
    with_managed_fields: bool,
}

impl Look<'_> {
    /// Looks at the whole cluster, in at most so many pages: how many they were, and what was seen
    /// if that was enough. An account that may not do this is asked namespace by namespace.
    async fn everywhere(
        &self,
        wanted: &BTreeMap<&str, &Wanted>,
        most_pages: usize,
    ) -> (usize, Option<BTreeMap<String, Option<Projection>>>) {
        let query = List {
            collection: self.collection.clone(),
            most_pages,
            ..List::default()
        };
        let mut row = Row::default();
        let listed = list::list(&self.account.reads, &query, |object| {
            let wanted = wanted.get(uid(&object)?)?;
            Some(row.take(self.project(&object, wanted)?))
        });
        match listed.await {
            Ok(listed) if listed.whole => (listed.requests, Some(found(wanted, listed.items))),
            Ok(listed) => (listed.requests, None),
            Err(_) => (1, None),
        }
    }

    async fn group(&self, group: &BTreeMap<&str, &Wanted>) -> Observed {
        if group.len() > SINGLE {
            return self.list(group).await;
        }
        let mut observed = Observed::default();
        for (uid, wanted) in group {
            observed.requests += 1;
            let name = wanted.target.name.as_str();
            match write::get(&self.account.reads, &self.collection, name).await {
                Ok(object) => {
                    let seen = object.and_then(|object| self.project(&object, wanted));
                    observed.seen.insert((*uid).to_owned(), seen);
                }
                Err(error) => observed.problems.push(self.problem(&error)),
            }
        }
        observed
    }

    async fn list(&self, group: &BTreeMap<&str, &Wanted>) -> Observed {
        let query = List {
            collection: self.collection.clone(),
            ..List::default()
        };
        let mut row = Row::default();
        let listed = list::list(&self.account.reads, &query, |object| {
            let wanted = group.get(uid(&object)?)?;
            Some(row.take(self.project(&object, wanted)?))
        });
        match listed.await {
            Ok(listed) => Observed {
                seen: found(group, listed.items),
                problems: Vec::new(),
                requests: listed.requests,
            },
            Err(error) => Observed {
                problems: vec![self.problem(&error)],
                requests: 1,
                ..Observed::default()
            },
        }
    }

    /// What is seen of an object, if it is the one that is wanted.
    fn project(&self, object: &Value, wanted: &Wanted) -> Option<Projection> {
        if uid(object)? != wanted.target.uid {
            return None;
        }
        let plural = &self.collection.plural;
        let mut seen = project::project(object, plural, &wanted.paths, self.with_managed_fields)?;
        // Its words are in memory already.
        seen.target = wanted.target.clone();
        Some(seen)
    }

    fn problem(&self, error: &cluster::Error) -> String {
        format!("{}: {}", self.account.who, sentence(error))
    }
}

/// What a whole list says of objects: those that are not in it are gone.
fn found(
    wanted: &BTreeMap<&str, &Wanted>,
    listed: Vec<Projection>,
) -> BTreeMap<String, Option<Projection>> {
    let mut seen: BTreeMap<String, Option<Projection>> =
        wanted.keys().map(|uid| ((*uid).to_owned(), None)).collect();
    seen.extend(
        listed
            .into_iter()
            .map(|found| (found.target.uid.clone(), Some(found))),
    );
    seen
}

fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}
