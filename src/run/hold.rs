//! Holding: watches the metadata of the kinds that a mode has changed, and tells its actor which
//! targets somebody touched. Nothing is read here but what moved.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use tokio::task::JoinSet;

use crate::cluster::watch::{self, Change, Meta};
use crate::cluster::{Clients, Collection};
use crate::engine::decide::Sight;
use crate::field::{Path, Projection, Uid, creation};
use crate::ledger::{Direction, State as EntryState};
use crate::step::{each, freeze};

use super::mode::{Mode, State};
use super::strangers::{self, CLUSTER_BINDING};
use super::task;

/// The collections of everything that a mode holds; namespaces, where it freezes some, or makes something
/// in each that it means; and bindings, where it takes people out of some.
pub fn collections(state: &State) -> Vec<Collection> {
    let held = state.ledger.live();
    let held = held.filter(|entry| entry.state != EntryState::Reverted);
    let mut in_each = false;
    let mut collections: Vec<Collection> = held
        .map(|entry| {
            let is_own = freeze::is_own(&entry.target);
            in_each |=
                is_own || (creation::is(&entry.target.uid) && each::is_name(&entry.target.name));
            watched(&state.narrow, Collection::of(&entry.target))
        })
        .collect();
    collections.extend(in_each.then(namespaces));
    let plan = state.plan_in_force();
    let plan = plan.filter(|_| state.ledger.direction == Direction::Wartime);
    let bindings = plan.map(|plan| strangers::bindings(plan, &state.narrow));
    collections.extend(bindings.into_iter().flatten());
    collections.sort();
    collections.dedup();
    collections
}

/// What is watched for a collection in a namespace: that of the whole cluster, unless the account may watch it
/// only namespace by namespace. What it may of one kind says nothing of another.
pub fn watched(narrow: &BTreeSet<Collection>, of: Collection) -> Collection {
    let whole = Collection {
        namespace: String::new(),
        ..of.clone()
    };
    if narrow.contains(&whole) { of } else { whole }
}

/// The namespaces of the cluster, watched where a mode freezes some, or makes something in each.
pub fn namespaces() -> Collection {
    Collection {
        api_version: "v1".to_owned(),
        kind: NAMESPACE.to_owned(),
        plural: "namespaces".to_owned(),
        namespace: String::new(),
    }
}

/// What is watched for what is new in it, and is never touched.
const NAMESPACE: &str = "Namespace";

/// Watches until it is dropped.
pub struct Watches {
    tasks: JoinSet<()>,
    /// What is watched.
    pub collections: Vec<Collection>,
}

impl Watches {
    /// Starts a watch a collection: as the account, and of freezes with the operator's own rights.
    pub fn start(
        mode: &Arc<Mode>,
        account: &Clients,
        own: &Clients,
        collections: Vec<Collection>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for collection in &collections {
            let clients = if is_freezes(collection) { own } else { account };
            let (mode, client, of) = (mode.clone(), clients.watches.clone(), collection.clone());
            let watch = move || follow(mode.clone(), client.clone(), of.clone());
            // Drift must not go unseen for good because the program failed once.
            tasks.spawn(task::own(task::anew("a watch on targets", watch)));
        }
        Self { tasks, collections }
    }

    /// Whether every watch still runs.
    pub fn are_alive(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len() == self.collections.len()
    }
}

/// Whether a collection is that of freezes, which are the operator's own.
fn is_freezes(of: &Collection) -> bool {
    freeze::is_kind(&of.api_version, &of.kind)
}

async fn follow(mode: Arc<Mode>, client: kube::Client, collection: Collection) {
    let mut changes = Box::pin(watch::metadata(client, &collection, ""));
    let mut present: Option<BTreeSet<Uid>> = None;
    while let Some(change) = changes.next().await {
        let mut state = mode.state.lock().await;
        let woken = match change {
            Change::Began => {
                present = Some(BTreeSet::new());
                false
            }
            Change::Is(meta) => {
                let meta = placed(&state, &collection, meta);
                if let Some(present) = &mut present {
                    present.insert(meta.uid.clone());
                }
                moved(&mut state, &collection, &meta)
            }
            Change::Whole => {
                let was_unwatched = state.unwatched.remove(&collection).is_some();
                let present = present.take().unwrap_or_default();
                let strangers = &mut state.known_strangers;
                strangers.keep(&collection, |uid| present.contains(uid));
                missing(&mut state, &collection, &present) || was_unwatched
            }
            Change::Left(meta) => {
                let meta = placed(&state, &collection, meta);
                state.known_strangers.forget(&collection, &meta.uid);
                touched(&mut state, &meta.uid)
            }
            Change::Interrupted(why) => {
                tracing::warn!(
                    mode = mode.id.name,
                    why,
                    "a watch on targets was interrupted"
                );
                interrupted(&mut state, &collection, &why)
            }
        };
        drop(state);
        if woken {
            mode.wake.notify_one();
        }
    }
}

