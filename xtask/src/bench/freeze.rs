//! What a freeze costs those whom it does not concern: the same writes with and without the policy in
//! force, in turn, on one API server.

use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use pingzhan::api::{Freeze, NamespaceSelector, names};
use pingzhan::cluster::Clients;
use pingzhan::field::{Identity, Projection, Target, creation};
use pingzhan::run::clock::Clock;
use pingzhan::run::freeze::{Probed, prove};
use pingzhan::step::freeze;
use serde_json::{Value, json};
use snafu::OptionExt;

use super::{Error, WrongSnafu, median};
use crate::cluster::{self, Cluster, Spec};
use crate::generate::{policies, rbac};
use crate::progress::Progress;
use crate::surroundings::Stopwatch;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";
/// Where is written; it is never frozen.
const FREE: &str = "bench-free";
/// A policy follows what is stored within a second.
const AGAIN: Duration = Duration::from_millis(200);
/// Looks until it is given up.
const LOOKS: usize = 150;

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Writes of each kind on each side of a pair.
    #[arg(long, default_value_t = 60)]
    writes: usize,
    /// Pairs: many and short, since a machine's speed changes from one half minute to the next.
    #[arg(long, default_value_t = 41)]
    pairs: usize,
    /// Namespaces that are frozen.
    #[arg(long, default_value_t = 50)]
    frozen: usize,
    /// The ratio, with the policy to without, above which this fails.
    #[arg(long, default_value_t = 1.05)]
    limit: f64,
}

/// Who writes what a freeze does not concern.
const WRITERS: [(&str, &str); 2] = [
    (
        "a controller",
        "system:serviceaccount:kube-system:deployment-controller",
    ),
    ("a person", "he"),
];

/// Measures, and prints.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let spec = Spec {
        owner: Some(std::process::id()),
        ..Spec::new(&format!("bench-{}", std::process::id()))
    };
    let cluster = Cluster::up(spec, progress).await?;
    let bench = Bench {
        admin: cluster.client().await?,
        own: clients(acting(&cluster, &operator()).await?),
        freeze: manifest(args.frozen)?,
    };
    bench.prepare().await?;
    let mut writers = Vec::new();
    for (word, user) in WRITERS {
        writers.push((word, acting(&cluster, user).await?));
    }
    let mut took: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); WRITERS.len()];
    for pair in 0..args.pairs {
        // Who goes first changes, so that a machine that grows slower favours neither.
        for on in [pair % 2 == 0, pair % 2 != 0] {
            bench.put_in_force(on).await?;
            for ((_, client), (without, with)) in writers.iter().zip(&mut took) {
                let millis = writes(client, args.writes).await?;
                if on { with } else { without }.push(millis);
            }
        }
        progress.say(&format!("  pair {} of {}", pair + 1, args.pairs));
    }
    cluster.down()?;
    println!(
        "{} namespaces frozen, {} pairs of {} writes each, medians:",
        args.frozen, args.pairs, args.writes
    );
    let mut above = Vec::new();
    for ((word, _), (without, with)) in WRITERS.iter().zip(took) {
        let ratios = without.iter().zip(&with).map(|(one, other)| other / one);
        let ratios = median(ratios);
        let (without, with) = (median(without), median(with));
        println!(
            "  {word}, where nothing is frozen: {without:.2} ms without, {with:.2} ms with, ratio {:.3} \
             (median of the pairs' ratios {ratios:.3})",
            with / without
        );
        if ratios > args.limit {
            above.push(format!("{word}: {ratios:.3}"));
        }
    }
    let problem = format!(
        "a freeze costs more than {} of what it does not concern: {}; on a machine that does something else \
         besides, this says nothing",
        args.limit,
        above.join(", ")
    );
    snafu::ensure!(above.is_empty(), WrongSnafu { problem });
    Ok(())
}

struct Bench {
    admin: Client,
    own: Clients,
    freeze: Value,
}

