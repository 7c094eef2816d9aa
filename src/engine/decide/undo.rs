//! Undoing, at the return, what acts have done: after everything that came after them is back.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::api::{ActEvent, ActNote, Skip, Step};
use crate::engine::acts::{Answer, Ask, Key};
use crate::engine::plan::Plan;
use crate::engine::work::UNCONFIRMED;
use crate::ledger::{Act as Known, ActState};

use super::acts::{Act, act, ask, note, tell};
use super::{Decision, Input};

/// How soon it is looked again whether the last try of an act is over.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// The stages and steps of acts that are still to be undone, and for which what they come after waits. A
/// freeze is lifted last, so nothing waits for it.
pub(super) fn undone_later<'a>(
    input: &'a Input<'_>,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let acts = input.ledger.acts.iter();
    acts.filter(|(key, known)| is_to_be_undone(plan, key, known))
        .filter(|(key, _)| !is_proof(plan, key))
        .map(|((stage, step), _)| (stage.as_str(), step.as_str()))
}

/// The acts that a plan undoes at the return and that another one would not undo, or in another way.
pub(super) fn lost(input: &Input<'_>, in_force: &Plan, plan: &Plan) -> Vec<String> {
    let job = |own: &Step| {
        own.run
            .as_ref()
            .map(|run| (run.namespace.clone(), run.undo.clone()))
    };
    let call = |own: &Step| own.call.as_ref().map(|call| call.undo.clone());
    let is_kept = |(stage, step): &Key| {
        let (now, then) = (in_force.source(stage, step), plan.source(stage, step));
        let both = now.zip(then);
        both.is_some_and(|(now, then)| job(now) == job(then) && call(now) == call(then))
    };
    let acts = input.ledger.acts.iter();
    let undone = acts.filter(|(key, known)| is_to_be_undone(in_force, key, known));
    let lost = undone.filter(|(key, _)| !is_proof(in_force, key) && !is_kept(key));
    lost.map(|((stage, step), _)| format!("{stage}/{step}"))
        .collect()
}

/// Whether something of an act may have been done, that is undone at the return.
fn is_to_be_undone(plan: &Plan, key: &Key, known: &Known) -> bool {
    match act(plan, &key.0, &key.1) {
        Some(Act::Deed(true) | Act::Proof) => {}
        Some(Act::Deed(false) | Act::Wait | Act::Gate(_) | Act::Notify) | None => return false,
    }
    match known.state {
        ActState::Undone => false,
        // Nothing of it was ever done where it was passed over at once.
        ActState::Skipped => known.times > 0,
        ActState::Begun
        | ActState::Done
        | ActState::Declined
        | ActState::Failed
        | ActState::Undoing => true,
    }
}

/// Whether an act is the proof of a freeze.
pub(super) fn is_proof(plan: &Plan, (stage, step): &Key) -> bool {
    matches!(act(plan, stage, step), Some(Act::Proof))
}

/// Takes the undoing of acts further, and says which are left.
pub(super) fn undo(
    input: &Input<'_>,
    plan: &Plan,
    is_free: impl Fn(&Key) -> bool,
    decision: &mut Decision,
) -> BTreeSet<Key> {
    let mut left = BTreeSet::new();
    for (key, known) in &input.ledger.acts {
        if !is_to_be_undone(plan, key, known) {
            continue;
        }
        left.insert(key.clone());
        if known.state == ActState::Undoing {
            undoing(input, key, known, decision);
        } else if is_free(key) && is_over(input, key, known, decision) {
            decision.findings.notes.push(begins(input, key));
        }
    }
    left
}

/// That the undoing begins: whatever people have left out by now was not about it.
fn begins(input: &Input<'_>, key: &Key) -> ActNote {
    let skips = input.mode.spec.map_or(0, |spec| spec.skips.len());
    ActNote {
        answers: i64::try_from(skips).unwrap_or(i64::MAX),
        ..note(key, ActEvent::Undoing, None, None)
    }
}

/// Whether no try of an act can take effect any more: a Job that is created after what undoes it would be
/// one that nothing undoes.
fn is_over(input: &Input<'_>, key: &Key, known: &Known, decision: &mut Decision) -> bool {
    let carry = (key.clone(), Ask::Carry);
    let tried = input.answers.get(&carry).map(|(at, _)| *at + UNCONFIRMED);
    let dead_at = tried.map_or(input.dead_at, |at| at.max(input.dead_at));
    let is_known = match known.state {
        ActState::Done | ActState::Undoing | ActState::Undone => true,
        ActState::Begun | ActState::Declined | ActState::Failed | ActState::Skipped => false,
    };
    if !input.trying.contains(&carry) && (is_known || dead_at <= input.now) {
        return true;
    }
    decision.look_again(dead_at.max(input.now + AGAIN));
    let (stage, step) = key;
    let sentence = format!("{stage}/{step} is to be undone, once its last try is certainly over");
    tell(stage, sentence, decision);
    false
}

/// Takes one undoing further: it is tried until it is done, or a person lets it be.
fn undoing(input: &Input<'_>, key: &Key, known: &Known, decision: &mut Decision) {
    if let Some(skip) = given_up(input, key, known) {
        let why = format!("left as it is: {}", skip.reason);
        let note = note(key, ActEvent::Undone, Some(&skip.by), Some(&why));
        return decision.findings.notes.push(note);
    }
    let (last, found) = match input.answers.get(&(key.clone(), Ask::Undo)) {
        Some((_, Answer::Done(found))) => {
            let note = note(key, ActEvent::Undone, None, Some(found));
            return decision.findings.notes.push(note);
        }
        // Where the mode's object is gone nobody can say that it is left: it is said, and left.
        Some((_, Answer::Failed(why))) if input.mode.spec.is_none() => {
            let why = format!("left as it is, since nobody can decide: {why}");
            let note = note(key, ActEvent::Undone, None, Some(&why));
            return decision.findings.notes.push(note);
        }
        Some((at, Answer::NotYet(why) | Answer::Failed(why))) => (Some(*at), why.as_str()),
        Some((_, Answer::Seen(_))) | None => (None, "it is being undone"),
    };
    ask(input, key, Ask::Undo, known.at, last, decision);
    let (stage, step) = key;
    let sentence = format!(
        "{stage}/{step} is to be undone: {found}; skip the step with a reason to leave it as it is"
    );
    tell(stage, sentence, decision);
}

/// A person's word that what an act did is left as it is, said since its undoing began. What was said on
/// the way there, by however many, was said of the act itself.
fn given_up<'a>(input: &Input<'a>, key: &Key, known: &Known) -> Option<&'a Skip> {
    let of = |stage: &String, step: &String| (stage, step) == (&key.0, &key.1);
    let mut told = input.ledger.told.iter();
    let passed_over =
        told.any(|(_, note)| of(&note.stage, &note.step) && note.event == ActEvent::Skipped);
    let skips = input.mode.spec?.skips.iter();
    // An undoing that an earlier version began does not say how many there were.
    let earlier = usize::from(passed_over && known.answers == 0);
    let since = skips.skip(known.answers);
    let mut since = since.filter(|skip| of(&skip.stage, &skip.step));
    since.nth(earlier)
}
