//! Sets of fields, as fieldsV1 has them: a member is the way to it, segment by segment.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The way to a field: `f:spec`, `k:{"name":"web"}`, `v:"x"` and so on.
pub type Way = Vec<String>;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(BTreeSet<Way>);

impl Set {
    /// Reads fieldsV1.
    ///
    /// # Errors
    /// A segment is none.
    pub fn parse(fields: &Value) -> Result<Self, String> {
        let mut set = Self::default();
        set.read(fields, &mut Vec::new())?;
        Ok(set)
    }

    fn read(&mut self, fields: &Value, way: &mut Way) -> Result<(), String> {
        let Some(members) = fields.as_object() else {
            return Err(format!("{fields} is no set of fields"));
        };
        for (segment, beneath) in members {
            if segment == "." {
                self.insert(way);
                continue;
            }
            if !["f:", "k:", "v:", "i:"]
                .iter()
                .any(|begin| segment.starts_with(begin))
            {
                return Err(format!("{segment} is no field"));
            }
            way.push(segment.clone());
            if beneath.as_object().is_some_and(Map::is_empty) {
                self.insert(way);
            } else {
                self.read(beneath, way)?;
            }
            way.pop();
        }
        Ok(())
    }

    /// As fieldsV1.
    pub fn value(&self) -> Value {
        let mut root = Value::Object(Map::new());
        for way in &self.0 {
            let mut at = &mut root;
            for (depth, segment) in way.iter().enumerate() {
                // A field beneath a member: the member says of itself that it is one.
                if depth > 0 && self.0.contains(&way[..depth]) {
                    at["."] = Value::Object(Map::new());
                }
                let members = at.as_object_mut().expect("only objects are made here");
                at = members
                    .entry(segment.clone())
                    .or_insert_with(|| Value::Object(Map::new()));
            }
        }
        root
    }

    /// Adds a field.
    pub fn insert(&mut self, way: &[String]) {
        if !way.is_empty() && !self.0.contains(way) {
            self.0.insert(way.to_vec());
        }
    }

    /// Whether a field is in it.
    pub fn has(&self, way: &[String]) -> bool {
        self.0.contains(way)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is in one of them.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What is in this one and not in the other.
    pub fn minus(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// What is in both.
    pub fn both(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What of it holds.
    pub fn filtered(&self, holds: impl Fn(&Way) -> bool) -> Self {
        Self(self.0.iter().filter(|way| holds(way)).cloned().collect())
    }

    /// Its fields that have none beneath them in it.
    pub fn leaves(&self) -> impl Iterator<Item = &Way> {
        self.0.iter().filter(|way| {
            let mut behind = self
                .0
                .range::<Way, _>((std::ops::Bound::Excluded(*way), std::ops::Bound::Unbounded));
            behind.next().is_none_or(|next| !next.starts_with(way))
        })
    }

    /// Whether a field, or one beneath it, is in it.
    pub fn touches(&self, way: &[String]) -> bool {
        let mut from = self
            .0
            .range::<[String], _>((std::ops::Bound::Included(way), std::ops::Bound::Unbounded));
        from.next().is_some_and(|found| found.starts_with(way))
    }
}

/// A way as people read it: `.spec.parts[name="a"].size`.
pub fn shown(way: &[String]) -> String {
    let mut text = String::new();
    for segment in way {
        let (kind, rest) = segment.split_at(2.min(segment.len()));
        match kind {
            "f:" => {
                text.push('.');
                text.push_str(rest);
            }
            "k:" => {
                let keys: Value = serde_json::from_str(rest).unwrap_or_default();
                let keys = keys.as_object().into_iter().flatten();
                let keys: Vec<String> = keys
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                text.extend(["[", &keys.join(","), "]"]);
            }
            "v:" => text.extend(["[=", rest, "]"]),
            _ => text.extend(["[", rest, "]"]),
        }
    }
    text
}
