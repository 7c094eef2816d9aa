//! The walk over an expression's tree: what it costs is counted, and it ends where it costs too much.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kube::core::cel::cel::common::ast::{
    ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr,
};

use super::value::Key;
use super::{Authority, Expression, Fault, Val, authority, ops};

/// What one expression may cost, as on the real server.
const EACH: u64 = 1_000_000;
/// How deep the walk goes, variables included: it recurses on the stack.
const DEEPEST: usize = 200;
const VARIABLES: &str = "variables";
const AUTHORIZER: &str = "authorizer";

/// What evaluates to a value, or why it does not.
pub(super) type Outcome<'a> = Result<Val<'a>, Fault>;

/// A named part of a policy.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name, after `variables.`.
    pub name: String,
    /// What it stands for.
    pub expression: Result<Arc<Expression>, Fault>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The expression has none.
    Fault(Fault),
    /// All expressions together have cost too much; no further one is to be run.
    Budget,
}

/// What expressions can see, and what they have spent.
pub struct Machine<'a> {
    roots: BTreeMap<&'static str, Val<'a>>,
    authority: Option<&'a dyn Authority>,
    variables: &'a [Variable],
    known: RefCell<BTreeMap<usize, Outcome<'a>>>,
    budget: u64,
    total: Cell<u64>,
    spent: Cell<u64>,
    depth: Cell<usize>,
}

/// A name that a loop gives to a value.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    name: &'s str,
    value: &'s Outcome<'a>,
    up: Option<&'s Scope<'s, 'a>>,
}

impl<'s, 'a> Scope<'s, 'a> {
    pub(super) fn under(up: In<'s, 'a>, name: &'s str, value: &'s Outcome<'a>) -> Self {
        Self { name, value, up }
    }
}

/// The names that are known at a place.
pub(super) type In<'s, 'a> = Option<&'s Scope<'s, 'a>>;

impl<'a> Machine<'a> {
    /// A machine for some expressions of one policy. Without an authority there is no `authorizer`.
    pub fn new(
        roots: BTreeMap<&'static str, Val<'a>>,
        variables: &'a [Variable],
        authority: Option<&'a dyn Authority>,
        budget: u64,
    ) -> Self {
        Self {
            roots,
            authority,
            variables,
            known: RefCell::default(),
            budget,
            total: Cell::new(0),
            spent: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    /// What an expression evaluates to.
    ///
    /// # Errors
    /// The fault of the expression, or that the budget is spent.
    pub fn run(&self, expression: &Expression) -> Result<Val<'a>, Failure> {
        self.spent.set(0);
        let outcome = self.eval(expression.root(), None);
        if self.total.get() > self.budget {
            return Err(Failure::Budget);
        }
        self.pay(0).and(outcome).map_err(Failure::Fault)
    }

    /// What of the budget is left.
    pub fn left(&self) -> u64 {
        self.budget.saturating_sub(self.total.get())
    }

    pub(super) const fn authority(&self) -> Option<&'a dyn Authority> {
        self.authority
    }

    /// Counts a cost.
    pub(super) fn pay(&self, cost: u64) -> Result<(), Fault> {
        self.spent.set(self.spent.get().saturating_add(cost));
        self.total.set(self.total.get().saturating_add(cost));
        if self.spent.get() > EACH {
            let message = "operation cancelled: actual cost limit exceeded";
            return Err(Fault(message.to_owned()));
        }
        Ok(())
    }

