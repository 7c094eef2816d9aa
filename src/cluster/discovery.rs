//! Which resource a kind is: its version, plural and scope, from the API server's own list, and
//! its replicas path, from the table of built-in kinds or from its CRD.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::client::{APIGroupDiscovery, APIResourceDiscovery};
use serde_json::Value;
use snafu::{OptionExt, ResultExt, Snafu};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::request::{self, Collection};
use super::{schemas, write};
use crate::field::{self, Image, Path};
use crate::step::kinds;

/// How long an answer that does not know a kind is believed: a CRD that was just installed is
/// found within that time, and a misspelt kind costs two requests a half-minute, not two a look.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);

/// Why a kind cannot be used.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("the API server's list of kinds cannot be read"))]
    Discover { source: kube::Error },
    #[snafu(display("kind `{kind}` is not served by this cluster: {advice}"))]
    Unknown { kind: String, advice: String },
    #[snafu(display(
        "kind `{kind}` says nowhere how many replicas it has: its CRD names no \
         subresources.scale.specReplicasPath; use `patch` with the field's path"
    ))]
    NoReplicas { kind: String },
    #[snafu(display(
        "the replicas path of `{kind}` cannot be read from CRD {crd}: let the playbook's account \
         get it, or use `patch` with the field's path"
    ))]
    Crd {
        kind: String,
        crd: String,
        source: request::Error,
    },
    #[snafu(display("CRD {crd} names `{text}` as its replicas path, which is not understood"))]
    ReplicasPath {
        crd: String,
        text: String,
        source: field::path::Error,
    },
}

/// One kind, as the cluster serves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The group; empty for the core kinds.
    pub group: String,
    /// The version that the cluster prefers.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The plural, as in addresses.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// Group and version, as objects have it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Its objects in a namespace; in all of them, or in none, where that is empty.
    pub fn collection(&self, namespace: &str) -> Collection {
        Collection {
            api_version: self.api_version(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
            namespace: namespace.to_owned(),
        }
    }

    /// The kind as playbooks write it: with its group, where it has one.
    pub fn written(&self) -> String {
        if self.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}/{}", self.group, self.kind)
        }
    }
}

/// The kinds of a cluster, read when they are first needed.
#[derive(Clone)]
pub struct Discovery {
    client: Client,
    known: Arc<Mutex<Known>>,
    schemas: schemas::Store,
}

#[derive(Default)]
struct Known {
    /// By kind, then group.
    kinds: BTreeMap<String, BTreeMap<String, Resource>>,
    /// When they were read.
    at: Option<Instant>,
    /// Replicas paths of custom kinds, by `group/version/Kind`.
    replicas: BTreeMap<String, Path>,
}

impl Discovery {
    /// Discovery through a client for reads. Every authenticated user may read it.
    pub fn new(reads: Client) -> Self {
        Self {
            schemas: schemas::Store::new(reads.clone()),
            client: reads,
            known: Arc::default(),
        }
    }

    /// The resource of a kind as a playbook writes it: `Deployment`, or `group/Kind`.
    ///
    /// Guarantees: a kind that is not known is looked for anew, at most twice a minute.
    ///
    /// # Errors
    /// Each says what to do.
    pub async fn resolve(&self, written: &str) -> Result<Resource, Error> {
        let mut known = self.known.lock().await;
        match find(&known.kinds, written) {
            Err(Error::Unknown { .. }) if known.is_old() => {
                known.kinds = self.read().await?;
                known.at = Some(Instant::now());
                known.replicas.clear();
                find(&known.kinds, written)
            }
            found => found,
        }
    }

    /// Where a kind's objects say how many replicas they are to have.
    ///
    /// `reads` is the client of the account that uses the path: the operator itself has no right to
    /// read CRDs.
    ///
    /// # Errors
    /// Each says what to do.
    pub async fn replicas_path(&self, reads: &Client, resource: &Resource) -> Result<Path, Error> {
        let row = kinds::find(&resource.written());
        if let Some(path) = row.and_then(kinds::Kind::replicas_path) {
            return Ok(path);
        }
        let key = format!("{}/{}", resource.api_version(), resource.kind);
        if let Some(path) = self.known.lock().await.replicas.get(&key) {
            return Ok(path.clone());
        }
        let path = crd_replicas(reads, resource).await?;
        let mut known = self.known.lock().await;
        known.replicas.insert(key, path.clone());
        Ok(path)
    }

