//! What is worth knowing of a plan that people are to approve: looked at beside everything else, before
//! they are asked. Whoever approves without being asked is not held up by it, and a plan that needs
//! nobody is not looked at.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::api::{EmergencyMode, PlanFindings, names};
use crate::cluster::{Clients, Discovery};
use crate::engine::authority;
use crate::engine::decide::Decision;
use crate::engine::plan::{self, Finding, Plan};
use crate::engine::protect::Own;
use crate::engine::room::Room;
use crate::playbook::expand;
use crate::run::clock::Clock;
use crate::run::mode::Mode;
use crate::run::observe;
use crate::run::preflight;
use crate::run::registry::Registry;
use crate::run::task;

use super::facts::request;
use super::others::{beside_others, shared_with_others};
use super::{Actor, Memory};

/// Longest look at the room for pods: a cluster with a hundred thousand of them answers within it.
const LONGEST: Duration = Duration::from_mins(1);

/// Longest of a whole look. Nobody is asked to approve before it is over.
const WHOLE: Duration = Duration::from_mins(2);

/// How long a plan waits before it is looked at: whoever approves at once, as a robot does, has the
/// switch begin with nothing beside it.
const PAUSE: Duration = Duration::from_secs(1);

/// What was found of the plan that waits, and the look that goes on for it.
#[derive(Default)]
pub(super) struct Explaining {
    task: JoinSet<(String, PlanFindings)>,
    /// The hash of the plan that was looked at last, or is.
    asked: Option<String>,
    found: Option<(String, PlanFindings)>,
}

impl Explaining {
    /// Waits until the look has ended; for ever where none is under way. May be dropped and called
    /// anew.
    pub(super) async fn ended(&mut self, clock: &Clock) {
        match self.task.join_next().await {
            Some(Ok(found)) => self.found = Some(found),
            Some(Err(error)) => self.failed(&error.to_string(), clock),
            None => std::future::pending().await,
        }
    }

    /// A look that could not be made says so in its findings: people are asked all the same.
    fn failed(&mut self, problem: &str, clock: &Clock) {
        tracing::warn!(%problem, "what a plan would meet cannot be looked at");
        let asked = self.asked.clone();
        self.found = asked.map(|hash| (hash, plan::unknown(problem, clock.now())));
    }

    /// Ends a look that nobody needs any more.
    fn stop(&mut self) {
        if !self.task.is_empty() {
            self.task = JoinSet::new();
            self.asked = None;
        }
    }

    /// What was found, and of which plan.
    pub(super) const fn found(&self) -> Option<&(String, PlanFindings)> {
        self.found.as_ref()
    }
}

impl Actor {
    /// Begins to look at what a plan would meet, where people are to approve it and nobody has looked.
    ///
    /// Guarantees: a look ends as soon as nobody is waited for any more, so that it takes nothing from
    /// the switch.
    pub(super) async fn explain(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        decision: &Decision,
    ) {
        let explaining = &mut memory.explaining;
        let Some(hash) = &decision.unexplained else {
            explaining.stop();
            return;
        };
        if explaining.asked.as_ref() == Some(hash) {
            return;
        }
        explaining.asked = Some(hash.clone());
        let plan = self.mode.state.lock().await.plans.get(hash).cloned();
        let Some(plan) = plan else { return };
        let name = &plan.spec.service_account_name;
        let accounts = &self.settings.accounts_namespace;
        let account = match self.accounts.account(accounts, name) {
            Ok(account) => account,
            Err(problem) => {
                let unknown = plan::unknown(&problem.to_string(), self.deps.clock.now());
                let found = (hash.clone(), unknown);
                explaining.task = JoinSet::new();
                explaining.task.spawn(task::own(std::future::ready(found)));
                return;
            }
        };
        let look = Look {
            plan,
            account,
            discovery: self.discovery.clone(),
            mode: self.mode.clone(),
            registry: self.registry.clone(),
            clock: self.deps.clock,
            operator: self.settings.namespace.clone(),
            accounts: accounts.clone(),
            robot: object.and_then(|object| authority::robot(&object.spec)),
        };
        // What was begun for another plan is of no use any more.
        explaining.task = JoinSet::new();
        explaining.task.spawn(task::own(look.run()));
    }
}

