//! Jobs and calls with their references replaced.

use std::collections::BTreeMap;

use crate::api::{Call, Run, Scalar};

use super::parameters::{replace, replace_text};

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
