//! What is to be done about one field: the one three-way judgement (base, ours, live) that holding
//! and returning share, and which verdict counts. [`super`]'s decision asks it for every field.

use crate::api::{DriftActive, DriftRestore, Verdict, VerdictChoice, VerdictOf};
use crate::field::{Image, Path, Projection};
use crate::ledger::{Entry, State};

/// Which way a mode goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Our values are to stand.
    Wartime,
    /// Peacetime values are to stand.
    Restoring,
}

/// A field as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// What it holds.
    pub image: &'a Image,
    /// Whether our manager for this mode holds it. Where the server tracks no owners the value
    /// alone decides: see [`Live::of`].
    pub ours: bool,
    /// Whether there is an object with the target's uid.
    pub present: bool,
}

impl<'a> Live<'a> {
    /// A field of an object that was read, for an entry; nothing where the field was not read.
    ///
    /// An object of another uid is not present: a recreated object is another one. Where the
    /// server tracks no owners, a field counts as ours when it holds our value.
    pub fn of(projection: &'a Projection, entry: &Entry, manager: &str) -> Option<Self> {
        let seen = projection.field(&entry.path)?;
        let ours = if projection.tracked {
            seen.ours.iter().any(|holder| holder == manager)
        } else {
            &seen.image == entry.ours() && entry.ours() != &entry.seen
        };
        Some(Self {
            image: &seen.image,
            ours,
            present: projection.target.uid == entry.target.uid,
        })
    }
}

/// Why a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is intended and was not written yet.
    FirstWrite,
    /// A rival put the peacetime value back.
    Reassert,
    /// The step allows no other value.
    Enforce,
    /// A person said so.
    Verdict,
    /// Peacetime returns.
    Revert,
}

/// What is to be done about a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Our value stands under our name. Of an Intended entry: it was written, record Applied with
    /// the live value as observed. Of a Drifted one: it stands again.
    Holds,
    /// This value is to be written.
    Write(Image, Why),
    /// The peacetime value stands: record Reverted; the ownership pass follows.
    Done,
    /// Our value stands, but under another's name. Nothing is written in wartime; an Intended or
    /// Drifted entry is recorded Applied. The return takes it for drift.
    EqualForeign,
    /// Somebody else's value is there that no verdict has covered: record Drifted, with the live
    /// value as observed and the number of verdicts. Also returned for an entry that is Drifted
    /// already when the value has changed since: another edit needs another verdict.
    Drift,
    /// Somebody else's value stays: record Kept.
    Keep,
    /// The object is gone: record Gone.
    Gone,
    /// Intended, never written, and something else is there than what was to be replaced: record
    /// Withdrawn; the plan may capture anew.
    Withdraw,
    /// Nothing to do now: the field was not read yet, waits for a person, or is settled.
    Wait,
}

/// Judges one field.
///
/// Guarantees: pure; a foreign value is written over only where it is the base under `Reassert`,
/// under `Enforce` or `Revert`, or by a person's verdict. An entry that is on its way back is
/// judged on the way back, whatever `way` says.
///
/// `verdict` is what [`verdict_for`] gives. It counts for a field that is Drifted or Stuck.
pub fn judge(
    entry: &Entry,
    live: Option<&Live<'_>>,
    way: Way,
    active: DriftActive,
    restore: DriftRestore,
    verdict: Option<VerdictChoice>,
) -> Judgement {
    let Some(live) = live else {
        return Judgement::Wait;
    };
    let back = way == Way::Restoring || entry.turned;
    let field = Field {
        entry,
        image: live.image,
        ours: live.ours,
        verdict,
    };
    if !live.present && !entry.state.is_settled_back() {
        return Judgement::Gone;
    }
    match entry.state {
        State::Intended if !back => field.intended(active),
        State::Applied | State::Drifted if !back => field.held(active),
        State::Intended | State::Applied | State::Drifted | State::Reverting | State::Stuck => {
            field.back(restore)
        }
        // The value is the owner's again. What happens to it now is no drift of ours.
        State::Reverted => Judgement::Done,
        State::OwnersBack
        | State::Refused
        | State::Withdrawn
        | State::Shadowed
        | State::Overtaken
        | State::Kept
        | State::Gone => Judgement::Wait,
    }
}

/// One field in question.
struct Field<'a> {
    entry: &'a Entry,
    image: &'a Image,
    ours: bool,
    verdict: Option<VerdictChoice>,
}

