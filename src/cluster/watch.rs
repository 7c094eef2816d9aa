//! Watches of metadata: what moved, without the objects themselves. Who needs a field reads it.

use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::core::gvk::GroupVersionKind;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};

use super::request::Collection;
use crate::api::names;
use crate::field::{Progress, Uid};

/// Objects a page of the list with which a watch begins: as with our own lists.
const PAGE: u32 = 200;

/// What is known of an object without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its uid.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its resource version.
    pub resource_version: String,
    /// Its generation, for kinds that have one.
    pub generation: Option<i64>,
    /// The value of our label.
    pub held_by: Option<String>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The watch begins, or begins anew because it was behind: what is there follows as `Is`, and
    /// what does not follow until `Whole` is gone.
    Began,
    /// The object is there, and is new or changed.
    Is(Meta),
    /// Everything that was there at the beginning was told.
    Whole,
    /// The object is gone, or left the selector.
    Left(Meta),
    /// The watch is interrupted and tries again by itself; the sentence says why.
    Interrupted(String),
}

/// Watches the metadata of the objects of a collection, narrowed by labels (empty for all).
///
/// Guarantees: resumes where it was, begins anew (`Began`) when the server has forgotten where
/// that is, waits longer and longer between failures, and never ends.
///
/// Assumptions: `client` is a [`super::Clients::watches`].
pub fn metadata(
    client: Client,
    collection: &Collection,
    labels: &str,
) -> impl Stream<Item = Change> + Send + use<> {
    let resource = resource(collection);
    let api: Api<PartialObjectMeta<DynamicObject>> = if collection.namespace.is_empty() {
        Api::all_with(client, &resource)
    } else {
        Api::namespaced_with(client, &collection.namespace, &resource)
    };
    let mut config = watcher::Config::default().page_size(PAGE);
    if !labels.is_empty() {
        config = config.labels(labels);
    }
    watcher(api, config)
        .default_backoff()
        .map(|event| match event {
            Ok(Event::Init) => Change::Began,
            Ok(Event::InitApply(object) | Event::Apply(object)) => Change::Is(meta(object)),
            Ok(Event::InitDone) => Change::Whole,
            Ok(Event::Delete(object)) => Change::Left(meta(object)),
            Err(error) => Change::Interrupted(error.to_string()),
        })
}

/// What a watch of progress tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// So far the controllers are with an object of this generation.
    Is(Uid, i64, Progress),
    /// The object is gone, or left the selector.
    Left(Uid),
    /// The watch is interrupted and tries again by itself; the sentence says why.
    Interrupted(String),
}

/// Watches how far the controllers are with the objects of a collection, narrowed by labels: one
/// list and one request that stays, however many objects there are. They are read as a whole, since
/// no watch brings their status alone, and dropped.
///
/// Guarantees and assumptions: as with [`metadata`].
pub fn progress(
    client: Client,
    collection: &Collection,
    labels: &str,
) -> impl Stream<Item = Report> + Send + use<> {
    let resource = resource(collection);
    let api: Api<DynamicObject> = if collection.namespace.is_empty() {
        Api::all_with(client, &resource)
    } else {
        Api::namespaced_with(client, &collection.namespace, &resource)
    };
    let config = watcher::Config::default().page_size(PAGE).labels(labels);
    let events = watcher(api, config).default_backoff();
    events.filter_map(|event| std::future::ready(report(event)))
}

fn report(event: Result<Event<DynamicObject>, watcher::Error>) -> Option<Report> {
    match event {
        Ok(Event::Init | Event::InitDone) => None,
        Ok(Event::InitApply(object) | Event::Apply(object)) => {
            let generation = object.metadata.generation;
            let progress = Progress::judge(generation, &object.data);
            let uid = object.metadata.uid?.into();
            Some(Report::Is(uid, generation.unwrap_or_default(), progress))
        }
        Ok(Event::Delete(object)) => Some(Report::Left(object.metadata.uid?.into())),
        Err(error) => Some(Report::Interrupted(error.to_string())),
    }
}

/// The longest silence after which a watch is taken for broken and begun again by the library:
/// the server ends each after 290 s.
pub const SILENCE: Duration = Duration::from_secs(295);

