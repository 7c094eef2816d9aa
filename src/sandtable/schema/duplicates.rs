//! Members that are in a body twice.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::prune::Path;

/// The members that JSON text has twice in one object, in the words of the server
/// (`duplicate field "spec.replicas"`) and in the order of the text. The last of them counts.
///
/// What is no JSON has none.
pub fn duplicates(text: &str) -> Vec<String> {
    surplus(text, &[])
}

/// The same, and among them, where the text has it first, each of what is said of members that nobody
/// knows: so the server reads objects of built-in kinds.
pub fn surplus(text: &str, unknown: &[String]) -> Vec<String> {
    let said = RefCell::new(Vec::new());
    let place = Place {
        path: &Path::Root,
        unknown,
        said: &said,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    // Whether it is JSON is for whoever reads the body.
    let _ = place.deserialize(&mut reader);
    let mut said = said.into_inner();
    // What the text does not have under the path that is said comes last.
    let left: Vec<String> = unknown
        .iter()
        .filter(|one| !said.contains(one))
        .cloned()
        .collect();
    said.extend(left);
    said
}

/// A place in the text.
struct Place<'a> {
    path: &'a Path<'a>,
    unknown: &'a [String],
    said: &'a RefCell<Vec<String>>,
}

impl Place<'_> {
    /// Says something once.
    fn say(&self, what: String) {
        let mut said = self.said.borrow_mut();
        if !said.contains(&what) {
            said.push(what);
        }
    }
}

/// The name of a member: borrowed from the text where it stands there as it is.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a member")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        reader.deserialize_str(Read)
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut known: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Name(name)) = members.next_key::<Name<'de>>()? {
            let path = &Path::Member(self.path, &name);
            if !self.unknown.is_empty() {
                let unknown = format!("unknown field \"{}\"", path.text());
                if self.unknown.contains(&unknown) {
                    // What is inside is not read.
                    self.say(unknown);
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            // Mostly they are in order, as whoever wrote them sorted them.
            let place = if known.last().is_none_or(|last| *last < name) {
                Err(known.len())
            } else {
                known.binary_search(&name)
            };
            if place.is_ok() {
                self.say(format!("duplicate field \"{}\"", path.text()));
            }
            members.next_value_seed(Place { path, ..self })?;
            if let Err(place) = place {
                known.insert(place, name);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let path = &Path::Item(self.path, index);
            if items.next_element_seed(Place { path, ..self })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(reader).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server answered. A manifest with a field twice means one of them, and not the other.
    #[test]
    fn what_is_there_twice_is_named_with_its_place() {
        let text = r#"{"metadata":{"name":"x"},"spec":{"replicas":1,"replicas":2,
            "selector":{"matchLabels":{"app":"d","app":"d"}},
            "template":{"spec":{"containers":[{"name":"a","name":"a","image":"a:1"}]}}}}"#;
        assert_eq!(
            duplicates(text),
            [
                "duplicate field \"spec.replicas\"",
                "duplicate field \"spec.selector.matchLabels.app\"",
                "duplicate field \"spec.template.spec.containers[0].name\"",
            ]
        );
        assert_eq!(duplicates("{nothing"), [""; 0]);
    }

    /// What the server answered: one after another as they are written, each once.
    #[test]
    fn what_nobody_knows_is_named_where_it_stands() {
        let text =
            r#"{"data":{"a":"b","a":"c"},"foo":{"x":1,"x":2},"data":{"x":"y"},"bar":2,"data":{}}"#;
        let unknown = ["bar", "foo"].map(|name| format!("unknown field \"{name}\""));
        assert_eq!(
            surplus(text, &unknown),
            [
                "duplicate field \"data.a\"",
                "unknown field \"foo\"",
                "duplicate field \"data\"",
                "unknown field \"bar\"",
            ]
        );
    }
}
