//! Limit ranges that would refuse new pods of a workload.

use super::{Scene, filled, pods};
use crate::engine::amounts::{self, Asked};
use crate::engine::beside::Pods;
use crate::engine::plan::describe;
use crate::engine::plan::explain::few;
use crate::engine::room::Limit;

/// The parts of a range, and how amounts of them are said.
type Part = (fn(&Asked) -> Option<i64>, fn(i64) -> String);

const PARTS: [Part; 2] = [
    (|asked| asked.cpu, amounts::cpu),
    (|asked| asked.memory, amounts::memory),
];

/// One sentence for each thing that a range refuses.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<String> {
    let mut refused: Vec<(String, Vec<String>)> = Vec::new();
    for one in scene.moving.values().flatten() {
        let namespace = one.workload.namespace.as_str();
        let Some(limits) = scene.room.limits.get(namespace) else {
            continue;
        };
        let Some(pods) = pods(one) else { continue };
        let pods = filled(scene.room, namespace, pods);
        for limit in limits {
            for why in refusals(limit, &pods) {
                let why = format!("namespace {namespace}: limit range {} {why}", limit.name);
                let name = describe(one.workload);
                match refused.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, names)) => names.push(name),
                    None => refused.push((why, vec![name])),
                }
            }
        }
    }
    refused
        .into_iter()
        .map(|(why, names)| format!("{why}: new pods of {} are refused", few(&names)))
        .collect()
}

fn refusals(limit: &Limit, pods: &Pods) -> Vec<String> {
    let mut said = Vec::new();
    let whole = sums(pods);
    for (part, text) in PARTS {
        let (max, min) = (part(&limit.max), part(&limit.min));
        let of = if limit.pod { "a pod" } else { "a container" };
        let resources = pods.containers.iter().map(|container| container.resources);
        let each: Vec<(Option<i64>, Option<i64>)> = if limit.pod {
            vec![(part(&whole.0), part(&whole.1))]
        } else {
            resources
                .map(|one| (part(&one.requests), part(&one.limits)))
                .collect()
        };
        let over = |(asked, used): &(Option<i64>, Option<i64>), max: i64| {
            asked.is_some_and(|asked| asked > max) || used.is_some_and(|used| used > max)
        };
        if let Some(max) = max {
            if each.iter().any(|one| over(one, max)) {
                said.push(format!("lets {of} have at most {}", text(max)));
            } else if each.iter().any(|(_, used)| used.is_none()) {
                said.push(format!(
                    "wants {of} to name its limit, of at most {}",
                    text(max)
                ));
            }
        }
        if let Some(min) = min {
            let under = |(asked, used): &(Option<i64>, Option<i64>)| {
                asked.is_none_or(|asked| asked < min) || used.is_some_and(|used| used < min)
            };
            if each.iter().any(under) {
                said.push(format!("wants {of} to ask for at least {}", text(min)));
            }
        }
        // A limit that is given may be below what is asked for.
        if let Some(given) = part(&limit.default)
            && each
                .iter()
                .any(|(asked, used)| *used == Some(given) && asked > used)
        {
            said.push(format!(
                "gives {of} a limit of {}, which is less than it asks for",
                text(given)
            ));
        }
    }
    said
}

/// Requests and limits of a pod as a whole; nothing where none of it says any.
fn sums(pods: &Pods) -> (Asked, Asked) {
    let some = |amount: i64| (amount > 0).then_some(amount);
    let asked = |sum: amounts::Sum| Asked {
        cpu: some(sum.cpu),
        memory: some(sum.memory),
    };
    (asked(pods.requests()), asked(pods.limits()))
}
