//! Whether the pods of a plan fit: requests that its steps add and free, against what the nodes have
//! left, what quotas leave, and what limit ranges let through. There and back.
//!
//! Sums, no scheduling: what fits here may still find no node, by taints, affinity or a bad spread.
//! What does not fit here fits nowhere.

mod limits;
mod load;
mod quotas;
mod tight;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::explain::{Names, few};
use super::moves::{Move, Walk};
use super::order::Order;
use super::{Finding, Plan, describe};
use crate::engine::amounts::{self, Sum};
use crate::engine::beside::Pods;
use crate::engine::room::rules::Counted;
use crate::engine::room::{Nodes, Room};
use load::{Amount, Load, Takes, filled, pods};
use tight::Way;

/// The findings about capacity.
pub(super) fn findings(
    plan: &Plan,
    walks: &[Walk<'_>],
    order: &Order,
    room: &Room,
) -> Vec<Finding> {
    let unknown = room.unknown().into_iter();
    let unknown = unknown.chain(room.problems.iter().cloned());
    let mut said: Vec<Finding> = unknown.map(Finding::risk).collect();
    let loads: Vec<Load<'_>> = walks.iter().map(|walk| Load::of(walk, room)).collect();
    let mut moving: BTreeMap<&str, Vec<&Move<'_>>> = BTreeMap::new();
    for one in walks.iter().flat_map(|walk| &walk.moves) {
        let namespace = one.workload.namespace.as_str();
        // Without rules there is nothing to hold them against.
        if room.quotas.contains_key(namespace) || room.limits.contains_key(namespace) {
            moving.entry(namespace).or_default().push(one);
        }
    }
    let scene = Scene {
        plan,
        order,
        room,
        loads: &loads,
        moving: &moving,
    };
    if let Some(nodes) = &room.nodes {
        said.push(Finding::note(scene.overview(nodes)));
        said.extend(scene.pending(nodes, Way::There));
        said.extend(scene.pending(nodes, Way::Back));
        said.extend(scene.too_large().map(Finding::harm));
    }
    let quotas = [Way::There, Way::Back].map(|way| quotas::findings(&scene, way));
    let refused = quotas.into_iter().flatten().chain(limits::findings(&scene));
    said.extend(refused.map(Finding::harm));
    said.extend(scene.unknown_pods().map(Finding::note));
    said
}

/// Everything that the findings are made of.
struct Scene<'a> {
    plan: &'a Plan,
    order: &'a Order,
    room: &'a Room,
    loads: &'a [Load<'a>],
    /// By namespace, where it has quotas or limit ranges.
    moving: &'a BTreeMap<&'a str, Vec<&'a Move<'a>>>,
}

