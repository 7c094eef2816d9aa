//! How each program of a cluster is started, and in what order.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use pingzhan::policies::Names;
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
pub fn audit_log(spec: &Spec, folder: &Path) -> PathBuf {
    let kept = spec.operator_log.clone();
    kept.unwrap_or_else(|| folder.join("logs/audit.log"))
}

/// Every request at the level of its metadata, once it is answered.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// The same of one user's requests, whomever they act as.
const AUDIT_OF_ONE: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [\"{user}\"]
- level: None
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
    args.extend(audit(spec, folder)?);
    Ok(args)
}

/// What has an API server write an audit log, where one is asked for.
fn audit(spec: &Spec, folder: &Path) -> Result<Vec<String>, Error> {
    // Megabytes, and how many logs that were full are kept beside the one that is written; 0 is all.
    let (rules, size, full) = if spec.audit {
        // Large enough that a benchmark's log is never cut: it is counted.
        (AUDIT_POLICY.to_owned(), "4096", "0")
    } else if spec.operator_log.is_some() {
        // More than any test makes it ask, and no more than a disk has.
        let rules = AUDIT_OF_ONE.replace("{user}", Names::default().operator());
        (rules, "128", "1")
    } else {
        return Ok(Vec::new());
    };
    let log = audit_log(spec, folder);
    let place = log.parent().unwrap_or(folder);
    std::fs::create_dir_all(place).context(FilesSnafu { path: place })?;
    let policy = folder.join("audit-policy.yaml");
    write_private(&policy, &rules).context(FilesSnafu { path: &policy })?;
    Ok(flags([
        ("audit-policy-file", policy.to_string_lossy().into_owned()),
        ("audit-log-path", log.to_string_lossy().into_owned()),
        ("audit-log-maxsize", size.into()),
        ("audit-log-maxbackup", full.into()),
    ]))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A log in the folder of a cluster that ends with its test is read by nobody, and the whole logs of all such
    /// clusters are more than a disk may have.
    #[test]
    fn what_the_operator_asks_is_logged_where_it_stays_and_is_bounded() {
        let folder = std::env::temp_dir().join(format!("pingzhan-audit-{}", std::process::id()));
        let kept = folder.join("kept/audit.log");
        let own = folder.join("own");
        std::fs::create_dir_all(&own).expect("the folder is ours");
        let of = |spec: &Spec| audit(spec, &own).expect("the folder is ours");
        let spec = Spec {
            operator_log: Some(kept.clone()),
            ..Spec::new("one")
        };
        let args = of(&spec);
        for expected in [
            format!("--audit-log-path={}", kept.display()),
            "--audit-log-maxsize=128".to_owned(),
            "--audit-log-maxbackup=1".to_owned(),
        ] {
            assert!(args.contains(&expected), "{expected}: {args:?}");
        }
        let policy = std::fs::read_to_string(own.join("audit-policy.yaml"));
        let policy: Value = serde_yaml::from_str(&policy.expect("it is written")).expect("YAML");
        let operator = "system:serviceaccount:pingzhan-system:pingzhan";
        let rules = json!([{ "level": "Metadata", "users": [operator] }, { "level": "None" }]);
        assert_eq!(policy["rules"], rules);
        let all = of(&Spec {
            audit: true,
            ..Spec::new("all")
        });
        let inside = format!("--audit-log-path={}", own.join("logs/audit.log").display());
        assert!(all.contains(&inside), "{all:?}");
        assert!(of(&Spec::new("none")).is_empty());
        std::fs::remove_dir_all(folder).expect("it is ours");
    }
}
