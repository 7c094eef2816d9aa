//! The run: a control plane, a fleet that grows, pairs in turn, then memory, rest and kubectl.

use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use kube::{Client, ResourceExt};
use serde_json::json;
use snafu::OptionExt;

use super::audit::Audit;
use super::fleet::{self, send};
use super::forwarder::Forwarder;
use super::mode::Mode;
use super::operator::Operator;
use super::raw::Raw;
use super::report::{Memory, Pair, Report, Size};
use super::{Error, WrongSnafu, kubectl, mode, plan, rules};
use crate::cluster::{self, Cluster, Spec};
use crate::progress::Progress;
use crate::tools::{self, Program};

/// Seconds over which a mode at rest is watched: ten looks for new targets, four renewals of the
/// lease and more than one of every other period in the program.
const REST: Duration = Duration::from_secs(20);
/// Targets of kubectl: one process each takes long.
const KUBECTL: usize = 200;
/// Projections of the pure plan.
const PLANNED: usize = 10_000;

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Sizes of the fleet.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000])]
    targets: Vec<usize>,
    /// Pairs a size.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Writes in flight at most, of both.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Size of the fleet whose memory is measured; 0 leaves memory and rest out.
    #[arg(long, default_value_t = 10_000)]
    memory_targets: usize,
    /// `json`: the last line is one object.
    #[arg(short, long, value_parser = ["json"])]
    output: Option<String>,
}

/// What everything is measured with.
struct Bench {
    cluster: Cluster,
    audit: PathBuf,
    admin: Client,
    forwarder: Forwarder,
    kubeconfig: PathBuf,
    raw: Client,
    raw_forwarder: Forwarder,
    concurrency: usize,
    progress: Progress,
}

/// Measures, and prints.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let tools = tools::ensure(&[Program::Kubectl], progress)?;
    let problem = "kubectl was not built";
    let kubectl = tools
        .get(Program::Kubectl)
        .context(WrongSnafu { problem })?;
    let mut report = Report {
        plan: plan::milliseconds(PLANNED)?,
        ..Report::default()
    };
    let bench = Bench::start(args, progress).await?;
    let mut sizes = args.targets.clone();
    sizes.sort_unstable();
    let mut size = 0;
    for targets in sizes {
        fleet::grow(&bench.admin, size, targets, progress).await?;
        size = targets;
        report.sizes.push(bench.pairs(targets, args.pairs).await?);
    }
    if args.memory_targets > size {
        fleet::grow(&bench.admin, size, args.memory_targets, progress).await?;
        size = args.memory_targets;
    }
    if args.memory_targets > 0 {
        report.memory = bench.memory(size).await?;
    }
    let few = KUBECTL.min(size);
    report.kubectl = kubectl::measure(kubectl, &bench.cluster.kubeconfig(), few).await?;
    bench.cluster.down()?;
    println!("{}", report.text());
    if args.output.is_some() {
        println!("{}", report.json());
    }
    Ok(())
}

