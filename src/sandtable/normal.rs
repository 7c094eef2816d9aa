//! What the server makes of an object before anything else: unknown fields go, defaults come, values
//! get their usual spelling.

use serde_json::Value;

use super::kinds::Kind;
use super::options::Unknown;
use super::refusal::Refusal;
use super::schema;

/// What a client wrote: what is there twice is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// An object.
    Object(&'a [u8]),
    /// A patch whose members are the object's.
    Patch(&'a [u8]),
    /// Operations on an object: what is said of them.
    Operations(&'a [String]),
    /// Nothing that could have anything twice.
    None,
}

/// Makes an object of a kind what it would be if everything were said, and gives the warnings.
///
/// # Errors
/// A value has the wrong type, or there is a field that nobody knows and that was to be refused.
pub fn normal(
    kind: &Kind,
    object: &mut Value,
    unknown: Unknown,
    text: Text<'_>,
) -> Result<Vec<String>, Refusal> {
    let warnings = pruned(kind, object, None, unknown, text)?;
    if kind.is_custom {
        schema::default(kind.schema.root(), object);
        schema::numbers(object);
    } else {
        schema::default_builtin(kind.schema.root(), object);
    }
    Ok(warnings)
}

/// The same for an object that takes the place of another one: what both have was made so before, and
/// is left alone. Only of built-in kinds: a custom one may have another schema since.
///
/// # Errors
/// As with [`normal`].
pub fn normal_since(
    kind: &Kind,
    old: &Value,
    object: &mut Value,
    unknown: Unknown,
    text: Text<'_>,
) -> Result<Vec<String>, Refusal> {
    if kind.is_custom {
        return normal(kind, object, unknown, text);
    }
    let warnings = pruned(kind, object, Some(old), unknown, text)?;
    schema::default_builtin_since(kind.schema.root(), object, Some(old));
    Ok(warnings)
}

/// Whether an object of a built-in kind has values of the right types.
///
/// # Errors
/// 400.
pub fn ensure_decodes(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    ensure_decodes_since(kind, object, None)
}

fn ensure_decodes_since(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    if kind.is_custom {
        return Ok(());
    }
    match schema::decode_errors(kind.schema.root(), object, old) {
        Some(why) => Err(Refusal::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))),
        None => Ok(()),
    }
}

/// Takes away what nobody knows.
///
/// # Errors
/// As with [`normal`].
fn pruned(
    kind: &Kind,
    object: &mut Value,
    old: Option<&Value>,
    unknown: Unknown,
    text: Text<'_>,
) -> Result<Vec<String>, Refusal> {
    ensure_decodes_since(kind, object, old)?;
    let dropped = schema::prune_since(kind.schema.root(), object, old);
    if unknown == Unknown::Ignore {
        return Ok(Vec::new());
    }
    let dropped = surplus(kind, text, dropped);
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

/// What is there twice and what nobody knows, in the server's order.
fn surplus(kind: &Kind, text: Text<'_>, mut dropped: Vec<String>) -> Vec<String> {
    let read = String::from_utf8_lossy;
    let mut said = match text {
        Text::Object(bytes) if !kind.is_custom => return schema::surplus(&read(bytes), &dropped),
        Text::Object(bytes) | Text::Patch(bytes) => schema::duplicates(&read(bytes)),
        Text::Operations(said) => said.to_vec(),
        Text::None => Vec::new(),
    };
    said.append(&mut dropped);
    said
}
