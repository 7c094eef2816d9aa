//! One target's write: guarded, sent, classified, and judged only as far as "is it still what was
//! seen". Anything else goes back to the decision.

use std::sync::Arc;
use std::time::Duration;

use crate::api::names;
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Clients};
use crate::engine::decide::Sight;
use crate::engine::scheduler::Wrote;
use crate::engine::work::{Act, SwitchItem, Task, WriteItem};
use crate::field::packed::Packed;
use crate::field::patch::{self, Edit, HeldBy};
use crate::field::sieve::Sieve;
use crate::field::{Image, Path, Projection, Target, creation, project};
use crate::ledger::record::NewOutcome;
use crate::ledger::{EntryId, Event};
use crate::run::mode::Mode;

use super::confirm::{done, refusal};
use super::{Deps, Settlement};

/// How often a write whose guard failed is tried with a new guard before it goes to the tail of
/// the queue: a target that changes faster than that is in somebody's hands.
pub(super) const TRIES: usize = 5;
/// How long a target waits that could not be read after an unanswered write.
pub(super) const UNREADABLE: Duration = Duration::from_secs(1);

/// What a write is about, whichever act it is.
pub(super) struct Item {
    pub(super) id: EntryId,
    pub(super) edit: Edit,
    pub(super) event: Event,
    pub(super) wanted: Image,
}

/// Carries a task out.
#[tracing::instrument(name = "write", skip_all, fields(
    mode = cell.id.name, kind = task.target.kind, target = task.target.name
))]
pub(super) async fn write(deps: &Deps, cell: &Mode, task: Task) -> Wrote<Settlement> {
    let Task { target, sight, act } = task;
    let (Some(clients), Some(sight)) = (deps.clients(cell, &target), sight) else {
        return note_only(&target, act);
    };
    let job = Job {
        deps,
        cell,
        clients,
        target,
    };
    if creation::is(&job.target.uid) {
        return job.creation(sight, act).await;
    }
    match act {
        Act::Note(outcomes) => job.settled(outcomes, None),
        Act::Switch(items) => job.switch(sight, items).await,
        Act::Rewrite(items) => {
            let failed = Event::Refused;
            job.fields(sight, items.into_iter().map(item).collect(), false, failed)
                .await
        }
        Act::Revert { items, .. } => {
            if let Err(wrote) = job.first(&items).await {
                return wrote;
            }
            job.fields(
                sight,
                items.into_iter().map(item).collect(),
                true,
                Event::Stuck,
            )
            .await
        }
        Act::GiveBack {
            items,
            last,
            others,
        } => job.give_back(sight, items, last, &others).await,
    }
}

fn note_only(target: &Target, act: Act) -> Wrote<Settlement> {
    let outcomes = if let Act::Note(outcomes) = act {
        outcomes
    } else {
        Vec::new()
    };
    Wrote::Settled(vec![Settlement {
        uid: target.uid.clone(),
        outcomes,
        sight: None,
    }])
}

fn item(write: WriteItem) -> Item {
    Item {
        id: write.id,
        edit: write.edit,
        event: write.event,
        wanted: write.after,
    }
}

pub(super) struct Job<'a> {
    pub(super) deps: &'a Deps,
    pub(super) cell: &'a Mode,
    pub(super) clients: Clients,
    pub(super) target: Target,
}

/// A write that is not to be.
struct Refused {
    /// Why.
    why: String,
    /// The target as it was when the server refused: what people are shown, and what their verdict
    /// names. Nothing where the write could not even be made of it: it is read anew.
    seen: Option<Arc<Projection>>,
}

/// What came of one try.
pub(super) enum Try {
    Written(Box<Projection>),
    Retry(Box<Projection>),
    /// There was no answer that says what became of it, and nothing has: why.
    Unanswered(Box<Projection>, String),
    Stop(Wrote<Settlement>),
    Refused(String),
}

