//! Every metric of the operator, in one struct that is handed to who counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// First bucket of write latencies, seconds: below a local API server's fastest answer.
const FIRST_BUCKET_S: f64 = 0.002;
/// Buckets, each twice the one before: the last ends at 8 s, which the server is told as timeout.
const BUCKETS: u16 = 13;

/// How a write ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct WriteLabels {
    /// `done`, `moved`, `refused`, `busy`, `ambiguous`, `gone` or `panicked`.
    pub outcome: &'static str,
}

/// A kind of record.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RecordLabels {
    /// `plan`, `intents`, `outcomes` or `turn`.
    pub body: &'static str,
}

/// A kind of request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// The HTTP method.
    pub verb: &'static str,
    /// The status code; 0 for none.
    pub code: u16,
}

/// A phase of modes.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PhaseLabels {
    /// `Pending`, `Activating`, `Active`, `Restoring` or `Closed`.
    pub phase: &'static str,
}

/// A mode.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ModeLabels {
    /// Its name.
    pub mode: String,
}

/// An alarm.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct AlarmLabels {
    /// What it is about, as in the mode's conditions.
    pub reason: &'static str,
}

/// A playbook.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PlaybookLabels {
    /// Its name.
    pub playbook: String,
}

/// The metrics. Clones count into the same numbers.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Writes of targets, by how they ended.
    pub writes: Family<WriteLabels, Counter>,
    /// How long writes of targets took.
    pub write_seconds: Histogram,
    /// Records that were stored.
    pub records: Family<RecordLabels, Counter>,
    /// Bytes of the records that were stored.
    pub record_bytes: Counter,
    /// Requests to the API server.
    pub requests: Family<RequestLabels, Counter>,
    /// Modes in each phase.
    pub modes: Family<PhaseLabels, Gauge>,
    /// Fields that are not what we left, by mode.
    pub drifted: Family<ModeLabels, Gauge>,
    /// Targets that a rival keeps changing, by mode.
    pub contested: Family<ModeLabels, Gauge>,
    /// Alarms, by what they are about.
    pub alarms: Family<AlarmLabels, Counter>,
    /// Alarms that did not arrive over a channel.
    pub alarms_missed: Family<AlarmLabels, Counter>,
    /// 1 for a mode whose act without quorum nobody has reviewed in time.
    pub reviews_overdue: Family<ModeLabels, Gauge>,
    /// 1 while the API server does not enforce the rules of authority: policies, bindings and kinds without
    /// which nothing is begun. Of the others, see `rules_lapsed`.
    pub rules_broken: Gauge,
    /// How many of the policies and bindings without which modes go on are not as they are shipped: those of
    /// freezes, of objects that are made, of new targets, and of advice. A mode that relies on one is
    /// `Degraded`, reason `RulesLapsed`.
    pub rules_lapsed: Gauge,
    /// 1 for each playbook that is ready, 0 for one that is not, as far as this process has looked.
    pub ready: Family<PlaybookLabels, Gauge>,
    /// 1 while this process leads.
    pub leader: Gauge,
    /// Works that are queued or in flight.
    pub queue_depth: Gauge,
    /// Writes in flight.
    pub writes_in_flight: Gauge,
    /// The present limit of writes in flight.
    pub write_limit: Gauge,
    /// Panics that were caught and confined to a mode, a write, a playbook or an alarm.
    pub panics: Counter,
    /// The time of the last finished decision, Unix seconds: stands still when loops hang.
    pub last_decision_seconds: Gauge<f64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            writes: Family::default(),
            write_seconds: Histogram::new(exponential_buckets(FIRST_BUCKET_S, 2.0, BUCKETS)),
            records: Family::default(),
            record_bytes: Counter::default(),
            requests: Family::default(),
            modes: Family::default(),
            drifted: Family::default(),
            contested: Family::default(),
            alarms: Family::default(),
            alarms_missed: Family::default(),
            reviews_overdue: Family::default(),
            rules_broken: Gauge::default(),
            rules_lapsed: Gauge::default(),
            ready: Family::default(),
            leader: Gauge::default(),
            queue_depth: Gauge::default(),
            writes_in_flight: Gauge::default(),
            write_limit: Gauge::default(),
            panics: Counter::default(),
            last_decision_seconds: Gauge::default(),
        };
        let mut registry = Registry::with_prefix("pingzhan");
        metrics.register_work(&mut registry);
        metrics.register_state(&mut registry);
        metrics.register_alarms(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }

    fn register_work(&self, to: &mut Registry) {
        to.register(
            "target_writes",
            "Writes of targets, by how they ended",
            self.writes.clone(),
        );
        to.register_with_unit(
            "target_write_duration",
            "How long writes of targets took",
            Unit::Seconds,
            self.write_seconds.clone(),
        );
        to.register(
            "records_stored",
            "Journal records stored, by body",
            self.records.clone(),
        );
        to.register_with_unit(
            "records_size",
            "Size of the journal records stored",
            Unit::Bytes,
            self.record_bytes.clone(),
        );
        to.register(
            "api_requests",
            "Requests to the API server, by verb and status code (0: no answer)",
            self.requests.clone(),
        );
        to.register(
            "panics",
            "Panics that were caught and confined",
            self.panics.clone(),
        );
    }

    fn register_alarms(&self, to: &mut Registry) {
        to.register("alarms", "Alarms, by reason", self.alarms.clone());
        to.register(
            "alarms_missed",
            "Alarms that did not arrive over a channel, by reason",
            self.alarms_missed.clone(),
        );
    }

    fn register_state(&self, to: &mut Registry) {
        to.register("modes", "Emergency modes, by phase", self.modes.clone());
        to.register(
            "drifted_fields",
            "Fields that others changed",
            self.drifted.clone(),
        );
        to.register(
            "contested_targets",
            "Targets with a rival",
            self.contested.clone(),
        );
        to.register(
            "reviews_overdue",
            "1 for a mode whose act without quorum nobody has reviewed in time",
            self.reviews_overdue.clone(),
        );
        to.register(
            "rules_broken",
            "1 while the API server does not enforce the rules of authority",
            self.rules_broken.clone(),
        );
        to.register(
            "rules_lapsed",
            "Policies and bindings that modes may rely on and that are not as they are shipped",
            self.rules_lapsed.clone(),
        );
        to.register(
            "playbook_ready",
            "1 for a playbook that is ready, 0 for one that is not",
            self.ready.clone(),
        );
        to.register("leader", "1 while this process leads", self.leader.clone());
        to.register(
            "queue_depth_works",
            "Works queued or in flight",
            self.queue_depth.clone(),
        );
        to.register(
            "writes_in_flight",
            "Writes in flight",
            self.writes_in_flight.clone(),
        );
        to.register(
            "write_limit",
            "Limit of writes in flight",
            self.write_limit.clone(),
        );
        to.register_with_unit(
            "last_decision_timestamp",
            "Unix time of the last finished decision",
            Unit::Seconds,
            self.last_decision_seconds.clone(),
        );
    }

    /// The text that a scrape gets, in the `OpenMetrics` format.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dashboards and alerts are written against these names: a change must be seen in review.
    #[test]
    fn names_types_and_units_are_a_contract() {
        let metrics = Metrics::new();
        metrics
            .writes
            .get_or_create(&WriteLabels { outcome: "done" })
            .inc();
        let labels = ModeLabels {
            mode: "flood".to_owned(),
        };
        metrics.drifted.get_or_create(&labels).set(2);
        let labels = PlaybookLabels {
            playbook: "flood".to_owned(),
        };
        metrics.ready.get_or_create(&labels).set(1);
        metrics.write_seconds.observe(0.004);
        let text = metrics.text().expect("text");
        let lines = text.lines().filter(|line| !line.contains("_bucket"));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }
}
