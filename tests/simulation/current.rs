//! What people said counts from the moment at which the API server has it: a stage that would begin of
//! what a watch was told long ago does not begin.

use http::Method;

use super::play::{HEAD, Outcome, Schedule};
use super::story::{Act, Happening, Story};
use super::weather::{Fault, Weather};
use super::wire::Sent;

/// What the second stage changes.
const SECOND: &str = "/configmaps/portal-flags";

fn is_of_second(sent: &&Sent) -> bool {
    let tried = sent.uri.contains("dryRun=");
    sent.write && !tried && sent.method == Method::PATCH && sent.uri.contains(SECOND)
}

/// The leader's watch on modes.
fn watch(fine: &Outcome) -> Sent {
    let mut trail = fine.trail.iter();
    let leader = trail.find(is_of_second).expect("it is switched").process;
    let mut trail = fine.trail.iter();
    let watch = trail.find(|sent| {
        sent.process == leader
            && sent.uri.contains("/emergencymodes?")
            && sent.uri.contains("watch=")
    });
    watch.expect("the leader watches modes").clone()
}

/// Somebody stands down while the first stage is written, and the operator's watch is behind: the second
/// stage begins with a read of the mode itself, though the mode's status says already that it runs.
#[test]
fn a_stage_does_not_begin_of_what_a_stale_watch_says() {
    let fine = Schedule::fine(Story::plain()).play();
    let which = watch(&fine).which;
    for late in [15_000, 40_000] {
        let stale = |story: Story| Schedule {
            weather: Weather::one(which, Fault::Stale(late)),
            ..Schedule::fine(story)
        };
        let first = stale(Story::plain()).play();
        assert_eq!(first.violations, [""; 0]);
        let mut trail = first.trail.iter();
        let begins = trail.find(is_of_second).expect("it is switched, later").at;
        let mut story = Story::plain();
        for happening in &mut story.happenings {
            if matches!(happening.act, Act::StandDown) {
                let since = begins - u64::try_from(HEAD.as_millis()).expect("a number");
                *happening = Happening {
                    at: since / 1000,
                    act: Act::StandDown,
                };
            }
        }
        let stood_down = stale(story).play();
        assert_eq!(stood_down.violations, [""; 0]);
        let began: Vec<_> = stood_down.trail.iter().filter(is_of_second).collect();
        assert!(began.is_empty(), "{late} ms behind: {began:?}");
    }
}
