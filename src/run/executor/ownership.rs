//! The ownership pass of one target: owners own their fields again, and our label goes.

use std::sync::Arc;

use crate::engine::decide::Sight;
use crate::engine::scheduler::Wrote;
use crate::field::giveback::{self, Return};
use crate::field::patch::Edit;
use crate::field::{Image, Path, Projection};
use crate::ledger::record::NewOutcome;
use crate::ledger::{EntryId, Event};

use super::Settlement;
use super::confirm::refusal;
use super::write::{Item, Job, TRIES, Try};

impl Job<'_> {
    pub(super) async fn give_back(
        &self,
        sight: Arc<Projection>,
        items: Vec<(EntryId, Return)>,
        last: bool,
        others: &[String],
    ) -> Wrote<Settlement> {
        let ids: Vec<EntryId> = items.iter().map(|(id, _)| *id).collect();
        let returns: Vec<Return> = items.into_iter().map(|(_, back)| back).collect();
        let edits = returns_as_items(&ids, &returns);
        let paths: Vec<Path> = sight.seen.iter().map(|seen| seen.path.clone()).collect();
        let mut sight = sight;
        // Also of an object whose fields nobody owned: a value that needed no write back brought none.
        if sight.managed_fields.is_none() {
            match self.read_again(&sight, &paths, &edits, true).await {
                Try::Retry(seen) => sight = Arc::from(seen),
                Try::Stop(wrote) => return wrote,
                Try::Written(_) | Try::Refused(_) | Try::Unanswered(..) => {
                    return Wrote::Again { after_ms: 0 };
                }
            }
        }
        let mut unanswered = None;
        for _ in 0..TRIES {
            let patch = match giveback::give_back(&sight, &self.manager(), &returns, last, others) {
                Ok(Some(patch)) => patch,
                Ok(None) => return self.owners_back(&ids, &sight),
                Err(error) => return self.stuck(&ids, &sight, &error.to_string()),
            };
            match self.send(&sight, patch, &edits, true).await {
                Try::Written(seen) => return self.owners_back(&ids, &seen),
                Try::Retry(seen) => {
                    sight = Arc::from(seen);
                    unanswered = None;
                }
                Try::Unanswered(seen, why) => {
                    sight = Arc::from(seen);
                    unanswered = Some(why);
                }
                Try::Stop(wrote) => return wrote,
                Try::Refused(reason) => return self.stuck(&ids, &sight, &reason),
            }
        }
        match unanswered {
            Some(why) => self.stuck(&ids, &sight, &why),
            None => Wrote::Again { after_ms: 0 },
        }
    }

    fn owners_back(&self, ids: &[EntryId], sight: &Projection) -> Wrote<Settlement> {
        let outcome = NewOutcome::new(Event::OwnersBack, ids.to_vec());
        let outcomes = if ids.is_empty() {
            Vec::new()
        } else {
            vec![outcome]
        };
        self.settled(outcomes, Some(slim(sight)))
    }

    /// The pass is refused. Where no change is left to say it of, since another's value stays, it
    /// is tried again ever later: settled, it would be decided anew at once.
    fn stuck(&self, ids: &[EntryId], sight: &Projection, reason: &str) -> Wrote<Settlement> {
        if ids.is_empty() {
            tracing::warn!(
                manager = self.manager(),
                reason,
                "our marks cannot be taken off yet"
            );
            return Wrote::Again { after_ms: 0 };
        }
        let outcomes = ids
            .iter()
            .map(|id| refusal(Event::Stuck, *id, reason))
            .collect();
        // The next try reads the managedFields anew, whatever was wrong with these.
        self.settled(outcomes, Some(slim(sight)))
    }
}

/// What stays known of a target once nobody needs its managedFields.
fn slim(sight: &Projection) -> Sight {
    let mut slim = sight.clone();
    slim.managed_fields = None;
    Sight::Present(Arc::new(slim))
}

/// Returns as items, so that "is it still what was seen" is asked the same way.
fn returns_as_items(ids: &[EntryId], returns: &[Return]) -> Vec<Item> {
    ids.iter()
        .zip(returns)
        .map(|(id, back)| Item {
            id: *id,
            edit: Edit {
                path: back.path.clone(),
                to: Image::Absent,
                remove_parents: Vec::new(),
            },
            event: Event::OwnersBack,
            wanted: Image::Absent,
        })
        .collect()
}
