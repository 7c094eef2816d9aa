//! Acts that leave no field behind: looked at and carried out beside the actor's decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};

use crate::api::RecordMode;
use crate::cluster::{Clients, Discovery};
use crate::engine::acts::{Answer, Answers, Ask, Key};
use crate::engine::plan::Plan;
use crate::engine::protect::Own;
use crate::ledger::{ActState, Ledger};
use crate::playbook::{Expanded, ExpandedStep, ResolvedAct, expand};
use crate::run::signal::Signals;
use crate::run::{executor, observe, task};
use crate::step::wait::{Probe, Reading};

use super::deed::Way;
use super::{Actor, Memory};

/// What was tried, and what came of it.
type Tried = ((Key, Ask), Answer);

/// Acts under way, and what came of their latest try.
#[derive(Default)]
pub(super) struct Acts {
    tasks: JoinSet<Tried>,
    /// What each of them tries.
    tried: BTreeMap<Id, (Key, Ask)>,
    /// Those whose task has not ended.
    pub(super) under_way: BTreeSet<(Key, Ask)>,
    /// Which time of its act each was tried for last: an answer of an earlier one says nothing.
    times: BTreeMap<(Key, Ask), u32>,
    ended: Vec<Tried>,
    /// What came of them, and when.
    pub(super) answers: Answers,
}

impl Acts {
    /// Waits until a try has ended; for ever where none is under way. May be dropped and called
    /// anew.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.note(ended),
            None => std::future::pending().await,
        }
    }

    /// Begins a try.
    fn begin(
        &mut self,
        asked: (Key, Ask),
        times: u32,
        errand: impl Future<Output = Tried> + Send + 'static,
    ) {
        self.under_way.insert(asked.clone());
        self.times.insert(asked.clone(), times);
        let begun = self.tasks.spawn(task::own(errand));
        self.tried.insert(begun.id(), asked);
    }

    /// A try that cannot even begin came to nothing, like any other: status says why, and it is tried again
    /// after a while.
    fn refuse(&mut self, asked: (Key, Ask), times: u32, why: String) {
        let errand = std::future::ready(vain(asked.clone(), why));
        self.begin(asked, times, errand);
    }

    /// A try has ended. One at which the program failed came to nothing, like any other: it is said, and
    /// tried again after a while.
    fn note(&mut self, ended: Result<(Id, Tried), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let asked = self.tried.remove(&id);
        match ended {
            Ok((_, ended)) => self.ended.push(ended),
            Err(error) => {
                tracing::error!(%error, "an act could not be tried");
                self.ended
                    .extend(asked.map(|asked| vain(asked, FAILED.to_owned())));
            }
        }
    }

    /// Takes in what has ended, and forgets what nobody waits for any more.
    pub(super) fn gather(&mut self, now: Timestamp, ledger: &Ledger) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.note(ended);
        }
        for (asked, answer) in std::mem::take(&mut self.ended) {
            self.under_way.remove(&asked);
            self.answers.insert(asked, (now, answer));
        }
        let times = &self.times;
        self.answers.retain(|asked, _| {
            let (key, ask) = asked;
            let wanted = match ask {
                Ask::Look | Ask::Carry => ActState::Begun,
                Ask::Undo => ActState::Undoing,
            };
            let act = ledger.acts.get(key).filter(|act| act.state == wanted);
            act.is_some_and(|act| times.get(asked) == Some(&act.times))
        });
    }
}

impl Actor {
    /// Begins what is asked for, unless it is under way.
    pub(super) async fn ask(&self, memory: &mut Memory, asks: &BTreeMap<Key, Ask>) {
        let acts = &mut memory.acts;
        let fresh: Vec<(&Key, &Ask)> = asks
            .iter()
            .filter(|(key, ask)| !acts.under_way.contains(&((*key).clone(), **ask)))
            .collect();
        if fresh.is_empty() {
            return;
        }
        let Some(plan) = self.plan_in_force().await else {
            return;
        };
        let account = self.account_in_force().await;
        let state = self.mode.state.lock().await;
        let times = |key: &Key| state.ledger.acts.get(key).map_or(0, |act| act.times);
        for (key, ask) in fresh {
            let account = match &account {
                Ok(account) => account,
                Err(problem) => {
                    tracing::warn!(problem, "an act cannot be tried");
                    acts.refuse((key.clone(), *ask), times(key), problem.clone());
                    continue;
                }
            };
            let errand = Errand {
                key: key.clone(),
                times: times(key),
                mode: self.mode.id.clone(),
                plan: plan.clone(),
                account: account.clone(),
                discovery: self.discovery.clone(),
                deps: self.deps.clone(),
                signals: self.settings.signals.clone(),
                operator: self.settings.namespace.clone(),
                accounts: self.settings.accounts_namespace.clone(),
            };
            let asked = (key.clone(), *ask);
            match ask {
                Ask::Look => acts.begin(asked, errand.times, errand.look()),
                Ask::Carry => acts.begin(asked, errand.times, errand.carry(Way::There)),
                Ask::Undo => acts.begin(asked, errand.times, errand.carry(Way::Back)),
            }
        }
    }
}

