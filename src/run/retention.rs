//! Deletes the records of modes that are over, when they have been kept as long as promised.
//!
//! Those of an act without quorum are kept until it is reviewed: who reviews has to see what was done.
//!
//! Looks once when this process begins to lead, and then only when something may be due: at rest
//! nothing is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt};
use serde::Deserialize;
use serde_json::Value;

use crate::api::{ChangeRecord, EmergencyModeStatus, Phase, RecordMode, names};
use crate::cluster::{Clients, Collection, write};
use crate::engine::decide;
use crate::ledger::retention::{Fate, fate};

use super::executor::Deps;
use super::records;

/// The promise where nobody says otherwise: longer than the quarter that an after-action review
/// takes.
pub const DEFAULT: Duration = Duration::from_hours(90 * 24);
/// Two looks are at least this far apart, whatever is due.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// The longest sleep in one piece; the wall time is looked at again after it, since a machine that
/// was suspended does not count the time.
const NAP: Duration = Duration::from_hours(6);
/// Objects a page: only their metadata is read.
const PAGE: u32 = 500;

/// Deletes what is due, for as long as this process leads.
pub(super) async fn run(own: Clients, deps: Deps, keep: Duration) {
    let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
    loop {
        let now = deps.clock.now();
        let next = match sweep(&own, &deps, keep).await {
            Ok(earliest) => next(now, keep, earliest),
            Err(error) => {
                tracing::warn!(%error, "old records are looked for again in an hour");
                now + PAUSE
            }
        };
        loop {
            let left = next.duration_since(deps.clock.now());
            if left <= SignedDuration::ZERO {
                break;
            }
            tokio::time::sleep(left.unsigned_abs().min(NAP)).await;
        }
    }
}

/// When to look again: when the earliest is due, and no later than a mode could be that closes
/// right now.
fn next(now: Timestamp, keep: SignedDuration, earliest: Option<Timestamp>) -> Timestamp {
    let later = |span| now.saturating_add(span).unwrap_or(Timestamp::MAX);
    let latest = later(keep);
    earliest.unwrap_or(latest).min(latest).max(later(PAUSE))
}

/// Looks at all modes that have records, and deletes what is due. Gives when the next one is.
async fn sweep(
    own: &Clients,
    deps: &Deps,
    keep: SignedDuration,
) -> Result<Option<Timestamp>, kube::Error> {
    let now = deps.clock.now();
    let mut earliest: Option<Timestamp> = None;
    for (uid, found) in modes(&own.reads).await? {
        if found.is_held {
            continue;
        }
        let due = found.newest.saturating_add(keep).unwrap_or(Timestamp::MAX);
        let due = if due > now {
            Some(due)
        } else {
            old(
                own,
                deps,
                RecordMode {
                    name: found.name,
                    uid,
                },
                keep,
            )
            .await
        };
        earliest = earliest.into_iter().chain(due).min();
    }
    Ok(earliest)
}

/// The modes whose journals are not closed, by their records' metadata. A name may be cut to what a
/// label holds.
///
/// # Errors
/// What a request says.
pub async fn open(reads: &Client) -> Result<Vec<RecordMode>, kube::Error> {
    let held = modes(reads)
        .await?
        .into_iter()
        .filter(|(_, kept)| kept.is_held);
    let held = held.map(|(uid, kept)| RecordMode {
        name: kept.name,
        uid,
    });
    Ok(held.collect())
}

/// The records of one mode, as far as their metadata says.
struct Kept {
    name: String,
    newest: Timestamp,
    /// Whether the journal's finalizer is on any of them: the mode is not closed.
    is_held: bool,
}

