//! What an actor reads of the cluster, always as the playbook's account.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use jiff::SignedDuration;
use kube::ResourceExt;

use crate::api::{EmergencyMode, NewTargets, Scalar, Scope};
use crate::cluster::Clients;
use crate::engine::decide::{Candidate, Sight};
use crate::engine::denies::{self, Newcomer};
use crate::engine::facts::Facts;
use crate::engine::plan::{self, Plan, Request};
use crate::engine::protect::Own;
use crate::field::{Path, Target, Uid};
use crate::playbook::{Expanded, expand};
use crate::run::crew::Playbooks;
use crate::run::observe;
use crate::step::freeze;

use super::look::Recent;
use super::others::beside_others;
use super::{Actor, Memory};

/// Targets whose status is waited for are read again at most this often.
const REFRESH: SignedDuration = SignedDuration::from_secs(4);
/// Targets that could not be read are tried again at most this often.
const UNREADABLE: SignedDuration = SignedDuration::from_secs(5);

impl Actor {
    /// Makes the plan for what the spec asks for now.
    pub(super) async fn plan(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        playbooks: &Playbooks,
    ) {
        let Some(object) = object else { return };
        let Some(Ok(playbook)) = playbooks.get(&object.spec.playbook_ref.name) else {
            return;
        };
        let uid = playbook.uid().unwrap_or_default();
        let name = &object.spec.playbook_ref.name;
        // What was granted stays: a proposal changes level or term, never parameters or scope.
        let granted = self.plan_in_force().await;
        let mut request = Request::of(&object.spec, name, &uid, &playbook.spec);
        let mut parameters = &object.spec.parameters;
        request.round = self.mode.state.lock().await.ledger.round;
        if let Some(granted) = &granted {
            request.scope = granted.scope.as_ref();
            parameters = &granted.parameters;
        }
        let candidate = self.candidate(memory, &request, parameters).await;
        Self::remember_candidate(memory, candidate, self.deps.clock.now());
    }

    async fn candidate(
        &self,
        memory: &mut Memory,
        request: &Request<'_>,
        parameters: &BTreeMap<String, Scalar>,
    ) -> Candidate {
        let expanded = match expand::expand(request.spec, request.level, parameters) {
            Ok(expanded) => expanded,
            Err(findings) => {
                let sentences = findings
                    .into_iter()
                    .map(|f| format!("{}: {}", f.code, f.message));
                return Candidate::Invalid(sentences.collect());
            }
        };
        // Whoever carries out what is in force goes on as before: nobody has approved this account yet.
        let account = match self.lent(&request.spec.service_account_name) {
            Ok(account) => account,
            Err(problem) => return Candidate::Unreadable(vec![problem]),
        };
        let seen_at = self.deps.clock.now();
        let facts = self.observe(&account, request.scope, &expanded).await;
        let plan = match beside_others(&self.registry, &self.mode, &facts).await {
            Some(facts) => plan::compute(request, &expanded, &facts),
            None => plan::compute(request, &expanded, &facts),
        };
        memory.recent = Some(Recent::new(seen_at, facts));
        Candidate::Planned(Arc::new(plan))
    }

    async fn observe(&self, account: &Clients, scope: Option<&Scope>, of: &Expanded) -> Facts {
        let view = observe::View {
            account,
            discovery: &self.discovery,
            scope: scope.and_then(|scope| scope.namespaces.as_ref()),
            own: self.own_namespaces(),
            // What is worth knowing is looked at once somebody is to approve the plan.
            explains: false,
        };
        observe::observe(view, of).await
    }

