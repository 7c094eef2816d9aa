//! What is said to a target's controller before its field is written.

use serde_json::json;

use crate::api::names;
use crate::cluster::{Answer, write};
use crate::engine::scheduler::Wrote;
use crate::engine::work::{First, WriteItem};
use crate::ledger::Event;

use super::Settlement;
use super::confirm::refusal;
use super::write::Job;

impl Job<'_> {
    /// Says what is to be said first. On `Err` nothing is written: this came of it.
    ///
    /// Said twice it means the same, so that a process that ended in between only says it again.
    pub(super) async fn first(&self, items: &[WriteItem]) -> Result<(), Wrote<Settlement>> {
        for item in items {
            match item.first {
                None => {}
                Some(First::SkipMissed) => self.skip_missed(item).await?,
            }
        }
        Ok(())
    }

    /// Tells a `CronJob`'s controller that a run was begun now: it makes up for none before.
    async fn skip_missed(&self, item: &WriteItem) -> Result<(), Wrote<Settlement>> {
        let now = self.deps.clock.now();
        // A copy that comes late finds it going on, and changes nothing.
        let patch = serde_json::from_value(json!([
            { "op": "test", "path": "/metadata/uid", "value": self.target.uid.as_str() },
            { "op": "test", "path": "/spec/suspend", "value": true },
            { "op": "add", "path": "/status/lastScheduleTime", "value": format!("{now:.0}") },
        ]))
        .expect("a literal patch is one");
        let clients = &self.clients.writes;
        let monotonic = self.deps.clock.monotonic_ms();
        if self.deps.leader.still_leader(monotonic).is_none() {
            return Err(Wrote::Again { after_ms: 1000 });
        }
        let said = write::patch_status(clients, &self.target, &patch, names::SKIP_MANAGER).await;
        match said {
            // Not suspended, or another object: the write that follows finds that out.
            Answer::Done(_) | Answer::Moved | Answer::Gone | Answer::Refused { code: 422, .. } => {
                Ok(())
            }
            Answer::Refused {
                reason, message, ..
            } => {
                let why = format!("missed runs cannot be skipped: {reason}: {message}");
                let outcomes = vec![refusal(Event::Stuck, item.id, &why)];
                Err(self.settled(outcomes, None))
            }
            Answer::Busy { after, .. } => Err(Wrote::Busy {
                after_ms: super::write::ms(after),
            }),
            Answer::Ambiguous(_) => Err(Wrote::Again { after_ms: 1000 }),
        }
    }
}
