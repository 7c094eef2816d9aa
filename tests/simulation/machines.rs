//! C11: machines whose clocks are wrong. A leader is killed or frozen at moments of the switch, in peace
//! and at the return, and whoever takes over sees another time on its wall.

use super::campaign::say;
use super::clocks::Hands;
use super::play::{HEAD, Outcome, Schedule};
use super::story::{APPROVERS, Act, Happening, Story};
use crate::support::one_in;

/// The default lease in seconds, and how long a takeover may take beyond it.
const LEASE: u64 = 15;
const BEYOND: u64 = 5;

const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

const fn hands(ahead: i64) -> Hands {
    Hands { ahead, set: None }
}

/// Clocks of a first and a second machine: apart by up to half an hour, and set in the middle.
const CLOCKS: [[Hands; 2]; 6] = [
    [hands(600), hands(-600)],
    [hands(-900), hands(900)],
    [hands(0), hands(-300)],
    [
        Hands {
            ahead: 0,
            set: Some((50, -900)),
        },
        hands(0),
    ],
    [
        Hands {
            ahead: 0,
            set: Some((50, 900)),
        },
        hands(120),
    ],
    [
        Hands {
            ahead: -700,
            set: Some((97, 700)),
        },
        Hands {
            ahead: 700,
            set: Some((98, -700)),
        },
    ],
];

/// How long it took until another process led, in milliseconds, after something happened to the leader.
fn takeover(outcome: &Outcome, at: u64) -> Option<u64> {
    let from = (HEAD.as_secs() + at) * 1000;
    let took = |sent: &&super::wire::Sent| {
        sent.lease && sent.method != http::Method::GET && matches!(sent.code, 200 | 201)
    };
    let leases = || outcome.trail.iter().filter(took);
    let leader = leases().rfind(|sent| sent.at <= from)?.process;
    let next = leases().find(|sent| sent.at > from && sent.process != leader)?;
    Some(next.at - from)
}

