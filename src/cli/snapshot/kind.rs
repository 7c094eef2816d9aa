//! One kind of object: which of them are wanted, and the requests that bring them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::LabelSelector;
use crate::cli::error::Error;
use crate::cluster::Resource;
use crate::cluster::list::Query;
use crate::field::Path;
use crate::playbook::matching;

use super::left::Left;
use super::piece::Piece;
use super::reader::{Answered, Reader, Refusal};
use super::redact::Counts;

/// Up to so many single objects are read by name rather than listed.
const SINGLE: usize = 16;
/// Up to so many namespaces are listed one by one rather than the whole cluster.
const FEW: usize = 16;

/// What of a kind is wanted: what any of the asks means.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The kind.
    pub resource: Resource,
    /// What is asked for.
    pub asks: Vec<Ask>,
    /// Where is looked if the caller may not list the whole cluster.
    pub narrowly: BTreeSet<String>,
    /// Whether steps act on it, so that a snapshot without it is not what was asked for.
    pub is_target: bool,
    /// Which of them only: those of this test.
    pub only: Option<Only>,
}

/// A test of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Only {
    /// It gives one of these accounts a right.
    Binds(super::rights::Accounts),
}

/// One question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// In which namespaces; of no meaning where the kind is in none.
    pub spaces: BTreeSet<String>,
    /// Which labels.
    pub selector: Option<LabelSelector>,
    /// Which names; empty for all.
    pub names: Vec<String>,
    /// What of it is kept as it is.
    pub kept: Vec<Path>,
}

/// What came of one kind.
#[derive(Debug, Default)]
pub struct Part {
    /// The objects.
    pub pieces: Vec<Piece>,
    /// What was redacted of them.
    pub counts: Counts,
    /// What was not answered.
    pub left: Vec<Left>,
    /// Whether something of it is what steps act on.
    pub lacks_targets: bool,
}

impl Wanted {
    /// Everything of a kind.
    pub fn all(resource: Resource, spaces: BTreeSet<String>) -> Self {
        Self {
            resource,
            narrowly: spaces.clone(),
            asks: vec![Ask {
                spaces,
                ..Ask::default()
            }],
            is_target: false,
            only: None,
        }
    }

    /// Objects of these names.
    pub fn named(resource: Resource, namespace: &str, names: &[String]) -> Self {
        let spaces = BTreeSet::from([namespace.to_owned()]);
        let mut wanted = Self::all(resource, spaces);
        for ask in &mut wanted.asks {
            ask.names = names.to_vec();
        }
        wanted
    }

    /// Takes what is wanted. `namespaces` is how many there are in the cluster, where that is known.
    ///
    /// # Errors
    /// The server cannot answer.
    pub async fn take(&self, reader: &Reader, namespaces: Option<usize>) -> Result<Part, Error> {
        let mut part = Part::default();
        let spaces = self.spaces();
        if self.resource.namespaced && spaces.is_empty() {
            return Ok(part);
        }
        let singles = self.singles();
        if self.only.is_none() && !singles.is_empty() && singles.len() <= SINGLE {
            for (space, name) in &singles {
                self.single(reader, space, name, &mut part).await?;
            }
            return Ok(part);
        }
        let is_few = spaces.len() <= FEW && namespaces != Some(spaces.len());
        if self.resource.namespaced && is_few {
            self.each(reader, &spaces, &mut part).await?;
            return Ok(part);
        }
        let answer = self.list(reader, "", &mut part).await?;
        match answer {
            Answered::Yes(()) => {}
            Answered::Refused(_) if self.resource.namespaced && !self.narrowly.is_empty() => {
                self.each(reader, &self.narrowly, &mut part).await?;
            }
            Answered::Refused(why) => self.refused("", why, &mut part),
        }
        Ok(part)
    }

    fn spaces(&self) -> BTreeSet<String> {
        let spaces = self.asks.iter().flat_map(|ask| &ask.spaces);
        spaces.cloned().collect()
    }

