//! One query: which requests answer it, and what is kept of the objects that they bring.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::filter::{Filter, Verdicts};
use super::found::{Found, merge};
use super::namespaces::{Labels, Namespaces, is_outside, labels};
use super::{View, sentence};
use crate::cluster::discovery::Error as Unresolved;
use crate::cluster::list::{self, Listed, Query as List};
use crate::cluster::{self, Resource, write};
use crate::engine::beside::Beside;
use crate::engine::plan::describe;
use crate::engine::protect::{self, Protected, binds_own, protected};
use crate::field::sieve::Sieve;
use crate::field::{Identity, Path, Projection, Target, project};
use crate::playbook::matching;
use crate::step::{Fields, Query, Role, Skipped};

/// Up to so many single objects are read by name rather than listed: each costs the server less
/// than a page.
const SINGLE: usize = 16;
/// Up to so many namespaces are listed one by one rather than the whole cluster: a namespace's list
/// costs a few milliseconds, a large cluster's seconds.
const FEW_NAMESPACES: usize = 16;
/// The same for autoscalers: there are far fewer of them than workloads.
const FEW_WITH_AUTOSCALERS: usize = 2;
/// Requests of one query in flight. The API server's own limit for one user is far above, and
/// people's requests must not wait for ours.
const IN_FLIGHT: usize = 4;

/// What becomes of one object.
enum Kept {
    /// With its number among those whose condition is judged.
    Seen(Projection, Beside, Option<usize>),
    Protected(Skipped),
    Guarded(Projection, Beside, Skipped),
}

/// A query with everything resolved.
struct Job<'a> {
    view: View<'a>,
    query: &'a Query,
    resource: Resource,
    paths: Vec<Path>,
    spaces: BTreeMap<&'a str, &'a Labels>,
    few: usize,
}

/// Runs a query, in some of its namespaces only where `within` is given.
pub(super) async fn run(
    view: View<'_>,
    namespaces: &Namespaces,
    query: &Query,
    within: Option<&BTreeSet<String>>,
) -> Found {
    // A cluster that does not serve such a kind has none of it.
    if says_of_others(query.role) {
        match view.discovery.resolve(&query.kind).await {
            Err(Unresolved::Unknown { .. }) => return Found::default(),
            Err(error) => return Found::problem(sentence(&error)),
            Ok(_) => {}
        }
    }
    match &query.fields {
        Fields::Manifest { object, adopt } => {
            return super::made::run(view, namespaces, query, object, *adopt).await;
        }
        Fields::Each { object } => {
            return super::each::run(view, namespaces, query, object).await;
        }
        Fields::Paths(_) | Fields::Replicas => {}
    }
    match query.role {
        Role::Frozen => return super::frozen::run(view, namespaces, query).await,
        Role::Target
        | Role::Restart
        | Role::Made
        | Role::Autoscaler
        | Role::Applier
        | Role::Ground
        | Role::Aside { .. } => {}
    }
    match Job::new(view, namespaces, query, within).await {
        Ok(job) => job.run(namespaces.count()).await,
        Err(problem) => Found::problem(problem),
    }
}

/// Whether what a query finds only says something of targets.
const fn says_of_others(role: Role) -> bool {
    match role {
        Role::Target | Role::Restart | Role::Made | Role::Frozen => false,
        Role::Autoscaler | Role::Applier | Role::Ground | Role::Aside { .. } => true,
    }
}

/// Cluster-scoped objects are in no namespace and have its labels not.
static NO_LABELS: Labels = BTreeMap::new();

impl<'a> Job<'a> {
    async fn new(
        view: View<'a>,
        namespaces: &'a Namespaces,
        query: &'a Query,
        within: Option<&BTreeSet<String>>,
    ) -> Result<Self, String> {
        let resolved = view.discovery.resolve(&query.kind).await;
        let resource = resolved.map_err(|error| sentence(&error))?;
        let few = match query.role {
            Role::Target
            | Role::Restart
            | Role::Made
            | Role::Applier
            | Role::Ground
            | Role::Frozen
            | Role::Aside { .. } => FEW_NAMESPACES,
            Role::Autoscaler => FEW_WITH_AUTOSCALERS,
        };
        let paths = match &query.fields {
            Fields::Paths(paths) => paths.clone(),
            Fields::Manifest { .. } | Fields::Each { .. } => Vec::new(),
            Fields::Replicas => {
                let reads = &view.account.reads;
                let path = view.discovery.replicas_path(reads, &resource).await;
                vec![path.map_err(|error| sentence(&error))?]
            }
        };
        let mut spaces = BTreeMap::new();
        if resource.namespaced {
            spaces = namespaces.selected(view, query)?;
            spaces.retain(|name, _| within.is_none_or(|within| within.contains(*name)));
        } else if query.namespaces.is_none() && (view.scope.is_none() || is_outside(query.role)) {
            spaces.insert("", &NO_LABELS);
        }
        Ok(Self {
            view,
            query,
            resource,
            paths,
            spaces,
            few,
        })
    }

