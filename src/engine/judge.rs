//! What is to be done about one field: the one three-way judgement (base, ours, live) that holding
//! and returning share, and which verdict counts. [`super`]'s decision asks it for every field.

use crate::api::{DriftActive, DriftRestore, Verdict, VerdictChoice, VerdictOf};
use crate::field::{Image, Path, Projection, Seen};
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
    /// alone decides: see [`is_ours`].
    pub ours: bool,
    /// Whether another mode of ours put it there: a layer, and nobody's drift.
    pub layered: bool,
    /// Whether there is an object with the target's uid.
    pub present: bool,
}

/// Whether a field is held by us. Where the server tracks no owners, one that holds our value is;
/// so is one that we took away, since nobody can own what is absent.
pub fn is_ours(of: &Projection, seen: &Seen, entry: &Entry, manager: &str) -> bool {
    let is_absent = seen.image == Image::Absent && entry.ours() == &Image::Absent;
    if of.tracked && !is_absent {
        seen.ours.iter().any(|holder| holder == manager)
    } else {
        entry.is_ours(&seen.image) && entry.ours() != &entry.seen
    }
}

/// Whether an object, as it was last seen, holds the value that we wrote, under our name, and that
/// is not the peacetime one: what a return writes on, without another look. The guard of the write
/// refuses it if the object has changed since.
pub fn stands(of: &Projection, entry: &Entry, manager: &str) -> bool {
    let is_ours = |seen: &Seen| {
        is_ours(of, seen, entry, manager) && entry.is_ours(&seen.image) && seen.image != entry.base
    };
    !of.deleting && of.field(&entry.path).is_some_and(is_ours)
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
    /// The layer of another mode was there, and is no longer over this one.
    Uncovered,
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
        layered: live.layered,
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
    layered: bool,
    verdict: Option<VerdictChoice>,
}

