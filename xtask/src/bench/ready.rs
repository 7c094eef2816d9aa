//! Release order: how soon what people wait for is Ready, with stock controllers, against the same
//! writes released at once.
//!
//! One control plane with a stock controller manager and scheduler and nodes whose kubelets are
//! played by kwok. Each twentieth workload is critical; each workload gets one replica more. The
//! operator goes first, in the order that its playbook says; when it has brought everything back
//! exactly and the controllers are at rest, the raw client sends the same guarded patches in the
//! order in which a list has the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use http::Method;
use jiff::Timestamp;
use kube::{Client, ResourceExt};
use pingzhan::api::Playbook;
use pingzhan::cluster::Collection;
use pingzhan::cluster::watch::{self, Report};
use pingzhan::field::{Image, Progress as Converging, Projection};
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};
use snafu::{OptionExt, ensure};
use tokio::task::JoinHandle;

use super::fleet::{self, send};
use super::forwarder::Forwarder;
use super::mode::{self, Mode};
use super::operator::Operator;
use super::raw::Raw;
use super::{Error, WrongSnafu, rules};
use crate::cluster::{self, Cluster, Controllers, Spec};
use crate::progress::Progress;
use pingzhan::field::patch::HeldBy;

/// Replicas in peacetime.
const BASE: i64 = 1;
/// Replicas in wartime: one more.
const AFTER: i64 = 2;
/// The label of what people wait for.
const CRITICAL: &str = "critical";
/// Pods that a node of kwok takes.
const PODS: usize = 100;
/// Workloads of which the controllers may have done none for this long: something is wrong then.
const PATIENCE: Duration = Duration::from_mins(3);
/// Requests at a time while the fleet is loaded.
const LOADING: usize = 8;
/// The media type of what is created.
const JSON: &str = "application/json";

/// How it is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Workloads, each twentieth of which is critical.
    #[arg(long, default_value_t = 1000)]
    targets: usize,
    /// Writes in flight at most, of both.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// `json`: the last line is one object.
    #[arg(short, long, value_parser = ["json"])]
    output: Option<String>,
}

/// What came of one release of all writes.
#[derive(Clone, Copy, Debug, Default)]
struct Released {
    /// Seconds until all critical workloads were Ready.
    critical: f64,
    /// Seconds until all were.
    total: f64,
}

/// What everything is measured with.
struct Bench {
    cluster: Cluster,
    audit: PathBuf,
    admin: Client,
    forwarder: Forwarder,
    kubeconfig: PathBuf,
    clock: Clock,
    targets: usize,
    concurrency: usize,
    progress: Progress,
}

/// Measures, and prints.
pub async fn run(args: &Args, progress: Progress) -> Result<(), Error> {
    let bench = Bench::start(args, progress).await?;
    bench.load().await?;
    let (ordered, requests, back) = bench.ordered().await?;
    let at_once = bench.at_once().await?;
    bench.cluster.down()?;
    let critical = (0..args.targets)
        .filter(|member| is_critical(*member))
        .count();
    let json = json!({"ready": {
        "targets": args.targets, "critical": critical,
        "ordered": {"critical_seconds": ordered.critical, "total_seconds": ordered.total,
            "requests_per_target": requests},
        "at_once": {"critical_seconds": at_once.critical, "total_seconds": at_once.total},
        "return_seconds": back,
        "sooner": at_once.critical / ordered.critical,
        "total_ratio": ordered.total / at_once.total,
    }});
    println!("{}", text(&json["ready"]));
    if args.output.is_some() {
        println!("{json}");
    }
    Ok(())
}

/// The figures for people.
fn text(ready: &Value) -> String {
    let number = |pointer: &str| {
        ready
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    };
    let verdict = |holds: bool| if holds { "holds" } else { "DOES NOT HOLD" };
    let (sooner, total) = (number("/sooner"), number("/total_ratio"));
    format!(
        "{} workloads, {} of them critical, one replica more each\n\
         in order: critical Ready after {:.1} s, all after {:.1} s, {:.3} requests a target\n\
         at once:  critical Ready after {:.1} s, all after {:.1} s\n\
         critical: {sooner:.1} times sooner (at least 5: {})\n\
         all:      {total:.3} times as long (at most 1.1: {})",
        ready["targets"],
        ready["critical"],
        number("/ordered/critical_seconds"),
        number("/ordered/total_seconds"),
        number("/ordered/requests_per_target"),
        number("/at_once/critical_seconds"),
        number("/at_once/total_seconds"),
        verdict(sooner >= 5.0),
        verdict(total <= 1.1),
    )
}

/// Each twentieth, at no certain place of a list by namespaces and names.
const fn is_critical(member: usize) -> bool {
    (member / fleet::NAMESPACES) % 20 == member % 20
}

