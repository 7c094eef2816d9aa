//! The plan as it would be computed now, with the same planner, the same queries and, where the
//! person may act as the playbook's account, the same rights as the operator's.

use std::collections::BTreeMap;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};

use crate::api::{Level, Nature, Playbook, Scalar, Scope, Term, names};
use crate::cluster::{self, Accounts, Clients, Discovery};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Finding, Plan, Request};
use crate::engine::protect::Own;
use crate::playbook::expand;
use crate::run::observe::{self, View};
use crate::run::preflight;
use crate::t;

use super::context::{Context, call};
use super::error::Error;
use super::others::Others;

/// What a plan is computed from, besides the cluster.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The playbook: stored in the cluster, or read from a file.
    pub playbook: Playbook,
    /// The level.
    pub level: Level,
    /// The nature.
    pub nature: Nature,
    /// Whether nothing of it would be carried out.
    pub tabletop: bool,
    /// The chosen parameters.
    pub parameters: BTreeMap<String, Scalar>,
    /// What narrows the selection.
    pub scope: Option<Scope>,
    /// How long the mode would last.
    pub term: Term,
    /// Where the operator is.
    pub operator: Operator,
}

/// Where the operator that would carry a plan out is: part of what it never touches, and of whom
/// it acts as.
#[derive(Clone, Debug, clap::Args)]
pub struct Operator {
    /// Namespace of the operator, which is never touched
    #[arg(long, value_name = "NAME", default_value = names::DEFAULT_NAMESPACE)]
    pub operator_namespace: String,
    /// Namespace of the service accounts that playbooks run under
    #[arg(long, value_name = "NAME", default_value = names::ACCOUNT_NAMESPACE)]
    pub accounts_namespace: String,
}

/// What would be seen had no other mode begun, where any holds something and that is known.
fn in_peacetime(live: &Facts, others: Option<&Others>) -> Option<Facts> {
    let others = others.filter(|others| others.all().next().is_some())?;
    Some(others.in_peacetime(live.clone()))
}

/// Computes the plan; writes nothing. Says on standard error where targets are read as the person
/// themselves, since they may see other objects than the playbook's account does.
///
/// # Errors
/// `Input` where the playbook or the parameters are not valid; what a request says. What of the
/// cluster cannot be read is among the plan's problems.
pub async fn compute(context: &Context, client: &Client, wish: &Wish) -> Result<Plan, Error> {
    let expanded =
        expand::expand(&wish.playbook.spec, wish.level, &wish.parameters).map_err(|findings| {
            let sentences = findings
                .iter()
                .map(|finding| format!("{}: {}", finding.code, finding.message));
            Error::Input {
                problem: sentences.collect::<Vec<_>>().join("\n"),
            }
        })?;
    let config = context.config().await?;
    let (own, accounts) = cluster::connect(config, None).map_err(|error| Error::Kubeconfig {
        problem: error.to_string(),
    })?;
    let (reader, is_account) = reader(context, client, wish, own.clone(), &accounts).await?;
    let view = View {
        account: &reader,
        discovery: &Discovery::new(own.reads),
        scope: wish
            .scope
            .as_ref()
            .and_then(|scope| scope.namespaces.as_ref()),
        own: Own {
            operator: &wish.operator.operator_namespace,
            accounts: &wish.operator.accounts_namespace,
        },
        explains: true,
    };
    let live = observe::observe(view, &expanded).await;
    let others = Others::read(context, client).await;
    let peacetime = in_peacetime(&live, others.as_ref().ok());
    let facts = peacetime.as_ref().unwrap_or(&live);
    let metadata = &wish.playbook.metadata;
    let request = Request {
        playbook: metadata.name.as_deref().unwrap_or_default(),
        playbook_uid: metadata.uid.as_deref().unwrap_or_default(),
        spec: &wish.playbook.spec,
        level: wish.level,
        nature: wish.nature,
        tabletop: wish.tabletop,
        scope: wish.scope.as_ref(),
        expires_after: &wish.term,
        round: 0,
    };
    let mut plan = plan::compute(&request, &expanded, facts);
    observe::explain(view, &mut plan, facts).await;
    // What a person may do says nothing of what the account may; and what is tried is written over what
    // is there, not over peacetime.
    if is_account {
        preflight::add(view, &expanded, &live, names::TRY_MANAGER, &mut plan).await;
    }
    let shared = shared(others, &plan, wish);
    plan.findings.extend(shared);
    Ok(plan)
}

/// What a plan shares with other modes, as far as they can be read.
fn shared(others: Result<Others, Error>, plan: &Plan, wish: &Wish) -> Vec<Finding> {
    match others {
        Ok(others) => {
            let shared = others.shared(plan, wish).into_iter();
            shared.map(Finding::note).collect()
        }
        Err(error) => vec![Finding::risk(format!(
            "what other modes hold cannot be read, and counts may be of what they have made of them: {error}"
        ))],
    }
}

/// The clients that read targets, the account's or the person's own, and whether they are the account's.
async fn reader(
    context: &Context,
    client: &Client,
    wish: &Wish,
    own: Clients,
    accounts: &Accounts,
) -> Result<(Clients, bool), Error> {
    let account = &wish.playbook.spec.service_account_name;
    let namespace = &wish.operator.accounts_namespace;
    // With --as there is nobody left to act as: a request names one user.
    if context.global.as_user.is_none() && may_act_as(client, namespace, account).await? {
        let clients = accounts
            .account(namespace, account)
            .map_err(|error| Error::Input {
                problem: error.to_string(),
            })?;
        return Ok((clients, true));
    }
    let text = t!(
        context.lang,
        "preview-as-yourself",
        account = format!("{namespace}/{account}")
    );
    anstream::eprintln!("{text}");
    Ok((own, false))
}

/// Whether the person may act as an account: by the classic verb, or by both rights of constrained
/// impersonation.
async fn may_act_as(client: &Client, namespace: &str, account: &str) -> Result<bool, Error> {
    let of_account = |verb: &str, group: &str| ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some("serviceaccounts".to_owned()),
        name: Some(account.to_owned()),
        ..ResourceAttributes::default()
    };
    if may(client, of_account("impersonate", "")).await? {
        return Ok(true);
    }
    let constrained = of_account("impersonate:serviceaccount", "authentication.k8s.io");
    let lists = ResourceAttributes {
        verb: Some("impersonate-on:serviceaccount:list".to_owned()),
        group: Some("*".to_owned()),
        resource: Some("*".to_owned()),
        ..ResourceAttributes::default()
    };
    Ok(may(client, constrained).await? && may(client, lists).await?)
}

async fn may(client: &Client, attributes: ResourceAttributes) -> Result<bool, Error> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let params = PostParams::default();
    let answer = call("ask what you may do", api.create(&params, &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
