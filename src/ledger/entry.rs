//! One change of one field of one target, as the journal knows it.

use std::sync::Arc;

use crate::field::{FormerOwner, Image, Path, Target};

use super::record::VALUE;
use super::transition::State;

/// The number of an entry in its mode's journal, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub i64);

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number.
    pub id: EntryId,
    /// The stage.
    pub stage: Arc<str>,
    /// The step.
    pub step: Arc<str>,
    /// The first entry of the same write.
    pub write: EntryId,
    /// Which object.
    pub target: Target,
    /// Which field.
    pub path: Path,
    /// The peacetime value, captured once.
    pub base: Image,
    /// What was replaced.
    pub seen: Image,
    /// What was asked for.
    pub after: Image,
    /// What the server made of it, once written.
    pub observed: Option<Image>,
    /// Who owned the field in peacetime.
    pub owners: Arc<[FormerOwner]>,
    /// Parents that had to be created, the outermost first.
    pub parents: Vec<Path>,
    /// The uid of the mode whose layer this one covers.
    pub covers: Option<String>,
    /// The entry that this one takes the place of.
    pub supersedes: Option<EntryId>,
    /// 0 for the approved plan, else the number of the amendment.
    pub amendment: i64,
    /// Where it is.
    pub state: State,
    /// Why, where that needs a sentence.
    pub reason: Option<String>,
    /// Whether a write of it was ever confirmed. Until then a value of ours may stand that the
    /// server has rewritten and that we have not read.
    pub confirmed: bool,
    /// Whether it is on its way back: its mode turned to Restoring, or it left the granted plan.
    pub turned: bool,
    /// What somebody else's value was when the drift was last recorded. It stays after a verdict
    /// `Ours`, as the value that may be written over, and goes when ours stands, when peacetime
    /// stands, and at a turn.
    pub drift: Option<Box<Found>>,
    /// The entry of the same field before this one.
    pub before: Option<EntryId>,
}

/// Somebody else's value, as a drift's record has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The value, or what stands for it where it is longer than [`VALUE`].
    pub image: Image,
    /// How many verdicts the mode had then. Those came before the drift and say nothing about it.
    pub verdicts: i64,
}

impl Found {
    /// Whether the value is this one.
    pub fn is(&self, live: &Image) -> bool {
        self.image == *live.within(VALUE)
    }
}

impl Entry {
    /// What the field holds while our change stands: what the server made of it, else what was
    /// asked for.
    pub fn ours(&self) -> &Image {
        self.observed.as_ref().unwrap_or(&self.after)
    }

    /// Whether a value is [`Entry::ours`].
    pub fn is_ours(&self, live: &Image) -> bool {
        self.ours() == &*live.within(VALUE)
    }

    /// Whether the wartime value is to stand, or is disputed: the change has not turned back.
    pub const fn is_wartime(&self) -> bool {
        let stands = matches!(
            self.state,
            State::Intended | State::Applied | State::Drifted
        );
        stands && !self.turned
    }

    /// Takes from what it was made of what is the same in both, so that it is in memory once: it was
    /// read from the record that it stands in.
    pub(super) fn share(&mut self, made_of: &NewEntry) {
        let NewEntry {
            stage,
            step,
            target,
            path,
            owners,
            ..
        } = made_of;
        share(&mut self.stage, stage);
        share(&mut self.step, step);
        share(&mut self.target, target);
        share(&mut self.path, path);
        share(&mut self.owners, owners);
    }

    /// Whether a person let ours be written over this value, by a verdict that is recorded.
    pub fn overrules(&self, live: &Image) -> bool {
        self.state != State::Drifted && self.drift.as_ref().is_some_and(|found| found.is(live))
    }
}

fn share<T: Clone + PartialEq>(mine: &mut T, other: &T) {
    if mine == other {
        *mine = other.clone();
    }
}

/// A change that is about to be journalled: an [`Entry`] before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// The stage.
    pub stage: Arc<str>,
    /// The step.
    pub step: Arc<str>,
    /// Which object.
    pub target: Target,
    /// Which field.
    pub path: Path,
    /// The peacetime value.
    pub base: Image,
    /// What is replaced.
    pub seen: Image,
    /// What is asked for.
    pub after: Image,
    /// Who owned the field in peacetime.
    pub owners: Arc<[FormerOwner]>,
    /// Parents that have to be created, the outermost first.
    pub parents: Vec<Path>,
    /// The uid of the mode whose layer this one covers.
    pub covers: Option<String>,
    /// The entry that this one takes the place of.
    pub supersedes: Option<EntryId>,
    /// 0 for the approved plan, else the number of the amendment.
    pub amendment: i64,
}

/// An intended change of the replicas of one object from 3 to 9, for tests to vary.
#[cfg(test)]
pub(crate) fn sample(uid: &str) -> Entry {
    let image = |number: i64| Image::Present(number.into());
    Entry {
        id: EntryId(1),
        stage: "surge".into(),
        step: "portals".into(),
        write: EntryId(1),
        target: Target::from(crate::field::Identity {
            uid: uid.into(),
            ..crate::field::Identity::default()
        }),
        path: Path::fields(["spec", "replicas"]),
        base: image(3),
        seen: image(3),
        after: image(9),
        observed: None,
        owners: [].into(),
        parents: Vec::new(),
        covers: None,
        supersedes: None,
        amendment: 0,
        state: State::Intended,
        reason: None,
        confirmed: false,
        turned: false,
        drift: None,
        before: None,
    }
}
