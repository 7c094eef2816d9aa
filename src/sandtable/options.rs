//! The parameters of a write: for whom it is, whether it takes effect, and what of surplus fields.

use serde_json::{Value, json};

use super::ask::Ask;
use super::refusal::{Cause, Named, Refusal};

/// The parameters of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Who writes; empty where the request does not say.
    pub manager: String,
    /// Whether nothing is kept.
    pub is_dry: bool,
    /// Whether an apply takes what others own.
    pub force: bool,
    /// What becomes of fields that nobody knows.
    pub unknown: Unknown,
}

/// What becomes of fields that nobody knows. They are never kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing is said.
    Ignore,
    /// The client is warned.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// Bytes that the name of a manager may have.
const MANAGER: usize = 128;

impl Options {
    /// Reads the parameters. `of` is what messages call them: `CreateOptions`.
    ///
    /// # Errors
    /// 422, in the server's words.
    pub fn read(ask: &Ask, of: &str, is_apply: bool) -> Result<Self, Refusal> {
        let mut causes = Vec::new();
        let dry = ask.parameter("dryRun");
        if !["", "All"].contains(&dry) {
            causes.push(Cause::not_supported("dryRun", &json!([dry]), &["All"]));
        }
        let unknown = match ask.parameter("fieldValidation") {
            "" | "Warn" => Unknown::Warn,
            "Ignore" => Unknown::Ignore,
            "Strict" => Unknown::Strict,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::not_supported(
                    "fieldValidation",
                    &Value::from(other),
                    &known,
                ));
                Unknown::Warn
            }
        };
        let manager = ask.parameter("fieldManager");
        if is_apply && manager.is_empty() {
            causes.push(Cause::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }
        if manager.len() > MANAGER {
            causes.push(Cause {
                reason: "FieldValueTooLong",
                message: format!("Too long: may not be more than {MANAGER} bytes"),
                field: "fieldManager".to_owned(),
            });
        }
        let force = ask.query.contains_key("force");
        if force && !is_apply && ask.method == "PATCH" {
            causes.push(Cause::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        if !causes.is_empty() {
            let named = Named {
                group: "meta.k8s.io",
                word: of,
            };
            return Err(Refusal::invalid(named, "", causes));
        }
        Ok(Self {
            manager: manager.to_owned(),
            is_dry: dry == "All",
            force: ask.says("force"),
            unknown,
        })
    }
}
