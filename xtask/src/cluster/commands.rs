//! How each program of a cluster is started, and in what order.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use snafu::ResultExt;

use super::{
    Cluster, Controllers, Error, FilesSnafu, PortsSnafu, Spec, StartSnafu, kubeconfig, process,
    ready, state,
};
use crate::certs::{Pki, write_private};
use crate::tools::{Program, Toolset};

/// Ports that are free, all different.
struct Ports {
    etcd: u16,
    peer: u16,
    api: u16,
}

impl Ports {
    fn free() -> Result<Self, Error> {
        // All are held until all are chosen, so that none is chosen twice.
        let take = || TcpListener::bind(("127.0.0.1", 0)).context(PortsSnafu);
        let held = [take()?, take()?, take()?];
        let port =
            |listener: &TcpListener| listener.local_addr().map(|a| a.port()).context(PortsSnafu);
        Ok(Self {
            etcd: port(&held[0])?,
            peer: port(&held[1])?,
            api: port(&held[2])?,
        })
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }
}

/// Where the audit log is.
pub fn audit_log(folder: &Path) -> PathBuf {
    folder.join("logs/audit.log")
}

/// Every request at the level of its metadata, once it is answered.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// Starts everything in an empty folder and waits until it is ready.
pub async fn start(spec: &Spec, set: &Toolset, folder: &Path) -> Result<Cluster, Error> {
    for part in ["logs", "pids"] {
        let path = folder.join(part);
        std::fs::create_dir_all(&path).context(FilesSnafu { path })?;
    }
    state::note_owner(folder, spec.owner)?;
    if let Some(owner) = spec.owner {
        watch_owner(spec, folder, owner)?;
    }
    let ports = Ports::free()?;
    let pki = Pki::create(&folder.join("pki"))?;
    let url = format!("https://127.0.0.1:{}", ports.api);
    kubeconfig::write_own(folder, &pki, &url)?;
    let cluster = Cluster {
        spec: spec.clone(),
        url,
        etcd: ports.etcd_url(),
        folder: folder.to_path_buf(),
    };
    let run = |program: Program, args: Vec<String>| match set.get(program) {
        Some(path) => process::spawn(folder, program.name(), path, &args).map(|_| ()),
        None => Ok(()),
    };
    run(Program::Etcd, etcd(spec, folder, &ports))?;
    run(
        Program::KubeApiserver,
        api_server(spec, folder, &ports, &pki)?,
    )?;
    ready::api(&cluster).await?;
    match spec.controllers {
        Controllers::None => {}
        Controllers::Stock => {
            run(
                Program::KubeControllerManager,
                controller_manager(folder, &pki),
            )?;
            run(Program::KubeScheduler, scheduler(folder))?;
        }
    }
    if spec.nodes > 0 {
        run(Program::Kwok, kwok(folder, set))?;
    }
    ready::rest(&cluster).await?;
    Ok(cluster)
}

/// A second process of this tool that outlives the run and ends the cluster with its owner,
/// however the owner ends.
fn watch_owner(spec: &Spec, folder: &Path, owner: u32) -> Result<(), Error> {
    let own = std::env::current_exe().context(StartSnafu {
        program: "the owner's watcher",
    })?;
    // The folder is named so that the watcher is recognised as the cluster's.
    let pids = folder.join("pids/").to_string_lossy().into_owned();
    let owner = owner.to_string();
    let args = [
        "cluster", "reap", "--name", &spec.name, "--owner", &owner, "--of", &pids,
    ];
    process::spawn(folder, "xtask", &own, &args.map(str::to_owned)).map(|_| ())
}

fn flags<const N: usize>(pairs: [(&str, String); N]) -> Vec<String> {
    pairs
        .into_iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

fn etcd(spec: &Spec, folder: &Path, ports: &Ports) -> Vec<String> {
    let client = ports.etcd_url();
    let peer = format!("http://127.0.0.1:{}", ports.peer);
    let mut args = flags([
        ("name", "etcd".into()),
        (
            "data-dir",
            folder.join("data").to_string_lossy().into_owned(),
        ),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", peer.clone()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", format!("etcd={peer}")),
        ("log-level", "warn".into()),
    ]);
    if !spec.fsync {
        args.push("--unsafe-no-fsync".into());
    }
    args
}

fn api_server(spec: &Spec, folder: &Path, ports: &Ports, pki: &Pki) -> Result<Vec<String>, Error> {
    let mut args = flags([
        ("etcd-servers", ports.etcd_url()),
        ("secure-port", ports.api.to_string()),
        ("bind-address", "127.0.0.1".into()),
        ("advertise-address", "127.0.0.1".into()),
        ("endpoint-reconciler-type", "none".into()),
        ("service-cluster-ip-range", "10.96.0.0/16".into()),
        ("authorization-mode", "Node,RBAC".into()),
        ("client-ca-file", pki.file("ca.crt")),
        ("tls-cert-file", pki.file("apiserver.crt")),
        ("tls-private-key-file", pki.file("apiserver.key")),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local".into(),
        ),
        ("service-account-key-file", pki.file("sa.pub")),
        ("service-account-signing-key-file", pki.file("sa.key")),
    ]);
    if spec.audit {
        let policy = folder.join("audit-policy.yaml");
        write_private(&policy, AUDIT_POLICY).context(FilesSnafu { path: &policy })?;
        args.extend(flags([
            ("audit-policy-file", policy.to_string_lossy().into_owned()),
            (
                "audit-log-path",
                audit_log(folder).to_string_lossy().into_owned(),
            ),
            // Megabytes. Large enough that a benchmark's log is never cut: it is counted.
            ("audit-log-maxsize", "4096".into()),
        ]));
    }
    Ok(args)
}

fn kubeconfig_of(folder: &Path, program: &str) -> String {
    folder
        .join(format!("{program}.kubeconfig"))
        .to_string_lossy()
        .into_owned()
}

fn controller_manager(folder: &Path, pki: &Pki) -> Vec<String> {
    flags([
        (
            "kubeconfig",
            kubeconfig_of(folder, "kube-controller-manager"),
        ),
        ("use-service-account-credentials", "true".into()),
        ("service-account-private-key-file", pki.file("sa.key")),
        ("root-ca-file", pki.file("ca.crt")),
        ("leader-elect", "false".into()),
        // The stock values: figures about readiness are measured with them.
        ("kube-api-qps", "20".into()),
        ("kube-api-burst", "30".into()),
        // Nobody asks it anything.
        ("secure-port", "0".into()),
    ])
}

fn scheduler(folder: &Path) -> Vec<String> {
    flags([
        ("kubeconfig", kubeconfig_of(folder, "kube-scheduler")),
        ("leader-elect", "false".into()),
        ("secure-port", "0".into()),
    ])
}

fn kwok(folder: &Path, set: &Toolset) -> Vec<String> {
    let stages = set.kwok_stages().unwrap_or_default();
    flags([
        ("kubeconfig", kubeconfig_of(folder, "kwok")),
        ("config", stages.to_string_lossy().into_owned()),
        ("manage-all-nodes", "true".into()),
        ("node-lease-duration-seconds", "40".into()),
    ])
}