    /// Every object by its name, where all have one; where there is no name, or there are too many,
    /// none.
    fn singles(&self) -> BTreeSet<(String, String)> {
        let mut singles = BTreeSet::new();
        for ask in &self.asks {
            if ask.names.is_empty() || singles.len() > SINGLE {
                return BTreeSet::new();
            }
            for name in &ask.names {
                if self.resource.namespaced {
                    let spaces = ask.spaces.iter();
                    singles.extend(spaces.map(|space| (space.clone(), name.clone())));
                } else {
                    singles.insert((String::new(), name.clone()));
                }
            }
        }
        singles
    }

    async fn single(
        &self,
        reader: &Reader,
        space: &str,
        name: &str,
        part: &mut Part,
    ) -> Result<(), Error> {
        let collection = self.resource.collection(space);
        match reader.get(&collection, name).await? {
            Answered::Yes(object) => {
                let kept = object.and_then(|object| self.keep(object));
                part.keep_all(kept);
            }
            Answered::Refused(why) => self.refused(space, why, part),
        }
        Ok(())
    }

    async fn each(
        &self,
        reader: &Reader,
        spaces: &BTreeSet<String>,
        part: &mut Part,
    ) -> Result<(), Error> {
        for space in spaces {
            if let Answered::Refused(why) = self.list(reader, space, part).await? {
                self.refused(space, why, part);
            }
        }
        Ok(())
    }

    async fn list(
        &self,
        reader: &Reader,
        space: &str,
        part: &mut Part,
    ) -> Result<Answered<()>, Error> {
        let mut selectors = self.asks.iter().map(|ask| ask.selector.as_ref());
        let first = selectors.next().flatten();
        let labels = match first {
            Some(first) if selectors.all(|other| other == Some(first)) => matching::query(first),
            Some(_) | None => String::new(),
        };
        let query = Query {
            collection: self.resource.collection(space),
            labels,
            ..Query::default()
        };
        let listed = reader.list(query, |object| self.keep(object)).await?;
        Ok(match listed {
            Answered::Yes(kept) => {
                part.keep_all(kept);
                Answered::Yes(())
            }
            Answered::Refused(why) => Answered::Refused(why),
        })
    }

    /// What is kept of an object, where it is wanted.
    fn keep(&self, object: Value) -> Option<(Piece, Counts)> {
        if let Some(Only::Binds(accounts)) = &self.only
            && !accounts.are_bound_by(&object)
        {
            return None;
        }
        let text = |place| object.pointer(place).and_then(Value::as_str);
        let namespace = text("/metadata/namespace").unwrap_or_default();
        let name = text("/metadata/name").unwrap_or_default();
        let labels = labels(&object);
        let means = |ask: &&Ask| {
            let inside = !self.resource.namespaced || ask.spaces.contains(namespace);
            let named = ask.names.is_empty() || ask.names.iter().any(|wanted| wanted == name);
            let selector = ask.selector.as_ref();
            inside && named && selector.is_none_or(|one| matching::labels(one, &labels))
        };
        let asks: Vec<&Ask> = self.asks.iter().filter(means).collect();
        if asks.is_empty() {
            return None;
        }
        let kept: Vec<&Path> = asks.iter().flat_map(|ask| &ask.kept).collect();
        Piece::of(object, &kept)
    }

    fn refused(&self, space: &str, why: Refusal, part: &mut Part) {
        let collection = self.resource.collection(space);
        part.lacks_targets |= self.is_target;
        part.left.push(Left::refused(&collection, space, why));
    }
}

impl Part {
    /// Adds objects.
    pub fn keep_all(&mut self, kept: impl IntoIterator<Item = (Piece, Counts)>) {
        for (piece, counts) in kept {
            self.pieces.push(piece);
            self.count(counts);
        }
    }

    /// Adds what came of another kind.
    pub fn add(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
        self.left.extend(other.left);
        self.lacks_targets |= other.lacks_targets;
        self.count(other.counts);
    }

    fn count(&mut self, counts: Counts) {
        for (group, count) in counts {
            *self.counts.entry(group).or_default() += count;
        }
    }
}

/// The labels of an object.
pub fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    let texts = labels.into_iter().flatten();
    texts
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
