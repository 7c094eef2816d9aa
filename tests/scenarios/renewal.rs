//! The term is renewed: a proposal like a change of level. Only what was approved moves the end.

use jiff::SignedDuration;
use pingzhan::api::{EmergencyMode, GrantedStatus, Phase};
use serde_json::json;

use super::ending::halve;
use super::levels::proposed;
use super::oracles::Allowed;
use super::world::World;

fn granted(mode: &EmergencyMode) -> &GrantedStatus {
    let status = mode.status.as_ref().expect("a status");
    status.granted.as_ref().expect("it is granted")
}

/// How long a mode lasts, as granted.
fn term(mode: &EmergencyMode) -> SignedDuration {
    let since = mode.status.as_ref().and_then(|status| status.activated_at);
    let since = since.expect("it was activated");
    granted(mode).expires_at.duration_since(since)
}

impl World {
    /// Declared at level III, which one person approves, for a term.
    async fn declared_for(&self, term: &str) -> EmergencyMode {
        let stages = json!([halve(self, "shed", &["portal-web", "shared", "legacy"])]);
        self.publish("flood", self.playbook(&stages)).await;
        let wish = json!({ "level": "III", "expiresAfter": term });
        self.declare("flood", wish).await;
        let mode = self
            .until("flood", "has a plan", |status| status.plan.is_some())
            .await;
        let plan = mode.status.and_then(|status| status.plan);
        let hash = plan.expect("a plan").hash;
        self.approve("flood", "lin", &hash).await;
        self.phase("flood", Phase::Active).await
    }

    async fn proposes(&self, term: &str) -> EmergencyMode {
        self.change("flood", json!({ "expiresAfter": term })).await;
        self.until("flood", "has a proposal", |status| {
            let proposed = status.proposed.as_ref();
            proposed.is_some_and(|proposed| proposed.expires_after.0 == term)
        })
        .await
    }
}

/// A renewal is granted like a declaration, counts from the activation, and touches no target; a
/// term that is cut short ends the mode by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_moves_the_end_only_once_it_is_approved() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let active = world.declared_for("1h").await;
    let first = granted(&active).clone();
    let mode = world.proposes("2h").await;
    let renewed = proposed(&mode);
    assert_ne!(renewed, first.plan_hash, "another term is another plan");
    let evidence = world.judge(Allowed::default()).await;
    let writes = evidence.write_count();
    let waiting = world.mode("flood").await;
    assert_eq!(*granted(&waiting), first, "what was granted is in force");
    let waits = waiting.status.and_then(|status| status.waiting_on);
    assert!(
        waits.is_some_and(|text| text.contains("change of level or term")),
        "it says that approval is awaited"
    );
    let stale = json!({ "by": "lin", "as": "emergency-approvers", "planHash": first.plan_hash });
    let refused = world.try_add("flood", "approvals", stale).await;
    let said = refused.expect_err("the plan that is in force is not what is asked for");
    assert!(said.contains("look at the plan again"), "{said}");
    world.approve("flood", "he", &renewed).await;
    let longer = world
        .until("flood", "is renewed", |status| {
            let granted = status.granted.as_ref();
            status.proposed.is_none() && granted.is_some_and(|granted| granted.plan_hash == renewed)
        })
        .await;
    let whole = |hours| SignedDuration::from_hours(hours);
    assert!(term(&longer) > whole(2) - SignedDuration::from_secs(2));
    assert!(term(&longer) <= whole(2));
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), writes, "no target is touched");
    // A term that is over already would be a stand-down by another name.
    world.change("flood", json!({ "expiresAfter": "1s" })).await;
    let said = world.blocked("flood", "TermRefused").await;
    assert!(said.contains("stand the mode down"), "{said}");
    let began = longer.status.and_then(|status| status.activated_at);
    let since = pingzhan::run::clock::Clock::machine()
        .now()
        .duration_since(began.expect("a time"));
    let soon = format!("{}s", since.as_secs() + 20);
    let mode = world.proposes(&soon).await;
    world.approve("flood", "he", &proposed(&mode)).await;
    let closed = world.phase("flood", Phase::Closed).await;
    let timeline = closed.status.expect("a status").timeline;
    assert!(
        timeline
            .iter()
            .any(|event| event.message.contains("Expired")),
        "{timeline:?}"
    );
    world.is_exact(&before).await;
}

/// A renewal that nobody approves is none: the mode ends when it was granted to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_nobody_approves_does_not_move_the_end() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    world.declared_for("20s").await;
    world.proposes("1h").await;
    let closed = world.phase("flood", Phase::Closed).await;
    assert!(term(&closed) <= SignedDuration::from_secs(20));
    let timeline = closed.status.expect("a status").timeline;
    let restoring = timeline.iter().find(|event| event.event == "Restoring");
    assert!(
        restoring.is_some_and(|event| event.message.contains("Expired")),
        "{timeline:?}"
    );
    world.is_exact(&before).await;
}
