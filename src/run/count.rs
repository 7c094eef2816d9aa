//! What the clients, the executor and the actors count, on [`Metrics`].

use std::sync::Arc;

use crate::api::{ChangeRecordSpec, Phase, RecordType};
use crate::cluster::{Answer, Count};

use super::metrics::{Metrics, ModeLabels, PhaseLabels, RecordLabels, RequestLabels, WriteLabels};

impl Metrics {
    /// Counts every request of the clients that get it.
    pub(super) fn requests_counted(&self) -> Count {
        let requests = self.requests.clone();
        Arc::new(move |verb, code| {
            requests.get_or_create(&RequestLabels { verb, code }).inc();
        })
    }

    /// A write of a target was answered.
    pub(super) fn wrote<T>(&self, answer: &Answer<T>, took_ms: u64) {
        let outcome = match answer {
            Answer::Done(_) => "done",
            Answer::Moved => "moved",
            Answer::Refused { .. } => "refused",
            Answer::Busy { .. } => "busy",
            Answer::Ambiguous(_) => "ambiguous",
            Answer::Gone => "gone",
        };
        self.writes.get_or_create(&WriteLabels { outcome }).inc();
        self.write_seconds.observe(took_ms as f64 / 1000.0);
    }

    /// A record was stored.
    pub(super) fn recorded(&self, record: &ChangeRecordSpec) {
        let body = match record.type_ {
            RecordType::Plan => "plan",
            RecordType::Intents => "intents",
            RecordType::Outcomes => "outcomes",
            RecordType::Acts => "acts",
            RecordType::Turn => "turn",
        };
        self.records.get_or_create(&RecordLabels { body }).inc();
        let bytes = serde_json::to_vec(record).map_or(0, |text| text.len());
        self.record_bytes
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A mode goes from one phase to another.
    fn moved(&self, from: Option<Phase>, to: Option<Phase>) {
        if from == to {
            return;
        }
        for (phase, by) in [(from, -1), (to, 1)] {
            if let Some(phase) = phase {
                self.modes
                    .get_or_create(&PhaseLabels { phase: word(phase) })
                    .inc_by(by);
            }
        }
    }

    /// How many fields of a mode others changed, and how many targets have a rival.
    pub(super) fn trouble(&self, mode: &str, drifted: i64, contested: usize) {
        let labels = ModeLabels {
            mode: mode.to_owned(),
        };
        self.drifted.get_or_create(&labels).set(drifted);
        let contested = i64::try_from(contested).unwrap_or(i64::MAX);
        self.contested.get_or_create(&labels).set(contested);
    }

    /// Whether nobody has reviewed in time what was done in a mode without quorum.
    pub(super) fn review(&self, mode: &str, overdue: bool) {
        let labels = ModeLabels {
            mode: mode.to_owned(),
        };
        let known = self.reviews_overdue.get_or_create(&labels);
        known.set(i64::from(overdue));
    }

    /// Counts of a mode, for as long as what is given is kept.
    pub(super) fn counted(&self, mode: &str) -> Counted {
        let labels = ModeLabels {
            mode: mode.to_owned(),
        };
        Counted {
            metrics: self.clone(),
            labels,
            phase: None,
        }
    }

    /// How much is queued, and how much of it is in flight under which limit.
    pub(super) fn flow(&self, depth: usize, flying: usize, limit: usize) {
        for (gauge, count) in [
            (&self.queue_depth, depth),
            (&self.writes_in_flight, flying),
            (&self.write_limit, limit),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// This process does not lead: how the rules and the playbooks are is for another one to say, and nothing
    /// is written. An alert on what it knew would never end.
    pub(super) fn follows(&self) {
        self.leader.set(0);
        self.rules_broken.set(0);
        self.rules_lapsed.set(0);
        self.ready.clear();
        self.flow(0, 0, 0);
    }
}

/// That somebody carries a mode out. Once nobody does, since its object is gone or another process
/// leads, nothing is told of it any more: an alert on it would never end.
pub(super) struct Counted {
    metrics: Metrics,
    labels: ModeLabels,
    phase: Option<Phase>,
}

impl Counted {
    /// In which phase the mode is.
    pub(super) fn is_in(&mut self, phase: Option<Phase>) {
        self.metrics.moved(self.phase, phase);
        self.phase = phase;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.moved(self.phase, None);
        let Metrics {
            drifted,
            contested,
            reviews_overdue,
            ..
        } = &self.metrics;
        for of_modes in [drifted, contested, reviews_overdue] {
            of_modes.remove(&self.labels);
        }
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Activating => "Activating",
        Phase::Active => "Active",
        Phase::Restoring => "Restoring",
        Phase::Closed => "Closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::PlaybookLabels;

    /// An alert on what nobody carries out any more would never end.
    #[test]
    fn what_is_counted_of_a_mode_goes_with_it() {
        let metrics = Metrics::new();
        let [flood, heat] = ["flood", "heat"].map(|mode| metrics.counted(mode));
        for mode in ["flood", "heat"] {
            metrics.trouble(mode, 2, 1);
            metrics.review(mode, true);
        }
        let of = |mode: &str| {
            let text = metrics.text().expect("text");
            let label = format!("{{mode=\"{mode}\"}} ");
            let lines = text.lines().filter(|line| line.contains(&label));
            let lines = lines.map(|line| line.replace(&label, " "));
            lines.collect::<Vec<_>>()
        };
        let all = [
            "pingzhan_drifted_fields 2",
            "pingzhan_contested_targets 1",
            "pingzhan_reviews_overdue 1",
        ];
        assert_eq!(of("flood"), all);
        metrics.review("flood", false);
        assert!(of("flood").contains(&"pingzhan_reviews_overdue 0".to_owned()));
        drop(flood);
        assert_eq!(of("flood"), [""; 0]);
        assert_eq!(of("heat"), all);
        drop(heat);
    }

    /// Playbooks wait for how many modes are in force: one that is gone, or that a process begins with for the
    /// second time, must not be counted for ever.
    #[test]
    fn a_mode_is_counted_in_one_phase_and_in_none_once_it_is_gone() {
        let metrics = Metrics::new();
        let of = |phase| {
            let labels = PhaseLabels { phase: word(phase) };
            metrics.modes.get_or_create(&labels).get()
        };
        for _ in 0..2 {
            let mut flood = metrics.counted("flood");
            for phase in [Phase::Pending, Phase::Active, Phase::Active] {
                flood.is_in(Some(phase));
            }
            assert_eq!((of(Phase::Pending), of(Phase::Active)), (0, 1));
        }
        assert_eq!(of(Phase::Active), 0);
    }

    /// Another process leads, and says how everything is: what this one knew last is no news of it.
    #[test]
    fn who_does_not_lead_says_nothing_of_rules_and_playbooks() {
        let metrics = Metrics::new();
        let labels = PlaybookLabels {
            playbook: "flood".to_owned(),
        };
        metrics.leader.set(1);
        metrics.rules_broken.set(1);
        metrics.rules_lapsed.set(2);
        metrics.ready.get_or_create(&labels).set(0);
        metrics.flow(7, 3, 8);
        metrics.follows();
        let text = metrics.text().expect("text");
        assert!(!text.contains("playbook=\"flood\""), "{text}");
        let told = [
            "leader",
            "rules_broken",
            "rules_lapsed",
            "queue_depth_works",
            "writes_in_flight",
        ];
        for name in told {
            assert!(
                text.contains(&format!("pingzhan_{name} 0\n")),
                "{name} in {text}"
            );
        }
    }
}
