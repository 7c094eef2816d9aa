//! Confused deputies: the operator may act as any account of playbooks, so that whoever writes a playbook
//! could let it do what they, or nobody, may do. Generated playbooks of somebody who may lend every account
//! try that on a real API server, with an account that has every right there is, so that it is not the rights
//! that stop them, and with accounts that have few. Each must be stopped, for the reason that is there for
//! it, and nothing may have changed afterwards: no object, no journal, no call. Their honest twins are taken.
//!
//! `PINGZHAN_AUTHORITY_SEED` plays another seed than the usual one.

mod access;
mod call;
mod case;
mod effects;
mod ground;
mod lent;
mod own;
mod play;
mod policies;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{FutureExt as _, StreamExt as _};
use serde_json::json;

use self::case::{Case, Expected, Table};
use self::ground::Site;
use self::play::Hands;
use super::world::World;
use crate::support;

/// What is played where nothing else is asked for.
const SEED: u64 = 7;
/// Playbooks at once: one server answers for all, and with more each waits longer and none is done sooner.
const AT_ONCE: usize = 12;
/// How many are stopped, and how many taken, at the least.
const STOPPED: usize = 200;
const TAKEN: usize = 20;
/// Mistakes that are told; more would not be read.
const TOLD: usize = 40;

fn seed() -> u64 {
    let said = support::variable("PINGZHAN_AUTHORITY_SEED");
    said.map_or(SEED, |said| {
        said.to_str()
            .and_then(|said| said.parse().ok())
            .expect("a seed is a number")
    })
}

fn name(place: usize) -> String {
    format!("deputy-{place:03}")
}

/// Plays all of them, some at once; why something else came of one than has to. No more playbooks are stored than
/// are played: the API server holds whatever is written of a mode against each of them.
async fn play(hands: &Hands<'_>, cases: &[Case]) -> Vec<String> {
    // Those that wait for their time to pass go among those that keep the server busy.
    let mut order: Vec<_> = (0..cases.len()).collect();
    fastrand::Rng::with_seed(seed()).shuffle(&mut order);
    let playing = order.into_iter().map(move |place| async move {
        let (name, case) = (name(place), &cases[place]);
        let stored = hands.store(&name, case).await;
        let outcome = hands.play(&name, case, &stored).await;
        if stored.is_ok() {
            hands.remove(&name).await;
        }
        let told = |why: String| {
            let (what, expected) = (&case.what, &case.expected);
            format!("{name}: {what}\n    expected {expected:?}\n    {why}")
        };
        outcome.err().map(told)
    });
    let wrong: Vec<_> = futures::stream::iter(playing)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    wrong.into_iter().flatten().collect()
}

/// No two of them try the same.
fn are_distinct(hands: &Hands<'_>, cases: &[Case]) {
    let mut known = BTreeSet::new();
    for case in cases {
        let mut mode = case.mode.clone();
        mode["level"] = json!(null);
        let author = format!("{:?}", case.author);
        let whole = json!([hands.spec(case), mode, author]).to_string();
        assert!(known.insert(whole), "{} stands twice", case.what);
    }
}

/// How many there are, by family and by who stops them.
fn tally(cases: &[Case]) -> (BTreeMap<&str, usize>, BTreeMap<&str, usize>, usize) {
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    let mut taken = 0;
    for case in cases {
        match &case.expected {
            Expected::Taken => taken += 1,
            Expected::Stopped(who, _) => {
                *families.entry(case.family.words()).or_default() += 1;
                *by.entry(who.words()).or_default() += 1;
            }
        }
    }
    (families, by, taken)
}

/// Plays everything; whoever calls cleans up.
async fn attack(world: &World, site: &Site) {
    let seed = seed();
    let began = tokio::time::Instant::now();
    let cases = Table::of(&site.ground, seed);
    let hands = Hands::of(world, &site.ground).await;
    are_distinct(&hands, &cases);
    let before = effects::everything(world).await;
    let wrong = play(&hands, &cases).await;
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {} wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong[..wrong.len().min(TOLD)].join("\n")
    );
    let changed = effects::differing(&before, &effects::everything(world).await);
    assert!(
        changed.is_empty(),
        "seed {seed}: these were changed: {changed:#?}"
    );
    let intents = effects::intents(world).await;
    assert!(
        intents.is_empty(),
        "seed {seed}: these modes were to write: {intents:?}"
    );
    let came = site.intruders.load(Ordering::SeqCst);
    assert_eq!(came, 0, "seed {seed}: somebody came where nobody may");
    // Calls are made, and none is made twice: it is not for want of calls that nobody came there.
    let visitors = site.visitors.load(Ordering::SeqCst);
    assert_eq!(visitors, call::REDIRECTS.len(), "seed {seed}");
    let (families, by, taken) = tally(&cases);
    let stopped = cases.len() - taken;
    println!(
        "seed {seed}: {stopped} confused deputies stopped ({families:?}; by {by:?}), 0 admitted, 0 effects; \
         {taken} honest playbooks taken, in {:?}",
        began.elapsed()
    );
    assert!(stopped >= STOPPED && taken >= TAKEN, "too few");
}

/// Whoever writes a playbook must not be able to make the operator do what no playbook may, whatever its
/// account may do; and whoever writes an honest one must not be stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_playbook_makes_the_operator_do_what_none_may() {
    let mut world = World::with_closed_kinds().await;
    let site = Site::of(&world).await;
    world.signals = Arc::new(ground::signals());
    world.start().await;
    let played = AssertUnwindSafe(attack(&world, &site)).catch_unwind().await;
    site.leave(&world).await;
    if let Err(failed) = played {
        std::panic::resume_unwind(failed);
    }
}
