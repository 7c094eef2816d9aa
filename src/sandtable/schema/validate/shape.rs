//! Types, bounds and patterns.

use serde_json::{Map, Number, Value};

use super::super::at::At;
use super::super::{Node, Part, Shape, read};
use super::formats;
use super::lists::is_metadata;
use super::number::printed;
use super::wrong::{Found, Kind, Wrong};
use crate::sandtable::refusal::Cause;

/// What is wrong with a value, all of it. `under`: the path of the value, where it is not the whole
/// object.
pub fn causes(at: At<'_>, under: Option<&str>) -> Vec<Cause> {
    let wrong = look(at, "");
    wrong.into_iter().map(|wrong| wrong.cause(under)).collect()
}

/// Everything that is wrong with a value; nothing where it was the same before.
fn look(at: At<'_>, path: &str) -> Vec<Wrong> {
    let mut found = Found::default();
    let (node, value) = (at.part.node(), at.value);
    of_type(node, value, path, &mut found);
    if !value.is_null() {
        branches(at, path, &mut found);
    }
    match value {
        Value::String(text) => of_text(node, text, path, &mut found),
        Value::Number(number) => of_number(node, number, path, &mut found),
        Value::Array(items) => of_list(at, items, path, &mut found),
        Value::Null | Value::Bool(_) | Value::Object(_) => {}
    }
    of_enum(node, value, path, &mut found);
    if let Value::Object(members) = value {
        of_object(at, members, path, &mut found);
    }
    if at.unchanged() { Vec::new() } else { found.0 }
}

/// What Go calls a value: its type, and the format that it would have.
fn go_type(value: &Value) -> (&'static str, &'static str) {
    match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(number) if number.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    }
}

/// The types of a schema, as it writes them.
pub fn types(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Any => &[],
        Shape::Boolean => &["boolean"],
        Shape::Integer => &["integer"],
        Shape::Number => &["number"],
        Shape::Text => &["string"],
        Shape::IntOrText => &["integer", "string"],
        Shape::List => &["array"],
        Shape::Object => &["object"],
    }
}

fn of_type(node: &Node, value: &Value, path: &str, found: &mut Found) {
    let types = types(node.shape);
    let (is, form) = go_type(value);
    if types.is_empty() || value.is_null() && node.nullable {
        return;
    }
    let whole = value.as_f64().is_some_and(|float| float.fract() == 0.0);
    let fits = types.contains(&is)
        || types.contains(&"number") && is == "integer"
        || types.contains(&"integer") && is == "number" && whole;
    let numeric = types.contains(&"number") || types.contains(&"integer");
    let format = node
        .format
        .as_deref()
        .filter(|format| is_known(node.shape, format));
    let (wanted, is) = match format {
        _ if fits => return,
        // The server leaves it to the format to say what is wrong with a text or a list.
        Some(_) if !numeric && matches!(value, Value::String(_) | Value::Array(_)) => return,
        Some(format) if !matches!(value, Value::Null | Value::String(_) | Value::Array(_)) => {
            (format.to_owned(), form)
        }
        Some(_) | None => (types.join(","), is),
    };
    let why = format!("must be of type {wanted}: {is:?}");
    found.say(path, &why, Kind::Type(is.to_owned()));
}

/// Formats that the server looks at; it forgets all others when it reads a CRD.
fn is_known(shape: Shape, format: &str) -> bool {
    match shape {
        Shape::Integer => ["int32", "int64"].contains(&format),
        Shape::Number => ["float", "double"].contains(&format),
        Shape::Any | Shape::Text => ["date", "date-time", "datetime"].contains(&format),
        Shape::Boolean | Shape::IntOrText | Shape::List | Shape::Object => false,
    }
}

