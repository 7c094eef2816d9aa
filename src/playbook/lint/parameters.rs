//! Parameters: their declarations, and whether they are used.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Parameter, ParameterType, PlaybookSpec, Scalar};
use crate::playbook::parameters::{self, Text};

use super::{Finding, codes};

/// Findings on the declarations.
pub fn findings(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let used = used(spec);
    let mut seen = BTreeSet::new();
    for (index, parameter) in spec.parameters.iter().enumerate() {
        let at = format!("/spec/parameters/{index}");
        let name = &parameter.name;
        if !parameters::is_name(name) {
            findings.push(codes::PARAMETER_NAME.at(
                format!("{at}/name"),
                format!("`{name}` is not a usable name"),
            ));
        }
        if !seen.insert(name) {
            findings.push(
                codes::DUPLICATE_PARAMETER
                    .at(format!("{at}/name"), format!("`{name}` is declared twice")),
            );
        }
        findings.extend(contradictions(parameter, &at));
        if !used.contains(name.as_str()) {
            findings.push(codes::UNUSED_PARAMETER.at(&at, format!("`{name}` is never used")));
        }
    }
    findings
}

fn contradictions(parameter: &Parameter, at: &str) -> Vec<Finding> {
    let name = &parameter.name;
    let mut findings = Vec::new();
    let mut wrong = |field: &str, message: String| {
        findings.push(codes::CONTRADICTORY_PARAMETER.at(format!("{at}/{field}"), message));
    };
    let crossed = crossed(parameter);
    if let Some((least, most)) = crossed {
        wrong(
            "minimum",
            format!("`{name}` has a minimum of {least} above its maximum of {most}"),
        );
    }
    let number = parameter.type_ == ParameterType::Integer;
    if !number && parameter.minimum.is_some() {
        wrong(
            "minimum",
            format!("`{name}` has a minimum and is not an Integer"),
        );
    }
    if !number && parameter.maximum.is_some() {
        wrong(
            "maximum",
            format!("`{name}` has a maximum and is not an Integer"),
        );
    }
    if parameter.type_ != ParameterType::String && !parameter.values.is_empty() {
        wrong("enum", format!("`{name}` has an enum and is not a String"));
    }
    if let Some(default) = &parameter.default
        && crossed.is_none()
        && let Err(why) = parameters::allowed(parameter, default)
    {
        wrong("default", format!("the default of `{name}` {why}"));
    }
    if let Some(Scalar::Text(text)) = &parameter.default
        && parameters::read(text) != Text::Plain
    {
        wrong(
            "default",
            format!("the default of `{name}` refers to a parameter"),
        );
    }
    findings
}

/// The bounds, where nothing lies between them.
fn crossed(parameter: &Parameter) -> Option<(i64, i64)> {
    let bounds = parameter.minimum.zip(parameter.maximum)?;
    (bounds.0 > bounds.1).then_some(bounds)
}

/// Every name that stands in a reference, or in an expression, anywhere in the stages.
fn used(spec: &PlaybookSpec) -> BTreeSet<&str> {
    let stages = serde_json::to_value(&spec.stages).unwrap_or_default();
    let mut texts = Vec::new();
    collect(&stages, &mut texts);
    spec.parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .filter(|name| texts.iter().any(|text| mentions(text, name)))
        .collect()
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains("parameters") => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a text names `parameters.NAME`, and not a longer name.
fn mentions(text: &str, name: &str) -> bool {
    let wanted = format!("parameters.{name}");
    text.match_indices(&wanted).any(|(start, found)| {
        !text[start + found.len()..]
            .starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
    })
}

/// Findings on the references in a value. `at` is the value's JSON Pointer.
pub fn references(spec: &PlaybookSpec, value: &Value, at: &str) -> Vec<Finding> {
    match value {
        Value::String(text) => reference(spec, text, at).err().into_iter().collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| references(spec, item, &format!("{at}/{index}")))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, item)| {
                let key = crate::playbook::pointer::escape(key);
                references(spec, item, &format!("{at}/{key}"))
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The parameter that a text refers to; nothing where the text stands for itself.
///
/// # Errors
/// The finding on a partial reference, or on one to nothing.
pub fn reference<'a>(
    spec: &'a PlaybookSpec,
    text: &str,
    at: &str,
) -> Result<Option<&'a Parameter>, Finding> {
    match parameters::read(text) {
        Text::Plain => Ok(None),
        Text::Partial => Err(codes::PARTIAL_REFERENCE
            .at(at, format!("`{text}` is not a reference and nothing else"))),
        Text::Reference(name) => spec
            .parameters
            .iter()
            .find(|parameter| parameter.name == name)
            .map(Some)
            .ok_or_else(|| {
                codes::REFERENCE_TO_NOTHING.at(at, format!("there is no parameter `{name}`"))
            }),
    }
}
