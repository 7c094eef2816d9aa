//! Gathers what is to be done by target: one act a target at a time, since one write is in flight
//! a target. What was found is noted before anything is written.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::api::names;
use crate::engine::scheduler::{Before, Class, Lane, Work};
use crate::engine::work::{Act, SwitchItem, Task, WriteItem};
use crate::field::giveback::Return;
use crate::field::{Image, Path, Projection, Target, Uid};
use crate::ledger::EntryId;
use crate::ledger::record::{BYTES, GROUP, INTENT_BYTES, NewOutcome};

use super::Input;

/// Targets to be read first, and which of their fields.
pub(super) type Unseen = Vec<(Target, Vec<Path>)>;

/// What is to be done, by target.
pub(super) struct Desk {
    /// Our field manager.
    pub(super) manager: String,
    piles: BTreeMap<Uid, Pile>,
    unseen: BTreeMap<Uid, (Target, Vec<Path>)>,
    /// The most urgent class of which something is still to be read.
    reading: Class,
}

/// What is to be done to one target.
struct Pile {
    target: Target,
    sight: Option<Arc<Projection>>,
    rank: u64,
    notes: Vec<NewOutcome>,
    revert: Vec<WriteItem>,
    turned: Vec<EntryId>,
    switch: Vec<SwitchItem>,
    rewrite: Vec<WriteItem>,
    give: Option<Give>,
}

/// Ownership that is to be given back.
struct Give {
    items: Vec<(EntryId, Return)>,
    /// See [`Desk::give_back`].
    last: Option<Vec<String>>,
}

impl From<Give> for Act {
    fn from(Give { items, last }: Give) -> Self {
        Self::GiveBack {
            items,
            last: last.is_some(),
            others: last.unwrap_or_default(),
        }
    }
}

impl Desk {
    pub(super) fn new(input: &Input<'_>) -> Self {
        Self {
            manager: names::field_manager(input.mode.name, input.mode.uid),
            piles: BTreeMap::new(),
            unseen: BTreeMap::new(),
            reading: Class::REST,
        }
    }

    fn pile(&mut self, target: &Target, sight: Option<&Arc<Projection>>, rank: u64) -> &mut Pile {
        let pile = self
            .piles
            .entry(target.uid.clone())
            .or_insert_with(|| Pile {
                target: target.clone(),
                sight: None,
                rank,
                notes: Vec::new(),
                revert: Vec::new(),
                turned: Vec::new(),
                switch: Vec::new(),
                rewrite: Vec::new(),
                give: None,
            });
        pile.rank = pile.rank.min(rank);
        if let Some(sight) = sight {
            pile.sight = Some(sight.clone());
        }
        pile
    }

    /// A target has to be read before anything is decided about it.
    pub(super) fn unseen(&mut self, target: &Target, path: &Path) {
        self.unseen
            .entry(target.uid.clone())
            .or_insert_with(|| (target.clone(), Vec::new()))
            .1
            .push(path.clone());
    }

    /// Values of later classes wait until a target of this class is read, if it is to be: people wait
    /// for it, and what is written before it the controllers take before it.
    pub(super) fn urgent(&mut self, uid: &Uid, class: Class) {
        if self.unseen.contains_key(uid) {
            self.reading = self.reading.min(class);
        }
    }

    pub(super) fn note(&mut self, target: &Target, rank: u64, outcome: NewOutcome) {
        add(&mut self.pile(target, None, rank).notes, outcome);
    }

    pub(super) fn switch(&mut self, sight: &Arc<Projection>, rank: u64, item: SwitchItem) {
        let target = item.entry.target.clone();
        add(&mut self.pile(&target, Some(sight), rank).switch, item);
    }

    pub(super) fn rewrite(
        &mut self,
        target: &Target,
        sight: &Arc<Projection>,
        rank: u64,
        item: WriteItem,
    ) {
        add(&mut self.pile(target, Some(sight), rank).rewrite, item);
    }

    /// `turned` says that no turn of the whole mode covers this return, so that it is journalled
    /// first.
    pub(super) fn revert(
        &mut self,
        target: &Target,
        sight: &Arc<Projection>,
        rank: u64,
        item: WriteItem,
        turned: bool,
    ) {
        let pile = self.pile(target, Some(sight), rank);
        if turned {
            add(&mut pile.turned, item.id);
        }
        add(&mut pile.revert, item);
    }

    /// `last` says that the mode holds nothing else of the target, and which managers of other modes
    /// do.
    pub(super) fn give_back(
        &mut self,
        target: &Target,
        sight: &Arc<Projection>,
        rank: u64,
        items: Vec<(EntryId, Return)>,
        last: Option<Vec<String>>,
    ) {
        self.pile(target, Some(sight), rank).give = Some(Give { items, last });
    }

