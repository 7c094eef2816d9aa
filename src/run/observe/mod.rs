//! Looking at the cluster: runs the queries of a playbook's steps, and keeps of each object what
//! was asked for. Everything is read as the playbook's account.
//!
//! What cannot be read is a problem with a sentence, never an empty answer: a selection that may be
//! incomplete must not look like a whole one.

mod each;
mod filter;
mod found;
mod frozen;
mod ground;
mod made;
mod namespaces;
mod query;
mod room;
mod targets;
mod writers;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::NamespaceSelector;
use crate::cluster::request::sentence;
use crate::cluster::{Clients, Discovery};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::plan::{self, Plan};
use crate::engine::protect::{Own, no_job};
use crate::engine::refused;
use crate::playbook::{Expanded, ExpandedStep, ResolvedAct};
use crate::step::{self, Around, Query, Role};

use found::Found;
use namespaces::Namespaces;

pub use ground::ground;
pub use room::room;
pub use targets::{Observed, Told, Wanted, observe_targets};

/// As whom, and where, is looked.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The clients of the playbook's account.
    pub account: &'a Clients,
    /// The cluster's kinds.
    pub discovery: &'a Discovery,
    /// The namespaces to which the mode narrows its playbook.
    pub scope: Option<&'a NamespaceSelector>,
    /// Pingzhan's own namespaces, which are never touched.
    pub own: Own<'a>,
    /// Whether what is worth knowing of targets beside their fields is kept, too: for a plan that
    /// people read.
    pub explains: bool,
}

/// Runs the queries of all steps that are part of the plan.
///
/// Guarantees: the same query of several steps is run once; one object is in memory at a time,
/// beside the bytes of its page; objects that are never touched are named, not returned; the order
/// of what is found depends on the cluster's content only.
pub async fn observe(view: View<'_>, playbook: &Expanded) -> Facts {
    let stages = playbook.stages.iter();
    let stages = stages.filter(|stage| stage.left_out.is_none());
    let steps: Vec<(&str, &ExpandedStep, Vec<Query>)> = stages
        .flat_map(|stage| stage.steps.iter().map(|step| (stage.name.as_str(), step)))
        .map(|(stage, step)| (stage, step, step::needs(step)))
        .collect();
    let queries = steps.iter().flat_map(|(_, _, queries)| queries);
    let namespaces = Namespaces::read(view, queries).await;
    let mut session = Session {
        view,
        requests: namespaces.requests,
        namespaces,
        done: Vec::new(),
    };
    let mut facts = Facts::default();
    for (stage, step, queries) in &steps {
        let mut seen = session.step(queries).await;
        session.paths(step, &mut seen).await;
        session.refuses(step, &mut seen).await;
        let key = ((*stage).to_owned(), step.name.clone());
        facts.steps.insert(key, seen);
    }
    facts.requests = session.requests;
    facts
}

/// Runs some queries, as they would be run for one step.
pub async fn probe(view: View<'_>, queries: &[Query]) -> StepFacts {
    let namespaces = Namespaces::read(view, queries.iter()).await;
    let mut session = Session {
        view,
        requests: namespaces.requests,
        namespaces,
        done: Vec::new(),
    };
    session.step(queries).await
}

/// Adds to a plan what is worth knowing of it, as [`plan::explain`] does. The room for pods is read only
/// where their number changes, and who wrote lately only where something is frozen.
pub async fn explain(view: View<'_>, plan: &mut Plan, facts: &Facts) {
    let namespaces = plan::scales(plan);
    let room = if namespaces.is_empty() {
        None
    } else {
        Some(room(view, &namespaces).await)
    };
    plan::explain(plan, facts, room.as_ref());
    wrote_lately(view, plan).await;
}

/// Adds to a plan who wrote lately where its steps freeze, and who of them would be stopped.
pub async fn wrote_lately(view: View<'_>, plan: &mut Plan) {
    writers::explain(view, plan).await;
}

/// Namespaces to which a query is narrowed beyond its own selection.
type Within = Option<BTreeSet<String>>;

/// One look at the cluster.
struct Session<'a> {
    view: View<'a>,
    namespaces: Namespaces,
    done: Vec<(Query, Within, Arc<Found>)>,
    requests: usize,
}

