//! Stand-ins for the cluster's own controllers, so that what a switch asks for also happens on the
//! sand table: workloads become ready, autoscalers keep their bounds, namespaces end, and nodes run
//! out of room.
//!
//! [`Standins::step`] does what is due and says when to look again. It is deterministic and knows no
//! clock: simulations drive it in paused time, either by hand or through [`drive`]:
//!
//! ```no_run
//! use pingzhan::sandtable::service::Service;
//! use pingzhan::sandtable::standins::{self, Settings, Standins};
//!
//! # fn begin(service: Service) {
//! // `service` is a `Service` over a `Server`; its clock goes with tokio's time.
//! tokio::spawn(standins::drive(service, Standins::new(Settings::default())));
//! # }
//! ```
//!
//! # What they do
//! | Stand-in | Does | Does not |
//! |---|---|---|
//! | Deployment | observes, rolls out within `maxSurge` and `maxUnavailable`, `Recreate`, `paused`, the deadline of progress, `minReadySeconds`, the revision | make `ReplicaSets`; scale in proportion while a paused one has pods of two templates |
//! | StatefulSet | in order or `Parallel`, rolling update from the last, `partition`, `OnDelete` | volumes, `maxUnavailable`, `ordinals.start` |
//! | `ReplicaSet` | keeps its count | adopt |
//! | `DaemonSet` | one pod a node that suits, rolling update | `maxSurge` |
//! | autoscaler | into its bounds through /scale, every 15 s | metrics: inside the bounds it changes nothing |
//! | namespace | removes the content, then itself, after 5 s | |
//! | room | first node with room for the pod's requests, in the order in which workloads changed | schedule: it knows of amounts, node selectors and nodes that take nothing new, and of nothing else; where there are no nodes, everything has room |
//!
//! Pods are not objects here: nobody sees them but in the status of their workload, and they end at
//! once. How long a pod takes to be ready is said by the label [`READY_AFTER`] of its workload
//! (`30s`, `1m30s`, `never`), otherwise by [`Settings::ready_after`]. What is owned by an object that
//! is removed is not removed with it.
//!
//! What they write goes through the server's own path of writes: as the status, by the manager
//! `kube-controller-manager`, under the policies that are in force. A test plays one story on the real
//! control plane with stock controllers and here, and compares what is said in the end.

mod autoscaler;
mod controller;
mod deployment;
mod hand;
mod line;
mod namespace;
mod pods;
mod rooms;
mod sets;
mod settings;
mod statefulset;
mod workload;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::server::Server;
use super::service::Service;
use super::store::{Change, Event, Key};

use controller::{ATTENDED, Controller, Workload};
use line::{Line, Moments};
use pods::{Ground, later};
use rooms::{Needs, News, Rooms};
use workload::{Memory, Outcome, REVISION};

pub use settings::Settings;
pub use workload::READY_AFTER;

/// The stand-ins of one server.
#[derive(Clone, Debug)]
pub struct Standins {
    settings: Settings,
    /// How long pods of some workloads take to be ready, by `Kind namespace/name`.
    delays: BTreeMap<String, Duration>,
    /// Up to this revision everything was seen.
    seen: Option<u64>,
    lines: BTreeMap<Controller, Line>,
    moments: Moments,
    workloads: BTreeMap<Key, Memory>,
    /// Whose pods wait for room, in the order in which they began to.
    waiting: Vec<Key>,
    rooms: Rooms,
}

const DAEMONS: Controller = Controller::Workload(Workload::DaemonSet);
const NODES: &str = "nodes";

/// Where a node is.
fn node(name: &str) -> Key {
    Key {
        plural: NODES.to_owned(),
        name: name.to_owned(),
        ..Key::default()
    }
}

/// How long is waited after a write was refused by a policy.
const REFUSED: Duration = Duration::from_secs(10);

