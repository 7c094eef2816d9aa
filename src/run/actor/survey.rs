//! What is new in the cluster and a plan in force would select.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::engine::plan::Plan;
use crate::field::Uid;
use crate::ledger::Direction;

use super::facts::{Known, frozen, newcomers};
use super::{Actor, Memory};

/// New objects are looked for at most this often.
const SURVEY: SignedDuration = SignedDuration::from_secs(10);
/// Where not everything could be read: what cannot be read for long must not cost a look at everything
/// again and again.
const RESURVEY: SignedDuration = SignedDuration::from_secs(60);
/// What is said where the program failed at it: that must keep no mode from being decided upon.
const FAILED: &str = "new objects cannot be looked for now: pingzhan itself failed at it, as the operator's \
                      log says";

impl Actor {
    /// Looks for new objects that the plan's rule covers, after one was seen. Where it is too early for
    /// that: when it is to be.
    pub(super) async fn survey(&self, memory: &mut Memory) -> Result<Option<Timestamp>, String> {
        let now = self.deps.clock.now();
        let mut state = self.mode.state.lock().await;
        if state.ledger.direction != Direction::Wartime {
            state.strangers = false;
            memory.unsurveyed = None;
            return Ok(None);
        }
        if !state.strangers {
            return Ok(None);
        }
        let pause = if memory.unsurveyed.is_some() {
            RESURVEY
        } else {
            SURVEY
        };
        if let Some(due) = memory.surveyed_at.map(|at| at + pause)
            && due > now
        {
            return Ok(Some(due));
        }
        state.strangers = false;
        let plan = state.plan_in_force().cloned();
        let known: BTreeSet<Uid> = state
            .ledger
            .entries
            .values()
            .map(|entry| entry.target.uid.clone())
            .collect();
        let frozen = frozen(state.ledger.entries.values());
        drop(state);
        let Some(plan) = plan else { return Ok(None) };
        let fresh = AssertUnwindSafe(self.again(&plan)).catch_unwind().await;
        let fresh = fresh.unwrap_or_else(|_| {
            self.deps.metrics.panics.inc();
            tracing::error!(mode = self.mode.id.name, "{FAILED}");
            Err(FAILED.to_owned())
        });
        let now = self.deps.clock.now();
        memory.surveyed_at = Some(now);
        let unread = match &fresh {
            Ok(fresh) => unread(fresh),
            Err(problem) => Some(problem.clone()),
        };
        memory.unsurveyed.clone_from(&unread);
        let (None, Ok(fresh)) = (&unread, &fresh) else {
            // What is known already stays known, and what was seen is looked for again.
            self.mode.state.lock().await.strangers = true;
            return Ok(Some(now + RESURVEY));
        };
        let known = Known {
            uids: &known,
            frozen: &frozen,
        };
        (memory.adopted, memory.reported) = newcomers(&plan, fresh, &known);
        Ok(None)
    }
}

/// Why a look does not say of everything that is there, if so.
fn unread(fresh: &Plan) -> Option<String> {
    let problems = fresh.problems();
    let (at, why) = problems.first()?;
    Some(format!(
        "new objects of {at} cannot be looked for now: {why}"
    ))
}
