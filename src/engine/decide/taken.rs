//! Changes that take people out of bindings. Whom somebody else has taken out as well is not put back by us
//! as long as the mode is in force: neither where the list is held, nor where another plan is granted. They
//! come back with peacetime's list, which a person is asked about as of any other drift.

use serde_json::json;

use crate::engine::judge::{Judgement, Live, Why};
use crate::engine::plan::{Change, Plan};
use crate::engine::protect::binds_own;
use crate::field::{Image, Path, Projection, Seen, creation};
use crate::ledger::entry::NewEntry;
use crate::ledger::record::NewOutcome;
use crate::ledger::{Entry, EntryId, State};
use crate::playbook::kinds::group_of;
use crate::playbook::subjects::{SUBJECTS, is_binding};
use crate::step::{Rule, access};

use super::Input;

/// Whether an entry takes people out of a binding.
fn takes(plan: &Plan, stage: &str, step: &str, uid: &str) -> bool {
    let source = plan.source(stage, step);
    source.is_some_and(|step| step.access.is_some()) && !creation::is(uid)
}

/// What is judged of a list that is kept against others, with whom they took out as well left out: that is
/// drift of which a person is told, and nobody is put back.
pub(super) fn held(plan: &Plan, entry: &Entry, live: &Image, judged: Judgement) -> Judgement {
    if !matches!(judged, Judgement::Write(_, Why::Enforce))
        || !takes(plan, &entry.stage, &entry.step, &entry.target.uid)
    {
        return judged;
    }
    let left = access::left(&entry.after, live);
    if access::are_same(&left, &entry.after) {
        // All of them are there: whoever came goes, and the order is ours.
        return judged;
    }
    if left != *live {
        return Judgement::Write(left, Why::Enforce);
    }
    let told = entry.drift.as_ref();
    let is_told = entry.state == State::Drifted && told.is_none_or(|found| found.is(live));
    if is_told {
        Judgement::Wait
    } else {
        Judgement::Drift
    }
}

/// Whether another plan's list takes the place of ours though somebody has changed it: whoever makes such a
/// list shorter does not keep others in it. So it does where nothing of it is ours, since nobody had to be
/// taken out.
pub(super) fn is_replaced(plan: &Plan, earlier: &Entry, judged: &Judgement) -> bool {
    let is_unmade = earlier.after == earlier.base;
    let may = matches!(judged, Judgement::Write(_, Why::Enforce))
        || (matches!(judged, Judgement::EqualForeign) && is_unmade);
    may && takes(plan, &earlier.stage, &earlier.step, &earlier.target.uid)
}

/// What is written of a change, where that is less than it asks for: whom somebody else has taken out since
/// we knew the list is not put back. What another mode took out it answers for.
pub(super) fn spared(
    input: &Input<'_>,
    plan: &Plan,
    entry: &NewEntry,
    (sight, seen): (&Projection, &Seen),
    manager: &str,
) -> Option<Image> {
    if !takes(plan, &entry.stage, &entry.step, &entry.target.uid)
        || input.layers.wrote(sight, seen, manager)
    {
        return None;
    }
    let NewEntry { base, after, .. } = entry;
    less(input, entry.supersedes, (base, after), &seen.image)
}

/// What is left of `after` without whom somebody else has taken out of what stood before it, where that is
/// less.
fn less(
    input: &Input<'_>,
    supersedes: Option<EntryId>,
    (base, after): (&Image, &Image),
    live: &Image,
) -> Option<Image> {
    let earlier = supersedes.and_then(|id| input.ledger.entries.get(id));
    let before = earlier.map_or(base, |earlier| &earlier.after);
    let to = access::spared(after, before, live);
    (!access::are_same(&to, after)).then_some(to)
}

/// A list as the return judges it, of whose write nobody lived to see the answer: where it lacks somebody
/// whom another has taken out, it is not ours alone, and a person is asked before they come back.
pub(super) fn credited<'a>(
    input: &Input<'_>,
    plan: &Plan,
    entry: &Entry,
    live: Live<'a>,
) -> Live<'a> {
    let is_unseen = !entry.confirmed && takes(plan, &entry.stage, &entry.step, &entry.target.uid);
    let values = (&entry.base, &entry.after);
    let is_less = is_unseen && less(input, entry.supersedes, values, live.image).is_some();
    Live {
        ours: live.ours && !is_less,
        ..live
    }
}

/// What is journalled of a list that was written, and of which nobody lived to see the answer. Whom it lacks
/// of what was asked for somebody else took out: that is no doing of the server, and the return asks.
pub(super) fn written(plan: &Plan, entry: &Entry, outcome: NewOutcome) -> NewOutcome {
    let is_list = takes(plan, &entry.stage, &entry.step, &entry.target.uid);
    let observed = outcome.observed.filter(|_| !is_list);
    NewOutcome {
        observed,
        ..outcome
    }
}

/// Whether nobody has to be taken out of a list. It is journalled all the same, so that whoever comes back
/// is taken out.
pub(super) fn is_done(change: &Change, entry: &NewEntry) -> bool {
    let is_alone = entry.covers.is_none() && entry.supersedes.is_none();
    matches!(change.rule, Rule::Without(_)) && is_alone && entry.after == entry.seen
}

/// Why whom a binding is for is not written, if an account of ours has its rights by it now: without these
/// nothing could be brought back.
pub(super) fn guarded(input: &Input<'_>, change: &Change, live: &Image) -> Option<String> {
    let target = &change.target;
    if change.path != Path::fields([SUBJECTS])
        || !is_binding(&format!(
            "{}/{}",
            group_of(&target.api_version),
            target.kind
        ))
    {
        return None;
    }
    let binding = json!({ SUBJECTS: live.value()? });
    Some(binds_own(&binding, input.own)?.sentence().to_owned())
}
