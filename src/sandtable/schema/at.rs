//! A place of an object together with what stood there before, as the real server pairs them.

use serde_json::{Map, Value};

use super::{Part, Topology};

/// A value, what it has to look like, and the value that it replaces.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// What it has to look like.
    pub part: Part<'a>,
    /// What is there.
    pub value: &'a Value,
    /// What was there; nothing where it is new, or where nobody can tell.
    pub old: Option<&'a Value>,
}

impl<'a> At<'a> {
    /// Whether it is what it was.
    pub fn unchanged(self) -> bool {
        self.old == Some(self.value)
    }

    /// A member of an object. Nothing where the schema does not say what it is.
    pub fn member(self, name: &str, value: &'a Value) -> Option<Self> {
        Some(Self {
            part: self.part.member(name)?,
            value,
            old: self.old.and_then(|old| old.as_object()?.get(name)),
        })
    }

    /// An item of a list. What it was is known only where items have keys.
    pub fn item(self, item: &'a Value) -> Option<Self> {
        let keys: &[String] = match &self.part.node().topology {
            Topology::Keyed(keys) => keys,
            Topology::Usual | Topology::Atomic | Topology::Set => &[],
        };
        let same = |old: &&Value| {
            let both = item.as_object().zip(old.as_object());
            both.is_some_and(|(item, old)| same_keys(keys, item, old))
        };
        let old = self
            .old
            .and_then(Value::as_array)
            .filter(|_| !keys.is_empty());
        Some(Self {
            part: self.part.items()?,
            value: item,
            old: old.and_then(|old| old.iter().find(same)),
        })
    }
}

fn same_keys(keys: &[String], one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    keys.iter().all(|key| one.get(key) == other.get(key))
}