impl Bench {
    async fn start(args: &Args, progress: Progress) -> Result<Self, Error> {
        let spec = Spec {
            audit: true,
            owner: Some(std::process::id()),
            ..Spec::new(&format!("bench-{}", std::process::id()))
        };
        let cluster = Cluster::up(spec, progress).await?;
        let problem = "the cluster keeps no audit log";
        let audit = cluster.audit_log().context(WrongSnafu { problem })?;
        let admin = cluster.client().await?;
        let forwarder = Forwarder::of(&cluster).await?;
        let raw_forwarder = Forwarder::of(&cluster).await?;
        let kubeconfig = forwarder.kubeconfig(&cluster, "operator")?;
        let raw_kubeconfig = raw_forwarder.kubeconfig(&cluster, "raw")?;
        let mut config = cluster::config(&raw_kubeconfig).await?;
        let account = "system:serviceaccount:pingzhan-playbooks:bench";
        config.auth_info.impersonate = Some(account.to_owned());
        let raw = Client::try_from(config).map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })?;
        let bench = Self {
            cluster,
            audit,
            admin,
            forwarder,
            kubeconfig,
            raw,
            raw_forwarder,
            concurrency: args.concurrency,
            progress,
        };
        bench.prepare().await?;
        Ok(bench)
    }

    /// Everything that is there before a fleet: kinds, namespaces, rights, the playbook.
    async fn prepare(&self) -> Result<(), Error> {
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        for crd in pingzhan::api::crds() {
            let name = crd.name_any();
            send(&self.admin, Method::POST, crds, JSON, &json!(crd)).await?;
            let api = kube::Api::all(self.admin.clone());
            let there = kube::runtime::conditions::is_crd_established();
            let waiting = kube::runtime::wait::await_condition(api, &name, there);
            waiting.await.map_err(|error| Error::Wrong {
                problem: error.to_string(),
            })?;
        }
        rules::install(&self.admin).await?;
        fleet::namespaces(&self.admin).await?;
        mode::grant(&self.admin).await?;
        let path = "/apis/pingzhan.dev/v1alpha1/playbooks";
        send(
            &self.admin,
            Method::POST,
            path,
            JSON,
            &json!(mode::playbook()?),
        )
        .await?;
        Ok(())
    }

    async fn pairs(&self, targets: usize, pairs: usize) -> Result<Size, Error> {
        let mut task = self
            .progress
            .task(&format!("{pairs} pairs of {targets} targets"));
        let operator = self.operator()?;
        let mut size = Size {
            targets,
            pairs: Vec::with_capacity(pairs),
        };
        let mut before = self.raw(targets).await?;
        for number in 0..pairs {
            task.at(&format!("pair {}", number + 1));
            let name = format!("bench-{targets}-{number}");
            let mut pair = self.mode(&name, targets).await?;
            let after = self.raw(targets).await?;
            pair.raw = before.mean(&after);
            before = after;
            let (switch, restore) = (&pair.switch, &pair.restore);
            self.progress.say(&format!(
                "  pair {}: switch {:.1}/s of {:.1}/s raw ({} requests), restore {:.1}/s of {:.1}/s raw ({} requests)",
                number + 1,
                switch.rate,
                pair.raw.switch.rate,
                switch.requests.len(),
                restore.rate,
                pair.raw.restore.rate,
                restore.requests.len(),
            ));
            size.pairs.push(pair);
        }
        operator.end().await?;
        task.done("done");
        Ok(size)
    }

    async fn raw(&self, targets: usize) -> Result<super::raw::Measured, Error> {
        let file = self.cluster.folder.join("raw.tsv");
        let raw = Raw {
            admin: &self.admin,
            client: self.raw.clone(),
            forwarder: Some(self.raw_forwarder.clone()),
            concurrency: self.concurrency,
            file: &file,
        };
        raw.measure(targets).await
    }

    async fn mode(&self, name: &str, targets: usize) -> Result<Pair, Error> {
        let mode = Mode::declare(&self.admin, name, &self.audit, &self.forwarder).await?;
        let switch = mode.switch(targets).await?;
        let restore = mode.restore(targets).await?;
        let journal = mode.journal().await?;
        mode.delete().await?;
        fleet::check(&fleet::look(&self.admin).await?, targets)?;
        Ok(Pair {
            raw: super::raw::Measured::default(),
            switch,
            restore,
            journal,
        })
    }

    fn operator(&self) -> Result<Operator, Error> {
        let log = self.cluster.folder.join("logs/operator.log");
        Operator::start(&self.kubeconfig, self.concurrency, &log)
    }

    /// Memory and rest, with an operator that has done nothing else.
    async fn memory(&self, targets: usize) -> Result<Memory, Error> {
        let task = self.progress.task(&format!("memory of {targets} targets"));
        let operator = self.operator()?;
        tokio::time::sleep(IDLE).await;
        let idle = operator.resident()?;
        let mode = Mode::declare(&self.admin, "bench-memory", &self.audit, &self.forwarder).await?;
        mode.switch(targets).await?;
        let switch = operator.peak()?;
        tokio::time::sleep(SETTLE).await;
        let audit = Audit::from_now(&self.audit);
        tokio::time::sleep(REST).await;
        let at_rest = audit.requests()?;
        for request in &at_rest {
            let what = request.kind();
            self.progress.say(&format!("  at rest it sent: {what}"));
        }
        let rest = operator.resident()?;
        mode.restore(targets).await?;
        let restore = operator.peak()?;
        mode.delete().await?;
        operator.end().await?;
        fleet::check(&fleet::look(&self.admin).await?, targets)?;
        task.done("done");
        Ok(Memory {
            targets,
            idle,
            switch,
            rest,
            restore,
            requests_at_rest: at_rest.len(),
        })
    }
}

/// Until an operator leads, and its watches stand: the lease is free at once when its holder gave
/// it back, and after 15 s when that was killed.
const IDLE: Duration = Duration::from_secs(20);
/// Until the last status and the start of the watches are over.
const SETTLE: Duration = Duration::from_secs(3);
/// The media type of what is created.
const JSON: &str = "application/json";
