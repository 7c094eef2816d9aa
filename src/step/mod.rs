//! Pure: kinds of step. What a step needs to see of the cluster ([`needs`]), and the changes that
//! it compiles to ([`compile`]). One file a kind, one table.

pub mod config;
pub mod kinds;
pub mod patch;
pub mod scale;

use crate::api::{LabelSelector, NamespaceSelector};
use crate::field::{Image, Path, Projection, Target};
use crate::playbook::ExpandedStep;

/// What a step needs to see: objects of one kind and some of their fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The kind as written: `Deployment` or `group/Kind`.
    pub kind: String,
    /// Which namespaces.
    pub namespaces: Option<NamespaceSelector>,
    /// Which labels.
    pub selector: Option<LabelSelector>,
    /// Which names; empty for all.
    pub names: Vec<String>,
    /// What the query is for.
    pub role: Role,
    /// Which fields, where they do not depend on the kind's CRD.
    pub fields: Fields,
}

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Objects that the step selects.
    Target,
    /// Workloads that are restarted, in namespaces in which the step has a target.
    Restart,
}

/// Which fields a query reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Fields {
    /// These.
    Paths(Vec<Path>),
    /// The replicas path of the kind: from the table, or from the CRD's scale subresource.
    Replicas,
}

/// One change that a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Which object.
    pub target: Target,
    /// Which field.
    pub path: Path,
    /// What it holds now.
    pub base: Image,
    /// What it is to hold.
    pub after: Image,
    /// Why, in a sentence: `300 % of 3, at most 40`.
    pub why: String,
    /// Order inside the step, on the way there and on the way back: 0 first.
    pub wave: u8,
}

/// An object that the step leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which object.
    pub target: Target,
    /// Why, in a sentence.
    pub why: String,
}

/// What a step compiles to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The changes, in a fixed order.
    pub changes: Vec<Proposal>,
    /// What is left alone.
    pub skipped: Vec<Skipped>,
}

/// What a step needs to see. Unsupported steps need nothing.
pub fn needs(_step: &ExpandedStep) -> Vec<Query> {
    todo!()
}

/// What a step asks for, of the objects that its queries found (in the order of [`needs`]).
pub fn compile(_step: &ExpandedStep, _found: &[Vec<Projection>]) -> Compiled {
    todo!()
}

/// Whether a change would move against its step's intent: a surge that shrinks, a shedding that
/// grows. `now` is what the field holds at capture, `planned` what it held when the plan was made.
pub fn moves_against_intent(_planned: &Image, _after: &Image, _now: &Image) -> bool {
    todo!()
}
