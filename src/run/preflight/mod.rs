//! Preflight: what the API server would refuse of a plan, found out before people are asked to approve
//! it. Everything is asked as the playbook's account, and nothing of it takes effect.
//!
//! What it finds are findings of the plan: they stop nothing. Who approves may know that a right is
//! being given at this moment, and a gate that is too strict costs more in an emergency than a step that
//! fails and says why; a critical step that fails stops its stage in any case.

pub mod rights;
mod tries;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::cluster::list::{self, Query as List};
use crate::cluster::{Collection, write};
use crate::engine::facts::Facts;
use crate::engine::plan::{Finding, Plan};
use crate::engine::preflight;
use crate::engine::rights::{self as needed, Needs, Right, Use};
use crate::playbook::{Expanded, ResolvedAct};

use super::observe::{self, View};

/// The longest preflight: a thousand dry runs take three to five seconds, and people who wait to approve
/// are not to wait for a server that is busy.
const LONGEST: Duration = Duration::from_secs(30);
/// Requests in flight, as for queries: people's own must not wait for them.
const IN_FLIGHT: usize = 4;

/// Where a finding belongs: a stage and step of the plan, or the whole of it.
type Found = (Option<(usize, usize)>, Finding);

/// Adds to a plan what would be refused of it.
///
/// `facts` are what was seen, as it is now; `manager` is the field manager under which writes are tried.
///
/// Guarantees: nothing takes effect; the hash stays what it is; it ends within [`LONGEST`], and says
/// where that was too short.
pub async fn add(
    view: View<'_>,
    expanded: &Expanded,
    facts: &Facts,
    manager: &str,
    plan: &mut Plan,
) {
    if plan.tabletop {
        return;
    }
    let look = look(view, expanded, facts, manager, plan);
    let found = match tokio::time::timeout(LONGEST, look).await {
        Ok(found) => found,
        Err(_) => vec![(
            None,
            Finding::risk(format!(
                "it is not known what the API server would refuse: it did not say within {} seconds",
                LONGEST.as_secs()
            )),
        )],
    };
    for (place, finding) in found {
        let step = place.and_then(|(stage, step)| plan.stages.get_mut(stage)?.steps.get_mut(step));
        match step {
            Some(step) => step.findings.push(finding),
            None => plan.findings.push(finding),
        }
    }
}

async fn look(
    view: View<'_>,
    expanded: &Expanded,
    facts: &Facts,
    manager: &str,
    plan: &Plan,
) -> Vec<Found> {
    let needs = match needs(view, expanded, plan).await {
        Ok(needs) => needs,
        Err(problem) => {
            let text = format!("it is not known what rights this plan needs: {problem}");
            return vec![(None, Finding::risk(text))];
        }
    };
    let checked = rights::check(view.account, &needs).await;
    let mut found: Vec<Found> = checked.findings(&view.account.who);
    let tried = tries::run(view, facts, manager, plan, &checked).await;
    found.extend(tried);
    found.extend(tries::jobs(view, expanded, manager, plan, &checked).await);
    found.extend(places(view, expanded, plan).await);
    found.extend(quotas(view, plan).await);
    found
}

/// The rights that a plan needs. What is only worth knowing is not asked for: the plan's other findings
/// say what could not be seen.
async fn needs(view: View<'_>, expanded: &Expanded, plan: &Plan) -> Result<Needs, String> {
    let ground = observe::ground(view, &[expanded]).await?;
    let mut steps = needed::of_steps(expanded, &ground, Some(plan));
    // What a step may change is asked for by name, of what it does change.
    steps.all.retain(|right, need| match need.of {
        Use::Read => true,
        Use::Change => is_of_an_act(right),
        Use::Know => false,
    });
    let mut needs = needed::of_changes(plan);
    needs.join(steps);
    Ok(needs)
}

/// Whether a right is asked for by what leaves no field behind, or by what comes before a write: no
/// change of the plan says so.
fn is_of_an_act(right: &Right) -> bool {
    let of_job = right.resource == "jobs" && ["create", "get"].contains(&right.verb.as_str());
    right.resource.contains('/') || of_job
}

/// Namespaces in which Jobs run, and which are not there.
async fn places(view: View<'_>, expanded: &Expanded, plan: &Plan) -> Vec<Found> {
    let mut found = Vec::new();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for (place, act) in acts(expanded, plan) {
        let ResolvedAct::Run(run) = act else { continue };
        let namespace = run.namespace.as_str();
        if !asked.insert(namespace) {
            continue;
        }
        let namespaces = Collection {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespace: String::new(),
        };
        // Who may not look at it knows nothing, and the try of the Job says what is wrong.
        if let Ok(None) = write::get(&view.account.reads, &namespaces, namespace).await {
            let text = format!("there is no namespace {namespace}, in which its Job is to run");
            found.push((Some(place), Finding::harm(text)));
        }
    }
    found
}

/// What steps of a plan do, with their places in it.
fn acts<'a>(
    expanded: &'a Expanded,
    plan: &'a Plan,
) -> impl Iterator<Item = ((usize, usize), &'a ResolvedAct)> {
    let stages = plan.stages.iter().enumerate();
    let stages = stages.filter(|(_, stage)| stage.left_out.is_none());
    stages.flat_map(move |(number, stage)| {
        let own = expanded.stages.iter().find(|own| own.name == stage.name);
        let steps = stage.steps.iter().enumerate();
        steps.filter_map(move |(place, step)| {
            let own = own?.steps.iter().find(|own| own.name == step.name)?;
            Some(((number, place), &own.act))
        })
    })
}

/// Quotas of objects against all that is made: each object alone was tried, all together were not.
async fn quotas(view: View<'_>, plan: &Plan) -> Vec<Found> {
    let made = preflight::made(plan);
    let several = made
        .iter()
        .filter(|(_, counts)| counts.values().any(|count| *count > 1));
    let looks: Vec<_> = several
        .map(|(namespace, counts)| async move {
            let query = List {
                collection: Collection {
                    api_version: "v1".to_owned(),
                    kind: "ResourceQuota".to_owned(),
                    plural: "resourcequotas".to_owned(),
                    namespace: namespace.clone(),
                },
                ..List::default()
            };
            let listed = list::list(&view.account.reads, &query, Some).await;
            match listed {
                Ok(listed) => {
                    let quotas = listed.items.iter();
                    quotas
                        .flat_map(|quota| preflight::over(quota, counts))
                        .collect()
                }
                Err(error) => vec![Finding::note(format!(
                    "it is not known whether quotas of objects in {namespace} leave room for what is \
                     made: {error}"
                ))],
            }
        })
        .collect();
    let found: Vec<Vec<Finding>> = stream::iter(looks).buffered(IN_FLIGHT).collect().await;
    let found = found.into_iter().flatten();
    found.map(|finding| (None, finding)).collect()
}

#[cfg(test)]
mod tests;
