//! The pods of workloads that a plan makes, as their manifests say: nothing of them is there to be
//! seen yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Change, Plan};
use crate::engine::beside::{Beside, Pods};
use crate::field::creation;
use crate::step::kinds;

/// Workloads that a plan makes, by the uids of their places.
pub(super) type Made<'a> = BTreeMap<&'a str, Workload>;

/// One workload that is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Workload {
    /// What is known of its pods; nothing where nobody can say how many there will be.
    pub(super) beside: Option<Beside>,
    /// How many there will be.
    pub(super) count: i64,
}

/// What says how many pods an object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    /// Its `spec.replicas`, one where it names none.
    Replicas,
    /// Its `spec.parallelism`, but no more than `spec.completions`, unless it is suspended.
    Parallelism,
    /// The cluster, or the time.
    Unknown,
}

/// The kinds that make pods, by group.
const KINDS: [(&str, &str, Count); 8] = [
    ("", "ReplicationController", Count::Replicas),
    ("apps", "Deployment", Count::Replicas),
    ("apps", "ReplicaSet", Count::Replicas),
    ("apps", "StatefulSet", Count::Replicas),
    ("apps", "DaemonSet", Count::Unknown),
    ("argoproj.io", "Rollout", Count::Replicas),
    ("batch", "Job", Count::Parallelism),
    ("batch", "CronJob", Count::Unknown),
];

/// The workloads that a plan makes.
pub(super) fn all(plan: &Plan) -> Made<'_> {
    let changes = plan.changes().map(|(_, _, change)| change);
    let made = changes.filter_map(|change| Some((change.target.uid.as_str(), of(change)?)));
    made.collect()
}

/// Whether a change makes something that has pods.
pub(super) fn is(change: &Change) -> bool {
    of(change).is_some()
}

fn of(change: &Change) -> Option<Workload> {
    if !creation::is(&change.target.uid) {
        return None;
    }
    let target = &change.target;
    let group = kinds::group_of(&target.api_version);
    let mut kinds = KINDS.iter();
    let (.., counted) =
        kinds.find(|(of, kind, _)| (*of, *kind) == (group, target.kind.as_str()))?;
    let object = change.after.value()?;
    let count = count(*counted, object);
    (count > 0).then(|| Workload {
        beside: pods(*counted, object),
        count,
    })
}

fn count(counted: Count, object: &Value) -> i64 {
    let spec = |name: &str| object["spec"][name].as_i64();
    match counted {
        Count::Unknown => 1,
        Count::Replicas => spec("replicas").unwrap_or(1),
        Count::Parallelism if object["spec"]["suspend"] == true => 0,
        Count::Parallelism => {
            let at_once = spec("parallelism").unwrap_or(1);
            at_once.min(spec("completions").unwrap_or(at_once))
        }
    }
}

fn pods(counted: Count, object: &Value) -> Option<Beside> {
    let template = match counted {
        Count::Replicas | Count::Parallelism => object.pointer("/spec/template")?,
        Count::Unknown => return None,
    };
    Some(Beside {
        pods: Some(Arc::new(Pods::of(template))),
        ..Beside::default()
    })
}
