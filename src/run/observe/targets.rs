//! Looking again at objects that are known already, for hold and return.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::sentence;
use crate::cluster::list::{self, Query as List};
use crate::cluster::{self, Clients, Collection, write};
use crate::field::{Path, Projection, Target, project};

/// Up to so many objects of a namespace are read by name rather than listed.
const SINGLE: usize = 3;
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
    let mut whole = Observed::default();
    for part in parts {
        whole.seen.extend(part.seen);
        whole.problems.extend(part.problems);
        whole.requests += part.requests;
    }
    whole
}

struct Look<'a> {
    account: &'a Clients,
    collection: Collection,
    with_managed_fields: bool,
}

impl Look<'_> {
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
        let listed = list::list(&self.account.reads, &query, |object| {
            let wanted = group.get(uid(&object)?)?;
            self.project(&object, wanted)
        });
        match listed.await {
            Ok(listed) => {
                let mut seen: BTreeMap<String, Option<Projection>> =
                    group.keys().map(|uid| ((*uid).to_owned(), None)).collect();
                let there = listed.items.into_iter();
                seen.extend(there.map(|found| (found.target.uid.clone(), Some(found))));
                Observed {
                    seen,
                    problems: Vec::new(),
                    requests: listed.requests,
                }
            }
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
        project::project(object, plural, &wanted.paths, self.with_managed_fields)
    }

    fn problem(&self, error: &cluster::Error) -> String {
        format!("{}: {}", self.account.who, sentence(error))
    }
}

fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}