    /// Holds paths of a kind against what the API server says of its fields.
    pub async fn check(&self, resource: &Resource, paths: &[&Path]) -> schemas::Checked {
        self.schemas.check(resource, paths).await
    }

    /// The fields of an object of a kind, as the API server tells them apart, and how many requests it
    /// took to know.
    pub async fn leaves(&self, resource: &Resource, object: &Value) -> (Vec<(Path, Image)>, usize) {
        self.schemas.leaves(resource, object).await
    }

    async fn read(&self) -> Result<BTreeMap<String, BTreeMap<String, Resource>>, Error> {
        let core = self.client.list_core_api_versions_aggregated().await;
        let core = core.context(DiscoverSnafu)?;
        let groups = self.client.list_api_groups_aggregated().await;
        let groups = groups.context(DiscoverSnafu)?;
        let mut kinds: BTreeMap<String, BTreeMap<String, Resource>> = BTreeMap::new();
        for group in core.items.into_iter().chain(groups.items) {
            for resource in resources(group) {
                let of_kind = kinds.entry(resource.kind.clone()).or_default();
                of_kind.entry(resource.group.clone()).or_insert(resource);
            }
        }
        Ok(kinds)
    }
}

impl Known {
    fn is_old(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= UNKNOWN_FOR)
    }
}

/// The kinds of a group, those of its preferred version first.
fn resources(group: APIGroupDiscovery) -> Vec<Resource> {
    let name = group
        .metadata
        .and_then(|metadata| metadata.name)
        .unwrap_or_default();
    let versions = group.versions.into_iter();
    let of_version = versions.flat_map(|version| {
        let number = version.version.unwrap_or_default();
        let group = name.clone();
        version
            .resources
            .into_iter()
            .filter_map(move |found| resource(&group, &number, found))
    });
    of_version.collect()
}

fn resource(group: &str, version: &str, found: APIResourceDiscovery) -> Option<Resource> {
    Some(Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: found.response_kind?.kind?,
        plural: found.resource?,
        namespaced: found.scope.as_deref() == Some("Namespaced"),
    })
}

/// A kind as written.
fn find(
    kinds: &BTreeMap<String, BTreeMap<String, Resource>>,
    written: &str,
) -> Result<Resource, Error> {
    let (group, kind) = match written.rsplit_once('/') {
        Some((group, kind)) => (Some(group), kind),
        None => (None, written),
    };
    let groups = kinds.get(kind);
    let found = groups.and_then(|groups| match group {
        Some(group) => groups.get(group),
        None => bare(kind, groups),
    });
    if let Some(resource) = found {
        return Ok(resource.clone());
    }
    let served: Vec<String> = groups
        .into_iter()
        .flat_map(BTreeMap::values)
        .map(Resource::written)
        .collect();
    let advice = if served.is_empty() {
        "correct its name, or install its CRD".to_owned()
    } else {
        format!("write `{}`", served.join("` or `"))
    };
    UnknownSnafu {
        kind: written,
        advice,
    }
    .fail()
}

/// The resource of a bare kind: that of its group in the table of built-in kinds, or a core one.
fn bare<'a>(kind: &str, groups: &'a BTreeMap<String, Resource>) -> Option<&'a Resource> {
    let group = kinds::find(kind).map_or("", |row| row.group);
    groups.get(group)
}

async fn crd_replicas(reads: &Client, resource: &Resource) -> Result<Path, Error> {
    let kind = resource.written();
    if !resource.group.contains('.') {
        return NoReplicasSnafu { kind }.fail();
    }
    let crd = format!("{}.{}", resource.plural, resource.group);
    let crds = Collection {
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
        namespace: String::new(),
    };
    let found = write::get(reads, &crds, &crd).await;
    let object = found.context(CrdSnafu {
        kind: &kind,
        crd: &crd,
    })?;
    let text = object
        .as_ref()
        .and_then(|object| scale_path(object, &resource.version))
        .context(NoReplicasSnafu { kind })?;
    // A CRD writes `.spec.size`, and by the API's rules nothing but names and dots.
    let pointer = text.replace('.', "/");
    Path::parse_pointer(&pointer).context(ReplicasPathSnafu { crd, text })
}