/// An object at a place at which the mode makes one, by the place.
fn placed(state: &State, of: &Collection, mut meta: Meta) -> Meta {
    let place = creation::uid(&of.api_version, &of.kind, &meta.namespace, &meta.name);
    if state.ledger.has_changes_of(&place) {
        meta.uid = place;
    }
    meta
}

/// Whether what moved concerns us: a spec that changed, a label of ours that is gone, or anything
/// where the kind has no generation, or what is looked at is not counted by it.
fn moved(state: &mut State, of: &Collection, meta: &Meta) -> bool {
    let Some(sight) = state.sights.get(&meta.uid) else {
        return !state.ledger.has_changes_of(&meta.uid) && is_news(state, of, meta);
    };
    let differs = match sight {
        Sight::Gone | Sight::Unreadable => true,
        Sight::Present(seen) => {
            let spec = match (seen.generation, meta.generation) {
                (Some(before), Some(now)) if !looks_at_metadata(seen) => before != now,
                (Some(_) | None, _) => seen.resource_version != meta.resource_version,
            };
            spec || seen.held_by != meta.held_by || seen.deleting != meta.deleting
        }
    };
    differs && touched(state, &meta.uid)
}

/// Whether an object that is no target was not looked at yet, as it is. Only where it depends on what it says
/// whether it is selected its changes matter: a busy kind would be surveyed for ever.
fn is_news(state: &mut State, of: &Collection, meta: &Meta) -> bool {
    // Another mode's is no reason to look at anything: what is to be frozen are namespaces.
    if is_freezes(of) {
        return false;
    }
    let plan = state.plan_in_force();
    // A namespace is in itself.
    let place = if of.kind == NAMESPACE {
        &meta.name
    } else {
        &meta.namespace
    };
    let is_reached = place.is_empty() || plan.is_none_or(|plan| strangers::reaches(plan, place));
    if !is_reached {
        return false;
    }
    let matters = plan.is_some_and(|plan| strangers::selects_by_content(plan, of));
    let version = if matters {
        meta.resource_version.as_str()
    } else {
        ""
    };
    let news = state.known_strangers.is_news(of, &meta.uid, version);
    state.strangers |= news;
    news
}

/// Whether fields of its metadata are looked at, which no generation counts.
fn looks_at_metadata(seen: &Projection) -> bool {
    let metadata = Path::fields(["metadata"]);
    let mut paths = seen.seen.iter().map(|field| &field.path);
    paths.any(|path| path.starts_with(&metadata))
}

/// A watch of the whole cluster that is forbidden is tried namespace by namespace; one that fails
/// there leaves drift unseen, which is said.
fn interrupted(state: &mut State, collection: &Collection, why: &str) -> bool {
    if !why.to_ascii_lowercase().contains("forbidden") {
        return false;
    }
    // What is in no namespace cannot be watched one by one.
    let is_whole = [NAMESPACE, CLUSTER_BINDING].contains(&collection.kind.as_str());
    let is_wide = !is_whole && collection.namespace.is_empty();
    if is_wide && state.narrow.insert(collection.clone()) {
        return true;
    }
    let said = if collection.kind == NAMESPACE {
        format!("namespaces cannot be watched, so new ones go unseen: {why}")
    } else {
        format!("targets cannot be watched, so drift goes unseen: {why}")
    };
    state.unwatched.insert(collection.clone(), said).is_none()
}

fn touched(state: &mut State, uid: &Uid) -> bool {
    state.sights.contains_key(uid) && state.dirty.insert(uid.clone())
}

