//! How far apart the decisions of one mode are while it has work under way: events pour in then, and
//! each decision looks at the whole fleet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::api::EmergencyMode;

use super::RESTLESS;

/// Decisions of one mode are at least this far apart while events pour in.
const COALESCE: Duration = Duration::from_millis(500);
/// How many times as long as a decision takes the next one waits, so that deciding about thousands
/// of targets takes a fortieth of a core at most, and the API server has the rest.
const SHARE: u32 = 40;

/// Tells one word of people from the next: the object's generation, and whether it is deleted.
pub(super) type Spoken = Option<(Option<i64>, bool)>;

/// What people have said by an object. Our own writes of its status change nothing of it.
pub(super) fn spoken(object: Option<&EmergencyMode>) -> Spoken {
    let metadata = &object?.metadata;
    Some((metadata.generation, metadata.deletion_timestamp.is_some()))
}

/// How long the next decision waits at most, after one that took so long.
pub(super) fn longest(cost: Duration) -> Duration {
    cost.saturating_mul(SHARE).clamp(COALESCE, RESTLESS)
}

/// Lets what happens gather before the next decision: at most `longest` since the last one, and no
/// longer than [`COALESCE`] when people have spoken since (`heard` is what that decision knew) or
/// nothing of the order is left.
pub(super) async fn gather(
    decided: Instant,
    longest: Duration,
    idle: &Notify,
    object: &mut watch::Receiver<Option<Arc<EmergencyMode>>>,
    heard: Spoken,
) {
    let word = async {
        let another = |object: &Option<Arc<_>>| spoken(object.as_deref()) != heard;
        if object.wait_for(another).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = sleep_until(decided + longest) => return,
        () = idle.notified() => {}
        () = word => {}
    }
    sleep_until(decided + COALESCE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(4);

    fn at_generation(generation: i64) -> Option<Arc<EmergencyMode>> {
        let mode = serde_json::json!({
            "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
            "metadata": { "name": "flood", "generation": generation },
            "spec": { "playbookRef": { "name": "flood" }, "level": "II", "reason": "rain",
                "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" },
        });
        serde_json::from_value(mode).ok().map(Arc::new)
    }

    /// An abort must not wait for a fleet's bookkeeping, also when it was said before the wait
    /// began; our own writes of the status are nobody's word, or every decision would cause the
    /// next one.
    #[tokio::test(start_paused = true)]
    async fn a_person_and_the_end_of_an_order_are_not_kept_waiting() {
        let waited = async |now: i64, done: bool| {
            let (_keep, mut object) = watch::channel(at_generation(now));
            object.mark_changed();
            let idle = Notify::new();
            if done {
                idle.notify_one();
            }
            let heard = spoken(at_generation(3).as_deref());
            let began = Instant::now();
            assert!(heard.is_some(), "the sample reads as a mode");
            gather(began, LONG, &idle, &mut object, heard).await;
            began.elapsed()
        };
        assert_eq!(waited(3, false).await, LONG, "only the status has changed");
        assert_eq!(waited(4, false).await, COALESCE, "a person has spoken");
        assert_eq!(waited(3, true).await, COALESCE, "the order is done");
    }

    /// A large fleet is decided about less often, and never forgotten.
    #[test]
    fn the_wait_grows_with_the_cost_within_bounds() {
        assert_eq!(longest(Duration::from_millis(1)), COALESCE);
        assert_eq!(longest(Duration::from_millis(50)), Duration::from_secs(2));
        assert_eq!(longest(Duration::from_secs(9)), RESTLESS);
    }
}
