//! Looks at workloads while a rehearsal goes on: which of them are ready, and since when.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::names;
use crate::engine::plan::{Change, Plan, PlannedStep};
use crate::field::Progress;
use crate::sandtable::kinds::Kind;
use crate::sandtable::service::Service;
use crate::sandtable::store::Key;

use super::report::{Critical, Unready};
use super::rivals;

/// A workload, and how many pods are asked of it.
#[derive(Clone, Debug)]
struct Watched {
    key: Key,
    wanted: Option<i64>,
    /// Whether an autoscaler owns its count: then nothing of ours is on the workload itself.
    is_driven: bool,
    /// When it was ready, in seconds of the rehearsal.
    at: Option<f64>,
}

/// Workloads that a plan changes, by `Kind namespace/name`.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    workloads: BTreeMap<String, Watched>,
}

/// The kinds that have pods, and a count of them.
const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"];
/// The kinds that own the count of another object: where they name it, and the least count they have.
const OWNERS: [&str; 2] = ["HorizontalPodAutoscaler", "ScaledObject"];

impl Watch {
    /// The workloads of these steps of a plan. A count that an autoscaler owns is its workload's.
    pub fn of(service: &Service, plan: &Plan, wanted: impl Fn(&PlannedStep) -> bool) -> Self {
        let server = service.lock();
        let kinds: Vec<Arc<Kind>> = server.kinds.all().cloned().collect();
        let get = |key: &Key| server.store.get(key).cloned();
        let mut watch = Self::default();
        for (_, _, change) in plan.changes().filter(|(_, step, _)| wanted(step)) {
            let Some((named, key)) = workload(&kinds, get, change) else {
                continue;
            };
            let is_driven = OWNERS.contains(&change.target.kind.as_str());
            let count = count(change);
            let watched = watch.workloads.entry(named).or_insert(Watched {
                key,
                wanted: None,
                is_driven,
                at: None,
            });
            watched.wanted = watched.wanted.max(count);
        }
        watch
    }

    /// Looks at those that were not ready yet.
    pub fn look(&mut self, service: &Service, now: f64) {
        let server = service.lock();
        for watched in self.workloads.values_mut().filter(|one| one.at.is_none()) {
            let object = server.store.get(&watched.key);
            if object.is_some_and(|object| watched.is_ready(object)) {
                watched.at = Some(now);
            }
        }
    }

    /// When they were ready, in seconds since some moment of the rehearsal.
    pub fn critical(&self, since: f64) -> Critical {
        let mut times: Vec<f64> = self.workloads.values().filter_map(|one| one.at).collect();
        times.sort_by(f64::total_cmp);
        let objects = self.workloads.len();
        let after = |count: usize| {
            let at = count.checked_sub(1).and_then(|place| times.get(place));
            at.map(|at| (at - since).max(0.0))
        };
        let never = self.workloads.iter().filter(|(_, one)| one.at.is_none());
        Critical {
            objects,
            ready: times.len(),
            first: after(1),
            half: after(objects.div_ceil(2)),
            all: after(objects),
            never: never.map(|(named, _)| named.clone()).collect(),
        }
    }

    /// Those that are not ready now.
    pub fn unready(&self, service: &Service) -> Vec<Unready> {
        let server = service.lock();
        let mut unready = Vec::new();
        for (named, watched) in &self.workloads {
            let Some(object) = server.store.get(&watched.key) else {
                continue;
            };
            let number = |pointer| object.pointer(pointer).and_then(Value::as_i64);
            let replicas = number("/spec/replicas").unwrap_or_default();
            let wanted = watched.wanted.unwrap_or_default().max(replicas);
            if !watched.is_ready(object) {
                unready.push(Unready {
                    object: named.clone(),
                    ready: number("/status/readyReplicas").unwrap_or_default(),
                    wanted,
                });
            }
        }
        unready
    }
}

impl Watched {
    /// Whether it has at least so many pods as are asked of it, all of them ready.
    fn is_ready(&self, object: &Value) -> bool {
        let replicas = object["spec"]["replicas"].as_i64().unwrap_or_default();
        let marked = || {
            object["metadata"]["labels"]
                .get(names::HELD_BY_LABEL)
                .is_some()
        };
        let is_asked = match self.wanted {
            Some(wanted) => replicas >= wanted,
            // Nothing but the mark says that it was changed.
            None => self.is_driven || marked(),
        };
        is_asked && matches!(Progress::of(object), Progress::Ready)
    }
}

/// The count that a change asks for; nothing where it is another field.
fn count(change: &Change) -> Option<i64> {
    let pointer = change.path.to_pointer();
    let is_count = [
        "/spec/replicas",
        "/spec/minReplicas",
        "/spec/minReplicaCount",
    ];
    let asked = is_count
        .contains(&pointer.as_str())
        .then_some(&change.after);
    asked?.value()?.as_i64()
}

fn workload(
    kinds: &[Arc<Kind>],
    get: impl Fn(&Key) -> Option<Arc<Value>>,
    change: &Change,
) -> Option<(String, Key)> {
    let target = &change.target;
    let kind = target.kind.as_str();
    let place = format!("{}/{}", target.namespace, target.name);
    if WORKLOADS.contains(&kind) {
        let found = rivals::find(kinds, &target.api_version, kind, &place)?;
        return Some((format!("{kind} {place}"), found.key));
    }
    if !OWNERS.contains(&kind) {
        return None;
    }
    let owner = rivals::find(kinds, &target.api_version, kind, &place)?;
    let owner = get(&owner.key)?;
    let of = &owner["spec"]["scaleTargetRef"];
    let api_version = of["apiVersion"].as_str().unwrap_or("apps/v1");
    let kind = of["kind"].as_str().unwrap_or("Deployment");
    let place = format!("{}/{}", target.namespace, of["name"].as_str()?);
    let found = rivals::find(kinds, api_version, kind, &place)?;
    Some((format!("{kind} {place}"), found.key))
}
