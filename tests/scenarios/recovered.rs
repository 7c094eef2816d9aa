//! Offline restore by a person, while the policies are in force: the last way back may not be closed by
//! what guards the others.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use pingzhan::recover;
use pingzhan::run::clock::Clock;
use serde_json::json;

use super::ending::{LEASE, halve};
use super::world::{Objects, World};
use crate::authority::world::World as Guarded;

/// The roles for people.
const EXAMPLE: &str = "manifests/people.example.yaml";

/// Restores as somebody: whether the mode is closed, and what is left.
async fn restored(world: &World, user: &str, group: &str) -> Result<(bool, Vec<String>), String> {
    let config = world.config_as(user, &[group]).await;
    let settings = world.settings(user);
    let clock = Clock::machine();
    let done = recover::restore(
        config,
        settings,
        clock,
        false,
        Some("high-water"),
        LEASE,
        |_| (),
    )
    .await;
    match done {
        Ok(done) => Ok((done[0].closed, done[0].left.clone())),
        Err(error) => Err(error.to_string()),
    }
}

async fn play(world: &World, before: &Objects) {
    let engineer = restored(world, "he", "platform").await;
    assert!(
        !matches!(engineer, Ok((true, _))),
        "who may not recover has brought everything back: {engineer:?}"
    );
    let lead = restored(world, "rao", "platform-leads").await;
    assert_eq!(lead, Ok((true, Vec::new())));
    world.is_exact(before).await;
}

/// Nobody is left but a person with the role of the example. The policies are there, operator and mode are
/// not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_may_recover_brings_everything_back_under_the_policies() {
    let mut world = World::with_fleet().await;
    let before = world.snapshot().await;
    let stages = json!([halve(&world, "shed", &["portal-web", "helm-api", "shared"])]);
    world.switch("high-water", &stages).await;
    world.stop().await;
    world.take_away("high-water").await;
    let example = crate::support::repository().join(EXAMPLE);
    let example = example.to_str().expect("a path");
    world
        .plane
        .kubectl(&["apply", "--server-side", "-f", example]);
    let guarded = Guarded::install(world.client.clone(), true).await;
    let played = AssertUnwindSafe(play(&world, &before)).catch_unwind().await;
    guarded.leave().await;
    world.plane.kubectl(&["delete", "-f", example]);
    if let Err(failed) = played {
        std::panic::resume_unwind(failed);
    }
}
