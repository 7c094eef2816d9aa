//! Objects as their schema types them: which fields they have, and what differs between two.

use serde_json::{Map, Value};

use super::super::schema::{Part, Shape, Topology};
use super::set::{Branch, Set, Way};

/// What stands at a place, as far as merging and owning go.
#[derive(Clone, Copy)]
pub enum Atom<'a> {
    /// A value that is owned as one.
    Leaf,
    /// A list whose items are told apart by themselves.
    Set(Option<Part<'a>>),
    /// A list whose items are told apart by these of their members.
    Keyed(Option<Part<'a>>, &'a [String]),
    /// An object whose members are owned one by one.
    Map(Option<Part<'a>>),
}

/// What a value is at a place. Where the schema does not say, an object is a map, and a list one value.
pub fn atom<'a>(part: Option<Part<'a>>, value: Option<&Value>) -> Atom<'a> {
    let Some(part) = part else {
        return deduced(value);
    };
    let node = part.node();
    match (node.shape, &node.topology) {
        (Shape::List, Topology::Set) => Atom::Set(part.items()),
        (Shape::List, Topology::Keyed(keys)) => Atom::Keyed(part.items(), keys),
        (Shape::Object, Topology::Usual | Topology::Set | Topology::Keyed(_)) => {
            Atom::Map(Some(part))
        }
        (Shape::Any, _) => deduced(value),
        (Shape::Object | Shape::List, Topology::Atomic)
        | (Shape::List, Topology::Usual)
        | (Shape::Boolean | Shape::Integer | Shape::Number | Shape::Text | Shape::IntOrText, _) => {
            Atom::Leaf
        }
    }
}

fn deduced<'a>(value: Option<&Value>) -> Atom<'a> {
    match value {
        Some(Value::Object(_)) => Atom::Map(None),
        _ => Atom::Leaf,
    }
}

/// The schema of a member.
pub fn member<'a>(part: Option<Part<'a>>, name: &str) -> Option<Part<'a>> {
    part?.member(name)
}

/// Whether a member is one that the schema names.
fn is_named(part: Option<Part<'_>>, name: &str) -> bool {
    part.is_some_and(|part| part.property(name).is_some())
}

/// The segment of an item of a list.
pub fn item_segment(items: Option<Part<'_>>, keys: Option<&[String]>, item: &Value) -> String {
    let Some(keys) = keys else {
        return format!("v:{item}");
    };
    let mut named = Map::new();
    for key in keys {
        let default = || member(items, key).and_then(|part| part.node().default.clone());
        if let Some(value) = item.get(key).cloned().or_else(default) {
            named.insert(key.clone(), value);
        }
    }
    format!("k:{}", Value::Object(named))
}

/// The items of a list with their segments.
pub fn items<'v>(
    part: Option<Part<'_>>,
    keys: Option<&[String]>,
    list: Option<&'v Value>,
) -> Vec<(String, &'v Value)> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.map(|item| (item_segment(part, keys, item), item))
        .collect()
}

/// All fields of an object.
pub fn owned(part: Part<'_>, object: &Value) -> Set {
    let mut set = Set::default();
    collect(Some(part), object, &mut Vec::new(), &mut set);
    set
}

fn collect(part: Option<Part<'_>>, value: &Value, way: &mut Way, set: &mut Set) {
    match atom(part, Some(value)) {
        Atom::Leaf => set.insert(way),
        Atom::Set(inner) => collect_items(inner, None, value, way, set),
        Atom::Keyed(inner, keys) => collect_items(inner, Some(keys), value, way, set),
        Atom::Map(own) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                way.push(format!("f:{name}"));
                collect(member(own, name), value, way, set);
                let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if is_empty || !is_named(own, name) {
                    set.insert(way);
                }
                way.pop();
            }
        }
    }
}

fn collect_items(
    part: Option<Part<'_>>,
    keys: Option<&[String]>,
    list: &Value,
    way: &mut Way,
    set: &mut Set,
) {
    for (segment, item) in items(part, keys, Some(list)) {
        way.push(segment);
        collect(part, item, way, set);
        set.insert(way);
        way.pop();
    }
}

/// What differs between two objects.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// What only the new one has.
    pub added: Set,
    /// What only the old one has.
    pub removed: Set,
    /// What has another value.
    pub modified: Set,
}

