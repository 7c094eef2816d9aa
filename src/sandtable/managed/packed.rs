//! fieldsV1 as objects keep them: as one text each. As maps they would be most of what an object takes,
//! of the time to copy it and of the time to drop it; most writes change those of one or two managers.
//!
//! The text begins with a mark, so that a text that a client sent is not taken for one of these.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::set::Set;

/// What the text of kept fields begins with.
const MARK: char = '\u{1}';
const METADATA: &str = "metadata";
const MANAGED: &str = "managedFields";
const FIELDS: &str = "fieldsV1";
/// So many members are looked for in a text: for more it is read.
const LOOKED_FOR: usize = 8;

/// The fields of a manager: a text until somebody has to know them.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// fieldsV1 as JSON, as it was kept.
    text: Option<String>,
    /// The set, where there is no text.
    set: Set,
}

impl From<Set> for Fields {
    fn from(set: Set) -> Self {
        Self { text: None, set }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        *self.get() == *other.get()
    }
}

impl Fields {
    /// Reads fieldsV1, as a client sends it or as it is kept.
    ///
    /// # Errors
    /// It is no set of fields.
    pub fn read(fields: Value) -> Result<Self, String> {
        match fields {
            Value::Null => Ok(Self::default()),
            Value::String(mut text) if text.starts_with(MARK) => {
                text.remove(0);
                Ok(Self {
                    text: Some(text),
                    set: Set::default(),
                })
            }
            fields => Set::parse(fields).map(Self::from),
        }
    }

    /// As it is kept.
    pub fn kept(self) -> Value {
        let mut kept = MARK.to_string();
        match self.text {
            Some(text) => kept.push_str(&text),
            // A set is always written.
            None => kept.push_str(&serde_json::to_string(&self.set.value()).unwrap_or_default()),
        }
        Value::String(kept)
    }

    /// The set.
    pub fn get(&self) -> Cow<'_, Set> {
        match &self.text {
            Some(text) => Cow::Owned(parsed(text)),
            None => Cow::Borrowed(&self.set),
        }
    }

    /// The set, to be changed.
    pub fn edit(&mut self) -> &mut Set {
        if let Some(text) = self.text.take() {
            self.set = parsed(&text);
        }
        &mut self.set
    }

    /// Takes away all of a set.
    pub fn remove(&mut self, other: &Set) {
        let Some(text) = &mut self.text else {
            return self.set.remove(other);
        };
        if !other.may_be_in(text, LOOKED_FOR) {
            return;
        }
        match other.removed_from(text) {
            Ok(left) => *text = left,
            Err(_) => self.edit().remove(other),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        match &self.text {
            Some(text) => text == "{}",
            None => self.set.is_empty(),
        }
    }
}

/// Only what was written by [`Fields::kept`] is read here.
fn parsed(text: &str) -> Set {
    let read = serde_json::from_str(text).map_err(|error| error.to_string());
    read.and_then(Set::parse).unwrap_or_default()
}

/// What the pointers to managers and what is in them begin with.
pub const ENTRIES: &str = "/metadata/managedFields/";

/// Whether a pointer is one to a manager.
pub fn is_entry(pointer: &str) -> bool {
    pointer
        .strip_prefix(ENTRIES)
        .is_some_and(|index| index.parse::<usize>().is_ok())
}

/// Whether a pointer is to nothing within the fields of a manager, so that they are all or none of what it
/// is about.
pub fn is_whole(pointer: &str) -> bool {
    let within = pointer.strip_prefix(ENTRIES);
    within.is_none_or(|within| within.split('/').count() <= 2)
}

