//! Journalling on behalf of the executor: intents and turns before a write, outcomes after it.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::api::ChangeRecordSpec;
use crate::engine::decide::Sight;
use crate::engine::layers;
use crate::engine::scheduler::{Event as Told, Recording, Work};
use crate::engine::work::{Act, Task};
use crate::field::{Uid, creation};
use crate::ledger::record::{Body, NewOutcome};
use crate::ledger::{Direction, EntryId, Event};
use crate::run::mode::{Mode, State};
use crate::run::records;

use super::Deps;

/// The first wait of a target whose write was refused.
const RETRY_FIRST: i64 = 5;
/// The longest: a person who repaired the cause sees it go on within two minutes.
const RETRY_LONGEST: i64 = 120;

/// What became of one target's task.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The target.
    pub uid: Uid,
    /// What is journalled.
    pub outcomes: Vec<NewOutcome>,
    /// The target as it is now, where that is known.
    pub sight: Option<Sight>,
}

/// Journals what must stand before some writes: their intents, or that they turn back.
///
/// Guarantees: of a mode that is over nothing is journalled, and so nothing of it is written: two people
/// may give it up while its works wait, and a record after the last one would damage its journal.
pub(super) async fn record_before(
    deps: &Deps,
    cell: &Mode,
    mut works: Vec<Work<Task>>,
) -> Told<Task, Settlement> {
    let mode = cell.id.uid.clone();
    let captures = deps.registry.captures.lock().await;
    taken_meanwhile(deps, cell, &mut works).await;
    let mut intents = Vec::new();
    let mut turned = Vec::new();
    for work in &works {
        match &work.payload.act {
            Act::Switch(items) => intents.extend(
                items
                    .iter()
                    .filter(|item| item.id.is_none())
                    .map(|item| item.entry.clone()),
            ),
            Act::Revert { turned: ids, .. } => turned.extend(ids.iter().copied()),
            Act::Rewrite(_) | Act::GiveBack { .. } | Act::Note(_) => {}
        }
    }
    let mut state = cell.state.lock().await;
    if state.ledger.direction == Direction::Closed {
        return not_recorded(mode, Recording::Works, false);
    }
    if !turned.is_empty() {
        let outcome = NewOutcome::new(Event::Turned, turned);
        if let Err(error) = append(deps, &mut state, Body::Outcomes(vec![outcome])).await {
            return failed(deps, cell, Recording::Works, &error);
        }
    }
    if !intents.is_empty() {
        match append(deps, &mut state, Body::Intents(intents)).await {
            Ok(record) => number(&mut works, &record),
            Err(error) => return failed(deps, cell, Recording::Works, &error),
        }
    }
    let sequence = state.ledger.head.sequence;
    drop(state);
    drop(captures);
    let uids = works.iter().map(|work| &work.uid);
    deps.registry.wake_others(&cell.id.uid, uids).await;
    let works = works
        .into_iter()
        .map(|work| (work.uid, work.payload))
        .collect();
    Told::Recorded {
        mode,
        sequence,
        works,
    }
}

/// Takes out changes that know a value for peacetime's that another mode has just brought there: they
/// are decided anew.
async fn taken_meanwhile(deps: &Deps, cell: &Mode, works: &mut [Work<Task>]) {
    for other in deps.registry.others(&cell.id.uid).await {
        let state = other.state.lock().await;
        for work in works.iter_mut() {
            let Act::Switch(items) = &mut work.payload.act else {
                continue;
            };
            items.retain(|item| {
                let is_fresh = item.id.is_none() && item.entry.supersedes.is_none();
                let field = (&item.entry.target.uid, &item.entry.path);
                let known = state.ledger.head_of(field.0, field.1);
                known.is_none_or(|known| !is_fresh || layers::agree(known, &item.entry))
            });
        }
    }
}

/// Gives changes the numbers that the record gave them: in the same order.
fn number(works: &mut [Work<Task>], record: &ChangeRecordSpec) {
    let mut ids = record
        .intents
        .iter()
        .flat_map(|intents| intents.entries.iter().map(|e| e.id));
    for work in works {
        if let Act::Switch(items) = &mut work.payload.act {
            for item in items.iter_mut().filter(|item| item.id.is_none()) {
                item.id = ids.next().map(EntryId);
            }
        }
    }
}

