//! Objects that a mode makes, one write each: made, made anew, deleted, looked at for the last time.
//!
//! A request that makes an object has no guard: a copy that comes late makes it again. So from the
//! moment in which one is sent it is remembered until when it may take effect, and the return looks
//! once more after that.

use std::sync::Arc;

use serde_json::Value;

use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Collection};
use crate::engine::decide::{Sight, taken};
use crate::engine::scheduler::Wrote;
use crate::engine::work::Act;
use crate::field::patch::Edit;
use crate::field::{Image, Projection, creation};
use crate::ledger::record::NewOutcome;
use crate::ledger::{EntryId, Event};
use crate::run::mode::UNCONFIRMED;

use super::Settlement;
use super::confirm::{done, refusal};
use super::write::{Item, Job, TRIES, UNREADABLE, ms};

/// What ends a task, or that it is tried again.
type Step<T> = Result<T, Wrote<Settlement>>;

/// An object that is to be there.
struct Wanted {
    id: EntryId,
    event: Event,
    manifest: Image,
    /// Whether what is there now is ours to be changed.
    replaces: bool,
}

impl Job<'_> {
    /// Carries out what is to be done about an object that the mode makes.
    pub(super) async fn creation(&self, sight: Arc<Projection>, act: Act) -> Wrote<Settlement> {
        let wrote = match act {
            Act::Note(outcomes) => return self.settled(outcomes, None),
            Act::Switch(items) => {
                let mut wanted = items.into_iter().filter_map(|item| {
                    Some(Wanted {
                        id: item.id?,
                        event: Event::Applied,
                        replaces: item.entry.supersedes.is_some(),
                        manifest: item.entry.after,
                    })
                });
                match wanted.next() {
                    Some(wanted) => self.make(&sight, wanted).await,
                    None => Ok(self.settled(Vec::new(), None)),
                }
            }
            Act::Rewrite(items) => {
                let mut wanted = items.into_iter().map(|item| Wanted {
                    id: item.id,
                    event: item.event,
                    manifest: item.after,
                    replaces: true,
                });
                match wanted.next() {
                    Some(wanted) => self.make(&sight, wanted).await,
                    None => Ok(self.settled(Vec::new(), None)),
                }
            }
            Act::Revert { items, .. } => {
                let ids = items.iter().map(|item| item.id).collect();
                self.unmake(&sight, ids).await
            }
            Act::GiveBack { items, .. } if items.is_empty() => self.unmark().await,
            Act::GiveBack { items, .. } => {
                let ids = items.iter().map(|(id, _)| *id).collect();
                self.last_look(ids).await
            }
        };
        wrote.unwrap_or_else(|ended| ended)
    }

    /// Makes the object, or makes what is there what it is to be.
    async fn make(&self, sight: &Projection, wanted: Wanted) -> Step<Wrote<Settlement>> {
        let manifest = wanted.manifest.value().cloned().unwrap_or_default();
        let mut body = creation::body(&manifest, &self.cell.id.name, &self.cell.id.uid);
        if let Some(why) = self.not_frozen(&manifest, &mut body).await? {
            self.none_under_way().await?;
            return Ok(self.refused(&wanted, &why));
        }
        let mut live = None;
        if image(sight) != &Image::Absent {
            live = self.live().await?;
        }
        let mut unanswered = None;
        for _ in 0..TRIES {
            let Some(object) = &live else {
                match self.create(&body).await? {
                    Answer::Done(object) => return Ok(self.made(&wanted, &object)),
                    Answer::Refused {
                        reason, message, ..
                    } => {
                        self.none_under_way().await?;
                        return Ok(self.refused(&wanted, &format!("{reason}: {message}")));
                    }
                    Answer::Gone => {
                        self.none_under_way().await?;
                        return Ok(self.refused(&wanted, NO_NAMESPACE));
                    }
                    Answer::Ambiguous(why) => unanswered = Some(why),
                    Answer::Moved | Answer::Busy { .. } => {}
                }
                live = self.live().await?;
                if let Some(found) = &live
                    && self.is_made_by_us(found)
                {
                    return Ok(self.made(&wanted, found));
                }
                continue;
            };
            let seen = creation::seen(&self.target, Some(object));
            if seen.deleting || (wanted.replaces && image(&seen) != image(sight)) {
                return Ok(self.seen(seen));
            }
            if !wanted.replaces {
                if self.is_made_by_us(object) {
                    return Ok(self.made(&wanted, object));
                }
                self.none_under_way().await?;
                let why = seen.seen.first().map(taken).unwrap_or_default();
                return Ok(self.refused_at(&wanted, &why, seen));
            }
            match self.patch(creation::renewed(object, &body)).await? {
                Answer::Done(object) => return Ok(self.made(&wanted, &object)),
                Answer::Refused {
                    reason, message, ..
                } => return Ok(self.refused(&wanted, &format!("{reason}: {message}"))),
                Answer::Gone | Answer::Moved | Answer::Ambiguous(_) | Answer::Busy { .. } => {}
            }
            live = self.live().await?;
        }
        Err(self.not_made(&wanted, unanswered).await)
    }

    /// Nothing came of it yet, and it is tried again. Where the server fails at what was never made, that is
    /// said, and nothing else waits for it.
    async fn not_made(&self, wanted: &Wanted, unanswered: Option<String>) -> Wrote<Settlement> {
        if let Some(why) = unanswered.filter(|_| wanted.event == Event::Applied) {
            self.unanswered(why).await;
        }
        Wrote::Again { after_ms: 0 }
    }

    /// Deletes the object, as it was seen.
    async fn unmake(&self, sight: &Projection, ids: Vec<EntryId>) -> Step<Wrote<Settlement>> {
        let mut live = self.live().await?;
        let mut unanswered = None;
        for _ in 0..TRIES {
            let Some(object) = &live else {
                return Ok(self.noted(Event::Reverted, ids));
            };
            let seen = creation::seen(&self.target, Some(object));
            if seen.deleting || image(&seen) != image(sight) {
                return Ok(self.seen(seen));
            }
            match self.delete(object).await? {
                Answer::Refused {
                    reason, message, ..
                } => return Ok(self.stays(&ids, &format!("{reason}: {message}"), object)),
                Answer::Ambiguous(why) => unanswered = Some(why),
                Answer::Done(_) | Answer::Gone | Answer::Moved | Answer::Busy { .. } => {}
            }
            live = self.live().await?;
        }
        match (live, unanswered) {
            // What comes back looks first, whatever became of the last try: the rest goes on.
            (Some(object), Some(why)) => Ok(self.stays(&ids, &why, &object)),
            (None, _) | (Some(_), None) => Err(Wrote::Again { after_ms: 0 }),
        }
    }

    /// Sees that nothing of ours is there any more: a copy of what made it may have come late.
    async fn last_look(&self, ids: Vec<EntryId>) -> Step<Wrote<Settlement>> {
        for _ in 0..TRIES {
            let live = self.live().await?;
            match live {
                Some(object) if self.is_made_by_us(&object) => {
                    let seen = creation::seen(&self.target, Some(&object));
                    if seen.deleting {
                        return Ok(self.seen(seen));
                    }
                    if let Answer::Refused {
                        reason, message, ..
                    } = self.delete(&object).await?
                    {
                        return Ok(self.stays(&ids, &format!("{reason}: {message}"), &object));
                    }
                }
                Some(_) | None => return Ok(self.noted(Event::OwnersBack, ids)),
            }
        }
        Err(Wrote::Again { after_ms: 0 })
    }

    /// Takes what says whose it is off an object that stays.
    async fn unmark(&self) -> Step<Wrote<Settlement>> {
        for _ in 0..TRIES {
            let Some(object) = self.live().await? else {
                let nothing = creation::seen(&self.target, None);
                return Ok(self.seen(nothing));
            };
            let Some(patch) = creation::unmarked(&object, &self.target.plural, &self.manager())
            else {
                let seen = creation::seen(&self.target, Some(&object));
                return Ok(self.seen(seen));
            };
            if let Answer::Refused {
                reason, message, ..
            } = self.patch(patch).await?
            {
                tracing::warn!(target = ?self.target, reason, message, "our marks cannot be taken off yet");
                break;
            }
        }
        Err(Wrote::Again { after_ms: 0 })
    }

    fn is_made_by_us(&self, object: &Value) -> bool {
        let seen = creation::seen(&self.target, Some(object));
        let manager = self.manager();
        seen.seen
            .iter()
            .flat_map(|seen| &seen.ours)
            .any(|by| *by == manager)
    }

    /// The object as it is made: what the server made of it is journalled, its uid first of all.
    fn made(&self, wanted: &Wanted, object: &Value) -> Wrote<Settlement> {
        let seen = creation::seen(&self.target, Some(object));
        let item = Item {
            id: wanted.id,
            edit: Edit {
                path: creation::path(),
                to: wanted.manifest.clone(),
                remove_parents: Vec::new(),
            },
            event: wanted.event,
            wanted: wanted.manifest.clone(),
        };
        self.settled(done(&item, None, &seen), Some(present(seen)))
    }

    fn refused(&self, wanted: &Wanted, why: &str) -> Wrote<Settlement> {
        self.settled(vec![refusal(Event::Refused, wanted.id, why)], None)
    }

    fn refused_at(&self, wanted: &Wanted, why: &str, seen: Projection) -> Wrote<Settlement> {
        let refused = refusal(Event::Refused, wanted.id, why);
        self.settled(vec![refused], Some(present(seen)))
    }

    /// It cannot be deleted yet: why.
    fn stays(&self, ids: &[EntryId], why: &str, object: &Value) -> Wrote<Settlement> {
        let seen = creation::seen(&self.target, Some(object));
        let stuck = ids.iter().map(|id| refusal(Event::Stuck, *id, why));
        self.settled(stuck.collect(), Some(present(seen)))
    }

    /// Nothing is there any more.
    fn noted(&self, event: Event, ids: Vec<EntryId>) -> Wrote<Settlement> {
        let nothing = creation::seen(&self.target, None);
        self.settled(vec![NewOutcome::new(event, ids)], Some(present(nothing)))
    }

    /// It is not what it was: that is decided anew.
    fn seen(&self, seen: Projection) -> Wrote<Settlement> {
        self.settled(Vec::new(), Some(present(seen)))
    }

    fn collection(&self) -> Collection {
        Collection::of(&self.target)
    }

    async fn live(&self) -> Step<Option<Value>> {
        let read = write::get(&self.clients.reads, &self.collection(), &self.target.name).await;
        read.map_err(|error| {
            tracing::warn!(target = ?self.target, %error, "an object of the mode cannot be read");
            Wrote::Ambiguous {
                after_ms: ms(UNREADABLE),
            }
        })
    }

    async fn create(&self, body: &Value) -> Step<Answer> {
        let uid = &self.target.uid;
        let mut state = self.cell.state.lock().await;
        state.follow(&self.deps.clock);
        let earlier = state.unconfirmed.get(uid).copied();
        let until = self.deps.clock.now() + UNCONFIRMED;
        state.unconfirmed.insert(uid.clone(), until);
        drop(state);
        let started = self.leads()?;
        let answer = write::create(
            &self.clients.writes,
            &self.collection(),
            body.to_string().into_bytes(),
            &self.manager(),
            Effect::Real,
        )
        .await;
        // One that certainly took no effect leaves only those before it.
        if !matches!(answer, Answer::Done(_) | Answer::Ambiguous(_)) {
            let unconfirmed = &mut self.cell.state.lock().await.unconfirmed;
            match earlier {
                Some(at) => unconfirmed.insert(uid.clone(), at),
                None => unconfirmed.remove(uid),
            };
        }
        self.told(answer, started)
    }

    async fn patch(&self, patch: json_patch::Patch) -> Step<Answer> {
        let started = self.leads()?;
        let answer = write::patch(
            &self.clients.writes,
            &self.target,
            &patch,
            &self.manager(),
            Effect::Real,
            write::object,
        )
        .await;
        self.told(answer, started)
    }

    async fn delete(&self, object: &Value) -> Step<Answer> {
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
        let started = self.leads()?;
        let answer = write::delete(
            &self.clients.writes,
            &self.collection(),
            &self.target.name,
            text("uid"),
            text("resourceVersion"),
        )
        .await;
        self.told(answer, started)
    }

    /// Counts an answer. A server that is busy is left in peace.
    fn told(&self, answer: Answer, started: u64) -> Step<Answer> {
        let took = self.deps.clock.monotonic_ms().saturating_sub(started);
        self.deps.metrics.wrote(&answer, took);
        match answer {
            Answer::Busy { after, why } => {
                tracing::warn!(why, "the API server is busy; everything holds back");
                Err(Wrote::Busy {
                    after_ms: ms(after),
                })
            }
            answer => Ok(answer),
        }
    }
}

/// Said where the server knows no place for an object.
const NO_NAMESPACE: &str = "NotFound: its namespace is gone; create it, or stand the mode down";

fn image(seen: &Projection) -> &Image {
    seen.seen.first().map_or(&Image::Absent, |seen| &seen.image)
}

fn present(seen: Projection) -> Sight {
    Sight::Present(Arc::new(seen))
}
