//! Events: on the mode for every turn of its story, on a target only when it drifts, sticks or is
//! contested (one for every target would double the writes).

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event as Told, EventType, Recorder, Reporter};
use tokio::sync::mpsc;

use crate::api::{Condition, names};
use crate::engine::decide::shortened;
use crate::field::{Target, creation};
use crate::ledger::{Event, Ledger};

use super::executor::Settlement;
use super::mode::Mode;
use super::task;

/// Events that wait to be sent. More than these are dropped and counted: telling must never hold
/// up acting, and everything is in the journal.
const WAITING: usize = 256;
/// The longest note that the API server accepts, in bytes.
const NOTE: usize = 1024;
/// What every Event says to be done that is not about a condition.
const ACTION: &str = "Carry";

/// Where events are put; they are sent by a task of their own.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<(ObjectReference, Told)>,
}

impl Events {
    /// Starts the task that sends. It ends with the last handle.
    pub fn start(client: kube::Client, identity: String) -> Self {
        let (sender, mut waiting) = mpsc::channel::<(ObjectReference, Told)>(WAITING);
        let reporter = Reporter {
            controller: names::OPERATOR_MANAGER.into(),
            instance: Some(identity),
        };
        let recorder = Recorder::new(client, reporter);
        tokio::spawn(task::own(async move {
            while let Some((about, event)) = waiting.recv().await {
                let reason = &event.reason;
                let sent = AssertUnwindSafe(recorder.publish(&event, &about));
                match sent.catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, reason, "an event could not be sent"),
                    Err(_) => {
                        tracing::error!(reason, "pingzhan failed at an event; others are sent");
                    }
                }
            }
        }));
        Self { sender }
    }

    /// Tells something on a mode.
    pub fn mode(&self, mode: &Mode, warning: bool, reason: &str, note: &str) {
        let told = told(warning, reason, ACTION, &mode.marked(note));
        self.send(about(mode), told);
    }

    /// Tells that a condition of a mode has become true, or is so for another reason.
    ///
    /// Guarantees: each reason is an Event of its own. Of those that differ in their notes only, the
    /// recorder counts the later ones for some minutes, and shows the first one's note.
    pub(super) fn condition(&self, mode: &Mode, said: &Condition) {
        let note = format!("{}: {}", said.reason, said.message);
        let told = told(true, &said.type_, &said.reason, &mode.marked(&note));
        self.send(about(mode), told);
    }

    /// Tells on targets what went wrong with them.
    pub(super) fn settled(&self, mode: &Mode, ledger: &Ledger, settlements: &[Settlement]) {
        for outcome in settlements
            .iter()
            .flat_map(|settlement| &settlement.outcomes)
        {
            let reason = match outcome.event {
                Event::Drifted => "Drifted",
                Event::Stuck => "Stuck",
                Event::Refused => "Refused",
                Event::Applied
                | Event::Withdrawn
                | Event::Overtaken
                | Event::Superseded
                | Event::Reasserted
                | Event::Ours
                | Event::Kept
                | Event::Turned
                | Event::Reverted
                | Event::OwnersBack
                | Event::Gone => continue,
            };
            for entry in outcome
                .entries
                .iter()
                .filter_map(|id| ledger.entries.get(*id))
            {
                let why = outcome.reason.as_deref().unwrap_or("no reason was given");
                let note = format!(
                    "EmergencyMode {}: {}: {why}",
                    mode.id.name,
                    entry.path.to_pointer()
                );
                self.target(&entry.target, reason, &mode.marked(&note));
            }
        }
    }

    /// Tells something on a target.
    pub fn target(&self, target: &Target, reason: &str, note: &str) {
        let about = ObjectReference {
            api_version: Some(target.api_version.clone()),
            kind: Some(target.kind.clone()),
            namespace: Some(target.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            name: Some(target.name.clone()),
            // One that is made has none that the server knows.
            uid: Some(target.uid.to_string()).filter(|uid| !creation::is(uid)),
            ..ObjectReference::default()
        };
        self.send(about, told(true, reason, ACTION, note));
    }

    fn send(&self, about: ObjectReference, event: Told) {
        if let Err(error) = self.sender.try_send((about, event)) {
            let (_, event) = error.into_inner();
            tracing::warn!(
                reason = event.reason,
                "too many events wait to be sent; this one is in the journal only"
            );
        }
    }
}

fn about(mode: &Mode) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{}/{}", names::GROUP, names::VERSION)),
        kind: Some("EmergencyMode".into()),
        name: Some(mode.id.name.clone()),
        uid: Some(mode.id.uid.clone()),
        ..ObjectReference::default()
    }
}

fn told(warning: bool, reason: &str, action: &str, note: &str) -> Told {
    Told {
        type_: if warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: reason.to_owned(),
        note: Some(shortened(note, NOTE)),
        action: action.to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Fake, reply};
    use crate::run::mode::sample;

    /// A note that is longer than the API server takes is heard by nobody.
    #[test]
    fn a_note_is_cut_to_what_the_api_server_takes() {
        let note = |text: &str| told(true, "Blocked", ACTION, text).note.expect("a note");
        let cut = note(&"演练".repeat(NOTE));
        assert!(cut.len() <= NOTE && cut.ends_with('…'), "{}", cut.len());
        assert!(cut.len() > NOTE - 6, "{}", cut.len());
        let whole = "a".repeat(NOTE);
        assert_eq!(note(&whole), whole);
    }

    /// Whatever the program fails at must not be the last thing that anybody is told.
    #[tokio::test(start_paused = true)]
    async fn an_event_at_which_the_program_fails_keeps_no_other_from_being_told() {
        let server = Fake::new(|asked| {
            assert_ne!(asked.body["reason"], "Broken", "on purpose");
            reply(201, asked.body.clone())
        });
        let events = Events::start(server.client(), "a".to_owned());
        let mode = sample("flood");
        for reason in ["Broken", "Granted"] {
            events.mode(&mode, false, reason, "a note");
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let asked = server.requests();
        let sent = asked.iter().map(|one| &one.body["reason"]);
        assert_eq!(
            sent.collect::<Vec<_>>(),
            [&json!("Broken"), &json!("Granted")]
        );
    }

    /// The API's client makes one Event of those of one reason, with the words of the first: what is worse
    /// by then must not be lost in it.
    #[tokio::test(start_paused = true)]
    async fn another_reason_of_the_same_condition_is_an_event_of_its_own() {
        let server = Fake::new(|asked| reply(201, asked.body.clone()));
        let events = Events::start(server.client(), "a".to_owned());
        let mode = sample("flood");
        for reason in ["QuarterOfTermLeft", "TenthOfTermLeft", "TenthOfTermLeft"] {
            let said = Condition {
                type_: "Expiring".to_owned(),
                status: "True".to_owned(),
                reason: reason.to_owned(),
                message: "the term ends".to_owned(),
                last_transition_time: jiff::Timestamp::UNIX_EPOCH,
                observed_generation: 1,
            };
            events.condition(&mode, &said);
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let asked = server.requests();
        let sent = asked.iter().map(|one| (&*one.method, &one.body["note"]));
        let quarter = json!("QuarterOfTermLeft: the term ends");
        let tenth = json!("TenthOfTermLeft: the term ends");
        let expected = [("POST", &quarter), ("POST", &tenth), ("PATCH", &tenth)];
        assert_eq!(sent.collect::<Vec<_>>(), expected);
        assert!(asked.iter().all(|one| one.body["reason"] == "Expiring"));
    }
}