    async fn run(&self, all_namespaces: Option<usize>) -> Found {
        let singles = self.spaces.len() * self.query.names.len();
        let mut found = if self.spaces.is_empty() {
            Found::default()
        } else if singles > 0 && singles <= SINGLE {
            self.each_object().await
        } else if !self.resource.namespaced {
            self.list("").await
        } else if all_namespaces != Some(self.spaces.len()) && self.spaces.len() <= self.few {
            self.each_namespace().await
        } else {
            self.cluster_wide().await
        };
        let place = |seen: &Projection| (seen.target.namespace.clone(), seen.target.name.clone());
        found.objects.sort_by_cached_key(place);
        found
    }

    /// Lists the whole cluster; where the account may not, each selected namespace.
    async fn cluster_wide(&self) -> Found {
        match self.try_list("").await {
            Ok(found) => found,
            // Whoever may not has its own namespaces looked at in a second query.
            Err(error) if error.is_forbidden() && self.query.role != Role::Applier => {
                let mut found = self.each_namespace().await;
                found.requests += 1;
                found
            }
            Err(error) => self.failed("", &error),
        }
    }

    async fn each_namespace(&self) -> Found {
        // Gathered first: a closure inside the stream's type would keep it from being sent.
        let lists: Vec<_> = self.spaces.keys().map(|space| self.list(space)).collect();
        merge(stream::iter(lists).buffered(IN_FLIGHT).collect().await)
    }

    async fn each_object(&self) -> Found {
        let spaces = self.spaces.keys();
        let reads: Vec<_> = spaces
            .flat_map(|space| self.query.names.iter().map(|name| self.single(space, name)))
            .collect();
        merge(stream::iter(reads).buffered(IN_FLIGHT).collect().await)
    }

    async fn single(&self, space: &str, name: &str) -> Found {
        let collection = self.resource.collection(space);
        let mut filter = match self.filter() {
            Ok(filter) => filter,
            Err(problem) => return Found::problem(problem),
        };
        match write::get(&self.view.account.reads, &collection, name).await {
            Ok(object) => {
                let kept = object.and_then(|object| self.keep(object, filter.as_mut()));
                let listed = Listed {
                    items: kept.into_iter().collect(),
                    requests: 1,
                    whole: true,
                };
                judged(listed, filter).await
            }
            Err(error) => self.failed(space, &error),
        }
    }

    async fn list(&self, space: &str) -> Found {
        match self.try_list(space).await {
            Ok(found) => found,
            Err(error) => self.failed(space, &error),
        }
    }

    async fn try_list(&self, space: &str) -> Result<Found, cluster::Error> {
        let mut filter = match self.filter() {
            Ok(filter) => filter,
            Err(problem) => return Ok(Found::problem(problem)),
        };
        let fields = match self.query.names.as_slice() {
            [name] => format!("metadata.name={name}"),
            _ => String::new(),
        };
        let wanted = List {
            collection: self.resource.collection(space),
            labels: self
                .query
                .selector
                .as_ref()
                .map(matching::query)
                .unwrap_or_default(),
            fields,
            most_pages: 0,
            page: 0,
            // A condition may ask for anything.
            sieve: filter.is_none().then(|| self.sieve()),
        };
        let client = &self.view.account.reads;
        let keep = |object| self.keep(object, filter.as_mut());
        let listed = list::list(client, &wanted, keep).await?;
        Ok(judged(listed, filter).await)
    }

    /// What judges the query's condition, if it has one.
    fn filter(&self) -> Result<Option<Filter>, String> {
        self.query.condition.as_ref().map(Filter::begin).transpose()
    }