/// Whatever the clocks say: epochs do not interleave, another one leads within the lease and 5 s, and
/// the return is exact.
#[test]
fn clocks_that_are_wrong_interleave_nothing() {
    let mut wrong = Vec::new();
    let (mut many, mut longest) = (0, 0);
    let moments = [7, 9, 10, 12, 40, 89, 91, 92, 94];
    let all = CLOCKS.into_iter().flat_map(|clocks| {
        moments.into_iter().flat_map(move |moment| {
            let acts = [Act::Kill(0), Act::Freeze(0, true)];
            acts.map(|act| (clocks, moment, act))
        })
    });
    // A step of five comes to every moment and act in turn, with some clocks.
    for (clocks, moment, act) in all.step_by(one_in(5)) {
        let mut story = Story::plain().with([at(moment, act.clone())]);
        if let Act::Freeze(..) = act {
            story = story.with([at(moment + 200, Act::Freeze(0, false))]);
        }
        story.lease = u32::try_from(LEASE).expect("seconds");
        story.clocks = clocks.to_vec();
        story.controllers = true;
        let outcome = Schedule::fine(story).play();
        many += 1;
        let name = format!("{}, {}, {act} at {moment} s", clocks[0], clocks[1]);
        let first = outcome.violations.first();
        wrong.extend(first.map(|first| format!("{name}: {first}")));
        match takeover(&outcome, moment) {
            Some(took) if took <= (LEASE + BEYOND) * 1000 => longest = longest.max(took),
            late => wrong.push(format!("{name}: takeover after {late:?} ms")),
        }
        if outcome.said.contains("StageFailed") {
            wrong.push(format!("{name}: a stage failed since its time was over"));
        }
        // Frozen for 200 s, ready after two times 60 s, and the quiet at the end.
        if outcome.took > moment + 500 {
            wrong.push(format!("{name}: it took {} s", outcome.took));
        }
    }
    say(&format!(
        "simulation: C11, clocks that are wrong: {} of {many}, takeover within {longest} ms of a lease of {LEASE} s",
        many - wrong.len().min(many)
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A term of a quarter of an hour, of which the second half belongs to a machine with another time: it
/// ends by the clock of whoever leads, and by no more than that.
#[test]
fn a_term_ends_by_the_clock_of_whoever_leads() {
    let mut wrong = Vec::new();
    let mut many = 0;
    for clocks in CLOCKS {
        for killed in [None, Some(30), Some(400)] {
            let mut story = Story {
                happenings: Vec::new(),
                expires_after: "15m",
                clocks: clocks.to_vec(),
                ..Story::plain()
            };
            story = story.with([
                at(5, Act::Approve(APPROVERS[0])),
                at(8, Act::Approve(APPROVERS[1])),
            ]);
            story = story.with(killed.map(|moment| at(moment, Act::Kill(0))));
            let outcome = Schedule::fine(story).play();
            many += 1;
            let name = format!("{}, {}, killed at {killed:?}", clocks[0], clocks[1]);
            let first = outcome.violations.first();
            wrong.extend(first.map(|first| format!("{name}: {first}")));
            // As far apart as the clocks may be, twice, and a quarter of an hour.
            if outcome.took > 15 * 60 + 2 * 1800 + 300 {
                wrong.push(format!("{name}: it took {} s", outcome.took));
            }
        }
    }
    say(&format!(
        "simulation: C11, terms by clocks that are wrong: {} of {many}",
        many - wrong.len().min(many)
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A stage of the return waits a minute for a service that does not become ready, and no longer, also
/// where another machine, with another time, takes over in that minute.
#[test]
fn a_stage_waits_as_long_under_every_clock() {
    /// `helm-api`, whose stage is the first to go back.
    const BROKEN: usize = 4;
    let mut wrong = Vec::new();
    let (mut many, mut longest) = (0, 0);
    for moment in [91, 92, 95, 110, 130] {
        let more = [at(60, Act::Stall(BROKEN)), at(moment, Act::Kill(0))];
        let plain = Story::plain().with(more);
        let right = Schedule::fine(plain.clone()).play().took;
        for clocks in CLOCKS {
            let mut story = plain.clone();
            story.clocks = clocks.to_vec();
            let outcome = Schedule::fine(story).play();
            many += 1;
            longest = longest.max(outcome.took.abs_diff(right));
            let name = format!("{}, {}, killed at {moment} s", clocks[0], clocks[1]);
            let first = outcome.violations.first();
            wrong.extend(first.map(|first| format!("{name}: {first}")));
            if outcome.took.abs_diff(right) > 5 {
                wrong.push(format!("{name}: it took {} s, not {right} s", outcome.took));
            }
        }
    }
    say(&format!(
        "simulation: C11, a stage that is not ready: {} of {many}, {longest} s apart",
        many - wrong.len().min(many)
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever waits for its next try waits no longer since its clock was put back: a quarter of an hour in
/// the middle of a return would be a quarter of an hour more.
#[test]
fn a_clock_that_is_set_holds_nothing_up() {
    let mut wrong = Vec::new();
    let mut many = 0;
    let mut longest = 0;
    for (set, by) in [60, 96, 100, 110]
        .into_iter()
        .flat_map(|at| [(at, -900), (at, 900)])
    {
        let target = 3;
        let denied = [
            at(88, Act::Deny(target, true)),
            at(130, Act::Deny(target, false)),
        ];
        let mut story = Story::plain().with(denied);
        let clock = Hands {
            ahead: 0,
            set: Some((set, by)),
        };
        story.clocks = vec![clock];
        let outcome = Schedule::fine(story).play();
        many += 1;
        longest = longest.max(outcome.took);
        let first = outcome.violations.first();
        wrong.extend(first.map(|first| format!("{clock}: {first}")));
        // The longest wait of a target that was refused is two minutes, and the quiet at the end 100 s.
        if outcome.took > 130 + 120 + 100 + 60 {
            wrong.push(format!("{clock}: it took {} s", outcome.took));
        }
    }
    say(&format!(
        "simulation: C11, a clock that is set in the middle: {} of {many}, at most {longest} s",
        many - wrong.len().min(many)
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
