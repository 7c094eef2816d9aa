//! What is read where an answer says nothing, and what is said where it stays so.

use std::sync::Arc;

use jiff::Timestamp;

use crate::cluster::Collection;
use crate::cluster::write;
use crate::engine::decide::Sight;
use crate::engine::scheduler::Wrote;
use crate::field::{Path, Projection, project};
use crate::ledger::record::NewOutcome;
use crate::ledger::{EntryId, Event};
use crate::run::mode::{State, UNCONFIRMED};

use super::Settlement;
use super::confirm::unchanged;
use super::write::{Item, Job, Try, UNREADABLE, ms};

impl Job<'_> {
    /// Whether we may still write, and since when. Asked right before each request.
    pub(super) fn leads(&self) -> Result<u64, Wrote<Settlement>> {
        let now = self.deps.clock.monotonic_ms();
        match self.deps.leader.still_leader(now) {
            Some(_epoch) => Ok(now),
            None => Err(Wrote::Again { after_ms: 1000 }),
        }
    }

    /// The server fails at this target, again and again: that is said.
    pub(super) async fn unanswered(&self, why: String) {
        let mut state = self.cell.state.lock().await;
        state.unanswered.insert(self.target.uid.clone(), why);
        drop(state);
        self.cell.wake.notify_one();
    }

    /// A write had no answer: it may still take effect for a while.
    pub(super) async fn unconfirmed(&self, why: &str) {
        tracing::warn!(target = ?self.target, why, "a write had no answer; reading what came of it");
        let mut state = self.cell.state.lock().await;
        state.follow(&self.deps.clock);
        let until = self.deps.clock.now() + UNCONFIRMED;
        state.unconfirmed.insert(self.target.uid.clone(), until);
    }

    /// That no earlier request of ours, or of an earlier leader, may still make the object: what is refused
    /// for good is never looked at again.
    pub(super) async fn none_under_way(&self) -> Result<(), Wrote<Settlement>> {
        let mut state = self.cell.state.lock().await;
        state.follow(&self.deps.clock);
        self.is_over(&state, Some(state.dead_at))
    }

    /// The same for a change of fields. What this process has journalled no earlier leader has sent.
    pub(super) async fn none_of_it_under_way(
        &self,
        ids: &[EntryId],
    ) -> Result<(), Wrote<Settlement>> {
        let mut state = self.cell.state.lock().await;
        state.follow(&self.deps.clock);
        let is_inherited = ids.iter().any(|id| *id < state.own_from);
        self.is_over(&state, is_inherited.then_some(state.dead_at))
    }

    fn is_over(
        &self,
        state: &State,
        inherited: Option<Timestamp>,
    ) -> Result<(), Wrote<Settlement>> {
        let own = state.unconfirmed.get(&self.target.uid).copied();
        let left = own
            .max(inherited)
            .map(|until| until.duration_since(self.deps.clock.now()));
        match left.filter(jiff::SignedDuration::is_positive) {
            None => Ok(()),
            Some(left) => Err(Wrote::Again {
                after_ms: ms(left.unsigned_abs()),
            }),
        }
    }

    /// A failed guard and a missing answer prove nothing: what is there now is read.
    pub(super) async fn read_again(
        &self,
        sight: &Projection,
        paths: &[Path],
        items: &[Item],
        owners: bool,
    ) -> Try {
        let collection = Collection::of(&self.target);
        let read = write::get(&self.clients.reads, &collection, &self.target.name).await;
        let object = match read {
            Ok(object) => object,
            Err(error) => {
                tracing::warn!(target = ?self.target, %error, "a target cannot be read");
                return Try::Stop(Wrote::Ambiguous {
                    after_ms: ms(UNREADABLE),
                });
            }
        };
        let seen = object
            .and_then(|object| project::project(&object, &self.target.plural, paths, owners))
            .filter(|seen| seen.target.uid == self.target.uid);
        let Some(seen) = seen else {
            return Try::Stop(self.gone(items.iter().map(|item| item.id)));
        };
        if items
            .iter()
            .all(|item| unchanged(sight, &seen, &item.edit.path))
        {
            return Try::Retry(Box::new(seen));
        }
        Try::Stop(self.settled(Vec::new(), Some(Sight::Present(Arc::new(seen)))))
    }

    pub(super) fn gone(&self, ids: impl Iterator<Item = EntryId>) -> Wrote<Settlement> {
        let outcome = NewOutcome {
            reason: Some("the object is gone, or another one has its name".into()),
            ..NewOutcome::new(Event::Gone, ids.collect())
        };
        let outcomes = if outcome.entries.is_empty() {
            Vec::new()
        } else {
            vec![outcome]
        };
        self.settled(outcomes, Some(Sight::Gone))
    }
}
