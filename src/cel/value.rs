//! Values of expressions. Objects are looked into, not copied.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use kube::core::cel::cel::Value as Foreign;
use kube::core::cel::cel::objects::{Key as ForeignKey, Map as ForeignMap, OptionalValue};
use serde_json::Value;

use super::Fault;
use super::authority::Check;

/// A value of an expression.
#[derive(Clone, Debug)]
pub enum Val<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction.
    Int(i64),
    /// One without a sign: `3u`.
    Uint(u64),
    /// A number.
    Double(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list that an expression made.
    List(Rc<Vec<Val<'a>>>),
    /// A map that an expression made.
    Map(Rc<BTreeMap<Key, Val<'a>>>),
    /// A list or an object of JSON.
    Json(&'a Value),
    /// Something that may be missing.
    Optional(Option<Rc<Val<'a>>>),
    /// A question of authority, or its answer.
    Check(Rc<Check>),
    /// A type.
    Type(&'static str),
    /// What only the library knows: durations, times, quantities, bytes.
    Foreign(Foreign),
}

/// Types that have names, and can be compared with that of a value.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(own) => own.fmt(f),
            Self::Int(own) => own.fmt(f),
            Self::Text(own) => own.fmt(f),
        }
    }
}

impl<'a> Val<'a> {
    /// Of JSON.
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(own) => Self::Bool(*own),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Self::Int(int),
                (None, Some(uint)) => Self::Uint(uint),
                (None, None) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Self::Json(value),
        }
    }

    /// The type of this name.
    pub(super) fn named_type(name: &str) -> Option<Self> {
        TYPES
            .iter()
            .find(|own| **own == name)
            .copied()
            .map(Self::Type)
    }

    /// Its type; nothing for what only the library knows.
    pub(super) fn type_of(&self) -> Option<Self> {
        let name = match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::List(_) | Self::Json(Value::Array(_)) => "list",
            Self::Map(_) | Self::Json(_) => "map",
            Self::Type(_) => "type",
            Self::Foreign(Foreign::Bytes(_)) => "bytes",
            Self::Foreign(Foreign::Timestamp(_)) => "google.protobuf.Timestamp",
            Self::Foreign(Foreign::Duration(_)) => "google.protobuf.Duration",
            Self::Optional(_) | Self::Check(_) | Self::Foreign(_) => return None,
        };
        Some(Self::Type(name))
    }

    /// A text of its own.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// As a key; nothing for what can be none.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Bool(own) => Some(Key::Bool(*own)),
            Self::Int(own) => Some(Key::Int(*own)),
            Self::Uint(own) => i64::try_from(*own).ok().map(Key::Int),
            Self::Double(own) if own.fract() == 0.0 && own.abs() < 1e15 => {
                format!("{own:.0}").parse().ok().map(Key::Int)
            }
            Self::Text(own) => Some(Key::Text(own.to_string())),
            _ => None,
        }
    }

    /// What a list holds; nothing for anything else.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.to_vec()),
            Self::Json(Value::Array(items)) => Some(items.iter().map(Self::of).collect()),
            _ => None,
        }
    }

    /// What a loop walks: the items of a list, the keys of a map.
    pub(super) fn walk(&self) -> Option<Vec<Self>> {
        if let Some(map) = self.map() {
            return Some(map.into_iter().map(|(key, _)| Self::of_key(key)).collect());
        }
        self.list()
    }

    fn of_key(key: Key) -> Self {
        match key {
            Key::Bool(own) => Self::Bool(own),
            Key::Int(own) => Self::Int(own),
            Key::Text(own) => Self::text(own),
        }
    }

    /// The members of a map; nothing for anything else.
    pub(super) fn map(&self) -> Option<Vec<(Key, Self)>> {
        match self {
            Self::Map(map) => Some(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
            Self::Json(Value::Object(map)) => {
                let pairs = map.iter();
                Some(
                    pairs
                        .map(|(k, v)| (Key::Text(k.clone()), Self::of(v)))
                        .collect(),
                )
            }
            _ => None,
        }
    }

    /// How many items, members or characters it has; nothing for what has none.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.chars().count()),
            Self::List(items) => Some(items.len()),
            Self::Map(map) => Some(map.len()),
            Self::Json(Value::Array(items)) => Some(items.len()),
            Self::Json(Value::Object(map)) => Some(map.len()),
            Self::Foreign(Foreign::Bytes(bytes)) => Some(bytes.len()),
            _ => None,
        }
    }

    /// The member of a name. Null and other plain values have none.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        match self {
            Self::Json(Value::Object(map)) => map.get(name).map(Self::of),
            Self::Map(map) => map.get(&Key::Text(name.to_owned())).cloned(),
            _ => None,
        }
    }

    /// What is at an index or a key.
    pub(super) fn at(&self, index: &Self) -> Result<Self, Fault> {
        if let Some(size) = self.list_size() {
            let Some(Key::Int(at)) = index.key() else {
                return Err(Fault::no_overload());
            };
            let found = usize::try_from(at).ok().filter(|at| *at < size);
            let found = found.and_then(|at| match self {
                Self::List(items) => items.get(at).cloned(),
                Self::Json(Value::Array(items)) => items.get(at).map(Self::of),
                _ => None,
            });
            return found.ok_or_else(|| Fault(format!("index out of bounds: {at}")));
        }
        let key = index.key().ok_or_else(Fault::no_overload)?;
        let found = match (self, &key) {
            (Self::Map(map), key) => map.get(key).cloned(),
            (Self::Json(Value::Object(map)), Key::Text(name)) => map.get(name).map(Self::of),
            _ => None,
        };
        found.ok_or_else(|| Fault::no_key(&key))
    }

    fn list_size(&self) -> Option<usize> {
        match self {
            Self::List(items) => Some(items.len()),
            Self::Json(Value::Array(items)) => Some(items.len()),
            _ => None,
        }
    }

    /// Whether two values are the same. Numbers of several kinds may be; other kinds never.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Json(a), Self::Json(b)) if std::ptr::eq(*a, *b) => true,
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.same(b),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            },
            (Self::Foreign(a), Self::Foreign(b)) => a == b,
            _ => self.same_parts(other),
        }
    }

    fn same_parts(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (self.list(), other.list()) {
            return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.same(b));
        }
        if let (Some(a), Some(b)) = (self.map(), other.map()) {
            let b: BTreeMap<Key, Self> = b.into_iter().collect();
            let same = |(key, own): &(Key, Self)| b.get(key).is_some_and(|other| own.same(other));
            return a.len() == b.len() && a.iter().all(same);
        }
        self.is_number() && self.order(other) == Some(Ordering::Equal)
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_) | Self::Double(_))
    }

    /// Which is greater; nothing where that makes no sense.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Foreign(a), Self::Foreign(b)) => a.partial_cmp(b),
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                self.double()?.partial_cmp(&other.double()?)
            }
            _ => Some(self.whole()?.cmp(&other.whole()?)),
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(own) => Some(i128::from(*own)),
            Self::Uint(own) => Some(i128::from(*own)),
            _ => None,
        }
    }

    fn double(&self) -> Option<f64> {
        match self {
            Self::Double(own) => Some(*own),
            Self::Int(own) => Some(*own as f64),
            Self::Uint(own) => Some(*own as f64),
            _ => None,
        }
    }

    /// As the library has it. A question of authority is nothing to it.
    pub(super) fn foreign(&self) -> Foreign {
        match self {
            Self::Null | Self::Check(_) | Self::Type(_) => Foreign::Null,
            Self::Bool(own) => Foreign::Bool(*own),
            Self::Int(own) => Foreign::Int(*own),
            Self::Uint(own) => Foreign::UInt(*own),
            Self::Double(own) => Foreign::Float(*own),
            Self::Text(own) => Foreign::String(Arc::new(own.to_string())),
            Self::Foreign(own) => own.clone(),
            Self::Optional(own) => Foreign::Opaque(Arc::new(match own {
                Some(own) => OptionalValue::of(own.foreign()),
                None => OptionalValue::none(),
            })),
            Self::List(_) | Self::Map(_) | Self::Json(_) => self.foreign_parts(),
        }
    }

    fn foreign_parts(&self) -> Foreign {
        if let Some(items) = self.list() {
            let items: Vec<Foreign> = items.iter().map(Self::foreign).collect();
            return Foreign::List(Arc::new(items));
        }
        let pairs = self.map().unwrap_or_default().into_iter();
        let map = pairs.map(|(key, own)| {
            let key = match key {
                Key::Bool(own) => ForeignKey::Bool(own),
                Key::Int(own) => ForeignKey::Int(own),
                Key::Text(own) => ForeignKey::String(Arc::new(own)),
            };
            (key, own.foreign())
        });
        Foreign::Map(ForeignMap {
            map: Arc::new(map.collect()),
        })
    }

    /// From the library.
    pub(super) fn native(value: Foreign) -> Self {
        match value {
            Foreign::Null => Self::Null,
            Foreign::Bool(own) => Self::Bool(own),
            Foreign::Int(own) => Self::Int(own),
            Foreign::UInt(own) => Self::Uint(own),
            Foreign::Float(own) => Self::Double(own),
            Foreign::String(own) => Self::text(own.as_str()),
            Foreign::List(items) => {
                Self::List(Rc::new(items.iter().cloned().map(Self::native).collect()))
            }
            Foreign::Map(map) => {
                let pairs = map.map.iter().filter_map(|(key, own)| {
                    let key = match key {
                        ForeignKey::Bool(own) => Key::Bool(*own),
                        ForeignKey::Int(own) => Key::Int(*own),
                        ForeignKey::Uint(own) => Key::Int(i64::try_from(*own).ok()?),
                        ForeignKey::String(own) => Key::Text(own.to_string()),
                    };
                    Some((key, Self::native(own.clone())))
                });
                Self::Map(Rc::new(pairs.collect()))
            }
            Foreign::Opaque(own) => match own.downcast_ref::<OptionalValue>() {
                Some(own) => Self::Optional(own.value().cloned().map(Self::native).map(Rc::new)),
                None => Self::Foreign(Foreign::Opaque(own)),
            },
            other => Self::Foreign(other),
        }
    }
}