impl Field<'_> {
    /// Wartime, before the write is confirmed. Ours → applied; seen and not ours → not applied;
    /// after and not ours → equal but foreign.
    fn intended(&self, active: DriftActive) -> Judgement {
        let entry = self.entry;
        if self.image == entry.ours() || self.image == &entry.after {
            return self.standing();
        }
        if entry.overrules(self.image) {
            return self.write_ours(Why::Verdict);
        }
        // Before the test for our name: where the entry takes the place of an older one, what was
        // seen is the older one's value, and ours too.
        if self.image == &entry.seen && !entry.confirmed {
            return self.write_ours(Why::FirstWrite);
        }
        if entry.confirmed {
            return self.drift(active);
        }
        if self.ours {
            // Nobody but us can have written it: this is what the server made of our value.
            Judgement::Holds
        } else {
            Judgement::Withdraw
        }
    }

    /// Wartime, after the write was confirmed.
    fn held(&self, active: DriftActive) -> Judgement {
        if self.image == self.entry.ours() {
            return self.standing();
        }
        match self.spoken() {
            Some(VerdictChoice::Keep) => Judgement::Keep,
            Some(VerdictChoice::Ours) => self.write_ours(Why::Verdict),
            None => self.drift(active),
        }
    }

    /// Our value is there.
    const fn standing(&self) -> Judgement {
        if self.ours {
            Judgement::Holds
        } else {
            Judgement::EqualForeign
        }
    }

    /// Wartime, and another value is there.
    fn drift(&self, active: DriftActive) -> Judgement {
        match active {
            DriftActive::Yield => Judgement::Keep,
            DriftActive::Enforce => self.write_ours(Why::Enforce),
            DriftActive::Reassert if self.image == &self.entry.base => {
                self.write_ours(Why::Reassert)
            }
            DriftActive::Reassert => self.unresolved(),
        }
    }

    /// On the way back.
    fn back(&self, restore: DriftRestore) -> Judgement {
        let entry = self.entry;
        if self.image == &entry.base {
            return Judgement::Done;
        }
        if entry.state == State::Stuck && self.verdict == Some(VerdictChoice::Keep) {
            return Judgement::Keep;
        }
        // Until a write is confirmed, a value under our name is what the server made of ours, or
        // that of the older entry whose place this one was to take. Afterwards only the observed
        // value is ours: our name may cover the rest of a structure that somebody else changed.
        if self.ours && (self.image == entry.ours() || !entry.confirmed) {
            return self.write_base(Why::Revert);
        }
        if entry.overrules(self.image) {
            return self.write_base(Why::Verdict);
        }
        // Not written, and what was there before is there: nothing of ours is to be brought back.
        let untouched = self.image == &entry.seen
            && self.image != &entry.after
            && entry.supersedes.is_none()
            && !entry.confirmed;
        if untouched {
            return Judgement::Keep;
        }
        match (self.spoken(), restore) {
            (Some(VerdictChoice::Keep), _) | (None, DriftRestore::Keep) => Judgement::Keep,
            (Some(VerdictChoice::Ours), _) => self.write_base(Why::Verdict),
            (None, DriftRestore::Revert) => self.write_base(Why::Revert),
            (None, DriftRestore::Hold) => self.unresolved(),
        }
    }

    /// A verdict, where the field waits for one.
    fn spoken(&self) -> Option<VerdictChoice> {
        let waits = matches!(self.entry.state, State::Drifted | State::Stuck);
        self.verdict.filter(|_| waits)
    }

    /// Drift that waits for a person: to be recorded, unless this very value is recorded already.
    fn unresolved(&self) -> Judgement {
        let recorded = self
            .entry
            .drift
            .as_ref()
            .is_none_or(|found| &found.image == self.image);
        if self.entry.state == State::Drifted && recorded {
            Judgement::Wait
        } else {
            Judgement::Drift
        }
    }

    fn write_ours(&self, why: Why) -> Judgement {
        Judgement::Write(self.entry.after.clone(), why)
    }

    fn write_base(&self, why: Why) -> Judgement {
        Judgement::Write(self.entry.base.clone(), why)
    }
}

/// Which verdict counts for a field that waits for one: the latest that is about it, or none.
///
/// A verdict must be about the value that is there, and no verdicts carry a time, so every drift
/// is recorded with the value that was found and with how many verdicts the mode had by then
/// ([`crate::ledger::Found`]). The list is append-only, so those came before the drift. From this
/// one rule follows:
///
/// - A verdict counts only if it came after the drift was recorded. A person cannot have meant a
///   drift that nobody had seen, and one that was carried out does not license us against the next
///   edit, not even of the same value: that drift is recorded anew, and needs another verdict.
/// - If it names the value that was seen, the live value must be that one. A verdict on one field
///   must name it.
/// - A verdict on a step, or on all, that names no value covers what status listed when it was
///   given: each field whose live value is still the recorded one. When a rival edits again before
///   the operator acts, the new value is recorded first, and the verdict is older than that: the
///   field waits. An error is on the side of asking once more.
///
/// Once carried out, the outcome (`Ours` or `Kept`) is recorded and the list is not asked again.
/// A field that is Stuck has no drift of its own: for it a verdict must name the value.
pub fn verdict_for(entry: &Entry, verdicts: &[Verdict], live: &Image) -> Option<VerdictChoice> {
    if !matches!(entry.state, State::Drifted | State::Stuck) {
        return None;
    }
    let recorded = entry.drift.as_deref();
    let earlier = recorded.map_or(0, |found| usize::try_from(found.verdicts).unwrap_or(0));
    let hash = live.hash();
    verdicts
        .iter()
        .skip(earlier)
        .rev()
        .find(|verdict| match (&verdict.seen, about(&verdict.of, entry)) {
            (_, About::Else) | (None, About::Field) => false,
            (Some(seen), About::Field | About::Many) => *seen == hash,
            (None, About::Many) => recorded.is_some_and(|found| &found.image == live),
        })
        .map(|verdict| verdict.choice)
}

/// How a verdict is about an entry.
enum About {
    /// It names this field.
    Field,
    /// It names the step, or everything.
    Many,
    /// It is about something else.
    Else,
}

fn about(of: &VerdictOf, entry: &Entry) -> About {
    let VerdictOf {
        uid,
        path,
        step,
        all,
    } = of;
    match (uid, path, step, all) {
        (Some(uid), Some(path), None, None) => {
            let named = Path::parse_pointer(path).is_ok_and(|path| path == entry.path);
            if named && *uid == entry.target.uid {
                About::Field
            } else {
                About::Else
            }
        }
        (None, None, Some(step), None) if *step == entry.step => About::Many,
        (None, None, None, Some(true)) => About::Many,
        _ => About::Else,
    }
}
