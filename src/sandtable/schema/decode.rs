//! Why a body cannot be read as a built-in kind, in the words of Go's JSON reader.

use serde_json::Value;

use super::{Part, Shape, written};
use crate::field::quantity;

/// Why the object cannot be read as this kind; nothing where it can. The first thing that is wrong,
/// by the names of its members:
/// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
///
/// Where another object of the kind could be read (`old`), what it shares with that can be, too.
///
/// Limit: texts that have a type of their own in Go (`v1.PullPolicy`) are called `string`.
pub fn decode_errors(part: Part<'_>, object: &Value, old: Option<&Value>) -> Option<String> {
    let place = Place {
        structure: "",
        name: "",
        parent: None,
    };
    wrong(part, object, old, &place)
}

/// Why a body of one kind cannot be stored as another; both as group, version and kind.
pub fn other_kind(sent: [&str; 3], wanted: [&str; 3]) -> String {
    let [_, version, kind] = sent;
    let [group, _, target] = wanted;
    let package = match group {
        // Events moved to a group of their own, and stayed where they were inside.
        "" | "events.k8s.io" => "core",
        other => other.split('.').next().unwrap_or(other),
    };
    format!("converting ({version}.{kind}) to ({package}.{target}): unknown conversion")
}

/// Where in an object we are, as Go names it.
struct Place<'a> {
    /// The structure that the place is a member of.
    structure: &'a str,
    /// The name of the member; items and keys of maps are not told apart.
    name: &'a str,
    /// The place around it. Only where something is wrong the whole way is written.
    parent: Option<&'a Place<'a>>,
}

impl Place<'_> {
    fn path(&self) -> String {
        match self.parent.map(Place::path) {
            None => self.name.to_owned(),
            Some(before) if before.is_empty() => self.name.to_owned(),
            Some(before) => format!("{before}.{}", self.name),
        }
    }
}

fn wrong(part: Part<'_>, value: &Value, old: Option<&Value>, place: &Place<'_>) -> Option<String> {
    if value.is_null() || old == Some(value) {
        return None;
    }
    if let Some(special) = special(part, value, place) {
        return special.err();
    }
    let node = part.node();
    let fits = match (node.shape, value) {
        (Shape::Any, _)
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Number, Value::Number(_))
        | (Shape::Text, Value::String(_))
        | (Shape::List, Value::Array(_))
        | (Shape::Object, Value::Object(_)) => true,
        (Shape::Integer, Value::Number(number)) => number.is_i64(),
        (
            Shape::Boolean
            | Shape::Integer
            | Shape::Number
            | Shape::Text
            | Shape::IntOrText
            | Shape::List
            | Shape::Object,
            _,
        ) => false,
    };
    if !fits {
        let is_whole = node.shape == Shape::Integer;
        return Some(refused(&said(value, is_whole), place, &go_type(part)));
    }
    match value {
        Value::Array(items) => {
            let inner = part.items()?;
            items.iter().enumerate().find_map(|(index, item)| {
                wrong(inner, item, old.and_then(|old| old.get(index)), place)
            })
        }
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let old = old.and_then(|old| old.get(name));
            let Some(property) = part.property(name) else {
                return wrong(part.additional()?, value, old, place);
            };
            let place = Place {
                structure: node.component.as_deref().map_or(place.structure, last),
                name,
                parent: Some(place),
            };
            wrong(property, value, old, &place)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Types that read themselves. What they say of a text does not tell where it is.
fn special(part: Part<'_>, value: &Value, place: &Place<'_>) -> Option<Result<(), String>> {
    let other = |of: &str| Err(refused(&said(value, of == "int32"), place, of));
    if written::is(part, written::QUANTITY) {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        let known = quantity::is_one(&text);
        let pattern = "quantities must match the regular expression \
            '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        return Some(if known {
            Ok(())
        } else {
            Err(pattern.to_owned())
        });
    }
    if written::is_time(part) {
        let Some(text) = value.as_str() else {
            return Some(other("string"));
        };
        return Some(time(text, written::is_micro(part)));
    }
    if part.node().shape == Shape::IntOrText {
        let fits = value.is_string() || value.is_i64();
        return Some(if fits { Ok(()) } else { other("int32") });
    }
    let bytes = value
        .as_str()
        .filter(|_| part.node().format.as_deref() == Some("byte"))?;
    Some(base64(bytes))
}

/// Whether a text is base64, and where it is none, as Go counts.
fn base64(text: &str) -> Result<(), String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let bad = body.bytes().position(|byte| !is_letter(byte));
    let wrong = match (bad, body.len() % 4) {
        (Some(bad), _) => bad,
        (None, 0) if padding == 0 => return Ok(()),
        (None, 2) if padding == 2 => return Ok(()),
        (None, 3) if padding == 1 => return Ok(()),
        (None, rest) if padding == 0 => body.len() - rest,
        (None, _) => body.len(),
    };
    Err(format!("illegal base64 data at input byte {wrong}"))
}

fn time(text: &str, micro: bool) -> Result<(), String> {
    let form = if micro {
        "2006-01-02T15:04:05.000000Z07:00"
    } else {
        "2006-01-02T15:04:05Z07:00"
    };
    let after = text.get("2006-01-02T15:04:05".len()..).unwrap_or_default();
    let digits = after.strip_prefix('.').unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let (rest, wanted) = match text.parse::<jiff::Timestamp>() {
        Ok(_) if !micro || end == Some(6) => return Ok(()),
        Ok(_) => (after, ".000000"),
        Err(_) => (text, "2006"),
    };
    Err(format!(
        "parsing time {text:?} as {form:?}: cannot parse {rest:?} as {wanted:?}"
    ))
}