    /// The namespaces that are Pingzhan's own.
    pub(super) fn own_namespaces(&self) -> Own<'_> {
        Own {
            operator: &self.settings.namespace,
            accounts: &self.settings.accounts_namespace,
        }
    }

    /// The clients of an account.
    fn lent(&self, name: &str) -> Result<Clients, String> {
        self.accounts
            .account(&self.settings.accounts_namespace, name)
            .map_err(|error| error.to_string())
    }

    /// The clients of the account in force, which every read and write of targets uses from now on.
    pub(super) fn account(&self, name: &str) -> Result<Clients, String> {
        let account = self.lent(name)?;
        self.mode.act_as(account.clone());
        Ok(account)
    }

    pub(super) async fn plan_in_force(&self) -> Option<Arc<Plan>> {
        let state = self.mode.state.lock().await;
        state.plan_in_force().cloned()
    }

    pub(super) async fn account_in_force(&self) -> Result<Clients, String> {
        let plan = self.plan_in_force().await;
        let plan = plan.ok_or_else(|| "no plan is in force".to_owned())?;
        self.account(&plan.spec.service_account_name)
    }

    /// Moves all times along with the wall clock, if somebody set it.
    pub(super) async fn follow(&self, memory: &mut Memory) {
        self.mode.state.lock().await.follow(&self.deps.clock);
        let Some(by) = memory.setting.moved(&self.deps.clock) else {
            return;
        };
        let times = [
            &mut memory.candidate_at,
            &mut memory.surveyed_at,
            &mut memory.unreadable_at,
            &mut memory.refreshed_at,
        ];
        for at in times.into_iter().flatten() {
            *at = at.saturating_add(by).unwrap_or(jiff::Timestamp::MAX);
        }
        if let Some(recent) = &mut memory.recent {
            recent.shift(by);
        }
    }

    /// What could not be read is read again after a while.
    pub(super) async fn forget_unreadable(&self, memory: &mut Memory) {
        let now = self.deps.clock.now();
        if memory.unreadable_at.is_some_and(|at| at + UNREADABLE > now) {
            return;
        }
        let mut state = self.mode.state.lock().await;
        state
            .sights
            .retain(|_, sight| !matches!(sight, Sight::Unreadable));
        memory.unreadable_at = Some(now);
    }

    /// Lets targets be read again whose status is waited for: a metadata watch does not carry it.
    pub(super) async fn refresh(&self, memory: &mut Memory, uids: &[Uid]) {
        let now = self.deps.clock.now();
        let early = |at: jiff::Timestamp| at + REFRESH > now;
        if uids.is_empty() || memory.refreshed_at.is_some_and(early) {
            return;
        }
        memory.refreshed_at = Some(now);
        self.mode
            .state
            .lock()
            .await
            .dirty
            .extend(uids.iter().cloned());
    }

    /// Reads targets again that somebody touched.
    pub(super) async fn read_dirty(&self) -> Result<(), String> {
        let mut state = self.mode.state.lock().await;
        if state.dirty.is_empty() {
            return Ok(());
        }
        let dirty = std::mem::take(&mut state.dirty);
        let mut wanted: BTreeMap<Uid, (Target, Vec<Path>)> = BTreeMap::new();
        for entry in state
            .ledger
            .entries
            .values()
            .filter(|e| dirty.contains(&e.target.uid))
        {
            wanted
                .entry(entry.target.uid.clone())
                .or_insert_with(|| (entry.target.clone(), Vec::new()))
                .1
                .push(entry.path.clone());
        }
        drop(state);
        let mut targets: Vec<_> = wanted.into_values().collect();
        for (_, paths) in &mut targets {
            paths.sort();
            paths.dedup();
        }
        match AssertUnwindSafe(self.look(&targets)).catch_unwind().await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(problem)) => {
                self.mode.state.lock().await.dirty.extend(dirty);
                Err(problem)
            }
            Err(_) => {
                self.deps.metrics.panics.inc();
                tracing::error!(
                    mode = self.mode.id.name,
                    "pingzhan failed at what somebody touched; it is looked at beside the rest"
                );
                // What is known of them is not true any more.
                let mut state = self.mode.state.lock().await;
                state.sights.retain(|uid, _| !dirty.contains(uid));
                Ok(())
            }
        }
    }

    /// The same rule on the cluster as it is now; and, where that is asked for, as it would be in peacetime.
    pub(super) async fn again(
        &self,
        plan: &Plan,
        in_peacetime: bool,
    ) -> Result<(Plan, Option<Plan>), String> {
        // It was linted when it was granted: this version may be stricter.
        let expanded = expand::stored(&plan.spec, plan.level, &plan.parameters)
            .map_err(|_| "the stored playbook does not expand".to_owned())?;
        let account = self.account(&plan.spec.service_account_name)?;
        let facts = self.observe(&account, plan.scope.as_ref(), &expanded).await;
        let fresh = plan::compute(&request(plan), &expanded, &facts);
        if !in_peacetime {
            return Ok((fresh, None));
        }
        let facts = beside_others(&self.registry, &self.mode, &facts).await;
        let peacetime = facts.map(|facts| plan::compute(&request(plan), &expanded, &facts));
        Ok((fresh, peacetime))
    }
}

/// What a stored plan was made of.
pub(super) const fn request(plan: &Plan) -> Request<'_> {
    Request {
        playbook: plan.playbook.as_str(),
        playbook_uid: plan.playbook_uid.as_str(),
        spec: &plan.spec,
        level: plan.level,
        nature: plan.nature,
        tabletop: plan.tabletop,
        scope: plan.scope.as_ref(),
        expires_after: &plan.expires_after,
        round: plan.round,
    }
}

pub(super) type Adopted = Vec<(String, String, plan::Change)>;

/// Objects that the plan did not know: adopted or reported, as their step says. Of a freeze these are
/// namespaces.
pub(super) fn newcomers(
    plan: &Plan,
    fresh: &Plan,
    known: &BTreeSet<Uid>,
) -> (Adopted, Vec<Newcomer>) {
    let planned: BTreeSet<&str> = plan
        .changes()
        .map(|(_, _, change)| change.target.uid.as_str())
        .collect();
    let refusing = denies::rules(plan);
    let refuses = |stage: &str, step: &str| {
        let mut rules = refusing.iter();
        rules.any(|rule| rule.stage == stage && rule.step == step)
    };
    let mut adopted = Vec::new();
    let mut reported = BTreeSet::new();
    for (stage, step, change) in fresh.changes() {
        let uid = change.target.uid.as_str();
        if planned.contains(uid) || known.contains(uid) {
            continue;
        }
        match step.new_targets {
            NewTargets::Adopt => {
                adopted.push((stage.name.clone(), step.name.clone(), change.clone()));
            }
            NewTargets::Report | NewTargets::Deny => {
                reported.insert(Newcomer {
                    what: said(change),
                    refused: refuses(&stage.name, &step.name),
                });
            }
        }
    }
    (adopted, reported.into_iter().collect())
}

/// What is new, for people: of a freeze that is the namespace that would be frozen.
fn said(change: &plan::Change) -> String {
    let frozen = change.after.value().and_then(freeze::namespace);
    frozen.map_or_else(
        || plan::describe(&change.target),
        |namespace| format!("Namespace {namespace}"),
    )
}
