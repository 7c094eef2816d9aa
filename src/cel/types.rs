//! Types of expressions, as far as they are known before anything is evaluated.

use kube::core::cel::cel::common::ast::LiteralValue;

use super::names::Fields;

/// The type of a value, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Known only when it is evaluated.
    Dynamic,
    /// `true` or `false`.
    Bool,
    /// A number.
    Int,
    /// A text.
    Text,
    /// Nothing.
    Null,
    /// Something else that has a name: `double`, `list(dyn)`.
    Other(String),
    /// An object of which every field is known.
    Known(&'static Fields),
    /// The variables of a policy.
    Variables,
}

impl Type {
    /// As messages have it.
    pub fn word(&self) -> &str {
        match self {
            Self::Dynamic | Self::Known(_) | Self::Variables => "dyn",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Text => "string",
            Self::Null => "null_type",
            Self::Other(word) => word,
        }
    }

    /// Whether nothing else is equal to it.
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self, Self::Bool | Self::Int | Self::Text)
    }
}

/// The type of what is made of two of the same: one of them says what the other has to be.
pub(super) fn either(one: &Type, other: &Type) -> Type {
    match (one.is_plain(), other.is_plain()) {
        (true, _) => one.clone(),
        (false, true) => other.clone(),
        (false, false) if one == other => one.clone(),
        (false, false) => Type::Dynamic,
    }
}

/// The type of what is written out.
pub(super) fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Null => Type::Null,
        LiteralValue::Bytes(_) => Type::Other("bytes".to_owned()),
        LiteralValue::Double(_) => Type::Other("double".to_owned()),
        LiteralValue::UInt(_) => Type::Other("uint".to_owned()),
    }
}
