//! Everything that happened: each state of each object, in the order in which the API server
//! stored it.
//!
//! The order is that of resource versions, which count up over all kinds of one etcd. So it can be
//! said of a write whether its record was stored before it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, DynamicObject, ListParams, TypeMeta};
use kube::core::ApiResource;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event as Seen, watcher};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long the watches may lag behind what the API server has stored; a second, on a busy machine
/// more.
const LAG: Duration = Duration::from_secs(30);

/// One state of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it was stored: greater is later.
    pub version: u64,
    /// Its kind.
    pub kind: String,
    /// Its uid.
    pub uid: String,
    /// The whole object.
    pub object: Value,
    /// Whether this is the last one, when it was removed.
    pub removed: bool,
}

impl Event {
    /// The object's name.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// All states of all watched objects.
pub struct History {
    events: Arc<Mutex<Vec<Event>>>,
    news: Arc<Notify>,
    watched: Vec<Api<DynamicObject>>,
    _tasks: JoinSet<()>,
}

impl History {
    /// Watches these collections from now on.
    pub fn of(watched: Vec<(Api<DynamicObject>, ApiResource)>) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let news = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        for (api, resource) in &watched {
            tasks.spawn(follow(
                api.clone(),
                resource.clone(),
                events.clone(),
                news.clone(),
            ));
        }
        Self {
            events,
            news,
            watched: watched.into_iter().map(|(api, _)| api).collect(),
            _tasks: tasks,
        }
    }

    /// Everything up to now, in order, once the watches have caught up.
    pub async fn events(&self) -> Vec<Event> {
        let caught_up = async {
            while self.is_behind().await {
                let _ =
                    tokio::time::timeout(Duration::from_millis(100), self.news.notified()).await;
            }
        };
        let in_time = tokio::time::timeout(LAG, caught_up).await;
        in_time.expect("the watches follow what is stored");
        self.so_far()
    }

    /// Waits this long for anything to happen, and returns what did.
    pub async fn quiet(&self, how_long: Duration) -> Vec<Event> {
        self.events().await;
        let before = self.count();
        let forever = async {
            while self.count() == before {
                self.news.notified().await;
            }
        };
        let _ = tokio::time::timeout(how_long, forever).await;
        // In order of arrival: what came later stands later.
        self.lock()[before..].to_vec()
    }

    fn so_far(&self) -> Vec<Event> {
        let mut events = self.lock().clone();
        events.sort_by_key(|event| event.version);
        events.dedup_by(|a, b| a.version == b.version && a.uid == b.uid && a.removed == b.removed);
        events
    }

    async fn is_behind(&self) -> bool {
        let known: BTreeSet<(String, u64)> = self
            .lock()
            .iter()
            .map(|event| (event.uid.clone(), event.version))
            .collect();
        for api in &self.watched {
            let listed = api.list(&ListParams::default()).await;
            let listed = listed.expect("what is watched can be listed");
            for object in listed {
                let metadata = &object.metadata;
                let version = version(metadata.resource_version.as_deref());
                if !known.contains(&(metadata.uid.clone().unwrap_or_default(), version)) {
                    return true;
                }
            }
        }
        false
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

async fn follow(
    api: Api<DynamicObject>,
    resource: ApiResource,
    events: Arc<Mutex<Vec<Event>>>,
    news: Arc<Notify>,
) {
    // A watch that fails at once, again and again, must wait: else it never gives its thread back,
    // and the runtime of the test never ends.
    let mut seen = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(next) = seen.next().await {
        let (mut object, removed) = match next {
            Ok(Seen::InitApply(object) | Seen::Apply(object)) => (object, false),
            Ok(Seen::Delete(object)) => (object, true),
            Ok(Seen::Init | Seen::InitDone) | Err(_) => continue,
        };
        // Lists leave out what every item is.
        object.types.get_or_insert_with(|| TypeMeta {
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
        });
        let event = Event {
            version: version(object.metadata.resource_version.as_deref()),
            kind: resource.kind.clone(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            object: serde_json::to_value(&object).expect("an object is JSON"),
            removed,
        };
        events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
        news.notify_waiters();
        news.notify_one();
    }
}

/// At the end of a test the client's own task may be gone before the watch: from then on every request
/// fails at once. Without a wait between them the test would never end, and with it the run.
#[tokio::test(start_paused = true)]
async fn a_watch_whose_requests_fail_at_once_gives_its_thread_back() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let dead = tower::service_fn(move |_: http::Request<kube::client::Body>| {
        let many = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            if many >= 1000 {
                std::future::pending::<()>().await;
            }
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("gone"))
        }
    });
    let client = kube::Client::new(dead, "default");
    let resource = super::world::resource("ConfigMap");
    let history = History::of(vec![(Api::all_with(client, &resource), resource)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(history.so_far().is_empty());
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..10).contains(&asked), "{asked} requests in a second");
}
