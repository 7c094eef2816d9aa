//! A mode's story, for people: its turns and what became of its acts.

use crate::api::{ActNote, TimelineEntry, TurnKind};

use super::super::{BREAK_GLASS, Input};
use super::{LISTED, cut};

/// The last turns and acts, newest first.
pub(super) fn of(input: &Input<'_>) -> Vec<TimelineEntry> {
    let acts = input.ledger.told.iter().rev().take(LISTED);
    let acts = acts.map(|(at, note)| TimelineEntry {
        at: *at,
        event: format!("Act{:?}", note.event),
        message: act(note),
    });
    let mut all: Vec<TimelineEntry> = turns(input).into_iter().chain(acts).collect();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    all.truncate(LISTED);
    all
}

/// What became of an act, for people.
fn act(note: &ActNote) -> String {
    let by = note
        .by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let why = note
        .reason
        .as_ref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    cut(&format!("{}/{}{by}{why}", note.stage, note.step))
}

fn turns(input: &Input<'_>) -> Vec<TimelineEntry> {
    input
        .ledger
        .turns
        .iter()
        .rev()
        .take(LISTED)
        .map(|(at, turn)| {
            let reason = turn.reason.as_deref().unwrap_or_default();
            let by = turn
                .by
                .as_ref()
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            let message = match turn.kind {
                TurnKind::Leader => format!("a new leader took over{by}"),
                TurnKind::Granted => format!(
                    "level {} in force, {}, until {}",
                    turn.level.map_or("?", crate::api::Level::as_str),
                    if turn.reason.as_deref() == Some(BREAK_GLASS) {
                        format!("without quorum{by}")
                    } else {
                        format!("approved by {}", people(&turn.approvals))
                    },
                    turn.expires_at.as_deref().unwrap_or("?"),
                ),
                TurnKind::Withdrawn => format!("what was asked for was taken back{by}"),
                TurnKind::Restoring => format!("the return began: {reason}{by}"),
                TurnKind::Held => format!("stopped, values stay: {reason}{by}"),
                TurnKind::Closed => format!("over: {reason}{by}"),
            };
            TimelineEntry {
                at: *at,
                event: format!("{:?}", turn.kind),
                message,
            }
        })
        .collect()
}

/// Who approved, for people.
fn people(approvals: &[String]) -> String {
    if approvals.is_empty() {
        "nobody, since none was needed".into()
    } else {
        approvals.join(", ")
    }
}
