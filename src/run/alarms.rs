//! Alarms: what nobody may miss is sent over the channels that the operator's configuration names for
//! it, whatever a playbook says.
//!
//! Guarantees: sending holds nothing up; each alarm is sent at least once by each leader, always under
//! the same id, so that a receiver that has seen it does nothing; what does not arrive within half an
//! hour is counted and said in the log.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::api::EmergencyMode;
use crate::engine::decide::Alarm;

use super::clock::Clock;
use super::metrics::{AlarmLabels, Metrics};
use super::mode::Mode;
use super::signal::{Missed, Signals};
use super::task;

/// Alarms that wait to be sent: more than the modes that one cluster can have in trouble at a time.
const WAITING: usize = 256;
/// The first pause after a try that failed; each is twice the one before.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(1);
/// Tries of one alarm: half an hour of them.
const TRIES: usize = 35;

/// Where alarms are put; they are sent by a task of their own.
#[derive(Clone)]
pub struct Alarms {
    sender: mpsc::Sender<Sending>,
    metrics: Metrics,
}

/// An alarm on its way.
struct Sending {
    id: String,
    reason: &'static str,
    body: Value,
}

impl Alarms {
    /// Starts the task that sends. It ends with the last handle.
    pub fn start(signals: Arc<Signals>, metrics: Metrics, clock: Clock) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Sending>(WAITING);
        let counted = metrics.clone();
        tokio::spawn(task::own(async move {
            let mut under_way = JoinSet::new();
            while let Some(sending) = waiting.recv().await {
                let sending = Arc::new(sending);
                for channel in signals.alarms() {
                    let channel = channel.clone();
                    let (signals, sending) = (signals.clone(), sending.clone());
                    let metrics = metrics.clone();
                    under_way.spawn(task::own(async move {
                        send(&signals, &channel, &sending, &metrics, clock).await;
                    }));
                }
                while under_way.try_join_next().is_some() {}
            }
        }));
        Self {
            sender,
            metrics: counted,
        }
    }

    /// Tells of an alarm.
    pub fn tell(&self, mode: &Mode, object: &EmergencyMode, alarm: &Alarm) {
        let reason = alarm.reason;
        tracing::warn!(mode = mode.id.name, reason, what = alarm.sentence, "alarm");
        self.metrics
            .alarms
            .get_or_create(&AlarmLabels { reason })
            .inc();
        let body = json!({
            "alarm": reason,
            "mode": mode.id.name,
            "playbook": object.spec.playbook_ref.name,
            "level": object.spec.level,
            "nature": object.spec.nature,
            "severity": "High",
            "message": { "en": mode.marked(&alarm.sentence), "zh-CN": mode.marked(alarm.in_chinese()) },
        });
        let sending = Sending {
            id: format!("{}/{reason}/{}", mode.id.uid, alarm.occasion),
            reason,
            body,
        };
        if self.sender.try_send(sending).is_err() {
            self.missed(reason);
        }
    }

    fn missed(&self, reason: &'static str) {
        tracing::error!(
            reason,
            "too many alarms wait to be sent; this one is in the status only"
        );
        self.metrics
            .alarms_missed
            .get_or_create(&AlarmLabels { reason })
            .inc();
    }
}

async fn send(
    signals: &Signals,
    channel: &str,
    sending: &Sending,
    metrics: &Metrics,
    clock: Clock,
) {
    let Sending { id, reason, body } = sending;
    let mut pause = PAUSE;
    for _ in 0..TRIES {
        match signals.notify(channel, id, clock.now(), body).await {
            Ok(()) => return,
            Err(Missed { for_good, why }) => {
                tracing::warn!(channel, reason, why, "an alarm did not arrive");
                if for_good {
                    break;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
    let labels = AlarmLabels { reason };
    metrics.alarms_missed.get_or_create(&labels).inc();
    tracing::error!(
        channel,
        reason,
        "an alarm was given up: look at the channel"
    );
}
