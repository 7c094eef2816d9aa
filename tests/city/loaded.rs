//! API servers take the city as it is: the sand table, and a real one, of this test's own, since the city's
//! namespaces are those of a whole cluster.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use pingzhan::api::names;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use serde_json::{Value, json};

use crate::fleet::grown::grown;
use crate::fleet::{self, City, load};
use crate::support::{self, xtask};

/// The kinds of which modes make objects: for cuts, for grants and for freezes.
const MADE: [(&str, &str); 3] = [
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("pingzhan.dev/v1alpha1", "ChangeFreeze"),
];
/// Chains that are written at the same time.
const IN_FLIGHT: usize = 8;

/// An empty sand table, whose clock stands still.
pub fn sand() -> Client {
    let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
    let server = Server::new(schema::builtin(), 1, begin);
    Service::new(server, move || begin).client()
}

/// A real control plane of the city's own, which ends with this.
struct Plane {
    client: Client,
    name: String,
}

impl Plane {
    async fn new() -> Self {
        let own = std::process::id().to_string();
        let name = format!("city-{own}");
        let up = [
            "cluster",
            "up",
            "--name",
            &name,
            "--no-fsync",
            "--owner",
            &own,
        ];
        let kubeconfig = xtask(&up);
        let client = support::client(kubeconfig.trim().as_ref()).await;
        Self { client, name }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // After a failure it ends with this process: a second failure would hide the first.
        if std::thread::panicking() {
            return;
        }
        xtask(&["cluster", "down", "--name", &self.name]);
    }
}

/// Loads a city with its kinds.
pub async fn found(client: &Client, city: &City) {
    load::kinds(client).await.expect("its kinds are served");
    let loaded = load::city(client, city, IN_FLIGHT, |_| {}).await;
    loaded.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
}

/// Every object of a kind.
async fn all(client: &Client, api_version: &str, kind: &str) -> Vec<Value> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let listed = api.list(&ListParams::default()).await.expect("a list");
    let json = |object| serde_json::to_value(object).expect("an object is JSON");
    listed.into_iter().map(json).collect()
}

/// Kind, namespace and name.
pub type Place = (String, String, String);

fn text(object: &Value, at: &str) -> String {
    let found = object.pointer(at).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn place(kind: &str, object: &Value) -> Place {
    (
        kind.to_owned(),
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

/// The places of everything of the city, with who writes there.
fn written(city: &City) -> BTreeMap<Place, Vec<&'static str>> {
    let mut written: BTreeMap<Place, Vec<&str>> = BTreeMap::new();
    for deed in city.deeds() {
        let place = place(&text(&deed.object, "/kind"), &deed.object);
        written.entry(place).or_default().push(deed.manager);
    }
    written
}

/// Everything of the city that is there, whole, by kind, namespace and name.
pub async fn whole(client: &Client, city: &City) -> BTreeMap<Place, Value> {
    let kinds: BTreeSet<(String, String)> = city
        .deeds()
        .iter()
        .map(|deed| {
            let api_version = text(&deed.object, "/apiVersion");
            (api_version, text(&deed.object, "/kind"))
        })
        .collect();
    let wanted = written(city);
    let mut found = BTreeMap::new();
    for (api_version, kind) in &kinds {
        let all = all(client, api_version, kind).await.into_iter();
        let placed = all.map(|object| (place(kind, &object), object));
        // The rest is the server's own, such as the namespace `default`.
        found.extend(placed.filter(|(place, _)| wanted.contains_key(place)));
    }
    assert_eq!(found.len(), wanted.len(), "not all of the city is there");
    found
}

/// What modes made and is there.
pub async fn made(client: &Client) -> BTreeSet<Place> {
    let mut made = BTreeSet::new();
    for (api_version, kind) in MADE {
        let all = all(client, api_version, kind).await.into_iter();
        let ours = all.filter(|object| {
            let labels = &object["metadata"]["labels"];
            labels.get(names::MADE_FOR_LABEL).is_some()
        });
        made.extend(ours.map(|object| place(kind, &object)));
    }
    made
}

/// Who owns what of the city: all who write there, at least.
async fn owned(client: &Client, city: &City) -> BTreeMap<Place, BTreeSet<String>> {
    let mut owned = BTreeMap::new();
    let writers = written(city);
    for (place, object) in whole(client, city).await {
        let entries = object.pointer("/metadata/managedFields");
        let entries = entries.and_then(Value::as_array).into_iter().flatten();
        // In no order: entries of one second are sorted by their names, others by their times.
        let names: BTreeSet<String> = entries.map(|entry| text(entry, "/manager")).collect();
        let all = writers[&place]
            .iter()
            .all(|one| names.iter().any(|name| name == one));
        assert!(all, "{place:?} is owned by {names:?}");
        owned.insert(place, names);
    }
    owned
}

/// What a real server takes and the sand table refuses, or the other way round, could not be rehearsed; and
/// whose a field is must be the same on both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_city_is_loaded_as_it_is_by_the_sand_table_and_by_a_real_server() {
    let city = fleet::yunxi();
    let sand = sand();
    found(&sand, &city).await;
    let real = Plane::new().await;
    found(&real.client, &city).await;
    let (here, there) = (owned(&sand, &city).await, owned(&real.client, &city).await);
    for (place, owners) in here {
        assert_eq!(owners, there[&place], "{place:?}");
    }
    super::flood::plans_the_same(&sand, &real.client).await;
}

/// Rehearsals of a large city begin with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_of_a_thousand_workloads_is_loaded_by_the_sand_table() {
    let city = grown(1000);
    let sand = sand();
    found(&sand, &city).await;
    let found = whole(&sand, &city).await;
    let workloads = |(kind, _, _): &&Place| ["Deployment", "StatefulSet"].contains(&kind.as_str());
    assert_eq!(found.keys().filter(workloads).count(), 1000);
}

/// KEDA's autoscalers must be known as what they are, or a plan would change bounds that KEDA puts back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keda_makes_ends_with_what_it_is_made_of() {
    let city = fleet::yunxi();
    let sand = sand();
    found(&sand, &city).await;
    let scalers = all(&sand, "autoscaling/v2", "HorizontalPodAutoscaler").await;
    let objects = all(&sand, "keda.sh/v1alpha1", "ScaledObject").await;
    let uids: Vec<&Value> = objects.iter().map(|one| &one["metadata"]["uid"]).collect();
    let owned = scalers.iter().filter(|one| {
        let by = &one["metadata"]["ownerReferences"][0];
        by["controller"] == json!(true) && uids.contains(&&by["uid"])
    });
    assert_eq!((owned.count(), objects.len()), (4, 4));
}
