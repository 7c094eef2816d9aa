//! Strategic merge patches of built-in kinds: lists are merged by their keys, and directives say
//! what a merge cannot (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList`, `$setElementOrder`).
//!
//! It follows the real server step by step, where it surprises too: an item that is new comes before
//! those that the patch does not name.

mod order;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::schema::Part;

/// What a map or an item asks for.
const DIRECTIVE: &str = "$patch";
/// The members that stay.
const RETAIN: &str = "$retainKeys";
/// Before the name of a list: values that go.
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
/// Before the name of a list: its order.
const ORDER: &str = "$setElementOrder";

/// Why a patch cannot be merged.
#[derive(Debug, PartialEq)]
enum Error {
    /// It is written in a way that none is.
    Format(&'static str),
    /// It asks for what is not done.
    Unprocessable,
    /// Anything else: the server has no code for it.
    Internal(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Format(why) => Self::bad_request(why),
            Error::Unprocessable => {
                let why = "the server rejected our request due to an error in our request";
                Self {
                    details: Some(Box::default()),
                    ..Self::plain(422, "Invalid", why)
                }
            }
            Error::Internal(why) => Self::plain(500, "", why),
        }
    }
}

/// What an object becomes with a patch.
///
/// Guarantees: `current` and `patch` stay as they are. What comes out may hold what the kind does not
/// know, or what it has as a default: that is for whoever stores it.
///
/// # Errors
/// 400 for a directive that is not written as one is, 422 for lists of lists, and 500 for everything
/// else, such as an item without its key; each as the real server answers.
#[allow(clippy::result_large_err, reason = "it is the answer")]
pub fn merge(part: Part<'_>, current: &Value, patch: &Value) -> Result<Value, Refusal> {
    let (Value::Object(current), Value::Object(patch)) = (current, patch) else {
        return Err(Error::Format("invalid JSON document").into());
    };
    let merged = merge_maps(Some(part), current.clone(), patch.clone())?;
    Ok(Value::Object(merged))
}

type Object = Map<String, Value>;

fn merge_maps(
    part: Option<Part<'_>>,
    mut original: Object,
    mut patch: Object,
) -> Result<Object, Error> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Object::new()),
            Some(_) | None => Err(unknown_directive(directive, &patch)),
        };
    }
    retain(&mut original, &mut patch)?;
    ordered_lists(part, &mut original, &mut patch)?;
    for (name, value) in patch {
        let rest = name.strip_prefix(DELETE_FROM);
        let list = rest.map(|rest| list_name(rest, "invalid patch format of primitive list"));
        let list = list.transpose()?.map(str::to_owned);
        let deletes = list.is_some();
        let name = list.unwrap_or(name);
        if value.is_null() {
            original.remove(&name);
            continue;
        }
        let mergeable = match original.get(&name) {
            Some(Value::Object(_)) => value.is_object(),
            Some(Value::Array(_)) => value.is_array(),
            Some(_) | None => false,
        };
        if !mergeable {
            if !deletes {
                match without_directives(without_nulls(value)) {
                    Some(value) => original.insert(name, value),
                    None => original.remove(&name),
                };
            }
            continue;
        }
        let member = part.and_then(|part| part.member(&name));
        let merged = match (original.remove(&name), value) {
            (Some(Value::Object(before)), Value::Object(value)) => {
                Value::Object(merge_maps(member, before, value)?)
            }
            (Some(Value::Array(before)), Value::Array(value)) if deletes => Value::Array(
                before
                    .into_iter()
                    .filter(|item| !value.contains(item))
                    .collect(),
            ),
            (Some(Value::Array(before)), Value::Array(value)) => {
                Value::Array(merge_lists(member, before, value)?)
            }
            (_, value) => value,
        };
        original.insert(name, merged);
    }
    Ok(original)
}

/// Takes away what `$retainKeys` does not name.
fn retain(original: &mut Object, patch: &mut Object) -> Result<(), Error> {
    let Some(kept) = patch.remove(RETAIN) else {
        return Ok(());
    };
    let wrong = Error::Format("invalid patch format of retainKeys");
    let Value::Array(kept) = kept else {
        return Err(wrong);
    };
    let is_kept = |name: &String| kept.iter().any(|kept| kept == name.as_str());
    let is_directive = |name: &str| name.starts_with(DELETE_FROM) || name.starts_with(ORDER);
    for (name, value) in patch.iter() {
        if !value.is_null() && !is_directive(name) && !is_kept(name) {
            return Err(wrong);
        }
    }
    original.retain(|name, _| is_kept(name));
    Ok(())
}

/// Merges the lists whose order the patch gives, and takes them out of the patch.
fn ordered_lists(
    part: Option<Part<'_>>,
    original: &mut Object,
    patch: &mut Object,
) -> Result<(), Error> {
    let names: Vec<String> = patch
        .keys()
        .filter(|name| name.starts_with(ORDER))
        .cloned()
        .collect();
    for directive in names {
        let wanted = list(patch.remove(&directive).as_ref())?.unwrap_or_default();
        let rest = directive.strip_prefix(ORDER).unwrap_or_default();
        let name = list_name(rest, "invalid patch format of setElementOrder list")?;
        let member = part.and_then(|part| part.member(name));
        let key = member.and_then(|member| member.node().patch_key.as_deref());
        let before = list(original.get(name))?;
        let patched = list(patch.get(name))?;
        order::fits(patched.as_deref().unwrap_or_default(), &wanted, key)?;
        let merged = match (before.clone(), patched) {
            (None, None) => continue,
            (Some(before), None) => before,
            (None, Some(patched)) => {
                let patched = without_directives(Value::Array(patched));
                list(patched.as_ref())?.unwrap_or_default()
            }
            (Some(before), Some(patched)) => merge_lists(member, before, patched)?,
        };
        let ordered = order::ordered(merged, &wanted, &before.unwrap_or_default(), key)?;
        original.insert(name.to_owned(), Value::Array(ordered));
        patch.remove(name);
    }
    Ok(())
}

