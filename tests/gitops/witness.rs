//! Every state of some objects, with the moment in which it was seen.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

/// All states that were seen.
type States = Arc<Mutex<Vec<(Instant, Value)>>>;

/// Somebody who watches.
pub struct Witness {
    states: States,
    _tasks: JoinSet<()>,
}

impl Witness {
    /// Watches these kinds (group, version, kind) in a namespace from now on.
    pub fn of(client: &Client, namespace: &str, kinds: &[(&str, &str, &str)]) -> Self {
        let states = States::default();
        let mut tasks = JoinSet::new();
        for (group, version, kind) in kinds {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api = Api::namespaced_with(client.clone(), namespace, &resource);
            tasks.spawn(follow(api, (*kind).to_owned(), states.clone()));
        }
        Self {
            states,
            _tasks: tasks,
        }
    }

    /// When a field of an object was brought to a value that it had not: by us, where nobody else wants it.
    pub fn writes(
        &self,
        kind: &str,
        name: &str,
        pointer: &str,
        value: Option<&Value>,
    ) -> Vec<Instant> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let of = states
            .iter()
            .filter(|(_, object)| object["kind"] == kind && object["metadata"]["name"] == name);
        let mut had = true;
        let mut writes = Vec::new();
        for (at, object) in of {
            let has = object.pointer(pointer) == value;
            if has && !had {
                writes.push(*at);
            }
            had = has;
        }
        writes
    }
}

/// The most of these moments that lie in one minute.
pub fn most_in_a_minute(moments: &[Instant]) -> usize {
    let from = |one: &Instant| {
        let end = *one + Duration::from_mins(1);
        moments
            .iter()
            .filter(|at| (*one..end).contains(*at))
            .count()
    };
    moments.iter().map(from).max().unwrap_or_default()
}

async fn follow(api: Api<DynamicObject>, kind: String, states: States) {
    let mut seen = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(next) = seen.next().await {
        let Ok(Event::InitApply(object) | Event::Apply(object)) = next else {
            continue;
        };
        let mut object = serde_json::to_value(&object).expect("an object is JSON");
        object["kind"] = kind.as_str().into();
        let mut states = states.lock().unwrap_or_else(PoisonError::into_inner);
        states.push((Instant::now(), object));
    }
}
