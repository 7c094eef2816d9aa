//! Takes out of an answer what differs from run to run, and keeps what says that two of them are the
//! same: the second uid of a case is `<uid 2>` wherever it stands.

use serde_json::{Map, Value};

/// What was met in one case so far.
#[derive(Debug, Default)]
pub struct Normal {
    namespace: String,
    uids: Vec<String>,
    versions: Vec<String>,
}

/// Length of a uid in its text form.
const UID: usize = 36;
/// Where its dashes are.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Normal {
    /// For a case that is played in this namespace.
    pub fn of(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..Self::default()
        }
    }

    /// A body, or a part of one.
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.members(members)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn members(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let is_list = members.contains_key("items") || members.contains_key("rows");
        let generated = members.get("generateName").and_then(Value::as_str);
        let mut normal = Map::new();
        for (name, value) in members {
            let value = match (name.as_str(), value) {
                // A list's is that of the whole store, which others write to.
                ("metadata", Value::Object(metadata)) if is_list => self.list(metadata),
                ("resourceVersion", Value::String(version)) if !version.is_empty() => {
                    Value::String(self.version(version))
                }
                ("name", Value::String(text)) => match generated {
                    Some(begin) if text.starts_with(begin) => {
                        let count = text.len() - begin.len();
                        Value::String(format!("{}<{count} letters>", self.text(begin)))
                    }
                    Some(_) | None => Value::String(self.text(text)),
                },
                _ => self.value(value),
            };
            normal.insert(self.text(name), value);
        }
        sort_causes(&mut normal);
        normal
    }

    fn list(&mut self, metadata: &Map<String, Value>) -> Value {
        let mut own = metadata.clone();
        // It is not met: whether it is that of an item depends on what others write.
        own.remove("resourceVersion");
        let mut normal = self.members(&own);
        for (name, word) in [("resourceVersion", "<version>"), ("continue", "<token>")] {
            if metadata.get(name).is_some_and(|value| *value != "") {
                normal.insert(name.to_owned(), word.into());
            }
        }
        Value::Object(normal)
    }

    fn version(&mut self, version: &str) -> String {
        if version.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("<version {}>", number(&mut self.versions, version))
        } else {
            version.to_owned()
        }
    }

    /// A text: a time, or one that may name uids and the namespace.
    pub fn text(&mut self, text: &str) -> String {
        if is_time(text) {
            return "<time>".to_owned();
        }
        let text = text.replace(&self.namespace, "<ns>");
        let mut normal = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(next) = rest.chars().next() {
            if let Some(uid) = rest.get(..UID).filter(|text| is_uid(text)) {
                normal.extend(["<uid ", &number(&mut self.uids, uid).to_string(), ">"]);
                rest = &rest[UID..];
            } else {
                normal.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        normal
    }
}

/// A server finds what is wrong with an object in an order that chance makes, and says it twice: as
/// causes, and in the message between brackets. The causes are kept.
fn sort_causes(status: &mut Map<String, Value>) {
    let causes = status
        .get_mut("details")
        .and_then(|details| details.get_mut("causes"));
    let Some(causes) = causes
        .and_then(Value::as_array_mut)
        .filter(|causes| causes.len() > 1)
    else {
        return;
    };
    causes.sort_by_key(Value::to_string);
    if let Some(Value::String(message)) = status.get_mut("message")
        && let Some(begin) = message.find('[')
    {
        message.replace_range(begin.., "[<causes>]");
    }
}

/// The place of a word among those that were met, from 1.
fn number(known: &mut Vec<String>, word: &str) -> usize {
    if let Some(place) = known.iter().position(|one| one == word) {
        return place + 1;
    }
    known.push(word.to_owned());
    known.len()
}

fn is_uid(text: &str) -> bool {
    text.len() == UID
        && text.bytes().enumerate().all(|(place, byte)| {
            if DASHES.contains(&place) {
                byte == b'-'
            } else {
                byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
            }
        })
}

/// A time as servers write it: `2026-07-01T08:00:00Z`, with or without a fraction.
fn is_time(text: &str) -> bool {
    let shape = |pattern: &[u8], text: &[u8]| {
        pattern.len() == text.len()
            && pattern.iter().zip(text).all(|(wanted, byte)| match wanted {
                b'0' => byte.is_ascii_digit(),
                other => other == byte,
            })
    };
    shape(b"0000-00-00T00:00:00Z", text.as_bytes())
        || shape(b"0000-00-00T00:00:00.000000Z", text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "6f1c2d3e-0000-4000-8000-000000000001";
    const B: &str = "6f1c2d3e-0000-4000-8000-000000000002";

    /// What is the same stays the same, and what differs stays different, wherever it stands.
    #[test]
    fn words_of_one_run_become_words_of_every_run() {
        let mut normal = Normal::of("t1-c");
        let object = json!({
            "metadata": { "name": "x", "namespace": "t1-c", "uid": A, "resourceVersion": "41",
                "creationTimestamp": "2026-07-01T08:00:00Z",
                "ownerReferences": [{ "uid": B }],
                "managedFields": [{ "fieldsV1": { format!("k:{{\"uid\":\"{B}\"}}"): {} } }] },
            "spec": { "at": "2026-07-01T08:00:00.123456Z", "word": "2026-07-01" },
        });
        assert_eq!(
            normal.value(&object),
            json!({
                "metadata": { "name": "x", "namespace": "<ns>", "uid": "<uid 2>",
                    "resourceVersion": "<version 1>", "creationTimestamp": "<time>",
                    "ownerReferences": [{ "uid": "<uid 1>" }],
                    "managedFields": [{ "fieldsV1": { "k:{\"uid\":\"<uid 1>\"}": {} } }] },
                "spec": { "at": "<time>", "word": "2026-07-01" },
            })
        );
        let later = json!({ "resourceVersion": "42", "message": format!("of {A} in t1-c") });
        assert_eq!(
            normal.value(&later),
            json!({ "resourceVersion": "<version 2>", "message": "of <uid 2> in <ns>" })
        );
        let same = json!({ "resourceVersion": "41" });
        assert_eq!(
            normal.value(&same),
            json!({ "resourceVersion": "<version 1>" })
        );
    }

    /// A list has the version of the whole store; its items have their own.
    #[test]
    fn lists_and_generated_names_lose_what_chance_made() {
        let mut normal = Normal::of("t1-c");
        let list = json!({
            "metadata": { "resourceVersion": "977", "continue": "abc", "remainingItemCount": 2 },
            "items": [{ "metadata": { "generateName": "t1-c-", "name": "t1-c-x7k2p",
                "resourceVersion": "7" } }],
        });
        assert_eq!(
            normal.value(&list),
            json!({
                "metadata": { "resourceVersion": "<version>", "continue": "<token>",
                    "remainingItemCount": 2 },
                "items": [{ "metadata": { "generateName": "<ns>-", "name": "<ns>-<5 letters>",
                    "resourceVersion": "<version 1>" } }],
            })
        );
        let whole = json!({ "metadata": { "resourceVersion": "9", "continue": "" }, "items": [] });
        assert_eq!(normal.value(&whole)["metadata"]["continue"], "");
    }

    /// What is wrong is said in an order that chance makes.
    #[test]
    fn causes_are_in_order() {
        let status = |one: &str, other: &str| {
            json!({ "kind": "Status", "message": format!("w is invalid: [{one}: no, {other}: no]"),
                "details": { "causes": [{ "field": one }, { "field": other }] } })
        };
        let mut normal = Normal::of("t1-c");
        let said = normal.value(&status("a", "b"));
        assert_eq!(said, normal.value(&status("b", "a")));
        assert_eq!(said["message"], "w is invalid: [<causes>]");
        let single = json!({ "message": "x is invalid: [a]", "details": { "causes": [{}] } });
        assert_eq!(normal.value(&single), single);
    }

    #[test]
    fn what_only_looks_like_one_is_left() {
        let mut normal = Normal::of("t1-c");
        for text in [
            "6f1c2d3e-0000-4000-8000-00000000000g",
            "2026-07-01T08:00:00",
            "0",
            "灾",
        ] {
            assert_eq!(normal.text(text), text);
        }
    }
}
