//! The body of a request: read, and held against what the address says.

use serde_json::Value;

use super::ask::{Ask, Place};
use super::kinds::Kind;
use super::refusal::{Cause, Refusal};
use super::schema;

/// Media types that a body may have.
const MEDIA: [&str; 4] = ["", "application/json", "application/yaml", "*/*"];

/// Reads an object of a kind.
///
/// # Errors
/// In the server's words: a media type that nobody knows, no JSON, another kind.
pub fn object(kind: &Kind, ask: &Ask) -> Result<Value, Refusal> {
    if !MEDIA.contains(&ask.content_type.as_str()) {
        return Err(unknown_media(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ));
    }
    let object = read(ask).map_err(|why| unread(kind, ask, &why))?;
    ensure_kind(kind, &object)?;
    Ok(object)
}

/// 415.
pub fn unknown_media(known: &str) -> Refusal {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {known}"
    );
    Refusal::plain(415, "UnsupportedMediaType", message)
}

/// Reads JSON, or YAML where the request says so.
fn read(ask: &Ask) -> Result<Value, String> {
    if ask.content_type == "application/yaml" {
        return serde_yaml::from_slice(&ask.body).map_err(|error| error.to_string());
    }
    serde_json::from_slice(&ask.body).map_err(|_| go_error(&ask.body))
}

/// What Go's parser says of a text that is no JSON, as far as people meet it: a text that ends too
/// early, and an object without a key.
pub fn go_error(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return "unexpected end of JSON input".to_owned();
    }
    if let Some(inside) = trimmed.strip_prefix('{') {
        return match inside.trim_start().chars().next() {
            None | Some('"') => "unexpected end of JSON input".to_owned(),
            Some(other) => {
                format!("invalid character '{other}' looking for beginning of object key string")
            }
        };
    }
    let first = trimmed.chars().next().unwrap_or_default();
    format!("invalid character '{first}' looking for beginning of value")
}

fn unread(kind: &Kind, ask: &Ask, why: &str) -> Refusal {
    let text = String::from_utf8_lossy(&ask.body);
    let message = format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} ({text})",
        kind.kind
    );
    Refusal::bad_request(message)
}

fn ensure_kind(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let (version, word) = (text("apiVersion"), text("kind"));
    let own = kind.api_version();
    if version == own && word == kind.kind
        || (version.is_empty() && word.is_empty() && !kind.is_custom)
    {
        return Ok(());
    }
    if kind.is_custom {
        if version != own {
            let message = format!(
                "the API version in the data ({version}) does not match the expected API version ({own})"
            );
            // Of a version that is not served nothing is known.
            let known = schema::of_crd(&Value::Null, schema::builtin());
            return Err(Refusal {
                warnings: schema::prune(known.root(), &mut object.clone()),
                ..Refusal::bad_request(message)
            });
        }
        let cause = Cause::invalid("kind", &word.into(), &format!("must be {}", kind.kind));
        let named = super::refusal::Named {
            group: &kind.group,
            word,
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Refusal::invalid(named, name, vec![cause]));
    }
    if version != own {
        return Err(Refusal::bad_request(format!(
            "{word} in version {version:?} cannot be handled as a {}: no kind {word:?} is registered for version {version:?}",
            kind.kind
        )));
    }
    let internal = match kind.group.split('.').next() {
        Some("") | None => "core",
        Some(group) => group,
    };
    Err(Refusal::bad_request(format!(
        "{word} in version \"{}\" cannot be handled as a {}: converting ({}.{word}) to ({internal}.{}): unknown conversion",
        kind.version, kind.kind, kind.version, kind.kind
    )))
}

/// Gives an object the namespace of the address.
///
/// # Errors
/// It has another one.
pub fn place(kind: &Kind, object: &mut Value, place: &Place) -> Result<(), Refusal> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    let said = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !kind.namespaced {
        return Ok(());
    }
    if !said.is_empty() && said != place.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object["metadata"]["namespace"] = place.namespace.as_str().into();
    Ok(())
}

/// Holds the name of an object against that of the address, and gives it that where it has none.
///
/// # Errors
/// It has another one.
pub fn name(object: &mut Value, place: &Place) -> Result<(), Refusal> {
    let said = object["metadata"]["name"].as_str().unwrap_or_default();
    if !said.is_empty() && said != place.name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({})",
            place.name
        )));
    }
    object["metadata"]["name"] = place.name.as_str().into();
    Ok(())
}
