//! A whole object as fields that can be changed one by one, as the server tells them apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{List, Node, Others, Schemas};
use crate::field::image::Image;
use crate::field::path::{Path, Segment, canonical};

/// The fields of a value, by the schema of its kind; where that is not known every list is one.
pub(super) fn leaves(schemas: &Schemas, root: Option<&Node>, value: &Value) -> Vec<(Path, Image)> {
    let mut walk = Walk {
        schemas,
        at: Vec::new(),
        leaves: Vec::new(),
    };
    walk.value(root, value);
    let mut leaves = walk.leaves;
    leaves.sort_by(|(one, _), (other, _)| one.cmp(other));
    leaves
}

struct Walk<'a> {
    schemas: &'a Schemas,
    at: Vec<Segment>,
    leaves: Vec<(Path, Image)>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: Option<&'a Node>, value: &Value) {
        let node = node.and_then(|node| self.schemas.resolve(node));
        match value {
            // What is null is not given.
            Value::Null => {}
            Value::Object(members) if !members.is_empty() => {
                for (name, member) in members {
                    let inside = node.and_then(|node| member_of(node, name));
                    self.under(Segment::Field(name.clone()), inside, member);
                }
            }
            Value::Array(items) if !items.is_empty() => self.list(node, items),
            Value::Object(_)
            | Value::Array(_)
            | Value::String(_)
            | Value::Number(_)
            | Value::Bool(_) => self.leaf(value),
        }
    }

    fn list(&mut self, node: Option<&'a Node>, items: &[Value]) {
        let each = node.and_then(|node| node.items.as_deref());
        let told_apart = match node.map(Node::list) {
            Some(List::Map(names)) => {
                let keys = items.iter().map(|item| self.keys(each, &names, item));
                keys.collect::<Option<Vec<_>>>()
            }
            Some(List::Set) => {
                let values = items.iter().map(|item| Segment::Value(canonical(item)));
                Some(values.collect())
            }
            Some(List::Atomic) | None => None,
        };
        let Some(segments) = told_apart else {
            return self.leaf(&Value::from(items.to_vec()));
        };
        for (segment, item) in segments.into_iter().zip(items) {
            let Segment::Key(keys) = &segment else {
                self.at.push(segment);
                self.leaf(item);
                self.at.pop();
                continue;
            };
            let mut rest: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
            rest.retain(|name, _| !keys.contains_key(name));
            // An item that is its keys and nothing else is one field.
            let whole = if rest.is_empty() {
                item.clone()
            } else {
                rest.into()
            };
            if whole == *item {
                self.at.push(segment);
                self.leaf(item);
                self.at.pop();
            } else {
                self.under(segment, each, &whole);
            }
        }
    }

    /// What names an item: a key that is left out has its default.
    fn keys(&self, each: Option<&'a Node>, names: &[&str], item: &Value) -> Option<Segment> {
        let each = each.and_then(|each| self.schemas.resolve(each));
        let default = |name: &str| {
            let of = each?.properties.get(name)?;
            of.default.as_deref().cloned()
        };
        let keys: Option<BTreeMap<String, String>> = names
            .iter()
            .map(|name| {
                let value = item.get(*name).cloned().or_else(|| default(name))?;
                Some(((*name).to_owned(), canonical(&value)))
            })
            .collect();
        keys.map(Segment::Key)
    }

    fn under(&mut self, segment: Segment, node: Option<&'a Node>, value: &Value) {
        self.at.push(segment);
        self.value(node, value);
        self.at.pop();
    }

    fn leaf(&mut self, value: &Value) {
        let path = Path::new(self.at.clone());
        self.leaves.push((path, Image::Present(value.clone())));
    }
}

fn member_of<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match (node.properties.get(name), &node.others) {
        (Some(member), _) => Some(member),
        (None, Some(Others::Of(member))) => Some(member),
        (None, Some(Others::Any(_)) | None) => None,
    }
}
