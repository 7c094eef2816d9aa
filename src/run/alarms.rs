//! Alarms: what nobody may miss is sent over the channels that the operator's configuration names for
//! it, whatever a playbook says.
//!
//! Guarantees: sending holds nothing up; each alarm is sent at least once by each leader, always under
//! the same id, so that a receiver that has seen it does nothing; what does not arrive within half an
//! hour is counted and said in the log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
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
                        let sent = send(&signals, &channel, &sending, &metrics, clock);
                        if AssertUnwindSafe(sent).catch_unwind().await.is_err() {
                            metrics.panics.inc();
                            given_up(&channel, sending.reason, &metrics);
                        }
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
    given_up(channel, reason, metrics);
}

/// An alarm does not arrive over a channel.
fn given_up(channel: &str, reason: &'static str, metrics: &Metrics) {
    let labels = AlarmLabels { reason };
    metrics.alarms_missed.get_or_create(&labels).inc();
    tracing::error!(
        channel,
        reason,
        "an alarm was given up: look at the channel"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::{HeaderMap, Method, StatusCode};
    use jiff::Timestamp;

    use super::*;
    use crate::api::Nature;
    use crate::engine::decide::BREAK_GLASS;
    use crate::run::mode::sample;
    use crate::run::signal::http::Reply;
    use crate::run::signal::{self, sign::Key};

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// One try that reached a receiver: when, over which channel, and what it was.
    struct Heard {
        at: Timestamp,
        channel: String,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    type Receiver = Arc<Mutex<Vec<Heard>>>;

    fn begin() -> Timestamp {
        "2026-07-01T08:00:00Z".parse().expect("a time")
    }

    /// The file of an operator that has these channels, and tells alarms over those.
    fn read(channels: &[&str], alarms: &[&str]) -> Result<Signals, signal::Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        let (key, file) = (place("key"), place("signals.yaml"));
        std::fs::write(&key, KEY).expect("it is written");
        let channels = channels.iter().map(|name| {
            json!({ "name": name, "url": format!("https://duty.example.com/{name}"), "keyFile": key })
        });
        let text = json!({ "channels": channels.collect::<Vec<_>>(), "alarms": alarms });
        std::fs::write(&file, text.to_string()).expect("it is written");
        Signals::read(file)
    }

    /// Alarms over these channels, of which each answers what its name says.
    fn alarms(channels: &[&str]) -> (Alarms, Metrics, Receiver) {
        let receiver = Receiver::default();
        let clock = Clock::from(begin());
        let into = receiver.clone();
        let answer = move |_: &Method, url: &str, headers: &HeaderMap, body: &[u8]| {
            let channel = url.rsplit('/').next().unwrap_or_default().to_owned();
            let status = StatusCode::from_bytes(channel.as_bytes()).expect("a code");
            let heard = Heard {
                at: clock.now(),
                channel,
                headers: headers.clone(),
                body: body.to_vec(),
            };
            into.lock().expect("nobody panicked").push(heard);
            let body = bytes::Bytes::new();
            Reply { status, body }
        };
        let signals = read(channels, channels).expect("a signals file");
        let signals = Arc::new(signals.played(Arc::new(answer)));
        let metrics = Metrics::new();
        let alarms = Alarms::start(signals, metrics.clone(), clock);
        (alarms, metrics, receiver)
    }

    fn object() -> EmergencyMode {
        let spec = json!({ "playbookRef": { "name": "flood-response" }, "level": "II", "reason": "rain",
            "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" });
        EmergencyMode::new("flood", serde_json::from_value(spec).expect("a mode"))
    }

    fn alarm() -> Alarm {
        Alarm {
            reason: BREAK_GLASS,
            occasion: String::new(),
            sentence: "wang acted without quorum".to_owned(),
        }
    }

    /// How many alarms were told, and how many did not arrive over a channel.
    fn counted(metrics: &Metrics) -> (u64, u64) {
        let labels = AlarmLabels {
            reason: BREAK_GLASS,
        };
        let told = metrics.alarms.get_or_create(&labels).get();
        let missed = metrics.alarms_missed.get_or_create(&labels).get();
        (told, missed)
    }

    /// Who receives an alarm must be able to tell that it is ours, what it is about, and that it is an
    /// exercise, without having read anything of ours.
    #[tokio::test(start_paused = true)]
    async fn an_alarm_is_signed_and_says_all_that_a_pager_needs() {
        let (alarms, metrics, receiver) = alarms(&["204"]);
        let mode = sample("flood");
        mode.set_nature(Nature::Exercise);
        alarms.tell(&mode, &object(), &alarm());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let came = receiver.lock().expect("nobody panicked");
        let [heard] = came.as_slice() else {
            panic!("one arrived")
        };
        let body: Value = serde_json::from_slice(&heard.body).expect("JSON");
        let expected = json!({
            "alarm": "BreakGlass", "mode": "flood", "playbook": "flood-response", "level": "II",
            "nature": "Actual", "severity": "High", "message": {
                "en": "EXERCISE/演练: wang acted without quorum",
                "zh-CN": "EXERCISE/演练: 应急越权：未经会签即启动，须由他人在期限内复核",
            },
        });
        assert_eq!(body, expected);
        let key = Key::read(KEY).expect("a key");
        let signed = key.headers("0a1b2c3d/BreakGlass/", begin().as_second(), &heard.body);
        for (name, value) in &signed {
            assert_eq!(heard.headers.get(name), Some(value), "{name}");
        }
        assert_eq!(counted(&metrics), (1, 0));
    }

    /// A receiver that is away for a while must get it when it is back, and one that never is must not be
    /// asked for ever.
    #[tokio::test(start_paused = true)]
    async fn what_does_not_arrive_is_tried_ever_later_for_half_an_hour_and_then_counted() {
        let (alarms, metrics, receiver) = alarms(&["503"]);
        alarms.tell(&sample("flood"), &object(), &alarm());
        tokio::time::sleep(Duration::from_mins(20)).await;
        assert_eq!(counted(&metrics), (1, 0), "it is still tried");
        tokio::time::sleep(Duration::from_hours(1)).await;
        let came = receiver.lock().expect("nobody panicked");
        let gaps = came.windows(2).map(|pair| {
            let gap = pair[1].at.duration_since(pair[0].at);
            gap.as_secs()
        });
        let gaps: Vec<i64> = gaps.collect();
        assert_eq!(gaps[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert!(gaps[7..].iter().all(|gap| *gap == 60), "{gaps:?}");
        let whole = gaps.iter().sum::<i64>();
        assert!((25 * 60..=30 * 60).contains(&whole), "{whole} s");
        assert_eq!(came.len(), TRIES);
        let id = |heard: &Heard| heard.headers["webhook-id"].clone();
        assert!(came.iter().all(|one| id(one) == id(&came[0])));
        assert_eq!(counted(&metrics), (1, 1));
    }

    /// Half an hour of the same refusal tells nobody anything.
    #[tokio::test(start_paused = true)]
    async fn what_another_try_cannot_change_is_counted_at_once() {
        let (alarms, metrics, receiver) = alarms(&["403"]);
        alarms.tell(&sample("flood"), &object(), &alarm());
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(receiver.lock().expect("nobody panicked").len(), 1);
        assert_eq!(counted(&metrics), (1, 1));
    }

    /// The second channel is there for when the first is down.
    #[tokio::test(start_paused = true)]
    async fn a_channel_that_is_down_does_not_hold_up_another_one() {
        let (alarms, metrics, receiver) = alarms(&["503", "204"]);
        for _ in 0..2 {
            alarms.tell(&sample("flood"), &object(), &alarm());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let came = receiver.lock().expect("nobody panicked");
        let over = |channel: &str| {
            let all = came.iter().filter(|one| one.channel == channel);
            all.count()
        };
        assert_eq!((over("503"), over("204")), (2, 2));
        assert_eq!(counted(&metrics), (2, 0));
    }

    /// A pager that stays silent must be seen somewhere, also where it is the program that failed at it.
    #[tokio::test(start_paused = true)]
    async fn an_alarm_at_which_the_program_fails_is_counted_and_holds_up_no_other() {
        // The receiver knows no code of the first channel, and panics.
        let (alarms, metrics, receiver) = alarms(&["on-purpose", "204"]);
        for _ in 0..2 {
            alarms.tell(&sample("flood"), &object(), &alarm());
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
        let came = receiver.lock().expect("nobody panicked with it");
        assert_eq!(came.len(), 2);
        assert!(came.iter().all(|one| one.channel == "204"));
        assert_eq!(counted(&metrics), (2, 2));
    }

    /// Telling is done in the middle of a decision: whatever becomes of it, the mode goes on at once.
    #[tokio::test(start_paused = true)]
    async fn telling_never_waits_and_what_there_is_no_room_for_is_counted() {
        let (alarms, metrics, receiver) = alarms(&["204"]);
        let (mode, object) = (sample("flood"), object());
        for _ in 0..WAITING + 5 {
            alarms.tell(&mode, &object, &alarm());
        }
        let all = u64::try_from(WAITING + 5).expect("a number");
        assert_eq!(counted(&metrics), (all, 5));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let came = receiver.lock().expect("nobody panicked");
        assert_eq!(came.len(), WAITING);
    }

    /// Without a channel an alarm is still counted, for whoever watches the metrics.
    #[tokio::test(start_paused = true)]
    async fn without_a_channel_an_alarm_is_counted_and_nothing_is_missed() {
        for signals in [Signals::default(), read(&["204"], &[]).expect("a file")] {
            let (metrics, clock) = (Metrics::new(), Clock::from(begin()));
            let alarms = Alarms::start(Arc::new(signals), metrics.clone(), clock);
            alarms.tell(&sample("flood"), &object(), &alarm());
            tokio::time::sleep(Duration::from_hours(1)).await;
            assert_eq!(counted(&metrics), (1, 0));
        }
    }

    /// A misspelt channel would be found in the emergency: it is found when the operator starts.
    #[test]
    fn a_channel_that_is_not_there_is_said_when_the_file_is_read() {
        let said = read(&["duty", "districts"], &["duty", "pager"]);
        let said = said.expect_err("it is refused").to_string();
        let says = "alarms go over channel pager, which it does not have: add it to `channels`";
        assert!(said.ends_with(says), "{said}");
    }
}
