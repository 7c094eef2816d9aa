//! Where every planned change is.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::plan::{Change, Plan, PlannedStage, PlannedStep};
use crate::field::{Image, Path};
use crate::ledger::record::{OWNERS, VALUE};
use crate::ledger::{Entry, State};
use crate::step::Rule;

use super::field::{Look, look};
use super::{Input, status};

/// Where a planned change is.
#[derive(Clone, Copy)]
pub(super) enum Standing<'a> {
    /// Not begun; the entry of another value of this mode, where there is one.
    Todo(Option<&'a Entry>),
    /// Journalled, not confirmed.
    Doing(&'a Entry),
    /// Another mode's layer lies over it: to be journalled, not written; the entry of another value
    /// of this mode, where there is one.
    Covered(Option<&'a Entry>),
    /// An earlier change of the field is still being brought back.
    Busy,
    /// Written.
    Done,
    /// Refused.
    Failed,
    /// Grown beyond what the journal keeps since it was planned: nothing could bring it back.
    Outgrown,
    /// It was gone when its turn came.
    Gone,
    /// Nothing to write: overtaken, another's, as wanted already, or gone since it was journalled.
    Settled,
}

impl Standing<'_> {
    pub(super) const fn is_open(&self) -> bool {
        match self {
            Self::Todo(_) | Self::Doing(_) | Self::Covered(_) | Self::Busy => true,
            Self::Done | Self::Failed | Self::Outgrown | Self::Gone | Self::Settled => false,
        }
    }

    /// Whether the server fails at it again and again, or this program did, so that nothing else waits
    /// for it.
    pub(super) fn fails(&self, input: &Input<'_>) -> bool {
        match self {
            Self::Doing(entry) => {
                status::unanswered(input, entry).is_some() || status::is_left_alone(input, entry)
            }
            Self::Todo(_)
            | Self::Covered(_)
            | Self::Busy
            | Self::Done
            | Self::Failed
            | Self::Outgrown
            | Self::Gone
            | Self::Settled => false,
        }
    }
}

/// The stage and the step of a change of an adopted target, and the change.
type Adopted = (String, String, Change);

/// Everything that is known of the plan's changes.
pub(super) struct Board<'a> {
    pub(super) input: &'a Input<'a>,
    /// The latest entry of each field that was not given up.
    latest: BTreeMap<(&'a str, &'a Path), &'a Entry>,
    planned: BTreeSet<(&'a str, &'a Path)>,
    /// Changes of targets that a survey found: those that the granted plan's rule covers, and that it
    /// does not name itself.
    adopted: Vec<&'a Adopted>,
    /// Entries of targets that were adopted, and that neither the plan nor a survey names.
    pub(super) amended: Vec<&'a Entry>,
    /// The number of the next amendment.
    amendment: i64,
}

impl<'a> Board<'a> {
    pub(super) fn new(input: &'a Input<'a>, plan: &'a Plan) -> Self {
        let mut latest = BTreeMap::new();
        for entry in input.ledger.entries.values() {
            if entry.state != State::Withdrawn {
                latest.insert((entry.target.uid.as_str(), &entry.path), entry);
            }
        }
        let mut planned: BTreeSet<_> = plan
            .changes()
            .map(|(_, _, change)| (change.target.uid.as_str(), &change.path))
            .collect();
        let surveyed = input.adopted.iter();
        let adopted = surveyed.filter(|(stage, step, change)| {
            let field = (change.target.uid.as_str(), &change.path);
            plan.planned(stage, step).is_some() && !planned.contains(&field)
        });
        let adopted: Vec<&Adopted> = adopted.collect();
        let fields = adopted.iter();
        planned.extend(fields.map(|(_, _, change)| (change.target.uid.as_str(), &change.path)));
        let entries = input.ledger.entries.values();
        let amended = entries.filter(|entry| {
            entry.amendment > 0
                && plan.planned(&entry.stage, &entry.step).is_some()
                && !planned.contains(&(entry.target.uid.as_str(), &entry.path))
        });
        let amended: Vec<&Entry> = amended.collect();
        let fields = amended.iter();
        planned.extend(fields.map(|entry| (entry.target.uid.as_str(), &entry.path)));
        let amendment = 1 + input
            .ledger
            .entries
            .values()
            .map(|entry| entry.amendment)
            .max()
            .unwrap_or(0);
        Self {
            input,
            latest,
            planned,
            adopted,
            amended,
            amendment,
        }
    }

