//! Sets of fields, as fieldsV1 has them: a member is the way to it, segment by segment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The way to a field: `f:spec`, `k:{"name":"web"}`, `v:"x"` and so on.
pub type Way = Vec<String>;

/// A set of fields. It is kept as it is written: a segment that leads to an object without anything
/// is a member; one that is a member and has others beneath holds a `.` beside them. So an entry that
/// a write does not touch is read and written without being taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(Map<String, Value>);

/// Says of a segment with others beneath that it is a member itself.
const ITSELF: &str = ".";

impl Set {
    /// Reads fieldsV1.
    ///
    /// # Errors
    /// A segment is none.
    pub fn parse(fields: Value) -> Result<Self, String> {
        let Value::Object(mut members) = fields else {
            return Err(format!("{fields} is no set of fields"));
        };
        read(&mut members)?;
        members.remove(ITSELF);
        Ok(Self(members))
    }

    /// As fieldsV1.
    pub fn value(self) -> Value {
        Value::Object(self.0)
    }

    /// Adds a field.
    pub fn insert(&mut self, way: &[String]) {
        self.graft(way, Branch::default());
    }

    /// Adds a field with all that is beneath it.
    pub fn graft(&mut self, way: &[String], branch: Branch) {
        let Some((last, before)) = way.split_last() else {
            add(&mut self.0, &branch.0);
            return;
        };
        let mut at = &mut self.0;
        let mut is_old = false;
        for segment in before {
            say_itself(at, is_old);
            is_old = at.contains_key(segment);
            if !is_old {
                at.insert(segment.clone(), Value::Object(Map::new()));
            }
            let Some(Value::Object(next)) = at.get_mut(segment) else {
                return;
            };
            at = next;
        }
        say_itself(at, is_old);
        match at.get_mut(last) {
            Some(Value::Object(mine)) => {
                add(mine, &branch.0);
                mark(mine, true);
            }
            Some(_) | None => {
                at.insert(last.clone(), Value::Object(branch.0));
            }
        }
    }

    /// Whether a field is in it.
    pub fn has(&self, way: &[String]) -> bool {
        !way.is_empty() && self.at(way).is_some_and(is_member)
    }

    /// Whether a field, or one beneath it, is in it.
    pub fn touches(&self, way: &[String]) -> bool {
        self.at(way)
            .is_some_and(|at| !way.is_empty() || !at.is_empty())
    }

    fn at(&self, way: &[String]) -> Option<&Map<String, Value>> {
        way.iter()
            .try_fold(&self.0, |at, segment| at.get(segment)?.as_object())
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        add(&mut self.0, &other.0);
    }

    /// Takes away all of another.
    pub fn remove(&mut self, other: &Self) {
        remove(&mut self.0, &other.0);
    }

    /// Whether anything of it can be in a set that is written like this: not where its names are not
    /// there. At most so many are looked for; with more, it may be.
    pub fn may_be_in(&self, text: &str, names: usize) -> bool {
        may_be_in(&self.0, text, &mut names.clone())
    }

    /// A set that is written like this without what is in this one; what of it stays is not read.
    ///
    /// # Errors
    /// It is no such text.
    pub fn removed_from(&self, text: &str) -> serde_json::Result<String> {
        let left = removed_from(text, &self.0, true)?;
        Ok(left.unwrap_or_else(|| "{}".to_owned()))
    }

    /// All that is in one of them.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        self.add(&other);
        self
    }

    /// What is in this one and not in the other.
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = self.clone();
        left.remove(other);
        left
    }

    /// What is in both.
    pub fn both(&self, other: &Self) -> Self {
        Self(both(&self.0, &other.0))
    }

    /// Without a field and all that is beneath it.
    #[must_use]
    pub fn without(mut self, way: &[&str]) -> Self {
        cut(&mut self.0, way);
        self
    }

    /// Only a field with all that is beneath it.
    #[must_use]
    pub fn only(mut self, first: &str) -> Self {
        self.0.retain(|segment, _| segment == first);
        self
    }

    /// Its fields that have none beneath them in it, in order.
    pub fn leaves(&self) -> Vec<Way> {
        let mut leaves = Vec::new();
        each(&self.0, &mut Way::new(), &mut |way, is_leaf| {
            if is_leaf {
                leaves.push(way.clone());
            }
        });
        leaves
    }
}

/// A field with all that is beneath it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branch(Map<String, Value>);

impl Branch {
    /// Adds what is beneath by one segment. What stands there twice is there once.
    pub fn put(&mut self, segment: String, beneath: Self) {
        if self.0.is_empty() {
            self.0.insert(ITSELF.to_owned(), Value::Object(Map::new()));
        }
        match self.0.get_mut(&segment) {
            Some(Value::Object(mine)) => {
                add(mine, &beneath.0);
                mark(mine, true);
            }
            Some(_) | None => {
                self.0.insert(segment, Value::Object(beneath.0));
            }
        }
    }
}