impl Standins {
    /// Stand-ins that have seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            delays: BTreeMap::new(),
            seen: None,
            lines: BTreeMap::new(),
            moments: Moments::default(),
            workloads: BTreeMap::new(),
            waiting: Vec::new(),
            rooms: Rooms::default(),
        }
    }

    /// The same, where it is known how long pods of some workloads take to be ready: by
    /// `Kind namespace/name`. A label still says otherwise.
    #[must_use]
    pub fn with_delays(mut self, delays: BTreeMap<String, Duration>) -> Self {
        self.delays = delays;
        self
    }

    /// The same, where pods are on nodes that no workload here has: their nodes, and the pods. What they
    /// ask for is held as long as the node is there.
    #[must_use]
    pub fn with_guests<'a>(mut self, guests: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        for (node, pod) in guests {
            self.rooms.host(node, &Needs::of(pod));
        }
        self
    }

    /// Does what is due by now, and says when something will be due again, if nothing happens before
    /// that. To be called whenever something happened.
    ///
    /// Guarantees: the same objects and the same moments give the same writes. What is due is done in
    /// the order in which it came up.
    pub fn step(&mut self, server: &mut Server, now: Timestamp) -> Option<Timestamp> {
        loop {
            self.look(server, now);
            while let Some(key) = self.moments.pop(now) {
                self.push(&key, now);
            }
            let next = self.lines.values_mut().find_map(|line| line.pop(now));
            let Some(key) = next else { break };
            self.attend(server, &key, now);
        }
        let lines = self.lines.values().filter_map(Line::next);
        lines.chain(self.moments.next()).min()
    }

    /// Takes in what happened since it last looked.
    fn look(&mut self, server: &Server, now: Timestamp) {
        let store = &server.store;
        let seen = self.seen.replace(store.revision());
        match seen.filter(|seen| *seen >= store.compacted()) {
            Some(seen) => {
                for event in store.since(seen) {
                    self.notice(event, now);
                }
            }
            None => self.look_at_all(server, now),
        }
        let concerned: Vec<Key> = match self.rooms.news() {
            News::Nothing => return,
            News::Freed => self.waiting.clone(),
            News::Nodes => {
                let lost = self.workloads.iter().filter(|(key, memory)| {
                    let is_daemon = Controller::of(key) == Some(DAEMONS);
                    is_daemon || memory.pods.is_lost(&self.rooms)
                });
                let lost = lost.map(|(key, _)| key.clone());
                self.waiting.iter().cloned().chain(lost).collect()
            }
        };
        for key in concerned {
            self.push(&key, now);
        }
    }

    /// Looks at everything: at the beginning, and where too much happened to be told one by one.
    fn look_at_all(&mut self, server: &Server, now: Timestamp) {
        let store = &server.store;
        let gone: Vec<Key> = self
            .workloads
            .keys()
            .filter(|key| store.get(key).is_none())
            .cloned()
            .collect();
        for key in gone {
            self.forget(&key);
        }
        for name in self.rooms.names() {
            if store.get(&node(&name)).is_none() {
                self.rooms.remove(&name);
            }
        }
        for (key, object) in store.list("", NODES, "", None) {
            self.rooms.put(&key.name, object);
        }
        for (group, plural, _) in ATTENDED {
            for (key, object) in store.list(group, plural, "", None) {
                self.changed(key, object, now);
            }
        }
    }

    fn notice(&mut self, event: &Event, now: Timestamp) {
        let key = &event.key;
        if key.group.is_empty() && key.plural == NODES {
            match event.change {
                Change::Added | Change::Modified => self.rooms.put(&key.name, &event.object),
                Change::Deleted => self.rooms.remove(&key.name),
            }
            return;
        }
        if event.change == Change::Deleted {
            self.forget(key);
            self.moments.set(key, None);
            return;
        }
        if Controller::of(key).is_none() {
            return;
        }
        // What changes in the status is no work: it is what they write themselves.
        let is_same = |before: &Value| {
            let (old, new) = (&before["metadata"], &event.object["metadata"]);
            let mut members = ["uid", "generation", "deletionTimestamp", "labels"].iter();
            members.all(|member| old[*member] == new[*member])
                && before["spec"] == event.object["spec"]
        };
        if !event.before.as_deref().is_some_and(is_same) {
            self.changed(key, &event.object, now);
        }
    }

    /// An object is new, or is asked for otherwise than before.
    fn changed(&mut self, key: &Key, object: &Value, now: Timestamp) {
        let Some(controller) = Controller::of(key) else {
            return;
        };
        match controller {
            Controller::Workload(_) => self.push(key, now),
            Controller::Autoscaler => {
                if !self.moments.has(key) {
                    let at = later(now, self.settings.autoscaler_period);
                    self.moments.set(key, Some(at));
                }
            }
            Controller::Namespace => {
                let is_ending = !object["metadata"]["deletionTimestamp"].is_null();
                self.moments
                    .set(key, is_ending.then(|| later(now, namespace::GRACE)));
            }
        }
    }

    fn push(&mut self, key: &Key, now: Timestamp) {
        if let Some(controller) = Controller::of(key) {
            let line = self.lines.entry(controller);
            let line = line.or_insert_with(|| Line::new(controller.pace(&self.settings)));
            line.push(key, now);
        }
    }

    /// A workload is gone, with its pods.
    fn forget(&mut self, key: &Key) {
        if let Some(mut memory) = self.workloads.remove(key) {
            memory.pods.end_all(&mut self.rooms);
            self.waiting.retain(|waiting| waiting != key);
        }
    }

    fn attend(&mut self, server: &mut Server, key: &Key, now: Timestamp) {
        let Some(controller) = Controller::of(key) else {
            return;
        };
        let Some(object) = server.store.get(key).cloned() else {
            return;
        };
        let again = match controller {
            Controller::Workload(workload) => {
                let outcome = self.work(workload, key, &object, now);
                let annotation = outcome.revision.map(|revision| (REVISION, revision));
                let again = outcome.again;
                let status = outcome.status;
                let told = hand::write_status(server, controller, key, status, annotation, now);
                let refused = told.is_err().then(|| later(now, REFUSED));
                again.into_iter().chain(refused).min()
            }
            Controller::Autoscaler => {
                let status = autoscaler::attend(server, &object, now);
                // A refused write is tried again in the next period, as everything is.
                let _ = hand::write_status(server, controller, key, status, None, now);
                Some(later(now, self.settings.autoscaler_period))
            }
            Controller::Namespace => {
                let is_left = namespace::attend(server, key, now);
                is_left.then(|| later(now, namespace::GRACE))
            }
        };
        self.moments.set(key, again);
    }

    /// How long a pod takes to be ready where no label says it.
    fn ready_after(&self, key: &Key, object: &Value) -> Duration {
        if self.delays.is_empty() {
            return self.settings.ready_after;
        }
        let kind = object["kind"].as_str().unwrap_or_default();
        let named = format!("{kind} {}/{}", key.namespace, key.name);
        let known = self.delays.get(&named).copied();
        known.unwrap_or(self.settings.ready_after)
    }

    /// What becomes of the pods of a workload, and what is said of it.
    fn work(&mut self, workload: Workload, key: &Key, object: &Value, now: Timestamp) -> Outcome {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if self
            .workloads
            .get(key)
            .is_some_and(|known| known.uid != uid)
        {
            self.forget(key);
        }
        let ready_after = self.ready_after(key, object);
        let mut ground = Ground {
            rooms: &mut self.rooms,
            now,
            readiness: workload::readiness(object, ready_after),
        };
        let memory = self.workloads.entry(key.clone());
        let memory = memory.or_insert_with(|| Memory::begin(object, &mut ground));
        let outcome = match workload {
            Workload::Deployment => deployment::attend(object, memory, &mut ground),
            Workload::StatefulSet => statefulset::attend(object, memory, &mut ground),
            Workload::DaemonSet => sets::attend_daemons(object, memory, &mut ground),
            Workload::ReplicaSet => sets::attend_replicas(object, memory, &mut ground),
        };
        let is_known = self.waiting.contains(key);
        match (memory.pods.is_waiting(), is_known) {
            (true, false) => self.waiting.push(key.clone()),
            (false, true) => self.waiting.retain(|waiting| waiting != key),
            (true, true) | (false, false) => {}
        }
        outcome
    }
}

/// Lets stand-ins work on a server, in its own time, for as long as this is polled.
pub async fn drive(service: Service, mut standins: Standins) {
    loop {
        // Its own writes wake it too: it is done once there is nothing left to write.
        let change = service.change();
        let wait = service.act(|server, now| {
            let next = standins.step(server, now);
            next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default())
        });
        let rest = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = change => {}
            () = rest => {}
        }
    }
}

#[cfg(test)]
mod tests;