impl Bench {
    async fn prepare(&self) -> Result<(), Error> {
        for text in [rbac::namespaces(), policies::one(names::FREEZE_POLICY)] {
            for object in documents(&text)? {
                put(&self.admin, &object).await?;
            }
        }
        for name in freeze::namespaces(&self.freeze).into_iter().chain([FREE]) {
            let object =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            put(&self.admin, &object).await?;
        }
        let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "n": "0" },
            "metadata": { "name": "flags", "namespace": FREE } });
        put(&self.admin, &flags).await?;
        put(&self.admin, &self.freeze).await
    }

    /// Takes the binding away, or puts it there, and waits until that is so.
    async fn put_in_force(&self, on: bool) -> Result<(), Error> {
        let text = policies::one(names::FREEZE_POLICY);
        let mut all = documents(&text)?.into_iter();
        let binding = all.find(|one| one["kind"] == "ValidatingAdmissionPolicyBinding");
        let binding = binding.context(WrongSnafu {
            problem: "the policy has no binding",
        })?;
        if on {
            put(&self.admin, &binding).await?;
        } else {
            let at = at(&binding)?;
            let removed = send(&self.admin, Method::DELETE, &at, "application/json", None).await;
            drop(removed);
        }
        let freezes = [Probed {
            name: self.freeze["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            namespaces: freeze::namespaces(&self.freeze)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        }];
        for _ in 0..LOOKS {
            let proof = prove(&self.own, &freezes, Clock::machine().now()).await;
            if (on && proof.holds()) || (!on && proof.is_lifted()) {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
        }
        let problem = format!("the policy does not become in force = {on}");
        WrongSnafu { problem }.fail()
    }
}

/// The median of how long one write takes, in milliseconds.
async fn writes(client: &Client, count: usize) -> Result<f64, Error> {
    let at = format!("/api/v1/namespaces/{FREE}/configmaps/flags");
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let patch = json!({ "data": { "n": number.to_string() } });
        let merge = "application/merge-patch+json";
        let watch = Stopwatch::start();
        send(client, Method::PATCH, &at, merge, Some(&patch)).await?;
        took.push(watch.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(took))
}

fn operator() -> String {
    format!(
        "system:serviceaccount:{}:pingzhan",
        names::DEFAULT_NAMESPACE
    )
}

async fn acting(cluster: &Cluster, user: &str) -> Result<Client, Error> {
    let mut config = cluster::config(&cluster.kubeconfig()).await?;
    config.auth_info.impersonate = Some(user.to_owned());
    config.auth_info.impersonate_groups = Some(vec!["system:masters".to_owned()]);
    config.default_retry = false;
    Client::try_from(config).map_err(|error| Error::Wrong {
        problem: error.to_string(),
    })
}

fn clients(client: Client) -> Clients {
    Clients {
        who: "pingzhan".to_owned(),
        reads: client.clone(),
        watches: client.clone(),
        writes: client,
    }
}

/// A freeze as the step writes it.
fn manifest(frozen: usize) -> Result<Value, Error> {
    let asked = Freeze {
        namespaces: NamespaceSelector::default(),
        automation: Vec::new(),
        except: Vec::new(),
    };
    let seen = |namespace: &str, name: String| -> Projection {
        let target = Target::from(Identity {
            namespace: namespace.to_owned(),
            name,
            ..Identity::default()
        });
        creation::seen(&target, None)
    };
    let names = (0..frozen).map(|number| seen("", format!("bench-frozen-{number}")));
    let found = [
        vec![seen(names::DEFAULT_NAMESPACE, String::new())],
        names.collect(),
    ];
    let compiled = freeze::compile(&asked, &found, &["bench"]);
    let change = compiled.changes.into_iter().next();
    let manifest = change.and_then(|change| change.after.value().cloned());
    let mut manifest = manifest.context(WrongSnafu {
        problem: "nothing is frozen",
    })?;
    freeze::complete(&mut manifest, "bench", "2026-07-01T12:00:00Z");
    Ok(manifest)
}

fn documents(text: &str) -> Result<Vec<Value>, Error> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text)
        .map(Value::deserialize)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })
}

/// Where an object of these kinds is.
fn at(object: &Value) -> Result<String, Error> {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (space, name) = (text("/metadata/namespace"), text("/metadata/name"));
    Ok(match text("/kind") {
        "Namespace" => format!("/api/v1/namespaces/{name}"),
        "ConfigMap" => format!("/api/v1/namespaces/{space}/configmaps/{name}"),
        "ValidatingAdmissionPolicy" => format!("{POLICIES}/validatingadmissionpolicies/{name}"),
        "ValidatingAdmissionPolicyBinding" => {
            format!("{POLICIES}/validatingadmissionpolicybindings/{name}")
        }
        other => {
            let problem = format!("{other} is of no kind that is put there");
            return WrongSnafu { problem }.fail();
        }
    })
}

async fn put(client: &Client, object: &Value) -> Result<(), Error> {
    let at = format!("{}?fieldManager=bench&force=true", at(object)?);
    let apply = "application/apply-patch+yaml";
    send(client, Method::PATCH, &at, apply, Some(object)).await
}

async fn send(
    client: &Client,
    method: Method,
    at: &str,
    content: &str,
    body: Option<&Value>,
) -> Result<(), Error> {
    let doing = format!("{method} {at}");
    let bytes = body.map(|body| body.to_string().into_bytes());
    let request = Request::builder()
        .method(method)
        .uri(at)
        .header("content-type", content)
        .body(Body::from(bytes.unwrap_or_default()))
        .map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })?;
    let answer = client.send(request).await;
    let answer = answer.map_err(|source| Error::Api {
        doing: doing.clone(),
        source: Box::new(source),
    })?;
    if answer.status().is_success() {
        // To the last byte, or the connection cannot carry the next one.
        let read = answer.into_body().collect_bytes().await;
        return read.map(drop).map_err(|source| Error::Api {
            doing,
            source: Box::new(source),
        });
    }
    let problem = format!("{doing}: {}", answer.status());
    WrongSnafu { problem }.fail()
}
