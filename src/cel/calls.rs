//! Calls: operators that do not evaluate all they are given, and functions.

use std::rc::Rc;
use std::sync::LazyLock;

use kube::core::cel::KubeCelExt;
use kube::core::cel::cel::common::ast::{CallExpr, Expr, IdedExpr, operators as op};
use kube::core::cel::cel::{Context, ExecutionError};

use super::authority;
use super::machine::{In, Machine, Outcome, Scope};
use super::{Fault, Val, ops};

/// The functions of the library.
static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

impl<'a> Machine<'a> {
    pub(super) fn call(&self, call: &CallExpr, scope: In<'_, 'a>) -> Outcome<'a> {
        if let Some(target) = &call.target {
            return self.member(target, &call.func_name, &call.args, scope);
        }
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (op::CONDITIONAL, [test, yes, no]) => match self.eval(test, scope)? {
                Val::Bool(true) => self.eval(yes, scope),
                Val::Bool(false) => self.eval(no, scope),
                _ => Err(Fault::no_overload()),
            },
            (op::LOGICAL_AND, [left, right]) => self.either(left, right, false, scope),
            (op::LOGICAL_OR, [left, right]) => self.either(left, right, true, scope),
            (op::LOGICAL_NOT, [one]) => match self.eval(one, scope)? {
                Val::Bool(own) => Ok(Val::Bool(!own)),
                _ => Err(Fault::no_overload()),
            },
            (op::NOT_STRICTLY_FALSE, [one]) => Ok(Val::Bool(!matches!(
                self.eval(one, scope),
                Ok(Val::Bool(false))
            ))),
            (op::NEGATE, [one]) => negated(&self.eval(one, scope)?),
            (op::OPT_SELECT, [operand, field]) => {
                let operand = self.eval(operand, scope)?;
                let field = self.eval(field, scope)?;
                Ok(ops::maybe(&operand, |own| own.at(&field).ok()))
            }
            ("dyn", [one]) => self.eval(one, scope),
            ("type", [one]) => {
                let own = self.eval(one, scope)?;
                own.type_of().ok_or_else(Fault::no_overload)
            }
            (_, [left, right]) => {
                let (left, right) = (self.eval(left, scope)?, self.eval(right, scope)?);
                match ops::binary(name, &left, &right) {
                    Some(outcome) => outcome,
                    None => self.library(name, None, &[left, right]),
                }
            }
            (_, args) => {
                let args = self.all(args, scope)?;
                match (name, args.as_slice()) {
                    ("size", [one]) if one.size().is_some() => Ok(size(one)),
                    (_, args) => self.library(name, None, args),
                }
            }
        }
    }

    fn all(&self, args: &[IdedExpr], scope: In<'_, 'a>) -> Result<Vec<Val<'a>>, Fault> {
        args.iter().map(|arg| self.eval(arg, scope)).collect()
    }

    /// `&&` and `||`: one side may decide, even where the other has a fault.
    fn either(
        &self,
        left: &IdedExpr,
        right: &IdedExpr,
        decides: bool,
        scope: In<'_, 'a>,
    ) -> Outcome<'a> {
        let left = self.eval(left, scope);
        if matches!(left, Ok(Val::Bool(own)) if own == decides) {
            return left;
        }
        let right = self.eval(right, scope);
        if matches!(right, Ok(Val::Bool(own)) if own == decides) {
            return right;
        }
        match (left?, right?) {
            (Val::Bool(_), Val::Bool(_)) => Ok(Val::Bool(!decides)),
            _ => Err(Fault::no_overload()),
        }
    }

    fn member(
        &self,
        target: &IdedExpr,
        name: &str,
        args: &[IdedExpr],
        scope: In<'_, 'a>,
    ) -> Outcome<'a> {
        if let Expr::Ident(space) = &target.expr
            && !self.knows(space, scope)
        {
            return self.spaced(space, name, args, scope);
        }
        let own = self.eval(target, scope)?;
        if let (Val::Optional(own), "optMap" | "optFlatMap", [ident, body]) = (&own, name, args)
            && let Expr::Ident(ident) = &ident.expr
        {
            let Some(own) = own else {
                return Ok(Val::Optional(None));
            };
            let own = Ok(own.as_ref().clone());
            let inner = Scope::under(scope, ident, &own);
            let value = self.eval(body, Some(&inner))?;
            return Ok(match name {
                "optMap" => Val::Optional(Some(Rc::new(value))),
                _ => value,
            });
        }
        let args = self.all(args, scope)?;
        self.method(&own, name, &args)
    }

    fn method(&self, own: &Val<'a>, name: &str, args: &[Val<'a>]) -> Outcome<'a> {
        match (own, name, args) {
            (Val::Check(check), _, _) => {
                if name == "check" {
                    self.pay(authority::COST)?;
                }
                let asked = self.authority().and_then(|own| own.call(check, name, args));
                asked.unwrap_or_else(|| Err(Fault::no_overload()))
            }
            (Val::Optional(own), "hasValue", []) => Ok(Val::Bool(own.is_some())),
            (Val::Optional(Some(own)), "value", [])
            | (Val::Optional(Some(own)), "orValue", [_]) => Ok(own.as_ref().clone()),
            (Val::Optional(None), "value", []) => {
                Err(Fault("optional.none() dereference".to_owned()))
            }
            (Val::Optional(None), "orValue" | "or", [other]) => Ok(other.clone()),
            (Val::Optional(Some(_)), "or", [_]) => Ok(own.clone()),
            (own, "size", []) if own.size().is_some() => Ok(size(own)),
            (Val::Text(own), "contains" | "startsWith" | "endsWith", [Val::Text(part)]) => {
                self.pay(own.len() as u64 / 10)?;
                Ok(Val::Bool(match name {
                    "contains" => own.contains(part.as_ref()),
                    "startsWith" => own.starts_with(part.as_ref()),
                    _ => own.ends_with(part.as_ref()),
                }))
            }
            (own, name, args) => self.library(name, Some(own), args),
        }
    }

    /// A function whose name has a dot: `optional.of(…)`, `sets.contains(…)`.
    fn spaced(&self, space: &str, name: &str, args: &[IdedExpr], scope: In<'_, 'a>) -> Outcome<'a> {
        if let ("cel", "bind", [ident, value, body]) = (space, name, args)
            && let Expr::Ident(ident) = &ident.expr
        {
            let value = self.eval(value, scope);
            let inner = Scope::under(scope, ident, &value);
            return self.eval(body, Some(&inner));
        }
        let args = self.all(args, scope)?;
        match (space, name, args.as_slice()) {
            ("optional", "none", []) => Ok(Val::Optional(None)),
            ("optional", "of", [one]) => Ok(Val::Optional(Some(Rc::new(one.clone())))),
            (space, name, args) => {
                let target = Box::new(ident(space.to_owned()));
                self.foreign(name, Some(target), None, args)
            }
        }
    }

    /// A function of the library.
    fn library(&self, name: &str, own: Option<&Val<'a>>, args: &[Val<'a>]) -> Outcome<'a> {
        let target = own.map(|_| Box::new(ident("this".to_owned())));
        self.foreign(name, target, own, args)
    }

    fn foreign(
        &self,
        name: &str,
        target: Option<Box<IdedExpr>>,
        own: Option<&Val<'a>>,
        args: &[Val<'a>],
    ) -> Outcome<'a> {
        let given = || args.iter().chain(own);
        if given().any(|value| matches!(value, Val::Check(_) | Val::Type(_))) {
            return Err(Fault::no_overload());
        }
        let sizes = given().filter_map(Val::size).sum::<usize>();
        self.pay(1 + sizes as u64 / 10)?;
        let mut scope = FUNCTIONS.new_inner_scope();
        if let Some(own) = own {
            scope.add_variable_from_value("this", own.foreign());
        }
        let mut names = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let name = format!("arg{at}");
            scope.add_variable_from_value(name.clone(), arg.foreign());
            names.push(ident(name));
        }
        let call = Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target,
            args: names,
        });
        let outcome = scope.resolve(&IdedExpr { id: 0, expr: call });
        outcome.map(Val::native).map_err(|error| said(&error))
    }
}

fn ident(name: String) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Ident(name),
    }
}

fn size<'a>(value: &Val<'_>) -> Val<'a> {
    let size = value.size().unwrap_or_default();
    Val::Int(i64::try_from(size).unwrap_or(i64::MAX))
}

fn negated<'a>(value: &Val<'a>) -> Outcome<'a> {
    match value {
        Val::Int(own) => {
            let negative = own.checked_neg().map(Val::Int);
            negative.ok_or_else(|| Fault("integer overflow".to_owned()))
        }
        Val::Double(own) => Ok(Val::Double(-own)),
        _ => Err(Fault::no_overload()),
    }
}

/// A fault of the library, in the server's words.
fn said(error: &ExecutionError) -> Fault {
    match error {
        ExecutionError::FunctionError { message, .. } => Fault(message.clone()),
        ExecutionError::NoSuchKey(key) => Fault::no_key(key),
        ExecutionError::UndeclaredReference(name) => Fault(format!(
            "undeclared reference to '{name}' (in container '')"
        )),
        _ => Fault::no_overload(),
    }
}
