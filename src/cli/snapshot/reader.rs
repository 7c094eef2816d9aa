//! Reading, as the caller: through the program's usual bounds and retries, and never a Secret. How long
//! single objects take is measured on the way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Request;
use kube::client::Body;
use kube::{Client, Config};
use serde_json::Value;
use tokio::time::Instant;
use tower::{BoxError, service_fn};

use crate::cli::error::Error;
use crate::cluster::list::{self, Query};
use crate::cluster::{self, Collection, Discovery, Resource, write};

use super::progress::Progress;

/// Objects a page. Fewer and larger pages than a look of the operator: one person waits for all of them.
const PAGE: usize = 500;
/// How many requests a median is of, at least.
const ENOUGH: usize = 5;

/// What reads.
pub struct Reader {
    /// For reads of whole objects.
    client: Client,
    discovery: Discovery,
    times: Times,
    /// What whoever waits sees.
    pub progress: Progress,
}

/// How long single reads took.
type Times = Arc<Mutex<Vec<Duration>>>;

/// What became of a question.
#[derive(Debug)]
pub enum Answered<T> {
    /// It was answered.
    Yes(T),
    /// It was not, and why.
    Refused(Refusal),
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The caller has no right to ask it.
    Right,
    /// What the server says, a sentence.
    Said(String),
}

impl Reader {
    /// A reader with the caller's rights.
    ///
    /// # Errors
    /// The kubeconfig cannot be used.
    pub fn new(config: Config, progress: Progress) -> Result<Self, Error> {
        let (own, _) = cluster::connect(config, None).map_err(|error| Error::Kubeconfig {
            problem: error.to_string(),
        })?;
        let times = Times::default();
        let client = timed(own.reads, times.clone());
        Ok(Self {
            discovery: Discovery::new(client.clone()),
            client,
            times,
            progress,
        })
    }

    /// The resource of a kind as playbooks write it; nothing where it is not served.
    pub async fn resolve(&self, written: &str) -> Option<Resource> {
        self.discovery.resolve(written).await.ok()
    }

    /// Lists everything that `query` asks for, page by page, and keeps of each object what `keep` makes
    /// of it.
    ///
    /// # Errors
    /// The server cannot answer. That it refuses is an answer.
    pub async fn list<T: Send>(
        &self,
        query: Query,
        mut keep: impl FnMut(Value) -> Option<T> + Send,
    ) -> Result<Answered<Vec<T>>, Error> {
        if is_secret(&query.collection) {
            return Ok(Answered::Refused(Refusal::Said(NEVER.to_owned())));
        }
        let query = Query {
            page: PAGE,
            ..query
        };
        let listed = list::list(&self.client, &query, |object| {
            self.progress.one();
            keep(object)
        });
        answered(listed.await.map(|listed| listed.items))
    }

    /// Reads one object; nothing where there is none.
    ///
    /// # Errors
    /// The server cannot answer. That it refuses is an answer.
    pub async fn get(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<Answered<Option<Value>>, Error> {
        if is_secret(collection) {
            return Ok(Answered::Refused(Refusal::Said(NEVER.to_owned())));
        }
        self.progress.one();
        answered(write::get(&self.client, collection, name).await)
    }

    /// The version that the server says.
    ///
    /// # Errors
    /// The server cannot answer.
    pub async fn version(&self) -> Result<String, Error> {
        let version = self.client.apiserver_version().await;
        let version = version.map_err(|error| Error::Request {
            what: "ask for the version".to_owned(),
            source: Box::new(error),
        })?;
        Ok(version.git_version)
    }

    /// The median of how long a read of one object took, in milliseconds, and of how many.
    pub async fn round_trip(&self) -> (Option<f64>, u64) {
        while self.taken().len() < ENOUGH {
            let before = self.taken().len();
            // What it says was heard before.
            self.version().await.ok();
            if self.taken().len() == before {
                break;
            }
        }
        let mut times = self.taken();
        times.sort();
        let median = times.get(times.len() / 2);
        let count = u64::try_from(times.len()).unwrap_or_default();
        // A hundredth of a millisecond is more than anybody's network knows.
        let milliseconds = |time: &Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
        (median.map(milliseconds), count)
    }

    fn taken(&self) -> Vec<Duration> {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.clone()
    }
}

/// Why a Secret is not read.
const NEVER: &str = "Secrets never leave the cluster";

/// The one place through which every question goes.
fn is_secret(collection: &Collection) -> bool {
    collection.api_version == "v1" && collection.plural == "secrets"
}

fn answered<T>(answer: Result<T, cluster::Error>) -> Result<Answered<T>, Error> {
    match answer {
        Ok(value) => Ok(Answered::Yes(value)),
        Err(error) if error.is_forbidden() => Ok(Answered::Refused(Refusal::Right)),
        Err(error) if error.code().is_some_and(|code| (400..500).contains(&code)) => {
            Ok(Answered::Refused(Refusal::Said(error.to_string())))
        }
        Err(error) => Err(Error::Read {
            source: Box::new(error),
        }),
    }
}

/// A client that says how long its reads of single objects took.
fn timed(client: Client, times: Times) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let (client, times) = (client.clone(), times.clone());
        async move {
            let uri = request.uri();
            let is_list = uri.query().is_some_and(|query| query.contains("limit="));
            // What is served is told in answers of another size.
            let is_single = !is_list && !["/api", "/apis"].contains(&uri.path());
            let began = Instant::now();
            let answer = client.send(request).await.map_err(BoxError::from);
            if is_single && answer.is_ok() {
                let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                times.push(began.elapsed());
            }
            answer
        }
    });
    Client::new(service, namespace)
}