    /// The works, and what has to be read first. Nothing is done to a target of which something is
    /// still to be read.
    pub(super) fn finish(mut self) -> (Vec<Work<Task>>, Unseen) {
        self.piles.retain(|uid, _| !self.unseen.contains_key(uid));
        let mut works: Vec<_> = self
            .piles
            .into_iter()
            .filter_map(|(uid, pile)| work(uid, pile))
            .collect();
        works.retain(|work| work.lane == Lane::Ownership || work.class <= self.reading);
        works.sort_by_key(|work| work.rank);
        let unseen = self.unseen.into_values().map(|(target, mut paths)| {
            paths.sort();
            paths.dedup();
            (target, paths)
        });
        (works, unseen.collect())
    }
}

/// Nearly every target has one field of a kind, and a vector makes room for four at once.
fn add<T>(pile: &mut Vec<T>, item: T) {
    if pile.is_empty() {
        pile.reserve_exact(1);
    }
    pile.push(item);
}

fn work(uid: Uid, pile: Pile) -> Option<Work<Task>> {
    let Pile {
        target,
        sight,
        rank,
        notes,
        revert,
        turned,
        switch,
        rewrite,
        give,
    } = pile;
    let (act, lane, before) = if !notes.is_empty() {
        (Act::Note(notes), Lane::Value, Before::Nothing)
    } else if !revert.is_empty() {
        let before = if turned.is_empty() {
            Before::Nothing
        } else {
            Before::Turned
        };
        (
            Act::Revert {
                items: revert,
                turned,
            },
            Lane::Value,
            before,
        )
    } else if !switch.is_empty() {
        let fitting = fitting(switch);
        let before = intents(&fitting);
        (Act::Switch(fitting), Lane::Value, before)
    } else if !rewrite.is_empty() {
        (Act::Rewrite(rewrite), Lane::Value, Before::Nothing)
    } else if let Some(give) = give {
        (give.into(), Lane::Ownership, Before::Nothing)
    } else {
        return None;
    };
    let tag = tag(&act);
    let class = match &act {
        Act::Note(_) => Class::NOTE,
        Act::Switch(_) | Act::Rewrite(_) | Act::Revert { .. } | Act::GiveBack { .. } => {
            Class::of(rank)
        }
    };
    Some(Work {
        uid,
        class,
        rank,
        tag,
        lane,
        before,
        payload: Task { target, sight, act },
    })
}

/// As many changes of one target as one record of intents holds; the rest comes with the decision
/// that follows the outcome of these. A record that the API server refuses would be tried for ever.
fn fitting(mut items: Vec<SwitchItem>) -> Vec<SwitchItem> {
    let (mut fresh, mut bytes) = (0, 0);
    let beyond = items.iter().position(|item| {
        if item.id.is_none() {
            fresh += 1;
            bytes += INTENT_BYTES + value_bytes(item);
        }
        fresh > 1 && (fresh > GROUP || bytes > BYTES)
    });
    items.truncate(beyond.unwrap_or(items.len()));
    items
}

fn intents(items: &[SwitchItem]) -> Before {
    let fresh: Vec<_> = items.iter().filter(|item| item.id.is_none()).collect();
    if fresh.is_empty() {
        return Before::Nothing;
    }
    let bytes = fresh
        .iter()
        .map(|item| INTENT_BYTES + value_bytes(item))
        .sum();
    Before::Intents {
        changes: fresh.len(),
        bytes,
    }
}

fn value_bytes(item: &SwitchItem) -> usize {
    [&item.entry.base, &item.entry.seen, &item.entry.after]
        .into_iter()
        .filter_map(Image::to_text)
        .map(|text| text.len())
        .sum()
}

/// Equal for the same work, so that an order that repeats it changes nothing.
fn tag(act: &Act) -> u64 {
    let mut hasher = DefaultHasher::new();
    match act {
        Act::Switch(items) => {
            for item in items {
                let entry = &item.entry;
                ("switch", entry.path.to_string(), entry.after.to_text()).hash(&mut hasher);
                item.to.as_ref().map(Image::to_text).hash(&mut hasher);
                item.covered.hash(&mut hasher);
            }
        }
        Act::Rewrite(items) => {
            for item in items {
                ("rewrite", item.id).hash(&mut hasher);
            }
        }
        Act::Revert { items, .. } => {
            for item in items {
                ("revert", item.id).hash(&mut hasher);
            }
        }
        Act::GiveBack {
            items,
            last,
            others,
        } => {
            others.hash(&mut hasher);
            last.hash(&mut hasher);
            for (id, _) in items {
                ("give", *id).hash(&mut hasher);
            }
        }
        Act::Note(outcomes) => {
            for outcome in outcomes {
                (outcome.event.word(), &outcome.entries).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
