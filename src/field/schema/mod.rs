//! Pure: what the API server says of a kind's fields: which there are, and how the items of a list
//! are told apart. A playbook's path is held against it before anything is written.
//!
//! Read from the server's `/openapi/v3` (built-in kinds and CRDs alike), everything else of it
//! dropped while it is parsed.

mod leaves;
mod walk;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::image::Image;
use super::path::Path;

/// The schemas of one group and version.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Schemas {
    #[serde(default)]
    components: Components,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Components {
    schemas: BTreeMap<Box<str>, Node>,
}

/// One schema, and what is looked at of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    #[serde(rename = "$ref")]
    reference: Option<Box<str>>,
    #[serde(rename = "allOf")]
    all_of: Vec<Node>,
    #[serde(rename = "type")]
    kind: Option<Box<str>>,
    properties: BTreeMap<Box<str>, Node>,
    #[serde(rename = "additionalProperties")]
    others: Option<Others>,
    items: Option<Box<Node>>,
    default: Option<Box<Value>>,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    open: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    embedded: bool,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    map_keys: Vec<Box<str>>,
    #[serde(rename = "x-kubernetes-patch-strategy")]
    strategy: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    merge_key: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-group-version-kind")]
    kinds: Vec<Served>,
}

/// `additionalProperties`: a schema, or whether there may be any.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Others {
    Any(bool),
    Of(Box<Node>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Served {
    group: String,
    version: String,
    kind: String,
}

/// How the items of a list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
enum List<'a> {
    /// By these fields.
    Map(Vec<&'a str>),
    /// By their values.
    Set,
    /// Not at all: the list is one value.
    Atomic,
}

impl Node {
    /// How the items of this list are told apart, as the server itself decides it: by the list's
    /// type, for older kinds by its merge key, and else not at all.
    fn list(&self) -> List<'_> {
        let merges = matches!(
            self.strategy.as_deref(),
            Some("merge" | "merge,retainKeys" | "retainKeys,merge")
        );
        match (self.list_type.as_deref(), merges, self.merge_key.as_deref()) {
            (Some("map"), _, _) if !self.map_keys.is_empty() => {
                List::Map(self.map_keys.iter().map(AsRef::as_ref).collect())
            }
            (Some("set"), _, _) | (None, true, None) => List::Set,
            (None, true, Some(key)) => List::Map(vec![key]),
            (_, _, _) => List::Atomic,
        }
    }
}

impl Schemas {
    /// Reads a document of `/openapi/v3`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(document)
    }

    /// Whether a path leads to a field of a kind, step by step: a field that there is, an item of a
    /// list by the very keys by which the server tells items apart. `None` where the kind is not
    /// in these schemas.
    ///
    /// Guarantees: where the server takes any field, so does this; a path that passes names the
    /// field as `managedFields` names it.
    ///
    /// # Errors
    /// A sentence: what is wrong with the path, and what to write instead.
    pub fn check(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        path: &Path,
    ) -> Option<Result<(), String>> {
        let root = self.root(group, version, kind)?;
        Some(walk::check(self, root, path))
    }

    /// The fields of an object of a kind, sorted by path: items of lists by the keys by which the
    /// server tells them apart (a key that is left out has its default), and a list without keys as one
    /// value. A null is no field. Of a kind that is not in these schemas every list is one value.
    pub fn leaves(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        object: &Value,
    ) -> Vec<(Path, Image)> {
        leaves::leaves(self, self.root(group, version, kind), object)
    }

    fn root(&self, group: &str, version: &str, kind: &str) -> Option<&Node> {
        let wanted = Served {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        };
        let mut all = self.components.schemas.values();
        all.find(|node| node.kinds.contains(&wanted))
    }

    /// The schema that a schema stands for.
    fn resolve<'a>(&'a self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..DEEPEST {
            match (&node.reference, node.all_of.as_slice()) {
                (Some(name), _) => {
                    let name = name.rsplit_once('/').map_or(&**name, |(_, name)| name);
                    node = self.components.schemas.get(name)?;
                }
                (None, [only]) if node.kind.is_none() => node = only,
                (None, _) => return Some(node),
            }
        }
        None
    }
}

/// References in a row that are followed: the server writes one or two.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests;