async fn modes(reads: &Client) -> Result<BTreeMap<String, Kept>, kube::Error> {
    let api: Api<ChangeRecord> = Api::all(reads.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut modes = BTreeMap::new();
    loop {
        let page = api.list_metadata(&params).await?;
        for record in &page.items {
            take(&mut modes, record);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(modes),
        }
    }
}

fn take(modes: &mut BTreeMap<String, Kept>, record: &PartialObjectMeta<ChangeRecord>) {
    let labels = record.labels();
    let Some(uid) = labels.get(names::MODE_UID_LABEL) else {
        return;
    };
    let made = record.creation_timestamp().map(|time| time.0);
    let kept = modes.entry(uid.clone()).or_insert_with(|| Kept {
        name: labels
            .get(names::MODE_NAME_LABEL)
            .cloned()
            .unwrap_or_default(),
        newest: Timestamp::MIN,
        is_held: false,
    });
    // One without a time is never old.
    kept.newest = kept.newest.max(made.unwrap_or(Timestamp::MAX));
    kept.is_held |= is_held(record.finalizers());
}

fn is_held(finalizers: &[String]) -> bool {
    finalizers
        .iter()
        .any(|finalizer| finalizer == names::RECORD_FINALIZER)
}

/// Deletes the records of a mode that look old enough, if they are. Gives when they are due, where
/// that is later.
async fn old(
    own: &Clients,
    deps: &Deps,
    mode: RecordMode,
    keep: SignedDuration,
) -> Option<Timestamp> {
    let whole = match records::list_whole(own, &mode).await {
        Ok(whole) => whole,
        Err(error) => {
            tracing::warn!(mode = mode.name, %error, "its records stay");
            return None;
        }
    };
    if whole.iter().any(|record| is_held(&record.finalizers)) {
        return None;
    }
    let name = whole.first().map(|record| record.spec.mode.name.clone());
    let name = name.unwrap_or_default();
    if is_alive(own, &name, &mode.uid).await {
        return None;
    }
    let specs = whole.iter().map(|record| record.spec.clone()).collect();
    match fate(specs, keep, deps.clock.now()) {
        Fate::Stay => {
            tracing::debug!(mode = name, "its records stay: not everything is settled");
            None
        }
        Fate::Until(due) => Some(due),
        Fate::Over => {
            delete(own, deps, &name, whole).await;
            None
        }
    }
}

/// Whether the mode's object is there and not closed, or somebody still has to review what was done in
/// it without quorum, or that cannot be said.
async fn is_alive(own: &Clients, name: &str, uid: &str) -> bool {
    let collection = Collection {
        api_version: format!("{}/{}", names::GROUP, names::VERSION),
        kind: "EmergencyMode".to_owned(),
        plural: "emergencymodes".to_owned(),
        namespace: String::new(),
    };
    let object = match write::get(&own.reads, &collection, name).await {
        Ok(Some(object)) => object,
        Ok(None) => return false,
        Err(error) => {
            tracing::warn!(mode = name, %error, "its records stay");
            return true;
        }
    };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let closed = serde_json::to_value(Phase::Closed).ok();
    let closed = object.pointer("/status/phase") == closed.as_ref();
    let status = EmergencyModeStatus::deserialize(&object["status"]);
    // What a later version has written, and this one cannot read, may be such an act.
    let awaited = status.map_or(true, |status| decide::awaits_review(&status));
    text("/metadata/uid") == Some(uid) && (!closed || awaited)
}

/// Deletes records, oldest first, each as it was read.
async fn delete(own: &Clients, deps: &Deps, mode: &str, mut records: Vec<records::Whole>) {
    records.sort_by_key(|record| record.spec.sequence);
    let count = records.len();
    let api: Api<ChangeRecord> = Api::all(own.writes.clone());
    for record in records {
        if deps
            .leader
            .still_leader(deps.clock.monotonic_ms())
            .is_none()
        {
            return;
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(record.uid),
                resource_version: Some(record.version),
            }),
            ..DeleteParams::default()
        };
        match api.delete(&record.name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            // The rest is found again: what is left is recognised as the end of a closed journal.
            Err(error) => {
                tracing::warn!(mode, record = record.name, %error, "the rest of its records is deleted later");
                return;
            }
        }
    }
    tracing::info!(
        mode,
        count,
        "its records were kept as long as promised and are deleted"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Fake, reply};
    use crate::run::clock::Clock;
    use crate::run::lease::Leader;
    use crate::run::testing;

    /// What promises to be quiet is: a look at the beginning, and then none for as long as nothing
    /// can be due; then one more.
    #[tokio::test(start_paused = true)]
    async fn a_process_that_leads_looks_once_until_something_can_be_due() {
        let record = json!({"metadata": {
            "name": "0a1b2c3d-000001", "creationTimestamp": at(0).to_string(),
            "labels": {names::MODE_UID_LABEL: "u", names::MODE_NAME_LABEL: "flood"},
        }});
        let fake = Fake::new(move |_| reply(200, json!({"metadata": {}, "items": [record]})));
        let own = Clients::fake(&fake.client());
        let deps = testing::deps(&own, Leader::fixed(1), Clock::from(at(0)));
        let looks = tokio::spawn(run(own, deps, DEFAULT));
        let mut asked = Vec::new();
        for hours in [1, 2_158, 2] {
            tokio::time::sleep(Duration::from_hours(hours)).await;
            asked.push(fake.addresses().len());
        }
        looks.abort();
        // What is old enough is read whole before anything is judged.
        assert_eq!(asked, [1, 1, 3], "{:?}", fake.addresses());
        assert!(
            fake.addresses()
                .iter()
                .all(|asked| asked.starts_with("GET"))
        );
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + hour * 3600).expect("a time")
    }

    /// At rest nothing is asked: the next look is when something can be due, and never sooner than
    /// in an hour.
    #[test]
    fn the_next_look_is_when_something_can_be_due() {
        let keep = SignedDuration::from_hours(2_160);
        let rows = [
            (None, at(2_160)),
            (Some(at(50)), at(50)),
            (Some(at(0)), at(1)),
            (Some(at(9_999)), at(2_160)),
        ];
        for (earliest, expected) in rows {
            assert_eq!(next(at(0), keep, earliest), expected, "{earliest:?}");
        }
        assert_eq!(next(at(0), SignedDuration::ZERO, None), at(1));
        assert_eq!(next(at(0), SignedDuration::MAX, None), Timestamp::MAX);
    }

    /// Who reviews an act without quorum has to see what was done, however late that is.
    #[tokio::test]
    async fn records_stay_until_an_act_without_quorum_is_reviewed() {
        let alive = async |phase: &str, reason: &str| {
            let said = json!({ "type": "Approved", "status": "True", "reason": reason, "message": "",
                "lastTransitionTime": at(0).to_string() });
            let mode = json!({ "metadata": { "name": "flood", "uid": "u" },
                "status": { "phase": phase, "conditions": [said] } });
            let fake = Fake::new(move |_| reply(200, mode.clone()));
            is_alive(&Clients::fake(&fake.client()), "flood", "u").await
        };
        for (phase, reason, stay) in [
            ("Active", "Granted", true),
            ("Closed", "Granted", false),
            ("Closed", "BreakGlass", true),
            ("Closed", "BreakGlassOverdue", true),
            ("Closed", "BreakGlassReviewed", false),
        ] {
            assert_eq!(alive(phase, reason).await, stay, "{phase}, {reason}");
        }
    }

    /// A version that was put back must not delete, on the first day of its term, what a later one keeps.
    #[tokio::test]
    async fn records_stay_where_it_cannot_be_read_whether_a_review_is_awaited() {
        let mode = json!({ "metadata": { "name": "flood", "uid": "u" },
            "status": { "phase": "Closed", "conditions": { "Approved": "in another form" } } });
        let fake = Fake::new(move |_| reply(200, mode.clone()));
        assert!(is_alive(&Clients::fake(&fake.client()), "flood", "u").await);
    }
}
