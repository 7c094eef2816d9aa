//! What a freeze costs those whom it does not concern: the same writes with and without the policy in
//! force, in turn, on two API servers that change places.

mod objects;

use std::time::Duration;

use http::Method;
use kube::{Api, Client};
use pingzhan::api::{self, names};
use pingzhan::cluster::Clients;
use pingzhan::run::clock::Clock;
use pingzhan::run::freeze::prove;
use pingzhan::step::freeze;
use serde_json::{Value, json};
use snafu::OptionExt;

use self::objects::{at, documents, manifests, probed, put, send};
use super::{Error, WrongSnafu, median};
use crate::cluster::{self, Cluster, Spec};
use crate::generate::{policies, rbac};
use crate::progress::Progress;
use crate::surroundings::Stopwatch;

/// Where is written; it is never frozen.
const FREE: &str = "bench-free";
/// A policy follows what is stored within a second.
const AGAIN: Duration = Duration::from_millis(200);
/// Looks until it is given up: a server that has just got a kind may not know it as a policy's parameter for
/// half a minute.
const LOOKS: usize = 450;

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Writes of each kind on each plane in each half of a pair.
    #[arg(long, default_value_t = 100)]
    writes: usize,
    /// Pairs: in each, both planes have the policy in force once.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Namespaces that are frozen.
    #[arg(long, default_value_t = 50)]
    frozen: usize,
    /// The ratio, with the policy to without, above which this fails.
    #[arg(long, default_value_t = 1.05)]
    limit: f64,
}

/// A write that a freeze does not concern.
struct Case {
    /// Who writes, in words, and as the API server knows them.
    word: &'static str,
    user: &'static str,
    /// Of what kind, and where it is.
    kind: &'static str,
    path: &'static str,
}

const CONTROLLER: &str = "system:serviceaccount:kube-system:deployment-controller";
const FLAGS: &str = "/api/v1/namespaces/bench-free/configmaps/flags";
const WEB: &str = "/apis/apps/v1/namespaces/bench-free/deployments/web";

const CASES: [Case; 4] = [
    Case {
        word: "a controller",
        user: CONTROLLER,
        kind: "ConfigMap",
        path: FLAGS,
    },
    Case {
        word: "a person",
        user: "he",
        kind: "ConfigMap",
        path: FLAGS,
    },
    Case {
        word: "a controller",
        user: CONTROLLER,
        kind: "Deployment",
        path: WEB,
    },
    Case {
        word: "a person",
        user: "he",
        kind: "Deployment",
        path: WEB,
    },
];

/// What a write took, in milliseconds: where the policy is in force, and where it is not.
#[derive(Clone, Copy)]
struct Took {
    with: f64,
    without: f64,
}

impl Took {
    fn ratio(&self) -> f64 {
        self.with / self.without
    }
}

/// Measures, and prints.
///
/// On two control planes, of which in turn one and then the other has the policy in force: a write to each, one
/// after the other. So what the machine does besides, and what tells the planes apart, is the same on both sides.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let benches = [
        Bench::up(args.frozen, "one", progress).await?,
        Bench::up(args.frozen, "other", progress).await?,
    ];
    let mut sides = vec![[Vec::new(), Vec::new()]; CASES.len()];
    for pair in 0..args.pairs {
        for (side, [with, without]) in [[0, 1], [1, 0]].into_iter().enumerate() {
            benches[with].put_in_force(true).await?;
            benches[without].put_in_force(false).await?;
            for (case, took) in CASES.iter().zip(&mut sides) {
                let both = [&benches[with], &benches[without]];
                took[side].push(writes(both, case, args.writes).await?);
            }
        }
        progress.say(&format!("  pair {} of {}", pair + 1, args.pairs));
    }
    for bench in benches {
        bench.cluster.down()?;
    }
    println!(
        "{} namespaces frozen, {} pairs of {} writes on each plane, medians:",
        args.frozen, args.pairs, args.writes
    );
    let mut above = Vec::new();
    for (case, took) in CASES.iter().zip(sides) {
        let ratio = took.iter().map(|side| median(side.iter().map(Took::ratio)));
        let ratio = ratio.product::<f64>().sqrt();
        let all = || took.iter().flatten();
        let (with, without) = (
            median(all().map(|took| took.with)),
            median(all().map(|took| took.without)),
        );
        let Case { word, kind, .. } = case;
        println!("  {kind}, {word}: {without:.2} ms without, {with:.2} ms with, ratio {ratio:.3}");
        if ratio > args.limit {
            above.push(format!("{kind}, {word}: {ratio:.3}"));
        }
    }
    let problem = format!(
        "a freeze costs more than {} of what it does not concern: {}",
        args.limit,
        above.join("; ")
    );
    snafu::ensure!(above.is_empty(), WrongSnafu { problem });
    Ok(())
}

