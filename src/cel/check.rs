//! What is wrong with an expression before it is evaluated: the real server refuses a policy whose
//! expressions name what is not there, compare what cannot be compared, or are not of the type that is
//! needed.
//!
//! Types are followed as far as they are plain; everything of an object is dynamic, as on the real
//! server. The library that reads expressions does not say where a part stands, so that a fault is
//! placed where the text first has it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kube::core::cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
    operators as op,
};

use super::names;
use super::types::{Type, either, of_literal};
use super::{Fault, TREE, bound, measure, tree};

/// What an expression may name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Values by their names.
    pub values: BTreeMap<String, Type>,
    /// The variables that were said before.
    pub variables: BTreeMap<String, Type>,
}

/// The type of an expression.
///
/// # Errors
/// What is wrong with it, in the server's words.
pub fn check(text: &str, names: &Names) -> Result<Type, Fault> {
    bound(text)?;
    let tree = tree(text).map_err(|errors| {
        let all = errors.errors.iter();
        let all: Vec<String> = all
            .map(|error| placed(text, error.pos.0, error.pos.1, &error.msg))
            .collect();
        failed(&all)
    })?;
    measure(&tree, TREE)?;
    let mut checker = Checker {
        text,
        names,
        faults: Vec::new(),
    };
    let type_ = checker.type_of(&tree, &[]);
    if checker.faults.is_empty() {
        return Ok(type_);
    }
    Err(failed(&checker.faults))
}

fn failed(faults: &[String]) -> Fault {
    Fault(format!("compilation failed: {}", faults.join("\n")))
}

/// A fault with the line that has it.
fn placed(text: &str, line: isize, column: isize, what: &str) -> String {
    let mut said = format!("ERROR: <input>:{line}:{column}: {what}");
    let at = usize::try_from(line - 1).unwrap_or_default();
    let before = usize::try_from(column - 1).unwrap_or_default();
    if let Some(own) = text.lines().nth(at) {
        let _ = write!(said, "\n | {own}\n | {}^", ".".repeat(before));
    }
    said
}

/// Names that are given inside: of items, and of what is gathered.
type Inner<'a> = [(&'a str, Type)];

/// One pass over an expression.
struct Checker<'a> {
    text: &'a str,
    names: &'a Names,
    faults: Vec<String>,
}

