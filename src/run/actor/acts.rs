//! Acts that leave no field behind: looked at and carried out beside the actor's decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::cluster::{Clients, Discovery};
use crate::engine::acts::{Answer, Ask, Key};
use crate::engine::plan::Plan;
use crate::engine::protect::Own;
use crate::ledger::{ActState, Ledger};
use crate::playbook::expand;
use crate::run::{observe, task};
use crate::step::wait::{Probe, Reading};

use super::{Actor, Memory};

/// Acts under way, and what came of their latest try.
#[derive(Default)]
pub(super) struct Acts {
    tasks: JoinSet<(Key, Answer)>,
    /// Those whose task has not ended.
    under_way: BTreeSet<Key>,
    ended: Vec<(Key, Answer)>,
    /// What came of them, and when.
    pub(super) answers: BTreeMap<Key, (Timestamp, Answer)>,
}

impl Acts {
    /// Waits until a try has ended; for ever where none is under way. May be dropped and called
    /// anew.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => self.ended.push(ended),
            // It is asked for again: nothing came of it.
            Some(Err(error)) => {
                tracing::error!(%error, "an act could not be tried");
                self.under_way.clear();
            }
            None => std::future::pending().await,
        }
    }

    /// Takes in what has ended, and forgets what nobody waits for any more.
    pub(super) fn gather(&mut self, now: Timestamp, ledger: &Ledger) {
        while let Some(ended) = self.tasks.try_join_next() {
            match ended {
                Ok(ended) => self.ended.push(ended),
                Err(error) => {
                    tracing::error!(%error, "an act could not be tried");
                    self.under_way.clear();
                }
            }
        }
        for (key, answer) in std::mem::take(&mut self.ended) {
            self.under_way.remove(&key);
            self.answers.insert(key, (now, answer));
        }
        let is_open = |key: &Key| {
            let act = ledger.acts.get(key);
            act.is_some_and(|act| matches!(act.state, ActState::Begun | ActState::Undoing))
        };
        self.answers.retain(|key, _| is_open(key));
    }
}

impl Actor {
    /// Begins what is asked for, unless it is under way.
    pub(super) async fn ask(&self, memory: &mut Memory, asks: &BTreeMap<Key, Ask>) {
        let acts = &mut memory.acts;
        let fresh: Vec<(&Key, &Ask)> = asks
            .iter()
            .filter(|(key, _)| !acts.under_way.contains(*key))
            .collect();
        if fresh.is_empty() {
            return;
        }
        let Some(plan) = self.plan_in_force().await else {
            return;
        };
        let account = match self.account_in_force().await {
            Ok(account) => account,
            Err(problem) => {
                tracing::warn!(problem, "an act cannot be tried");
                return;
            }
        };
        for (key, ask) in fresh {
            acts.under_way.insert(key.clone());
            let errand = Errand {
                key: key.clone(),
                plan: plan.clone(),
                account: account.clone(),
                discovery: self.discovery.clone(),
                operator: self.settings.namespace.clone(),
                accounts: self.settings.accounts_namespace.clone(),
            };
            match ask {
                Ask::Look => acts.tasks.spawn(task::own(errand.look())),
            };
        }
    }
}

/// One try of one act.
struct Errand {
    key: Key,
    plan: Arc<Plan>,
    account: Clients,
    discovery: Discovery,
    operator: String,
    accounts: String,
}

impl Errand {
    /// Looks whether what is waited for is there.
    async fn look(self) -> (Key, Answer) {
        let reading = self.read().await.unwrap_or_else(|sentence| Reading {
            holds: false,
            sentence,
        });
        (self.key, Answer::Seen(reading))
    }

    async fn read(&self) -> Result<Reading, String> {
        let plan = &self.plan;
        let expanded = expand::stored(&plan.spec, plan.level, &plan.parameters)
            .map_err(|_| "the stored playbook does not expand".to_owned())?;
        let (stage, name) = (&self.key.0, &self.key.1);
        let missing = || format!("the plan has no step {stage}/{name}");
        let own = expanded.stages.iter().find(|own| own.name == *stage);
        let steps = own.map(|own| own.steps.iter()).ok_or_else(missing)?;
        let mut steps = steps.filter(|step| step.name == *name);
        let step = steps.next().ok_or_else(missing)?;
        let Some(probe) = Probe::new(&expanded, stage, step)? else {
            return Err("it waits for nothing that can be looked at".to_owned());
        };
        let view = observe::View {
            account: &self.account,
            discovery: &self.discovery,
            scope: plan
                .scope
                .as_ref()
                .and_then(|scope| scope.namespaces.as_ref()),
            own: Own {
                operator: &self.operator,
                accounts: &self.accounts,
            },
        };
        let seen = observe::probe(view, probe.queries()).await;
        Ok(probe.read(&seen.found, &seen.problems))
    }
}