impl Job<'_> {
    pub(super) fn settled(
        &self,
        outcomes: Vec<NewOutcome>,
        sight: Option<Sight>,
    ) -> Wrote<Settlement> {
        Wrote::Settled(vec![Settlement {
            uid: self.target.uid.clone(),
            outcomes,
            sight,
        }])
    }

    pub(super) fn manager(&self) -> String {
        names::field_manager(&self.cell.id.name, &self.cell.id.uid)
    }

    async fn switch(&self, sight: Arc<Projection>, items: Vec<SwitchItem>) -> Wrote<Settlement> {
        if let Err(wrote) = self.may_say_first(&items).await {
            return wrote;
        }
        let (mut early, mut writes) = (Vec::new(), Vec::new());
        for item in items.into_iter().filter(|item| !item.covered) {
            let Some(id) = item.id else {
                tracing::error!(target = ?self.target, "a change without a number: nothing is written");
                continue;
            };
            if let Some(reason) = item.overtaken {
                early.push(NewOutcome {
                    reason: Some(reason),
                    ..NewOutcome::new(Event::Overtaken, vec![id])
                });
            } else {
                let to = item.to.unwrap_or(item.entry.after);
                let edit = Edit {
                    path: item.entry.path,
                    to: to.clone(),
                    remove_parents: Vec::new(),
                };
                writes.push(Item {
                    id,
                    edit,
                    event: Event::Applied,
                    wanted: to,
                });
            }
        }
        if writes.is_empty() {
            return self.settled(early, None);
        }
        let mut wrote = self.fields(sight, writes, false, Event::Refused).await;
        if let Wrote::Settled(settlements) = &mut wrote
            && let Some(first) = settlements.first_mut()
        {
            first.outcomes.splice(0..0, early);
        }
        wrote
    }

    /// Writes some fields in one request; if that is refused, one by one, to name the poison.
    async fn fields(
        &self,
        sight: Arc<Projection>,
        items: Vec<Item>,
        owners: bool,
        failed: Event,
    ) -> Wrote<Settlement> {
        let (wrote, refused) = self.together(sight.clone(), &items, owners, failed).await;
        let Some(refused) = refused else { return wrote };
        let mut last = refused.seen.clone().map(Sight::Present);
        if items.len() == 1 {
            let outcomes = vec![refusal(failed, items[0].id, &refused.why)];
            return self.settled(outcomes, last);
        }
        let mut all = Vec::new();
        let mut sight = refused.seen.unwrap_or(sight);
        for item in items {
            let id = item.id;
            match self.together(sight.clone(), &[item], owners, failed).await {
                (_, Some(refused)) => {
                    all.push(refusal(failed, id, &refused.why));
                    if let Some(seen) = refused.seen {
                        sight = seen.clone();
                        last = Some(Sight::Present(seen));
                    }
                }
                (Wrote::Settled(settlements), None) => {
                    for settlement in settlements {
                        all.extend(settlement.outcomes);
                        if let Some(Sight::Present(seen)) = &settlement.sight {
                            sight = seen.clone();
                        }
                        last = settlement.sight.or(last);
                    }
                }
                (other, None) => {
                    tracing::debug!(target = ?self.target, "the rest of the fields comes later");
                    return if all.is_empty() {
                        other
                    } else {
                        self.settled(all, last)
                    };
                }
            }
        }
        self.settled(all, last)
    }

    /// Writes fields in one request, with a new guard while the fields are still what was seen.
    async fn together(
        &self,
        mut sight: Arc<Projection>,
        items: &[Item],
        owners: bool,
        failed: Event,
    ) -> (Wrote<Settlement>, Option<Refused>) {
        let edits: Vec<Edit> = items.iter().map(|item| item.edit.clone()).collect();
        let held_by = if failed == Event::Stuck {
            HeldBy::Leave
        } else {
            HeldBy::Set(names::label_value(&self.cell.id.name))
        };
        let mut unanswered = None;
        for _ in 0..TRIES {
            let guarded = match patch::guarded(&sight, &edits, &held_by) {
                Ok(guarded) => guarded,
                Err(error) => {
                    let why = error.to_string();
                    return self.not_to_be(items, Refused { why, seen: None }).await;
                }
            };
            match self.send(&sight, guarded.patch, items, owners).await {
                Try::Written(seen) => {
                    let outcomes = items
                        .iter()
                        .flat_map(|item| done(item, Some(&sight), &seen));
                    let outcomes = outcomes.collect();
                    return (
                        self.settled(outcomes, Some(Sight::Present(Arc::from(seen)))),
                        None,
                    );
                }
                Try::Retry(seen) => {
                    sight = Arc::from(seen);
                    unanswered = None;
                }
                Try::Unanswered(seen, why) => {
                    sight = Arc::from(seen);
                    unanswered = Some(why);
                }
                Try::Stop(wrote) => return (wrote, None),
                Try::Refused(why) => {
                    let seen = Some(sight);
                    return self.not_to_be(items, Refused { why, seen }).await;
                }
            }
        }
        match unanswered {
            // What was never written may still come to be: it is said, and tried again.
            Some(why) if items.iter().all(|item| item.event == Event::Applied) => {
                self.unanswered(why).await;
                (Wrote::Again { after_ms: 0 }, None)
            }
            // What holds or comes back looks first, whatever became of the last try: the rest goes on.
            Some(why) => {
                let seen = Some(sight);
                (Wrote::Settled(Vec::new()), Some(Refused { why, seen }))
            }
            None => (Wrote::Again { after_ms: 0 }, None),
        }
    }

    /// What becomes of a refusal. Of a change that was never confirmed it is the last word, so that nothing
    /// is brought back of it: it is not said while an earlier try without an answer may still take effect.
    async fn not_to_be(
        &self,
        items: &[Item],
        refused: Refused,
    ) -> (Wrote<Settlement>, Option<Refused>) {
        let first = items.iter().filter(|item| item.event == Event::Applied);
        let first: Vec<EntryId> = first.map(|item| item.id).collect();
        if !first.is_empty()
            && let Err(wrote) = self.none_of_it_under_way(&first).await
        {
            return (wrote, None);
        }
        (Wrote::Settled(Vec::new()), Some(refused))
    }

    pub(super) async fn send(
        &self,
        sight: &Projection,
        patch: json_patch::Patch,
        items: &[Item],
        owners: bool,
    ) -> Try {
        let paths: Vec<Path> = sight.seen.iter().map(|seen| seen.path.clone()).collect();
        let started = match self.leads() {
            Ok(now) => now,
            Err(wrote) => return Try::Stop(wrote),
        };
        let answer = write::patch(
            &self.clients.writes,
            &self.target,
            &patch,
            &self.manager(),
            Effect::Real,
            |body| {
                let managed_fields = owners.then(|| Packed::in_text(body)).flatten();
                Ok((Sieve::of(&paths).read(body)?, managed_fields))
            },
        )
        .await;
        self.deps
            .metrics
            .wrote(&answer, self.deps.clock.monotonic_ms() - started);
        match answer {
            Answer::Done((object, managed_fields)) => {
                match project::project(&object, &self.target.plural, &paths, false) {
                    Some(seen) => Try::Written(Box::new(Projection {
                        managed_fields: managed_fields.or_else(|| untracked(&seen, owners)),
                        ..seen.sharing(sight)
                    })),
                    None => Try::Stop(Wrote::Ambiguous {
                        after_ms: ms(UNREADABLE),
                    }),
                }
            }
            Answer::Gone => Try::Stop(self.gone(items.iter().map(|item| item.id))),
            Answer::Refused {
                reason, message, ..
            } => Try::Refused(format!("{reason}: {message}")),
            Answer::Busy { after, why } => {
                tracing::warn!(why, "the API server is busy; everything holds back");
                Try::Stop(Wrote::Busy {
                    after_ms: ms(after),
                })
            }
            Answer::Moved => self.read_again(sight, &paths, items, owners).await,
            Answer::Ambiguous(why) => {
                self.unconfirmed(&why).await;
                match self.read_again(sight, &paths, items, owners).await {
                    Try::Retry(seen) => Try::Unanswered(seen, why),
                    other => other,
                }
            }
        }
    }
}

/// The managedFields of an object that has none, where they were asked for.
fn untracked(seen: &Projection, asked: bool) -> Option<Packed> {
    (asked && !seen.tracked).then(|| Packed::of(&[]))
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
