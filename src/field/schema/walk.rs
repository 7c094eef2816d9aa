//! A path's way through a schema, segment by segment.

use std::collections::BTreeMap;

use super::{List, Node, Others, Schemas};
use crate::field::path::{Path, Segment};

/// Where the way has come to.
enum Spot<'a> {
    /// A schema.
    At(&'a Node),
    /// Something of which the schema says nothing: any field may be there.
    Open,
}

/// Holds a path against the schema of its kind.
pub(super) fn check<'a>(schemas: &'a Schemas, root: &'a Node, path: &Path) -> Result<(), String> {
    let mut spot = Spot::At(root);
    for (depth, segment) in path.segments().iter().enumerate() {
        let step = Step {
            schemas,
            above: path.prefix(depth).to_pointer(),
            rest: Path::new(path.segments()[depth + 1..].to_vec()).to_pointer(),
            asked: path.prefix(depth + 1).to_pointer(),
        };
        spot = match (&spot, segment) {
            (Spot::Open, Segment::Field(_)) => Spot::Open,
            (Spot::Open, Segment::Key(_) | Segment::Value(_) | Segment::Index(_)) => {
                return Err(step.no_keys());
            }
            (Spot::At(node), segment) => match schemas.resolve(node) {
                Some(node) => step.through(node, segment)?,
                None => Spot::Open,
            },
        };
    }
    Ok(())
}

/// One step of the way, as messages name it.
struct Step<'a> {
    schemas: &'a Schemas,
    /// The path up to here.
    above: String,
    /// The path with this segment.
    asked: String,
    /// What comes after it.
    rest: String,
}

impl<'a> Step<'a> {
    fn through(&self, node: &'a Node, segment: &Segment) -> Result<Spot<'a>, String> {
        let is_list = node.kind.as_deref() == Some("array");
        match segment {
            Segment::Field(_) if is_list => Err(self.list_without_item(node)),
            Segment::Field(name) => self.field(node, name),
            Segment::Key(_) | Segment::Value(_) | Segment::Index(_) if !is_list => {
                if node.kind.is_none() || node.open {
                    return Err(self.no_keys());
                }
                Err(format!(
                    "`{}` is no list, so `{}` is nothing: write the name of a field after a `/`",
                    self.above, self.asked
                ))
            }
            Segment::Key(keys) => self.item(node, keys),
            Segment::Value(_) => match node.list() {
                List::Set => Ok(item(node)),
                List::Map(names) => Err(self.told_apart_by(&names)),
                List::Atomic => Err(self.no_keys()),
            },
            Segment::Index(_) => match node.list() {
                List::Map(names) => Err(self.told_apart_by(&names)),
                List::Set => Err(self.by_value()),
                List::Atomic => Err(self.no_keys()),
            },
        }
    }

    fn field(&self, node: &'a Node, name: &str) -> Result<Spot<'a>, String> {
        if let Some(child) = node.properties.get(name) {
            return Ok(Spot::At(child));
        }
        match &node.others {
            Some(Others::Of(child)) => return Ok(Spot::At(child)),
            Some(Others::Any(true)) => return Ok(Spot::Open),
            Some(Others::Any(false)) | None => {}
        }
        // Of an object without a word about its fields nothing is known, and of one that is an
        // object of its own (a template) not what every object has.
        let is_object = node.kind.as_deref().is_none_or(|kind| kind == "object");
        if node.open || node.embedded || (is_object && node.properties.is_empty()) {
            return Ok(Spot::Open);
        }
        if !is_object {
            return Err(format!(
                "`{}` is a single value and has no fields, so there is no `{}`: set `{}` itself",
                self.above, self.asked, self.above
            ));
        }
        let names = node.properties.keys().map(|name| format!("`{name}`"));
        let names: Vec<String> = names.collect();
        Err(format!(
            "there is no field `{}`: `{}` has {}",
            self.asked,
            if self.above.is_empty() {
                "/"
            } else {
                &self.above
            },
            some(&names)
        ))
    }

    fn item(&self, node: &'a Node, keys: &BTreeMap<String, String>) -> Result<Spot<'a>, String> {
        let names = match node.list() {
            List::Map(names) => names,
            List::Set => return Err(self.by_value()),
            List::Atomic => return Err(self.no_keys()),
        };
        if keys.len() != names.len() || !names.iter().all(|name| keys.contains_key(*name)) {
            return Err(self.told_apart_by(&names));
        }
        let inside = node.items.as_deref();
        let inside = inside.and_then(|items| self.schemas.resolve(items));
        for (key, value) in keys {
            let kind = inside
                .and_then(|items| items.properties.get(key.as_str()))
                .and_then(|key| self.schemas.resolve(key))
                .and_then(|key| key.kind.as_deref());
            let is_text = value.starts_with('"');
            let (what, write) = match kind {
                Some("string") if !is_text => ("a text", format!("\"{value}\"")),
                Some("integer") if is_text => {
                    let number = value.trim_matches('"').parse::<i64>();
                    let shown = number.map_or("…".to_owned(), |number| number.to_string());
                    ("a number", shown)
                }
                Some(_) | None => continue,
            };
            return Err(format!(
                "`{key}` in `{}` is {what}: write `{key}={write}`",
                self.asked
            ));
        }
        Ok(item(node))
    }

    fn list_without_item(&self, node: &Node) -> String {
        match node.list() {
            List::Map(names) => self.told_apart_by(&names),
            List::Set => self.by_value(),
            List::Atomic => self.no_keys(),
        }
    }

    fn told_apart_by(&self, names: &[&str]) -> String {
        let Self { above, asked, .. } = self;
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let keys: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
        format!(
            "`{asked}` is no item: those of `{above}` are told apart by {}, so write \
             `{above}[{}]{}`",
            quoted.join(" and "),
            keys.join(","),
            self.rest
        )
    }

    fn by_value(&self) -> String {
        let Self { above, asked, .. } = self;
        format!("`{asked}` is no item: `{above}` is a set of values, so write `{above}[=…]`")
    }

    fn no_keys(&self) -> String {
        let Self { above, asked, .. } = self;
        format!(
            "`{asked}` cannot be changed by itself: the items of `{above}` have no keys, so the \
             list is one value; set the whole of `{above}`"
        )
    }
}

fn item(list: &Node) -> Spot<'_> {
    list.items.as_deref().map_or(Spot::Open, Spot::At)
}

/// Names that a message lists: more than these nobody reads.
const NAMED: usize = 24;

fn some(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED {
        format!("{shown} and {} more", names.len() - NAMED)
    } else {
        shown
    }
}