impl Checker<'_> {
    /// Says what is wrong at an offset of the text.
    fn fault(&mut self, offset: usize, what: &str) {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default();
        let column = column.chars().count() + 1;
        let place = |number: usize| isize::try_from(number).unwrap_or(isize::MAX);
        let said = placed(self.text, place(line), place(column), what);
        if !self.faults.contains(&said) {
            self.faults.push(said);
        }
    }

    fn undeclared(&mut self, name: &str, offset: usize) {
        let what = format!("undeclared reference to '{name}' (in container '')");
        self.fault(offset, &what);
    }

    fn type_of(&mut self, expr: &IdedExpr, inner: &Inner<'_>) -> Type {
        match &expr.expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.ident(name, inner),
            Expr::Select(select) => self.select(select, inner),
            Expr::Call(call) => self.call(call, inner),
            Expr::List(list) => {
                for item in &list.elements {
                    self.type_of(item, inner);
                }
                Type::Other("list(dyn)".to_owned())
            }
            Expr::Map(map) => {
                let mut types = Vec::new();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        let key = self.type_of(&entry.key, inner);
                        let value = self.type_of(&entry.value, inner);
                        types.push(format!("map({}, {})", key.word(), value.word()));
                    }
                }
                types.dedup();
                let word = match types.as_slice() {
                    [one] => one.clone(),
                    _ => "map(dyn, dyn)".to_owned(),
                };
                Type::Other(word)
            }
            Expr::Comprehension(each) => self.comprehension(each, inner),
            Expr::Struct(_) | Expr::Unspecified => Type::Dynamic,
        }
    }

    fn ident(&mut self, name: &str, inner: &Inner<'_>) -> Type {
        if let Some((_, type_)) = inner.iter().rev().find(|(own, _)| *own == name) {
            return type_.clone();
        }
        if let Some(type_) = self.names.values.get(name) {
            return type_.clone();
        }
        if names::TYPES.contains(&name) {
            return Type::Other("type".to_owned());
        }
        let offset = self.word(name, "");
        self.undeclared(name, offset);
        Type::Dynamic
    }

    fn select(&mut self, select: &SelectExpr, inner: &Inner<'_>) -> Type {
        let operand = self.type_of(&select.operand, inner);
        let field = select.field.as_str();
        let found = match &operand {
            Type::Known(fields) => names::field(fields, field),
            Type::Variables => self.names.variables.get(field).cloned(),
            _ => Some(Type::Dynamic),
        };
        let Some(found) = found else {
            let offset = self.word(field, ".");
            self.fault(offset, &format!("undefined field '{field}'"));
            return Type::Dynamic;
        };
        if select.test { Type::Bool } else { found }
    }

    fn call(&mut self, call: &CallExpr, inner: &Inner<'_>) -> Type {
        let name = call.func_name.as_str();
        if let Some(target) = &call.target {
            // `optional.none()`: a function with a name in two parts.
            let is_spaced = matches!(&target.expr, Expr::Ident(space)
                if names::SPACES.contains(&space.as_str())
                    && !self.names.values.contains_key(space));
            if !is_spaced {
                self.type_of(target, inner);
            }
            if name.starts_with("opt") && call.args.len() == 2 {
                return self.optional(call, inner);
            }
        }
        let given: Vec<Type> = call
            .args
            .iter()
            .map(|arg| self.type_of(arg, inner))
            .collect();
        if names::is_operator(name) {
            return self.operator(name, &given);
        }
        self.literal(name, &call.args);
        let answer = names::function(name);
        if answer.is_none() {
            let offset = self.word(name, "") + name.len();
            self.undeclared(name, offset);
        }
        answer.unwrap_or(Type::Dynamic)
    }

    /// A text that is written out has to be what its function reads.
    fn literal(&mut self, name: &str, args: &[IdedExpr]) {
        let [
            IdedExpr {
                expr: Expr::Literal(LiteralValue::String(said)),
                ..
            },
        ] = args
        else {
            return;
        };
        let said = said.inner();
        let is_read = match name {
            "matches" => regex::Regex::new(said).is_ok(),
            "timestamp" => said.parse::<jiff::Timestamp>().is_ok(),
            _ => true,
        };
        if !is_read {
            let quoted = [format!("'{said}'"), format!("\"{said}\"")];
            let offset = quoted.iter().find_map(|quoted| self.text.find(quoted));
            let what = format!("invalid {name} argument");
            self.fault(offset.unwrap_or_default(), &what);
        }
    }

    /// `value.optMap(name, body)`.
    fn optional(&mut self, call: &CallExpr, inner: &Inner<'_>) -> Type {
        if let [name, body] = call.args.as_slice()
            && let Expr::Ident(name) = &name.expr
        {
            let mut inner = inner.to_vec();
            inner.push((name, Type::Dynamic));
            self.type_of(body, &inner);
        }
        Type::Dynamic
    }

    fn operator(&mut self, name: &str, given: &[Type]) -> Type {
        let mismatch =
            |one: &Type, other: &Type| one.is_plain() && other.is_plain() && one != other;
        let is_bool = |one: &Type| !one.is_plain() || *one == Type::Bool;
        let (fits, answer) = match (name, given) {
            (op::LOGICAL_AND | op::LOGICAL_OR, given) => (given.iter().all(is_bool), Type::Bool),
            (op::LOGICAL_NOT, [one]) => (is_bool(one), Type::Bool),
            (op::CONDITIONAL, [test, yes, no]) => {
                let both = if yes == no {
                    yes.clone()
                } else {
                    Type::Dynamic
                };
                (is_bool(test) && !mismatch(yes, no), both)
            }
            (op::EQUALS | op::NOT_EQUALS, [one, other]) => (!mismatch(one, other), Type::Bool),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [one, other]) => {
                (!mismatch(one, other), Type::Bool)
            }
            (op::IN | op::NOT_STRICTLY_FALSE, _) => (true, Type::Bool),
            (op::ADD, [one, other]) => (
                !mismatch(one, other) && *one != Type::Bool,
                either(one, other),
            ),
            (op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [one, other]) => {
                let counts = |one: &Type| !one.is_plain() || *one == Type::Int;
                (counts(one) && counts(other), either(one, other))
            }
            (op::NEGATE, [one]) => (!matches!(one, Type::Bool | Type::Text), one.clone()),
            (_, _) => (true, Type::Dynamic),
        };
        if !fits {
            let sign: String = name.chars().filter(|c| *c != '_').take(2).collect();
            let sign = sign.trim_end_matches(':');
            let words: Vec<&str> = given.iter().map(Type::word).collect();
            let what = format!(
                "found no matching overload for '{name}' applied to '({})'",
                words.join(", ")
            );
            let offset = self.outside(sign).unwrap_or_default();
            self.fault(offset, &what);
        }
        answer
    }

    fn comprehension(&mut self, each: &ComprehensionExpr, inner: &Inner<'_>) -> Type {
        self.type_of(&each.iter_range, inner);
        let gathered = self.type_of(&each.accu_init, inner);
        let mut own = inner.to_vec();
        own.push((&each.iter_var, Type::Dynamic));
        if let Some(second) = &each.iter_var2 {
            own.push((second, Type::Dynamic));
        }
        own.push((&each.accu_var, gathered));
        self.type_of(&each.loop_cond, &own);
        self.type_of(&each.loop_step, &own);
        self.type_of(&each.result, &own)
    }

    /// Where a word stands first, with something right before it, outside of texts.
    fn word(&self, word: &str, before: &str) -> usize {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let wanted = format!("{before}{word}");
        self.places(&wanted)
            .find(|at| {
                let ends = !self.text[at + wanted.len()..].starts_with(is_part);
                let begun = &self.text[..*at];
                let is_free = !begun.ends_with(|c| is_part(c) || c == '.') || !before.is_empty();
                ends && is_free
            })
            .or_else(|| self.outside(word))
            .unwrap_or_default()
    }

    /// Where something stands first, outside of texts.
    fn outside(&self, what: &str) -> Option<usize> {
        self.places(what).next()
    }

    fn places(&self, what: &str) -> impl Iterator<Item = usize> {
        let found: Vec<usize> = self
            .text
            .match_indices(what)
            .map(|(at, _)| at)
            .filter(|at| !is_quoted(&self.text[..*at]))
            .collect();
        found.into_iter()
    }
}

