//! What an actor tells: status, metrics, and that its mode is over.

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::condition::{self, types};
use crate::api::{EmergencyMode, EmergencyModeStatus, names};
use crate::engine::decide::{Alarm, Decision, OVERDUE};
use crate::run::{publish, records};

use super::{Actor, Memory};

/// Conditions whose coming true is an Event on the mode.
const TROUBLES: [&str; 6] = [
    types::BLOCKED,
    types::DEGRADED,
    types::DRIFTED,
    types::CONTESTED,
    types::EXPIRING,
    types::KEPT_IN_GIT,
];

impl Actor {
    /// Says what was decided. Where the server does not take it, says when to say it again.
    ///
    /// Guarantees: a mode is marked for the admission policy only after its status says what is
    /// refused.
    pub(super) async fn publish(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        decision: &Decision,
    ) -> Option<Timestamp> {
        self.count(memory, decision);
        let object = object?;
        let again = self.say(memory, object, decision).await;
        self.alarm(memory, object, &decision.alarms);
        if again.is_some() {
            return again;
        }
        self.mark(memory, object, !decision.status.denies.is_empty())
            .await
    }

    /// Marks the mode for the admission policy that refuses new objects, or takes the mark away.
    async fn mark(
        &self,
        memory: &mut Memory,
        object: &EmergencyMode,
        wanted: bool,
    ) -> Option<Timestamp> {
        let version = version(memory, object);
        let is_stale = memory.versions.len() > 1;
        let seen = object.labels().contains_key(names::DENIES_LABEL);
        let is_marked = memory.marked.filter(|_| is_stale).unwrap_or(seen);
        if is_marked == wanted {
            return None;
        }
        let now = self.deps.clock.monotonic_ms();
        self.deps.leader.still_leader(now)?;
        match publish::mark(&self.own.writes, object, &version, wanted).await {
            Ok(version) => {
                memory.marked = Some(wanted);
                memory.versions.push(version);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the mode is marked again later");
                Some(self.soon())
            }
        }
    }

    async fn say(
        &self,
        memory: &mut Memory,
        object: &EmergencyMode,
        decision: &Decision,
    ) -> Option<Timestamp> {
        let known = memory.published.as_ref().or(object.status.as_ref());
        if known == Some(&decision.status) {
            return None;
        }
        let now = self.deps.clock.monotonic_ms();
        self.deps.leader.still_leader(now)?;
        let before = known.cloned().unwrap_or_default();
        let version = version(memory, object);
        let written = publish::status(
            &self.own.writes,
            &self.mode.id.name,
            &self.mode.id.uid,
            &version,
            &decision.status,
        )
        .await;
        let again = match written {
            Ok(version) => {
                memory.published = Some(decision.status.clone());
                memory.versions.push(version);
                None
            }
            // What moved it wakes the actor, which decides and writes anew. A server under load also
            // says so where nothing has, and then nothing wakes anybody.
            Err(publish::Error::Moved { .. }) => return Some(self.soon()),
            Err(error) => {
                tracing::warn!(%error, "the status is written again later");
                Some(self.soon())
            }
        };
        self.warn(&before, &decision.status);
        self.name_rivals(memory, decision).await;
        again
    }

    /// An Event on the mode for every trouble that is new.
    fn warn(&self, before: &EmergencyModeStatus, now: &EmergencyModeStatus) {
        for type_ in TROUBLES {
            let known = condition::get(&before.conditions, type_);
            let Some(said) = condition::get(&now.conditions, type_) else {
                continue;
            };
            let same = known
                .is_some_and(|known| known.status == said.status && known.reason == said.reason);
            if said.status == "True" && !same {
                self.deps.events.condition(&self.mode, said);
            }
        }
    }

    /// Tells at once of what nobody may miss, each once.
    fn alarm(&self, memory: &mut Memory, object: &EmergencyMode, alarms: &[Alarm]) {
        for alarm in alarms {
            if !memory
                .alarmed
                .insert((alarm.reason, alarm.occasion.clone()))
            {
                continue;
            }
            if !alarm.is_told_by_events() {
                let note = &alarm.sentence;
                self.deps.events.mode(&self.mode, true, alarm.reason, note);
            }
            self.deps.alarms.tell(&self.mode, object, alarm);
        }
        let overdue = alarms.iter().any(|alarm| alarm.reason == OVERDUE);
        self.deps.metrics.review(&self.mode.id.name, overdue);
    }

