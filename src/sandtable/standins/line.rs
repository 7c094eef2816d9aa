//! What is to be attended to, and when: a line of objects in the order in which they changed, and
//! moments at which an object is due by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::super::store::Key;
use super::pods::later;

/// The objects that a controller has yet to attend to, in the order in which they changed. One that
/// changes again while it waits keeps its place.
#[derive(Clone, Debug)]
pub struct Line {
    waiting: VecDeque<(Timestamp, Key)>,
    known: BTreeSet<Key>,
    free: Timestamp,
    pace: Duration,
}

impl Line {
    /// A line of which one object is attended to at a time, and none sooner than `pace` after the
    /// one before.
    pub const fn new(pace: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            known: BTreeSet::new(),
            free: Timestamp::MIN,
            pace,
        }
    }

    /// An object changed.
    pub fn push(&mut self, key: &Key, now: Timestamp) {
        if self.known.insert(key.clone()) {
            self.waiting.push_back((now, key.clone()));
        }
    }

    /// The one whose turn it is by now.
    pub fn pop(&mut self, now: Timestamp) -> Option<Key> {
        let turn = self.next().filter(|turn| *turn <= now)?;
        let (_, key) = self.waiting.pop_front()?;
        self.known.remove(&key);
        self.free = later(turn, self.pace);
        Some(key)
    }

    /// When it is the next one's turn.
    pub fn next(&self) -> Option<Timestamp> {
        let (since, _) = self.waiting.front()?;
        Some((*since).max(self.free))
    }
}

/// Moments at which objects are due: one each.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    order: BTreeSet<(Timestamp, Key)>,
    of: BTreeMap<Key, Timestamp>,
}

impl Moments {
    /// Says when an object is due, or that it is not.
    pub fn set(&mut self, key: &Key, at: Option<Timestamp>) {
        if self.of.get(key).copied() == at {
            return;
        }
        if let Some(before) = self.of.remove(key) {
            self.order.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.of.insert(key.clone(), at);
            self.order.insert((at, key.clone()));
        }
    }

    /// Whether an object is due at some time.
    pub fn has(&self, key: &Key) -> bool {
        self.of.contains_key(key)
    }

    /// An object that is due by now.
    pub fn pop(&mut self, now: Timestamp) -> Option<Key> {
        let (_, key) = self.order.first().filter(|(at, _)| *at <= now)?.clone();
        self.set(&key, None);
        Some(key)
    }

    /// When the first one is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            name: name.to_owned(),
            ..Key::default()
        }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a moment")
    }

    /// The release order stands on this: whoever changed first converges first, and not all at once.
    #[test]
    fn a_line_is_attended_to_in_the_order_of_changes_and_at_its_pace() {
        let mut line = Line::new(Duration::from_millis(100));
        for name in ["b", "a", "b", "c"] {
            line.push(&key(name), at(0));
        }
        let mut seen = Vec::new();
        for now in (0..400).step_by(50) {
            while let Some(key) = line.pop(at(now)) {
                seen.push((now, key.name));
            }
        }
        let seen: Vec<_> = seen
            .iter()
            .map(|(now, name)| (*now, name.as_str()))
            .collect();
        assert_eq!(seen, [(0, "b"), (100, "a"), (200, "c")]);
        assert_eq!(line.next(), None);
        // A rest is not saved up: two that come after it are not attended to at once.
        line.push(&key("d"), at(1_000));
        line.push(&key("e"), at(1_000));
        assert_eq!(line.pop(at(1_000)), Some(key("d")));
        assert_eq!(line.pop(at(1_000)), None);
        assert_eq!(line.next(), Some(at(1_100)));
    }

    /// A moment that was put off must not come all the same.
    #[test]
    fn an_object_is_due_when_it_was_last_said_to_be() {
        let mut moments = Moments::default();
        moments.set(&key("a"), Some(at(10)));
        moments.set(&key("b"), Some(at(20)));
        moments.set(&key("a"), Some(at(30)));
        assert_eq!(moments.next(), Some(at(20)));
        assert_eq!(moments.pop(at(19)), None);
        assert_eq!(moments.pop(at(40)), Some(key("b")));
        moments.set(&key("a"), None);
        assert_eq!(moments.pop(at(40)), None);
    }
}