/// Whether a text ends inside quotes.
fn is_quoted(before: &str) -> bool {
    let mut open = None;
    let mut is_escaped = false;
    for c in before.chars() {
        match open {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(quote) if c == quote => open = None,
            None if c == '\'' || c == '"' => open = Some(c),
            Some(_) | None => {}
        }
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<String, String> {
        let mut names = Names::default();
        names.values.insert("object".to_owned(), Type::Dynamic);
        names
            .values
            .insert("request".to_owned(), Type::Known(&names::REQUEST));
        names.values.insert("variables".to_owned(), Type::Variables);
        names.variables.insert("many".to_owned(), Type::Bool);
        check(text, &names)
            .map(|type_| type_.word().to_owned())
            .map_err(|fault| fault.0)
    }

    /// A policy that is accepted here and refused there is found out in the emergency.
    #[test]
    fn what_the_real_server_refuses_is_refused_in_its_words() {
        let said = |text: &str| checked(text).expect_err(text);
        assert_eq!(
            said("foo"),
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^"
        );
        assert_eq!(
            said("object.foo()"),
            "compilation failed: ERROR: <input>:1:11: undeclared reference to 'foo' (in container '')\n | object.foo()\n | ..........^"
        );
        assert_eq!(
            said("request.foo == 'a'"),
            "compilation failed: ERROR: <input>:1:8: undefined field 'foo'\n | request.foo == 'a'\n | .......^"
        );
        assert_eq!(
            said("request.userInfo.username == 1"),
            "compilation failed: ERROR: <input>:1:27: found no matching overload for '_==_' applied to '(string, int)'\n | request.userInfo.username == 1\n | ..........................^"
        );
        assert_eq!(
            said("[1,2].exists(x, x > y)"),
            "compilation failed: ERROR: <input>:1:21: undeclared reference to 'y' (in container '')\n | [1,2].exists(x, x > y)\n | ....................^"
        );
        for wrong in [
            "variables.none",
            "true ? 1 : 'a'",
            "1 && true",
            "(true",
            "object.spec.",
        ] {
            assert!(
                said(wrong).starts_with("compilation failed: ERROR: <input>:1:"),
                "{wrong}"
            );
        }
    }

    /// A policy that is refused here and accepted there stops a rehearsal for nothing.
    #[test]
    fn what_the_real_server_accepts_has_its_type() {
        for (text, type_) in [
            ("object.spec.replicas > 1 && object.x == 'a'", "bool"),
            ("1 + 1", "int"),
            ("'a' + 'b'", "string"),
            ("'a' + (object.x == '' ? 'b' : object.x)", "string"),
            ("object.x + object.y", "dyn"),
            ("object.spec.replicas", "dyn"),
            ("{'a': 1}", "map(string, int)"),
            ("variables.many", "bool"),
            (
                "!has(object.spec.a) || object.spec.a.all(k, k in ['a', 'b'])",
                "bool",
            ),
            ("object.list.exists_one(x, x.name == request.name)", "bool"),
            ("object.list.map(x, x.name).size() + 1", "int"),
            ("object.?spec.?a.orValue('x') == 'x'", "bool"),
            ("optional.none().hasValue()", "bool"),
            ("quantity('1').isGreaterThan(quantity('0'))", "bool"),
            ("type(object) == string", "bool"),
            ("request.userInfo.groups.exists(g, g == 'x')", "bool"),
            ("'x'.startsWith('foo') ? string(1) : object.x", "dyn"),
        ] {
            assert_eq!(checked(text).as_deref(), Ok(type_), "{text}");
        }
    }
}
