//! Sets of fields, as `managedFields` holds them (fieldsV1).
//!
//! A tree by segments. In fieldsV1 a `{}` is a member without members beneath, and a `.` inside
//! says that the path itself is a member too.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::path::{Error, Path, Segment};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    // Shared: thousands of entries of a journal name the same set.
    root: Arc<Node>,
}

/// One path of a set and what is beneath it. But for the root, a node is a member or has children.
#[derive(Clone, Debug, Default)]
struct Node {
    member: bool,
    children: Children,
    /// How the server spelled the segment, where that is not how we spell it (`1e+21`, `\u0026`):
    /// it is written back as it was.
    spelling: Option<Box<str>>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.member == other.member && self.children == other.children
    }
}

impl Eq for Node {}

/// The children of a node, sorted. No tree: most nodes have one child or few, every object of a
/// fleet has dozens of nodes, and a tree makes room for eleven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Children(Vec<(Segment, Node)>);

impl Children {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = &(Segment, Node)> {
        self.0.iter()
    }

    fn place(&self, segment: &Segment) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(segment))
    }

    fn get(&self, segment: &Segment) -> Option<&Node> {
        self.place(segment).ok().map(|place| &self.0[place].1)
    }

    fn get_mut(&mut self, segment: &Segment) -> Option<&mut Node> {
        let place = self.place(segment).ok()?;
        Some(&mut self.0[place].1)
    }

    /// The child of that name, made where there is none.
    fn or_insert_with(&mut self, segment: &Segment, child: impl FnOnce() -> Node) -> &mut Node {
        let place = self.place(segment).unwrap_or_else(|place| {
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, (segment.clone(), child()));
            place
        });
        &mut self.0[place].1
    }

    fn remove(&mut self, segment: &Segment) {
        if let Ok(place) = self.place(segment) {
            self.0.remove(place);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Node) -> bool) {
        self.0.retain(|(_, child)| keep(child));
    }

    /// Takes children in any order; the one that stands twice is the error.
    fn of(mut children: Vec<(Segment, Node)>) -> Result<Self, Segment> {
        children.sort_by(|(one, _), (other, _)| one.cmp(other));
        let twice = children.windows(2).find(|pair| pair[0].0 == pair[1].0);
        match twice {
            Some(pair) => Err(pair[0].0.clone()),
            None => Ok(Self(children)),
        }
    }
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads fieldsV1. Segments that do not parse are an error: what is not understood is never
    /// written back.
    pub fn parse(fields_v1: &Value) -> Result<Self, Error> {
        let mut root = Node::default();
        root.read(fields_v1)?;
        Ok(Self {
            root: Arc::new(root),
        })
    }

    /// Reads of fieldsV1 what lies on the way to some paths, and beneath them. An answer of the
    /// server has hundreds of members, and a write asks about one or two.
    ///
    /// Guarantees: for these paths and all above them, [`FieldSet::beneath`] and
    /// [`FieldSet::contains`] of a path say what the whole set says; of what lies beside the way it
    /// is known only that something is there.
    ///
    /// # Errors
    /// As [`FieldSet::parse`], for what is read.
    pub(crate) fn parse_near(fields_v1: &Value, paths: &[&Path]) -> Result<Self, Error> {
        let ways: Vec<&[Segment]> = paths.iter().map(|path| path.segments()).collect();
        let mut root = Node::default();
        root.read_near(fields_v1, &ways)?;
        Ok(Self {
            root: Arc::new(root),
        })
    }

    /// Writes fieldsV1.
    ///
    /// Guarantees: what was read from a server comes back the same.
    pub fn to_value(&self) -> Value {
        let mut object = self.root.write_children();
        if self.root.member {
            object.insert(".".to_owned(), json!({}));
        }
        Value::Object(object)
    }

    /// The set of one path.
    pub fn of(path: &Path) -> Self {
        let mut set = Self::default();
        Arc::make_mut(&mut set.root).insert(path.segments());
        set
    }

    /// Whether the path itself is a member.
    pub fn contains(&self, path: &Path) -> bool {
        self.node(path).is_some_and(|node| node.member)
    }

    /// The members at or beneath a path, as full paths in a set.
    #[must_use]
    pub fn beneath(&self, path: &Path) -> Self {
        Self {
            root: Arc::new(self.root.beneath(path.segments()).unwrap_or_default()),
        }
    }

    /// The member above a path that has no members beneath, if there is one: an atomic map or
    /// list, or a map of which its owner holds no member.
    pub(crate) fn above(&self, path: &Path) -> Option<Path> {
        let mut node = self.root.as_ref();
        for (depth, segment) in path.segments().iter().enumerate() {
            if node.member && node.children.is_empty() {
                return Some(path.prefix(depth));
            }
            node = node.children.get(segment)?;
        }
        None
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut set = self.clone();
        Arc::make_mut(&mut set.root).union(&other.root);
        set
    }

    /// Members of this set that are not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut set = self.clone();
        Arc::make_mut(&mut set.root).minus(&other.root);
        set
    }

    /// Members of this set that do not lie at or beneath a path.
    #[must_use]
    pub fn without(&self, path: &Path) -> Self {
        let mut set = self.clone();
        Arc::make_mut(&mut set.root).without(path.segments());
        set
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// All members.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.root.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        path.segments()
            .iter()
            .try_fold(self.root.as_ref(), |node, segment| {
                node.children.get(segment)
            })
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// A node that is named as this one, with nothing in it.
    fn bare(&self) -> Self {
        Self {
            spelling: self.spelling.clone(),
            ..Self::default()
        }
    }

    fn read(&mut self, fields: &Value) -> Result<(), Error> {
        self.read_near(fields, &[&[]])
    }

    /// Reads what lies on these ways and at their ends. Of the rest one child is kept, as a sign
    /// that there is more.
    fn read_near(&mut self, fields: &Value, ways: &[&[Segment]]) -> Result<(), Error> {
        let fields = nested(fields)?;
        let is_whole = ways.iter().any(|way| way.is_empty());
        let mut is_marked = false;
        let mut children = Vec::with_capacity(if is_whole { fields.len() } else { 2 });
        for (name, beneath) in fields {
            if name == "." {
                self.member = true;
                if !nested(beneath)?.is_empty() {
                    return Err(not_read(
                        &beneath.to_string(),
                        "a `.` holds `{}` and no more",
                    ));
                }
                continue;
            }
            if !is_whole && is_marked && is_beside(name, ways) {
                nested(beneath)?;
                continue;
            }
            let segment = Segment::parse(name)?;
            let mut onward: Vec<&[Segment]> = if is_whole { vec![&[]] } else { Vec::new() };
            onward.extend(ways.iter().filter_map(|way| match way.split_first() {
                Some((first, rest)) if *first == segment => Some(rest),
                Some(_) | None => None,
            }));
            let mut child = Self::default();
            if onward.is_empty() {
                is_marked = true;
                nested(beneath)?;
            } else {
                child.read_near(beneath, &onward)?;
            }
            child.member |= child.children.is_empty();
            let is_field = matches!(segment, Segment::Field(_));
            if !is_field && segment.to_string() != *name {
                child.spelling = Some(name.as_str().into());
            }
            children.push((segment, child));
        }
        self.children = Children::of(children).map_err(|twice| {
            not_read(
                &twice.to_string(),
                "it stands twice in one place, in two spellings",
            )
        })?;
        Ok(())
    }

    fn write_children(&self) -> Map<String, Value> {
        self.children
            .iter()
            .map(|(segment, child)| {
                let name = child
                    .spelling
                    .as_deref()
                    .map_or_else(|| segment.to_string(), str::to_owned);
                let mut object = child.write_children();
                if child.member && !child.children.is_empty() {
                    object.insert(".".to_owned(), json!({}));
                }
                (name, Value::Object(object))
            })
            .collect()
    }

    fn insert(&mut self, path: &[Segment]) {
        match path.split_first() {
            None => self.member = true,
            Some((first, rest)) => self
                .children
                .or_insert_with(first, Node::default)
                .insert(rest),
        }
    }

    fn beneath(&self, path: &[Segment]) -> Option<Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self.clone());
        };
        let child = self.children.get(first)?.beneath(rest)?;
        let mut node = self.bare();
        node.children.or_insert_with(first, || child);
        Some(node)
    }

    fn union(&mut self, other: &Self) {
        self.member |= other.member;
        for (segment, theirs) in other.children.iter() {
            self.children
                .or_insert_with(segment, || theirs.bare())
                .union(theirs);
        }
    }

    fn minus(&mut self, other: &Self) {
        self.member &= !other.member;
        for (segment, theirs) in other.children.iter() {
            if let Some(child) = self.children.get_mut(segment) {
                child.minus(theirs);
            }
        }
        self.children.retain(|child| !child.is_empty());
    }

    fn without(&mut self, path: &[Segment]) {
        let Some((first, rest)) = path.split_first() else {
            *self = self.bare();
            return;
        };
        if let Some(child) = self.children.get_mut(first) {
            child.without(rest);
            if child.is_empty() {
                self.children.remove(first);
            }
        }
    }

    fn collect(&self, at: &mut Vec<Segment>, paths: &mut Vec<Path>) {
        if self.member {
            paths.push(Path::new(at.clone()));
        }
        for (segment, child) in self.children.iter() {
            at.push(segment.clone());
            child.collect(at, paths);
            at.pop();
        }
    }
}

