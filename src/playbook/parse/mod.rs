//! Playbooks and modes from YAML text, with line and column of everything.
//!
//! Text → values and their places ([`yaml`]) → our own types ([`decode`]) → findings with
//! positions, for people ([`render`]) and for programs ([`to_json`]).

mod decode;
mod place;
mod render;
mod scalar;
mod yaml;

use crate::api::{EmergencyModeSpec, PlaybookSpec};

use super::lint::{self, Finding, codes};

pub use place::{Place, Position};
pub use render::{render, to_json};

/// The longest text that is read: no object can be bigger in the cluster's store either.
pub const LONGEST: usize = 1024 * 1024;

/// A document of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its kind, with what it holds.
    pub body: Body,
    /// Its name.
    pub name: String,
    /// Where everything in it stands.
    pub places: Place,
}

/// What a document holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A playbook.
    Playbook(Box<PlaybookSpec>),
    /// A mode.
    Mode(Box<EmergencyModeSpec>),
}

impl Body {
    /// The kind's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Playbook(_) => "Playbook",
            Self::Mode(_) => "EmergencyMode",
        }
    }
}

impl Document {
    /// The finding with its position in the text.
    pub fn locate(&self, finding: Finding) -> Diagnostic {
        Diagnostic {
            position: self.places.find(&finding.at),
            finding,
        }
    }
}

/// A finding, and where in the text it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What was found.
    pub finding: Finding,
    /// Where.
    pub position: Position,
}

/// What a text holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// Its documents, but those that could not be read.
    pub documents: Vec<Document>,
    /// What is wrong with it, in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether any finding is an error.
    pub fn refused(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.finding.severity == lint::Severity::Error)
    }
}

/// Reads a text of one or more YAML documents.
///
/// Guarantees: never panics, and takes time and memory in proportion to at most [`LONGEST`]
/// bytes. A document with an error among its findings is not among the documents; the others are.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    if text.len() > LONGEST {
        parsed.diagnostics.push(Diagnostic {
            finding: codes::TOO_BIG.at(
                "",
                format!(
                    "the text has {} bytes, and at most {LONGEST} are read",
                    text.len()
                ),
            ),
            position: Position::START,
        });
        return parsed;
    }
    let (trees, mut diagnostics) = yaml::load(text);
    if trees.is_empty() && diagnostics.is_empty() {
        diagnostics.push(Diagnostic {
            finding: codes::NO_DOCUMENT.at("", "the text holds no document"),
            position: Position::START,
        });
    }
    for tree in trees {
        match decode::document(tree) {
            Ok(document) => parsed.documents.push(document),
            Err(found) => diagnostics.extend(found),
        }
    }
    sort(&mut diagnostics);
    parsed.diagnostics = diagnostics;
    parsed
}

/// Reads a text and judges what it holds: a mode together with its playbook where the text has
/// both, or where `playbook` knows it.
///
/// Guarantees: those of [`parse`].
pub fn check(text: &str, playbook: impl Fn(&str) -> Option<PlaybookSpec>) -> Parsed {
    let mut parsed = parse(text);
    let mut diagnostics = std::mem::take(&mut parsed.diagnostics);
    for document in &parsed.documents {
        let findings = match &document.body {
            Body::Playbook(spec) => lint::playbook(spec),
            Body::Mode(spec) => {
                let name = &spec.playbook_ref.name;
                let known = beside(&parsed.documents, name).or_else(|| playbook(name));
                lint::mode(spec, known.as_ref())
            }
        };
        diagnostics.extend(findings.into_iter().map(|finding| document.locate(finding)));
    }
    sort(&mut diagnostics);
    parsed.diagnostics = diagnostics;
    parsed
}

/// The playbook of a name in the same text.
fn beside(documents: &[Document], name: &str) -> Option<PlaybookSpec> {
    documents.iter().find_map(|document| match &document.body {
        Body::Playbook(spec) if document.name == name => Some((**spec).clone()),
        Body::Playbook(_) | Body::Mode(_) => None,
    })
}

fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| {
        let Position { line, column, .. } = diagnostic.position;
        (
            line,
            column,
            diagnostic.finding.severity,
            diagnostic.finding.code,
        )
    });
}

#[cfg(test)]
mod tests;