fn of_text(node: &Node, text: &str, path: &str, found: &mut Found) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let (limits, value) = (&node.limits, || Kind::Value(text.into()));
    if let Some(most) = limits["maxLength"].as_i64().filter(|most| length > *most) {
        let why = format!("should be at most {most} chars long");
        found.say(path, &why, Kind::TooLong(most));
    } else if let Some(least) = limits["minLength"].as_i64().filter(|least| length < *least) {
        found.say(
            path,
            &format!("should be at least {least} chars long"),
            value(),
        );
    } else if let Some(pattern) = limits["pattern"].as_str()
        && !node.worked.matches(pattern, text)
    {
        found.say(path, &format!("should match '{pattern}'"), value());
    }
    if let Some(format) = node
        .format
        .as_deref()
        .filter(|format| !formats::fits(format, text))
    {
        let why = format!("must be of type {format}: {text:?}");
        found.say(path, &why, Kind::Type(text.to_owned()));
    }
}

fn of_number(node: &Node, number: &Number, path: &str, found: &mut Found) {
    let limits = &node.limits;
    if let Some(form) = out_of_range(node, number) {
        let said = format!("Checked value must be of type integer {form} in {path}");
        found.say_nowhere(said);
    }
    let Some(value) = number.as_f64() else { return };
    if let Some(factor) = limits["multipleOf"].as_f64()
        && factor > 0.0
        && (value / factor).fract() != 0.0
    {
        let factor = limits["multipleOf"]
            .as_number()
            .map(printed)
            .unwrap_or_default();
        let why = format!("should be a multiple of {factor}");
        found.say(path, &why, Kind::Value(number.clone().into()));
    }
    for (bound, exclusive, words, wrong) in [
        (
            "minimum",
            "exclusiveMinimum",
            ["greater than or equal to", "greater than"],
            -1.0,
        ),
        (
            "maximum",
            "exclusiveMaximum",
            ["less than or equal to", "less than"],
            1.0,
        ),
    ] {
        let Some(limit) = limits[bound].as_f64() else {
            continue;
        };
        let excluded = limits[exclusive] == true;
        if (value - limit) * wrong > 0.0 || excluded && same(value, limit) {
            let limit = limits[bound].as_number().map(printed).unwrap_or_default();
            let why = format!("should be {} {limit}", words[usize::from(excluded)]);
            found.say(path, &why, Kind::Value(number.clone().into()));
        }
    }
}

/// The form of whole numbers that a number does not have.
fn out_of_range(node: &Node, number: &Number) -> Option<&'static str> {
    let whole = number.as_f64().filter(|float| float.fract() == 0.0);
    let small = number.is_i64() || whole.is_some_and(|float| float.abs() < 9e18);
    let narrow = number
        .as_i64()
        .is_some_and(|value| i32::try_from(value).is_ok());
    match (node.shape, node.format.as_deref()) {
        (Shape::Integer, Some("int32")) => (!narrow).then_some("with format int32"),
        (Shape::Integer, Some("int64")) => (!small).then_some("with format int64"),
        (Shape::Integer, _) => (!small).then_some("(default format)"),
        _ => None,
    }
}

/// Bounds are written out, not worked out: they are met exactly or not.
fn same(one: f64, other: f64) -> bool {
    one.total_cmp(&other).is_eq()
}

fn of_list(at: At<'_>, items: &[Value], path: &str, found: &mut Found) {
    for (index, item) in items.iter().enumerate() {
        if let Some(item) = at.item(item) {
            found.all(look(item, &format!("{path}[{index}]")));
        }
    }
    let limits = &at.part.node().limits;
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(least) = limits["minItems"].as_i64().filter(|least| count < *least) {
        let why = format!("should have at least {least} items");
        found.say(path, &why, Kind::Value(count.into()));
    }
    if let Some(most) = limits["maxItems"].as_i64().filter(|most| count > *most) {
        let why = format!("should have at most {most} items");
        found.say(path, &why, Kind::TooMany(count, most));
    }
    let twice = |(index, item): (usize, &Value)| items[..index].contains(item);
    if limits["uniqueItems"] == true && items.iter().enumerate().any(twice) {
        found.say(path, "shouldn't contain duplicates", Kind::Value("".into()));
    }
}

