//! The raw client: guarded patches from a file, sent as the playbook's account with as many in
//! flight as the operator has, and nothing else. What they are is worked out before the clock
//! starts.

use std::collections::BTreeMap;
use std::path::Path as File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use snafu::{ResultExt, ensure};

use super::forwarder::Forwarder;
use super::{Error, IoSnafu, WrongSnafu, fleet};
use crate::surroundings::Stopwatch;
use pingzhan::field::giveback::{self, Return};
use pingzhan::field::patch::{self, Edit, HeldBy};
use pingzhan::field::{FormerOwner, Image, Projection};

/// Its field manager: of the length of a mode's.
const MANAGER: &str = "pingzhan/bench-raw/00000000";
/// How often the fleet is brought to where it is wanted: one try is the rule.
const TRIES: usize = 3;

/// What is sent.
#[derive(Clone, Debug)]
struct Prepared {
    path: String,
    body: Vec<u8>,
}

/// What one pass took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass {
    /// Targets a second, to the last one.
    pub rate: f64,
    /// Bytes both ways.
    pub bytes: u64,
}

impl Pass {
    /// What both took together.
    fn mean(&self, other: &Self) -> Self {
        Self {
            rate: 2.0 / (1.0 / self.rate + 1.0 / other.rate),
            bytes: self.bytes.midpoint(other.bytes),
        }
    }
}

/// What a raw switch and return took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// The switch.
    pub switch: Pass,
    /// The values of the return.
    pub restore: Pass,
    /// The ownership pass of the return.
    pub owners: Pass,
}

impl Measured {
    /// The mean of two runs: what stands against a run between them, on a machine whose speed
    /// changes by a third within a minute.
    #[must_use]
    pub fn mean(&self, other: &Self) -> Self {
        Self {
            switch: self.switch.mean(&other.switch),
            restore: self.restore.mean(&other.restore),
            owners: self.owners.mean(&other.owners),
        }
    }
}

/// The raw client.
pub struct Raw<'a> {
    /// An admin's, to look at the fleet before the clock starts.
    pub admin: &'a Client,
    /// Acts as the playbook's account, through the counting forwarder.
    pub client: Client,
    /// The bytes of that client, where there is a wire.
    pub forwarder: Option<Forwarder>,
    /// Requests in flight.
    pub concurrency: usize,
    /// The file from which is sent.
    pub file: &'a File,
}

impl Raw<'_> {
    /// A switch and its return.
    pub async fn measure(&self, size: usize) -> Result<Measured, Error> {
        let before = fleet::look(self.admin).await?;
        fleet::check(&before, size)?;
        let switch = self
            .values(&before, fleet::AFTER, &HeldBy::Set("bench-raw".into()))
            .await?;
        let wartime = fleet::look(self.admin).await?;
        let restore = self.values(&wartime, fleet::BASE, &HeldBy::Leave).await?;
        let mut owners = Pass::default();
        for _ in 0..TRIES {
            let now = fleet::look(self.admin).await?;
            let patches = give_back(&now, &before)?;
            if patches.is_empty() {
                break;
            }
            owners = self.pass(patches).await?;
        }
        fleet::check(&fleet::look(self.admin).await?, size)?;
        Ok(Measured {
            switch,
            restore,
            owners,
        })
    }

    /// One value for all of these objects.
    pub async fn values(
        &self,
        seen: &[Projection],
        to: i64,
        held_by: &HeldBy,
    ) -> Result<Pass, Error> {
        let edits = [Edit {
            path: fleet::replicas(),
            to: Image::Present(to.into()),
            remove_parents: Vec::new(),
        }];
        let prepared = seen.iter().map(|one| {
            let guarded = patch::guarded(one, &edits, held_by).map_err(|error| wrong(&error))?;
            Ok(prepared(one, &guarded.patch))
        });
        self.pass(prepared.collect::<Result<_, Error>>()?).await
    }

    /// Writes the file, reads it, and sends it.
    async fn pass(&self, patches: Vec<Prepared>) -> Result<Pass, Error> {
        let prepared = Arc::new(through_file(self.file, &patches)?);
        let next = Arc::new(AtomicUsize::new(0));
        let sent = || self.forwarder.as_ref().map_or(0, Forwarder::bytes);
        let bytes = sent();
        let watch = Stopwatch::start();
        let workers = (0..self.concurrency)
            .map(|_| tokio::spawn(work(self.client.clone(), prepared.clone(), next.clone())));
        let mut failed = 0;
        for worker in futures::future::join_all(workers).await {
            failed += worker.map_err(|error| wrong(&error))?;
        }
        let took = watch.elapsed().as_secs_f64();
        let problem = format!("{failed} PATCHes of the raw client were refused");
        ensure!(failed == 0, WrongSnafu { problem });
        Ok(Pass {
            rate: prepared.len() as f64 / took,
            bytes: sent() - bytes,
        })
    }
}