    /// The changes of a step: planned ones, and those of adopted targets.
    pub(super) fn changes(
        &self,
        stage: &'a PlannedStage,
        step: &'a PlannedStep,
    ) -> Vec<(&'a Change, i64)> {
        let adopted = self.adopted.iter();
        let adopted = adopted
            .filter(|(of, at, _)| *of == stage.name && *at == step.name)
            .map(|(_, _, change)| (change, self.amendment));
        step.changes
            .iter()
            .map(|change| (change, 0))
            .chain(adopted)
            .collect()
    }

    pub(super) fn standing(&self, change: &'a Change) -> Standing<'a> {
        let is_covered = self.input.layers.over(&change.target.uid, &change.path);
        match self.uncovered(change) {
            Standing::Todo(earlier) if is_covered.is_some() => Standing::Covered(earlier),
            // Journalled, and no more is to be done before the layer over it is gone.
            Standing::Doing(_) if is_covered.is_some() => Standing::Done,
            standing => standing,
        }
    }

    /// Where a planned change is, were there no layer over it.
    fn uncovered(&self, change: &'a Change) -> Standing<'a> {
        let key = (change.target.uid.as_str(), &change.path);
        let Some(entry) = self.latest.get(&key).copied() else {
            // What stands because of another mode goes with it, unless it is journalled here too.
            let is_alone = self
                .input
                .layers
                .of(&change.target.uid, &change.path)
                .is_empty();
            return match look(self.input, key.0, key.1) {
                Look::Gone => Standing::Gone,
                Look::Seen(_, seen) if is_alone && is_settled(change, &seen.image) => {
                    Standing::Settled
                }
                Look::Seen(_, seen) if !seen.fits(VALUE, OWNERS) => Standing::Outgrown,
                Look::Seen(..) | Look::Unseen | Look::Unreadable => Standing::Todo(None),
            };
        };
        // Another value that was never written says nothing of what stands there: an earlier change of
        // this mode may, and what it left is not peacetime's.
        let was_tried = entry.state.is_unwritten() && !change.is_asked(&entry.base, &entry.after);
        let ledger = self.input.ledger;
        let head = was_tried.then(|| ledger.head_of(&change.target.uid, &change.path));
        by_entry(change, head.flatten().unwrap_or(entry))
    }

    /// Entries that are to be brought back: a level was lowered, and the granted plan does not name
    /// their field any more; or it names it again, and the return has begun.
    pub(super) fn left(&self) -> Vec<&'a Entry> {
        let live = self.input.ledger.live();
        live.filter(|entry| !self.plans(entry)).collect()
    }

    /// Whether the granted plan names the field of an entry, and the entry is not on its way back.
    pub(super) fn plans(&self, entry: &Entry) -> bool {
        let field = (entry.target.uid.as_str(), &entry.path);
        self.planned.contains(&field) && !entry.turned
    }
}

/// Where a planned change is, by what is journalled of its field.
fn by_entry<'a>(change: &Change, entry: &'a Entry) -> Standing<'a> {
    let same = change.is_asked(&entry.base, &entry.after);
    match entry.state {
        // Somebody changed it on its way back: the next change of it comes after the verdict.
        State::Intended | State::Applied | State::Drifted if entry.turned => Standing::Busy,
        State::Intended if same => Standing::Doing(entry),
        State::Applied | State::Drifted if same => Standing::Done,
        State::Intended | State::Applied | State::Drifted => Standing::Todo(Some(entry)),
        State::Refused if same => Standing::Failed,
        State::Overtaken if same => Standing::Settled,
        State::Kept | State::Gone => Standing::Settled,
        State::Reverting | State::Reverted | State::Stuck => Standing::Busy,
        State::Refused
        | State::Overtaken
        | State::OwnersBack
        | State::Shadowed
        | State::Withdrawn => Standing::Todo(None),
    }
}

/// Whether nothing is to be written, nor kept as it is, where the field holds this. Whoever is to be kept
/// out of a list is kept out also where nobody has to be taken out of it.
fn is_settled(change: &Change, live: &Image) -> bool {
    match change.rule {
        Rule::Without(_) => false,
        Rule::Fixed | Rule::Routed(..) => change.is_asked(live, live),
    }
}
