//! What people said counts from the moment at which the API server has it: nothing begins of what a watch
//! told that is behind, and nothing of what was known before a pause.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::play::{HEAD, Outcome, Schedule};
use super::runs::{at, short};
use super::story::{APPROVERS, Act, Happening, Story};
use super::weather::{Fault, Weather, Which};
use super::wire::Sent;

/// Seconds by which the watch is behind.
const BEHIND: u64 = 15;
/// When people approve. The plan is there by then: the operator hears of the declaration after
/// [`BEHIND`] seconds, and of its own finalizer, without which it says nothing, after as many again.
const APPROVED: [u64; 2] = [60, 62];
/// When somebody says something else: after the approvals, and before the operator hears of them.
const WORD: u64 = 70;
/// When the emergency is stood down in any case.
const END: u64 = 200;
/// Seconds for which the first write of the first stage is on its way.
const HELD: u64 = 4;
/// Seconds after that write was sent in which somebody says something, in whole ones: while it is on its
/// way.
const MEANWHILE: u64 = 3;

/// Whether a target is written, and not only tried.
fn is_write(sent: &Sent) -> bool {
    sent.is_of_target() && !sent.uri.contains("dryRun=")
}

/// Whether a target of the second stage is written: no other stage changes `ConfigMap`s.
fn is_of_second(sent: &Sent) -> bool {
    is_write(sent) && sent.path().contains("/configmaps/")
}

/// The first write of the first stage.
fn first(outcome: &Outcome) -> &Sent {
    let first = outcome.trail.iter().find(|sent| is_write(sent));
    first.expect("it is switched")
}

/// The second after the declaration in which something is said while this write is on its way, where it
/// is held.
fn meanwhile(write: &Sent) -> u64 {
    (write.at / 1000).saturating_sub(HEAD.as_secs()) + MEANWHILE
}

/// When a second after the declaration begins, in milliseconds of the trail.
fn begins(second: u64) -> u64 {
    (HEAD.as_secs() + second) * 1000
}

/// The targets that were written before this time.
fn written(outcome: &Outcome, until: u64) -> BTreeSet<&str> {
    let writes = outcome.trail.iter().filter(|sent| is_write(sent));
    let done = writes.filter(|sent| sent.code == 200 && sent.at < until);
    done.map(Sent::path).collect()
}

/// The leader's watch on modes.
fn watch() -> Which {
    let fine = Schedule::fine(short()).play();
    let leader = first(&fine).process;
    let mut trail = fine.trail.iter();
    let watch = trail.find(|sent| {
        let is_of_modes = sent.path().ends_with("/emergencymodes");
        sent.process == leader && is_of_modes && sent.uri.contains("watch=")
    });
    watch.expect("the leader watches modes").which
}

/// An emergency that people approve, and what else they say.
fn story(more: impl IntoIterator<Item = Happening>) -> Story {
    let none = Story {
        happenings: Vec::new(),
        ..Story::plain()
    };
    let [one, two] = APPROVED;
    none.with([
        at(one, Act::Approve(APPROVERS[0])),
        at(two, Act::Approve(APPROVERS[1])),
    ])
    .with(more)
}

/// Plays a story with these faults, each of which is met, and without an objection.
fn played<const N: usize>(story: Story, faults: [(Which, Fault); N]) -> Outcome {
    let outcome = Schedule {
        weather: Weather::Listed(BTreeMap::from(faults)),
        ..Schedule::fine(story)
    }
    .play();
    assert_eq!(outcome.violations, [""; 0]);
    let met = outcome.trail.iter().filter(|sent| sent.fault.is_some());
    assert_eq!(met.count(), N, "every fault is met");
    outcome
}

/// Somebody stands down while the first stage is written, and the operator's watch is behind: the second
/// stage would begin long before it hears of that, and does not.
#[test]
fn a_stage_does_not_begin_of_what_a_stale_watch_says() {
    let stale = (watch(), Fault::Stale(BEHIND * 1000));
    let control = played(story([at(END, Act::StandDown)]), [stale]);
    let held = first(&control);
    let second = control.trail.iter().find(|sent| is_of_second(sent));
    let second = second.expect("the second stage begins").at;
    assert!(
        second < held.at + (BEHIND - HELD) * 1000,
        "it begins before anybody is told: {second} ms, the first at {} ms",
        held.at
    );
    let word = at(meanwhile(held), Act::StandDown);
    let late = (held.which, Fault::Late(HELD * 1000));
    let outcome = played(story([word]), [stale, late]);
    let calm = written(&control, second);
    let targets = written(&outcome, u64::MAX);
    assert!(calm.is_subset(&targets), "{calm:?}, then {targets:?}");
    let mut trail = outcome.trail.iter();
    let began = trail.find(|sent| is_of_second(sent));
    assert!(began.is_none(), "it was stood down before: {began:?}");
}

/// Somebody stands down, or asks for another level, after the last approval and before the operator hears
/// of that: the plan that was approved is not set in force any more.
#[test]
fn a_plan_is_not_set_in_force_of_what_a_stale_watch_says() {
    let stale = (watch(), Fault::Stale(BEHIND * 1000));
    for word in [Act::StandDown, Act::Level("III")] {
        let said = word.to_string();
        let outcome = played(story([at(WORD, word), at(END, Act::StandDown)]), [stale]);
        let mut trail = outcome.trail.iter();
        let began = trail.find(|sent| is_write(sent));
        assert!(began.is_none(), "{said}, and then {began:?}");
    }
    let control = played(story([at(END, Act::StandDown)]), [stale]);
    let heard = begins(WORD);
    assert!(first(&control).at > heard, "it is in force later");
}

/// The first stage ends while the mode is paused, and status says that the second one runs. It begins when
/// the pause ends, and what people said until then counts: the mode is read then, and not only when
/// status said so.
#[test]
fn a_stage_that_begins_when_a_pause_ends_is_asked_about_then() {
    let plain = Schedule::fine(Story::plain()).play();
    let held = first(&plain);
    let paused = meanwhile(held);
    let resumed = paused + 20;
    let story = Story::plain().with([at(paused, Act::Pause(true)), at(resumed, Act::Pause(false))]);
    let outcome = played(story, [(held.which, Fault::Late(HELD * 1000))]);
    let resumed = begins(resumed);
    let mut trail = outcome.trail.iter();
    let next = trail.position(|sent| is_write(sent) && sent.at >= resumed);
    let (before, after) = outcome.trail.split_at(next.expect("it goes on"));
    assert!(is_of_second(&after[0]), "{:?}", after[0]);
    assert!(
        !before.iter().any(is_of_second),
        "nothing while it is paused"
    );
    let mut since = before.iter().filter(|sent| sent.at >= resumed);
    let is_read =
        |sent: &Sent| sent.method == Method::GET && sent.path().ends_with("/emergencymodes/flood");
    assert!(since.any(is_read), "the mode is read first");
}
