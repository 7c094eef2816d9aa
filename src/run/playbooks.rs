//! Playbooks' own loop: is each of them ready? Looked at when one changes, when modes begin or end to
//! carry it out, and otherwise rarely, since each look costs requests and at rest there are none.

mod follow;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kube::ResourceExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::condition::{self, types};
use crate::api::{Level, Playbook, PlaybookStatus, PlaybookUse};
use crate::cluster::{Accounts, Clients, Collection, Discovery, write};
use crate::engine::plan::Finding;
use crate::engine::protect::Own;
use crate::engine::readiness::{self, Looked};
use crate::engine::rights::{self, Needs};
use crate::ledger::Direction;
use crate::playbook::{Expanded, expand};

use super::clock::Clock;
use super::crew::Playbooks;
use super::metrics::{Metrics, PlaybookLabels};
use super::observe::{self, View};
use super::operator::Settings;
use super::preflight::rights::check;
use super::publish;
use super::registry::Registry;

pub(super) use follow::follow;

/// How often a playbook is held against the cluster where nothing of it changes: rights are taken away
/// rarely, and a look at fifty namespaces is about sixty requests.
pub const DEFAULT: Duration = Duration::from_hours(1);
/// How long changes are gathered: an apply of a folder of playbooks is one look.
const GATHER: Duration = Duration::from_secs(1);
/// Wait after something could not be said, so that it is tried again and not at once.
const AGAIN: Duration = Duration::from_mins(1);

/// What the loop stands on.
#[derive(Clone)]
pub(super) struct Readiness {
    pub(super) own: Clients,
    pub(super) accounts: Accounts,
    pub(super) discovery: Discovery,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) registry: Registry,
    pub(super) playbooks: watch::Receiver<Playbooks>,
}

/// What is known of one playbook.
struct Known {
    uid: Option<String>,
    generation: Option<i64>,
    uses: Vec<PlaybookUse>,
    /// When it is to be looked at again.
    due: Instant,
    /// What the last look found: uses change without another.
    looked: Option<Looked>,
    said: Option<PlaybookStatus>,
}