    pub(super) fn eval(&self, expr: &IdedExpr, scope: In<'_, 'a>) -> Outcome<'a> {
        self.pay(1)?;
        let depth = self.depth.get();
        if depth >= DEEPEST {
            return Err(Fault("the expression is nested too deeply".to_owned()));
        }
        self.depth.set(depth + 1);
        let outcome = match &expr.expr {
            Expr::Literal(literal) => Ok(plain(literal)),
            Expr::Ident(name) => self.ident(name, scope),
            Expr::Select(select) => self.select(select, scope),
            Expr::Call(call) => self.call(call, scope),
            Expr::List(list) => self.list(&list.elements, &list.optional_indices, scope),
            Expr::Map(map) => self.map(map, scope),
            Expr::Comprehension(each) => self.each(each, scope),
            Expr::Struct(_) | Expr::Unspecified => Err(Fault::no_overload()),
        };
        self.depth.set(depth);
        outcome
    }

    /// Whether a name is known at a place.
    pub(super) fn knows(&self, name: &str, scope: In<'_, 'a>) -> bool {
        found(name, scope).is_some() || self.roots.contains_key(name) || name == AUTHORIZER
    }

    fn ident(&self, name: &str, scope: In<'_, 'a>) -> Outcome<'a> {
        if let Some(value) = found(name, scope) {
            return value.clone();
        }
        if let Some(value) = self.roots.get(name) {
            return Ok(value.clone());
        }
        match &self.authority {
            Some(_) if name == AUTHORIZER => Ok(authority::root()),
            _ => Val::named_type(name).ok_or_else(|| unknown(name)),
        }
    }

    fn select(&self, select: &SelectExpr, scope: In<'_, 'a>) -> Outcome<'a> {
        let name = select.field.as_str();
        if let Expr::Ident(of) = &select.operand.expr
            && found(of, scope).is_none()
        {
            match (of.as_str(), &self.authority) {
                (VARIABLES, _) if select.test => {
                    return Ok(Val::Bool(self.variables.iter().any(|own| own.name == name)));
                }
                (VARIABLES, _) => return self.variable(name),
                (AUTHORIZER, Some(authority)) if name == "requestResource" => {
                    return Ok(authority::own(*authority));
                }
                _ => {}
            }
        }
        let operand = self.eval(&select.operand, scope)?;
        if select.test {
            let found = ops::maybe(&operand, |own| own.field(name));
            return Ok(Val::Bool(matches!(found, Val::Optional(Some(_)))));
        }
        match &operand {
            Val::Optional(_) => Ok(ops::maybe(&operand, |own| own.field(name))),
            own => own.field(name).ok_or_else(|| Fault::no_key(&name)),
        }
    }

    /// A part of the policy: evaluated where it is first asked for, and once.
    fn variable(&self, name: &str) -> Outcome<'a> {
        let own = self
            .variables
            .iter()
            .enumerate()
            .find(|(_, own)| own.name == name);
        let Some((at, variable)) = own else {
            return Err(Fault(format!("undefined field '{name}'")));
        };
        if let Some(known) = self.known.borrow().get(&at) {
            return known.clone();
        }
        // It sees itself as unknown: variables build on those before them only.
        let itself = Err(Fault(format!("undefined field '{name}'")));
        self.known.borrow_mut().insert(at, itself);
        let outcome = match &variable.expression {
            Ok(expression) => {
                let outer = self.spent.replace(0);
                let outcome = self.eval(expression.root(), None);
                let outcome = self.pay(0).and(outcome);
                self.spent.set(outer);
                outcome.map_err(|Fault(why)| {
                    Fault(format!(
                        "composited variable {name:?} fails to evaluate: {why}"
                    ))
                })
            }
            Err(Fault(why)) => Err(Fault(format!(
                "composited variable {name:?} fails to compile: {why}"
            ))),
        };
        self.known.borrow_mut().insert(at, outcome.clone());
        outcome
    }

    fn list(&self, parts: &[IdedExpr], optional: &[usize], scope: In<'_, 'a>) -> Outcome<'a> {
        let mut items = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            match self.eval(part, scope)? {
                Val::Optional(own) if optional.contains(&at) => {
                    items.extend(own.map(|own| own.as_ref().clone()));
                }
                item => items.push(item),
            }
        }
        Ok(Val::List(Rc::new(items)))
    }

    fn map(&self, map: &MapExpr, scope: In<'_, 'a>) -> Outcome<'a> {
        let mut members = BTreeMap::new();
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(Fault::no_overload());
            };
            let key = self.eval(&entry.key, scope)?;
            let key: Key = key.key().ok_or_else(Fault::no_overload)?;
            match self.eval(&entry.value, scope)? {
                Val::Optional(own) if entry.optional => {
                    members.extend(own.map(|own| (key, own.as_ref().clone())));
                }
                value => {
                    members.insert(key, value);
                }
            }
        }
        Ok(Val::Map(Rc::new(members)))
    }

    /// A loop. A fault in one step is kept, not thrown: a later step may make it not matter.
    fn each(&self, each: &ComprehensionExpr, scope: In<'_, 'a>) -> Outcome<'a> {
        let range = self.eval(&each.iter_range, scope)?;
        let range = range.walk().ok_or_else(Fault::no_overload)?;
        let mut sum = self.eval(&each.accu_init, scope);
        for item in range {
            let item = Ok(item);
            let next = {
                let outer = Scope::under(scope, &each.accu_var, &sum);
                if matches!(
                    self.eval(&each.loop_cond, Some(&outer)),
                    Ok(Val::Bool(false))
                ) {
                    break;
                }
                let inner = Scope::under(Some(&outer), &each.iter_var, &item);
                self.eval(&each.loop_step, Some(&inner))
            };
            sum = next;
            if let Ok(Val::List(items)) = &sum {
                self.pay(items.len() as u64)?;
            }
            self.pay(0)?;
        }
        let last = Scope::under(scope, &each.accu_var, &sum);
        self.eval(&each.result, Some(&last))
    }
}

fn found<'s, 'a>(name: &str, scope: In<'s, 'a>) -> Option<&'s Outcome<'a>> {
    let mut at = scope;
    while let Some(own) = at {
        if own.name == name {
            return Some(own.value);
        }
        at = own.up;
    }
    None
}

fn unknown(name: &str) -> Fault {
    Fault(format!(
        "undeclared reference to '{name}' (in container '')"
    ))
}

fn plain<'a>(literal: &LiteralValue) -> Val<'a> {
    match literal {
        LiteralValue::Null => Val::Null,
        LiteralValue::Boolean(own) => Val::Bool(*own.inner()),
        LiteralValue::Int(own) => Val::Int(*own.inner()),
        LiteralValue::UInt(own) => Val::Uint(*own.inner()),
        LiteralValue::Double(own) => Val::Double(*own.inner()),
        LiteralValue::String(own) => Val::text(own.inner()),
        LiteralValue::Bytes(own) => Val::Foreign(own.inner().to_vec().into()),
    }
}