/// Journals what became of some targets; of a mode that is over nothing, as before writes.
pub(super) async fn record(
    deps: &Deps,
    cell: &Mode,
    settlements: Vec<Settlement>,
) -> Told<Task, Settlement> {
    let mode = cell.id.uid.clone();
    let mut state = cell.state.lock().await;
    let merged = if state.ledger.direction == Direction::Closed {
        Vec::new()
    } else {
        admitted(&state, merge(&settlements))
    };
    if !merged.is_empty()
        && let Err(error) = append(deps, &mut state, Body::Outcomes(merged)).await
    {
        return failed(deps, cell, Recording::Outcomes, &error);
    }
    remember(deps, &mut state, &settlements);
    let sequence = state.ledger.head.sequence;
    deps.events.settled(cell, &state.ledger, &settlements);
    for settlement in &settlements {
        state.open.remove(&settlement.uid);
    }
    let is_idle = state.open.is_empty();
    drop(state);
    let uids = settlements.iter().map(|settled| &settled.uid);
    deps.registry.wake_others(&cell.id.uid, uids).await;
    if is_idle {
        cell.idle.notify_one();
    }
    cell.wake.notify_one();
    Told::OutcomesRecorded { mode, sequence }
}

/// Appends and folds.
pub(in crate::run) async fn append(
    deps: &Deps,
    state: &mut State,
    body: Body,
) -> Result<ChangeRecordSpec, records::Error> {
    let lease = deps.lease();
    let now = deps.clock.now();
    let record = match state.journal.append(&body, &lease, now).await {
        Ok(record) => record.into_spec(),
        Err(error) => {
            if error.is_refusal() {
                state.refused = Some(error.to_string());
            }
            return Err(error);
        }
    };
    state.refused = None;
    match (state.ledger.apply(&record), &body) {
        (Err(damage), _) => state.damage = Some(damage.to_string()),
        (Ok(()), Body::Intents(made_of)) => state.ledger.made_of(made_of),
        (Ok(()), Body::Plan(..) | Body::Outcomes(_) | Body::Acts(_) | Body::Turn(_)) => {}
    }
    state.read_plans();
    deps.metrics.recorded(&record);
    Ok(record)
}

/// Leaves out what the journal would not take: an illegal outcome is a defect of ours, and must
/// not damage the record of everything else.
fn admitted(state: &State, outcomes: Vec<NewOutcome>) -> Vec<NewOutcome> {
    if state.ledger.admits(&outcomes).is_ok() {
        return outcomes;
    }
    let mut kept: Vec<NewOutcome> = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        for id in &outcome.entries {
            kept.push(NewOutcome {
                entries: vec![*id],
                ..outcome.clone()
            });
            if let Err(problem) = state.ledger.admits(&kept) {
                tracing::error!(
                    entry = id.0,
                    problem,
                    "an outcome is left out of the journal"
                );
                kept.pop();
            }
        }
    }
    kept
}

fn failed(
    deps: &Deps,
    cell: &Mode,
    recording: Recording,
    error: &records::Error,
) -> Told<Task, Settlement> {
    let deposed = deps.ends_term(error);
    let mode = cell.id.uid.clone();
    tracing::error!(mode, %error, deposed, "a record could not be stored");
    if error.is_refusal() {
        // The actor says so.
        cell.wake.notify_one();
    }
    not_recorded(mode, recording, deposed)
}

/// A record is not stored: it is tried again, unless the mode wants something else by then.
fn not_recorded(mode: String, recording: Recording, deposed: bool) -> Told<Task, Settlement> {
    Told::RecordFailed {
        mode,
        recording,
        retry_after_ms: Some(1000),
        deposed,
    }
}

/// What outcomes that become one item say: what happened, what was made of the value, why, after how many
/// verdicts, and who had taken the field.
type Said = (Event, Option<String>, Option<String>, i64, Vec<String>);

