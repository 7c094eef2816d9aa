//! Selectors of labels and fields, as lists and watches are asked with them.

use serde_json::Value;

use super::refusal::Refusal;
use super::store::Key;

/// What a list or a watch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    labels: Vec<Label>,
    fields: Vec<(String, bool, String)>,
}

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Label {
    name: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    More(i64),
    Less(i64),
}

impl Selection {
    /// Reads the two parameters. `known` are the fields that objects of the kind can be selected by
    /// beside their name and namespace.
    ///
    /// # Errors
    /// In the server's words.
    pub fn read(labels: &str, fields: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut selection = Self::default();
        let mut words = Words(labels);
        while words.peek() != "" {
            selection.labels.push(words.label()?);
            match words.next() {
                "" => break,
                "," if words.peek() != "" => {}
                "," => return Err(found("", "identifier after ','")),
                other => return Err(found(other, "',' or 'end of string'")),
            }
        }
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (name, same, value) = term_of(term)?;
            let own = ["metadata.name", "metadata.namespace"];
            if !own.contains(&name) && !known.contains(&name) {
                return Err(Refusal::bad_request(format!(
                    "{name:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                )));
            }
            selection
                .fields
                .push((name.to_owned(), same, value.to_owned()));
        }
        Ok(selection)
    }

    /// Whether everything is selected.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that is asked for, if it is one.
    pub fn name(&self) -> Option<&str> {
        let named = |(name, same, _): &&(String, bool, String)| *same && name == "metadata.name";
        self.fields
            .iter()
            .find(named)
            .map(|(_, _, value)| value.as_str())
    }

    /// Whether an object is selected.
    pub fn matches(&self, key: &Key, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|label| label.matches(labels))
            && self.fields.iter().all(|(name, same, wanted)| {
                let value = match name.as_str() {
                    "metadata.name" => key.name.as_str(),
                    "metadata.namespace" => key.namespace.as_str(),
                    other => {
                        let pointer = format!("/{}", other.replace('.', "/"));
                        object
                            .pointer(&pointer)
                            .and_then(Value::as_str)
                            .unwrap_or_default()
                    }
                };
                (value == wanted) == *same
            })
    }
}

fn term_of(term: &str) -> Result<(&str, bool, &str), Refusal> {
    for (sign, same) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((name, value)) = term.split_once(sign) {
            return Ok((name, same, value));
        }
    }
    Err(Refusal::bad_request(format!(
        "invalid selector: '{term}'; can't understand '{term}'"
    )))
}

impl Label {
    fn matches(&self, labels: &Value) -> bool {
        let value = labels.get(&self.name).and_then(Value::as_str);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Test::More(than) => number().is_some_and(|number| number > *than),
            Test::Less(than) => number().is_some_and(|number| number < *than),
        }
    }
}

fn found(what: &str, expected: &str) -> Refusal {
    Refusal::bad_request(format!("found '{what}', expected: {expected}"))
}

/// The words of a selector.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn split(&self) -> (&'a str, &'a str) {
        let text = self.0.trim_start();
        for sign in ["==", "!=", "=", "!", ",", "(", ")", ">", "<"] {
            if text.starts_with(sign) {
                return text.split_at(sign.len());
            }
        }
        let end = text.find(|c: char| "=!,()<>".contains(c) || c.is_whitespace());
        text.split_at(end.unwrap_or(text.len()))
    }

    fn peek(&self) -> &'a str {
        self.split().0
    }

    fn next(&mut self) -> &'a str {
        let (word, rest) = self.split();
        self.0 = rest;
        word
    }

    fn label(&mut self) -> Result<Label, Refusal> {
        let first = self.next();
        if first == "!" {
            let name = self.next().to_owned();
            let test = Test::Absent;
            return Ok(Label { name, test });
        }
        if !is_word(first) {
            return Err(found(first, "!, identifier, or 'end of string'"));
        }
        let name = first.to_owned();
        let test = match self.peek() {
            "" | "," => Test::Exists,
            "=" | "==" => Test::In(vec![self.value()]),
            "!=" => Test::NotIn(vec![self.value()]),
            "in" => Test::In(self.values()?),
            "notin" => Test::NotIn(self.values()?),
            ">" => Test::More(self.number()?),
            "<" => Test::Less(self.number()?),
            other => return Err(found(other, "in, notin, =, ==, !=, gt, lt")),
        };
        Ok(Label { name, test })
    }

    /// The value behind a sign; it may be empty.
    fn value(&mut self) -> String {
        self.next();
        if is_word(self.peek()) {
            self.next().to_owned()
        } else {
            String::new()
        }
    }

    fn number(&mut self) -> Result<i64, Refusal> {
        let value = self.value();
        value.parse().map_err(|_| {
            Refusal::bad_request(format!(
                "for 'Gt', 'Lt' operators, the value must be an integer, found {value:?}"
            ))
        })
    }

    fn values(&mut self) -> Result<Vec<String>, Refusal> {
        self.next();
        match self.next() {
            "(" => {}
            other => return Err(found(other, "'('")),
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                ")" => return Ok(values),
                "," => {}
                word if is_word(word) => values.push(word.to_owned()),
                other => return Err(found(other, "',', ')' or identifier")),
            }
        }
    }
}

fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| !"=!,()<>".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(labels: &str, fields: &str) -> bool {
        let selection = Selection::read(labels, fields, &[]).expect("a selector");
        let key = Key {
            namespace: "n".to_owned(),
            name: "a".to_owned(),
            ..Key::default()
        };
        selection.matches(
            &key,
            &json!({ "metadata": { "labels": { "tier": "web", "n": "1", "e": "" } } }),
        )
    }

    /// A selector that takes too much switches services that nobody meant.
    #[test]
    fn labels_and_fields_select() {
        for yes in [
            "",
            "tier",
            "tier=web",
            "tier==web",
            "tier in (db, web)",
            "!x",
            "tier!=db",
            "x!=y",
            "tier notin (db)",
            "x notin (y)",
            "n>0",
            "n<2",
            "tier=web,n=1",
            "e=",
            "tier , n",
        ] {
            assert!(selects(yes, ""), "{yes}");
        }
        for no in [
            "x",
            "tier=db",
            "!tier",
            "tier notin (web)",
            "n>1",
            "tier=web,n=2",
            "x=",
            "tier=",
        ] {
            assert!(!selects(no, ""), "{no}");
        }
        assert!(selects("", "metadata.name=a,metadata.namespace!=m"));
        assert!(!selects("", "metadata.name!=a"));
    }

    /// What is no selector must not be taken for one that selects everything.
    #[test]
    fn what_is_no_selector_is_refused() {
        for none in ["==", "a b", "a in b", "a,", "a in (b", ",a", "n>x"] {
            assert!(Selection::read(none, "", &[]).is_err(), "{none}");
        }
        let refused = Selection::read("==", "", &[]).expect_err("none");
        assert_eq!(
            refused.message,
            "found '==', expected: !, identifier, or 'end of string'"
        );
        assert!(Selection::read("", "data.k=v", &[]).is_err());
        assert!(Selection::read("", "spec.x=v", &["spec.x"]).is_ok());
    }
}
