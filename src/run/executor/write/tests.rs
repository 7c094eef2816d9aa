//! What is journalled of a write that the server refuses.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::json;

use super::super::testing::{deps, entry, target};
use super::*;
use crate::cluster::fake::{Fake, reply};
use crate::field::project::project;
use crate::run::clock::Clock;
use crate::run::mode::sample;

/// A server that does not answer the first writes and refuses the others. The object stays as it is.
fn refusing(object: &serde_json::Value, unanswered: usize) -> Fake {
    let (object, tries) = (object.clone(), AtomicUsize::new(0));
    Fake::new(move |asked| match asked.method.as_str() {
        "PATCH" if tries.fetch_add(1, Ordering::Relaxed) < unanswered => None,
        "PATCH" => reply(
            403,
            json!({ "kind": "Status", "reason": "Forbidden", "message": "no", "code": 403 }),
        ),
        _ => reply(200, object.clone()),
    })
}

/// A refusal is the last word of a change: nothing of it is brought back. Said while an earlier try without
/// an answer may still arrive, our value would stand with nothing in the journal that speaks of it. Where
/// no such try can be under way, people read of a refusal at once.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_said_once_no_earlier_try_may_arrive() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "portal", "uid": "web", "generation": 1,
            "resourceVersion": "1" },
        "spec": { "replicas": 3 },
    });
    let sight = project(&object, "deployments", &[entry().path], false).expect("an object");
    let sight = Arc::new(sight);
    let task = || Task {
        target: target(),
        sight: Some(sight.clone()),
        act: Act::Switch(vec![SwitchItem::new(entry(), Some(EntryId(1)))]),
    };
    // How many tries had no answer, the first change of this process, and whether it waits.
    for (unanswered, own_from, waits) in [(1, 1, true), (0, 2, true), (0, 1, false)] {
        let row = format!("{unanswered} unanswered, own from {own_from}");
        let clients = Clients::fake(&refusing(&object, unanswered).client());
        let deps = deps(&clients, Clock::from(Timestamp::UNIX_EPOCH));
        let cell = sample("flood");
        cell.act_as(clients);
        cell.state.lock().await.own_from = EntryId(own_from);
        if waits {
            let wrote = write(&deps, &cell, task()).await;
            let is_later = matches!(wrote, Wrote::Again { after_ms } if after_ms > 9_000);
            assert!(is_later, "{row}: {wrote:?}");
            tokio::time::sleep(Duration::from_secs(11)).await;
        }
        let wrote = write(&deps, &cell, task()).await;
        let Wrote::Settled(settled) = &wrote else {
            panic!("{row}: {wrote:?}");
        };
        let said: Vec<Event> = settled[0].outcomes.iter().map(|one| one.event).collect();
        assert_eq!(said, [Event::Refused], "{row}");
    }
}