impl Session<'_> {
    /// Runs the queries of one step: its targets first, since workloads are restarted only where
    /// the step has a target.
    async fn step(&mut self, queries: &[Query]) -> StepFacts {
        let mut found: Vec<Option<Arc<Found>>> = vec![None; queries.len()];
        let mut spaces = BTreeSet::new();
        for (place, query) in of_role(queries, Role::Target) {
            let answer = self.run(query, None).await;
            let targets = answer.objects.iter();
            spaces.extend(targets.map(|seen| seen.target.namespace.clone()));
            found[place] = Some(answer);
        }
        for (place, query) in of_role(queries, Role::Made) {
            let answer = self.run(query, None).await;
            let made = answer.objects.iter();
            spaces.extend(made.map(|seen| seen.target.namespace.clone()));
            found[place] = Some(answer);
        }
        for (place, query) in of_role(queries, Role::Frozen) {
            found[place] = Some(self.run(query, None).await);
        }
        for (place, query) in of_role(queries, Role::Ground) {
            found[place] = Some(self.run(query, Some(spaces.clone())).await);
        }
        for (place, query) in of_role(queries, Role::Restart) {
            found[place] = Some(self.run(query, Some(spaces.clone())).await);
        }
        for (place, query) in of_role(queries, Role::Autoscaler) {
            found[place] = Some(self.run(query, Some(spaces.clone())).await);
        }
        for (place, query) in of_role(queries, Role::Applier) {
            // What was found beside the targets may be all that the account may see.
            let mut answer = self.run(query, None).await;
            if !answer.problems.is_empty() {
                answer = self.run(query, Some(spaces.clone())).await;
            }
            found[place] = Some(answer);
        }
        self.aside(queries, &spaces, &mut found).await;
        self.facts(queries, found)
    }

    /// Looks at what stands beside targets, where people want to know what a step comes to.
    async fn aside(
        &mut self,
        queries: &[Query],
        spaces: &BTreeSet<String>,
        found: &mut [Option<Arc<Found>>],
    ) {
        // Where nothing is touched, nothing is to be known.
        if !self.view.explains || spaces.is_empty() {
            return;
        }
        for (place, query) in queries.iter().enumerate() {
            let Role::Aside { around, .. } = query.role else {
                continue;
            };
            let within = match around {
                Around::Targets => Some(spaces.clone()),
                Around::Anywhere => None,
            };
            found[place] = Some(self.run(query, within).await);
        }
    }

    /// What was found for one step, as its compilation takes it.
    fn facts(&self, queries: &[Query], found: Vec<Option<Arc<Found>>>) -> StepFacts {
        let mut facts = StepFacts::default();
        let mut unread = BTreeSet::new();
        for (place, (query, answer)) in queries.iter().zip(found).enumerate() {
            let answer = answer.unwrap_or_default();
            facts.found.push(answer.objects.clone());
            let beside = answer.objects.iter();
            let beside = beside.map(|seen| answer.beside.get(&seen.target.uid));
            let beside = beside.map(|beside| beside.cloned().unwrap_or_default());
            facts.beside.push(beside.collect());
            facts.protected.extend(answer.protected.iter().cloned());
            facts.guarded.extend(answer.guarded.iter().cloned());
            facts.faults.extend(answer.faults.iter().cloned());
            let problems = answer.problems.iter();
            match query.role {
                Role::Target | Role::Restart | Role::Made | Role::Ground | Role::Frozen => {
                    facts.problems.extend(problems.cloned());
                }
                Role::Autoscaler => facts.findings.extend(problems.map(|problem| {
                    format!(
                        "it is not known whether a {} owns any of these counts and would put its \
                         own back: let the playbook's account list them ({problem})",
                        query.kind
                    )
                })),
                Role::Applier => facts.findings.extend(problems.map(|problem| {
                    format!(
                        "it is not known whether a {} applies any of these and would put it back: \
                         let the playbook's account list them ({problem})",
                        query.kind
                    )
                })),
                Role::Aside { unknown, .. } => {
                    if !answer.problems.is_empty() {
                        unread.insert(place);
                    }
                    facts.findings.extend(problems.take(1).map(|problem| {
                        format!(
                            "it is not known {unknown}: let the playbook's account list {} ({problem})",
                            query.kind
                        )
                    }));
                }
            }
        }
        facts.unread = self.view.explains.then_some(unread);
        facts
    }

    /// Holds the paths that the playbook wrote against what the server says of each kind. A kind that
    /// is not served is said already.
    async fn paths(&mut self, step: &ExpandedStep, seen: &mut StepFacts) {
        for (kind, paths) in step::written(step) {
            let discovery = self.view.discovery;
            let Ok(resource) = discovery.resolve(kind).await else {
                continue;
            };
            let checked = discovery.check(&resource, &paths).await;
            self.requests += checked.requests;
            let said = checked.faults.into_iter();
            seen.faults.extend(said.map(|why| format!("{kind}: {why}")));
            seen.findings.extend(
                checked.unknown.map(|why| {
                    format!("the paths of {kind} were taken as they are written: {why}")
                }),
            );
        }
    }

    /// Says what of the step is never done, whatever it finds, and whether its Job may run where it is to.
    async fn refuses(&mut self, step: &ExpandedStep, seen: &mut StepFacts) {
        let own = self.view.own;
        seen.faults.extend(refused::faults(step, own));
        let ResolvedAct::Run(run) = &step.act else {
            return;
        };
        let (labels, requests) = self.namespaces.labels_of(self.view, &run.namespace).await;
        self.requests += requests;
        match labels {
            Ok(labels) => seen.faults.extend(no_job(&run.namespace, &labels, own)),
            Err(problem) => seen.problems.push(problem),
        }
    }

    async fn run(&mut self, query: &Query, within: Within) -> Arc<Found> {
        let before = self.done.iter();
        let mut before = before.filter(|(of, narrowed, _)| of == query && *narrowed == within);
        if let Some((_, _, found)) = before.next() {
            return Arc::clone(found);
        }
        let found = query::run(self.view, &self.namespaces, query, within.as_ref()).await;
        self.requests += found.requests;
        let found = Arc::new(found);
        let key = (query.clone(), within, Arc::clone(&found));
        self.done.push(key);
        found
    }
}

fn of_role(queries: &[Query], role: Role) -> impl Iterator<Item = (usize, &Query)> {
    let queries = queries.iter().enumerate();
    queries.filter(move |(_, query)| query.role == role)
}

#[cfg(test)]
mod tests;
