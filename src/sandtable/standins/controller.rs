//! Which controllers are stood in for, and what each attends to.

use std::time::Duration;

use super::super::store::Key;
use super::Settings;

/// A controller that is stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Of workloads of a kind.
    Workload(Workload),
    /// Of autoscalers.
    Autoscaler,
    /// Of namespaces that end.
    Namespace,
}

/// A kind that runs pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// With templates that are rolled out.
    Deployment,
    /// With a count.
    ReplicaSet,
    /// With an order.
    StatefulSet,
    /// One on each node.
    DaemonSet,
}

/// What is attended to, by group and plural.
pub const ATTENDED: [(&str, &str, Controller); 6] = [
    (
        "apps",
        "deployments",
        Controller::Workload(Workload::Deployment),
    ),
    (
        "apps",
        "replicasets",
        Controller::Workload(Workload::ReplicaSet),
    ),
    (
        "apps",
        "statefulsets",
        Controller::Workload(Workload::StatefulSet),
    ),
    (
        "apps",
        "daemonsets",
        Controller::Workload(Workload::DaemonSet),
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        Controller::Autoscaler,
    ),
    ("", "namespaces", Controller::Namespace),
];

impl Controller {
    /// The one that attends to an object.
    pub fn of(key: &Key) -> Option<Self> {
        let mut rows = ATTENDED.iter();
        let row = rows.find(|(group, plural, _)| key.plural == *plural && key.group == *group);
        row.map(|(_, _, controller)| *controller)
    }

    /// The account of the real one, in `kube-system`.
    pub const fn account(self) -> &'static str {
        match self {
            Self::Workload(Workload::Deployment) => "deployment-controller",
            Self::Workload(Workload::ReplicaSet) => "replicaset-controller",
            Self::Workload(Workload::StatefulSet) => "statefulset-controller",
            Self::Workload(Workload::DaemonSet) => "daemon-set-controller",
            Self::Autoscaler => "horizontal-pod-autoscaler",
            Self::Namespace => "namespace-controller",
        }
    }

    /// How long after one object the next one's turn is.
    pub const fn pace(self, settings: &Settings) -> Duration {
        match self {
            Self::Workload(_) => settings.pace,
            Self::Autoscaler | Self::Namespace => Duration::ZERO,
        }
    }
}