fn list(value: Option<&Value>) -> Result<Option<Vec<Value>>, Error> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(other) => {
            let is = match other {
                Value::Null => "<nil>",
                Value::Bool(_) => "bool",
                Value::Number(number) if number.is_f64() => "float64",
                Value::Number(_) => "int64",
                Value::String(_) => "string",
                Value::Array(_) | Value::Object(_) => "map[string]interface {}",
            };
            let why = format!("expected a []interface {{}}, but received a {is}");
            Err(Error::Internal(why))
        }
    }
}

/// The list that a directive is about.
fn list_name<'a>(rest: &'a str, wrong: &'static str) -> Result<&'a str, Error> {
    rest.strip_prefix('/').ok_or(Error::Format(wrong))
}

fn merge_lists(
    part: Option<Part<'_>>,
    original: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, Error> {
    let merges = part.is_some_and(|part| part.node().patch_merges);
    if !merges {
        return Ok(patch);
    }
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    let of_maps = one_type(&original, &patch)?;
    let key = part.and_then(|part| part.node().patch_key.as_deref());
    if !of_maps {
        let mut all: Vec<Value> = Vec::with_capacity(original.len() + patch.len());
        for value in original.iter().chain(&patch) {
            if !all.contains(value) {
                all.push(value.clone());
            }
        }
        return order::ordered(all, &patch, &original, None);
    }
    let Some(key) = key else {
        let why = "cannot merge lists without merge key for the list".to_owned();
        return Err(Error::Internal(why));
    };
    let (original, patch) = special_items(original, patch, key)?;
    let inner = part.and_then(Part::items);
    let mut all = original.clone();
    for item in &patch {
        let Value::Object(item) = item else { continue };
        let value = item.get(key).ok_or_else(|| no_key(item, key))?;
        match all.iter_mut().find(|other| other.get(key) == Some(value)) {
            Some(Value::Object(before)) => {
                *before = merge_maps(inner, std::mem::take(before), item.clone())?;
            }
            Some(_) | None => all.push(Value::Object(item.clone())),
        }
    }
    order::ordered(all, &patch, &original, Some(key))
}

/// Carries out the directives among the items, and leaves the rest of the patch.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replaces = false;
    for item in patch {
        let Some(directive) = item.get(DIRECTIVE) else {
            plain.push(item);
            continue;
        };
        let item = item.as_object().cloned().unwrap_or_default();
        match directive.as_str() {
            Some("delete") => {
                let value = item.get(key).ok_or_else(|| no_key(&item, key))?;
                original.retain(|other| other.get(key) != Some(value));
            }
            Some("replace") => replaces = true,
            Some("merge") => {
                let why = "merging lists cannot yet be specified in the patch";
                return Err(Error::Internal(why.to_owned()));
            }
            Some(_) | None => return Err(unknown_directive(directive, &item)),
        }
    }
    Ok(if replaces {
        (plain, Vec::new())
    } else {
        (original, plain)
    })
}

/// Whether the items of both lists are maps; they are all of one type.
fn one_type(original: &[Value], patch: &[Value]) -> Result<bool, Error> {
    let mut all = original.iter().chain(patch);
    let Some(first) = all.next() else {
        return Ok(false);
    };
    if first.is_array() {
        return Err(Error::Unprocessable);
    }
    if all.any(|other| std::mem::discriminant(first) != std::mem::discriminant(other)) {
        let lists = format!("[{} {}]", printed_list(original), printed_list(patch));
        return Err(Error::Internal(format!(
            "list element types are not identical: {lists}"
        )));
    }
    Ok(first.is_object())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                members
                    .map(|(name, value)| (name, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// What is new is taken as it is, but for what is no value; nothing where all of it is none.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(DIRECTIVE) => None,
        Value::Object(members) => {
            let kept = members.into_iter().filter_map(|(name, value)| {
                let value = without_directives(value)?;
                Some((name, value))
            });
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => {
            let kept = items.into_iter().filter_map(without_directives);
            Some(Value::Array(kept.collect()))
        }
        other => Some(other),
    }
}

fn no_key(item: &Object, key: &str) -> Error {
    let map = printed_map(item);
    Error::Internal(format!(
        "map: {map} does not contain declared merge key: {key}"
    ))
}

fn unknown_directive(directive: &Value, map: &Object) -> Error {
    let (directive, map) = (printed(directive), printed_map(map));
    Error::Internal(format!("unknown patch type: {directive} in map: {map}"))
}

/// A value as Go's `%v` prints it.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => printed_list(items),
        Value::Object(members) => printed_map(members),
    }
}

fn printed_list(items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(printed).collect();
    format!("[{}]", items.join(" "))
}

fn printed_map(members: &Object) -> String {
    let mut text = String::from("map[");
    for (index, (name, value)) in members.iter().enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Writing to a text never fails.
        let _ = write!(text, "{space}{name}:{}", printed(value));
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests;
