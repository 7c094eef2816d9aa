//! A patch in the making: where edits add into, what has been created on the way, and which
//! parents are left empty. Used by [`super::patch`] alone.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::PatchOperation;
use serde_json::{Map, Value, json};

use super::image::Image;
use super::locate::Shape;
use super::ops;
use super::patch::{Edit, Error};
use super::path::{Path, Segment, canonical, escape};
use super::project::Seen;

/// A patch in the making. Pointers are of the object as seen plus what was added to it: values
/// are put first and taken out last, so that no index moves meanwhile.
pub(crate) struct Draft {
    operations: Vec<PatchOperation>,
    /// Objects and lists that this patch creates.
    created: BTreeMap<Path, Spot>,
    /// How many members this patch adds, by the pointer of the object or list.
    grown: BTreeMap<String, usize>,
}

/// An object or list into which a value is put.
#[derive(Clone)]
struct Spot {
    depth: usize,
    pointer: String,
    shape: Shape,
}

impl Draft {
    /// A patch that starts with these operations.
    pub(crate) fn new(operations: Vec<PatchOperation>) -> Self {
        Self {
            operations,
            created: BTreeMap::new(),
            grown: BTreeMap::new(),
        }
    }

    /// The finished patch.
    pub(crate) fn into_operations(self) -> Vec<PatchOperation> {
        self.operations
    }

    /// Demands that a value is what it was when it was seen.
    pub(crate) fn demand(&mut self, pointer: &str, value: Value) {
        self.operations.push(ops::test(pointer, value));
    }

    /// Sets a member of an object that is there.
    pub(crate) fn set_member(&mut self, object: &str, pointer: &str, value: Value, is_new: bool) {
        self.operations.push(ops::add(pointer, value));
        *self.grown.entry(object.to_owned()).or_default() += usize::from(is_new);
    }

    /// Creates an object of one member.
    pub(crate) fn create_object(&mut self, path: Path, pointer: &str, value: Value) {
        self.operations.push(ops::add(pointer, value));
        *self.grown.entry(pointer.to_owned()).or_default() += 1;
        let spot = Spot {
            depth: path.segments().len(),
            pointer: pointer.to_owned(),
            shape: Shape::Object(0),
        };
        self.created.insert(path, spot);
    }

    /// Puts a value into a field, and returns the parents that this creates.
    pub(crate) fn put(&mut self, seen: &Seen, value: &Value) -> Result<Vec<Path>, Error> {
        let path = &seen.path;
        let Some(last) = path.segments().last() else {
            return refuse(path, "the whole object cannot be written; name its fields");
        };
        if seen.image != Image::Absent {
            let value = identified(path, last, value.clone())?;
            let operation = if last.is_item() {
                ops::replace
            } else {
                ops::add
            };
            self.operations.push(operation(&seen.place.pointer, value));
            return Ok(Vec::new());
        }
        let spot = self.spot(seen);
        let entered = &path.segments()[spot.depth];
        let token = self.enter(path, &spot, entered)?;
        let value = nest(path, spot.depth, value.clone())?;
        let end = if entered.is_item() { "-" } else { &token };
        self.operations
            .push(ops::add(&format!("{}/{end}", spot.pointer), value));
        *self.grown.entry(spot.pointer.clone()).or_default() += 1;
        Ok(self.remember(path, &spot, &token))
    }

    /// Takes out the fields that are to be absent, and parents that are left empty.
    pub(crate) fn take_out(&mut self, edits: &[(&Edit, &Seen)]) {
        let absent: Vec<_> = edits
            .iter()
            .filter(|(edit, _)| edit.to == Image::Absent)
            .collect();
        let mut gone: BTreeSet<String> = absent
            .iter()
            .filter(|(_, seen)| seen.image != Image::Absent)
            .map(|(_, seen)| seen.place.pointer.clone())
            .collect();
        // The innermost first: one that goes may leave the next one empty.
        let mut parents: Vec<&Path> = absent
            .iter()
            .flat_map(|(edit, _)| &edit.remove_parents)
            .collect();
        parents.sort_by_key(|path| std::cmp::Reverse(path.segments().len()));
        for parent in parents {
            let below = absent.iter().find(|(_, seen)| {
                seen.path.starts_with(parent) && seen.place.existing >= parent.segments().len()
            });
            if let Some((_, seen)) = below
                && seen.path != *parent
                && self.is_left_empty(parent, seen, &gone)
            {
                gone.insert(seen.place.pointer_of(parent.segments().len()).to_owned());
            }
        }
        let mut pointers: Vec<&String> = gone
            .iter()
            .filter(|pointer| !gone.iter().any(|other| is_below(pointer, other)))
            .collect();
        // The last item of a list first, so that the others stay where they are.
        pointers.sort_by_cached_key(|pointer| std::cmp::Reverse(order(pointer)));
        self.operations
            .extend(pointers.into_iter().map(|pointer| ops::remove(pointer)));
    }

    /// The deepest object or list on the way to a field that is there, or is by now.
    fn spot(&self, seen: &Seen) -> Spot {
        let place = &seen.place;
        let mut depths = (place.existing..seen.path.segments().len()).rev();
        depths
            .find_map(|depth| self.created.get(&seen.path.prefix(depth)).cloned())
            .unwrap_or_else(|| Spot {
                depth: place.existing,
                pointer: place.pointer.clone(),
                shape: place.shapes.last().copied().unwrap_or(Shape::Scalar),
            })
    }

