//! When a cluster is ready: the API server answers, its nodes are Ready, controllers work.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use snafu::ResultExt;

use super::{
    ApiSnafu, Cluster, Controllers, EndedSnafu, Error, KubeconfigSnafu, LateSnafu, is_alive,
    process, tail,
};
use crate::surroundings::Stopwatch;

/// How long a cluster may take. On an idle machine it takes 5 seconds, with controllers 10; this
/// is for machines that are busy with many other things.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// A connection's settings from a kubeconfig. What the server answers is seen, not what a retry
/// makes of it.
pub async fn config(kubeconfig: &Path) -> Result<Config, Error> {
    let context = || KubeconfigSnafu { path: kubeconfig };
    let read = Kubeconfig::read_from(kubeconfig)
        .map_err(Box::new)
        .with_context(|_| context())?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(read, &options).await;
    let mut config = config.map_err(Box::new).with_context(|_| context())?;
    config.default_retry = false;
    Ok(config)
}

/// A client with [`config`].
pub async fn client(kubeconfig: &Path) -> Result<Client, Error> {
    let config = config(kubeconfig).await?;
    let url = config.cluster_url.to_string();
    Client::try_from(config)
        .map_err(Box::new)
        .context(ApiSnafu {
            url,
            what: "a client",
        })
}

/// Whether an API server answers that it is ready.
pub async fn answers(kubeconfig: &Path) -> bool {
    let Ok(client) = client(kubeconfig).await else {
        return false;
    };
    let Ok(request) = http_get("/readyz") else {
        return false;
    };
    client.request_text(request).await.is_ok()
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>, http::Error> {
    http::Request::get(path).body(Vec::new())
}

/// Waits for the API server.
pub async fn api(cluster: &Cluster) -> Result<(), Error> {
    let kubeconfig = cluster.kubeconfig();
    until(cluster, "the API server does not answer", async || {
        Ok(answers(&kubeconfig).await)
    })
    .await
}

/// Waits for what the spec asks for beyond the API server.
pub async fn rest(cluster: &Cluster) -> Result<(), Error> {
    let client = cluster.client().await?;
    let nodes: Api<Node> = Api::all(client.clone());
    for number in 0..cluster.spec.nodes {
        create_node(cluster, &nodes, number).await?;
    }
    let wanted = usize::try_from(cluster.spec.nodes).unwrap_or(usize::MAX);
    until(cluster, "nodes are not Ready", async || {
        let list = nodes.list(&ListParams::default()).await;
        let list = list.map_err(|error| refused(cluster, "a list of nodes", error))?;
        Ok(list.items.iter().filter(|node| is_ready(node)).count() >= wanted)
    })
    .await?;
    match cluster.spec.controllers {
        Controllers::None => Ok(()),
        Controllers::Stock => {
            let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
            until(
                cluster,
                "controllers made no default service account",
                async || {
                    let found = accounts.get_opt("default").await;
                    Ok(found
                        .map_err(|error| refused(cluster, "a service account", error))?
                        .is_some())
                },
            )
            .await
        }
    }
}

fn refused(cluster: &Cluster, what: &'static str, error: kube::Error) -> Error {
    Error::Api {
        url: cluster.url.clone(),
        what,
        source: Box::new(error),
    }
}

async fn create_node(cluster: &Cluster, nodes: &Api<Node>, number: u32) -> Result<(), Error> {
    let name = format!("node-{number}");
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0", "kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "type": "kwok",
            },
        },
    });
    let node = serde_json::from_value(node).map_err(kube::Error::SerdeError);
    let node: Node = node.map_err(|error| refused(cluster, "a node", error))?;
    let created = nodes.create(&PostParams::default(), &node).await;
    created
        .map(|_| ())
        .map_err(|error| refused(cluster, "a node", error))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// Looks again and again; ends early when a program of the cluster has ended.
async fn until(
    cluster: &Cluster,
    waiting: &str,
    holds: impl AsyncFn() -> Result<bool, Error>,
) -> Result<(), Error> {
    let started = Stopwatch::start();
    while !holds().await? {
        if let Some(program) = ended(cluster) {
            let log = cluster.folder.join("logs").join(format!("{program}.log"));
            return EndedSnafu {
                tail: tail(&log),
                program,
                log,
            }
            .fail();
        }
        if started.elapsed() > PATIENCE {
            let logs = cluster.folder.join("logs");
            return LateSnafu {
                seconds: PATIENCE.as_secs(),
                waiting,
                logs,
            }
            .fail();
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// A program that was started and has ended.
fn ended(cluster: &Cluster) -> Option<String> {
    let notes = std::fs::read_dir(cluster.folder.join("pids")).ok()?;
    let mut programs = notes
        .flatten()
        .filter_map(|note| note.file_name().into_string().ok());
    // By pid alone: the notes are of this start, and a program that was started a moment ago has
    // no command line yet by which it could be recognised.
    let runs = |program: &String| process::noted(&cluster.folder, program).is_some_and(is_alive);
    programs.find(|program| !runs(program))
}