fn workload(member: usize) -> Value {
    let mut workload = fleet::deployment(member);
    workload["spec"]["replicas"] = BASE.into();
    if is_critical(member) {
        workload["metadata"]["labels"][CRITICAL] = "true".into();
    }
    workload
}

/// The playbook of the other benchmarks, with an order of release.
fn playbook() -> Result<Playbook, Error> {
    let mut playbook = json!(mode::playbook()?);
    let stage = &mut playbook["spec"]["stages"][0];
    stage["priority"] = json!([{"selector": {"matchLabels": {CRITICAL: "true"}}}]);
    stage["steps"][0]["scale"] = json!({"replicas": AFTER});
    serde_json::from_value(playbook).map_err(|error| wrong(&error))
}

fn wrong(error: &dyn std::fmt::Display) -> Error {
    Error::Wrong {
        problem: error.to_string(),
    }
}

impl Bench {
    async fn start(args: &Args, progress: Progress) -> Result<Self, Error> {
        let nodes = (args.targets * 2).div_ceil(PODS) + 2;
        let spec = Spec {
            audit: true,
            controllers: Controllers::Stock,
            nodes: u32::try_from(nodes).map_err(|error| wrong(&error))?,
            owner: Some(std::process::id()),
            ..Spec::new(&format!("bench-{}", std::process::id()))
        };
        let cluster = Cluster::up(spec, progress).await?;
        let problem = "the cluster keeps no audit log";
        let audit = cluster.audit_log().context(WrongSnafu { problem })?;
        let admin = cluster.client().await?;
        let forwarder = Forwarder::of(&cluster).await?;
        let kubeconfig = forwarder.kubeconfig(&cluster, "operator")?;
        Ok(Self {
            cluster,
            audit,
            admin,
            forwarder,
            kubeconfig,
            clock: Clock::machine(),
            targets: args.targets,
            concurrency: args.concurrency,
            progress,
        })
    }

    /// The fleet, as Helm made it and the controllers have it Ready; our kinds and the playbook.
    async fn load(&self) -> Result<(), Error> {
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        for crd in pingzhan::api::crds() {
            let name = crd.name_any();
            send(&self.admin, Method::POST, crds, JSON, &json!(crd)).await?;
            let there = kube::runtime::conditions::is_crd_established();
            let api = kube::Api::all(self.admin.clone());
            let waiting = kube::runtime::wait::await_condition(api, &name, there);
            waiting.await.map_err(|error| wrong(&error))?;
        }
        rules::install(&self.admin).await?;
        fleet::namespaces(&self.admin).await?;
        mode::grant(&self.admin).await?;
        let path = "/apis/pingzhan.dev/v1alpha1/playbooks";
        send(&self.admin, Method::POST, path, JSON, &json!(playbook()?)).await?;
        let task = self
            .progress
            .task(&format!("load {} Deployments", self.targets));
        let ready = self.watch(BTreeMap::new());
        futures::stream::iter(0..self.targets)
            .map(|member| async move {
                let namespace = fleet::namespace(member);
                let path =
                    format!("/apis/apps/v1/namespaces/{namespace}/deployments?fieldManager=helm");
                send(&self.admin, Method::POST, &path, JSON, &workload(member)).await
            })
            .buffer_unordered(LOADING)
            .try_collect::<Vec<Value>>()
            .await?;
        ready.await.map_err(|error| wrong(&error))??;
        task.done("all Ready");
        Ok(())
    }

    /// The switch by the operator, the requests that it took a target, and the seconds until its
    /// return was over and the controllers at rest.
    async fn ordered(&self) -> Result<(Released, f64, f64), Error> {
        let task = self.progress.task("in order");
        let log = self.cluster.folder.join("logs/operator.log");
        let operator = Operator::start(&self.kubeconfig, self.concurrency, &log)?;
        let before = self.generations().await?;
        let mode = Mode::declare(&self.admin, "bench-ready", &self.audit, &self.forwarder).await?;
        let ready = self.watch(before);
        let from = self.clock.now();
        let switch = mode.switch(self.targets).await?;
        let ready = ready.await.map_err(|error| wrong(&error))??;
        let released = self.released(from, &ready).await?;
        task.done(&format!("{released:?}"));
        let task = self.progress.task("back");
        let from = self.clock.now();
        let ready = self.watch(self.generations().await?);
        mode.restore(self.targets).await?;
        let ready = ready.await.map_err(|error| wrong(&error))??;
        let back = self.released(from, &ready).await?;
        mode.delete().await?;
        operator.end().await?;
        for one in fleet::look(&self.admin).await? {
            let field = one.field(&fleet::replicas());
            let back = field.is_some_and(|seen| {
                seen.image == Image::Present(BASE.into()) && seen.ours.is_empty()
            });
            let problem = format!("{}: not brought back exactly: {field:?}", one.target.name);
            ensure!(back && one.held_by.is_none(), WrongSnafu { problem });
        }
        task.done("exact");
        let requests = switch.requests.len() as f64 / self.targets as f64;
        Ok((released, requests, back.total))
    }

