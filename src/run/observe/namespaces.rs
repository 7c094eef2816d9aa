//! The namespaces of the cluster, by name, with the labels by which they are selected and excluded.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{View, sentence};
use crate::api::NamespaceSelector;
use crate::cluster::list::{self, Query as List};
use crate::cluster::{Collection, write};
use crate::playbook::matching;
use crate::step::{Around, Query, Role};

/// Labels of a namespace.
pub(super) type Labels = BTreeMap<String, String>;

/// What is known of the cluster's namespaces.
pub(super) struct Namespaces {
    known: BTreeMap<String, Labels>,
    extent: Extent,
    /// How many requests it took.
    pub(super) requests: usize,
}

/// How many of the namespaces are known.
enum Extent {
    /// All of them.
    All,
    /// Those that are named; the account may not list them, for this reason.
    Named {
        why: String,
        /// Why single ones could not be read.
        unread: BTreeMap<String, String>,
    },
    /// None of them, for this reason.
    Nothing(String),
}

impl Namespaces {
    /// Reads all of them; where the account may not, those that are named.
    pub(super) async fn read<'q>(view: View<'_>, queries: impl Iterator<Item = &'q Query>) -> Self {
        let wanted = List {
            collection: collection(),
            ..List::default()
        };
        let client = &view.account.reads;
        match list::list(client, &wanted, |object| named(&object)).await {
            Ok(listed) => Self {
                known: listed.items.into_iter().collect(),
                extent: Extent::All,
                requests: listed.requests,
            },
            // Where it is the account itself that may not be acted as, no other request says more.
            Err(error) if error.is_forbidden() && !error.is_unlent() => {
                let names = queries.flat_map(|query| candidates(view, query).iter().cloned());
                Self::read_each(view, sentence(&error), names.collect()).await
            }
            Err(error) => Self {
                known: BTreeMap::new(),
                extent: Extent::Nothing(sentence(&error)),
                requests: 1,
            },
        }
    }

    async fn read_each(view: View<'_>, why: String, names: BTreeSet<String>) -> Self {
        let mut known = BTreeMap::new();
        let mut unread = BTreeMap::new();
        let requests = 1 + names.len();
        for name in names {
            match write::get(&view.account.reads, &collection(), &name).await {
                Ok(found) => known.extend(found.and_then(|object| named(&object))),
                Err(error) => {
                    unread.insert(name, sentence(&error));
                }
            }
        }
        Self {
            known,
            extent: Extent::Named { why, unread },
            requests,
        }
    }

    /// Those that are known, with their labels; nothing where none could be read.
    pub(super) fn known(self) -> Option<BTreeMap<String, Labels>> {
        match self.extent {
            Extent::All | Extent::Named { .. } => Some(self.known),
            Extent::Nothing(_) => None,
        }
    }

    /// The labels of a namespace, whether a query means it or not; none where it is not there. And how many
    /// requests it took.
    ///
    /// # Errors
    /// A sentence for people, where they cannot be read.
    pub(super) async fn labels_of(
        &self,
        view: View<'_>,
        name: &str,
    ) -> (Result<Labels, String>, usize) {
        match (self.known.get(name), &self.extent) {
            (Some(labels), _) => (Ok(labels.clone()), 0),
            (None, Extent::All) => (Ok(Labels::new()), 0),
            (None, Extent::Named { .. } | Extent::Nothing(_)) => {
                let read = write::get(&view.account.reads, &collection(), name).await;
                let labels = read
                    .map(|object| object.as_ref().map(labels).unwrap_or_default())
                    .map_err(|error| unreadable(view, name, &sentence(&error)));
                (labels, 1)
            }
        }
    }

    /// How many there are, where all of them are known.
    pub(super) fn count(&self) -> Option<usize> {
        matches!(self.extent, Extent::All).then_some(self.known.len())
    }

    /// The namespaces of a query, inside the mode's scope.
    ///
    /// # Errors
    /// A sentence for people, where it is not known which they are.
    pub(super) fn selected(
        &self,
        view: View<'_>,
        query: &Query,
    ) -> Result<BTreeMap<&str, &Labels>, String> {
        // Of those that may apply a target, what is known is all that is asked for.
        if query.role != Role::Applier {
            self.check(view, candidates(view, query))?;
        }
        let of = |selector: Option<&NamespaceSelector>, name: &str, labels: &Labels| {
            selector.is_none_or(|selector| matching::namespace(selector, name, labels))
        };
        let all = self.known.iter();
        Ok(all
            .filter(|(name, labels)| of(query.namespaces.as_ref(), name, labels))
            .filter(|(name, labels)| is_outside(query.role) || of(view.scope, name, labels))
            .map(|(name, labels)| (name.as_str(), labels))
            .collect())
    }
    /// Whether enough is known for a query that can only mean these names.
    fn check(&self, view: View<'_>, names: &[String]) -> Result<(), String> {
        let who = &view.account.who;
        match &self.extent {
            Extent::All => Ok(()),
            Extent::Nothing(why) => Err(format!("{who} could not list namespaces: {why}")),
            Extent::Named { why, .. } if names.is_empty() => Err(format!(
                "{who} cannot list namespaces, so it is not known which ones are meant: let it list \
                 namespaces, or name them in the step ({why})"
            )),
            Extent::Named { unread, .. } => {
                let mut missing = names.iter().filter_map(|name| unread.get_key_value(name));
                missing
                    .next()
                    .map_or(Ok(()), |(name, why)| Err(unreadable(view, name, why)))
            }
        }
    }
}

/// What is said of a namespace that cannot be read.
fn unreadable(view: View<'_>, name: &str, why: &str) -> String {
    let who = &view.account.who;
    format!(
        "{who} cannot read namespace {name}, so it is not known whether it may be touched: let it get \
         namespaces ({why})"
    )
}

/// Whether what a query asks for may be outside the mode's scope: what applies a target, or stands
/// beside it elsewhere.
pub(super) const fn is_outside(role: Role) -> bool {
    match role {
        Role::Applier => true,
        Role::Aside { around, .. } => match around {
            Around::Anywhere => true,
            Around::Targets => false,
        },
        Role::Target
        | Role::Restart
        | Role::Autoscaler
        | Role::Made
        | Role::Ground
        | Role::Frozen => false,
    }
}

/// The names that a query can only mean, where it or the scope gives any.
fn candidates<'a>(view: View<'a>, query: &'a Query) -> &'a [String] {
    let selectors = query.namespaces.iter().chain(view.scope);
    let mut named = selectors.map(|selector| selector.names.as_slice());
    named.find(|names| !names.is_empty()).unwrap_or_default()
}

fn named(object: &Value) -> Option<(String, Labels)> {
    let name = object.pointer("/metadata/name")?.as_str()?;
    Some((name.to_owned(), labels(object)))
}

/// The labels of an object.
pub(super) fn labels(object: &Value) -> Labels {
    object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn collection() -> Collection {
    Collection {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        plural: "namespaces".to_owned(),
        namespace: String::new(),
    }
}
