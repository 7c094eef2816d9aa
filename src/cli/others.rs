//! Modes that hold something: who holds which field, and what a plan shares with them, which is made as
//! it would be without them.

use std::collections::BTreeSet;

use kube::Client;
use kube::api::{Api, ListParams};

use crate::api::{EmergencyMode, Phase};
use crate::engine::facts::Facts;
use crate::engine::layers::Rank;
use crate::engine::plan::{Plan, store};
use crate::engine::shared::{Holder, shared};
use crate::ledger::{Direction, Ledger};
use crate::run::retention;

use super::context::{Context, call};
use super::error::Error;
use super::preview::Wish;
use super::status::{ledger, ledger_of, pages};

/// Modes that hold something.
pub(super) struct Others {
    all: Vec<(Ledger, Rank)>,
    /// Uids of those whose objects are gone: nobody carries them out any more.
    gone: BTreeSet<String>,
}

impl Others {
    /// Reads the journals of modes that hold something.
    ///
    /// # Errors
    /// What a request says: who may not read modes or records cannot know.
    pub(super) async fn read(context: &Context, client: &Client) -> Result<Self, Error> {
        // Before the modes: one that is declared meanwhile is not taken for one that is gone.
        let open = call("list ChangeRecords", retention::open(client)).await?;
        let modes: Api<EmergencyMode> = Api::all(client.clone());
        let mut others = Self {
            all: Vec::new(),
            gone: BTreeSet::new(),
        };
        let mut present = BTreeSet::new();
        for mode in pages("list EmergencyModes", &modes, ListParams::default()).await? {
            present.extend(mode.metadata.uid.clone());
            let status = mode.status.as_ref();
            if status.and_then(|status| status.phase) == Some(Phase::Closed) {
                // Its journal is closed, or it would not say so, and may be long.
                continue;
            }
            others.add(ledger(context, client, &mode).await?);
        }
        for id in open.into_iter().filter(|id| !present.contains(&id.uid)) {
            let ledger = ledger_of(context, client, id).await?;
            // Closed and let go since.
            if ledger.direction != Direction::Closed {
                others.gone.insert(ledger.mode.uid.clone());
                others.add(ledger);
            }
        }
        Ok(others)
    }

    /// Adds a mode, if it holds something.
    fn add(&mut self, ledger: Ledger) {
        let granted = ledger.granted.as_ref().and_then(|granted| {
            let text = ledger.plans.get(&granted.plan_hash)?;
            store::load(text, &granted.plan_hash).ok()
        });
        let rank = granted.and_then(|plan| Rank::of(&plan, &ledger));
        if let Some(rank) = rank.filter(|_| ledger.live().next().is_some()) {
            self.all.push((ledger, rank));
        }
    }

    /// Their journals, and where each of them lies.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Ledger, Rank)> {
        self.all.iter()
    }

    /// Whether a mode's object is gone, so that nobody carries it out any more.
    pub(super) fn is_gone(&self, ledger: &Ledger) -> bool {
        self.gone.contains(&ledger.mode.uid)
    }

    /// What would be seen had none of them begun.
    pub(super) fn in_peacetime(&self, facts: Facts) -> Facts {
        let ledgers = self.all.iter().map(|(ledger, _)| ledger);
        ledgers.fold(facts, Facts::in_peacetime)
    }

    /// The fields that a plan shares with them, a sentence each.
    pub(super) fn shared(&self, plan: &Plan, wish: &Wish) -> Vec<String> {
        let own = Rank::declared_now(wish.nature, wish.level);
        let holders: Vec<Holder<'_>> = self
            .all
            .iter()
            .map(|(ledger, rank)| Holder {
                ledger,
                rank: rank.clone(),
                is_gone: self.is_gone(ledger),
            })
            .collect();
        shared(plan, &own, &holders)
    }
}
