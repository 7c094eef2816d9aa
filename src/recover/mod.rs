//! Restore with no operator and no `EmergencyMode`: from the records alone.
//!
//! It takes the operator's lease, opens every journal that is not closed, turns it to Restoring,
//! and lets the same actor and executor bring everything back. It ends when every mode is closed,
//! or when what is left waits for a person.

use std::collections::BTreeMap;
use std::time::Duration;

use snafu::{ResultExt, Snafu};

use crate::api::RecordMode;
use crate::ledger::State;
use crate::run::clock::Clock;
use crate::run::operator::Settings;
use crate::run::records;
use crate::run::recovery::{self, Carried, Recovery};

pub use crate::run::recovery::Left;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing may move before what is left is taken to wait for a person: longer than the
/// longest pause between two tries of a stuck target would hide nothing, but nobody would wait for
/// it; stuck targets are listed with their reason.
const STILL: Duration = Duration::from_secs(30);

/// Why nothing could be recovered.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("{source}"))]
    Begin { source: recovery::Error },
    #[snafu(display("the records cannot be listed: {source}"))]
    List { source: records::Error },
}

/// What became of one mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The mode.
    pub mode: RecordMode,
    /// Whether its journal is closed.
    pub closed: bool,
    /// Fields that are back, ownership included.
    pub back: usize,
    /// Fields of objects that are gone, and fields at which another's value stays.
    pub let_go: usize,
    /// Fields that are not back, a sentence each.
    pub left: Vec<String>,
    /// Fields that other modes hold too, and that were left to them.
    pub left_to: Vec<Left>,
}

/// Brings modes back: the one of that name or uid, or every one whose journal is not closed.
///
/// Guarantees: the same guards, records and two passes as the operator; `progress` is told of
/// every look; the journal names the user of `config`. With `ourselves` targets are read and written as
/// that user, where an account has lost its rights.
pub async fn restore(
    config: kube::Config,
    settings: Settings,
    clock: Clock,
    ourselves: bool,
    only: Option<&str>,
    wait_for_lease: Duration,
    mut progress: impl FnMut(&[Restored]),
) -> Result<Vec<Restored>, Error> {
    let mut recovery = Recovery::begin(config, settings, clock, ourselves, wait_for_lease)
        .await
        .context(BeginSnafu)?;
    let (modes, others) = recovery.modes(only).await.context(ListSnafu)?;
    let running = recovery.carry(modes, others);
    let mut still = tokio::time::Instant::now();
    let mut last = Vec::new();
    loop {
        let now = look(&running).await;
        progress(&now);
        if now.iter().all(|mode| mode.closed) {
            break;
        }
        if now != last {
            still = tokio::time::Instant::now();
            last = now;
        }
        if still.elapsed() >= STILL {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let result = look(&running).await;
    recovery.end().await;
    Ok(result)
}

async fn look(running: &[Carried]) -> Vec<Restored> {
    let mut all = Vec::with_capacity(running.len());
    for carried in running {
        let mut restored = Restored {
            mode: carried.id.clone(),
            ..Restored::default()
        };
        if let Some(problem) = carried.problem().await {
            restored.left.push(problem);
        }
        let Some(entries) = carried.entries().await else {
            all.push(restored);
            continue;
        };
        restored.closed = carried.is_closed().await;
        restored.left_to = carried.left_to_others().await;
        let mut left: BTreeMap<String, String> = BTreeMap::new();
        for (name, path, state, reason) in entries {
            match state {
                State::OwnersBack => restored.back += 1,
                State::Gone | State::Kept => restored.let_go += 1,
                State::Refused | State::Withdrawn | State::Shadowed | State::Overtaken => {}
                State::Intended
                | State::Applied
                | State::Reverting
                | State::Reverted
                | State::Drifted
                | State::Stuck => {
                    let why = reason.map(|why| format!(": {why}")).unwrap_or_default();
                    left.insert(format!("{name} {path}"), format!("{state:?}{why}"));
                }
            }
        }
        restored.left.extend(
            left.into_iter()
                .map(|(field, why)| format!("{field} is {why}")),
        );
        all.push(restored);
    }
    all
}