/// Takes the fields of the managers that a pointer is about out of their text, so that it finds what a
/// client sees there.
pub fn unpack_at(object: &mut Value, pointer: &str) {
    let list = ENTRIES.trim_end_matches('/');
    let Some(within) = pointer.strip_prefix(ENTRIES) else {
        if list == pointer || ENTRIES.starts_with(&format!("{pointer}/")) {
            unpack(object);
        }
        return;
    };
    let index = within.split('/').next().unwrap_or_default();
    match (index.parse::<usize>(), object.pointer_mut(list)) {
        (Ok(index), Some(Value::Array(entries))) => {
            entries.get_mut(index).into_iter().for_each(unpack_entry);
        }
        _ => unpack(object),
    }
}

/// Reads the text of a manager with its fields as they are kept; nothing where it has none.
pub fn packed_entry(text: &str) -> Option<Value> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let mut entry = Map::new();
    for (name, value) in members {
        let value = if name == FIELDS && value.get().starts_with('{') {
            Value::String(format!("{MARK}{}", value.get()))
        } else {
            serde_json::from_str(value.get()).ok()?
        };
        entry.insert(name, value);
    }
    let entry = Value::Object(entry);
    is_packed(&entry).then_some(entry)
}

/// Whether a value is a manager whose fields are as they are kept.
pub fn is_packed(entry: &Value) -> bool {
    entry.get(FIELDS).and_then(text).is_some()
}

/// Takes the fields of all managers out of their texts.
pub fn unpack(object: &mut Value) {
    let entries = object
        .get_mut(METADATA)
        .and_then(|metadata| metadata.get_mut(MANAGED));
    let entries = entries.and_then(Value::as_array_mut).into_iter().flatten();
    entries.for_each(unpack_entry);
}

/// Takes the fields of a manager out of their text.
pub fn unpack_entry(entry: &mut Value) {
    if let Some(fields) = entry.get_mut(FIELDS)
        && let Some(text) = text(fields)
        && let Ok(read) = serde_json::from_str(text)
    {
        *fields = read;
    }
}

/// Puts the fields of all managers into texts, as they are kept.
///
/// # Errors
/// The fields of one are no set of fields.
pub fn pack(object: &mut Value) -> Result<(), String> {
    let entries = object
        .get_mut(METADATA)
        .and_then(|metadata| metadata.get_mut(MANAGED));
    let mut entries = entries.and_then(Value::as_array_mut).into_iter().flatten();
    entries.try_for_each(|entry| {
        let fields = Fields::read(entry[FIELDS].take())?;
        entry[FIELDS] = fields.kept();
        Ok(())
    })
}

/// An object as clients see it.
pub fn unpacked(object: &Value) -> Value {
    let mut object = object.clone();
    unpack(&mut object);
    object
}

fn text(fields: &Value) -> Option<&str> {
    fields.as_str()?.strip_prefix(MARK)
}

/// An object, to be written as clients see it.
pub struct Shown<'a>(pub &'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => ShownMembers(members, &[]).serialize(to),
            other => other.serialize(to),
        }
    }
}

/// The members of an object but for some, to be written as clients see them.
pub struct ShownMembers<'a>(pub &'a Map<String, Value>, pub &'static [&'static str]);

impl Serialize for ShownMembers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in self.0 {
            match value {
                _ if self.1.contains(&name.as_str()) => {}
                Value::Object(metadata) if name == METADATA => {
                    map.serialize_entry(name, &Metadata(metadata))?;
                }
                other => map.serialize_entry(name, other)?,
            }
        }
        map.end()
    }
}

struct Metadata<'a>(&'a Map<String, Value>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            match value {
                Value::Array(entries) if name == MANAGED => {
                    map.serialize_entry(name, &Entries(entries))?;
                }
                other => map.serialize_entry(name, other)?,
            }
        }
        map.end()
    }
}

struct Entries<'a>(&'a [Value]);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.0.len()))?;
        for entry in self.0 {
            match entry {
                Value::Object(members) => list.serialize_element(&Entry(members))?,
                other => list.serialize_element(other)?,
            }
        }
        list.end()
    }
}

