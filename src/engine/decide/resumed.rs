//! After the return: objects of GitOps that were suspended are watched until they go on, for a bounded
//! time. Nothing of values and ownership waits for it: it begins when both are back. What does not go on
//! is named in the journal, so that a mode is never over in silence while a cluster no longer follows its
//! Git.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::{ActEvent, Skip};
use crate::engine::acts::Key;
use crate::engine::plan::describe;
use crate::field::{Path, Progress, Target, Uid};
use crate::ledger::{Act, ActState, Entry, Ledger, State};
use crate::playbook::{kinds, suspended};

use super::acts::{self, note};
use super::said;
use super::{Decision, Input, Need, Sight, Waiting};

/// How long what was resumed may take. Flux begins at once and waits for what it applied; Argo CD looks
/// again every three minutes, then syncs. Both are done within one of their usual intervals, ten minutes,
/// or something is wrong that a person has to look at.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// Seconds between two looks: a status cannot be watched without reading whole objects.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Names that a sentence has: a page of them would not be read.
const NAMED: usize = 8;

/// What one step suspended and the return resumed.
#[derive(Default)]
struct Resumed<'a> {
    all: BTreeSet<&'a str>,
    unread: Vec<(Target, Vec<Path>)>,
    unready: BTreeMap<&'a Uid, String>,
}

/// Takes the watch further, once nothing else is left to do. Whether nothing is waited for any more.
pub(super) fn watch(input: &Input<'_>, decision: &mut Decision) -> bool {
    let open = |key: &Key| {
        let known = input.ledger.acts.get(key);
        known.is_none_or(|act| act.state == ActState::Begun)
    };
    let steps = resumed(input);
    let steps: Vec<_> = steps.iter().filter(|(key, _)| open(key)).collect();
    let unread: Vec<_> = steps
        .iter()
        .flat_map(|(_, seen)| seen.unread.iter().cloned())
        .collect();
    if !unread.is_empty() {
        decision.need = Some(Need::Sights(unread));
        return false;
    }
    let mut waits = Waits::default();
    for (key, seen) in steps {
        step(input, key, seen, &mut waits, decision);
    }
    let told = !decision.findings.notes.is_empty();
    acts::journal(decision);
    if waits.names.is_empty() {
        return !told;
    }
    decision.look_again(waits.until.min(input.now + AGAIN));
    decision.refresh.extend(waits.uids);
    decision.waiting = Some(Waiting::Resumed {
        what: waiting(&waits.names),
        until: waits.until,
    });
    false
}

/// What is waited for.
#[derive(Default)]
struct Waits {
    uids: Vec<Uid>,
    names: Vec<String>,
    until: Timestamp,
}

fn step(
    input: &Input<'_>,
    key: &Key,
    seen: &Resumed<'_>,
    waits: &mut Waits,
    decision: &mut Decision,
) {
    let begun = input.ledger.acts.get(key);
    let names: Vec<String> = seen.unready.values().cloned().collect();
    let until = begun
        .map_or(input.now, |act| act.began)
        .saturating_add(PATIENCE);
    let until = until.unwrap_or(Timestamp::MAX);
    let notes = &mut decision.findings.notes;
    let mut add = |event, by: Option<&str>, why: &str| {
        notes.push(note(key, event, by, Some(why)));
    };
    if let (Some(_), Some(skip)) = (begun, skipped(input, key)) {
        return add(ActEvent::Skipped, Some(&skip.by), &skip.reason);
    }
    match (begun, names.is_empty()) {
        // They go on already, or have no controller that would ever say so.
        (None, true) => return,
        (None, false) => add(ActEvent::Begun, None, &waiting(&names)),
        (Some(_), true) => {
            let why = format!("{} Ready or Synced again", objects(seen.all.len()));
            return add(ActEvent::Done, None, &why);
        }
        (Some(_), false) if until <= input.now => {
            let minutes = PATIENCE.as_mins();
            let why = format!(
                "{} not Ready or Synced {minutes} minutes after the return: {}; see what their controllers say of them",
                objects(names.len()),
                sentence(&names),
            );
            return add(ActEvent::Failed, None, &why);
        }
        (Some(_), false) => {}
    }
    waits
        .uids
        .extend(seen.unready.keys().map(|uid| (*uid).clone()));
    waits.names.extend(names);
    waits.until = waits.until.max(until);
}

/// A person's word that nobody need wait for it.
fn skipped<'a>(input: &Input<'a>, key: &Key) -> Option<&'a Skip> {
    said::skip(input.mode.spec?, &key.0, &key.1, None)
}

/// What was resumed, by stage and step.
fn resumed<'a>(input: &Input<'a>) -> BTreeMap<Key, Resumed<'a>> {
    let mut steps: BTreeMap<Key, Resumed<'_>> = BTreeMap::new();
    for entry in input.ledger.entries.values().filter(|entry| is_back(entry)) {
        let key = (entry.stage.to_string(), entry.step.to_string());
        let uid = &entry.target.uid;
        let unready = match input.sights.get(uid) {
            None => {
                let unread = (entry.target.clone(), vec![entry.path.clone()]);
                steps.entry(key).or_default().unread.push(unread);
                continue;
            }
            Some(Sight::Gone) => continue,
            Some(Sight::Unreadable) => true,
            Some(Sight::Present(sight)) => {
                // Somebody else holds it still: it is theirs to resume.
                let held = sight
                    .field(&entry.path)
                    .is_none_or(|seen| seen.image == entry.after);
                if sight.deleting || held {
                    continue;
                }
                match sight.progress {
                    Progress::Unobserved | Progress::Unready => true,
                    Progress::Ready => false,
                    // No controller ever looked at it.
                    Progress::Unknown => continue,
                }
            }
        };
        let seen = steps.entry(key).or_default();
        seen.all.insert(uid);
        if unready {
            seen.unready.insert(uid, describe(&entry.target));
        }
    }
    steps
}

/// Whether a change suspended an object of GitOps, and is undone.
fn is_back(entry: &Entry) -> bool {
    let target = &entry.target;
    let back = matches!(entry.state, State::Reverted | State::OwnersBack);
    back && suspended::gitops(kinds::group_of(&target.api_version), &target.kind)
        .is_some_and(|row| entry.path == Path::fields(row.field.iter().copied()))
}

/// What did not go on in time, a sentence for each step.
pub(super) fn failed(ledger: &Ledger) -> Vec<&str> {
    let of_fields = |(stage, step): &Key| {
        let mut entries = ledger.entries.values();
        entries.any(|entry| *entry.stage == **stage && *entry.step == **step)
    };
    let failed = |act: &Act| act.state == ActState::Failed;
    let acts = ledger.acts.iter();
    acts.filter(|(key, act)| failed(act) && of_fields(key))
        .filter_map(|(_, act)| act.reason.as_deref())
        .collect()
}

fn waiting(names: &[String]) -> String {
    format!(
        "{} to be Ready or Synced again: {}",
        objects(names.len()),
        sentence(names)
    )
}

fn objects(count: usize) -> String {
    super::waiting::counted(count, "GitOps object")
}

fn sentence(names: &[String]) -> String {
    let said = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED) {
        0 => said.join(", "),
        more => format!("{} and {more} more", said.join(", ")),
    }
}