impl Scene<'_> {
    /// The name of a stage.
    fn stage(&self, at: usize) -> &str {
        &self.plan.stages[at].name
    }

    /// The loads of a stage.
    fn of_stage(&self, at: usize) -> impl Iterator<Item = &Load<'_>> {
        self.loads
            .iter()
            .filter(move |load| load.walk.place.0 == at)
    }

    /// The stages that move counts.
    fn stages(&self) -> Vec<usize> {
        let mut stages: Vec<usize> = self.loads.iter().map(|load| load.walk.place.0).collect();
        stages.dedup();
        stages
    }

    /// What there is, what the stages ask for, and what was not looked at.
    fn overview(&self, nodes: &Nodes) -> String {
        let mut asks = Vec::new();
        for at in self.stages() {
            let sum = |of: fn(&Takes) -> Sum| {
                let sums = self.of_stage(at).map(|load| of(&load.all));
                sums.fold(Sum::default(), |sum, more| sum + more).said()
            };
            let name = self.stage(at);
            if let Some(freed) = sum(|takes| takes.shrinks.requests) {
                asks.push(format!("stage {name} frees {freed}"));
            }
            if let Some(asked) = sum(|takes| takes.grows.requests) {
                asks.push(format!("stage {name} asks for {asked}"));
            }
        }
        if asks.is_empty() {
            asks.push("no stage asks for any of it".to_owned());
        }
        let free = nodes.free.said().unwrap_or_else(|| "nothing".to_owned());
        let mut left_out = String::new();
        if nodes.left_out > 0 {
            left_out = format!(" ({} more closed or not ready)", nodes.left_out);
        }
        let pods = if nodes.all.len() == 1 {
            "takes"
        } else {
            "take"
        };
        let mut text = format!(
            "capacity: {free} free on {} that {pods} pods{left_out}; {}. Sums only: taints{}, affinity, \
             spread, volumes, other resources and nodes that may be added are not looked at",
            count(nodes.all.len(), "node"),
            asks.join(", "),
            match nodes.tainted {
                0 => String::new(),
                tainted => format!(" (of {})", count(tainted, "node")),
            },
        );
        if let Some(waiting) = nodes.waiting.said() {
            text += "; ";
            text += &waiting;
            text += " wait for a node already, and are not counted";
        }
        text
    }

    /// The stages whose pods would find no room.
    fn pending(&self, nodes: &Nodes, way: Way) -> Vec<Finding> {
        let mut short: BTreeMap<usize, Short> = BTreeMap::new();
        for (part, set) in PARTS {
            let takes = self.loads.iter().map(|load| {
                let all = &load.all;
                (part(all.grows.requests), part(all.shrinks.requests))
            });
            for tight in tight::find(self, way, part(nodes.free), &takes.collect::<Vec<_>>()) {
                let short = short.entry(tight.stage).or_default();
                set(&mut short.lacks, tight.lacks());
                set(&mut short.asks, tight.asks);
                set(&mut short.has, tight.has.max(0));
            }
        }
        let mut said: Vec<(usize, String)> = short
            .iter()
            .map(|(stage, short)| (*stage, self.short(*stage, short, way)))
            .collect();
        if matches!(way, Way::Back) {
            said.reverse();
        }
        let said = said.into_iter().map(|(_, said)| Finding::harm(said));
        let mut said: Vec<Finding> = said.collect();
        if short.is_empty() && matches!(way, Way::There) {
            said.extend(self.may(nodes).map(Finding::risk));
        }
        said
    }

    fn short(&self, stage: usize, short: &Short, way: Way) -> String {
        let critical = self.of_stage(stage).any(|load| {
            load.walk.step.critical && matches!(way, Way::There) && load.all.grows.requests.pods > 0
        });
        let begin = match (way, critical) {
            (Way::There, true) => "critical pods",
            (Way::There, false) => "pods",
            (Way::Back, _) => "on the way back pods",
        };
        let lacks = short.lacks.said().unwrap_or_default();
        let asks = short.asks.said().unwrap_or_default();
        let has = short.has.said();
        let has = has.unwrap_or_else(|| "nothing".to_owned());
        let mut text = format!(
            "{begin} would stay Pending: {lacks} short in stage {} (it asks for {asks}; free by then: \
             {has})",
            self.stage(stage)
        );
        if matches!(way, Way::There) {
            text += &self.preemption(stage);
        }
        text
    }

    /// Whether pods of a stage would take the place of others.
    fn preemption(&self, stage: usize) -> String {
        let Some(classes) = &self.room.classes else {
            return String::new();
        };
        let moves = self.of_stage(stage).flat_map(|load| &load.walk.moves);
        let growing = moves.filter(|one| one.to > one.from);
        let mut names: Vec<Option<&str>> = growing
            .filter_map(|one| Some(pods(one)?.class.as_deref()))
            .collect();
        names.sort_unstable();
        names.dedup();
        let above = names.into_iter().filter_map(|name| {
            let class = match name {
                Some(name) => classes.iter().find(|class| class.name == name),
                None => classes.iter().find(|class| class.default),
            }?;
            (class.preempts && class.value > 0).then(|| format!("{} ({})", class.name, class.value))
        });
        let above: Vec<String> = above.collect();
        if above.is_empty() {
            return ". None of them has a PriorityClass by which it would take the place of others"
                .to_owned();
        }
        format!(
            ". Those of PriorityClass {} may take the place of pods of lower priority, which is not \
             simulated",
            few(&above)
        )
    }

    /// What fits as it is, but not if autoscalers use what they are given.
    fn may(&self, nodes: &Nodes) -> Option<String> {
        let sum = |of: fn(&Load<'_>) -> Sum| {
            let sums = self.loads.iter().map(of);
            sums.fold(Sum::default(), |sum, more| sum + more)
        };
        let certain = sum(|load| load.all.grows.requests - load.all.shrinks.requests);
        let may = sum(|load| load.may);
        let lacks = (may + certain - nodes.free).or_nothing();
        if may == Sum::default() {
            return None;
        }
        let lacks = lacks.said()?;
        Some(format!(
            "if the load drives the autoscalers of this plan to their maximum, {lacks} would be short"
        ))
    }

    /// Pods that no node is large enough for.
    fn too_large(&self) -> Option<String> {
        let moves = self.loads.iter().flat_map(|load| &load.walk.moves);
        let mut last: Option<(&Arc<Pods>, bool)> = None;
        let mut names = Names::default();
        for one in moves.filter(|one| one.to != one.from) {
            let Some(pods) = pods(one) else { continue };
            let known = last.filter(|(shared, _)| Arc::ptr_eq(shared, pods));
            let large = known.map_or_else(
                || self.room.has_node_for(pods.requests()) == Some(false),
                |(_, large)| large,
            );
            last = Some((pods, large));
            if large {
                names.add(|| describe(one.workload));
            }
        }
        (names.count() > 0).then(|| {
            format!(
                "a pod of {} asks for more than any node has, and would stay Pending",
                names.said()
            )
        })
    }

    /// Workloads whose pods are not known.
    fn unknown_pods(&self) -> Option<String> {
        let moves = self.loads.iter().flat_map(|load| &load.walk.moves);
        let unknown = moves.filter(|one| pods(one).is_none());
        let names: Vec<String> = unknown.map(|one| describe(one.workload)).collect();
        (!names.is_empty()).then(|| {
            format!(
                "what the pods of {} ask for is not known, and is not counted",
                few(&names)
            )
        })
    }
}

/// A part of a sum: how it is read, and how it is set.
type Part = (fn(Sum) -> i64, fn(&mut Sum, i64));

const PARTS: [Part; 3] = [
    (|sum| sum.cpu, |sum, to| sum.cpu = to),
    (|sum| sum.memory, |sum, to| sum.memory = to),
    (|sum| sum.pods, |sum, to| sum.pods = to),
];

/// What a stage lacks.
#[derive(Clone, Copy, Default)]
struct Short {
    lacks: Sum,
    asks: Sum,
    has: Sum,
}

/// `1 node`, `3 nodes`.
fn count(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

/// An amount of what a quota counts, as people read it.
fn amount(counted: Counted, of: i64) -> String {
    match counted {
        Counted::Pods => amounts::pods(of),
        Counted::Cpu | Counted::CpuLimit => amounts::cpu(of),
        Counted::Memory | Counted::MemoryLimit => amounts::memory(of),
    }
}

#[cfg(test)]
mod tests;