struct Entry<'a>(&'a Map<String, Value>);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            let raw = || serde_json::from_str::<&RawValue>(text(value)?).ok();
            match raw().filter(|_| name == FIELDS) {
                Some(raw) => map.serialize_entry(name, raw)?,
                None => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Value {
        json!({ "f:spec": { "f:replicas": {},
            "f:list": { ".": {}, "k:{\"name\":\"a \\\"b\\\"\"}": { ".": {}, "f:name": {} } } } })
    }

    fn packed() -> Value {
        let kept = Fields::read(fields()).expect("a set").kept();
        json!({ "metadata": { "name": "a", "managedFields": [
            { "manager": "m", "fieldsV1": kept }, { "manager": "n", "fieldsV1": kept }] }, "spec": {} })
    }

    /// Owners that are shown otherwise than they are would be given back otherwise than they were.
    #[test]
    fn what_is_kept_is_shown_as_it_was() {
        let whole = json!({ "metadata": { "name": "a", "managedFields": [
            { "manager": "m", "fieldsV1": fields() }, { "manager": "n", "fieldsV1": fields() }] },
            "spec": {} });
        assert_eq!(unpacked(&packed()), whole);
        let written = serde_json::to_string(&Shown(&packed())).expect("it is written");
        assert_eq!(written, whole.to_string());
        assert_eq!(
            serde_json::to_value(Shown(&json!([1]))).expect("written"),
            json!([1])
        );
        // What a client sent as a text is none of ours, and no set.
        assert!(Fields::read("{}".into()).is_err());
        let kept = packed()["metadata"]["managedFields"][0]["fieldsV1"].take();
        let again = Fields::read(kept.clone()).expect("a set");
        assert_eq!(again, Fields::read(fields()).expect("a set"));
        assert_eq!(again.kept(), kept);
    }

    /// A patch that tests who owns what has to find it where it says.
    #[test]
    fn a_pointer_finds_what_clients_see() {
        let at = |pointer: &str| {
            let mut object = packed();
            unpack_at(&mut object, pointer);
            let entries = object["metadata"]["managedFields"].as_array().cloned();
            let entries = entries.expect("a list").into_iter();
            entries
                .map(|entry| entry["fieldsV1"].is_object())
                .collect::<Vec<_>>()
        };
        for all in [
            "",
            "/metadata",
            "/metadata/managedFields",
            "/metadata/managedFields/-",
        ] {
            assert_eq!(at(all), [true, true], "{all}");
        }
        for one in [
            "/metadata/managedFields/1",
            "/metadata/managedFields/1/fieldsV1/f:spec",
        ] {
            assert_eq!(at(one), [false, true], "{one}");
        }
        for none in [
            "/spec",
            "/metadata/labels",
            "/metadata/managedFieldsX",
            "/metadata/managedFields/7",
        ] {
            assert_eq!(at(none), [false, false], "{none}");
        }
    }

    /// What a write takes from others must leave them, whether or not they are read for it.
    #[test]
    fn what_is_taken_away_is_gone() {
        let text = || {
            Fields::read(packed()["metadata"]["managedFields"][0]["fieldsV1"].take())
                .expect("a set")
        };
        let set = |fields: Value| Set::parse(fields).expect("a set");
        let mut untouched = text();
        untouched.remove(&set(
            json!({ "f:metadata": { "f:labels": { "f:replicas": {} } } }),
        ));
        assert_eq!(untouched, text());
        untouched.remove(&set(json!({ "f:status": {} })));
        assert!(untouched.text.is_some());
        let mut touched = text();
        touched.remove(&set(
            json!({ "f:spec": { "f:list": { "k:{\"name\":\"a \\\"b\\\"\"}": { "f:name": {} } } } }),
        ));
        let left = json!({ "f:spec": { "f:replicas": {}, "f:list": { ".": {}, "k:{\"name\":\"a \\\"b\\\"\"}": {} } } });
        assert_eq!(*touched.get(), set(left));
    }
}
