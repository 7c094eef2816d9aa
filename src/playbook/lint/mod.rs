//! Findings on playbooks and modes, with fixed codes ([`codes`]). Everything that can be judged
//! without a cluster is judged here; [`super::parse`] turns pointers into lines and columns.

mod acts;
mod authority;
mod closed;
pub mod codes;
mod deny;
mod freeze;
mod given;
mod made;
mod mode;
mod names;
mod parameters;
mod structure;
mod targets;

pub use codes::{CODES, Code};
pub use mode::mode;

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

impl Severity {
    /// The word for it: `error`, `warning`, `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
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
///
/// Guarantees: findings stand in the order of the document's parts, the same for the same
/// playbook; one without errors expands with every allowed set of parameters.
pub fn playbook(spec: &PlaybookSpec) -> Vec<Finding> {
    let mut findings = authority::findings(spec);
    findings.extend(parameters::findings(spec));
    findings.extend(structure::findings(spec));
    findings.extend(deny::findings(spec));
    for (at, stage) in spec.stages.iter().enumerate() {
        for (place, step) in stage.steps.iter().enumerate() {
            let pointer = format!("/spec/stages/{at}/steps/{place}");
            findings.extend(acts::findings(spec, step, &pointer));
            findings.extend(targets::findings(step, &pointer));
        }
    }
    findings
}

/// Whether any finding is an error, so that the document is refused.
pub fn refused(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Whether an object of ours can have this name.
pub(super) fn is_name(text: &str) -> bool {
    names::is_subdomain(text)
}
