//! The people of the story: client certificates of the cluster's authority, each with their groups
//! and with the rights of those groups alone; and the operator, as its own service account.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use pingzhan::api::names;
use snafu::ResultExt;

use super::{Error, KubeconfigSnafu, refused};
use crate::cluster::{Cluster, client};

/// How long the operator's token is valid: longer than anybody plays with a demo.
const TOKEN_SECONDS: i64 = 24 * 3600;
/// The operator's account.
const OPERATOR: &str = "pingzhan";

/// A person.
#[derive(Clone)]
pub struct Person {
    /// The user.
    pub name: &'static str,
    /// Their group, in whose name they act.
    pub group: &'static str,
    /// Acts as them.
    pub client: Client,
    /// Their kubeconfig.
    pub kubeconfig: PathBuf,
}

/// Everybody who plays.
#[derive(Clone)]
pub struct People {
    /// On duty: declares and stands down.
    pub zhou: Person,
    /// Approves.
    pub lin: Person,
    /// Approves.
    pub chen: Person,
    /// An engineer.
    pub he: Person,
    /// A script that somebody wrote years ago.
    pub script: Person,
}

impl People {
    /// Gives everybody their certificate.
    pub async fn of(cluster: &Cluster) -> Result<Self, Error> {
        Ok(Self {
            zhou: person(cluster, "duty-officer-zhou", "emergency-duty").await?,
            lin: person(cluster, "approver-lin", "emergency-approvers").await?,
            chen: person(cluster, "approver-chen", "emergency-approvers").await?,
            he: person(cluster, "engineer-he", "platform").await?,
            script: person(cluster, "old-script", "scripts").await?,
        })
    }

    /// Those whom a person may want to be after the demo.
    pub fn command(&self) -> [&Person; 4] {
        [&self.zhou, &self.lin, &self.chen, &self.he]
    }
}

async fn person(
    cluster: &Cluster,
    name: &'static str,
    group: &'static str,
) -> Result<Person, Error> {
    let kubeconfig = cluster.identity(name, &[group.to_owned()])?;
    let client = client(&kubeconfig).await?;
    Ok(Person {
        name,
        group,
        client,
        kubeconfig,
    })
}

/// KEDA's client, where nobody runs KEDA: by its name it is a service account, whom no freeze of people stops.
pub async fn keda(cluster: &Cluster) -> Result<Client, Error> {
    let user = pingzhan::rehearsal::keda::user();
    let kubeconfig = cluster.identity(&user.name, &user.groups)?;
    Ok(client(&kubeconfig).await?)
}

/// The operator's configuration: the cluster's address with a token of its service account, so
/// that it has its own rights and no others.
pub async fn operator(cluster: &Cluster, admin: &Client) -> Result<Config, Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), names::DEFAULT_NAMESPACE);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(OPERATOR, &PostParams::default(), &request)
        .await
        .map_err(refused("a token for the operator's account"))?;
    let token = answer.status.map(|status| status.token).unwrap_or_default();
    let path = cluster.kubeconfig();
    let mut read = Kubeconfig::read_from(&path)
        .map_err(Box::new)
        .context(KubeconfigSnafu { path: &path })?;
    for user in &mut read.auth_infos {
        let own = serde_json::json!({ "token": token });
        user.auth_info = serde_json::from_value(own).ok();
    }
    Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .map_err(Box::new)
        .context(KubeconfigSnafu { path })
}
