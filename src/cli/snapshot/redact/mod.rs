//! What never leaves a cluster: taken out of each object as soon as it is read, or replaced by a
//! placeholder, so that the object is as valid as before, has the same owners of the same fields, and
//! can be compared with itself after a rehearsal.
//!
//! Guarantees: a text that is replaced is nowhere in the object any more, its managedFields included, but
//! where the same text stands in a place that is kept; what a playbook's step names by its path is kept;
//! the number of members and of items stays.

mod owners;
mod rules;

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::field::Path;
use crate::field::path::{Segment, canonical};

use super::left::Group;
use owners::{Change, Step};
use rules::{Family, Rule};

/// What stands where a text stood.
pub const PLACEHOLDER: &str = "redacted";
/// The same in base 64.
const PLACEHOLDER_64: &str = "cmVkYWN0ZWQ=";

/// How many texts of each group were replaced or taken out.
pub type Counts = BTreeMap<Group, u64>;

/// Takes out of an object what does not leave the cluster; what these paths name is kept.
pub fn redact(object: &mut Value, kept: &[&Path]) -> Counts {
    let family = Family::of(object);
    let mut walk = Walk {
        family,
        place: Vec::new(),
        counts: Counts::new(),
        changes: Vec::new(),
    };
    let kept: Kept<'_> = kept.iter().map(|path| path.segments()).collect();
    walk.value(object, &kept, Rule::Look);
    let Walk {
        counts, changes, ..
    } = walk;
    owners::follow(object, &changes);
    counts
}

/// What is still ahead of each path that is kept.
type Kept<'a> = Vec<&'a [Segment]>;

struct Walk {
    family: Family,
    place: Vec<Step>,
    counts: Counts,
    changes: Vec<Change>,
}

impl Walk {
    /// Looks at a value to which `rule` applies.
    fn value(&mut self, value: &mut Value, kept: &Kept<'_>, rule: Rule) {
        if kept.iter().any(|ahead| ahead.is_empty()) {
            return;
        }
        match value {
            Value::Object(members) => self.members(members, kept, rule),
            Value::Array(items) => self.items(items, kept, rule),
            Value::String(text) => self.text(text, rule),
            Value::Number(number) => {
                if let Rule::Scrub(group) = rule
                    && *number != Number::from(0)
                {
                    *number = Number::from(0);
                    self.count(group);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn members(&mut self, members: &mut Map<String, Value>, kept: &Kept<'_>, rule: Rule) {
        let names: Vec<String> = members.keys().cloned().collect();
        for name in names {
            let inside = step(kept, |segment| match segment {
                Segment::Field(field) => *field == name,
                Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => false,
            });
            let is_kept = inside.iter().any(|ahead| ahead.is_empty());
            let is_owners = name == "managedFields" && self.is_at(&["metadata"]);
            if is_kept || is_owners {
                continue;
            }
            let Some(value) = members.get_mut(&name) else {
                continue;
            };
            let own = match rule {
                Rule::Look | Rule::Drop(_) => {
                    let above = self.above();
                    rules::rule(self.family, &above, &name, value)
                }
                Rule::OfItems(group, wanted) if name == wanted => Rule::Scrub(group),
                Rule::OfItems(..) => Rule::Look,
                Rule::Annotations => {
                    self.annotation(&name, value);
                    Rule::Look
                }
                Rule::Scrub(_) | Rule::Scrub64(_) => rule,
            };
            if let Rule::Drop(group) = own {
                members.remove(&name);
                let place = self.place.clone();
                self.changes.push(Change::Dropped { place, name });
                self.count(group);
                continue;
            }
            self.place.push(Step::Member(name));
            self.value(value, &inside, own);
            self.place.pop();
        }
    }

    fn items(&mut self, items: &mut [Value], kept: &Kept<'_>, rule: Rule) {
        let before: Vec<Value> = items.iter().map(owners::names).collect();
        for (index, item) in items.iter_mut().enumerate() {
            let inside = step(kept, |segment| is_item(segment, index, item));
            if inside.iter().any(|ahead| ahead.is_empty()) {
                continue;
            }
            self.place.push(Step::Item(index, before[index].clone()));
            match (&mut *item, rule) {
                // Items of a set have to differ.
                (Value::String(text), Rule::Scrub(group)) if !text.is_empty() => {
                    *text = format!("{PLACEHOLDER}-{index}");
                    self.count(group);
                }
                (item, rule) => self.value(item, &inside, rule),
            }
            self.place.pop();
        }
        let after: Vec<Value> = items.iter().map(owners::names).collect();
        if before != after {
            let place = self.place.clone();
            self.changes.push(Change::Renamed {
                place,
                before,
                after,
            });
        }
    }

    fn text(&mut self, text: &mut String, rule: Rule) {
        let (group, placeholder) = match rule {
            _ if text.is_empty() => return,
            Rule::Scrub(group) => (group, PLACEHOLDER),
            Rule::Scrub64(group) => (group, PLACEHOLDER_64),
            Rule::Look | Rule::Drop(_) | Rule::OfItems(..) | Rule::Annotations => {
                let is_read = ![Family::AsWritten, Family::Definition].contains(&self.family);
                if is_read && let Some(without) = rules::without_passwords(text) {
                    *text = without;
                    self.count(Group::Named);
                }
                return;
            }
        };
        placeholder.clone_into(text);
        self.count(group);
    }

    fn annotation(&mut self, name: &str, value: &mut Value) {
        if let Value::String(text) = value
            && let Some(placeholder) = rules::annotation(name, text)
            && text != placeholder
        {
            placeholder.clone_into(text);
            self.count(Group::Annotations);
        }
    }

    fn count(&mut self, group: Group) {
        *self.counts.entry(group).or_default() += 1;
    }

    /// The names that lead here.
    fn above(&self) -> Vec<&str> {
        let names = self.place.iter().filter_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Item(..) => None,
        });
        names.collect()
    }

    fn is_at(&self, names: &[&str]) -> bool {
        self.place.len() == names.len() && self.above() == names
    }
}

/// What of the paths is ahead behind a step that they name.
fn step<'a>(kept: &Kept<'a>, names: impl Fn(&Segment) -> bool) -> Kept<'a> {
    let stepped = kept.iter().filter_map(|ahead| {
        let (first, rest) = ahead.split_first()?;
        names(first).then_some(rest)
    });
    stepped.collect()
}

/// Whether a segment of a path names this item.
fn is_item(segment: &Segment, index: usize, item: &Value) -> bool {
    match segment {
        Segment::Field(_) => false,
        Segment::Index(place) => *place == index,
        Segment::Value(value) => *value == canonical(item),
        Segment::Key(keys) => keys.iter().all(|(name, value)| {
            item.get(name)
                .is_some_and(|found| canonical(found) == *value)
        }),
    }
}

#[cfg(test)]
mod tests;
