//! Findings on playbooks and modes, with fixed codes and positions.

use crate::api::PlaybookSpec;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document works, but perhaps not as meant.
    Warning,
    /// Good to know.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code, e.g. `PZ0101`: a literal that is never reused.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Where in the document: a JSON Pointer, e.g. `/spec/stages/0/steps/1/scale`.
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub help: String,
}

/// Judges a playbook.
pub fn playbook(_spec: &PlaybookSpec) -> Vec<Finding> {
    todo!()
}