/// What led nowhere is a member, and has to say so before something comes beneath it.
fn say_itself(at: &mut Map<String, Value>, is_old: bool) {
    if is_old && at.is_empty() {
        at.insert(ITSELF.to_owned(), Value::Object(Map::new()));
    }
}

/// Whether what is at a place, which is not the root, is a member.
fn is_member(at: &Map<String, Value>) -> bool {
    at.is_empty() || at.contains_key(ITSELF)
}

/// Holds a tree against what it may be, and takes away what needs not be said.
fn read(at: &mut Map<String, Value>) -> Result<(), String> {
    for (segment, beneath) in at.iter_mut().filter(|(segment, _)| *segment != ITSELF) {
        if !["f:", "k:", "v:", "i:"]
            .iter()
            .any(|begin| segment.starts_with(begin))
        {
            return Err(format!("{segment} is no field"));
        }
        let Value::Object(next) = beneath else {
            return Err(format!("{beneath} is no set of fields"));
        };
        read(next)?;
        if next.len() == 1 {
            next.remove(ITSELF);
        }
    }
    Ok(())
}

/// Says whether a place is a member, and whether there is anything at or beneath it.
fn mark(at: &mut Map<String, Value>, is_member: bool) -> bool {
    at.remove(ITSELF);
    let has_more = !at.is_empty();
    if has_more && is_member {
        at.insert(ITSELF.to_owned(), Value::Object(Map::new()));
    }
    has_more || is_member
}

/// A segment as JSON.
fn written(segment: &str) -> String {
    // A text is always written.
    serde_json::to_string(segment).unwrap_or_default()
}

fn may_be_in(at: &Map<String, Value>, text: &str, names: &mut usize) -> bool {
    beneath(at).any(|(segment, next)| {
        if *names == 0 {
            return true;
        }
        *names -= 1;
        let is_there = text.contains(&written(segment));
        is_there && (is_member(next) || may_be_in(next, text, names))
    })
}

fn beneath(at: &Map<String, Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    at.iter()
        .filter(|(segment, _)| *segment != ITSELF)
        .filter_map(|(segment, next)| Some((segment, next.as_object()?)))
}

fn add(own: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (segment, theirs) in beneath(other) {
        let Some(Value::Object(mine)) = own.get_mut(segment) else {
            own.insert(segment.clone(), Value::Object(theirs.clone()));
            continue;
        };
        let is_member = is_member(mine) || is_member(theirs);
        add(mine, theirs);
        mark(mine, is_member);
    }
}

fn remove(own: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (segment, theirs) in beneath(other) {
        let Some(Value::Object(mine)) = own.get_mut(segment) else {
            continue;
        };
        let stays = is_member(mine) && !is_member(theirs);
        remove(mine, theirs);
        if !mark(mine, stays) {
            own.remove(segment);
        }
    }
}

/// As [`remove`], of what is written; nothing where nothing is left. `taken` says whether the place itself
/// goes.
fn removed_from(
    text: &str,
    other: &Map<String, Value>,
    taken: bool,
) -> serde_json::Result<Option<String>> {
    let read: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    let is_own = read.is_empty() || read.contains_key(ITSELF);
    let own = read
        .into_iter()
        .map(|(segment, next)| (segment, Cow::Borrowed(next.get())));
    let mut own: BTreeMap<String, Cow<'_, str>> = own.collect();
    for (segment, theirs) in beneath(other) {
        let Some(mine) = own.get_mut(segment) else {
            continue;
        };
        match removed_from(mine, theirs, is_member(theirs))? {
            Some(left) => *mine = Cow::Owned(left),
            None => {
                own.remove(segment);
            }
        }
    }
    own.remove(ITSELF);
    let stays = is_own && !taken;
    if own.is_empty() {
        return Ok(stays.then(|| "{}".to_owned()));
    }
    if stays {
        own.insert(ITSELF.to_owned(), Cow::Borrowed("{}"));
    }
    let mut left = String::with_capacity(text.len());
    for (segment, next) in own {
        left.push(if left.is_empty() { '{' } else { ',' });
        left.push_str(&written(&segment));
        left.push(':');
        left.push_str(&next);
    }
    left.push('}');
    Ok(Some(left))
}