impl Field<'_> {
    /// Wartime, before the write is confirmed. Ours → applied; seen and not ours → not applied;
    /// after and not ours → equal but foreign.
    fn intended(&self, active: DriftActive) -> Judgement {
        let entry = self.entry;
        if self.is_our_value() || self.image == &entry.after {
            return self.standing();
        }
        if self.layered {
            return self.write_ours(Why::Uncovered);
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
        if self.ours && self.image != &entry.base {
            // Nobody but us can have written it: this is what the server made of our value.
            Judgement::Holds
        } else {
            Judgement::Withdraw
        }
    }

    /// Wartime, after the write was confirmed.
    fn held(&self, active: DriftActive) -> Judgement {
        if self.is_our_value() {
            return self.standing();
        }
        if self.layered {
            return self.write_ours(Why::Uncovered);
        }
        match self.spoken() {
            Some(VerdictChoice::Keep) => Judgement::Keep,
            Some(VerdictChoice::Ours) => self.write_ours(Why::Verdict),
            None => self.drift(active),
        }
    }

    /// Whether the value is the observed one, or, under our name, what was asked for: a rewrite may
    /// have been answered otherwise than the first write, and its record lost.
    fn is_our_value(&self) -> bool {
        self.entry.is_ours(self.image) || self.ours && self.image == &self.entry.after
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
        if self.layered || self.ours && (self.is_our_value() || !entry.confirmed) {
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
            .is_none_or(|found| found.is(self.image));
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
            (None, About::Many) => recorded.is_some_and(|found| found.is(live)),
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
            if named && entry.target.uid == *uid {
                About::Field
            } else {
                About::Else
            }
        }
        (None, None, Some(step), None) if **step == *entry.step => About::Many,
        (None, None, None, Some(true)) => About::Many,
        _ => About::Else,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::field::{Image, Path};
    use crate::ledger::entry::sample;
    use crate::ledger::{EntryId, Found};

    fn image(number: i64) -> Image {
        Image::Present(number.into())
    }

    /// base 3, after 9, which the server makes 10 of.
    fn entry(state: State) -> Entry {
        Entry {
            state,
            ..sample("u1")
        }
    }

    fn written(state: State) -> Entry {
        Entry {
            observed: Some(image(10)),
            confirmed: true,
            ..entry(state)
        }
    }

    fn drifted(state: State, to: i64) -> Entry {
        Entry {
            drift: Some(Box::new(Found {
                image: image(to),
                verdicts: 2,
            })),
            ..written(state)
        }
    }

    /// A field that was taken away has no owner, so the name cannot say whose doing it is: the
    /// return has to bring it back all the same.
    #[test]
    fn a_field_that_was_taken_away_is_brought_back() {
        let object = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "uid": "u1", "managedFields": [{ "manager": "helm" }] },
            "spec": {},
        });
        let path = Path::fields(["spec", "replicas"]);
        let projection = crate::field::project::project(&object, "deployments", &[path], false);
        let projection = projection.expect("an object with a uid");
        assert!(projection.tracked);
        let removed = Entry {
            after: Image::Absent,
            confirmed: true,
            ..entry(State::Reverting)
        };
        let seen = &projection.seen[0];
        let live = Live {
            image: &seen.image,
            ours: is_ours(&projection, seen, &removed, "pingzhan/flood/12345678"),
            layered: false,
            present: true,
        };
        let judged = |way| {
            judge(
                &removed,
                Some(&live),
                way,
                DriftActive::Reassert,
                DriftRestore::Hold,
                None,
            )
        };
        assert_eq!(
            judged(Way::Restoring),
            Judgement::Write(image(3), Why::Revert)
        );
    }

    fn superseding(state: State) -> Entry {
        Entry {
            seen: image(6),
            supersedes: Some(EntryId(0)),
            ..entry(state)
        }
    }

    fn cases() -> Vec<(&'static str, Entry)> {
        vec![
            ("Intended", entry(State::Intended)),
            ("Intended, over our own 6", superseding(State::Intended)),
            (
                "Intended, by a verdict over 77",
                drifted(State::Intended, 77),
            ),
            ("Applied, as 10", written(State::Applied)),
            ("Drifted, 77 recorded", drifted(State::Drifted, 77)),
            ("Reverting, never confirmed", entry(State::Reverting)),
            (
                "Reverting, never confirmed, over our own 6",
                superseding(State::Reverting),
            ),
            ("Reverting, as 10", written(State::Reverting)),
            (
                "Reverting, by a verdict over 77",
                drifted(State::Reverting, 77),
            ),
            ("Stuck, as 10", written(State::Stuck)),
            ("Reverted", written(State::Reverted)),
            ("Kept", written(State::Kept)),
        ]
    }

    const LIVES: [(&str, i64, bool); 9] = [
        ("base 3", 3, false),
        ("base 3, our name", 3, true),
        ("older 6, our name", 6, true),
        ("after 9", 9, false),
        ("after 9, our name", 9, true),
        ("observed 10", 10, false),
        ("observed 10, our name", 10, true),
        ("third 77", 77, false),
        ("third 78", 78, false),
    ];

    fn word(judgement: &Judgement) -> String {
        match judgement {
            Judgement::Write(image, why) => format!("write {} ({why:?})", image.display()),
            Judgement::Holds
            | Judgement::Done
            | Judgement::EqualForeign
            | Judgement::Drift
            | Judgement::Keep
            | Judgement::Gone
            | Judgement::Withdraw
            | Judgement::Wait => format!("{judgement:?}"),
        }
    }

    /// What follows without a verdict, and with each, where that differs.
    fn cell(judge: impl Fn(Option<VerdictChoice>) -> Judgement) -> String {
        let plain = word(&judge(None));
        let mut text = plain.clone();
        for choice in [VerdictChoice::Keep, VerdictChoice::Ours] {
            let spoken = word(&judge(Some(choice)));
            if spoken != plain {
                write!(text, "; verdict {choice:?}: {spoken}").expect("a string");
            }
        }
        text
    }

    /// The whole of what may be written over whose value, as a person reads it.
    #[test]
    fn the_verdict_table_is_as_reviewed() {
        let mut text = String::new();
        for (name, entry) in cases() {
            writeln!(text, "== {name}").expect("a string");
            for (live, value, ours) in LIVES {
                let value = image(value);
                let live_field = Live {
                    image: &value,
                    ours,
                    layered: false,
                    present: true,
                };
                writeln!(text, "{live}").expect("a string");
                for active in [
                    DriftActive::Reassert,
                    DriftActive::Enforce,
                    DriftActive::Yield,
                ] {
                    let restore = DriftRestore::Hold;
                    let cell = cell(|verdict| {
                        judge(
                            &entry,
                            Some(&live_field),
                            Way::Wartime,
                            active,
                            restore,
                            verdict,
                        )
                    });
                    writeln!(text, "  wartime {active:?}: {cell}").expect("a string");
                }
                for restore in [DriftRestore::Hold, DriftRestore::Revert, DriftRestore::Keep] {
                    let active = DriftActive::Reassert;
                    let cell = cell(|verdict| {
                        judge(
                            &entry,
                            Some(&live_field),
                            Way::Restoring,
                            active,
                            restore,
                            verdict,
                        )
                    });
                    writeln!(text, "  return {restore:?}: {cell}").expect("a string");
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    /// A recreated object is another one: nothing of the old one may be written to it. And what was
    /// not read yet is not judged.
    #[test]
    fn a_gone_object_is_gone_and_an_unread_one_waits() {
        let value = image(9);
        let gone = Live {
            image: &value,
            ours: true,
            layered: false,
            present: false,
        };
        for (name, entry) in cases() {
            for way in [Way::Wartime, Way::Restoring] {
                let judged = |live| {
                    judge(
                        &entry,
                        live,
                        way,
                        DriftActive::Enforce,
                        DriftRestore::Revert,
                        None,
                    )
                };
                let expected = if entry.state.is_settled_back() {
                    Judgement::Wait
                } else {
                    Judgement::Gone
                };
                assert_eq!(judged(Some(&gone)), expected, "{name}");
                assert_eq!(judged(None), Judgement::Wait, "{name}");
            }
        }
    }

    /// An entry that left the plan goes back while its mode is in wartime.
    #[test]
    fn a_turned_entry_is_judged_on_its_way_back() {
        let value = image(10);
        let live = Live {
            image: &value,
            ours: true,
            layered: false,
            present: true,
        };
        let turned = Entry {
            turned: true,
            ..written(State::Drifted)
        };
        let judged = judge(
            &turned,
            Some(&live),
            Way::Wartime,
            DriftActive::Reassert,
            DriftRestore::Hold,
            None,
        );
        assert_eq!(judged, Judgement::Write(image(3), Why::Revert));
    }

    fn verdict(of: VerdictOf, choice: VerdictChoice, seen: Option<&Image>) -> Verdict {
        Verdict {
            of,
            choice,
            seen: seen.map(Image::hash),
            by: "engineer-he".to_owned(),
            as_: "platform".to_owned(),
        }
    }

    fn field() -> VerdictOf {
        VerdictOf {
            uid: Some("u1".to_owned()),
            path: Some("/spec/replicas".to_owned()),
            ..VerdictOf::default()
        }
    }

    fn step(name: &str) -> VerdictOf {
        VerdictOf {
            step: Some(name.to_owned()),
            ..VerdictOf::default()
        }
    }

    fn all() -> VerdictOf {
        VerdictOf {
            all: Some(true),
            ..VerdictOf::default()
        }
    }

    /// Two verdicts that were there before the drift: the list is append-only.
    fn after_the_drift(later: Vec<Verdict>) -> Vec<Verdict> {
        let earlier = verdict(all(), VerdictChoice::Ours, None);
        let mut verdicts = vec![earlier.clone(), earlier];
        verdicts.extend(later);
        verdicts
    }

    fn counts(of: VerdictOf, seen: Option<&Image>) -> bool {
        let verdicts = after_the_drift(vec![verdict(of, VerdictChoice::Keep, seen)]);
        let counted = verdict_for(&drifted(State::Drifted, 77), &verdicts, &image(77));
        counted == Some(VerdictChoice::Keep)
    }

    /// A verdict is about fields and a value: on anything else it must not be taken for one.
    #[test]
    fn a_verdict_counts_for_its_fields_and_the_value_it_saw() {
        let (same, other) = (image(77), image(78));
        assert!(counts(field(), Some(&same)));
        assert!(!counts(field(), Some(&other)));
        assert!(
            !counts(field(), None),
            "a verdict on one field names its value"
        );
        for of in [step("portals"), all()] {
            assert!(counts(of.clone(), Some(&same)));
            assert!(counts(of.clone(), None));
            assert!(!counts(of, Some(&other)));
        }
        assert!(!counts(step("another"), None));
        assert!(!counts(VerdictOf::default(), Some(&same)));
        let elsewhere = VerdictOf {
            uid: Some("u2".to_owned()),
            ..field()
        };
        assert!(!counts(elsewhere, Some(&same)));
    }

    /// A verdict that was given before a drift, or was carried out already, licenses nothing: the
    /// next edit needs another one, even of the same value.
    #[test]
    fn a_verdict_from_before_the_drift_does_not_count() {
        let same = image(77);
        for of in [field(), step("portals"), all()] {
            let before = vec![verdict(of, VerdictChoice::Ours, Some(&same)); 2];
            assert_eq!(
                verdict_for(&drifted(State::Drifted, 77), &before, &same),
                None
            );
        }
    }

    /// A person who said "ours for all" saw the values of then. A newer edit is recorded anew, and
    /// asked about anew.
    #[test]
    fn a_verdict_on_all_does_not_cover_a_value_that_came_later() {
        let verdicts = after_the_drift(vec![verdict(all(), VerdictChoice::Ours, None)]);
        let entry = drifted(State::Drifted, 77);
        assert_eq!(
            verdict_for(&entry, &verdicts, &image(77)),
            Some(VerdictChoice::Ours)
        );
        assert_eq!(verdict_for(&entry, &verdicts, &image(78)), None);
        let mut again = drifted(State::Drifted, 78);
        again.drift = Some(Box::new(Found {
            image: image(78),
            verdicts: 3,
        }));
        assert_eq!(verdict_for(&again, &verdicts, &image(78)), None);
    }

    /// People change their minds; the list grows, so the last word is the one that counts.
    #[test]
    fn the_latest_verdict_counts() {
        let same = image(77);
        let verdicts = after_the_drift(vec![
            verdict(all(), VerdictChoice::Keep, None),
            verdict(field(), VerdictChoice::Ours, Some(&same)),
            verdict(step("another"), VerdictChoice::Keep, None),
        ]);
        let entry = drifted(State::Drifted, 77);
        assert_eq!(
            verdict_for(&entry, &verdicts, &same),
            Some(VerdictChoice::Ours)
        );
    }

    /// Only a field that waits for a person takes their word, and a Stuck one only when the person
    /// named what is there.
    #[test]
    fn only_a_field_that_waits_takes_a_verdict() {
        let ten = image(10);
        let bound = vec![verdict(all(), VerdictChoice::Keep, Some(&ten))];
        let unbound = vec![verdict(all(), VerdictChoice::Keep, None)];
        for state in State::ALL {
            let waits = matches!(state, State::Drifted | State::Stuck);
            let counted = verdict_for(&written(state), &bound, &ten);
            assert_eq!(counted.is_some(), waits, "{state:?}");
            assert_eq!(verdict_for(&written(state), &unbound, &ten), None);
        }
    }

    /// A return writes on what was seen only where it was our value, under our name.
    #[test]
    fn only_a_value_of_ours_under_our_name_stands() {
        let manager = "pingzhan/flood/1";
        let object = |replicas: i64, holder: &str| {
            serde_json::json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "web", "uid": "u1", "managedFields": [
                    { "manager": holder, "operation": "Update", "apiVersion": "apps/v1",
                      "fieldsV1": { "f:spec": { "f:replicas": {} } } }] },
                "spec": { "replicas": replicas },
            })
        };
        let seen = |object: &serde_json::Value, path: &Path| {
            let paths = std::slice::from_ref(path);
            crate::field::project::project(object, "deployments", paths, false).expect("an object")
        };
        let entry = written(State::Reverting);
        let held = |object: &serde_json::Value| stands(&seen(object, &entry.path), &entry, manager);
        assert!(held(&object(10, manager)));
        assert!(!held(&object(10, "rival")), "another holds the same value");
        assert!(!held(&object(7, manager)), "another value");
        assert!(
            !held(&object(3, manager)),
            "peacetime's: nothing is to be written"
        );
        let mut leaving = object(10, manager);
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(!held(&leaving), "it is being deleted");
        let other = seen(&object(10, manager), &Path::fields(["spec", "paused"]));
        assert!(!stands(&other, &entry, manager), "the field was not read");
    }
}