/// Sends what is left, and says how many were refused.
async fn work(client: Client, prepared: Arc<Vec<Prepared>>, next: Arc<AtomicUsize>) -> usize {
    let mut failed = 0;
    while let Some(one) = prepared.get(next.fetch_add(1, Ordering::Relaxed)) {
        let request = Request::patch(&one.path)
            .header("accept", "application/json")
            .header("content-type", "application/json-patch+json")
            .body(Body::from(one.body.clone()));
        let Ok(request) = request else {
            failed += 1;
            continue;
        };
        let done = match client.send(request).await {
            Ok(answer) => {
                let good = answer.status().is_success();
                answer.into_body().collect_bytes().await.is_ok() && good
            }
            Err(_) => false,
        };
        failed += usize::from(!done);
    }
    failed
}

fn prepared(of: &Projection, patch: &json_patch::Patch) -> Prepared {
    let target = &of.target;
    let manager = MANAGER.replace('/', "%2F");
    Prepared {
        path: format!(
            "/apis/apps/v1/namespaces/{}/deployments/{}?fieldManager={manager}&timeout=8s",
            target.namespace, target.name
        ),
        body: json!(patch).to_string().into_bytes(),
    }
}

/// The patches that give ownership back to those who had it before.
fn give_back(now: &[Projection], before: &[Projection]) -> Result<Vec<Prepared>, Error> {
    let owners: BTreeMap<&str, std::sync::Arc<[FormerOwner]>> = before
        .iter()
        .filter_map(|was| {
            let owners = was.field(&fleet::replicas())?.owners.clone();
            Some((was.target.uid.as_str(), owners))
        })
        .collect();
    let mut patches = Vec::new();
    for one in now {
        let returns = [Return {
            path: fleet::replicas(),
            owners: owners
                .get(one.target.uid.as_str())
                .cloned()
                .unwrap_or_default(),
            present: true,
        }];
        let patch = giveback::give_back(one, MANAGER, &returns, true, &[]);
        if let Some(patch) = patch.map_err(|error| wrong(&error))? {
            patches.push(prepared(one, &patch));
        }
    }
    Ok(patches)
}

/// Writes requests to a file and reads them back, one a line.
fn through_file(file: &File, patches: &[Prepared]) -> Result<Vec<Prepared>, Error> {
    let doing = format!("writing and reading {}", file.display());
    let mut text = Vec::new();
    for one in patches {
        text.extend_from_slice(one.path.as_bytes());
        text.push(b'\t');
        text.extend_from_slice(&one.body);
        text.push(b'\n');
    }
    std::fs::write(file, text).context(IoSnafu { doing: &doing })?;
    let text = std::fs::read_to_string(file).context(IoSnafu { doing })?;
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines
        .map(|(path, body)| Prepared {
            path: path.to_owned(),
            body: body.as_bytes().to_vec(),
        })
        .collect())
}

fn wrong(error: &dyn std::fmt::Display) -> Error {
    Error::Wrong {
        problem: error.to_string(),
    }
}
