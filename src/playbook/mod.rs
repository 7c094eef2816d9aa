//! Pure: playbooks. Reading them with positions ([`parse`]), judging them ([`lint`]), expanding
//! them for one level and its parameters ([`expand`]), and matching objects ([`matching`]).

pub mod expand;
pub mod lint;
pub mod matching;
pub mod parse;

pub use expand::{Expanded, ExpandedStage, ExpandedStep, Field, ResolvedAct, ScaleRule};
pub use lint::{Finding, Severity};
