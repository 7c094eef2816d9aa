//! C1 on the city: the playbook for floods, and its operator killed before and after any of its writes. The
//! next one finishes the switch and the return, and everything is as it was.
//!
//! A test run plays some of them, spread over the whole; `PINGZHAN_CRASH_ALL=1` plays all, or as many as
//! `PINGZHAN_CRASH_MINUTES` allow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kube::Client;
use kube::api::Api;
use pingzhan::api::{EmergencyMode, Phase, names};
use pingzhan::run::clock::Clock;
use pingzhan::run::operator::{self, Settings};
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::service::Service;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::loaded::{made, whole};
use super::played::{Peace, answer, at_peace, declare, phase, settings, unlike, until, write};
use crate::simulation::campaign::say;
use crate::simulation::weather::{Fault, Weather, Which};
use crate::simulation::wire::{Life, Sky, Wire};
use crate::support::{one_in, variable};

/// How many boundaries a test run plays: each before and after its write.
const SAMPLED: usize = 6;
/// How long a process that died is away.
const RESTART: Duration = Duration::from_secs(2);

/// What came of one run.
struct Run {
    /// How many writes the first process made.
    writes: usize,
    /// Whether it died.
    died: bool,
    wrong: Vec<String>,
}

/// An operator of this number, and its life.
fn operator(
    service: &Service,
    sky: &Sky,
    clock: Clock,
    number: usize,
) -> (std::sync::Arc<Life>, JoinHandle<()>) {
    let life = Life::new(number);
    let wire = Wire {
        service: service.of(User::account(names::DEFAULT_NAMESPACE, "pingzhan")),
        life: life.clone(),
        sky: sky.clone(),
    };
    let settings = Settings {
        identity: format!("operator-{number}"),
        ..settings()
    };
    let client = Client::new(wire, "default");
    let task = tokio::spawn(async move {
        let forever = std::future::pending();
        let ended = operator::run_over(client, settings, clock, forever).await;
        ended.expect("the operator runs");
    });
    (life, task)
}

/// Plays the whole emergency in this weather.
async fn play(weather: Weather) -> Run {
    let Peace {
        clock,
        service,
        admin,
        city,
        before,
    } = at_peace().await;
    let sky = Sky::new(weather, clock.now());
    let (first, task) = operator(&service, &sky, clock, 0);
    let (dying, next) = (first.clone(), (service.clone(), sky.clone()));
    let second = tokio::spawn(async move {
        dying.died.notified().await;
        task.abort();
        sleep(RESTART).await;
        let (service, sky) = next;
        let (_, task) = operator(&service, &sky, clock, 1);
        let _ = task.await;
    });
    let modes: Api<EmergencyMode> = Api::all(admin.clone());
    declare(&admin, &modes).await;
    answer(&admin, &modes).await;
    until(&modes, phase(Phase::Active)).await;
    write(&admin, json!({ "posture": "Peacetime" })).await;
    until(&modes, phase(Phase::Closed)).await;
    let after = whole(&admin, &city).await;
    let mut wrong = unlike(&city, &before, &after);
    let left = made(&admin).await;
    wrong.extend(left.iter().map(|place| format!("{place:?} is left")));
    second.abort();
    Run {
        writes: first.writes(),
        died: first.is_dead(),
        wrong,
    }
}

/// The same, in paused time and on this thread; what does not come to be is one more sentence.
fn played(weather: &Weather) -> Run {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(play(weather.clone()))
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|why| {
        let said = why.downcast_ref::<String>().cloned();
        let said = said.unwrap_or_else(|| "it failed".to_owned());
        Run {
            writes: 0,
            died: true,
            wrong: vec![said.chars().take(600).collect()],
        }
    })
}

/// A city is what a crash of everything would leave half switched: eight kinds of owners, autoscalers, GitOps
/// that is suspended at its roots, a freeze, cuts, and rights that were taken and given. Whoever is killed at
/// any moment leaves what the next one finishes.
#[test]
fn an_operator_may_be_killed_at_any_write_of_the_playbook_for_floods() {
    let reference = played(&Weather::fine());
    assert_eq!(reference.wrong, Vec::<String>::new());
    let writes = reference.writes;
    assert!(writes > 200, "{writes} writes are no whole emergency");
    let minutes = variable("PINGZHAN_CRASH_MINUTES").map(|text| {
        let text = text.to_string_lossy();
        text.parse::<u64>().expect("minutes")
    });
    let step = match minutes {
        Some(_) => 1,
        None => one_in(writes.div_ceil(SAMPLED)),
    };
    // Spread over the whole, also where time ends before all are played.
    let mut boundaries: Vec<(usize, bool)> = (1..=writes)
        .step_by(step)
        .flat_map(|number| [(number, false), (number, true)])
        .collect();
    if minutes.is_some() {
        fastrand::Rng::with_seed(1).shuffle(&mut boundaries);
    }
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let counts = Mutex::new((0, Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let over = minutes.is_some_and(|limit| began.elapsed().as_secs() >= limit * 60);
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((number, carried)) = boundaries.get(at).filter(|_| !over) else {
                        break;
                    };
                    let weather = Weather::one(Which::Write(0, *number), Fault::Death(*carried));
                    let run = played(&weather);
                    let name = format!("killed at write {number}, carried out: {carried}");
                    let mut counts = counts.lock().expect("no panic");
                    counts.0 += 1;
                    if !run.died {
                        counts.1.push(format!("{name}: it did not die"));
                    }
                    counts
                        .1
                        .extend(run.wrong.first().map(|first| format!("{name}: {first}")));
                }
            });
        }
    });
    let (many, wrong) = counts.into_inner().expect("no panic");
    say(&format!(
        "city: C1, the playbook for floods: {} of {many} exact, of {} boundaries of {writes} writes; {:.0} s",
        many - wrong.len().min(many),
        2 * writes,
        began.elapsed().as_secs_f64(),
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