/// A control plane with a freeze: an object in each frozen namespace.
struct Bench {
    cluster: Cluster,
    admin: Client,
    own: Clients,
    freezes: Vec<Value>,
}

impl Bench {
    async fn up(frozen: usize, name: &str, progress: Progress) -> Result<Self, Error> {
        let own = std::process::id();
        let spec = Spec {
            owner: Some(own),
            ..Spec::new(&format!("bench-{own}-{name}"))
        };
        let cluster = Cluster::up(spec, progress).await?;
        let bench = Self {
            admin: cluster.client().await?,
            own: clients(acting(&cluster, &operator()).await?),
            freezes: manifests(frozen)?,
            cluster,
        };
        bench.prepare().await?;
        Ok(bench)
    }

    async fn prepare(&self) -> Result<(), Error> {
        self.kinds().await?;
        for text in [rbac::namespaces(), policies::one(names::FREEZE_POLICY)] {
            for object in documents(&text)? {
                put(&self.admin, &object).await?;
            }
        }
        let frozen = self.freezes.iter().filter_map(freeze::namespace);
        for name in frozen.chain([FREE]) {
            let object =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            put(&self.admin, &object).await?;
        }
        let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "n": "0" },
            "metadata": { "name": "flags", "namespace": FREE } });
        put(&self.admin, &flags).await?;
        let container = json!({ "name": "server", "image": "city/web:1",
            "resources": { "requests": { "cpu": "500m", "memory": "1Gi" } } });
        let web = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": FREE },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "web" } }, "template": {
                "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [container] } } } });
        put(&self.admin, &web).await?;
        for one in &self.freezes {
            put(&self.admin, one).await?;
        }
        Ok(())
    }

    /// Our kinds, of which the policy's parameter is one.
    async fn kinds(&self) -> Result<(), Error> {
        for kind in api::kinds() {
            put(&self.admin, kind).await?;
            let name = kind["metadata"]["name"].as_str().unwrap_or_default();
            let there = kube::runtime::conditions::is_crd_established();
            let all = Api::all(self.admin.clone());
            let waiting = kube::runtime::wait::await_condition(all, name, there);
            waiting.await.map_err(|error| Error::Wrong {
                problem: error.to_string(),
            })?;
        }
        Ok(())
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
        let probed = [probed(&self.freezes)];
        for _ in 0..LOOKS {
            let proof = prove(&self.own, &probed, Clock::machine().now()).await;
            if (on && proof.holds()) || (!on && proof.is_lifted()) {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
        }
        let problem = format!("the policy does not become in force = {on}");
        WrongSnafu { problem }.fail()
    }
}

/// The medians of how long a write takes: on the plane that has the policy in force, and on the other.
async fn writes([with, without]: [&Bench; 2], case: &Case, count: usize) -> Result<Took, Error> {
    let clients = [
        acting(&with.cluster, case.user).await?,
        acting(&without.cluster, case.user).await?,
    ];
    let mut took = [Vec::with_capacity(count), Vec::with_capacity(count)];
    for number in 0..count {
        let patch = json!({ "metadata": { "annotations": { "n": number.to_string() } } });
        // Who goes first changes: what the machine has just done favours neither.
        let order = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            let merge = "application/merge-patch+json";
            let watch = Stopwatch::start();
            send(
                &clients[side],
                Method::PATCH,
                case.path,
                merge,
                Some(&patch),
            )
            .await?;
            took[side].push(watch.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let [with, without] = took.map(median);
    Ok(Took { with, without })
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
