//! The objects, and what happened to them: one counter of revisions for all, as etcd has it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

/// Where an object is kept: lists are in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The group of its kind.
    pub group: String,
    /// The plural of its kind.
    pub plural: String,
    /// The namespace; empty where there is none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Added,
    /// It was changed.
    Modified,
    /// It was removed.
    Deleted,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// The revision that it made.
    pub revision: u64,
    /// To which object.
    pub key: Key,
    /// What.
    pub change: Change,
    /// The object after it; where it was removed, as it was last, with this revision.
    pub object: Arc<Value>,
    /// The object before it, where there was one.
    pub before: Option<Arc<Value>>,
}

/// All objects, and what happened since [`Store::compacted`].
#[derive(Clone, Debug)]
pub struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    events: VecDeque<Event>,
    revision: u64,
    compacted: u64,
    remembered: usize,
    forgotten: Vec<Event>,
}

/// So many events are remembered: watches that are further behind begin anew. A Deployment with its
/// owners takes some 40 KiB in memory, and each event keeps one.
pub const REMEMBERED: usize = 10_000;
/// So many are kept for whoever drops them.
const FORGOTTEN: usize = 1000;

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            events: VecDeque::new(),
            // Zero means "any" in requests, so that nothing has it.
            revision: 1,
            compacted: 0,
            remembered: REMEMBERED,
            forgotten: Vec::new(),
        }
    }
}

impl Store {
    /// The revision of the last change.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// What happened up to this revision is forgotten.
    pub const fn compacted(&self) -> u64 {
        self.compacted
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects of a kind, of one namespace or (with an empty one) of all, by namespace and name,
    /// beginning behind the given one.
    pub fn list<'a>(
        &'a self,
        group: &str,
        plural: &str,
        namespace: &str,
        behind: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> + use<'a> {
        use std::ops::Bound;
        let first = Key {
            group: group.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let begin = behind.map_or(Bound::Included(first.clone()), |key| {
            Bound::Excluded(key.clone())
        });
        let range = self.objects.range((begin, Bound::Unbounded));
        range.take_while(move |(key, _)| {
            key.group == first.group
                && key.plural == first.plural
                && (first.namespace.is_empty() || key.namespace == first.namespace)
        })
    }

    /// Keeps an object, new or changed, with the next revision as its resourceVersion.
    pub fn put(&mut self, key: Key, object: Value) -> Arc<Value> {
        self.revision += 1;
        self.put_beside(key, object)
    }

    /// Keeps another form of the object that was kept last, in the same revision.
    pub fn put_beside(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        let change = if before.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        self.remember(key, change, object.clone(), before);
        object
    }

    /// Removes an object; nothing happens where there is none.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        if self.objects.contains_key(key) {
            self.revision += 1;
        }
        self.remove_beside(key)
    }

    /// Removes another form of the object that was removed last, in the same revision.
    pub fn remove_beside(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let last = Arc::new(last);
        self.remember(key.clone(), Change::Deleted, last.clone(), Some(before));
        Some(last)
    }

    fn remember(
        &mut self,
        key: Key,
        change: Change,
        object: Arc<Value>,
        before: Option<Arc<Value>>,
    ) {
        self.events.push_back(Event {
            revision: self.revision,
            key,
            change,
            object,
            before,
        });
        while self.events.len() > self.remembered {
            if let Some(oldest) = self.events.pop_front() {
                self.compacted = oldest.revision;
                self.forgotten.push(oldest);
            }
        }
        // Where nobody takes them.
        if self.forgotten.len() > FORGOTTEN {
            self.forgotten.clear();
        }
    }

    /// Remembers so many events from now on.
    pub const fn remember_at_most(&mut self, events: usize) {
        self.remembered = events;
    }

    /// What was forgotten since this was asked last: to be dropped when nobody waits for it, since an
    /// object that goes is a thousand small ones.
    pub fn forgotten(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.forgotten)
    }

    /// What happened after a revision, oldest first.
    pub fn since(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let begin = self
            .events
            .partition_point(|event| event.revision <= revision);
        self.events.range(begin..)
    }

    /// Forgets what happened so far: watches that have not seen all of it begin anew.
    pub fn compact(&mut self) {
        self.events.clear();
        self.compacted = self.revision;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(namespace: &str, name: &str) -> Key {
        Key {
            group: String::new(),
            plural: "configmaps".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn object(name: &str) -> Value {
        json!({ "metadata": { "name": name } })
    }

    /// A watch that missed one change leaves a service in the wrong state.
    #[test]
    fn what_happened_since_a_revision_is_known_in_order() {
        let mut store = Store::default();
        let begin = store.revision();
        store.put(key("a", "x"), object("x"));
        store.put(key("a", "x"), object("x"));
        store.put(key("b", "y"), object("y"));
        store.remove(&key("a", "x"));
        let seen: Vec<_> = store
            .since(begin)
            .map(|event| {
                (
                    event.revision - begin,
                    event.change,
                    event.key.name.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1, Change::Added, "x"),
                (2, Change::Modified, "x"),
                (3, Change::Added, "y"),
                (4, Change::Deleted, "x"),
            ]
        );
        let last = store.since(begin).last().expect("an event");
        assert_eq!(
            last.object["metadata"]["resourceVersion"],
            (begin + 4).to_string()
        );
        assert_eq!(store.since(begin + 4).count(), 0);
        assert!(store.remove(&key("a", "x")).is_none());
        assert_eq!(store.revision(), begin + 4);
    }

    /// Pages that overlap or leave a gap lose or double targets.
    #[test]
    fn lists_are_ordered_and_go_on_behind_an_object() {
        let mut store = Store::default();
        for (namespace, name) in [("b", "a"), ("a", "b"), ("a", "a"), ("c", "a")] {
            store.put(key(namespace, name), object(name));
        }
        let names = |namespace: &str, behind: Option<&Key>| -> Vec<String> {
            let all = store.list("", "configmaps", namespace, behind);
            all.map(|(key, _)| format!("{}/{}", key.namespace, key.name))
                .collect()
        };
        assert_eq!(names("", None), ["a/a", "a/b", "b/a", "c/a"]);
        assert_eq!(names("a", None), ["a/a", "a/b"]);
        assert_eq!(names("", Some(&key("a", "b"))), ["b/a", "c/a"]);
        assert_eq!(store.list("", "secrets", "", None).count(), 0);
    }

    /// What is forgotten must be known as forgotten: a watch from there would miss it silently.
    #[test]
    fn what_is_forgotten_is_said() {
        let mut store = Store {
            remembered: 2,
            ..Store::default()
        };
        let begin = store.revision();
        for name in ["a", "b", "c"] {
            store.put(key("n", name), object(name));
        }
        assert_eq!(store.compacted(), begin + 1);
        assert_eq!(store.since(store.compacted()).count(), 2);
        store.compact();
        assert_eq!(store.compacted(), store.revision());
    }
}
