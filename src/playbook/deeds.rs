//! Jobs, calls and objects with their references replaced; and what closes and opens, with the name of
//! what it makes.

use std::collections::BTreeMap;

use crate::api::{Access, Apply, Call, Isolate, Run, Scalar};

use super::expand::{Cut, Making, Rights};
use super::parameters::{replace, replace_text};

/// Objects that are made.
pub fn apply(apply: &Apply, parameters: &BTreeMap<String, Scalar>) -> Making {
    let objects = apply.objects.iter();
    Making {
        objects: objects.map(|one| replace(one, parameters)).collect(),
        adopt: apply.adopt,
    }
}

/// A Job, and what undoes it.
pub fn run(run: &Run, parameters: &BTreeMap<String, Scalar>) -> Run {
    Run {
        job: replace(&run.job, parameters),
        undo: run.undo.as_ref().map(|undo| replace(undo, parameters)),
        ..run.clone()
    }
}

/// A call, and what undoes it.
pub fn call(call: &Call, parameters: &BTreeMap<String, Scalar>) -> Call {
    let resolve = |text: &String| replace_text(text, parameters);
    Call {
        url: resolve(&call.url),
        body: call.body.as_ref().map(|body| replace(body, parameters)),
        undo: call.undo.as_ref().map(resolve),
        ..call.clone()
    }
}

/// A cut of the network. What it makes is named after the step; `of` tells apart playbooks whose steps
/// have one name.
pub fn isolate(isolate: &Isolate, step: &str, of: &[&str]) -> Cut {
    Cut {
        isolate: isolate.clone(),
        step: step.to_owned(),
        of: of.join("/"),
    }
}

/// Rights that are given and taken.
pub fn access(
    access: &Access,
    parameters: &BTreeMap<String, Scalar>,
    step: &str,
    of: &[&str],
) -> Rights {
    let mut access = access.clone();
    for grant in &mut access.grant {
        grant.purpose = replace_text(&grant.purpose, parameters);
        grant.legal_basis = replace_text(&grant.legal_basis, parameters);
    }
    Rights {
        access,
        step: step.to_owned(),
        of: of.join("/"),
    }
}
