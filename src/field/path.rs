//! Paths of fields, in fieldsV1 form: `f:spec/f:replicas`, `k:{"name":"web"}`.
//!
//! People write JSON Pointers, in which `[name=web]` names an item of a list by its key. In text
//! form a `/` inside a name is `~1` and a `~` is `~0`, as in a JSON Pointer. This is the first
//! thing that everything else in the folder is built of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use snafu::Snafu;

use super::pointer;

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

impl Segment {
    /// Reads the text form of one segment, as a key of fieldsV1 has it: `f:spec`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(|problem| Error::Parse {
            text: text.to_owned(),
            problem,
        })
    }

    /// [`Segment::parse`], with the problem alone.
    fn read(text: &str) -> Result<Self, String> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(format!(
                "the segment `{text}` has no kind; write `f:{text}` for a field"
            ));
        };
        match kind {
            "f" => Ok(Self::Field(rest.to_owned())),
            "k" => match serde_json::from_str(rest) {
                Ok(Value::Object(keys)) if !keys.is_empty() => Ok(Self::Key(
                    keys.iter()
                        .map(|(key, value)| (key.clone(), canonical(value)))
                        .collect(),
                )),
                _ => Err(format!(
                    "`{rest}` does not name an item; write its keys as JSON: `k:{{\"name\":\"web\"}}`"
                )),
            },
            "v" => serde_json::from_str(rest)
                .map(|value: Value| Self::Value(canonical(&value)))
                .map_err(|_| {
                    format!("`{rest}` is not a value; write it as JSON: `v:\"text\"`, `v:80`")
                }),
            "i" => rest
                .parse()
                .map(Self::Index)
                .map_err(|_| format!("`{rest}` is not a place in a list; write `i:0`")),
            _ => Err(format!(
                "`{kind}:` is no kind of segment; write `f:`, `k:`, `v:` or `i:`"
            )),
        }
    }

    /// Whether the segment steps into a list.
    pub const fn is_item(&self) -> bool {
        match self {
            Self::Field(_) => false,
            Self::Key(_) | Self::Value(_) | Self::Index(_) => true,
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "f:{name}"),
            Self::Key(keys) => {
                f.write_str("k:{")?;
                for (place, (key, value)) in keys.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{value}", Value::from(key.as_str()))?;
                }
                f.write_str("}")
            }
            Self::Value(value) => write!(f, "v:{value}"),
            Self::Index(place) => write!(f, "i:{place}"),
        }
    }
}

/// The path of a field. Ordered by its segments, so that sorted paths group by parent. A copy
/// costs nothing: thousands of entries have the same path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Arc<[Segment]>);

impl Path {
    /// A path of these segments.
    pub fn new(segments: Vec<Segment>) -> Self {
        Self(segments.into())
    }

    /// A path of plain field names: `Path::fields(["spec", "replicas"])`.
    pub fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| Segment::Field(name.to_owned()))
                .collect(),
        )
    }

    /// Reads what people write: a JSON Pointer with `[key=value,…]` selectors.
    ///
    /// `[name=web]` is an item by its keys, `[0]` an item by its place, `[=x]` an item of a set.
    /// A value that reads as a JSON number, boolean or null is one; in quotes it stays text:
    /// `[name="80"]`. In names `~1` is `/`, `~0` is `~`, and `~2` is `[`. A number between
    /// slashes is the name of a field.
    pub fn parse_pointer(text: &str) -> Result<Self, Error> {
        pointer::parse(text)
            .map(Self::new)
            .map_err(|problem| Error::Parse {
                text: text.to_owned(),
                problem,
            })
    }

    /// Reads the text form of the journal: `f:spec/f:replicas`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        text.split('/')
            .map(|segment| unescape(segment).and_then(|segment| Segment::read(&segment)))
            .collect::<Result<Vec<_>, _>>()
            .map(Self::new)
            .map_err(|problem| Error::Parse {
                text: text.to_owned(),
                problem,
            })
    }

    /// The path as people write it; [`Path::parse_pointer`] reads it back.
    pub fn to_pointer(&self) -> String {
        pointer::write(&self.0)
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path of the first so many segments.
    #[must_use]
    pub fn prefix(&self, segments: usize) -> Self {
        Self(self.0[..segments.min(self.0.len())].into())
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            let slash = if place == 0 { "" } else { "/" };
            write!(f, "{slash}{}", escape(&segment.to_string()))?;
        }
        Ok(())
    }
}

/// Canonical JSON text: sorted keys, no white space. Equal values have equal text.
pub fn canonical(value: &Value) -> String {
    // Maps are ordered in this build of serde_json; a test below holds it.
    value.to_string()
}