/// Takes away a branch; what led only there goes with it.
fn cut(at: &mut Map<String, Value>, way: &[&str]) {
    match way {
        [] => {}
        [last] => {
            at.remove(*last);
        }
        [first, rest @ ..] => {
            let Some(Value::Object(next)) = at.get_mut(*first) else {
                return;
            };
            let stays = is_member(next);
            cut(next, rest);
            if !mark(next, stays) {
                at.remove(*first);
            }
        }
    }
}

fn both(own: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let mut shared = Map::new();
    for (segment, theirs) in beneath(other) {
        let Some(Value::Object(mine)) = own.get(segment) else {
            continue;
        };
        let mut next = both(mine, theirs);
        if mark(&mut next, is_member(mine) && is_member(theirs)) {
            shared.insert(segment.clone(), Value::Object(next));
        }
    }
    shared
}

/// Calls for each member, in order, with whether it has none beneath it.
fn each(at: &Map<String, Value>, way: &mut Way, call: &mut impl FnMut(&Way, bool)) {
    for (segment, next) in beneath(at) {
        way.push(segment.clone());
        if is_member(next) {
            call(way, next.is_empty());
        }
        each(next, way, call);
        way.pop();
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A set as a list of ways: slow, and plainly right.
    type List = BTreeSet<Way>;

    /// Ways over few segments, so that sets meet each other.
    fn way() -> impl Strategy<Value = Way> {
        let segment = prop_oneof![
            Just("f:a"),
            Just("f:b"),
            Just("k:{\"name\":\"x\"}"),
            Just("v:1"),
        ];
        prop::collection::vec(segment.prop_map(str::to_owned), 1..5)
    }

    fn list() -> impl Strategy<Value = List> {
        prop::collection::btree_set(way(), 0..10)
    }

    fn set(list: &List) -> Set {
        let mut set = Set::default();
        for way in list {
            set.insert(way);
        }
        set
    }

    fn listed(set: &Set) -> List {
        let mut list = List::new();
        each(&set.0, &mut Way::new(), &mut |way, _| {
            list.insert(way.clone());
        });
        list
    }

    proptest! {
        /// Who owns a field decides what people are told to give back: sets must be those that the
        /// plain lists are.
        #[test]
        fn sets_are_what_lists_of_ways_would_be(one in list(), other in list(), way in way()) {
            let (left, right) = (set(&one), set(&other));
            prop_assert_eq!(listed(&left), one.clone());
            prop_assert_eq!(listed(&left.clone().union(right.clone())), one.union(&other).cloned().collect::<List>());
            prop_assert_eq!(listed(&left.minus(&right)), one.difference(&other).cloned().collect::<List>());
            let text = left.clone().value().to_string();
            let without = right.removed_from(&text).expect("a set");
            prop_assert_eq!(without, left.minus(&right).value().to_string());
            if !right.may_be_in(&text, 8) {
                prop_assert_eq!(left.minus(&right), left.clone());
            }
            prop_assert_eq!(listed(&left.both(&right)), one.intersection(&other).cloned().collect::<List>());
            prop_assert_eq!(left.has(&way), one.contains(&way));
            prop_assert_eq!(left.touches(&way), one.iter().any(|known| known.starts_with(&way)));
            let segments: Vec<&str> = way.iter().map(String::as_str).collect();
            let outside = |known: &&Way| !known.starts_with(&way);
            prop_assert_eq!(listed(&left.clone().without(&segments)), one.iter().filter(outside).cloned().collect::<List>());
            let first = &way[0];
            let inside = |known: &&Way| known[0] == *first;
            prop_assert_eq!(listed(&left.clone().only(first)), one.iter().filter(inside).cloned().collect::<List>());
            let is_leaf = |way: &&Way| !one.iter().any(|known| known.len() > way.len() && known.starts_with(way));
            prop_assert_eq!(left.leaves(), one.iter().filter(is_leaf).cloned().collect::<Vec<_>>());
            // Equal sets are written alike, however they came about.
            prop_assert_eq!(left.clone().union(right.clone()).minus(&right), left.minus(&right));
            let again = Set::parse(left.clone().value());
            prop_assert_eq!(again, Ok(left));
        }
    }

    /// What is not understood must not be written back as if it were.
    #[test]
    fn what_is_no_segment_is_refused() {
        for bad in [
            json!([]),
            json!({ "spec": {} }),
            json!({ "f:a": 1 }),
            json!({ "f:a": { "b": {} } }),
        ] {
            assert!(Set::parse(bad.clone()).is_err(), "{bad}");
        }
        let needless = json!({ ".": {}, "f:a": { ".": {} }, "f:b": { ".": {}, "f:c": {} } });
        let read = Set::parse(needless).expect("it is a set");
        assert_eq!(
            read.value(),
            json!({ "f:a": {}, "f:b": { ".": {}, "f:c": {} } })
        );
    }
}