    /// The token under which a new value will stand in an object or list.
    fn enter(&self, path: &Path, spot: &Spot, segment: &Segment) -> Result<String, Error> {
        let holder = path.prefix(spot.depth).to_pointer();
        match (spot.shape, segment) {
            (Shape::Object(_), Segment::Field(name)) => Ok(escape(name)),
            (Shape::List(items), Segment::Key(_) | Segment::Value(_) | Segment::Index(_)) => {
                let next = items + self.grown.get(&spot.pointer).copied().unwrap_or_default();
                if matches!(segment, Segment::Index(index) if *index != next) {
                    let problem = format!("{holder} has {next} items; write [{next}] to add one");
                    return refuse(path, &problem);
                }
                Ok(next.to_string())
            }
            (Shape::List(_), Segment::Field(_)) => refuse(
                path,
                &format!("{holder} is a list; name an item: {holder}[name=web] or {holder}[0]"),
            ),
            (Shape::Object(_), Segment::Key(_) | Segment::Value(_) | Segment::Index(_)) => refuse(
                path,
                &format!("{holder} is an object and no list; write / and a name"),
            ),
            (Shape::Null, _) => refuse(
                path,
                &format!("{holder} is null; write {holder} as a whole"),
            ),
            (Shape::Scalar, _) => refuse(
                path,
                &format!("{holder} holds a plain value; nothing can be put beneath it"),
            ),
        }
    }

    /// Notes what was created on the way from a spot to a field, and returns it.
    fn remember(&mut self, path: &Path, spot: &Spot, token: &str) -> Vec<Path> {
        let segments = path.segments();
        let mut pointer = format!("{}/{token}", spot.pointer);
        let mut parents = Vec::new();
        for (depth, segment) in segments.iter().enumerate().skip(spot.depth + 1) {
            let (shape, token) = match segment {
                Segment::Field(name) => (Shape::Object(1), escape(name)),
                Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => {
                    (Shape::List(1), "0".to_owned())
                }
            };
            let made = Spot {
                depth,
                pointer: pointer.clone(),
                shape,
            };
            self.created.insert(path.prefix(depth), made);
            parents.push(path.prefix(depth));
            pointer = format!("{pointer}/{token}");
        }
        parents
    }

    /// Whether nothing but keys would be left in a parent of a field.
    fn is_left_empty(&self, parent: &Path, seen: &Seen, gone: &BTreeSet<String>) -> bool {
        let depth = parent.segments().len();
        let pointer = seen.place.pointer_of(depth);
        let keys = match parent.segments().last() {
            Some(Segment::Key(keys)) => keys.len(),
            Some(Segment::Field(_) | Segment::Value(_) | Segment::Index(_)) => 0,
            // The whole object never goes.
            None => return false,
        };
        let (Some(Shape::Object(size) | Shape::List(size)), grown) =
            (seen.place.shapes.get(depth), self.grown.get(pointer))
        else {
            return false;
        };
        let leaving = gone
            .iter()
            .filter(|other| other.rsplit_once('/').is_some_and(|(of, _)| of == pointer))
            .count();
        size + grown.copied().unwrap_or_default() == keys + leaving
    }
}

/// What has to be put where the path ends to exist: the value, inside what is missing around it.
fn nest(path: &Path, from: usize, value: Value) -> Result<Value, Error> {
    let segments = path.segments();
    let mut value = identified(path, &segments[segments.len() - 1], value)?;
    for depth in (from + 1..segments.len()).rev() {
        value = match &segments[depth] {
            Segment::Field(name) => Value::Object(Map::from_iter([(name.clone(), value)])),
            Segment::Key(_) | Segment::Value(_) | Segment::Index(0) => json!([value]),
            Segment::Index(_) => {
                return refuse(
                    path,
                    "the list does not exist; write [0] for its first item",
                );
            }
        };
        value = identified(path, &segments[depth - 1], value)?;
    }
    Ok(value)
}

/// A value with the keys by which its list knows it.
fn identified(path: &Path, segment: &Segment, mut value: Value) -> Result<Value, Error> {
    let keys = match segment {
        Segment::Field(_) | Segment::Index(_) => return Ok(value),
        Segment::Value(text) if *text == canonical(&value) => return Ok(value),
        Segment::Value(text) => {
            return refuse(
                path,
                &format!("the item is named by its value; write {text}"),
            );
        }
        Segment::Key(keys) => keys,
    };
    let Some(members) = value.as_object_mut() else {
        return refuse(path, "an item with keys is an object; write one");
    };
    for (key, text) in keys {
        match members.get(key) {
            Some(value) if canonical(value) == *text => {}
            Some(_) => {
                return refuse(
                    path,
                    &format!("the item is named by `{key}`; let it be {text}"),
                );
            }
            None => match serde_json::from_str(text) {
                Ok(value) => {
                    members.insert(key.clone(), value);
                }
                Err(_) => return refuse(path, &format!("`{text}` is no JSON value of `{key}`")),
            },
        }
    }
    Ok(value)
}

fn refuse<T>(path: &Path, problem: &str) -> Result<T, Error> {
    super::patch::NoParentSnafu {
        path: path.to_pointer(),
        problem,
    }
    .fail()
}

/// Whether a pointer lies beneath another one.
fn is_below(pointer: &str, other: &str) -> bool {
    pointer
        .strip_prefix(other)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// An order of pointers in which indices count as numbers.
fn order(pointer: &str) -> Vec<(Option<usize>, &str)> {
    pointer
        .split('/')
        .map(|token| (token.parse().ok(), token))
        .collect()
}
