//! The rules of a schema (`x-kubernetes-validations`).

use std::sync::{Arc, OnceLock};

use kube::core::cel::cel::{Program, Value as Cel};
use regex::Regex;
use serde_json::Value;

use super::super::at::At;
use super::super::{Part, Shape};
use super::lists::is_metadata;
use super::{Found, cel, child, shape};
use crate::sandtable::refusal::Cause;

/// What a place's limits come to, worked out when it is first needed.
#[derive(Clone, Debug, Default)]
pub struct Worked {
    pattern: OnceLock<Option<Regex>>,
    rules: OnceLock<Arc<[Rule]>>,
}

/// A rule that is ready.
#[derive(Debug)]
struct Rule {
    /// As the schema writes it.
    said: Value,
    /// Its expression, or why it has none that can be evaluated.
    expression: Result<Program, String>,
    /// What makes its message.
    message: Option<Program>,
    /// Whether it looks at what was there before.
    transition: bool,
}

/// Why a rule does not hold.
enum Broken {
    /// It says no.
    Rule(Cause),
    /// It cannot be evaluated.
    Otherwise(Cause),
}

impl Worked {
    /// Whether a text matches a pattern, which is always the same one. A pattern that is none
    /// matches nothing.
    pub fn matches(&self, pattern: &str, text: &str) -> bool {
        let pattern = self.pattern.get_or_init(|| Regex::new(pattern).ok());
        pattern
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
    }

    fn rules(&self, limits: &Value) -> Arc<[Rule]> {
        let work = || {
            let said = limits["x-kubernetes-validations"].as_array();
            said.into_iter().flatten().map(Rule::of).collect()
        };
        self.rules.get_or_init(work).clone()
    }
}

/// Whether a schema has rules at all.
pub fn has_any(part: Part<'_>) -> bool {
    let has = |limits: &Value| limits["x-kubernetes-validations"].is_array();
    part.nodes.iter().any(|node| has(&node.limits))
}

/// Adds a cause for each rule that does not hold.
pub fn causes(at: At<'_>, path: &str, found: &mut Found) {
    if at.value.is_null() {
        return;
    }
    let node = at.part.node();
    let rules = node.worked.rules(&node.limits);
    if !rules.is_empty() {
        let seen = |value| cel::seen(Some(at.part), value);
        let (this, old) = (
            seen(at.value),
            at.old.filter(|old| !old.is_null()).map(seen),
        );
        for rule in rules.iter() {
            match rule.cause(at, path, &this, old.as_ref()) {
                None => {}
                // What was so before is let through; a rule about the change is not about it.
                Some(Broken::Rule(cause)) if !rule.transition && at.unchanged() => {
                    found.let_through.push(cause);
                }
                Some(Broken::Rule(cause) | Broken::Otherwise(cause)) => found.causes.push(cause),
            }
        }
    }
    match at.value {
        Value::Object(members) => {
            for (name, value) in members
                .iter()
                .filter(|(name, _)| !is_metadata(at.part, name))
            {
                if let Some(member) = at.member(name, value) {
                    self::causes(member, &child(path, at.part, name), found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(item) = at.item(item) {
                    self::causes(item, &format!("{path}[{index}]"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Rule {
    fn of(said: &Value) -> Self {
        let expression = cel::compile(said["rule"].as_str().unwrap_or_default());
        let looks_back = |rule: &Program| rule.references().has_variable("oldSelf");
        let message = said["messageExpression"].as_str();
        Self {
            said: said.clone(),
            transition: expression.as_ref().is_ok_and(looks_back),
            expression,
            message: message.and_then(|text| cel::compile(text).ok()),
        }
    }

    /// Why it does not hold; nothing where it does, or where it is not asked.
    fn cause(&self, at: At<'_>, path: &str, this: &Cel, old: Option<&Cel>) -> Option<Broken> {
        let otherwise = |why: &str| Some(Broken::Otherwise(broken(at, path, why)));
        let rule = match &self.expression {
            Ok(rule) => rule,
            Err(why) => return otherwise(&format!("rule compile error: {why}")),
        };
        let optional = self.said["optionalOldSelf"] == true;
        if self.transition && old.is_none() && !optional {
            return None;
        }
        let before = old.unwrap_or(&Cel::Null);
        let values = [("self", this), ("oldSelf", before)];
        match cel::evaluate(rule, &values) {
            Ok(Cel::Bool(true)) => None,
            Ok(Cel::Bool(false)) => {
                let failed = self.failed(at, path, &self.detail(&values));
                Some(Broken::Rule(failed))
            }
            Ok(_) => otherwise(&self.about("it is neither true nor false")),
            Err(why) => otherwise(&self.about(&why)),
        }
    }

    fn about(&self, why: &str) -> String {
        format!("{why} evaluating rule: {}", self.name())
    }

    /// What the rule is called in messages about it.
    fn name(&self) -> &str {
        let message = self.said["message"]
            .as_str()
            .filter(|text| !text.is_empty());
        let rule = || self.said["rule"].as_str().unwrap_or_default();
        message.unwrap_or_else(rule).trim()
    }

    fn detail(&self, values: &[(&str, &Cel)]) -> String {
        let made = self
            .message
            .as_ref()
            .map(|message| cel::evaluate(message, values));
        if let Some(Ok(Cel::String(text))) = made {
            let text = text.trim();
            if !text.is_empty() && !text.contains('\n') {
                return text.to_owned();
            }
        }
        let said = self.said["message"]
            .as_str()
            .filter(|text| !text.is_empty());
        said.map_or_else(
            || format!("failed rule: {}", self.name()),
            |text| text.trim().to_owned(),
        )
    }

    fn failed(&self, at: At<'_>, path: &str, detail: &str) -> Cause {
        let below = self.said["fieldPath"].as_str().unwrap_or_default();
        let field = match (path, below.trim_start_matches('.')) {
            (path, "") => named(path),
            ("", below) => below.to_owned(),
            (path, below) => format!("{path}.{below}"),
        };
        let omitted = matches!(at.part.node().shape, Shape::Object | Shape::List);
        let quoted = if omitted {
            String::new()
        } else {
            format!(": {}", at.value)
        };
        match self.said["reason"].as_str() {
            Some("FieldValueForbidden") => Cause::forbidden(&field, detail),
            Some("FieldValueRequired") => Cause::required(&field, detail),
            Some("FieldValueDuplicate") => Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value{quoted}"),
                field,
            },
            Some(_) | None => Cause {
                reason: "FieldValueInvalid",
                message: format!("Invalid value{quoted}: {detail}"),
                field,
            },
        }
    }
}

/// A rule that cannot be evaluated counts as one that does not hold.
fn broken(at: At<'_>, path: &str, why: &str) -> Cause {
    let types = shape::types(at.part.node().shape);
    let word = if types.len() == 1 { types[0] } else { "" };
    Cause::invalid(&named(path), &word.into(), why)
}

/// The root has no path; the server prints that.
fn named(path: &str) -> String {
    if path.is_empty() {
        "<nil>".to_owned()
    } else {
        path.to_owned()
    }
}