fn of_enum(node: &Node, value: &Value, path: &str, found: &mut Found) {
    let Some(known) = node.limits["enum"].as_array() else {
        return;
    };
    if known.is_empty() || known.contains(value) {
        return;
    }
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let known: Vec<String> = known.iter().map(text).collect();
    let why = format!("should be one of [{}]", known.join(" "));
    found.say(path, &why, Kind::Unsupported(value.clone(), known));
}

fn of_object(at: At<'_>, members: &Map<String, Value>, path: &str, found: &mut Found) {
    let (part, node) = (at.part, at.part.node());
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    if let Some(least) = node.limits["minProperties"]
        .as_i64()
        .filter(|least| count < *least)
    {
        let why = format!("should have at least {least} properties");
        found.say(path, &why, Kind::Value(count.into()));
    }
    if let Some(most) = node.limits["maxProperties"]
        .as_i64()
        .filter(|most| count > *most)
    {
        let why = format!("should have at most {most} properties");
        found.say(path, &why, Kind::TooMany(count, most));
    }
    let named = |name: &str| part.property(name).is_some();
    for (name, value) in members.iter().filter(|(name, _)| !named(name)) {
        if let Some(member) = at.member(name, value) {
            found.all(look(member, &format!("{path}.{name}")));
        }
    }
    for (name, value) in members.iter().filter(|(name, _)| named(name)) {
        let below = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if let Some(member) = at.member(name, value).filter(|_| !is_metadata(part, name)) {
            found.all(look(member, &below));
        }
    }
    for name in node
        .required
        .iter()
        .filter(|name| !members.contains_key(*name))
    {
        found.say(&format!("{path}.{name}"), "is required", Kind::Required);
    }
}

/// `anyOf`, `oneOf`, `allOf` and `not`.
fn branches(at: At<'_>, path: &str, found: &mut Found) {
    let limits = &at.part.node().limits;
    let branch = |schema: &Value| {
        let schema = read::alone(schema);
        let part: Part<'_> = schema.root();
        look(At { part, ..at_new(at) }, path)
    };
    let results = |name: &str| -> Option<Vec<Vec<Wrong>>> {
        let list = limits[name].as_array().filter(|list| !list.is_empty())?;
        Some(list.iter().map(branch).collect())
    };
    if let Some(results) = results("anyOf")
        && results.iter().all(|wrong| !wrong.is_empty())
    {
        found.say_nowhere(format!(
            "{path:?} must validate at least one schema (anyOf)"
        ));
        found.all(results.into_iter().next().unwrap_or_default());
    }
    if let Some(results) = results("oneOf") {
        let valid = results.iter().filter(|wrong| wrong.is_empty()).count();
        let said = match valid {
            0 => "Found none valid".to_owned(),
            valid => format!("Found {valid} valid alternatives"),
        };
        if valid != 1 {
            let said = format!("{path:?} must validate one and only one schema (oneOf). {said}");
            found.say_nowhere(said);
        }
        if valid == 0 {
            found.all(results.into_iter().next().unwrap_or_default());
        }
    }
    if let Some(results) = results("allOf") {
        let (all, valid) = (
            results.len(),
            results.iter().filter(|wrong| wrong.is_empty()).count(),
        );
        for wrong in results {
            found.all(wrong);
        }
        if valid != all {
            let none = if valid == 0 { ". None validated" } else { "" };
            found.say_nowhere(format!(
                "{path:?} must validate all the schemas (allOf){none}"
            ));
        }
    }
    if limits["not"].is_object() && branch(&limits["not"]).is_empty() {
        found.say_nowhere(format!("{path:?} must not validate the schema (not)"));
    }
}

/// A branch is looked at as if it were new: the whole of it is let through or nothing.
fn at_new(at: At<'_>) -> At<'_> {
    At { old: None, ..at }
}
