//! All playbooks, as the API server has them. One that cannot be read keeps no other from being known.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::watch;

use crate::api::Playbook;
use crate::cluster::Clients;
use crate::run::crew::Playbooks;

/// Playbooks by name; of one that cannot be read, why.
type All = BTreeMap<String, Result<Arc<Playbook>, String>>;

/// Follows all playbooks until it is dropped. `listed` is told once those that were there at first are
/// known.
///
/// Guarantees: while they are listed anew, since the watch was behind, all that were known stay known: no
/// mode is told that its playbook is missing because nobody has looked yet.
pub(in crate::run) async fn follow(
    own: Clients,
    out: watch::Sender<Playbooks>,
    listed: watch::Sender<bool>,
) {
    let api: Api<DeserializeGuard<Playbook>> = Api::all(own.watches.clone());
    let mut events = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
    let mut all = All::new();
    let mut fresh = All::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => {
                fresh.clear();
                continue;
            }
            Ok(Event::InitApply(guard)) => {
                keep(&mut fresh, guard);
                continue;
            }
            Ok(Event::InitDone) => all = std::mem::take(&mut fresh),
            Ok(Event::Apply(guard)) => {
                if !keep(&mut all, guard) {
                    continue;
                }
            }
            Ok(Event::Delete(guard)) => {
                all.remove(&guard.name_any());
            }
            Err(error) => {
                tracing::warn!(%error, "the watch on playbooks was interrupted");
                continue;
            }
        }
        // Whatever is told comes after a whole list.
        out.send_replace(Arc::new(all.clone()));
        listed.send_replace(true);
    }
}

/// Keeps what was seen of a playbook. Whether it concerns anybody.
fn keep(all: &mut All, guard: DeserializeGuard<Playbook>) -> bool {
    match guard.0 {
        Ok(playbook) => {
            let name = playbook.name_any();
            let known = all.get(&name).and_then(|known| known.as_ref().ok());
            // What is said of its readiness concerns no mode.
            let same = known.is_some_and(|known| is_same(known, &playbook));
            all.insert(name, Ok(Arc::new(playbook)));
            !same
        }
        Err(error) => {
            let name = error.metadata.name.unwrap_or_default();
            tracing::error!(
                playbook = name,
                error = error.error,
                "a playbook cannot be read"
            );
            // Modes that name it say so; all others go on.
            all.insert(name, Err(error.error));
            true
        }
    }
}

/// Whether two looks at a playbook saw the same but for its status.
fn is_same(one: &Playbook, other: &Playbook) -> bool {
    one.uid() == other.uid()
        && one.spec == other.spec
        && one.metadata.generation == other.metadata.generation
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fake::{Asked, Fake, Reply, reply, respond};

    fn playbook(name: &str, generation: i64, titled: bool) -> Value {
        let mut spec = json!({ "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x",
            "serviceAccountName": name,
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
            "stages": [] });
        if !titled {
            spec["title"] = json!(7);
        }
        json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook",
            "metadata": { "name": name, "uid": format!("uid-{name}"), "generation": generation,
                "resourceVersion": generation.to_string() },
            "spec": spec })
    }

    fn list(items: &[Value]) -> Reply {
        let list = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "PlaybookList",
            "metadata": { "resourceVersion": "5" }, "items": items });
        reply(200, list)
    }

    fn event(kind: &str, object: &Value) -> Reply {
        let event = json!({ "type": kind, "object": object });
        respond(200, &[], &format!("{event}\n"))
    }

    /// What is known of each at a time: its generation, or that it cannot be read.
    type Seen = Vec<(String, Option<i64>)>;

    /// Follows what a server says for ten minutes: everything that was told, and in between nothing twice.
    async fn told(server: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Vec<Seen> {
        let own = Clients::fake(&Fake::new(server).client());
        let (out, mut playbooks) = watch::channel(Playbooks::default());
        let (listed_in, mut listed) = watch::channel(false);
        let told: Mutex<Vec<Seen>> = Mutex::default();
        let hear = async {
            let _ = listed.wait_for(|whole| *whole).await;
            loop {
                let all = playbooks.borrow_and_update().clone();
                let generation = |known: &Result<Arc<Playbook>, String>| {
                    let known = known.as_ref().ok();
                    known.and_then(|book| book.metadata.generation)
                };
                let seen = all
                    .iter()
                    .map(|(name, one)| (name.clone(), generation(one)));
                told.lock().expect("no panic").push(seen.collect());
                if playbooks.changed().await.is_err() {
                    return;
                }
            }
        };
        let both = futures::future::join(follow(own, out, listed_in), hear);
        let over = tokio::time::timeout(Duration::from_mins(10), both).await;
        assert!(over.is_err(), "it follows for ever");
        told.into_inner().expect("no panic")
    }

    fn seen(all: &[(&str, Option<i64>)]) -> Seen {
        let all = all.iter().map(|(name, one)| ((*name).to_owned(), *one));
        all.collect()
    }

    /// A kind may be changed under an object that was stored before: whoever mends the object must not have
    /// to start the operator anew as well.
    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_read_keeps_no_other_from_being_known_and_is_taken_once_mended() {
        let watches = AtomicUsize::new(0);
        let told = told(move |asked| {
            let both = [playbook("flood", 1, true), playbook("heat", 1, false)];
            if !asked.path.contains("watch=true") {
                return list(&both);
            }
            match watches.fetch_add(1, Ordering::SeqCst) {
                0 => event("MODIFIED", &playbook("heat", 2, true)),
                1 => event("MODIFIED", &playbook("flood", 2, false)),
                2 => event("ADDED", &playbook("typhoon", 1, true)),
                3 => event("DELETED", &playbook("flood", 3, false)),
                _ => None,
            }
        })
        .await;
        let expected = [
            seen(&[("flood", Some(1)), ("heat", None)]),
            seen(&[("flood", Some(1)), ("heat", Some(2))]),
            seen(&[("flood", None), ("heat", Some(2))]),
            seen(&[("flood", None), ("heat", Some(2)), ("typhoon", Some(1))]),
            seen(&[("heat", Some(2)), ("typhoon", Some(1))]),
        ];
        assert_eq!(told, expected);
    }

    /// A server forgets where a watch was, and all is listed anew. A mode that waits for its approvals must
    /// not be told meanwhile that its playbook is gone, nor one that declares then.
    #[tokio::test(start_paused = true)]
    async fn what_is_known_stays_known_while_all_is_listed_anew() {
        let (lists, watches) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let told = told(move |asked| {
            if asked.path.contains("watch=true") {
                let gone = json!({ "kind": "Status", "status": "Failure", "code": 410,
                    "reason": "Expired", "message": "too old resource version", "metadata": {} });
                return match watches.fetch_add(1, Ordering::SeqCst) {
                    0 => event("ERROR", &gone),
                    _ => None,
                };
            }
            let flood = playbook("flood", 1, true);
            match lists.fetch_add(1, Ordering::SeqCst) {
                0 => list(&[flood, playbook("heat", 1, true)]),
                1 => reply(
                    503,
                    json!({ "kind": "Status", "code": 503, "message": "wait" }),
                ),
                _ => list(&[flood]),
            }
        })
        .await;
        let expected = [
            seen(&[("flood", Some(1)), ("heat", Some(1))]),
            seen(&[("flood", Some(1))]),
        ];
        assert_eq!(told, expected);
    }
}
