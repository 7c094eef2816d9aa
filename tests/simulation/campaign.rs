//! The campaign: schedules from seeds, one after another on every core, until a number of them or some
//! minutes are over. `cargo xtask campaign` says how many; the normal test run plays a thousand.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::seeds::{self, KINDS, Kind};
use super::shrink;
use crate::support::variable;

/// How many seeds the normal test run plays: of five kinds in turn, so that C5 (trouble, both) and C15
/// (rivals, both) have 250 each.
const USUAL: u64 = 625;

/// What is to be played.
struct Order {
    from: u64,
    seeds: u64,
    until: Option<Duration>,
    threads: usize,
}

impl Order {
    fn of_the_environment() -> Self {
        let number = |name: &str| -> Option<u64> {
            let text = variable(name)?;
            let number = text.to_str().and_then(|text| text.parse().ok());
            Some(number.unwrap_or_else(|| panic!("{name} is no number: {}", text.display())))
        };
        let minutes = number("PINGZHAN_CAMPAIGN_MINUTES");
        let seeds = number("PINGZHAN_CAMPAIGN_SEEDS");
        let threads = number("PINGZHAN_CAMPAIGN_THREADS");
        Self {
            from: number("PINGZHAN_CAMPAIGN_FROM").unwrap_or(0),
            seeds: seeds.unwrap_or(if minutes.is_some() { u64::MAX } else { USUAL }),
            until: minutes.map(|minutes| Duration::from_secs(60 * minutes)),
            // At the end of a test run the other cores are idle.
            threads: threads
                .and_then(|many| usize::try_from(many).ok())
                .or_else(|| std::thread::available_parallelism().map(usize::from).ok())
                .unwrap_or(1),
        }
    }
}

/// What was played.
#[derive(Default)]
struct Tally {
    by_kind: BTreeMap<&'static str, u64>,
    /// Schedules with the cluster's own controllers, with clocks that are wrong, with a playbook that
    /// closes and opens, and with rules that are weakened.
    controllers: u64,
    clocks: u64,
    closes: u64,
    lawless: u64,
    requests: usize,
    faults: usize,
    deaths: usize,
    hours: f64,
    /// In seconds.
    cpu: f64,
    failed: Vec<u64>,
}

/// Whatever the seed says, no oracle objects: C5, C7, C8, C12 to C15, in turn.
#[test]
fn no_oracle_objects_to_any_seed() {
    let order = Order::of_the_environment();
    let next = AtomicU64::new(order.from);
    let stop = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..order.threads {
            scope.spawn(|| {
                let spent = cpu();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let over = order.until.is_some_and(|limit| began.elapsed() >= limit);
                    if over || stop.load(Ordering::Relaxed) || seed - order.from >= order.seeds {
                        break;
                    }
                    if !one(seed, &tally) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                tally.lock().expect("no panic").cpu += cpu() - spent;
            });
        }
    });
    let tally = tally.into_inner().expect("no panic");
    report(&tally, began.elapsed());
    let failed = &tally.failed;
    assert!(
        failed.is_empty(),
        "seeds {failed:?} fail: `cargo xtask campaign --from N --seeds 1` plays one again"
    );
}

/// Plays a seed; whether all is well.
fn one(seed: u64, tally: &Mutex<Tally>) -> bool {
    let (kind, schedule) = seeds::schedule(seed);
    let outcome = schedule.play();
    let mut counts = tally.lock().expect("no panic");
    *counts.by_kind.entry(kind.word()).or_default() += 1;
    counts.controllers += u64::from(schedule.story.has_controllers());
    counts.clocks += u64::from(!schedule.story.clocks.is_empty());
    counts.closes += u64::from(schedule.story.closes);
    counts.lawless += u64::from(schedule.story.tampers());
    counts.requests += outcome.trail.len();
    counts.faults += outcome
        .trail
        .iter()
        .filter(|sent| sent.fault.is_some())
        .count();
    counts.deaths += outcome.deaths;
    counts.hours += outcome.took as f64 / 3600.0;
    if outcome.violations.is_empty() {
        return true;
    }
    counts.failed.push(seed);
    drop(counts);
    say(&format!(
        "seed {seed} ({}) fails: {}",
        kind.word(),
        outcome.violations[0].chars().take(900).collect::<String>()
    ));
    if variable("PINGZHAN_CAMPAIGN_TRAIL").is_some() {
        for sent in &outcome.trail {
            say(&format!("{sent:?}"));
        }
    }
    say(&format!(
        "play it again: cargo xtask campaign --seeds 1 --from {seed}"
    ));
    if variable("PINGZHAN_CAMPAIGN_SHRINK").is_some_and(|word| word == "0") {
        return false;
    }
    let (smaller, last) = shrink::shrink(&schedule, &outcome);
    say(&format!(
        "the smallest that was found:\n{}",
        shrink::told(&smaller, &last)
    ));
    false
}

fn report(tally: &Tally, took: Duration) {
    let played: u64 = tally.by_kind.values().sum();
    let kinds: Vec<String> = KINDS
        .iter()
        .map(|kind: &Kind| {
            let many = tally.by_kind.get(kind.word()).copied().unwrap_or(0);
            format!("{many} {}", kind.word())
        })
        .collect();
    let failed = tally.failed.len() as u64;
    say(&format!(
        "campaign: {} of {played} schedules without an objection ({}; {} with controllers, {} with wrong clocks, {} that close and open, {} in which rules are weakened); {:.1} hours of emergencies, {} requests, {} faults, {} deaths; {:.0} s of CPU, {:.0} schedules a CPU minute, {:.0} s",
        played - failed,
        kinds.join(", "),
        tally.controllers,
        tally.clocks,
        tally.closes,
        tally.lawless,
        tally.hours,
        tally.requests,
        tally.faults,
        tally.deaths,
        tally.cpu,
        played as f64 * 60.0 / tally.cpu.max(0.01),
        took.as_secs_f64(),
    ));
}

/// Says something past the test runner, which keeps what tests print to itself.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Seconds of CPU that this thread took so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|word| word.parse::<f64>().ok()).sum();
    // The kernel counts them in hundredths of a second.
    ticks / 100.0
}
