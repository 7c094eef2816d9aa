//! Pure: expressions (CEL) of policies and playbooks, evaluated as the real server evaluates them.
//!
//! The language is read, and its extension functions are run, by the library that the API client
//! brings. Walking the tree is our own: the library's walk knows no `authorizer` and no lazy
//! `variables`, takes a field of null for false, and never stops. This one counts what it spends,
//! keeps errors as the server does (`false && error` is false) and says them in its words.

mod authority;
mod calls;
mod check;
mod condition;
mod machine;
pub mod names;
mod ops;
mod types;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kube::core::cel::cel::ParseErrors;
use kube::core::cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use kube::core::cel::cel::parser::Parser;

pub use authority::{Authority, Resource, Subject, What};
pub use check::{Names, check};
pub use condition::Condition;
pub use machine::{Failure, Machine, Variable};
pub use types::Type;
pub use value::Val;

/// Longest expression. Those that people write have some hundred characters.
const LONGEST: usize = 8 * 1024;
/// Deepest brackets: the reader recurses into each, on a stack of two megabytes.
const DEEPEST: usize = 32;
/// Most marks that make the tree deeper without brackets: member access, conditions, negations.
const MARKS: usize = 512;
/// Most conditions: a chain of some hundred and fifty breaks the reader.
const CONDITIONS: usize = 64;
/// Deepest tree: the walk recurses too.
const TREE: usize = 96;

/// Why an expression has no value, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

impl Fault {
    fn no_overload() -> Self {
        Self("no such overload".to_owned())
    }

    fn no_key(key: &dyn fmt::Display) -> Self {
        Self(format!("no such key: {key}"))
    }
}

/// An expression that can be evaluated.
#[derive(Debug)]
pub struct Expression(Arc<IdedExpr>);

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it; also where it is too long or too deep to be read safely.
    pub fn read(text: &str) -> Result<Self, Fault> {
        bound(text)?;
        let tree = tree(text).map_err(|errors| Fault(format!("compilation failed: {errors}")))?;
        measure(&tree, TREE)?;
        Ok(Self(tree))
    }

    fn root(&self) -> &IdedExpr {
        &self.0
    }
}

/// What was read once in this process: it is checked and evaluated, by one server after another.
static TREES: Mutex<BTreeMap<String, Arc<IdedExpr>>> = Mutex::new(BTreeMap::new());

/// Reads a text that [`bound`] lets through.
fn tree(text: &str) -> Result<Arc<IdedExpr>, ParseErrors> {
    let mut trees = TREES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = trees.get(text) {
        return Ok(known.clone());
    }
    let parser = Parser::new().enable_optional_syntax(true);
    let read = Arc::new(parser.parse(text)?);
    if trees.len() >= KEPT {
        trees.clear();
    }
    trees.insert(text.to_owned(), read.clone());
    Ok(read)
}

/// Refuses texts that the reader would not survive.
fn bound(text: &str) -> Result<(), Fault> {
    let refuse = |what: &str| Err(Fault(format!("compilation failed: {what}")));
    if text.len() > LONGEST {
        return refuse("the expression is too long");
    }
    let (mut deep, mut deepest, mut marks, mut conditions) = (0_usize, 0, 0, 0);
    let mut quote = None;
    let mut escaped = false;
    for at in text.chars() {
        if let Some(own) = quote {
            match at {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                at if at == own => quote = None,
                _ => {}
            }
            continue;
        }
        match at {
            '\'' | '"' => quote = Some(at),
            '(' | '[' | '{' => deep += 1,
            ')' | ']' | '}' => deep = deep.saturating_sub(1),
            '?' => conditions += 1,
            '.' | '!' | '-' => marks += 1,
            _ => {}
        }
        deepest = deepest.max(deep);
    }
    if deepest > DEEPEST || marks > MARKS || conditions > CONDITIONS {
        return refuse("the expression is nested too deeply");
    }
    Ok(())
}

/// Refuses trees that are too deep, and parts that are not served.
fn measure(expr: &IdedExpr, left: usize) -> Result<(), Fault> {
    let Some(left) = left.checked_sub(1) else {
        let message = "compilation failed: the expression is nested too deeply";
        return Err(Fault(message.to_owned()));
    };
    let all = |parts: &[&IdedExpr]| parts.iter().try_for_each(|part| measure(part, left));
    match &expr.expr {
        Expr::Literal(_) | Expr::Ident(_) => Ok(()),
        Expr::Select(select) => measure(&select.operand, left),
        Expr::Call(call) => {
            let target = call.target.as_deref();
            target.map_or(Ok(()), |target| measure(target, left))?;
            call.args.iter().try_for_each(|part| measure(part, left))
        }
        Expr::List(list) => list
            .elements
            .iter()
            .try_for_each(|part| measure(part, left)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => all(&[&entry.key, &entry.value]),
            EntryExpr::StructField(_) => unserved(),
        }),
        Expr::Comprehension(each) => all(&[
            &each.iter_range,
            &each.accu_init,
            &each.loop_cond,
            &each.loop_step,
            &each.result,
        ]),
        Expr::Struct(_) | Expr::Unspecified => unserved(),
    }
}

fn unserved() -> Result<(), Fault> {
    let message = "compilation failed: the sand table knows no types of its own in expressions";
    Err(Fault(message.to_owned()))
}

/// Expressions that were read once. A policy is read at its first request, not at every one.
#[derive(Debug, Default)]
pub struct Expressions(Mutex<BTreeMap<String, Kept>>);

type Kept = Result<Arc<Expression>, Fault>;

/// Most expressions that are kept: beyond that all are forgotten and read anew.
const KEPT: usize = 4096;

impl Expressions {
    /// An expression, read now or before.
    ///
    /// # Errors
    /// As [`Expression::read`].
    pub fn get(&self, text: &str) -> Result<Arc<Expression>, Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(text) {
            return known.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let read = Expression::read(text).map(Arc::new);
        kept.insert(text.to_owned(), read.clone());
        read
    }
}

#[cfg(test)]
mod tests;
