//! Parameters: what is declared, what is given, and `${parameters.NAME}`, which stands for the
//! whole of a scalar and nothing less.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::{Parameter, ParameterType, Scalar};

use super::lint::{Finding, codes};

/// How a reference begins.
const OPEN: &str = "${parameters.";

/// What a text of a playbook is, as far as parameters are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// A text that stands for itself.
    Plain,
    /// `${parameters.NAME}`: the name.
    Reference(&'a str),
    /// A reference with something around it, or one that is not closed.
    Partial,
}

/// Reads a text.
pub fn read(text: &str) -> Text<'_> {
    if !text.contains(OPEN) {
        return Text::Plain;
    }
    let name = text
        .strip_prefix(OPEN)
        .and_then(|rest| rest.strip_suffix('}'));
    match name {
        Some(name) if is_name(name) => Text::Reference(name),
        Some(_) | None => Text::Partial,
    }
}

/// Whether a parameter can have this name.
pub fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A value with every reference in it replaced by the parameter's typed value. References to
/// nothing stay as they are: lint has refused them before.
pub fn replace(value: &Value, parameters: &BTreeMap<String, Scalar>) -> Value {
    match value {
        Value::String(text) => match read(text) {
            Text::Reference(name) => parameters.get(name).map_or_else(|| value.clone(), to_json),
            Text::Plain | Text::Partial => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| replace(item, parameters)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, item)| (key.clone(), replace(item, parameters)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A text with the reference that it may be replaced by the parameter's value as text.
pub fn replace_text(text: &str, parameters: &BTreeMap<String, Scalar>) -> String {
    match read(text) {
        Text::Reference(name) => parameters
            .get(name)
            .map_or_else(|| text.to_owned(), to_text),
        Text::Plain | Text::Partial => text.to_owned(),
    }
}

/// The parameter's value as text: `true`, `250`, or the text itself.
pub fn to_text(value: &Scalar) -> String {
    match value {
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
    }
}

/// The parameter's value as JSON.
pub fn to_json(value: &Scalar) -> Value {
    match value {
        Scalar::Bool(flag) => Value::from(*flag),
        Scalar::Int(number) => Value::from(*number),
        Scalar::Text(text) => Value::from(text.clone()),
    }
}

/// Every parameter with its value: the given one, else the default.
///
/// # Errors
/// Findings for names that are not declared, values that are missing, of another type, or not
/// allowed. They point into `/spec/parameters` of the mode.
pub fn resolve(
    declared: &[Parameter],
    given: &BTreeMap<String, Scalar>,
) -> Result<BTreeMap<String, Scalar>, Vec<Finding>> {
    let mut findings: Vec<Finding> = given
        .keys()
        .filter(|name| declared.iter().all(|known| &known.name != *name))
        .map(|name| unknown(name, declared))
        .collect();
    let mut values = BTreeMap::new();
    for parameter in declared {
        let name = &parameter.name;
        match given.get(name).or(parameter.default.as_ref()) {
            None => findings.push(codes::MISSING_PARAMETER.at(
                "/spec/parameters",
                format!("the parameter `{name}` has no default and is not given"),
            )),
            Some(value) => match allowed(parameter, value) {
                Ok(()) => {
                    values.insert(name.clone(), value.clone());
                }
                Err(why) => findings.push(codes::VALUE_NOT_ALLOWED.at(
                    format!("/spec/parameters/{name}"),
                    format!("`{name}` {why}"),
                )),
            },
        }
    }
    if findings.is_empty() {
        Ok(values)
    } else {
        Err(findings)
    }
}

fn unknown(name: &str, declared: &[Parameter]) -> Finding {
    let known: Vec<&str> = declared.iter().map(|known| known.name.as_str()).collect();
    let list = if known.is_empty() {
        "it has none".to_owned()
    } else {
        format!("it has {}", known.join(", "))
    };
    codes::UNKNOWN_PARAMETER.at(
        format!("/spec/parameters/{}", super::pointer::escape(name)),
        format!("the playbook has no parameter `{name}`: {list}"),
    )
}

/// Whether a value is one that a parameter may have.
///
/// # Errors
/// Why not: the end of a sentence that begins with the parameter's name.
pub fn allowed(parameter: &Parameter, value: &Scalar) -> Result<(), String> {
    match (parameter.type_, value) {
        (ParameterType::Boolean, Scalar::Bool(_)) => Ok(()),
        (ParameterType::Integer, Scalar::Int(number)) => {
            if parameter.minimum.is_some_and(|least| *number < least)
                || parameter.maximum.is_some_and(|most| *number > most)
            {
                return Err(format!("is {number}, {}", bounds(parameter)));
            }
            Ok(())
        }
        (ParameterType::String, Scalar::Text(text)) => {
            if !parameter.values.is_empty() && !parameter.values.contains(text) {
                let list = parameter.values.join(", ");
                return Err(format!("is `{text}`, and must be one of {list}"));
            }
            Ok(())
        }
        (ParameterType::Boolean, Scalar::Int(_) | Scalar::Text(_)) => Err(format!(
            "is `{}`, and must be true or false",
            to_text(value)
        )),
        (ParameterType::Integer, Scalar::Bool(_) | Scalar::Text(_)) => Err(format!(
            "is `{}`, and must be a whole number",
            to_text(value)
        )),
        (ParameterType::String, Scalar::Bool(_) | Scalar::Int(_)) => Err(format!(
            "is {} without quotes, and must be a text",
            to_text(value)
        )),
    }
}

fn bounds(parameter: &Parameter) -> String {
    match (parameter.minimum, parameter.maximum) {
        (Some(least), Some(most)) => format!("and must be from {least} to {most}"),
        (Some(least), None) => format!("and must be at least {least}"),
        (None, Some(most)) => format!("and must be at most {most}"),
        (None, None) => "and may be anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, type_: ParameterType) -> Parameter {
        Parameter {
            name: name.into(),
            type_,
            default: None,
            minimum: None,
            maximum: None,
            values: vec![],
            description: None,
        }
    }

    /// A reference inside a longer text would be a template language: it is refused, not guessed.
    #[test]
    fn a_reference_is_the_whole_text_or_nothing() {
        assert_eq!(read("${parameters.surge}"), Text::Reference("surge"));
        assert_eq!(read("plain"), Text::Plain);
        assert_eq!(read("${HOME} of somebody else"), Text::Plain);
        for partial in [
            "x${parameters.surge}",
            "${parameters.surge}%",
            "${parameters.surge",
            "${parameters.}",
            "${parameters.a}${parameters.b}",
        ] {
            assert_eq!(read(partial), Text::Partial, "{partial}");
        }
    }

    /// A typed value must arrive typed: `"3"` in a number's field is refused by the API server.
    #[test]
    fn references_are_replaced_by_typed_values_at_any_depth() {
        let values = BTreeMap::from([
            ("n".to_owned(), Scalar::Int(3)),
            ("on".to_owned(), Scalar::Bool(true)),
        ]);
        let before = serde_json::json!({ "a": ["${parameters.n}", "x"], "b": "${parameters.on}" });
        assert_eq!(
            replace(&before, &values),
            serde_json::json!({ "a": [3, "x"], "b": true })
        );
        assert_eq!(replace_text("${parameters.n}", &values), "3");
    }

    /// Values come from people in a hurry: what is not allowed is named with what is.
    #[test]
    fn values_outside_the_declaration_are_refused() {
        let mut surge = parameter("surge", ParameterType::Integer);
        (surge.minimum, surge.maximum) = (Some(100), Some(1000));
        surge.default = Some(Scalar::Int(300));
        let mut mode = parameter("mode", ParameterType::String);
        mode.values = vec!["a".into(), "b".into()];
        let declared = [surge, mode, parameter("flag", ParameterType::Boolean)];
        let given = |pairs: Vec<(&str, Scalar)>| -> BTreeMap<String, Scalar> {
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        };
        let good = given(vec![
            ("mode", Scalar::Text("a".into())),
            ("flag", Scalar::Bool(false)),
        ]);
        let values = resolve(&declared, &good).unwrap();
        assert_eq!(values["surge"], Scalar::Int(300));
        let bad = given(vec![
            ("surge", Scalar::Int(1001)),
            ("mode", Scalar::Text("c".into())),
            ("unknown", Scalar::Int(1)),
        ]);
        let found: Vec<_> = resolve(&declared, &bad)
            .unwrap_err()
            .into_iter()
            .map(|finding| finding.code)
            .collect();
        assert_eq!(found, ["PZ0208", "PZ0210", "PZ0210", "PZ0209"]);
    }
}
