//! Looking again at objects that are known already, for hold and return.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::sentence;
use crate::cluster::list::{self, Query as List};
use crate::cluster::{self, Clients, Collection, write};
use crate::field::sieve::Sieve;
use crate::field::{Path, Projection, Target, creation, project};

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
    /// Whether its managedFields are kept, too.
    pub with_managed_fields: bool,
}

/// What was seen of one object: `None` says that it is gone, since there is none of its name or
/// another one has it.
pub type Told = (Target, Option<Projection>);

/// What came of a look, beside what was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Why some objects could not be read, each a sentence.
    pub problems: Vec<String>,
    /// How many requests it took.
    pub requests: usize,
}

/// Objects of one kind, by uid.
type Group<'a> = BTreeMap<&'a str, &'a Wanted>;

/// Looks at known objects, as the account, and tells of each page before the next one is read.
///
/// Guarantees: objects of one kind and namespace are read by name where they are few, else listed
/// at once; what cannot be read holds up nothing else; of an object that could not be read nothing
/// is told.
pub async fn observe_targets(
    account: &Clients,
    wanted: &[Wanted],
    tell: &UnboundedSender<Told>,
) -> Observed {
    let mut groups: BTreeMap<Collection, Group<'_>> = BTreeMap::new();
    let is_place = |one: &&Wanted| creation::is(&one.target.uid);
    for one in wanted.iter().filter(|one| !is_place(one)) {
        let group = groups.entry(Collection::of(&one.target)).or_default();
        group.insert(one.target.uid.as_str(), one);
    }
    let look = |collection| Look {
        account,
        collection,
        tell,
    };
    let mut whole = places(account, wanted.iter().filter(is_place), tell).await;
    for kind in kinds(&groups) {
        let of_kind = |collection: &Collection| same_kind(collection, &kind);
        let asked: Vec<_> = groups.iter().filter(|(c, _)| of_kind(c)).collect();
        let cost = asked.iter().map(|(_, group)| cost(group)).sum();
        if cost < MANY {
            continue;
        }
        let all = asked.iter().flat_map(|(_, group)| group.iter());
        let mut left: Group<'_> = all.map(|(uid, wanted)| (*uid, *wanted)).collect();
        whole.requests += look(kind.clone()).everywhere(&mut left, cost).await;
        for (_, group) in groups.iter_mut().filter(|(c, _)| of_kind(c)) {
            group.retain(|uid, _| left.contains_key(uid));
        }
        groups.retain(|_, group| !group.is_empty());
    }
    // Gathered first: a closure inside the stream's type would keep it from being sent.
    let mut looks = Vec::with_capacity(groups.len());
    for (collection, group) in groups {
        let look = look(collection);
        looks.push(async move { look.group(group).await });
    }
    let parts: Vec<Observed> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    for part in parts {
        whole.problems.extend(part.problems);
        whole.requests += part.requests;
    }
    whole
}

/// Looks at places at which a mode makes objects: of each it is told what is there, or that nothing is.
async fn places(
    account: &Clients,
    wanted: impl Iterator<Item = &Wanted>,
    tell: &UnboundedSender<Told>,
) -> Observed {
    let mut looks = Vec::new();
    for one in wanted {
        let collection = Collection::of(&one.target);
        looks.push(async move {
            let read = write::get(&account.reads, &collection, &one.target.name).await;
            (one, read)
        });
    }
    let mut observed = Observed::default();
    let mut looks = stream::iter(looks).buffered(IN_FLIGHT);
    while let Some((one, read)) = looks.next().await {
        observed.requests += 1;
        match read {
            Ok(object) => {
                let seen = creation::seen(&one.target, object.as_ref());
                let _ = tell.send((one.target.clone(), Some(seen)));
            }
            Err(error) => {
                let problem = format!("{}: {}", account.who, sentence(&error));
                observed.problems.push(problem);
            }
        }
    }
    observed
}

/// The kinds of some groups, each as its collection in the whole cluster.
fn kinds(groups: &BTreeMap<Collection, Group<'_>>) -> BTreeSet<Collection> {
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
fn cost(group: &Group<'_>) -> usize {
    if group.len() > SINGLE {
        group.len().div_ceil(list::PAGE)
    } else {
        group.len()
    }
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
    tell: &'a UnboundedSender<Told>,
}

impl Look<'_> {
    /// Looks at the whole cluster, in at most so many pages: how many they were. What is left is
    /// asked for namespace by namespace, and everything by an account that may not do this.
    async fn everywhere(&self, left: &mut Group<'_>, most_pages: usize) -> usize {
        self.list(left, most_pages).await.unwrap_or(1)
    }

    async fn group(&self, mut group: Group<'_>) -> Observed {
        if group.len() > SINGLE {
            return self.every(&mut group).await;
        }
        let mut observed = Observed::default();
        for wanted in group.into_values() {
            observed.requests += 1;
            let name = wanted.target.name.as_str();
            match write::get(&self.account.reads, &self.collection, name).await {
                Ok(object) => {
                    let seen = object.and_then(|object| self.project(&object, wanted));
                    self.tell(wanted, seen);
                }
                Err(error) => observed.problems.push(self.problem(&error)),
            }
        }
        observed
    }

    async fn every(&self, group: &mut Group<'_>) -> Observed {
        match self.list(group, 0).await {
            Ok(requests) => Observed {
                problems: Vec::new(),
                requests,
            },
            Err(error) => Observed {
                problems: vec![self.problem(&error)],
                requests: 1,
            },
        }
    }

    /// Lists, tells of what is there, and leaves in `left` what was not told of. What a whole list
    /// does not hold is gone. Says how many requests it took.
    async fn list(&self, left: &mut Group<'_>, most_pages: usize) -> Result<usize, cluster::Error> {
        // A sieve leaves managedFields out as far as nobody asks for them.
        let is_sieved = left.values().all(|wanted| !wanted.with_managed_fields);
        let sieve = is_sieved.then(|| Sieve::of(left.values().flat_map(|wanted| &wanted.paths)));
        let query = List {
            collection: self.collection.clone(),
            most_pages,
            sieve,
            ..List::default()
        };
        let mut row = Row::default();
        let listed = list::list(&self.account.reads, &query, |object| {
            let wanted = *left.get(uid(&object)?)?;
            let seen = row.take(self.project(&object, wanted)?);
            self.tell(wanted, Some(seen));
            left.remove(wanted.target.uid.as_str());
            None::<()>
        });
        let listed = listed.await?;
        if listed.whole {
            for wanted in std::mem::take(left).into_values() {
                self.tell(wanted, None);
            }
        }
        Ok(listed.requests)
    }

    /// Nobody listens any more where the look was given up.
    fn tell(&self, wanted: &Wanted, seen: Option<Projection>) {
        let _ = self.tell.send((wanted.target.clone(), seen));
    }

    /// What is seen of an object, if it is the one that is wanted.
    fn project(&self, object: &Value, wanted: &Wanted) -> Option<Projection> {
        if wanted.target.uid != uid(object)? {
            return None;
        }
        let plural = &self.collection.plural;
        let mut seen = project::project(object, plural, &wanted.paths, wanted.with_managed_fields)?;
        // Its words are in memory already.
        seen.target = wanted.target.clone();
        Some(seen)
    }

    fn problem(&self, error: &cluster::Error) -> String {
        format!("{}: {}", self.account.who, sentence(error))
    }
}

fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}