fn resource(collection: &Collection) -> ApiResource {
    let (group, version) = collection
        .api_version
        .split_once('/')
        .unwrap_or(("", &collection.api_version));
    let kind = GroupVersionKind::gvk(group, version, &collection.kind);
    ApiResource::from_gvk_with_plural(&kind, &collection.plural)
}

fn meta(object: PartialObjectMeta<DynamicObject>) -> Meta {
    let metadata = object.metadata;
    Meta {
        uid: metadata.uid.unwrap_or_default().into(),
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        resource_version: metadata.resource_version.unwrap_or_default(),
        generation: metadata.generation,
        held_by: metadata
            .labels
            .and_then(|mut labels| labels.remove(names::HELD_BY_LABEL)),
        deleting: metadata.deletion_timestamp.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Clients;
    use crate::cluster::fake::{Fake, reply, respond};
    use serde_json::{Value, json};

    fn object(name: &str, version: &str) -> Value {
        json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {
                "name": name, "namespace": "portal", "uid": format!("uid-{name}"),
                "resourceVersion": version, "generation": 2,
                "labels": {"pingzhan.dev/held-by": "flood"}
            }
        })
    }

    /// The order of release rests on this: how far the controllers are with what carries the label,
    /// told by one list and one watch.
    #[tokio::test]
    async fn a_watch_of_progress_tells_how_far_the_controllers_are() {
        let workload = |generation: i64, observed: i64| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "a", "namespace": "portal", "uid": "uid-a",
                    "resourceVersion": observed.to_string(), "generation": generation },
                "spec": { "replicas": 3 },
                "status": { "observedGeneration": observed, "readyReplicas": 1, "updatedReplicas": 3 },
            })
        };
        let fake = Fake::new(move |asked| {
            if asked.path.contains("watch=true") {
                let is = json!({"type": "MODIFIED", "object": workload(2, 2)});
                let left = json!({"type": "DELETED", "object": workload(2, 2)});
                return respond(200, &[], &format!("{is}\n{left}\n"));
            }
            reply(
                200,
                json!({ "apiVersion": "apps/v1", "kind": "DeploymentList",
                    "metadata": {"resourceVersion": "5"}, "items": [workload(2, 1)] }),
            )
        });
        let clients = Clients::fake(&fake.client());
        let collection = Collection {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: String::new(),
        };
        let stream = progress(clients.watches, &collection, "pingzhan.dev/held-by=flood");
        let told: Vec<Report> = stream.take(3).collect().await;
        assert_eq!(
            told,
            [
                Report::Is("uid-a".into(), 2, Progress::Unobserved),
                Report::Is("uid-a".into(), 2, Progress::Unready),
                Report::Left("uid-a".into()),
            ]
        );
        let asked = fake.addresses();
        assert!(
            asked
                .iter()
                .take(2)
                .all(|path| path.contains("held-by%3Dflood")),
            "{asked:?}"
        );
    }

    /// Holding rests on this: what is there, then what moves, and only metadata travels.
    #[tokio::test]
    async fn a_watch_tells_what_is_there_and_then_what_moves() {
        let fake = Fake::new(|asked| {
            if asked.path.contains("watch=true") {
                let left = json!({"type": "DELETED", "object": object("a", "6")});
                return respond(200, &[], &format!("{left}\n"));
            }
            reply(
                200,
                json!({
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                    "metadata": {"resourceVersion": "5"}, "items": [object("a", "4")]
                }),
            )
        });
        let clients = Clients::fake(&fake.client());
        let collection = Collection {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: "portal".to_owned(),
        };
        let stream = metadata(clients.watches, &collection, "pingzhan.dev/held-by");
        let told: Vec<Change> = stream.take(4).collect().await;
        let is = |version: &str| Meta {
            uid: "uid-a".into(),
            namespace: "portal".to_owned(),
            name: "a".to_owned(),
            resource_version: version.to_owned(),
            generation: Some(2),
            held_by: Some("flood".to_owned()),
            deleting: false,
        };
        assert_eq!(
            told,
            [
                Change::Began,
                Change::Is(is("4")),
                Change::Whole,
                Change::Left(is("6"))
            ]
        );
        let asked = fake.requests();
        assert!(
            asked[0]
                .header("accept")
                .expect("a header")
                .contains("PartialObjectMetadata")
        );
        assert!(
            asked[1].path.contains("resourceVersion=5"),
            "{}",
            asked[1].path
        );
    }
}