impl Readiness {
    /// Looks until it is dropped, once playbooks are listed; for ever idle where nobody wants it.
    pub(super) async fn run(mut self, mut listed: watch::Receiver<bool>) {
        let Some(every) = self.settings.readiness else {
            return std::future::pending().await;
        };
        let _ = listed.wait_for(|whole| *whole).await;
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        let mut uses = self.registry.uses();
        self.registry.all_open().await;
        loop {
            let playbooks = self.playbooks.borrow_and_update().clone();
            uses.mark_unchanged();
            known.retain(|name, _| playbooks.contains_key(name) || self.forget(name));
            for (name, playbook) in playbooks.iter() {
                let looked = async {
                    match playbook {
                        Ok(playbook) => self.one(name, playbook, &mut known, every).await,
                        Err(problem) => self.malformed(name, problem, &mut known, every).await,
                    }
                };
                // One playbook at which the program fails keeps no mode from going on.
                if AssertUnwindSafe(looked).catch_unwind().await.is_err() {
                    self.metrics.panics.inc();
                    tracing::error!(
                        playbook = name,
                        "pingzhan failed at this playbook; others go on"
                    );
                    let status = readiness::failed(self.clock.now());
                    self.unread(name, status, &mut known, every).await;
                }
            }
            let due = known.values().map(|known| known.due).min();
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.playbooks.changed() => if changed.is_err() { return },
                changed = uses.changed() => if changed.is_err() { return },
                () = sleep => continue,
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    async fn one(
        &self,
        name: &str,
        playbook: &Arc<Playbook>,
        known: &mut BTreeMap<String, Known>,
        every: Duration,
    ) {
        let now = Instant::now();
        let uses = self.uses_of(playbook).await;
        let (uid, generation) = (playbook.uid(), playbook.metadata.generation);
        let before = known.get(name).filter(|known| known.uid == uid);
        let same = before.filter(|known| known.generation == generation && known.due > now);
        if same.is_some_and(|known| known.uses == uses) {
            return;
        }
        if before.is_none()
            && let Some(entry) = self.as_said(playbook, &uses, every)
        {
            known.insert(name.to_owned(), entry);
            return;
        }
        let said = before.map_or(&playbook.status, |known| &known.said).clone();
        let kept = same.filter(|known| known.looked.is_some());
        let looked = match kept.and_then(|known| known.looked.clone()) {
            Some(looked) => looked,
            None => self.look(playbook).await,
        };
        let at = self.clock.now();
        let mut status = readiness::status(
            generation.unwrap_or_default(),
            &playbook.spec,
            &looked,
            uses.clone(),
            said.as_ref(),
            at,
        );
        if kept.is_some() {
            // Only who carries it out has changed: nothing was looked at.
            status.last_checked = said.and_then(|said| said.last_checked);
        }
        let due = kept.map_or(now + every, |known| known.due);
        let wrote = publish::playbook(&self.own.writes, name, uid.as_deref(), &status).await;
        if let Err(error) = &wrote {
            tracing::warn!(playbook = name, %error, "whether a playbook is ready cannot be said");
        }
        self.count(name, &status);
        let entry = Known {
            uid,
            generation,
            uses,
            due: if wrote.is_ok() {
                due
            } else {
                now + AGAIN.min(every)
            },
            looked: Some(looked),
            said: Some(status),
        };
        known.insert(name.to_owned(), entry);
    }

    /// What is known of a playbook that a leader before this one looked at, where that still stands.
    fn as_said(&self, playbook: &Playbook, uses: &[PlaybookUse], every: Duration) -> Option<Known> {
        let status = playbook.status.as_ref()?;
        let generation = playbook.metadata.generation;
        let now = self.clock.now();
        let rest = readiness::stands(status, generation?, uses, every, now)?;
        self.count(&playbook.name_any(), status);
        Some(Known {
            uid: playbook.uid(),
            generation,
            uses: uses.to_vec(),
            due: Instant::now() + rest,
            looked: None,
            said: Some(status.clone()),
        })
    }

    async fn malformed(
        &self,
        name: &str,
        problem: &str,
        known: &mut BTreeMap<String, Known>,
        every: Duration,
    ) {
        let status = readiness::malformed(problem, self.clock.now());
        self.unread(name, status, known, every).await;
    }

    /// Says of a playbook that it could not be looked at, and why; again soon where that cannot be said.
    async fn unread(
        &self,
        name: &str,
        mut status: PlaybookStatus,
        known: &mut BTreeMap<String, Known>,
        every: Duration,
    ) {
        let now = Instant::now();
        let same = |said: &PlaybookStatus| {
            let message =
                |of: &PlaybookStatus| of.conditions.first().map(|own| own.message.clone());
            message(said) == message(&status)
        };
        if let Some(known) = known.get_mut(name)
            && known.said.as_ref().is_some_and(same)
        {
            known.due = now + every;
            return;
        }
        // Modes go on with their copies of it.
        let before = known.get(name).and_then(|known| known.said.clone());
        let uses = before.as_ref().map(|said| said.in_use.clone());
        status.in_use = uses.unwrap_or_default();
        let wrote = publish::playbook(&self.own.writes, name, None, &status).await;
        if let Err(error) = &wrote {
            tracing::warn!(playbook = name, %error, "that a playbook cannot be read cannot be said");
        }
        self.count(name, &status);
        let again = if wrote.is_ok() {
            every
        } else {
            AGAIN.min(every)
        };
        let entry = Known {
            uid: None,
            generation: None,
            uses: Vec::new(),
            due: now + again,
            looked: None,
            said: if wrote.is_ok() { Some(status) } else { before },
        };
        known.insert(name.to_owned(), entry);
    }

    fn count(&self, name: &str, status: &PlaybookStatus) {
        let labels = PlaybookLabels {
            playbook: name.to_owned(),
        };
        let ready = condition::is_true(&status.conditions, types::READY);
        self.metrics.ready.get_or_create(&labels).set(ready.into());
    }

    /// Says nothing any more of a playbook that is gone: it is not kept.
    fn forget(&self, name: &str) -> bool {
        let labels = PlaybookLabels {
            playbook: name.to_owned(),
        };
        self.metrics.ready.remove(&labels);
        false
    }

    /// The modes that carry a playbook out, and whether their copy is the present one.
    async fn uses_of(&self, playbook: &Playbook) -> Vec<PlaybookUse> {
        let uid = playbook.uid().unwrap_or_default();
        let mut uses = Vec::new();
        for mode in self.registry.others("").await {
            let state = mode.state.lock().await;
            let is_live = match state.ledger.direction {
                Direction::Wartime | Direction::Held | Direction::Restoring => true,
                Direction::Pending | Direction::Closed => false,
            };
            let plan = state
                .plan_in_force()
                .filter(|plan| plan.playbook_uid == uid);
            if let Some(plan) = plan.filter(|_| is_live) {
                uses.push(PlaybookUse {
                    mode: mode.id.name.clone(),
                    current: plan.spec == playbook.spec,
                    generation: None,
                });
            }
        }
        uses.sort();
        uses
    }

    /// Holds a playbook against the cluster.
    async fn look(&self, playbook: &Playbook) -> Looked {
        let name = &playbook.spec.service_account_name;
        let accounts = &self.settings.accounts_namespace;
        let mut looked = Looked::default();
        let expanded = expansions(playbook);
        if expanded.is_empty() {
            // Lint says why.
            return looked;
        }
        let account = match self.accounts.account(accounts, name) {
            Ok(account) => account,
            Err(error) => {
                looked.problem = Some(error.to_string());
                return looked;
            }
        };
        looked.account = self.is_there(accounts, name).await;
        if looked.account == Some(false) {
            return looked;
        }
        let view = View {
            account: &account,
            discovery: &self.discovery,
            scope: None,
            own: Own {
                operator: &self.settings.namespace,
                accounts,
            },
            explains: false,
        };
        let all: Vec<&Expanded> = expanded.iter().collect();
        let ground = match observe::ground(view, &all).await {
            Ok(ground) => ground,
            Err(problem) => {
                looked.problem = Some(problem);
                return looked;
            }
        };
        let mut needs = Needs::default();
        for expanded in all {
            needs.join(rights::of_steps(expanded, &ground, None));
        }
        looked.rights = needs.all.len();
        let checked = check(&account, &needs).await;
        looked.findings = checked.sentences(&account.who);
        // A plan for what is not served would be refused: it looks at what is not there.
        let unserved = needs.unserved.into_iter().map(Finding::harm);
        looked.findings.extend(unserved);
        let notes = needs.notes.into_iter().map(Finding::risk);
        looked.findings.extend(notes);
        if !checked.unknown.is_empty() {
            let why = checked.problems.into_iter().next();
            looked.problem = Some(format!(
                "it is not known whether {} has the rights that its steps need{}",
                account.who,
                why.map_or_else(String::new, |why| format!(": {why}"))
            ));
        }
        looked
    }

    /// Whether the account is there; nothing where that cannot be seen.
    async fn is_there(&self, namespace: &str, name: &str) -> Option<bool> {
        let accounts = Collection {
            api_version: "v1".to_owned(),
            kind: "ServiceAccount".to_owned(),
            plural: "serviceaccounts".to_owned(),
            namespace: namespace.to_owned(),
        };
        match write::get(&self.own.reads, &accounts, name).await {
            Ok(found) => Some(found.is_some()),
            Err(error) => {
                tracing::warn!(account = name, %error, "whether an account is there cannot be seen");
                None
            }
        }
    }
}

/// A playbook at every level, with values for what has to be chosen.
fn expansions(playbook: &Playbook) -> Vec<Expanded> {
    let parameters = readiness::stand_ins(&playbook.spec);
    let levels = Level::ALL.into_iter();
    levels
        .filter_map(|level| expand::expand(&playbook.spec, level, &parameters).ok())
        .collect()
}

#[cfg(test)]
mod tests;
