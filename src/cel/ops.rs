//! Operators on values.

use std::cmp::Ordering;
use std::rc::Rc;

use kube::core::cel::cel::common::ast::operators as op;

use super::{Fault, Val};

/// An operator of two values; nothing where the name is none of these.
pub(super) fn binary<'a>(
    name: &str,
    left: &Val<'a>,
    right: &Val<'a>,
) -> Option<Result<Val<'a>, Fault>> {
    let ordered = |fits: fn(Ordering) -> bool| {
        let order = left.order(right).ok_or_else(Fault::no_overload);
        order.map(|order| Val::Bool(fits(order)))
    };
    Some(match name {
        op::EQUALS => Ok(Val::Bool(left.same(right))),
        op::NOT_EQUALS => Ok(Val::Bool(!left.same(right))),
        op::LESS => ordered(Ordering::is_lt),
        op::LESS_EQUALS => ordered(Ordering::is_le),
        op::GREATER => ordered(Ordering::is_gt),
        op::GREATER_EQUALS => ordered(Ordering::is_ge),
        op::IN => within(left, right),
        op::ADD => add(left, right),
        op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO => reckon(name, left, right),
        op::INDEX => index(left, right),
        op::OPT_INDEX => Ok(maybe(left, |own| own.at(right).ok())),
        _ => return None,
    })
}

/// What may be missing: of a value, or of a value that may itself be missing.
pub(super) fn maybe<'a>(value: &Val<'a>, of: impl FnOnce(&Val<'a>) -> Option<Val<'a>>) -> Val<'a> {
    let found = match value {
        Val::Optional(None) => None,
        Val::Optional(Some(own)) => of(own),
        own => of(own),
    };
    Val::Optional(found.map(Rc::new))
}

fn index<'a>(left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>, Fault> {
    match left {
        Val::Optional(_) => Ok(maybe(left, |own| own.at(right).ok())),
        own => own.at(right),
    }
}

fn within<'a>(left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>, Fault> {
    if let Some(items) = right.list() {
        return Ok(Val::Bool(items.iter().any(|item| item.same(left))));
    }
    match right {
        Val::Map(_) | Val::Json(_) => Ok(Val::Bool(right.at(left).is_ok())),
        _ => Err(Fault::no_overload()),
    }
}

fn add<'a>(left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>, Fault> {
    if let (Val::Text(a), Val::Text(b)) = (left, right) {
        return Ok(Val::text(format!("{a}{b}")));
    }
    if let (Some(mut a), Some(b)) = (left.list(), right.list()) {
        a.extend(b);
        return Ok(Val::List(Rc::new(a)));
    }
    reckon(op::ADD, left, right)
}

fn reckon<'a>(name: &str, left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>, Fault> {
    let overflow = |word: &str| Fault(format!("{word} overflow"));
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => {
            if *b == 0 {
                zero(name)?;
            }
            let whole = match name {
                op::ADD => a.checked_add(*b),
                op::SUBSTRACT => a.checked_sub(*b),
                op::MULTIPLY => a.checked_mul(*b),
                op::DIVIDE => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            whole.map(Val::Int).ok_or_else(|| overflow("integer"))
        }
        (Val::Uint(a), Val::Uint(b)) => {
            if *b == 0 {
                zero(name)?;
            }
            let whole = match name {
                op::ADD => a.checked_add(*b),
                op::SUBSTRACT => a.checked_sub(*b),
                op::MULTIPLY => a.checked_mul(*b),
                op::DIVIDE => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            whole
                .map(Val::Uint)
                .ok_or_else(|| overflow("unsigned integer"))
        }
        (Val::Double(a), Val::Double(b)) => match name {
            op::ADD => Ok(Val::Double(a + b)),
            op::SUBSTRACT => Ok(Val::Double(a - b)),
            op::MULTIPLY => Ok(Val::Double(a * b)),
            op::DIVIDE => Ok(Val::Double(a / b)),
            _ => Err(Fault::no_overload()),
        },
        (Val::Foreign(a), Val::Foreign(b)) => {
            let sum = match name {
                op::ADD => a.clone() + b.clone(),
                op::SUBSTRACT => a.clone() - b.clone(),
                _ => return Err(Fault::no_overload()),
            };
            sum.map(Val::native).map_err(|_| Fault::no_overload())
        }
        _ => Err(Fault::no_overload()),
    }
}

/// Nothing is divided by nothing.
fn zero(name: &str) -> Result<(), Fault> {
    match name {
        op::DIVIDE => Err(Fault("division by zero".to_owned())),
        op::MODULO => Err(Fault("modulus by zero".to_owned())),
        _ => Ok(()),
    }
}
