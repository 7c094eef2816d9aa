//! What was seen of the room that a cluster has for pods, as data: nodes and what runs on them,
//! quotas, limit ranges, priorities, and what else says how many pods there may be.

pub mod guests;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet};

use super::amounts::Sum;

pub use guests::{Node, Nodes};
pub use rules::{Budget, Class, Limit, Quota, Vertical};

/// What was seen. What could not be read is said, never taken for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// Nodes and the pods on them; nothing where either could not be read.
    pub nodes: Option<Nodes>,
    /// The classes of priority; nothing where they could not be read.
    pub classes: Option<Vec<Class>>,
    /// Quotas, by namespace.
    pub quotas: BTreeMap<String, Vec<Quota>>,
    /// Limit ranges, by namespace.
    pub limits: BTreeMap<String, Vec<Limit>>,
    /// Budgets of disruption, by namespace.
    pub budgets: BTreeMap<String, Vec<Budget>>,
    /// Vertical autoscalers, by namespace.
    pub verticals: BTreeMap<String, Vec<Vertical>>,
    /// What may not be read.
    pub missing: BTreeSet<Right>,
    /// What could not be read for another reason, each a sentence.
    pub problems: Vec<String>,
    /// As whom it was read.
    pub who: String,
    /// How many requests it took.
    pub requests: usize,
}

/// A right to list a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Nodes.
    Nodes,
    /// Pods of all namespaces.
    Pods,
    /// Quotas.
    Quotas,
    /// Limit ranges.
    Limits,
    /// Classes of priority.
    Classes,
    /// Budgets of disruption.
    Budgets,
    /// Vertical autoscalers.
    Verticals,
}

impl Right {
    /// The resource, as roles name it.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Quotas => "resourcequotas",
            Self::Limits => "limitranges",
            Self::Classes => "priorityclasses",
            Self::Budgets => "poddisruptionbudgets",
            Self::Verticals => "verticalpodautoscalers",
        }
    }

    /// Its group, as roles name it; empty for the core group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Nodes | Self::Pods | Self::Quotas | Self::Limits => "",
            Self::Classes => "scheduling.k8s.io",
            Self::Budgets => "policy",
            Self::Verticals => "autoscaling.k8s.io",
        }
    }

    /// Its kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Nodes => "Node",
            Self::Pods => "Pod",
            Self::Quotas => "ResourceQuota",
            Self::Limits => "LimitRange",
            Self::Classes => "PriorityClass",
            Self::Budgets => "PodDisruptionBudget",
            Self::Verticals => "VerticalPodAutoscaler",
        }
    }
}

impl Room {
    /// The one sentence about rights that are missing, if any are.
    pub fn unknown(&self) -> Option<String> {
        if self.missing.is_empty() {
            return None;
        }
        let what = if self.nodes.is_none() {
            "capacity is not known"
        } else {
            "capacity is not known in full"
        };
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for right in &self.missing {
            groups
                .entry(right.group())
                .or_default()
                .push(right.resource());
        }
        let resources: Vec<String> = groups
            .into_iter()
            .map(|(group, resources)| match group {
                "" => resources.join(", "),
                group => format!("{} ({group})", resources.join(", ")),
            })
            .collect();
        Some(format!(
            "{what}: {} may not list {}; let it, in the whole cluster",
            self.who,
            resources.join(", "),
        ))
    }

    /// The most that one node could give a pod, of each part; nothing where nodes are not known.
    pub fn has_node_for(&self, pod: Sum) -> Option<bool> {
        let nodes = self.nodes.as_ref()?;
        Some(nodes.all.iter().any(|node| pod.fits(node.allocatable)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who reads this has to be able to repair it without looking anything up.
    #[test]
    fn missing_rights_are_one_sentence_that_says_what_to_grant() {
        let room = Room {
            missing: [Right::Pods, Right::Nodes, Right::Classes].into(),
            who: "pingzhan-playbooks/flood".into(),
            ..Room::default()
        };
        assert_eq!(
            room.unknown().as_deref(),
            Some(
                "capacity is not known: pingzhan-playbooks/flood may not list nodes, pods, \
                 priorityclasses (scheduling.k8s.io); let it, in the whole cluster"
            )
        );
        assert_eq!(Room::default().unknown(), None);
    }
}
