//! Paths of fields, in fieldsV1 form: `f:spec/f:replicas`, `k:{"name":"web"}`.
//!
//! People write JSON Pointers, in which `[name=web]` names an item of a list by its key. In text
//! form a `/` inside a name is `~1` and a `~` is `~0`, as in a JSON Pointer.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use snafu::Snafu;

/// Why a text is not a path.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// The text does not parse.
    #[snafu(display("`{text}` is not a path: {problem}"))]
    Parse {
        /// The text.
        text: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

/// One step from an object towards a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of an object (`f:name`).
    Field(String),
    /// An item of a list, by its keys (`k:{"name":"web"}`); values are canonical JSON text.
    Key(BTreeMap<String, String>),
    /// An item of a set, by its value (`v:"x"`), canonical JSON text.
    Value(String),
    /// An item of a list, by its place (`i:0`).
    Index(usize),
}

/// The path of a field. Ordered by its segments, so that sorted paths group by parent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

impl Path {
    /// A path of these segments.
    pub fn new(segments: Vec<Segment>) -> Self {
        Self(segments)
    }

    /// A path of plain field names: `Path::fields(["spec", "replicas"])`.
    pub fn fields<const N: usize>(names: [&str; N]) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| Segment::Field(name.to_owned()))
                .collect(),
        )
    }

    /// Reads what people write: a JSON Pointer with `[key=value,…]` selectors.
    pub fn parse_pointer(_text: &str) -> Result<Self, Error> {
        todo!()
    }

    /// Reads the text form of the journal: `f:spec/f:replicas`.
    pub fn parse(_text: &str) -> Result<Self, Error> {
        todo!()
    }

    /// The path as people write it; [`Path::parse_pointer`] reads it back.
    pub fn to_pointer(&self) -> String {
        todo!()
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this path is another one or lies beneath it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether one of both lies beneath the other, or both are the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.starts_with(other) || other.starts_with(self)
    }

    /// Whether the field is under `spec`, so that a change of it bumps the generation of kinds
    /// that have one.
    pub fn is_under_spec(&self) -> bool {
        matches!(self.0.first(), Some(Segment::Field(name)) if name == "spec")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!("the text form of the journal")
    }
}

/// Canonical JSON text: sorted keys, no white space. Equal values have equal text.
pub fn canonical(_value: &Value) -> String {
    todo!()
}
