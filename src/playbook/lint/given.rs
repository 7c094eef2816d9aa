//! To whom rights are given, by whichever act: what can be said of it without a cluster.

use serde_json::Value;

use crate::api::{AccessGrant, Targets, names::EVERYBODY};
use crate::playbook::expand::Field;
use crate::playbook::kinds;
use crate::playbook::subjects::{self, Gives, Refusal, Subject};

use super::targets::NEVER;
use super::{Code, Finding, codes};

fn is_own(namespace: &str) -> bool {
    NEVER.contains(&namespace)
}

const fn code(why: Refusal) -> Code {
    match why {
        Refusal::Own | Refusal::Part => codes::BAD_PRINCIPAL,
        Refusal::Nobody | Refusal::Masters | Refusal::Everybody => codes::GIVEN_TO_ALL,
    }
}

/// Findings on those to whom `access` gives a right.
pub fn granted(grant: &AccessGrant, at: &str) -> Vec<Finding> {
    let gives = Gives {
        role: Some(&grant.role.name),
        everywhere: grant.cluster_wide,
    };
    let mut findings = Vec::new();
    for (index, one) in grant.subjects.iter().enumerate() {
        let at = format!("{at}/subjects/{index}");
        match subjects::refused(Subject::of(one), gives, is_own) {
            Some(why) => {
                let field = if one.kind == "ServiceAccount" {
                    "namespace"
                } else {
                    "name"
                };
                findings.push(code(why).at(format!("{at}/{field}"), why.sentence()));
            }
            None if one.kind == "Group" && EVERYBODY.contains(&one.name.as_str()) => {
                let why = format!("everybody is in `{}`", one.name);
                findings.push(codes::EVERYBODY.at(format!("{at}/name"), why));
            }
            None => {}
        }
    }
    findings
}

/// Findings on those for whom a binding is that `apply` makes. What is none has none.
pub fn made(object: &Value, at: &str) -> Vec<Finding> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let group = kinds::group_of(text("apiVersion"));
    if !subjects::is_binding(&format!("{group}/{}", text("kind"))) {
        return Vec::new();
    }
    let refused = subjects::refused_of(object, is_own).into_iter();
    refused
        .map(|(place, why)| {
            let at = format!("{at}/{}/{place}", subjects::SUBJECTS);
            code(why).at(at, why.sentence())
        })
        .collect()
}

/// Findings on those for whom a patch lets bindings be.
pub fn patched(targets: Option<&Targets>, fields: &[Field], at: &str) -> Vec<Finding> {
    let written = targets.map_or(&[][..], |targets| &targets.kinds);
    let refused = subjects::refused_in(written, fields, is_own).into_iter();
    refused
        .map(|why| code(why).at(at, why.sentence()))
        .collect()
}