    /// The same writes by the raw client.
    async fn at_once(&self) -> Result<Released, Error> {
        let task = self.progress.task("at once");
        let mut config = cluster::config(&self.kubeconfig).await?;
        let account = "system:serviceaccount:pingzhan-playbooks:bench";
        config.auth_info.impersonate = Some(account.to_owned());
        let file = self.cluster.folder.join("raw.tsv");
        let raw = Raw {
            admin: &self.admin,
            client: Client::try_from(config).map_err(|error| wrong(&error))?,
            forwarder: None,
            concurrency: self.concurrency,
            file: &file,
        };
        let before = fleet::look(&self.admin).await?;
        let ready = self.watch(generations(&before));
        let from = self.clock.now();
        let label = HeldBy::Set("bench-raw".into());
        raw.values(&before, AFTER, &label).await?;
        let ready = ready.await.map_err(|error| wrong(&error))??;
        let released = self.released(from, &ready).await?;
        task.done(&format!("{released:?}"));
        Ok(released)
    }

    async fn generations(&self) -> Result<BTreeMap<String, i64>, Error> {
        Ok(generations(&fleet::look(&self.admin).await?))
    }

    async fn released(
        &self,
        from: Timestamp,
        ready: &BTreeMap<String, Timestamp>,
    ) -> Result<Released, Error> {
        let path = format!("/apis/apps/v1/deployments?labelSelector={CRITICAL}%3Dtrue");
        let critical = send(&self.admin, Method::GET, &path, JSON, &Value::Null).await?;
        let uids = critical["items"].as_array().into_iter().flatten();
        let uids: BTreeSet<&str> = uids
            .filter_map(|item| item["metadata"]["uid"].as_str())
            .collect();
        let last = |critical: bool| {
            let of = ready
                .iter()
                .filter(|(uid, _)| !critical || uids.contains(uid.as_str()));
            let last = of.map(|(_, at)| *at).max();
            last.map_or(0.0, |at| at.duration_since(from).as_secs_f64())
        };
        Ok(Released {
            critical: last(true),
            total: last(false),
        })
    }

    /// Watches until all are Ready at a later generation than this, and says when each was.
    fn watch(
        &self,
        before: BTreeMap<String, i64>,
    ) -> JoinHandle<Result<BTreeMap<String, Timestamp>, Error>> {
        let collection = Collection {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespace: String::new(),
        };
        let labels = format!("{}=bench", fleet::LABEL);
        let mut reports = Box::pin(watch::progress(self.admin.clone(), &collection, &labels));
        let (clock, targets) = (self.clock, self.targets);
        tokio::spawn(async move {
            let mut ready: BTreeMap<String, Timestamp> = BTreeMap::new();
            while ready.len() < targets {
                let report = tokio::time::timeout(PATIENCE, reports.next()).await.ok();
                let problem = format!("only {} of {targets} became Ready", ready.len());
                match report.flatten().context(WrongSnafu { problem })? {
                    Report::Is(uid, generation, Converging::Ready) => {
                        let known = before.get(uid.as_str()).copied().unwrap_or_default();
                        if generation > known {
                            let now = clock.now();
                            ready.entry(uid.to_string()).or_insert(now);
                        }
                    }
                    Report::Is(..) | Report::Left(_) => {}
                    Report::Interrupted(problem) => return WrongSnafu { problem }.fail(),
                }
            }
            Ok(ready)
        })
    }
}

fn generations(fleet: &[Projection]) -> BTreeMap<String, i64> {
    let of = |one: &Projection| Some((one.target.uid.to_string(), one.generation?));
    fleet.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The issue asks for 50 of 1,000; and where they all stand at the end of a list, released at once
    /// they would be late by their place alone.
    #[test]
    fn fifty_of_a_thousand_are_critical_and_stand_in_all_namespaces() {
        let critical = (0..1000).filter(|member| is_critical(*member));
        let mut spaces: BTreeMap<String, usize> = BTreeMap::new();
        for member in critical {
            *spaces.entry(fleet::namespace(member)).or_default() += 1;
        }
        assert_eq!(spaces.values().sum::<usize>(), 50);
        assert_eq!(spaces.len(), fleet::NAMESPACES);
    }

    /// A playbook that does not say what is first would measure nothing.
    #[test]
    fn the_playbook_has_an_order_of_release() {
        let playbook = playbook().expect("a playbook");
        assert_eq!(playbook.spec.stages[0].priority.len(), 1);
        let text =
            text(&json!({"targets": 1000, "critical": 50, "sooner": 6.0, "total_ratio": 1.2}));
        assert!(
            text.contains("6.0 times sooner (at least 5: holds)"),
            "{text}"
        );
        assert!(
            text.contains("1.200 times as long (at most 1.1: DOES NOT HOLD)"),
            "{text}"
        );
    }
}
