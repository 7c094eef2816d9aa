//! What acts are resolved to: nothing of it refers to a parameter any more.

use serde_json::Value;

use crate::api::{Access, DriftActive, Isolate, Step};
use crate::field::{Image, Path};

/// Objects that are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// The objects, whole.
    pub objects: Vec<Value>,
    /// Whether one that is there already is taken over.
    pub adopt: bool,
}

/// A cut of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// What is cut.
    pub isolate: Isolate,
    /// The step's name: what is made is named after it.
    pub step: String,
    /// Whose step it is: what playbooks make under one name is told apart by it.
    pub of: String,
}

/// Rights that are given and taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rights {
    /// Which.
    pub access: Access,
    /// The step's name: what is made is named after it.
    pub step: String,
    /// Whose step it is: what playbooks make under one name is told apart by it.
    pub of: String,
}

/// A field and what it is to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Which field.
    pub path: Path,
    /// What it is to hold.
    pub to: Image,
}

/// How a number of replicas is computed from the peacetime value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScaleRule {
    /// A fixed number.
    pub replicas: Option<i64>,
    /// A percentage, rounded up.
    pub percent: Option<i64>,
    /// At least.
    pub minimum: Option<i64>,
    /// At most.
    pub maximum: Option<i64>,
}

/// What happens to fields that others change, where the playbook does not say: what closes a network or
/// takes a right is kept closed whatever is written over it, since that may be the attacker.
pub(super) fn firmly(step: &Step) -> DriftActive {
    if step.isolate.is_some() || step.access.is_some() {
        DriftActive::Enforce
    } else {
        DriftActive::default()
    }
}