/// Targets of a collection that were not there when its watch began.
fn missing(state: &mut State, of: &Collection, present: &BTreeSet<Uid>) -> bool {
    let gone: Vec<Uid> = state
        .ledger
        .live()
        .filter(|entry| entry.target.api_version == of.api_version && entry.target.kind == of.kind)
        .filter(|entry| of.namespace.is_empty() || entry.target.namespace == of.namespace)
        .map(|entry| entry.target.uid.clone())
        .filter(|uid| !present.contains(uid))
        .collect();
    let mut woken = false;
    for uid in gone {
        woken |= touched(state, &uid);
    }
    woken
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Fake, reply};
    use crate::run::mode::sample;

    /// Values are held for days: a failure of the program must not leave drift unseen for the rest of them.
    #[tokio::test(start_paused = true)]
    async fn a_watch_at_which_the_program_fails_begins_anew() {
        let asked = AtomicUsize::new(0);
        let fake = Fake::new(move |one| {
            assert!(asked.fetch_add(1, Ordering::SeqCst) > 0, "on purpose");
            if one.path.contains("watch=true") {
                return None;
            }
            let object = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                "metadata": { "name": "web", "namespace": "portal", "uid": "u1", "resourceVersion": "4" } });
            let list = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": { "resourceVersion": "5" }, "items": [object] });
            reply(200, list)
        });
        let account = Clients::fake(&fake.client());
        let mode = Arc::new(sample("flood"));
        let deployments = Collection {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: String::new(),
        };
        let mut watches = Watches::start(&mode, &account, &account, vec![deployments]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!mode.state.lock().await.strangers, "nothing was seen");
        tokio::time::sleep(task::ANEW).await;
        assert!(mode.state.lock().await.strangers, "what is there is seen");
        assert!(watches.are_alive());
    }

    fn collection(kind: &str, plural: &str, namespace: &str) -> Collection {
        Collection {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// Where one kind may be watched in a namespace only, another one of which new objects are to be adopted
    /// everywhere must not be watched in a few namespaces for it, nor with a watch for each of hundreds.
    #[tokio::test]
    async fn what_may_not_be_watched_as_a_whole_narrows_nothing_else() {
        let mut state = sample("flood").state.into_inner();
        let whole = collection("ConfigMap", "configmaps", "");
        let why = "configmaps is forbidden";
        assert!(
            interrupted(&mut state, &whole, why),
            "it is tried otherwise"
        );
        assert!(state.unwatched.is_empty());
        let here = collection("ConfigMap", "configmaps", "portal");
        assert_eq!(watched(&state.narrow, here.clone()), here);
        let pods = collection("Pod", "pods", "portal");
        assert_eq!(watched(&state.narrow, pods).namespace, "");
        assert!(interrupted(&mut state, &here, why), "it is said");
        assert!(!interrupted(&mut state, &here, why), "once");
        assert_eq!(state.unwatched.keys().collect::<Vec<_>>(), [&here]);
    }

    /// Whoever reads that drift goes unseen goes and gives a right: another watch that begins must not hide
    /// that it is missing, and once it is there, that has to be said as well.
    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_forbidden_is_said_until_it_begins() {
        let given = Arc::new(AtomicUsize::new(0));
        let rights = given.clone();
        let fake = Fake::new(move |one| {
            let is_theirs = one.path.contains("/namespaces/portal/");
            if is_theirs && rights.load(Ordering::SeqCst) == 0 {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": "Forbidden", "code": 403, "message": "configmaps is forbidden" });
                return reply(403, status);
            }
            if one.path.contains("watch=true") {
                return None;
            }
            let list = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": { "resourceVersion": "5" }, "items": [] });
            reply(200, list)
        });
        let account = Clients::fake(&fake.client());
        let mode = Arc::new(sample("flood"));
        let theirs = collection("ConfigMap", "configmaps", "portal");
        let all = vec![theirs.clone(), collection("Pod", "pods", "")];
        let _watches = Watches::start(&mode, &account, &account, all);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let unwatched = mode.state.lock().await.unwatched.clone();
        assert_eq!(unwatched.keys().collect::<Vec<_>>(), [&theirs]);
        // The actor takes what it was woken for, and comes to rest.
        mode.wake.notified().await;
        given.store(1, Ordering::SeqCst);
        let woken = tokio::time::timeout(Duration::from_mins(2), mode.wake.notified()).await;
        assert!(woken.is_ok(), "the actor is told");
        assert!(mode.state.lock().await.unwatched.is_empty());
    }
}