/// Whether a name of fieldsV1 is on none of these ways. A name that is no field's may be spelled in
/// more ways than one, and is looked at.
fn is_beside(name: &str, ways: &[&[Segment]]) -> bool {
    name.strip_prefix("f:").is_some_and(|field| {
        ways.iter()
            .filter_map(|way| way.first())
            .all(|first| !matches!(first, Segment::Field(known) if known == field))
    })
}

fn nested(fields: &Value) -> Result<&Map<String, Value>, Error> {
    fields.as_object().ok_or_else(|| {
        not_read(
            &fields.to_string(),
            "it is no object; fieldsV1 nests objects",
        )
    })
}

fn not_read(text: &str, problem: &str) -> Error {
    Error::Parse {
        text: text.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::path::tests::path;

    /// Paths over few names, so that sets meet each other.
    fn near() -> impl Strategy<Value = Path> {
        prop::collection::vec(
            prop_oneof![
                Just(Segment::Field("a".to_owned())),
                Just(Segment::Field("b".to_owned())),
                Just(Segment::Key(
                    [("name".to_owned(), "\"x\"".to_owned())].into()
                )),
                Just(Segment::Value("1".to_owned())),
            ],
            1..5,
        )
        .prop_map(Path::new)
    }

    fn set_of(paths: &[Path]) -> FieldSet {
        paths
            .iter()
            .fold(FieldSet::new(), |set, path| set.union(&FieldSet::of(path)))
    }

    fn set() -> impl Strategy<Value = FieldSet> {
        prop::collection::vec(near(), 0..12).prop_map(|paths| set_of(&paths))
    }

    proptest! {
        /// managedFields that we edit must keep what we do not mean to change.
        #[test]
        fn what_is_written_is_read_back(paths in prop::collection::vec(path(), 0..12)) {
            let set = set_of(&paths);
            let value = set.to_value();
            let again = FieldSet::parse(&value).unwrap();
            prop_assert_eq!(again.to_value(), value);
            prop_assert_eq!(&again, &set);
            let mut unique = paths;
            unique.sort();
            unique.dedup();
            prop_assert_eq!(set.paths(), unique);
        }

        /// What is read near a path must say of it what the whole says, or an owner is forgotten.
        #[test]
        fn what_is_read_near_a_path_says_of_it_what_the_whole_says(
            set in set(), path in near(), other in near()
        ) {
            let part = FieldSet::parse_near(&set.to_value(), &[&path, &other]).unwrap();
            for depth in 0..=path.segments().len() {
                let at = path.prefix(depth);
                prop_assert_eq!(part.contains(&at), set.contains(&at));
                let more = |of: &FieldSet| !of.beneath(&at).minus(&FieldSet::of(&at)).is_empty();
                prop_assert_eq!(more(&part), more(&set));
            }
            for asked in [&path, &other] {
                prop_assert_eq!(part.beneath(asked), set.beneath(asked));
                prop_assert_eq!(part.above(asked), set.above(asked));
            }
        }

        /// Ownership is handed over by these operations: none may lose or invent a member.
        #[test]
        fn sets_obey_the_laws_of_sets(a in set(), b in set(), path in near()) {
            let has = |set: &FieldSet| set.paths();
            let union = a.union(&b);
            for member in has(&union) {
                prop_assert!(a.contains(&member) || b.contains(&member));
            }
            prop_assert!(has(&a).iter().chain(&has(&b)).all(|member| union.contains(member)));
            let minus = a.minus(&b);
            for member in has(&a) {
                prop_assert_eq!(minus.contains(&member), !b.contains(&member));
            }
            prop_assert_eq!(minus.union(&b), union);
            prop_assert_eq!(a.union(&a), a.clone());
            prop_assert!(a.minus(&a).is_empty());
            let (beneath, without) = (a.beneath(&path), a.without(&path));
            prop_assert!(has(&beneath).iter().all(|member| member.starts_with(&path)));
            prop_assert!(!has(&without).iter().any(|member| member.starts_with(&path)));
            prop_assert_eq!(without.union(&beneath), a.clone());
            prop_assert_eq!(a.minus(&beneath), without);
            prop_assert_eq!(a.is_empty(), has(&a).is_empty());
        }
    }

    /// The shapes that a real server writes.
    #[test]
    fn members_are_dots_and_empty_objects() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}},
                "f:finalizers": {"v:\"x\"": {}},
            },
        });
        let set = FieldSet::parse(&fields).unwrap();
        assert_eq!(set.to_value(), fields);
        let members: Vec<_> = set.paths().iter().map(Path::to_pointer).collect();
        assert_eq!(
            members,
            [
                "/metadata/labels",
                "/metadata/labels/app",
                "/spec/containers[name=web]",
                "/spec/containers[name=web]/image",
                "/spec/finalizers[=x]",
                "/spec/replicas",
            ]
        );
        assert!(!set.contains(&Path::fields(["spec"])));
    }

    /// Go escapes and prints numbers in its own way; keys are written back as they were.
    #[test]
    fn the_servers_spelling_is_kept_and_does_not_matter_for_equality() {
        let fields = json!({"f:a": {"v:\"x\\u0026y\"": {}, "v:1e+21": {}}});
        let set = FieldSet::parse(&fields).unwrap();
        assert_eq!(set.to_value(), fields);
        let path = Path::new(vec![
            Segment::Field("a".to_owned()),
            Segment::Value("\"x&y\"".to_owned()),
        ]);
        assert!(set.contains(&path));
        assert_eq!(set.beneath(&path), FieldSet::of(&path));
        assert_eq!(
            set.beneath(&path).to_value(),
            json!({"f:a": {"v:\"x\\u0026y\"": {}}})
        );
    }

    /// A member above a path is found only where nothing lies beneath it.
    #[test]
    fn the_member_above_is_one_without_members_beneath() {
        let set = FieldSet::parse(&json!({
            "f:data": {}, "f:labels": {".": {}, "f:a": {}},
        }))
        .unwrap();
        let data = Path::fields(["data"]);
        assert_eq!(
            set.above(&Path::fields(["data", "x", "y"])),
            Some(data.clone())
        );
        assert_eq!(set.above(&data), None);
        assert_eq!(set.above(&Path::fields(["labels", "b"])), None);
    }

    /// What is not understood must never be written back changed.
    #[test]
    fn what_is_not_understood_is_an_error() {
        for fields in [
            json!({"spec": {}}),
            json!({"f:spec": 1}),
            json!({"f:spec": {".": {"f:x": {}}}}),
            json!({"f:a": {"k:{\"x\":1}": {}, "k:{ \"x\":1}": {}}}),
            json!([]),
            Value::Null,
        ] {
            assert!(FieldSet::parse(&fields).is_err(), "{fields}");
        }
    }
}