/// What is said of a try at which the program failed.
const FAILED: &str = "pingzhan itself failed at it, as the operator's log says";

/// What comes of a try that came to nothing.
fn vain(asked: (Key, Ask), why: String) -> Tried {
    let answer = match asked.1 {
        Ask::Look => Answer::Seen(Reading::new(false, why)),
        Ask::Carry | Ask::Undo => Answer::NotYet(why),
    };
    (asked, answer)
}

/// One try of one act.
pub(super) struct Errand {
    pub(super) key: Key,
    /// How often the act has begun by now.
    pub(super) times: u32,
    pub(super) mode: RecordMode,
    pub(super) plan: Arc<Plan>,
    pub(super) account: Clients,
    discovery: Discovery,
    pub(super) deps: executor::Deps,
    pub(super) signals: Arc<Signals>,
    pub(super) operator: String,
    pub(super) accounts: String,
}

impl Errand {
    /// Looks whether what is waited for is there.
    async fn look(self) -> Tried {
        let reading = self.read().await;
        let reading = reading.unwrap_or_else(|why| Reading::new(false, why));
        ((self.key, Ask::Look), Answer::Seen(reading))
    }

    /// The playbook as it was approved.
    pub(super) fn expanded(&self) -> Result<Expanded, String> {
        let plan = &self.plan;
        expand::stored(&plan.spec, plan.level, &plan.parameters)
            .map_err(|_| "the stored playbook does not expand".to_owned())
    }

    /// The act's step.
    pub(super) fn step<'a>(&self, expanded: &'a Expanded) -> Result<&'a ExpandedStep, String> {
        let (stage, name) = (&self.key.0, &self.key.1);
        let own = expanded.stages.iter().find(|own| own.name == *stage);
        let mut steps = own.into_iter().flat_map(|own| &own.steps);
        let step = steps.find(|step| step.name == *name);
        step.ok_or_else(|| format!("the plan has no step {stage}/{name}"))
    }

    async fn read(&self) -> Result<Reading, String> {
        let plan = &self.plan;
        let expanded = self.expanded()?;
        let step = self.step(&expanded)?;
        if let ResolvedAct::Freeze(_) = &step.act {
            return Ok(self.prove().await);
        }
        if let ResolvedAct::Wait(wait) = &step.act
            && let Some(query) = &wait.prom_ql
        {
            let count = self.signals.samples(query).await?;
            let sentence = format!("`{query}` has {count} samples");
            return Ok(Reading::new(count > 0, sentence));
        }
        let Some(probe) = Probe::new(&expanded, &self.key.0, step)? else {
            return Err("it waits for nothing that can be looked at".to_owned());
        };
        let view = observe::View {
            account: &self.account,
            discovery: &self.discovery,
            explains: false,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Another act must not be begun a second time for it, nor it itself be tried without a pause.
    #[tokio::test]
    async fn an_act_at_which_the_program_fails_is_answered_and_others_stay_under_way() {
        let asked = |step: &str| (("tell".to_owned(), step.to_owned()), Ask::Carry);
        let mut acts = Acts::default();
        acts.begin(asked("districts"), 1, async { panic!("on purpose") });
        acts.begin(asked("schools"), 1, std::future::pending());
        acts.ended().await;
        let said = vain(asked("districts"), FAILED.to_owned());
        assert_eq!(acts.ended, [said]);
        // What has ended is taken in by the next decision.
        assert_eq!(
            acts.under_way,
            [asked("districts"), asked("schools")].into()
        );
        assert_eq!(
            acts.tried.into_values().collect::<Vec<_>>(),
            [asked("schools")]
        );
    }

    /// Whoever waits for an act must read in status why nothing comes of it, and not in the log alone.
    #[tokio::test]
    async fn an_act_whose_account_cannot_be_had_is_answered() {
        let asked = |ask: Ask| (("tell".to_owned(), "districts".to_owned()), ask);
        let why = "the account has no name";
        let mut acts = Acts::default();
        for ask in [Ask::Look, Ask::Carry, Ask::Undo] {
            acts.refuse(asked(ask), 1, why.to_owned());
            assert!(
                acts.under_way.contains(&asked(ask)),
                "it is not asked twice"
            );
            acts.ended().await;
        }
        let said: Vec<&Answer> = acts.ended.iter().map(|(_, answer)| answer).collect();
        let not_yet = Answer::NotYet(why.to_owned());
        let seen = Answer::Seen(Reading::new(false, why.to_owned()));
        assert_eq!(said, [&seen, &not_yet, &not_yet]);
    }
}
