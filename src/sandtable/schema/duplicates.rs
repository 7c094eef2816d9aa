//! Members that are in a body twice.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

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
        path: String::new(),
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
    path: String,
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
        let mut known = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = match self.path.as_str() {
                "" => name.clone(),
                before => format!("{before}.{name}"),
            };
            let unknown = format!("unknown field \"{path}\"");
            if self.unknown.contains(&unknown) {
                // What is inside is not read.
                self.say(unknown);
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            if !known.insert(name) {
                self.say(format!("duplicate field \"{path}\""));
            }
            members.next_value_seed(Place { path, ..self })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let path = format!("{}[{index}]", self.path);
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
