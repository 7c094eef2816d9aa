//! How far the cluster's controllers are with what is written, while some of it waits for that:
//! one watch a kind and mode, of the objects that carry the mode's label and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

use crate::api::names;
use crate::cluster::watch::{self, Report};
use crate::cluster::{Clients, Collection};
use crate::engine::decide::Sight;
use crate::engine::scheduler::{Event, Observed, Standing, Wrote};
use crate::engine::work::Task;
use crate::field::{Progress, Uid, creation};
use crate::run::hold::watched;
use crate::run::mode::{Mode, State};
use crate::run::task;

use super::Settlement;

/// How often it is looked whether targets of another kind are written by now. That costs no
/// request, and what is written meanwhile is waited for at most 10 s.
const LOOK: Duration = Duration::from_millis(500);

type Seen = (Uid, Observed);

/// The modes whose targets are followed.
pub(super) struct Followed {
    tasks: JoinSet<()>,
    modes: Option<BTreeMap<String, AbortHandle>>,
    tell: UnboundedSender<Seen>,
    told: UnboundedReceiver<Seen>,
}

impl Default for Followed {
    fn default() -> Self {
        let (tell, told) = unbounded_channel();
        Self {
            tasks: JoinSet::new(),
            modes: None,
            tell,
            told,
        }
    }
}

impl Followed {
    /// Follows the targets of these modes, and of those that join.
    pub(super) fn start<'a>(&mut self, modes: impl Iterator<Item = &'a Arc<Mode>>) {
        self.modes.get_or_insert_default();
        for mode in modes {
            self.join(mode);
        }
    }

    /// Follows a mode's targets too, if any are followed.
    pub(super) fn join(&mut self, mode: &Arc<Mode>) {
        let Some(modes) = &mut self.modes else {
            return;
        };
        modes.entry(mode.id.uid.clone()).or_insert_with(|| {
            let follow = follow(mode.clone(), self.tell.clone());
            self.tasks.spawn(task::own(follow))
        });
    }

    /// A mode is over.
    pub(super) fn leave(&mut self, uid: &str) {
        if let Some(follow) = self.modes.as_mut().and_then(|modes| modes.remove(uid)) {
            follow.abort();
        }
    }

    /// Follows nothing any more.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// What was seen next. May be dropped and called anew.
    pub(super) async fn next(&mut self) -> Event<Task, Settlement> {
        match self.told.recv().await {
            Some((uid, seen)) => Event::Observed { uid, seen },
            // One sender is ours.
            None => std::future::pending().await,
        }
    }
}

/// What the answer to a write says of its target.
pub(super) fn answered(result: &Wrote<Settlement>) -> Option<Observed> {
    let Wrote::Settled(settlements) = result else {
        return None;
    };
    settlements.iter().find_map(|settlement| {
        let Some(Sight::Present(sight)) = &settlement.sight else {
            return None;
        };
        // Nobody tells how far an object is under the uid of its place.
        if creation::is(&settlement.uid) {
            return None;
        }
        Some(Observed {
            generation: sight.generation?,
            standing: standing(sight.progress),
        })
    })
}

const fn standing(progress: Progress) -> Standing {
    match progress {
        Progress::Unobserved => Standing::Unobserved,
        Progress::Unready => Standing::Unready,
        Progress::Unknown | Progress::Ready => Standing::Settled,
    }
}

/// Follows a mode's targets for ever.
async fn follow(mode: Arc<Mode>, tell: UnboundedSender<Seen>) {
    let labels = format!(
        "{}={}",
        names::HELD_BY_LABEL,
        names::label_value(&mode.id.name)
    );
    let mut watches: JoinSet<()> = JoinSet::new();
    let mut known: BTreeSet<Collection> = BTreeSet::new();
    loop {
        if let Some(account) = mode.account() {
            let collections = collections(&*mode.state.lock().await);
            for collection in collections {
                if known.insert(collection.clone()) {
                    let (mode, account) = (mode.clone(), account.clone());
                    let (labels, tell) = (labels.clone(), tell.clone());
                    let watch = move || {
                        let (mode, account, tell) = (mode.clone(), account.clone(), tell.clone());
                        watch_one(mode, account, collection.clone(), labels.clone(), tell)
                    };
                    watches.spawn(task::own(task::anew("a watch of progress", watch)));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where a mode has targets whose status says how far its controllers are.
fn collections(state: &State) -> BTreeSet<Collection> {
    let speaks = |uid: &Uid| match state.sights.get(uid) {
        Some(Sight::Present(sight)) => sight.progress != Progress::Unknown,
        Some(Sight::Gone | Sight::Unreadable) | None => false,
    };
    let entries = state.ledger.live();
    let speaking = entries.filter(|entry| speaks(&entry.target.uid));
    speaking
        .map(|entry| watched(&state.narrow, Collection::of(&entry.target)))
        .collect()
}

fn is_forbidden(why: &str) -> bool {
    why.to_ascii_lowercase().contains("forbidden")
}

async fn watch_one(
    mode: Arc<Mode>,
    account: Clients,
    collection: Collection,
    labels: String,
    tell: UnboundedSender<Seen>,
) {
    let mut reports = Box::pin(watch::progress(account.watches, &collection, &labels));
    while let Some(report) = reports.next().await {
        let seen = match report {
            Report::Is(uid, generation, progress) => {
                let standing = standing(progress);
                let seen = Observed {
                    generation,
                    standing,
                };
                (uid, seen)
            }
            Report::Left(uid) => {
                // Whatever its generation was.
                let seen = Observed {
                    generation: i64::MAX,
                    standing: Standing::Settled,
                };
                (uid, seen)
            }
            // What may not be watched as a whole is watched namespace by namespace.
            Report::Interrupted(why) if is_forbidden(&why) && collection.namespace.is_empty() => {
                mode.state.lock().await.narrow.insert(collection.clone());
                return;
            }
            Report::Interrupted(why) => {
                tracing::warn!(
                    why,
                    "it is not known how far the controllers are: the watch was interrupted"
                );
                continue;
            }
        };
        let _ = tell.send(seen);
    }
}
