//! The cluster's namespaces, by which objects are selected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::NamespaceSelector;
use crate::cli::error::Error;
use crate::cluster::Collection;
use crate::cluster::list::Query as List;
use crate::playbook::matching;
use crate::step::Query;

use super::kind::labels;
use super::left::Left;
use super::reader::{Answered, Reader};

/// What is known of the cluster's namespaces.
#[derive(Debug, Default)]
pub struct Namespaces {
    /// Those that are known.
    pub known: BTreeMap<String, Value>,
    /// Whether these are all.
    pub are_all: bool,
    /// What was not answered.
    pub left: Vec<Left>,
}

impl Namespaces {
    /// Reads all of them; where the caller may not, those that are named.
    ///
    /// # Errors
    /// The server cannot answer.
    pub async fn read(reader: &Reader, queries: &[Query], more: &str) -> Result<Self, Error> {
        let collection = collection();
        let query = List {
            collection: collection.clone(),
            ..List::default()
        };
        let whole = |object: Value| Some((name(&object)?, object));
        let mut namespaces = Self::default();
        match reader.list(query, whole).await? {
            Answered::Yes(known) => {
                namespaces.known.extend(known);
                namespaces.are_all = true;
            }
            Answered::Refused(why) => {
                let left = Left::refused(&collection, "", why);
                namespaces.left.push(left);
                let selectors = queries.iter().filter_map(|query| query.namespaces.as_ref());
                let mut names: BTreeSet<&str> = selectors
                    .flat_map(|selector| selector.names.iter().map(String::as_str))
                    .collect();
                names.insert(more);
                for one in names {
                    match reader.get(&collection, one).await? {
                        Answered::Yes(object) => {
                            let object = object.map(|object| (one.to_owned(), object));
                            namespaces.known.extend(object);
                        }
                        Answered::Refused(why) => {
                            let left = Left::refused(&collection, one, why);
                            namespaces.left.push(left);
                        }
                    }
                }
            }
        }
        Ok(namespaces)
    }

    /// The names of those that a selector means.
    pub fn selected(&self, selector: Option<&NamespaceSelector>) -> BTreeSet<String> {
        let all = self.known.iter();
        all.filter(|(name, object)| {
            selector.is_none_or(|one| matching::namespace(one, name, &labels(object)))
        })
        .map(|(name, _)| name.clone())
        .collect()
    }

    /// How many there are, where all are known.
    pub fn count(&self) -> Option<usize> {
        self.are_all.then_some(self.known.len())
    }
}

fn name(object: &Value) -> Option<String> {
    let name = object.pointer("/metadata/name")?.as_str()?;
    Some(name.to_owned())
}

fn collection() -> Collection {
    Collection {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        plural: "namespaces".to_owned(),
        namespace: String::new(),
    }
}