fn refused(what: &str, place: &Place<'_>, of: &str) -> String {
    let (structure, path) = (place.structure, place.path());
    if path.is_empty() {
        return format!("json: cannot unmarshal {what} into Go value of type {of}");
    }
    format!("json: cannot unmarshal {what} into Go struct field {structure}.{path} of type {of}")
}

/// What Go calls a value. Where whole numbers are wanted, a fraction is quoted.
fn said(value: &Value, wants_whole: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if wants_whole => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

fn go_type(part: Part<'_>) -> String {
    let node = part.node();
    if let Some(component) = node.component.as_deref() {
        let mut names = component.rsplit('.');
        let name = names.next().unwrap_or_default();
        return format!("{}.{name}", names.next().unwrap_or_default());
    }
    let inner = |part: Option<Part<'_>>| part.map_or_else(|| "interface {}".to_owned(), go_type);
    match node.shape {
        Shape::Any => "interface {}".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer => node.format.clone().unwrap_or_else(|| "int64".to_owned()),
        Shape::Number => "float64".to_owned(),
        Shape::Text if node.format.as_deref() == Some("byte") => "[]uint8".to_owned(),
        Shape::Text | Shape::IntOrText => "string".to_owned(),
        Shape::List => format!("[]{}", inner(part.items())),
        Shape::Object => format!("map[string]{}", inner(part.additional())),
    }
}

fn last(component: &str) -> &str {
    component.rsplit('.').next().unwrap_or(component)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::builtin;
    use super::*;

    fn said_of(group: &str, kind: &str, object: &Value) -> Option<String> {
        let schema = builtin().kind(group, "v1", kind).expect("it is served");
        decode_errors(schema.root(), object, None)
    }

    /// A patch that writes a word where a number belongs must be refused, and say where.
    #[test]
    fn a_wrong_type_is_named_with_its_field() {
        for (object, why) in [
            (
                json!({ "spec": { "replicas": "many" } }),
                "string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                json!({ "spec": { "replicas": 1.5 } }),
                "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                json!({ "spec": { "template": { "spec": { "containers": [{ "image": 1 }] } } } }),
                "number into Go struct field Container.spec.template.spec.containers.image of type string",
            ),
            (
                json!({ "spec": 1 }),
                "number into Go struct field Deployment.spec of type v1.DeploymentSpec",
            ),
            (
                json!({ "metadata": { "labels": [] } }),
                "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
            ),
            (
                json!({ "metadata": { "labels": { "a": true } } }),
                "bool into Go struct field ObjectMeta.metadata.labels of type string",
            ),
        ] {
            let said = said_of("apps", "Deployment", &object);
            assert_eq!(said, Some(format!("json: cannot unmarshal {why}")));
        }
    }

    /// What is right must not be refused: whole objects of the real server are read.
    #[test]
    fn what_the_server_keeps_is_read() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "d", "creationTimestamp": "2026-07-01T08:00:00Z", "managedFields": [
                { "fieldsV1": { "f:spec": {} }, "time": "2026-07-01T08:00:00Z" }] },
            "spec": { "replicas": null, "strategy": { "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 1 } },
                "template": { "spec": { "containers": [{ "resources": { "limits": { "cpu": "1", "memory": 5 } } }] } } },
        });
        assert_eq!(said_of("apps", "Deployment", &object), None);
    }

    /// Amounts and times are read by code of their own.
    #[test]
    fn amounts_and_times_say_what_they_must_be() {
        let amount = json!({ "spec": { "hard": { "cpu": "many" } } });
        let said = said_of("", "ResourceQuota", &amount).expect("it is wrong");
        assert!(
            said.starts_with("quantities must match the regular expression"),
            "{said}"
        );
        let time = json!({ "spec": { "renewTime": "yesterday" } });
        let said = said_of("coordination.k8s.io", "Lease", &time).expect("it is wrong");
        assert!(said.starts_with("parsing time \"yesterday\""), "{said}");
        let time = json!({ "spec": { "renewTime": "2026-07-01T08:00:00.5Z" } });
        let said = said_of("coordination.k8s.io", "Lease", &time).expect("it is wrong");
        assert_eq!(
            said,
            "parsing time \"2026-07-01T08:00:00.5Z\" as \"2006-01-02T15:04:05.000000Z07:00\": \
             cannot parse \".5Z\" as \".000000\""
        );
        let port = json!({ "spec": { "minAvailable": true } });
        let said = said_of("policy", "PodDisruptionBudget", &port).expect("it is wrong");
        assert_eq!(
            said,
            "json: cannot unmarshal bool into Go struct field PodDisruptionBudgetSpec.spec.minAvailable of type int32"
        );
        let secret = |text: &str| said_of("", "Secret", &json!({ "data": { "a": text } }));
        let wrong = "illegal base64 data at input byte 0".to_owned();
        assert_eq!(secret("%"), Some(wrong));
        assert_eq!(secret("dg=="), None);
        assert_eq!(secret(""), None);
    }

    /// What the server answered: `a body of another kind is refused`.
    #[test]
    fn another_kind_is_refused_in_the_words_of_the_server() {
        assert_eq!(
            other_kind(["", "v1", "Secret"], ["", "v1", "ConfigMap"]),
            "converting (v1.Secret) to (core.ConfigMap): unknown conversion"
        );
    }
}
