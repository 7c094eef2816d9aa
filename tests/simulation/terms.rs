//! O7 of time: a plan is in force for its term, not shorter and not longer, but for what the clocks are
//! wrong by. Exactly that, and never more: each moment is judged by the clock of the very process that
//! decided, as far ahead as it was then.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pingzhan::api::{ChangeRecordSpec, EmergencyModeSpec, Level, Turn, TurnKind};
use pingzhan::engine::plan::store;
use pingzhan::ledger::Ledger;

use super::clocks::Hands;
use super::wire::Sent;
use crate::scenarios::history::Event;

/// How long before it was stored a record was decided upon at most: it is tried again with the same
/// bytes, but not beyond the lease.
const TRIED: u64 = 60_000;

/// Everything that terms are judged by.
pub struct Terms<'a> {
    /// The right time when the first process began.
    pub morning: Timestamp,
    pub trail: &'a [Sent],
    /// The clock of a process.
    pub hands: &'a dyn Fn(usize) -> Hands,
    pub events: &'a [Event],
    pub records: &'a [(&'a Event, ChangeRecordSpec)],
    pub ledger: &'a Ledger,
}

impl Terms<'_> {
    /// Every term that is not what was approved, and every end before its time.
    pub fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut ends = None;
        let mut activated = None;
        let mut granted = BTreeSet::new();
        for (event, record) in self.records {
            let Some(turn) = &record.turn else { continue };
            match turn.kind {
                TurnKind::Granted => {
                    let at: Option<Timestamp> = record.at.parse().ok();
                    wrong.extend(self.granted(event, record.sequence, turn, activated));
                    if !granted.insert(turn.plan_hash.clone()) {
                        let sequence = record.sequence;
                        wrong.push(format!(
                            "O7: record {sequence} sets a plan in force again by what was approved once"
                        ));
                    }
                    activated = activated.or(at);
                    ends = turn.expires_at.as_ref().and_then(|at| at.parse().ok());
                }
                TurnKind::Restoring if turn.reason.as_deref() == Some("Expired") => {
                    wrong.extend(self.ended(event, record.sequence, ends));
                }
                TurnKind::Leader
                | TurnKind::Withdrawn
                | TurnKind::Restoring
                | TurnKind::Held
                | TurnKind::Closed => {}
            }
        }
        wrong
    }

    /// A term begins when the first plan comes into force: not before its quorum, and not later.
    fn granted(
        &self,
        event: &Event,
        sequence: i64,
        turn: &Turn,
        activated: Option<Timestamp>,
    ) -> Option<String> {
        let expires: Timestamp = turn.expires_at.as_ref()?.parse().ok()?;
        let hash = turn.plan_hash.as_deref()?;
        let text = self.ledger.plans.get(hash)?;
        let plan = store::load(text, hash).ok()?;
        let term = plan.expires_after.to_duration().ok()?;
        let term = SignedDuration::try_from(term).ok()?;
        let began = if let Some(activated) = activated {
            (activated, activated)
        } else {
            let (process, to) = self.written(event)?;
            let from = self.quorum(event, hash, turn.level);
            let (most, least) = (self.hands)(process).errors(from, to);
            (self.at(from) + least, self.at(to) + most)
        };
        // A term is said in whole seconds.
        let second = SignedDuration::from_secs(1);
        let is_right = began.0 + term - second < expires && expires <= began.1 + term;
        (!is_right).then(|| {
            format!(
                "O7: record {sequence} says that a term of {term:#} ends at {expires}; by its writer's \
                 clock it began between {} and {}",
                began.0, began.1
            )
        })
    }

    /// By the clock of whoever ended it, the term was over.
    fn ended(&self, event: &Event, sequence: i64, ends: Option<Timestamp>) -> Option<String> {
        let (ends, (process, at)) = (ends?, self.written(event)?);
        let (most, _) = (self.hands)(process).errors(at.saturating_sub(TRIED), at);
        let by_its_clock = self.at(at) + most;
        (by_its_clock < ends).then(|| {
            format!(
                "O7: record {sequence} ends the term of {ends}, and by the clock of process {process} it \
                 was {by_its_clock}"
            )
        })
    }

    /// The right time.
    fn at(&self, ms: u64) -> Timestamp {
        let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        self.morning + since
    }

    /// Which process stored a record, and when it sent it.
    fn written(&self, event: &Event) -> Option<(usize, u64)> {
        let made = |sent: &&Sent| sent.made.0 < event.version && event.version <= sent.made.1;
        let sent = self.trail.iter().find(made)?;
        Some((sent.process, sent.at))
    }

    /// When the last approval came that a plan needed: the server's own time of that write.
    fn quorum(&self, event: &Event, hash: &str, level: Option<Level>) -> u64 {
        let needed = super::judge::needed(level);
        let modes = self.events.iter().filter(|one| one.kind == "EmergencyMode");
        let given = |one: &&Event| {
            let spec = serde_json::from_value::<EmergencyModeSpec>(one.object["spec"].clone());
            spec.is_ok_and(|spec| super::judge::given(&spec, hash).len() >= needed)
        };
        let mut earlier = modes.take_while(|one| one.version <= event.version);
        let last = earlier.find(given).and_then(|one| {
            let entries = one.object["metadata"]["managedFields"].as_array();
            let times = entries.into_iter().flatten();
            let times = times.filter_map(|entry| entry["time"].as_str()?.parse::<Timestamp>().ok());
            times.max()
        });
        let since = last.map_or(0, |last| last.duration_since(self.morning).as_millis());
        u64::try_from(since).unwrap_or(0)
    }
}