    /// An Event on a target that somebody keeps changing, once.
    async fn name_rivals(&self, memory: &mut Memory, decision: &Decision) {
        let contested = decision.contested();
        if contested.keys().all(|uid| memory.contested.contains(uid)) {
            memory.contested.retain(|uid| contested.contains_key(uid));
            return;
        }
        let state = self.mode.state.lock().await;
        for entry in state.ledger.live() {
            let uid = &entry.target.uid;
            if let Some(rival) = contested.get(uid)
                && memory.contested.insert(uid.clone())
            {
                let mode = &self.mode.id.name;
                let note =
                    format!("EmergencyMode {mode}: {rival} keeps putting another value back");
                let note = self.mode.marked(&note);
                self.deps.events.target(&entry.target, "Contested", &note);
            }
        }
    }

    fn count(&self, memory: &mut Memory, decision: &Decision) {
        if let Some(counted) = &mut memory.counted {
            counted.is_in(decision.status.phase);
        }
        let drifted = decision.status.counts.map_or(0, |counts| counts.drifted);
        self.deps
            .metrics
            .trouble(&self.mode.id.name, drifted, decision.contested().len());
        self.deps
            .metrics
            .last_decision_seconds
            .set(self.deps.clock.now().as_second() as f64);
    }

    /// A record that is refused keeps the mode where it is: that is said, though nothing else goes on.
    pub(super) async fn say_refused(&self, memory: &mut Memory) {
        if self.mode.state.lock().await.refused.is_none() {
            return;
        }
        let object = self.object.borrow().clone();
        let playbooks = self.playbooks.borrow().clone();
        let (decision, _) = self.decide(memory, object.as_deref(), &playbooks).await;
        // The turn that failed is taken again soon in any case.
        let _ = self.publish(memory, object.as_deref(), &decision).await;
    }

    /// The mode is over: its records may go their way, then its object.
    pub(super) async fn finish(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
    ) -> Result<(), String> {
        if memory.finished {
            return Ok(());
        }
        memory.holds = None;
        // What is left of a damaged journal is all that says what was there: it is held.
        if self.mode.state.lock().await.damage.is_none() {
            records::release(&self.own, &self.mode.id)
                .await
                .map_err(|error| error.to_string())?;
        }
        if let Some(object) = object {
            publish::release(&self.own.writes, object)
                .await
                .map_err(|error| error.to_string())?;
        }
        memory.finished = true;
        Ok(())
    }

    /// A failure of the program itself is said on the mode and confined to it. What is decided next is written
    /// over it, also where it is what was said before.
    pub(super) async fn panicked(&self, memory: &mut Memory) {
        self.deps.metrics.panics.inc();
        tracing::error!(
            mode = self.mode.id.name,
            "pingzhan failed at this mode; others go on"
        );
        let published = memory.published.take();
        let clock = &self.deps.clock;
        let leads = self.deps.leader.still_leader(clock.monotonic_ms());
        let object = self.object.borrow().clone();
        let Some(object) = object.filter(|_| leads.is_some()) else {
            return;
        };
        let version = version(memory, &object);
        let status = published.or_else(|| object.status.clone());
        let own = &self.own.writes;
        let told = publish::panicked(own, &object, &version, status, clock.now()).await;
        match told {
            Ok(version) => memory.versions.push(version),
            Err(error) => tracing::warn!(%error, "the failure could not be published"),
        }
    }
}

/// The version that the object has by all that we know: as last seen, or what our own later writes
/// made of it.
fn version(memory: &mut Memory, object: &EmergencyMode) -> String {
    let seen = object.resource_version().unwrap_or_default();
    match memory.versions.iter().position(|known| *known == seen) {
        Some(place) => drop(memory.versions.drain(..place)),
        None => memory.versions = vec![seen],
    }
    memory.versions.last().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Fake, reply};
    use crate::run::lease::Leader;
    use crate::run::testing;

    /// Whoever leads by now has said what is true: one that was deposed while it failed must not say on the
    /// mode that it is blocked.
    #[tokio::test]
    async fn a_failure_is_said_only_by_whoever_leads() {
        let fake = Fake::new(|_| reply(200, serde_json::to_value(testing::mode()).expect("JSON")));
        for (leader, writes) in [(testing::follower(&fake), 0), (Leader::fixed(1), 1)] {
            let actor = testing::actor(testing::crew(&fake, leader), testing::mode());
            actor.panicked(&mut Memory::default()).await;
            let asked = fake.addresses();
            let written = asked.iter().filter(|one| one.contains("/flood/status"));
            assert_eq!(written.count(), writes, "{asked:?}");
        }
    }
}
