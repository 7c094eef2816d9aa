//! A mode that cannot be read: it is said on the object itself, which is where people look.

use std::time::Duration;

use jiff::Timestamp;
use kube::core::ObjectMeta;

use crate::api::RecordMode;
use crate::engine::decide;

use super::crew::Crew;
use super::publish;

/// The pause before it is said again where the server did not take it; each further one is twice as long.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest one.
const LONGEST: Duration = Duration::from_mins(1);
/// How often the server may say that the object has moved on: then that is so, and its watch tells of it.
const MOVED: usize = 4;

impl Crew {
    /// Says on a mode that it cannot be read, until the server takes it. Returns nobody's uid: no actor is
    /// over.
    ///
    /// Guarantees: nothing is written on an object that has changed since.
    pub(super) async fn say_malformed(self, metadata: ObjectMeta, problem: String) -> String {
        // Its journal may be in force all the same, and is read by nobody.
        let id = RecordMode {
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
        };
        self.registry.damaged(&id, problem.clone()).await;
        let clock = &self.deps.clock;
        let mut pause = AGAIN;
        let mut moved = 0;
        while self
            .deps
            .leader
            .still_leader(clock.monotonic_ms())
            .is_some()
        {
            let Err(error) = self.say_once(&id, &metadata, &problem).await else {
                break;
            };
            tracing::warn!(%error, "that a mode cannot be read could not be published");
            moved += usize::from(matches!(error, publish::Error::Moved { .. }));
            if error.is_gone() || moved == MOVED {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST);
        }
        String::new()
    }

    async fn say_once(
        &self,
        id: &RecordMode,
        metadata: &ObjectMeta,
        problem: &str,
    ) -> Result<(), publish::Error> {
        let since = metadata.creation_timestamp.as_ref();
        let since = since.map_or(Timestamp::MIN, |time| time.0);
        let generation = metadata.generation.unwrap_or_default();
        let said = decide::malformed(problem, generation, since);
        let version = metadata.resource_version.as_deref().unwrap_or_default();
        publish::say(&self.own.writes, &id.name, &id.uid, version, &said.status).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Fake, Reply, reply};
    use crate::run::lease::Leader;
    use crate::run::testing;

    /// How often it is said where the server answers so first, and then that it is well.
    async fn said(code: u16, times: usize) -> usize {
        let tries = AtomicUsize::new(0);
        let fake = Fake::new(move |_| -> Reply {
            if tries.fetch_add(1, Ordering::SeqCst) < times {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": "", "message": "not now", "code": code });
                return reply(code, status);
            }
            let object = serde_json::to_value(testing::mode());
            reply(200, object.expect("JSON"))
        });
        let crew = testing::crew(&fake, Leader::fixed(1));
        let metadata = testing::mode().metadata;
        let over = crew.say_malformed(metadata, "no level".to_owned()).await;
        assert_eq!(over, "", "no actor is over");
        let asked = fake.requests();
        for one in &asked {
            assert_eq!(one.body[1]["value"], "7", "as it was when it was read");
        }
        asked.len()
    }

    /// Whoever declared it waits for an answer: one that was lost on a busy server would be missed until the
    /// modes are listed again, which may be hours.
    #[tokio::test(start_paused = true)]
    async fn that_a_mode_cannot_be_read_is_said_until_it_is_taken() {
        for code in [429, 500, 503] {
            assert_eq!(said(code, 3).await, 4, "{code}");
        }
        assert_eq!(said(409, 1).await, 2, "a busy server says so as well");
        assert_eq!(said(409, usize::MAX).await, MOVED, "it has changed");
        assert_eq!(said(404, usize::MAX).await, 1, "it is gone");
        assert_eq!(said(422, usize::MAX).await, 1, "it is another one");
    }
}
