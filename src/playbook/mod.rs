//! Pure: playbooks. Reading them with positions ([`parse`]), judging them ([`lint`]), expanding
//! them for one level and its parameters ([`expand`]), and matching objects ([`matching`]).

pub mod conditions;
mod deeds;
pub mod denied;
pub mod expand;
mod fields;
pub mod kinds;
pub mod lint;
pub mod matching;
mod numbers;
mod order;
pub mod parameters;
pub mod parse;
mod pointer;
mod resolved;
pub mod routed;
pub mod subjects;
pub mod suspended;

pub use expand::{
    Cut, Expanded, ExpandedStage, ExpandedStep, Field, Making, ResolvedAct, Rights, ScaleRule,
    expand,
};
pub use lint::{Finding, Severity};
