//! What the server makes of an object before anything else: unknown fields go, defaults come, values
//! get their usual spelling.

use serde_json::Value;

use super::kinds::Kind;
use super::options::Unknown;
use super::refusal::Refusal;
use super::schema;

/// Makes an object of a kind what it would be if everything were said, and gives the warnings.
///
/// # Errors
/// A value has the wrong type, or there is a field that nobody knows and that was to be refused.
pub fn normal(kind: &Kind, object: &mut Value, unknown: Unknown) -> Result<Vec<String>, Refusal> {
    let warnings = pruned(kind, object, unknown)?;
    if kind.is_custom {
        schema::default(kind.schema.root(), object);
        schema::numbers(object);
    } else {
        schema::default_builtin(kind.schema.root(), object);
    }
    Ok(warnings)
}

/// Takes away what nobody knows.
///
/// # Errors
/// As with [`normal`].
pub fn pruned(kind: &Kind, object: &mut Value, unknown: Unknown) -> Result<Vec<String>, Refusal> {
    let root = kind.schema.root();
    if !kind.is_custom
        && let Some(why) = schema::decode_errors(root, object)
    {
        return Err(Refusal::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        )));
    }
    let dropped = schema::prune(root, object);
    match unknown {
        Unknown::Ignore => Ok(Vec::new()),
        Unknown::Warn => Ok(dropped),
        Unknown::Strict if dropped.is_empty() => Ok(dropped),
        Unknown::Strict => Err(Refusal::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
            kind.kind,
            kind.version,
            kind.kind,
            dropped.join(", ")
        ))),
    }
}
