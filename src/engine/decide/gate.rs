//! The gate of the return: a stage goes back when the stages that depend on it are not only back
//! but ready again, or have had their time. One target that is never ready never holds the rest.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::engine::plan::Plan;
use crate::field::{Progress, Uid};
use crate::ledger::State;

use super::{Decision, Input, Sight, Waiting};

/// Seconds that a controller has to see what was brought back. A busy controller manager works off
/// some 50 objects in that time; one that has seen nothing by then may be down.
const OBSERVED: SignedDuration = SignedDuration::from_secs(10);
/// Seconds that pods have to become ready: most starts take less, and a return that waits longer
/// for one broken service keeps the others in wartime.
const READY: SignedDuration = SignedDuration::from_secs(60);
/// Seconds between two looks at what is waited for: a status cannot be watched without reading
/// whole objects.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// The stages that are back but not ready, and may still become so.
pub(super) struct Gate<'a> {
    plan: &'a Plan,
    waits: BTreeMap<&'a str, Wait>,
    held: bool,
}

/// What one stage waits for.
#[derive(Default)]
struct Wait {
    uids: Vec<Uid>,
    until: Timestamp,
}

impl<'a> Gate<'a> {
    pub(super) fn new(input: &Input<'a>, plan: &'a Plan) -> Self {
        let mut waits = BTreeMap::new();
        let last = plan
            .stages
            .iter()
            .filter(|stage| !stage.depends_on.is_empty());
        for stage in last {
            let Some(since) = input.ledger.stage_last.get(&stage.name) else {
                continue;
            };
            let wait = wait(input, &stage.name, *since);
            if !wait.uids.is_empty() {
                waits.insert(stage.name.as_str(), wait);
            }
        }
        Self {
            plan,
            waits,
            held: false,
        }
    }

    /// Whether a stage may not go back yet. `depends` says whether one stage depends on another.
    pub(super) fn holds(&mut self, stage: &str, depends: impl Fn(&str, &str) -> bool) -> bool {
        let mut names = self.waits.keys();
        let holds = names.any(|later| depends(later, stage));
        self.held |= holds;
        holds
    }

    /// Says what is waited for, and what has to be read again for it.
    pub(super) fn tell(self, input: &Input<'_>, decision: &mut Decision) {
        if !self.held {
            return;
        }
        let Self { plan, waits, .. } = self;
        let stages = plan.stages.iter().map(|stage| stage.name.as_str());
        let names: Vec<String> = stages
            .filter(|name| waits.contains_key(name))
            .map(str::to_owned)
            .collect();
        let until = waits
            .values()
            .map(|wait| wait.until)
            .max()
            .unwrap_or(input.now);
        decision.look_again(until.min(input.now + AGAIN));
        let count = waits.values().map(|wait| wait.uids.len()).sum();
        let waited = waits.into_values().flat_map(|wait| wait.uids);
        decision.refresh.extend(waited);
        decision.waiting.get_or_insert(Waiting::Readiness {
            stages: names,
            count,
            until,
        });
    }
}

/// The targets of a stage that were brought back, are not ready, and may still become so.
fn wait(input: &Input<'_>, stage: &str, since: Timestamp) -> Wait {
    let mut wait = Wait::default();
    let back = input.ledger.entries.values().filter(|entry| {
        *entry.stage == *stage && matches!(entry.state, State::Reverted | State::OwnersBack)
    });
    for entry in back {
        let uid = &entry.target.uid;
        let room = match input.sights.get(uid) {
            // It is being read, after a change of leader.
            None if entry.state == State::Reverted => READY,
            Some(Sight::Present(sight)) if !sight.deleting => match sight.progress {
                Progress::Unobserved => OBSERVED,
                Progress::Unready => READY,
                Progress::Unknown | Progress::Ready => continue,
            },
            None | Some(Sight::Present(_) | Sight::Gone | Sight::Unreadable) => continue,
        };
        let until = since.saturating_add(room).unwrap_or(Timestamp::MAX);
        if until > input.now {
            wait.until = wait.until.max(until);
            wait.uids.push(uid.clone());
        }
    }
    wait.uids.sort();
    wait.uids.dedup();
    wait
}
