//! Whether a custom object is as its schema wants it, in the words of the server.
//!
//! [`shape`] holds it against types and bounds, [`lists`] looks for items that are there twice,
//! [`objects`] at objects inside, [`rules`] evaluates the rules; the order is the server's.

mod cel;
mod formats;
mod lists;
mod number;
mod objects;
mod rules;
mod scale;
mod shape;
mod wrong;

use serde_json::Value;

use super::Part;
use super::at::At;
use crate::sandtable::refusal::Cause;

pub(super) use rules::Worked;
pub use scale::scale_causes;

/// Reasons of causes after which rules are not looked at.
const BLOCKING: [&str; 5] = [
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

/// What is wrong with a custom object; nothing where it is as the schema wants it.
///
/// Guarantees: with `old`, what is wrong is let through where it is unchanged, as the server does.
///
/// Assumptions: it is pruned and has its defaults. Its `metadata`, its kind and the paths of its
/// scale are looked at by the caller ([`scale_causes`]).
///
/// Limits: of formats, `date-time`, `date`, `int32`, `int64` and `float` are looked at; rules beyond
/// the limits of [`cel`] count as broken.
pub fn validate(part: Part<'_>, new: &Value, old: Option<&Value>) -> Found {
    let at = At {
        part,
        value: new,
        old,
    };
    let causes = shape::causes(at, None);
    completed(at, causes)
}

/// What was found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Why the object is refused.
    pub causes: Vec<Cause>,
    /// Rules that it broke before and breaks still: the client is warned.
    pub let_through: Vec<Cause>,
}

/// What is wrong with an object whose status alone is written: of shapes, the status is looked at.
pub fn validate_status(part: Part<'_>, new: &Value, old: &Value) -> Found {
    let at = At {
        part,
        value: new,
        old: Some(old),
    };
    let status = at
        .value
        .get("status")
        .and_then(|value| at.member("status", value));
    let causes = status.map(|status| shape::causes(status, Some("status")));
    completed(at, causes.unwrap_or_default())
}

fn completed(at: At<'_>, mut causes: Vec<Cause>) -> Found {
    objects::causes(at.part, at.value, "", &mut causes);
    let twice = |value| {
        let mut twice = Vec::new();
        lists::causes(at.part, value, "", &mut twice);
        twice
    };
    if at.old.is_none_or(|old| twice(old).is_empty()) {
        causes.append(&mut twice(at.value));
    }
    if rules::has_any(at.part) {
        if causes.iter().any(|cause| BLOCKING.contains(&cause.reason)) {
            causes.push(not_checked());
        } else {
            let mut found = Found {
                causes,
                let_through: Vec::new(),
            };
            rules::causes(at, "", &mut found);
            return found;
        }
    }
    Found {
        causes,
        let_through: Vec::new(),
    }
}

fn not_checked() -> Cause {
    let why = "some validation rules were not checked because the object was invalid; \
        correct the existing errors to complete validation";
    Cause::invalid("<nil>", &Value::Null, why)
}

/// The path of a member, as the server writes it.
fn child(path: &str, part: Part<'_>, name: &str) -> String {
    match path {
        _ if part.property(name).is_none() => format!("{path}[{name}]"),
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests;
