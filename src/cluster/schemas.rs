//! What the API server says of kinds' fields: one document of `/openapi/v3` a group and version,
//! read when a path is first held against it, by every account's right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use kube::Client;
use serde_json::Value;
use snafu::ResultExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::discovery::Resource;
use super::request::{self, BuildSnafu, DecodeSnafu, Error, JSON, SendSnafu};
use crate::field::{Image, Path, Schemas};

/// How long a document is believed without a question: as long as a list of kinds. After that the
/// question is whether it changed, which costs the server nothing but the answer's head.
const FRESH: Duration = Duration::from_secs(30);

/// What came of holding paths against a kind's schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Paths that lead nowhere, each a sentence that says what to write instead.
    pub faults: Vec<String>,
    /// Why nothing could be said, if so.
    pub unknown: Option<String>,
    /// How many requests it took.
    pub requests: usize,
}

/// The documents that were read, by address.
#[derive(Clone)]
pub(super) struct Store {
    client: Client,
    known: Arc<Mutex<BTreeMap<String, Document>>>,
}

struct Document {
    schemas: Arc<Schemas>,
    tag: Option<HeaderValue>,
    at: Instant,
}

impl Store {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            known: Arc::default(),
        }
    }

    /// Holds paths against the schema of a kind.
    pub(super) async fn check(&self, resource: &Resource, paths: &[&Path]) -> Checked {
        let mut checked = Checked::default();
        if paths.is_empty() {
            return checked;
        }
        let schemas = match self.document(resource, &mut checked.requests).await {
            Ok(schemas) => schemas,
            Err(error) => {
                checked.unknown = Some(error.to_string());
                return checked;
            }
        };
        let Resource {
            group,
            version,
            kind,
            ..
        } = resource;
        for path in paths {
            match schemas.check(group, version, kind, path) {
                Some(Ok(())) => {}
                Some(Err(fault)) => checked.faults.push(fault),
                None => {
                    let of = resource.api_version();
                    let why =
                        format!("the API server says nothing of the fields of {kind} in {of}");
                    checked.unknown = Some(why);
                }
            }
        }
        checked
    }

    /// The fields of an object of a kind, and how many requests that took. Where the server does not
    /// say how items of lists are told apart, each list is one.
    pub(super) async fn leaves(
        &self,
        resource: &Resource,
        object: &Value,
    ) -> (Vec<(Path, Image)>, usize) {
        let mut requests = 0;
        let schemas = self.document(resource, &mut requests).await;
        let schemas = schemas.unwrap_or_default();
        let Resource {
            group,
            version,
            kind,
            ..
        } = resource;
        (schemas.leaves(group, version, kind, object), requests)
    }

    async fn document(
        &self,
        resource: &Resource,
        requests: &mut usize,
    ) -> Result<Arc<Schemas>, Error> {
        let address = address(resource);
        // Held while it is read: two plans at one moment read it once.
        let mut known = self.known.lock().await;
        let old = known.get(&address);
        if let Some(old) = old.filter(|old| old.at.elapsed() < FRESH) {
            return Ok(old.schemas.clone());
        }
        *requests += 1;
        let doing = format!("reading the fields of {}", resource.api_version());
        let mut asked = request::get(&address, JSON).context(BuildSnafu { doing: &doing })?;
        if let Some(tag) = old.and_then(|old| old.tag.clone()) {
            asked.headers_mut().insert(IF_NONE_MATCH, tag);
        }
        let answer = request::send(&self.client, asked).await;
        let answer = answer.context(SendSnafu { doing: &doing })?;
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some(old) = known.get_mut(&address)
        {
            old.at = Instant::now();
            return Ok(old.schemas.clone());
        }
        let tag = answer.headers.get(ETAG).cloned();
        let body = answer.success(&doing)?;
        let schemas = Schemas::parse(&body).context(DecodeSnafu { doing })?;
        let document = Document {
            schemas: Arc::new(schemas),
            tag,
            at: Instant::now(),
        };
        let schemas = document.schemas.clone();
        known.insert(address, document);
        Ok(schemas)
    }
}

fn address(resource: &Resource) -> String {
    let root = if resource.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    format!("/openapi/v3/{root}/{}", resource.api_version())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Asked, Fake, Reply, reply, respond};
    use serde_json::json;

    const DOCUMENT: &str = r#"{"components": {"schemas": {"a": {"type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
        "x-kubernetes-group-version-kind": [{"group": "g.io", "version": "v1", "kind": "Pool"}]}}}}"#;

    fn pool() -> Resource {
        Resource {
            group: "g.io".to_owned(),
            version: "v1".to_owned(),
            kind: "Pool".to_owned(),
            ..Resource::default()
        }
    }

    fn server(asked: &Asked) -> Reply {
        match (asked.path.as_str(), asked.header("if-none-match")) {
            ("/openapi/v3/apis/g.io/v1", None) => respond(200, &[("etag", "\"1\"")], DOCUMENT),
            ("/openapi/v3/apis/g.io/v1", Some(tag)) if tag == "\"1\"" => respond(304, &[], ""),
            _ => reply(404, json!({})),
        }
    }

    /// A document is up to two megabytes: it is read once, and after a while only asked for anew.
    #[tokio::test(start_paused = true)]
    async fn a_document_is_read_once_and_then_only_looked_for() {
        let fake = Fake::new(server);
        let store = Store::new(fake.client());
        let (right, wrong) = (
            Path::fields(["spec", "size"]),
            Path::fields(["spec", "sise"]),
        );
        let mut requests = Vec::new();
        for _ in 0..2 {
            for _ in 0..2 {
                let checked = store.check(&pool(), &[&right, &wrong]).await;
                assert_eq!((checked.faults.len(), checked.unknown), (1, None));
                requests.push(checked.requests);
            }
            tokio::time::advance(FRESH).await;
        }
        assert_eq!(requests, [1, 0, 1, 0]);
        let last = fake.requests().pop().expect("a request");
        assert_eq!(last.header("if-none-match").as_deref(), Some("\"1\""));
    }

    /// Aggregated APIs need not say anything of their fields: that is told, and refuses nothing.
    #[tokio::test]
    async fn what_is_not_published_is_told_and_not_refused() {
        let fake = Fake::new(server);
        let store = Store::new(fake.client());
        let path = Path::fields(["spec", "size"]);
        let other = Resource {
            version: "v2".to_owned(),
            ..pool()
        };
        let checked = store.check(&other, &[&path]).await;
        assert!(checked.faults.is_empty());
        let why = checked.unknown.expect("a reason");
        assert!(why.contains("g.io/v2"), "{why}");
        let absent = Resource {
            kind: "Pond".to_owned(),
            ..pool()
        };
        let checked = store.check(&absent, &[&path]).await;
        assert!(checked.unknown.expect("a reason").contains("Pond"));
        assert_eq!(store.check(&pool(), &[]).await.requests, 0);
    }
}