/// One look.
struct Look {
    plan: Arc<Plan>,
    account: Clients,
    discovery: Discovery,
    mode: Arc<Mode>,
    registry: Registry,
    clock: Clock,
    operator: String,
    accounts: String,
    /// What is to be said of a requester that is no person, if so.
    robot: Option<String>,
}

impl Look {
    async fn run(self) -> (String, PlanFindings) {
        tokio::time::sleep(PAUSE).await;
        let at = self.clock.now();
        let findings = match tokio::time::timeout(WHOLE, self.plan_now()).await {
            Ok(Ok(plan)) => plan::worst(&plan, at),
            Ok(Err(problem)) => plan::unknown(&problem, at),
            Err(_) => {
                let whole = WHOLE.as_secs();
                plan::unknown(&format!("it took longer than {whole} seconds"), at)
            }
        };
        (self.plan.hash.clone(), findings)
    }

    /// The plan as it would be made now, with everything that is worth knowing of it.
    async fn plan_now(&self) -> Result<Plan, String> {
        let stored = &self.plan;
        let expanded = expand::stored(&stored.spec, stored.level, &stored.parameters)
            .map_err(|_| "the stored playbook does not expand".to_owned())?;
        let scope = stored.scope.as_ref();
        let view = observe::View {
            account: &self.account,
            discovery: &self.discovery,
            scope: scope.and_then(|scope| scope.namespaces.as_ref()),
            own: Own {
                operator: &self.operator,
                accounts: &self.accounts,
            },
            explains: true,
        };
        let live = observe::observe(view, &expanded).await;
        let peacetime = beside_others(&self.registry, &self.mode, &live).await;
        let facts = peacetime.as_ref().unwrap_or(&live);
        let mut plan = plan::compute(&request(stored), &expanded, facts);
        let (room, late) = self.room(view, &plan).await;
        plan::explain(&mut plan, facts, room.as_ref());
        observe::wrote_lately(view, &mut plan).await;
        plan.findings.extend(late);
        let manager = names::field_manager(&self.mode.id.name, &self.mode.id.uid);
        // What is tried is written over what is there, not over peacetime.
        preflight::add(view, &expanded, &live, &manager, &mut plan).await;
        let shared = shared_with_others(&self.registry, &self.mode, &plan).await;
        plan.findings.extend(shared.into_iter().map(Finding::note));
        plan.findings.extend(self.robot.clone().map(Finding::risk));
        if plan.hash != stored.hash {
            let text = "the cluster has changed since this plan was made, and this is of what is there \
                        now";
            plan.findings.insert(0, Finding::risk(text));
        }
        Ok(plan)
    }

    /// The room for pods, which is looked at only where their number changes, and what to say where
    /// it took too long.
    async fn room(&self, view: observe::View<'_>, plan: &Plan) -> (Option<Room>, Option<Finding>) {
        let namespaces = plan::scales(plan);
        if namespaces.is_empty() {
            return (None, None);
        }
        let look = observe::room(view, &namespaces);
        if let Ok(room) = tokio::time::timeout(LONGEST, look).await {
            return (Some(room), None);
        }
        let text = format!(
            "capacity is not known: the cluster did not say within {} seconds what there is",
            LONGEST.as_secs()
        );
        (None, Some(Finding::risk(text)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// People are asked all the same, and have to read that nobody knows what the plan would meet.
    #[tokio::test]
    async fn a_look_at_which_the_program_fails_is_said_in_its_findings() {
        let mut explaining = Explaining {
            asked: Some("sha256:plan".to_owned()),
            ..Explaining::default()
        };
        explaining.task.spawn(async { panic!("on purpose") });
        let clock = Clock::from(Timestamp::UNIX_EPOCH);
        explaining.ended(&clock).await;
        let (hash, found) = explaining.found().expect("it is said");
        assert_eq!(hash, "sha256:plan");
        let said = &found.listed[0].message;
        assert!(said.contains("on purpose"), "{said}");
    }
}