    /// An account that may not look where nothing is ever touched misses nothing that it could change: the
    /// least rights do not reach there.
    fn failed(&self, space: &str, error: &cluster::Error) -> Found {
        let labels = self.spaces.get(space).copied().unwrap_or(&NO_LABELS);
        let is_sealed = || protect::sealed(space, labels, self.view.own).is_some();
        let is_denied = error.is_forbidden() && !error.is_unlent();
        let mut found = if is_denied && !says_of_others(self.query.role) && is_sealed() {
            Found::default()
        } else {
            Found::problem(format!("{}: {}", self.view.account.who, sentence(error)))
        };
        found.requests = 1;
        found
    }

    /// What is kept of an object, if it is selected.
    fn keep(&self, object: Value, filter: Option<&mut Filter>) -> Option<Kept> {
        let names = &self.query.names;
        let target = target(&object, &self.resource)?;
        let namespace_labels = self.spaces.get(target.namespace.as_str())?;
        let object_labels = labels(&object);
        let selector = self.query.selector.as_ref();
        let selected = (names.is_empty() || names.contains(&target.name))
            && selector.is_none_or(|selector| matching::labels(selector, &object_labels));
        if !selected {
            return None;
        }
        let own = self.view.own;
        let why = protected(&target, &object_labels, namespace_labels, own);
        let guard = why.or_else(|| binds_own(&object, own)).map(|why| Skipped {
            target,
            why: why.sentence().to_owned(),
        });
        match guard {
            Some(guard) if !says_of_others(self.query.role) && why != Some(Protected::Made) => {
                Some(Kept::Protected(guard))
            }
            // That it owns a count, or applies a target, must be known all the same.
            Some(guard) => Some(Kept::Guarded(
                self.project(&object)?,
                self.beside(&object),
                guard,
            )),
            None => {
                let mut seen = self.project(&object)?;
                let space = &seen.target.namespace;
                seen.priority = matching::place(&self.query.priority, space, &object_labels);
                let beside = self.beside(&object);
                let number = filter.map(|filter| filter.ask(describe(&seen.target), object));
                Some(Kept::Seen(seen, beside, number))
            }
        }
    }

    fn sieve(&self) -> Sieve {
        let beside = self.view.explains.then(Beside::paths).into_iter().flatten();
        let decides = protect::reads(&self.resource.written());
        let further = beside.chain(decides);
        let paths: Vec<Path> = self.paths.iter().cloned().chain(further).collect();
        Sieve::of(&paths)
    }

    fn beside(&self, object: &Value) -> Beside {
        if self.view.explains {
            Beside::of(object)
        } else {
            Beside::default()
        }
    }

    fn project(&self, object: &Value) -> Option<Projection> {
        project::project(object, &self.resource.plural, &self.paths, false)
    }
}

fn target(object: &Value, resource: &Resource) -> Option<Target> {
    let metadata = object.get("metadata")?;
    let text = |key: &str| Some(metadata.get(key)?.as_str()?.to_owned());
    Some(Target::from(Identity {
        api_version: resource.api_version(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
        namespace: text("namespace").unwrap_or_default(),
        name: text("name")?,
        uid: text("uid")?.into(),
    }))
}

/// What of a list is selected.
async fn judged(listed: Listed<Kept>, filter: Option<Filter>) -> Found {
    let mut found = Found {
        requests: listed.requests,
        ..Found::default()
    };
    let verdicts = match filter {
        Some(filter) => match filter.end().await {
            Ok(verdicts) => verdicts,
            Err(problem) => {
                found.problems.push(problem);
                return found;
            }
        },
        None => Verdicts::default(),
    };
    let mut last = Beside::default();
    let mut keep = |found: &mut Found, projection: Projection, beside: Beside| {
        if !beside.is_nothing() {
            last = beside.sharing(&last);
            let uid = projection.target.uid.clone();
            found.beside.insert(uid, last.clone());
        }
        found.objects.push(projection);
    };
    for kept in listed.items {
        match kept {
            Kept::Seen(seen, beside, number) => {
                if number.is_none_or(|number| verdicts.selected.contains(&number)) {
                    keep(&mut found, seen, beside);
                }
            }
            Kept::Protected(skipped) => found.protected.push(skipped),
            Kept::Guarded(projection, beside, skipped) => {
                keep(&mut found, projection, beside);
                found.guarded.push(skipped);
            }
        }
    }
    found
        .problems
        .extend(verdicts.problems.map(|(count, first)| {
            let more = count - 1;
            match more {
                0 => first,
                _ => format!("{first} (and for {more} more)"),
            }
        }));
    found
}
