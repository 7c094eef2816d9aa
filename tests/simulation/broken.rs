//! The simulation's own oracles on runs that break their rule, or are told otherwise than they were: one
//! that cannot object proves nothing.

use super::city::TARGETS;
use super::clocks::Hands;
use super::judge::awake;
use super::lawless::written;
use super::play::Schedule;
use super::stage::Frozen;
use super::story::{APPROVERS, Act, Happening, Story};

const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

/// A term of a quarter of an hour under these clocks, whose leader is killed in the middle.
fn term(clocks: Vec<Hands>) -> Story {
    let story = Story {
        happenings: Vec::new(),
        expires_after: "15m",
        clocks,
        ..Story::plain()
    };
    story.with([
        at(5, Act::Approve(APPROVERS[0])),
        at(8, Act::Approve(APPROVERS[1])),
        at(60, Act::Kill(0)),
    ])
}

/// What is said of a run by somebody who takes the clocks for others than they were.
fn told(are: [i64; 2], were: [i64; 2]) -> Vec<String> {
    let clocks = |ahead: [i64; 2]| ahead.map(|ahead| Hands { ahead, set: None }).to_vec();
    let schedule = Schedule::fine(term(clocks(are)));
    schedule.judged_by(&term(clocks(were))).violations
}

/// A term that ends by more than its clocks are wrong by ends too early, by however little.
#[test]
fn o7_finds_a_term_that_ended_too_early() {
    assert_eq!(told([0, 300], [0, 300]), Vec::<String>::new());
    let early = told([0, 300], [0, 290]);
    assert!(
        early.len() == 1 && early[0].contains("ends the term"),
        "{early:?}"
    );
}

/// A term is as long as was approved, from the moment on at which it was, by the writer's own clock.
#[test]
fn o7_finds_a_term_that_is_not_what_was_approved() {
    for (are, were) in [([10, 0], [0, 0]), ([-10, 0], [0, 0])] {
        let wrong = told(are, were);
        let said = wrong.iter().any(|one| one.contains("says that a term of"));
        assert!(said, "{are:?}: {wrong:?}");
    }
}

/// A frozen process of which a task went on is no frozen process.
#[test]
fn o6_finds_a_process_that_sent_while_it_stood_still() {
    let freeze = [at(40, Act::Freeze(0, true)), at(80, Act::Freeze(0, false))];
    let outcome = Schedule::fine(Story::plain().with(freeze)).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let stood = |from, until| {
        let frozen = Frozen {
            process: 0,
            from,
            until,
        };
        awake(&outcome.trail, &[frozen])
    };
    assert_eq!(stood(45_000, 85_000), Vec::<String>::new());
    for (from, until) in [(30_000, 85_000), (45_000, 100_000)] {
        let wrong = stood(from, until);
        assert!(wrong.len() == 1, "{from} to {until}: {wrong:?}");
    }
}

/// A switch that goes on while nobody enforces who may say so is one that anybody may have set in motion.
#[test]
fn o7_finds_what_is_written_without_the_rules() {
    let outcome = Schedule::fine(Story::plain()).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let without = |from, until| written(&outcome.trail, &[(from, until)], u64::MAX);
    assert_eq!(without(40_000, 90_000), Vec::<String>::new());
    for (from, until) in [(5_000, 90_000), (40_000, 200_000)] {
        let wrong = without(from, until);
        assert!(wrong.len() > TARGETS / 2, "{from} to {until}: {wrong:?}");
    }
}
