//! Expressions: what may be compiled, what they are given, and what of the real server's language the
//! library does not have.
//!
//! The real server refuses a CRD whose rules cost too much, and stops one that runs for long. Here an
//! expression that is long or deep is never compiled: the library would end the whole program with
//! its stack.

use std::sync::Arc;

use kube::core::cel::KubeCelExt as _;
use kube::core::cel::cel::objects::{Key, Map as CelMap};
use kube::core::cel::cel::{Context, ExecutionError, Program, Value as Cel};
use serde_json::Value;

use super::super::{Part, Shape};

/// The longest expression: four times the longest of ours.
const LONGEST: usize = 1536;
/// How deep brackets, chains of members, signs and choices may nest.
const DEEPEST: usize = 32;
/// Types that have names.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];
/// Formats whose texts are values of another type, and what makes them one.
const MADE: [(&str, &str); 4] = [
    ("byte", "base64.decode(x)"),
    ("date", "timestamp(x + 'T00:00:00Z')"),
    ("date-time", "timestamp(x)"),
    ("duration", "duration(x)"),
];
/// Words of the language that cannot name a member.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

thread_local! {
    /// Everything that is there before an object is: functions, and the names of types.
    static WORDS: Context<'static> = words();
}

fn words() -> Context<'static> {
    let mut words = Context::default().with_all();
    words.add_function("type", |value: Cel| type_of(&value).to_owned());
    for name in TYPES {
        words.add_variable_from_value(name, name);
    }
    words
}

fn type_of(value: &Cel) -> &'static str {
    match value {
        Cel::Bool(_) => "bool",
        Cel::Bytes(_) => "bytes",
        Cel::Float(_) => "double",
        Cel::Int(_) => "int",
        Cel::List(_) => "list",
        Cel::Map(_) => "map",
        Cel::Null => "null_type",
        Cel::String(_) => "string",
        Cel::UInt(_) => "uint",
        // Times and functions: no rule can name their type.
        _ => "",
    }
}

/// Makes an expression ready.
///
/// # Errors
/// It is none, or it is longer or deeper than is evaluated.
pub fn compile(text: &str) -> Result<Program, String> {
    if !is_shallow(text) {
        return Err("it is longer or deeper than is evaluated".to_owned());
    }
    Program::compile(text).map_err(|error| error.to_string())
}

/// Evaluates an expression over values with names.
///
/// # Errors
/// It has no value.
pub fn evaluate(program: &Program, values: &[(&str, &Cel)]) -> Result<Cel, String> {
    WORDS.with(|words| {
        let mut scope = words.new_inner_scope();
        for (name, value) in values {
            scope.add_variable_from_value(*name, (*value).clone());
        }
        program.execute(&scope).map_err(|error| said(&error))
    })
}

/// In the words of the real server, as far as they are known: its sentences begin small.
fn said(error: &ExecutionError) -> String {
    if let ExecutionError::IndexOutOfBounds(Cel::Int(index)) = error {
        return format!("index out of bounds: {index}");
    }
    let error = error.to_string();
    let mut letters = error.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Whether an expression is short and flat enough to be evaluated.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut chain, mut signs, mut choices) = (0_usize, 0_usize, 0_usize, 0_usize);
    // Texts inside count too: an expression that hides its brackets in quotes is none of ours.
    for letter in text.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '.' => chain += 1,
            '?' => choices += 1,
            '!' | '-' => signs += 1,
            ' ' | ',' | '&' | '|' | '=' | '<' | '>' | '+' | '*' | '/' | '%' | ':' => chain = 0,
            _ => signs = 0,
        }
        if [depth, chain, signs, choices]
            .iter()
            .any(|count| *count > DEEPEST)
        {
            return false;
        }
    }
    text.len() <= LONGEST
}

/// A value as expressions see it: a null in an object with named members is as good as nothing, a
/// number with a fraction has one even where it is whole, and some texts are times.
pub fn seen(part: Option<Part<'_>>, value: &Value) -> Cel {
    let node = part.map(Part::node);
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => {
            let fraction = node.is_some_and(|node| node.shape == Shape::Number);
            match number.as_i64().filter(|_| !fraction) {
                Some(whole) => Cel::Int(whole),
                None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
            }
        }
        Value::String(text) => {
            let text = Cel::String(Arc::new(text.clone()));
            let format = node.and_then(|node| node.format.as_deref());
            format
                .and_then(|format| made(format, &text))
                .unwrap_or(text)
        }
        Value::Array(items) => {
            let inner = part.and_then(Part::items);
            Cel::List(Arc::new(
                items.iter().map(|item| seen(inner, item)).collect(),
            ))
        }
        Value::Object(members) => {
            let named = part.is_some_and(|part| part.properties().next().is_some());
            let members = members
                .iter()
                .filter(|(_, value)| !(named && value.is_null()));
            let members = members.map(|(name, value)| {
                let inner = part.and_then(|part| part.member(name));
                let name = if named { escaped(name) } else { name.clone() };
                (Key::String(Arc::new(name)), seen(inner, value))
            });
            Cel::Map(CelMap {
                map: Arc::new(members.collect()),
            })
        }
    }
}

/// A text of a format that is a type of its own. What does not fit stays a text.
fn made(format: &str, text: &Cel) -> Option<Cel> {
    let (_, how) = MADE.iter().find(|(name, _)| *name == format)?;
    evaluate(&compile(how).ok()?, &[("x", text)]).ok()
}

/// How expressions write the name of a member.
fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    let name = name.replace('.', "__dot__").replace('-', "__dash__");
    name.replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A hostile rule would end the whole program with its stack.
    #[test]
    fn long_and_deep_expressions_are_not_compiled() {
        for rule in [
            "(".repeat(40),
            "[".repeat(40),
            format!("self{}", ".a".repeat(40)),
            format!("{}true", "!".repeat(40)),
            "true ? ".repeat(40),
            "a + ".repeat(800),
        ] {
            assert!(!is_shallow(&rule), "{rule}");
        }
        let many = vec!["has(self.scale)"; 40].join(", ");
        let many = format!("[{many}].filter(x, x).size() == 1");
        assert!(is_shallow(&many), "{many}");
    }

    /// What a rule sees decides whether an object is let in.
    #[test]
    fn values_are_seen_as_the_server_shows_them() {
        let schema = super::super::super::read::alone(&json!({ "type": "object", "properties": {
            "number": { "type": "number" }, "at": { "type": "string", "format": "date-time" },
            "a-b": { "type": "string" }, "maybe": { "type": "string", "nullable": true },
            "namespace": { "type": "string" }, "limit": { "x-kubernetes-int-or-string": true },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
        } }));
        let object = json!({ "number": 1, "at": "2026-07-01T08:00:00Z", "a-b": "x", "maybe": null,
            "namespace": "n", "limit": 5, "labels": { "a-b": "c" } });
        let this = seen(Some(schema.root()), &object);
        for rule in [
            "self.number + 0.5 == 1.5",
            "self.at < timestamp('2027-01-01T00:00:00Z')",
            "self.a__dash__b == 'x'",
            "!has(self.maybe)",
            "self.__namespace__ == 'n'",
            "type(self.limit) == int",
            "type(self.a__dash__b) == string",
            "self.labels['a-b'] == 'c'",
        ] {
            let program = compile(rule).expect(rule);
            let result = evaluate(&program, &[("self", &this)]);
            assert_eq!(result, Ok(Cel::Bool(true)), "{rule}");
        }
    }
}