/// Outcomes that say the same become one item; the order of different ones is kept.
fn merge(settlements: &[Settlement]) -> Vec<NewOutcome> {
    let mut merged: Vec<NewOutcome> = Vec::new();
    let mut places: BTreeMap<Said, usize> = BTreeMap::new();
    for outcome in settlements
        .iter()
        .flat_map(|settlement| &settlement.outcomes)
    {
        let observed = outcome
            .observed
            .as_ref()
            .map(|image| image.to_text().unwrap_or_default());
        let key = (
            outcome.event,
            observed,
            outcome.reason.clone(),
            outcome.verdicts,
            outcome.owners.clone(),
        );
        if let Some(place) = places.get(&key) {
            merged[*place]
                .entries
                .extend(outcome.entries.iter().copied());
        } else {
            places.insert(key, merged.len());
            merged.push(outcome.clone());
        }
    }
    // A verdict comes before the write that it allowed.
    merged.sort_by_key(|outcome| outcome.event != Event::Ours);
    merged
}

fn remember(deps: &Deps, state: &mut State, settlements: &[Settlement]) {
    state.follow(&deps.clock);
    let now = deps.clock.now();
    for settlement in settlements {
        let uid = &settlement.uid;
        if let Some(sight) = &settlement.sight {
            state.sights.insert(uid.clone(), sight.clone());
        }
        if !settlement.outcomes.is_empty() {
            state.unanswered.remove(uid);
        }
        let happened = |event| {
            settlement
                .outcomes
                .iter()
                .any(|outcome| outcome.event == event)
        };
        if happened(Event::Reasserted) {
            let times = state.rewrites.entry(uid.clone()).or_default();
            times.retain(|at| *at + SignedDuration::from_secs(60) > now);
            times.push(now);
            state.retry.remove(uid);
        }
        if happened(Event::Stuck) || happened(Event::Refused) {
            let tries = state.retry.get(uid).map_or(0, |(_, tries)| *tries);
            let wait = RETRY_FIRST
                .saturating_mul(1 << tries.min(10))
                .min(RETRY_LONGEST);
            let at = now + SignedDuration::from_secs(wait);
            state.retry.insert(uid.clone(), (at, tries + 1));
            if settlement.sight.is_none() {
                state.sights.remove(uid);
            }
        }
        if happened(Event::Applied) || happened(Event::Reverted) {
            // What makes an object has no guard: a copy may come late.
            if !creation::is(uid) {
                state.unconfirmed.remove(uid);
            }
            state.retry.remove(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::super::testing::{deps, entry, target};
    use super::super::{Command, guarded_record, run};
    use super::*;
    use crate::api::{RecordMode, Turn, TurnKind};
    use crate::cluster::Clients;
    use crate::cluster::fake::{Fake, reply};
    use crate::engine::scheduler::{Before, Class, Lane, Order};
    use crate::ledger::{ABANDONED, Ledger};
    use crate::run::clock::Clock;
    use crate::run::mode::sample;
    use crate::run::records::Journal;

    fn id() -> RecordMode {
        RecordMode {
            name: "flood".to_owned(),
            uid: "0123456789abcdef".to_owned(),
        }
    }

    fn turn(kind: TurnKind, reason: Option<&str>) -> Body {
        Body::Turn(Turn {
            kind,
            by: Some("chen, lin".to_owned()),
            reason: reason.map(str::to_owned),
            plan_hash: Some("sha256:plan".to_owned()),
            level: Some(crate::api::Level::II),
            expires_at: Some("2026-07-02T08:00:00Z".to_owned()),
            approvals: vec!["lin".to_owned()],
        })
    }

    /// A change that is to turn back, and waits for the record that says so.
    fn waiting() -> Work<Task> {
        Work {
            uid: "web".into(),
            class: Class::REST,
            rank: 0,
            tag: 0,
            lane: Lane::Value,
            before: Before::Turned,
            payload: Task {
                target: target(),
                sight: None,
                act: Act::Revert {
                    items: Vec::new(),
                    turned: vec![EntryId(1)],
                },
            },
        }
    }

    /// When somebody took a field again says whether they let it go. Of targets that are written again at
    /// once each was taken by its own rival, at its own time: told as one, the return would take most of them
    /// for owners that let go, and give their fields back to nobody.
    #[test]
    fn who_had_taken_what_is_told_of_each_target() {
        let again = |entry: i64, uid: &str, owner: &str| Settlement {
            uid: uid.into(),
            outcomes: vec![NewOutcome {
                owners: vec![owner.to_owned()],
                ..NewOutcome::new(Event::Reasserted, vec![EntryId(entry)])
            }],
            sight: None,
        };
        let (first, later) = (
            "2026-07-01T08:00:01Z Apply argo",
            "2026-07-01T08:00:04Z Apply argo",
        );
        let told = merge(&[
            again(1, "web", first),
            again(2, "api", later),
            again(3, "db", first),
        ]);
        let told = told
            .iter()
            .map(|one| (one.owners[0].as_str(), one.entries.clone()));
        let expected = [
            (first, vec![EntryId(1), EntryId(3)]),
            (later, vec![EntryId(2)]),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    /// Two people give a mode up while a write of it is in flight and another one waits for its record.
    /// What comes of them is not journalled: whatever stands after the last record is damage.
    #[tokio::test]
    async fn nothing_is_journalled_of_a_mode_that_is_over() {
        let fake = Fake::new(|asked| match asked.method.as_str() {
            "GET" => reply(200, json!({ "metadata": {}, "items": [] })),
            _ => reply(201, asked.body.clone()),
        });
        let own = Clients::fake(&fake.client());
        let clock = Clock::from(Timestamp::UNIX_EPOCH);
        let deps = deps(&own, clock);
        let opened = Journal::open(&own, id(), 1).await;
        let (journal, ledger) = opened.expect("a journal");
        let cell = Mode::new(id(), State::new(journal, ledger, clock.now()));
        let bodies = [
            turn(TurnKind::Granted, None),
            Body::Intents(vec![entry()]),
            turn(TurnKind::Closed, Some(ABANDONED)),
        ];
        for body in bodies {
            let mut state = cell.state.lock().await;
            let stored = append(&deps, &mut state, body).await;
            stored.expect("it is stored");
        }
        let settled = Settlement {
            uid: "web".into(),
            outcomes: vec![NewOutcome::new(Event::Applied, vec![EntryId(1)])],
            sight: None,
        };
        let told = record(&deps, &cell, vec![settled]).await;
        assert!(matches!(told, Told::OutcomesRecorded { .. }), "{told:?}");
        let told = record_before(&deps, &cell, vec![waiting()]).await;
        assert!(matches!(told, Told::RecordFailed { .. }), "{told:?}");
        let state = cell.state.lock().await;
        assert_eq!(state.damage, None);
        let asked = fake.requests();
        let stored = asked.iter().filter(|asked| asked.method == "POST");
        let stored = stored.filter_map(|asked| asked.body.get("spec").cloned());
        let stored: Vec<ChangeRecordSpec> = stored
            .map(|spec| serde_json::from_value(spec).expect("a record"))
            .collect();
        assert_eq!(stored.len(), 3);
        let ledger = Ledger::fold(id(), stored).expect("the journal is whole");
        assert!(ledger.abandoned().is_some());
    }

    /// Whoever watches a large switch has to see how far it is, and that the program itself failed.
    #[tokio::test(start_paused = true)]
    async fn what_waits_and_what_the_program_failed_at_is_counted() {
        // The journal is never answered, so that what is ordered waits.
        let own = Clients::fake(&Fake::silent().client());
        let deps = deps(&own, Clock::from(Timestamp::UNIX_EPOCH));
        let metrics = deps.metrics.clone();
        let cell = Arc::new(sample("flood"));
        let (orders, commands) = mpsc::channel(1);
        tokio::spawn(run(deps, 8, commands));
        let order = Order {
            mode: cell.id.uid.clone(),
            basis: 0,
            works: vec![waiting()],
            urgent: Vec::new(),
        };
        let sent = orders.send(Command::Order(cell, order)).await;
        assert!(sent.is_ok());
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(
            (metrics.queue_depth.get(), metrics.write_limit.get()),
            (1, 8)
        );

        assert_eq!(metrics.panics.get(), 0);
        let of = (Arc::new(sample("heat")), metrics.clone());
        let told = guarded_record(of, Recording::Works, async { panic!("on purpose") }).await;
        assert!(matches!(told, Told::RecordFailed { .. }), "{told:?}");
        assert_eq!(metrics.panics.get(), 1);
    }
}