/// What differs between two objects of one kind; a null is no object.
pub fn compare(part: Part<'_>, old: &Value, new: &Value) -> Difference {
    let mut walk = Walk {
        found: Difference::default(),
        way: Vec::new(),
    };
    let some = |value: &Value| !value.is_null();
    walk.at(
        Some(part),
        Some(old).filter(|old| some(old)),
        Some(new).filter(|new| some(new)),
    );
    walk.found
}

struct Walk {
    found: Difference,
    way: Way,
}

impl Walk {
    fn at(&mut self, part: Option<Part<'_>>, old: Option<&Value>, new: Option<&Value>) {
        // Equal values differ in nothing, however they are typed.
        if old == new {
            return;
        }
        if let (None, Some(new)) = (old, new) {
            self.found.added.graft(&self.way, branch(part, new));
            return;
        }
        let is_leaf = match (old, new) {
            (Some(old), None) => self.as_atom(atom(part, Some(old)), Some(old), None),
            (Some(before), Some(after)) if before.is_object() != after.is_object() => {
                let before = self.as_atom(atom(part, old), old, new);
                self.as_atom(atom(part, Some(after)), old, new) || before
            }
            (Some(_) | None, Some(_) | None) => self.as_atom(atom(part, new), old, new),
        };
        if is_leaf {
            return;
        }
        if new.is_none() {
            self.found.removed.insert(&self.way);
        }
    }

    /// Looks at a place as one thing or another; says whether it is one value.
    fn as_atom(&mut self, atom: Atom<'_>, old: Option<&Value>, new: Option<&Value>) -> bool {
        match atom {
            Atom::Leaf => self.leaf(old, new),
            Atom::Set(_) | Atom::Keyed(..) | Atom::Map(_) if is_hollow(old) && is_hollow(new) => {
                self.leaf(old, new)
            }
            Atom::Set(items) => self.items(items, None, old, new),
            Atom::Keyed(items, keys) => self.items(items, Some(keys), old, new),
            Atom::Map(part) => {
                self.members(part, old, new);
                false
            }
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) -> bool {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.way),
            (_, None) => self.found.removed.insert(&self.way),
            (old, new) if old != new => self.found.modified.insert(&self.way),
            _ => {}
        }
        true
    }

    fn members(&mut self, part: Option<Part<'_>>, old: Option<&Value>, new: Option<&Value>) {
        let (before, after) = (
            old.and_then(Value::as_object),
            new.and_then(Value::as_object),
        );
        for (name, value) in before.into_iter().flatten() {
            let other = after.and_then(|after| after.get(name));
            self.member(part, name, Some(value), other);
        }
        for (name, value) in after.into_iter().flatten() {
            if before.is_none_or(|before| !before.contains_key(name)) {
                self.member(part, name, None, Some(value));
            }
        }
    }

    fn member(
        &mut self,
        part: Option<Part<'_>>,
        name: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        if old == new {
            return;
        }
        self.way.push(format!("f:{name}"));
        self.at(member(part, name), old, new);
        self.way.pop();
    }

    fn items(
        &mut self,
        part: Option<Part<'_>>,
        keys: Option<&[String]>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> bool {
        let (before, after) = (items(part, keys, old), items(part, keys, new));
        let find = |all: &[(String, &Value)], segment: &str| {
            all.iter().position(|(other, _)| other == segment)
        };
        for (segment, item) in &before {
            let other = find(&after, segment).map(|at| after[at].1);
            self.item(part, segment, Some(item), other);
        }
        for (segment, item) in &after {
            if find(&before, segment).is_none() {
                self.item(part, segment, None, Some(item));
            }
        }
        false
    }

    fn item(
        &mut self,
        part: Option<Part<'_>>,
        segment: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        self.way.push(segment.to_owned());
        self.at(part, old, new);
        self.way.pop();
    }
}

/// All fields of a value that is new, its own included.
fn branch(part: Option<Part<'_>>, value: &Value) -> Branch {
    let mut own = Branch::default();
    match atom(part, Some(value)) {
        Atom::Leaf => {}
        Atom::Set(inner) => {
            for (segment, item) in items(inner, None, Some(value)) {
                own.put(segment, branch(inner, item));
            }
        }
        Atom::Keyed(inner, keys) => {
            for (segment, item) in items(inner, Some(keys), Some(value)) {
                own.put(segment, branch(inner, item));
            }
        }
        Atom::Map(part) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                own.put(format!("f:{name}"), branch(member(part, name), value));
            }
        }
    }
    own
}

/// Whether there is nothing, or nothing in it.
fn is_hollow(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    }
}
