//! Quotas of namespaces against what the stages ask for in them.

use std::collections::BTreeSet;

use super::tight::{self, Way};
use super::{Amount, Load, Scene, amount, filled, pods};
use crate::engine::beside::Pods;
use crate::engine::plan::describe;
use crate::engine::plan::explain::few;
use crate::engine::room::Quota;
use crate::engine::room::rules::Counted;

/// Where a quota leaves too little, and what a quota refuses for what it does not name.
pub(super) fn findings(scene: &Scene<'_>, way: Way) -> Vec<String> {
    let parts = scene.loads.iter().flat_map(|load| load.parts.keys());
    let namespaces: BTreeSet<&str> = parts.copied().collect();
    let mut said = Vec::new();
    for namespace in namespaces {
        for quota in scene.room.quotas.get(namespace).into_iter().flatten() {
            said.extend(short(scene, way, namespace, quota));
            if matches!(way, Way::There) {
                said.extend(nameless(scene, namespace, quota));
            }
        }
    }
    said
}

fn short(scene: &Scene<'_>, way: Way, namespace: &str, quota: &Quota) -> Vec<String> {
    let mut said = Vec::new();
    for (name, (counted, left)) in &quota.left {
        let of = |load: &Load<'_>| {
            let parts = load.parts.get(namespace).into_iter().flatten();
            let parts =
                parts.filter(|((class, best_effort), _)| quota.counts(*class, *best_effort));
            parts.fold((0, 0), |(grows, shrinks), (_, takes)| {
                let of = |amount: &Amount| counted.of(amount.requests, amount.limits);
                (grows + of(&takes.grows), shrinks + of(&takes.shrinks))
            })
        };
        let takes: Vec<(i64, i64)> = scene.loads.iter().map(of).collect();
        for tight in tight::find(scene, way, *left, &takes) {
            let more = if *counted == Counted::Pods {
                format!("{} more pods", tight.has.max(0))
            } else {
                format!("{} more of {name}", amount(*counted, tight.has.max(0)))
            };
            let asks = match counted {
                Counted::Pods => tight.asks.to_string(),
                Counted::Cpu | Counted::Memory | Counted::CpuLimit | Counted::MemoryLimit => {
                    amount(*counted, tight.asks)
                }
            };
            let begin = match way {
                Way::There => "",
                Way::Back => "on the way back, ",
            };
            said.push(format!(
                "{begin}namespace {namespace}: quota {} allows {more}, stage {} asks for {asks}",
                quota.name,
                scene.stage(tight.stage),
            ));
        }
    }
    said
}

/// The server refuses pods that do not name what a quota counts.
fn nameless(scene: &Scene<'_>, namespace: &str, quota: &Quota) -> Vec<String> {
    let moves = scene.moving.get(namespace).map_or(&[][..], Vec::as_slice);
    let mut said = Vec::new();
    for (name, (counted, _)) in &quota.left {
        let refused = moves.iter().filter(|one| {
            let Some(pods) = pods(one) else { return false };
            let pods = filled(scene.room, namespace, pods);
            let counted_here = quota.counts(pods.class.as_deref(), pods.is_best_effort());
            counted_here && !names(&pods, *counted)
        });
        let names: Vec<String> = refused.map(|one| describe(one.workload)).collect();
        if !names.is_empty() {
            said.push(format!(
                "namespace {namespace}: quota {} counts {name}, which pods of {} do not name: new \
                 ones are refused",
                quota.name,
                few(&names)
            ));
        }
    }
    said
}

/// Whether pods name what is counted, each container of them or they as a whole.
fn names(pods: &Pods, counted: Counted) -> bool {
    let all = pods.containers.iter().map(|container| container.resources);
    let named = |resources: &crate::engine::beside::pods::Resources| match counted {
        Counted::Pods => true,
        Counted::Cpu => resources.requests.cpu.is_some(),
        Counted::Memory => resources.requests.memory.is_some(),
        Counted::CpuLimit => resources.limits.cpu.is_some(),
        Counted::MemoryLimit => resources.limits.memory.is_some(),
    };
    named(&pods.whole) || all.into_iter().all(|resources| named(&resources))
}