/// A name as a token of a JSON Pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A token of a JSON Pointer as the name that it stands for.
fn unescape(token: &str) -> Result<String, String> {
    let mut name = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '~' { chars.next() } else { None }) {
            ('~', Some('0')) => name.push('~'),
            ('~', Some('1')) => name.push('/'),
            ('~', _) => {
                return Err(format!(
                    "a `~` in `{token}` stands alone; write `~0` for `~` and `~1` for `/`"
                ));
            }
            (other, _) => name.push(other),
        }
    }
    Ok(name)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Names that exercise every escape.
    pub(crate) fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,3}",
            Just("app.kubernetes.io/name".to_owned()),
            Just("a~b~1/c".to_owned()),
            Just("0".to_owned()),
            Just("x[y]=z,\"<&>".to_owned()),
            Just("平战 é".to_owned()),
            "\\PC{1,6}",
        ]
    }

    /// JSON scalars as canonical text.
    fn scalar() -> impl Strategy<Value = String> {
        prop_oneof![
            name().prop_map(|text| canonical(&json!(text))),
            Just(String::from("\"\"")),
            Just(String::from("\"80\"")),
            Just(String::from("\"true\"")),
            Just(String::from("\" padded \"")),
            any::<i64>().prop_map(|number| canonical(&json!(number))),
            any::<f64>().prop_map(|number| canonical(&json!(number))),
            any::<bool>().prop_map(|flag| canonical(&json!(flag))),
            Just(String::from("{\"a\":[1,\"]\"]}")),
        ]
    }

    /// Any path of one to five segments.
    pub(crate) fn path() -> impl Strategy<Value = Path> {
        let segment = prop_oneof![
            4 => name().prop_map(Segment::Field),
            1 => prop::collection::btree_map(name(), scalar(), 1..3).prop_map(Segment::Key),
            1 => scalar().prop_map(Segment::Value),
            1 => (0_usize..9).prop_map(Segment::Index),
        ];
        // The first segment is a field: an object is never a list.
        (name(), prop::collection::vec(segment, 0..5)).prop_map(|(first, rest)| {
            Path::new(std::iter::once(Segment::Field(first)).chain(rest).collect())
        })
    }

    proptest! {
        /// The journal's text must bring back the very path, whatever is in it.
        #[test]
        fn journal_text_is_read_back(path in path()) {
            prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path);
        }

        /// People copy pointers from our output into playbooks.
        #[test]
        fn pointers_are_read_back(path in path()) {
            let pointer = path.to_pointer();
            prop_assert_eq!(Path::parse_pointer(&pointer).unwrap(), path, "{}", pointer);
        }

        /// No text may panic: paths come from playbooks and from stored records.
        #[test]
        fn no_text_panics(text in "[/f:kvi\\[\\]=\"~0-3{}a,]{0,24}|\\PC{0,12}") {
            let _ = Path::parse(&text);
            let _ = Path::parse_pointer(&text);
        }
    }

    /// The form is stored in records for years: it is spelled out here.
    #[test]
    fn text_form_is_fields_v1_with_escapes() {
        let path = Path::new(vec![
            Segment::Field("spec".to_owned()),
            Segment::Key(BTreeMap::from([
                ("protocol".to_owned(), "\"TCP\"".to_owned()),
                ("containerPort".to_owned(), "80".to_owned()),
            ])),
            Segment::Value("\"a/b\"".to_owned()),
            Segment::Index(3),
            Segment::Field("a~/b".to_owned()),
        ]);
        assert_eq!(
            path.to_string(),
            r#"f:spec/k:{"containerPort":80,"protocol":"TCP"}/v:"a~1b"/i:3/f:a~0~1b"#
        );
    }

    /// Equal values need equal text, or a value would differ from itself in another order.
    #[test]
    fn canonical_text_sorts_keys_and_keeps_numbers() {
        let value: Value =
            serde_json::from_str(r#"{ "b": [1.0, 1e300, null], "a": {"d":-0.0,"c":1} }"#).unwrap();
        assert_eq!(
            canonical(&value),
            r#"{"a":{"c":1,"d":-0.0},"b":[1.0,1e+300,null]}"#
        );
    }

    /// Whoever reads the message must know what to write.
    #[test]
    fn errors_say_what_to_write() {
        let say = |text| Path::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                "", "spec", "x:spec", "k:{}", "k:1", "v:web", "i:-1", "f:a~2"
            ]
            .map(say)
            .join("\n")
        );
    }
}