fn scale_path<'a>(crd: &'a Value, version: &str) -> Option<&'a str> {
    let versions = crd.pointer("/spec/versions")?.as_array()?;
    let of_version = versions
        .iter()
        .find(|candidate| candidate.get("name").and_then(Value::as_str) == Some(version))?;
    of_version
        .pointer("/subresources/scale/specReplicasPath")?
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Asked, Fake, Reply, reply};
    use serde_json::json;

    fn group(name: &str, versions: &[(&str, &str, &str, &str)]) -> Value {
        let versions: Vec<Value> = versions
            .iter()
            .map(|(version, kind, plural, scope)| {
                json!({"version": version, "resources": [{
                    "resource": plural, "scope": scope,
                    "responseKind": {"group": name, "version": version, "kind": kind}
                }]})
            })
            .collect();
        json!({"metadata": {"name": name}, "versions": versions})
    }

    fn cluster(asked: &Asked) -> Reply {
        let items = match asked.path.as_str() {
            "/api" => vec![group("", &[("v1", "Event", "events", "Namespaced")])],
            "/apis" => vec![
                group("apps", &[("v1", "Deployment", "deployments", "Namespaced")]),
                group(
                    "fleet.example.com",
                    &[
                        ("v2", "Pool", "pools", "Namespaced"),
                        ("v1", "Pool", "pools", "Namespaced"),
                    ],
                ),
                group("events.k8s.io", &[("v1", "Event", "events", "Namespaced")]),
            ],
            _ => {
                return reply(
                    200,
                    json!({"spec": {"versions": [
                        {"name": "v1"},
                        {"name": "v2", "subresources": {"scale": {"specReplicasPath": ".spec.size"}}}
                    ]}}),
                );
            }
        };
        reply(200, json!({"items": items}))
    }

    /// The version is pinned in the plan, and must be one that the server has.
    #[tokio::test]
    async fn kinds_are_resolved_to_their_preferred_version_with_two_requests() {
        let fake = Fake::new(cluster);
        let discovery = Discovery::new(fake.client());
        let pool = discovery
            .resolve("fleet.example.com/Pool")
            .await
            .expect("a kind");
        assert_eq!(
            (pool.version.as_str(), pool.plural.as_str()),
            ("v2", "pools")
        );
        let deployment = discovery.resolve("Deployment").await.expect("a kind");
        assert_eq!(deployment.api_version(), "apps/v1");
        assert_eq!(discovery.resolve("Event").await.expect("a kind").group, "");
        assert_eq!(fake.addresses(), ["GET /api", "GET /apis"]);
    }

    /// A bare custom kind could come to mean another when a CRD is installed later.
    #[tokio::test]
    async fn an_unknown_kind_says_what_to_write_and_does_not_flood_the_server() {
        let fake = Fake::new(cluster);
        let discovery = Discovery::new(fake.client());
        let pool = discovery.resolve("Pool").await.expect_err("not built in");
        assert_eq!(
            pool.to_string(),
            "kind `Pool` is not served by this cluster: write `fleet.example.com/Pool`"
        );
        let none = discovery.resolve("Depolyment").await.expect_err("misspelt");
        assert!(
            none.to_string()
                .contains("correct its name, or install its CRD")
        );
        assert_eq!(fake.addresses().len(), 2);
    }

    /// Scaling a custom kind rests on its CRD's own word, never on a guess.
    #[tokio::test]
    async fn the_replicas_path_of_a_custom_kind_is_read_from_its_crd_once() {
        let fake = Fake::new(cluster);
        let client = fake.client();
        let discovery = Discovery::new(client.clone());
        let pool = discovery
            .resolve("fleet.example.com/Pool")
            .await
            .expect("a kind");
        for _ in 0..2 {
            let path = discovery
                .replicas_path(&client, &pool)
                .await
                .expect("a path");
            assert_eq!(path, Path::fields(["spec", "size"]));
        }
        assert_eq!(fake.addresses().len(), 3);
        let old = Resource {
            version: "v1".to_owned(),
            ..pool
        };
        let none = discovery.replicas_path(&client, &old).await;
        assert!(matches!(none, Err(Error::NoReplicas { .. })));
    }
}
