//! What the changes of a stored plan have in common stands once, each with a number: how changes become
//! rows of numbers, and rows changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use snafu::ResultExt;

use super::super::{Change, Intent};
use super::{Error, Hashed, HashedStep, ReadSnafu};
use crate::engine::scheduler::Class;
use crate::field::{Identity, Image, Path, Target};
use crate::step::Rule;
use crate::step::access::People;

/// `[target, path, after, wave]`
pub(super) type Row = (usize, usize, Option<String>, u8);

/// A kind: its version, its name, its plural.
type Kind = (String, String, String);

/// What has a number already.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) kinds: Numbered<Kind>,
    pub(super) paths: Numbered<String>,
    pub(super) targets: Numbered<(usize, String, String, String)>,
    pub(super) people: Numbered<Vec<String>>,
}

impl Tables {
    /// A change as a row.
    pub(super) fn row(&mut self, change: &Change) -> Row {
        let target = &change.target;
        let kind = self.kinds.number((
            target.api_version.clone(),
            target.kind.clone(),
            target.plural.clone(),
        ));
        let target = self.targets.number((
            kind,
            target.namespace.clone(),
            target.name.clone(),
            target.uid.to_string(),
        ));
        let path = self.paths.number(change.path.to_string());
        (target, path, change.after.to_text(), change.wave)
    }

    /// The number of those whom a change takes out, if it takes out some.
    pub(super) fn people(&mut self, change: &Change) -> Option<usize> {
        match &change.rule {
            Rule::Without(people) => Some(self.people.number(people.texts())),
            Rule::Fixed | Rule::Routed(..) => None,
        }
    }
}

pub(super) const fn intent_sign(intent: Intent) -> char {
    match intent {
        Intent::Grow => '+',
        Intent::Shrink => '-',
        Intent::Other => '.',
    }
}

/// A place in a `priority` has at most two digits.
const BASE: u32 = 36;

pub(super) fn class_sign(class: Class) -> char {
    let place = class.place().map(u32::from);
    place
        .and_then(|place| char::from_digit(place, BASE))
        .unwrap_or('.')
}

/// The place that a character stands for.
fn place(sign: Option<char>) -> Option<u8> {
    u8::try_from(sign?.to_digit(BASE)?).ok()
}

/// What the changes of a plan have in common, in memory once.
pub(super) struct Words {
    targets: Vec<Target>,
    paths: Vec<Path>,
    people: Vec<Arc<People>>,
}

impl Words {
    pub(super) fn of(plan: &Hashed) -> Result<Self, Error> {
        let mut targets = Vec::with_capacity(plan.targets.len());
        for (kind, namespace, name, uid) in &plan.targets {
            let kind = plan.kinds.get(*kind).ok_or(Error::Index { what: "kind" })?;
            let (api_version, kind, plural) = kind;
            targets.push(Target::from(Identity {
                api_version: api_version.clone(),
                kind: kind.clone(),
                plural: plural.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.as_str().into(),
            }));
        }
        let paths = plan.paths.iter().map(|path| Path::parse(path));
        let paths = paths.collect::<Result<_, _>>();
        let people = plan.people.iter().map(|texts| People::of_texts(texts));
        let people = people.map(|people| people.map(Arc::new));
        let people = people.collect::<Option<_>>();
        Ok(Self {
            targets,
            paths: paths.map_err(|_| Error::Index { what: "path" })?,
            people: people.ok_or(Error::Index { what: "person" })?,
        })
    }

    /// The change of a row, but for its rule.
    pub(super) fn change(
        &self,
        row: &Row,
        intent: Option<char>,
        class: Option<char>,
    ) -> Result<Change, Error> {
        let (target, path, after, wave) = row;
        let target = self.targets.get(*target);
        let path = self.paths.get(*path);
        Ok(Change {
            target: target.ok_or(Error::Index { what: "target" })?.clone(),
            path: path.ok_or(Error::Index { what: "path" })?.clone(),
            base: Image::Absent,
            after: Image::from_text(after.as_deref()).context(ReadSnafu)?,
            why: String::new(),
            wave: *wave,
            class: Class::listed(place(class)),
            intent: match intent {
                Some('+') => Intent::Grow,
                Some('-') => Intent::Shrink,
                Some(_) | None => Intent::Other,
            },
            rule: Rule::Fixed,
        })
    }

    /// Whom the change at a place of a step takes out, if it takes out some.
    pub(super) fn without(
        &self,
        step: &HashedStep,
        place: usize,
    ) -> Result<Option<Arc<People>>, Error> {
        let found = step.without.binary_search_by_key(&place, |row| row.0);
        let Ok(found) = found else { return Ok(None) };
        let people = self.people.get(step.without[found].1);
        let people = people.ok_or(Error::Index { what: "person" })?;
        Ok(Some(people.clone()))
    }
}

/// Gives every distinct item a number, in the order of first use.
pub(super) struct Numbered<T> {
    pub(super) items: Vec<T>,
    numbers: BTreeMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Ord + Clone> Numbered<T> {
    fn number(&mut self, item: T) -> usize {
        if let Some(number) = self.numbers.get(&item) {
            return *number;
        }
        let number = self.items.len();
        self.numbers.insert(item.clone(), number);
        self.items.push(item);
        number
    }
}
