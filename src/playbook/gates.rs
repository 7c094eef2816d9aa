//! What comes after a gate that this version cannot ask.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Level, Stage};

use super::expand::left_out;
use super::unsupported;

/// The steps that come after a gate: later in its stage, or in a stage that depends on it. A gate
/// is a decision that people keep for themselves, so what waits for it is never done without it.
pub fn behind_gates(stages: &[Stage], level: Level) -> BTreeMap<(usize, usize), String> {
    let mut gated = BTreeMap::new();
    for stage in stages
        .iter()
        .filter(|stage| left_out(stage, level).is_none())
    {
        for gate in stage.steps.iter().filter(|step| step.gate.is_some()) {
            let sentence = unsupported::after_gate(&stage.name, &gate.name);
            let behind = behind(&stage.name, |name| {
                let waiting = stages
                    .iter()
                    .filter(|s| s.depends_on.iter().any(|d| d == name));
                waiting.map(|s| s.name.as_str()).collect()
            });
            let later = behind_step(stage, &gate.name);
            for (at, other) in stages.iter().enumerate() {
                for (place, step) in other.steps.iter().enumerate() {
                    let same = other.name == stage.name && later.contains(step.name.as_str());
                    if same || behind.contains(other.name.as_str()) {
                        gated.entry((at, place)).or_insert_with(|| sentence.clone());
                    }
                }
            }
        }
    }
    gated
}

fn behind_step<'a>(stage: &'a Stage, gate: &'a str) -> BTreeSet<&'a str> {
    behind(gate, |name| {
        let waiting = stage
            .steps
            .iter()
            .filter(|s| s.after.iter().any(|a| a == name));
        waiting.map(|s| s.name.as_str()).collect()
    })
}

/// Everything that waits for a name, directly or through others.
fn behind<'a>(name: &str, waiting: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = waiting(name);
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(waiting(next));
        }
    }
    found
}
