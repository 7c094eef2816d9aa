//! Watches: what happens to the objects of a kind, from a revision on.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::ask::{Ask, Place};
use super::form::Form;
use super::kinds::Kind;
use super::managed::Shown;
use super::read::{number, selection};
use super::refusal::Refusal;
use super::select::Selection;
use super::store::{Change, Event, Store};

/// The annotation of the bookmark that ends the objects of the beginning.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// A watch: where it stands, and what it is told.
#[derive(Clone, Debug)]
pub struct Watch {
    kind: Arc<Kind>,
    namespace: String,
    selection: Selection,
    form: Form,
    bookmarks: bool,
    /// Everything up to this revision was told.
    told: u64,
    /// What is told first, beside what happens.
    first: VecDeque<Line>,
    has_told: bool,
    is_over: bool,
    /// For how many seconds it is open; 0 for ever.
    pub seconds: u64,
}

/// What a watch is told at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub word: &'static str,
    /// The object that it is about.
    pub object: Arc<Value>,
}

impl Line {
    fn bookmark(mark: Value) -> Self {
        Self {
            word: "BOOKMARK",
            object: mark.into(),
        }
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut line = to.serialize_map(Some(2))?;
        line.serialize_entry("type", self.word)?;
        line.serialize_entry("object", &Shown(&self.object))?;
        line.end()
    }
}

impl Watch {
    /// Begins a watch.
    ///
    /// # Errors
    /// The request makes no sense. A revision that is forgotten is told as an event.
    pub fn begin(
        store: &Store,
        kind: &Arc<Kind>,
        place: &Place,
        ask: &Ask,
    ) -> Result<Self, Refusal> {
        let form = Form::of(ask)?;
        let mut selection = selection(kind, ask)?;
        if !place.name.is_empty() {
            let one = format!("metadata.name={}", place.name);
            selection = Selection::read(ask.parameter("labelSelector"), &one, &[])?;
        }
        let version = ask.parameter("resourceVersion");
        let asked = if version.is_empty() {
            0
        } else {
            number(version)?
        };
        let initial = ask.says("sendInitialEvents");
        let mut watch = Self {
            kind: kind.clone(),
            namespace: place.namespace.clone(),
            selection,
            form,
            bookmarks: ask.says("allowWatchBookmarks"),
            told: asked,
            first: VecDeque::new(),
            has_told: false,
            is_over: false,
            seconds: ask.parameter("timeoutSeconds").parse().unwrap_or_default(),
        };
        if asked == 0 || initial {
            watch.begin_with_all(store, initial, &ask.time());
        }
        Ok(watch)
    }

    /// Without a revision, or where it is asked for, what is there is told first.
    fn begin_with_all(&mut self, store: &Store, says_end: bool, now: &str) {
        let kind = self.kind.clone();
        let namespace = self.namespace.clone();
        for (key, object) in store.list(&kind.group, &kind.plural, &namespace, None) {
            if self.selection.matches(key, object) {
                let line = self.line("ADDED", object, now);
                self.first.push_back(line);
            }
        }
        self.told = store.revision();
        if says_end && self.bookmarks {
            let mut mark = self.mark(store.revision());
            mark["metadata"]["annotations"] = json!({ INITIAL_END: "true" });
            self.first.push_back(Line::bookmark(mark));
        }
    }

    /// What is to be told now; nothing where nothing happened.
    pub fn next(&mut self, store: &Store, now: &str) -> Vec<Line> {
        let mut lines: Vec<Line> = self.first.drain(..).collect();
        if self.is_over {
            return lines;
        }
        if self.told < store.compacted() {
            self.is_over = true;
            let message = format!(
                "too old resource version: {} ({})",
                self.told,
                store.compacted()
            );
            let expired = Refusal::plain(410, "Expired", message);
            lines.push(Line {
                word: "ERROR",
                object: expired.body().into(),
            });
            return lines;
        }
        let mut events = Vec::new();
        for event in store.since(self.told) {
            self.told = event.revision;
            if let Some((word, object)) = self.said(event) {
                events.push((word, object));
            }
        }
        for (word, object) in events {
            let line = self.line(word, &object, now);
            lines.push(line);
        }
        lines
    }

    /// A bookmark, where they are asked for: everything up to now was told.
    pub fn bookmark(&self) -> Option<Line> {
        (self.bookmarks && !self.is_over).then(|| Line::bookmark(self.mark(self.told)))
    }

    /// Whether nothing more will be told.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    fn mark(&self, revision: u64) -> Value {
        let (api_version, kind) = match self.form {
            Form::Whole | Form::Table(_) => (self.kind.api_version(), self.kind.kind.as_str()),
            Form::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata"),
        };
        json!({ "apiVersion": api_version, "kind": kind,
            "metadata": { "resourceVersion": revision.to_string() } })
    }

    /// What an event is to this watch: an object that the selection lets go is removed for it.
    fn said(&self, event: &Event) -> Option<(&'static str, Arc<Value>)> {
        let key = &event.key;
        let is_here = key.group == self.kind.group
            && key.plural == self.kind.plural
            && (self.namespace.is_empty() || key.namespace == self.namespace);
        if !is_here {
            return None;
        }
        let before = event
            .before
            .as_ref()
            .filter(|before| self.selection.matches(key, before));
        let is_in = event.change != Change::Deleted && self.selection.matches(key, &event.object);
        match (before, is_in) {
            (None, true) => Some(("ADDED", event.object.clone())),
            (Some(_), true) => Some(("MODIFIED", event.object.clone())),
            (Some(before), false) => {
                // As it was when it was last seen, with the revision of its end.
                let mut last = Value::clone(before);
                last["metadata"]["resourceVersion"] =
                    event.object["metadata"]["resourceVersion"].clone();
                Some(("DELETED", Arc::new(last)))
            }
            (None, false) => None,
        }
    }

    fn line(&mut self, word: &'static str, object: &Arc<Value>, now: &str) -> Line {
        let is_first = !std::mem::replace(&mut self.has_told, true);
        let object = self.form.event(&self.kind, object, now, is_first);
        Line { word, object }
    }
}
