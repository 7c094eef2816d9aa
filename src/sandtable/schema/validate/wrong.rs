//! What is wrong with a value, on its way to a cause.

use serde_json::Value;

use crate::sandtable::refusal::Cause;

/// Something that is wrong.
pub struct Wrong {
    /// Where, from the value that was looked at; nothing where the server does not say.
    pub name: Option<String>,
    /// The whole sentence: the same one is said once.
    pub said: String,
    /// What kind of wrong it is.
    pub kind: Kind,
}

/// What kind of wrong it is, with what its cause quotes.
pub enum Kind {
    /// It is not there.
    Required,
    /// A value, and those that are known.
    Unsupported(Value, Vec<String>),
    /// How long it may be.
    TooLong(i64),
    /// How many there are, and may be.
    TooMany(i64, i64),
    /// What it is instead.
    Type(String),
    /// Any other value that may not be there.
    Value(Value),
}

impl Wrong {
    /// As a cause. `under`: the path of the value that was looked at.
    pub fn cause(self, under: Option<&str>) -> Cause {
        let name = self.name.unwrap_or_default();
        let name = name.trim_start_matches('.');
        let field = match (under, name) {
            (None, "") => "<nil>".to_owned(),
            (None, name) => name.to_owned(),
            (Some(under), "") => under.to_owned(),
            (Some(under), name) => format!("{under}.{name}"),
        };
        let items = |count: i64| if count == 1 { "item" } else { "items" };
        let (reason, message) = match self.kind {
            Kind::Required => return Cause::required(&field, ""),
            Kind::Value(value) => return Cause::invalid(&field, &value, &self.said),
            Kind::Unsupported(value, known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return Cause::not_supported(&field, &value, &known);
            }
            Kind::TooLong(most) => {
                let bytes = if most == 1 { "byte" } else { "bytes" };
                let message = format!("Too long: may not be more than {most} {bytes}");
                ("FieldValueTooLong", message)
            }
            Kind::TooMany(are, most) => {
                let what = items(most);
                let message = format!("Too many: {are}: must have at most {most} {what}");
                ("FieldValueTooMany", message)
            }
            Kind::Type(is) => {
                let message = format!("Invalid value: {is:?}: {}", self.said);
                ("FieldValueTypeInvalid", message)
            }
        };
        Cause {
            reason,
            message,
            field,
        }
    }
}

/// What was found so far, each sentence once.
#[derive(Default)]
pub struct Found(pub Vec<Wrong>);

impl Found {
    /// Adds one.
    pub fn add(&mut self, wrong: Wrong) {
        if self.0.iter().all(|known| known.said != wrong.said) {
            self.0.push(wrong);
        }
    }

    /// Adds a sentence about a place.
    pub fn say(&mut self, path: &str, why: &str, kind: Kind) {
        self.add(Wrong {
            name: Some(path.to_owned()),
            said: format!("{path} in body {why}"),
            kind,
        });
    }

    /// Something of which the server does not say where it is.
    pub fn say_nowhere(&mut self, said: String) {
        self.add(Wrong {
            name: None,
            said,
            kind: Kind::Value("".into()),
        });
    }

    /// Adds many.
    pub fn all(&mut self, wrong: Vec<Wrong>) {
        for wrong in wrong {
            self.add(wrong);
        }
    }
}
