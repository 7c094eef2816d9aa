//! Jobs, calls and objects with their references replaced.

use std::collections::BTreeMap;

use crate::api::{Apply, Call, Run, Scalar};

use super::expand::Making;
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
