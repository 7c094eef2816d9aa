//! A document's value as one of our own types.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::place::Place;
use super::yaml::Tree;
use super::{Body, Diagnostic, Document};
use crate::api::{Count, Percent, names};
use crate::playbook::lint::{self, Finding, codes};
use crate::playbook::pointer;

/// What stands beside a document's spec.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Reads a document.
///
/// # Errors
/// Everything that is wrong beside the spec, or the first thing in it that is.
pub fn document(tree: Tree) -> Result<Document, Vec<Diagnostic>> {
    let Tree { value, places } = tree;
    let located = |findings: Vec<Finding>| locate(&places, findings);
    let Value::Object(mut fields) = value else {
        return Err(located(vec![
            codes::WRONG_KIND.at("", "the document is not an object"),
        ]));
    };
    let kind = kind(&fields).map_err(|finding| located(vec![finding]))?;
    let mut findings = strangers(&fields);
    let name = match name(&fields) {
        Ok(name) => name,
        Err(finding) => {
            findings.push(finding);
            String::new()
        }
    };
    let spec = fields.remove("spec").unwrap_or(Value::Null);
    let body = match kind {
        Kind::Playbook => typed(&spec).map(|spec| Body::Playbook(Box::new(spec))),
        Kind::Mode => typed(&spec).map(|spec| Body::Mode(Box::new(spec))),
    };
    match body {
        Ok(body) if findings.is_empty() => Ok(Document { body, name, places }),
        Ok(_) => Err(located(findings)),
        Err(finding) => {
            findings.push(finding);
            Err(located(findings))
        }
    }
}

fn locate(places: &Place, findings: Vec<Finding>) -> Vec<Diagnostic> {
    findings
        .into_iter()
        .map(|finding| Diagnostic {
            position: places.find(&finding.at),
            finding,
        })
        .collect()
}

enum Kind {
    Playbook,
    Mode,
}

fn kind(fields: &Map<String, Value>) -> Result<Kind, Finding> {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let expected = format!("{}/{}", names::GROUP, names::VERSION);
    match text("apiVersion") {
        Some(version) if version == expected => {}
        Some(version) => {
            let message = format!("`{version}` is not {expected}");
            return Err(codes::WRONG_KIND.at("/apiVersion", message));
        }
        None => return Err(codes::WRONG_KIND.at("/apiVersion", "there is no `apiVersion`")),
    }
    match text("kind") {
        Some("Playbook") => Ok(Kind::Playbook),
        Some("EmergencyMode") => Ok(Kind::Mode),
        Some(other) => {
            let message = format!("`{other}` is neither a Playbook nor an EmergencyMode");
            Err(codes::WRONG_KIND.at("/kind", message))
        }
        None => Err(codes::WRONG_KIND.at("/kind", "there is no `kind`")),
    }
}

fn strangers(fields: &Map<String, Value>) -> Vec<Finding> {
    fields
        .keys()
        .filter(|key| !TOP.contains(&key.as_str()))
        .map(|key| {
            let known: Vec<&str> = TOP.to_vec();
            codes::UNKNOWN_FIELD.at(format!("/{}", pointer::escape(key)), unknown(key, &known))
        })
        .collect()
}

fn name(fields: &Map<String, Value>) -> Result<String, Finding> {
    let metadata = fields.get("metadata");
    match metadata.and_then(|metadata| metadata.get("name")) {
        Some(Value::String(name)) if lint::is_name(name) => Ok(name.clone()),
        Some(Value::String(name)) => {
            Err(codes::NO_NAME.at("/metadata/name", format!("`{name}` is not a usable name")))
        }
        Some(_) => Err(codes::NO_NAME.at("/metadata/name", "`metadata.name` is not a text")),
        None => Err(codes::NO_NAME.at("/metadata", "there is no `metadata.name`")),
    }
}

fn typed<T: DeserializeOwned>(spec: &Value) -> Result<T, Finding> {
    if !spec.is_object() {
        return Err(codes::WRONG_TYPE.at("/spec", "`spec` is missing or not an object"));
    }
    serde_path_to_error::deserialize(spec).map_err(|error| {
        let at = error
            .path()
            .iter()
            .fold("/spec".to_owned(), |at, segment| match segment {
                Segment::Seq { index } => format!("{at}/{index}"),
                Segment::Map { key } => format!("{at}/{}", pointer::escape(key)),
                Segment::Enum { variant } => format!("{at}/{}", pointer::escape(variant)),
                Segment::Unknown => at,
            });
        finding(at, &error.inner().to_string())
    })
}

/// What serde says, in words that say what to write.
fn finding(at: String, message: &str) -> Finding {
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((field, expected)) = rest.split_once("`, ")
    {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return codes::UNKNOWN_FIELD.at(at, unknown(field, &known));
    }
    let untagged = message.strip_prefix("data did not match any variant of untagged enum ");
    let message = match untagged {
        Some("Scalar") => "a boolean, a whole number or a text is wanted here".to_owned(),
        Some("Count") => number("a number of replicas", Count::MINIMUM, Count::MAXIMUM),
        Some("Percent") => number(
            "a percentage without the sign",
            Percent::MINIMUM,
            Percent::MAXIMUM,
        ),
        Some("PriorityItem") => "a namespace's name or a `selector` is wanted here".to_owned(),
        Some(_) | None => message
            .replace(
                "expected string or map",
                "expected one of the words that the field takes",
            )
            .replace("expected i64", "expected a whole number")
            .replace("expected i32", "expected a whole number"),
    };
    codes::WRONG_TYPE.at(at, message)
}

fn number(what: &str, least: i64, most: i64) -> String {
    format!("{what} from {least} to {most}, or `${{parameters.NAME}}`, is wanted here")
}

/// An unknown field, with the known one that is most like it.
fn unknown(field: &str, known: &[&str]) -> String {
    let close = known
        .iter()
        .map(|name| (distance(field, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4);
    match close {
        Some((_, name)) => format!("there is no field `{field}`: did you mean `{name}`?"),
        None if known.is_empty() => format!("there is no field `{field}`, nor any other, here"),
        None => format!(
            "there is no field `{field}`: here stand {}",
            known.join(", ")
        ),
    }
}

/// How many letters must be put in, taken out or exchanged; upper and lower case are the same.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, wanted) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
