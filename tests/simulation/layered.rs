//! Two modes over the same fields, with the whole operator.

use super::play::Schedule;
use super::runs::{all, at, short};
use super::story::{Act, Story};
use super::weather::{Fault, Weather, Which};
use crate::support::one_in;

/// C1 with layers: another mode, graver or lighter, over some of the same fields, stood down first or
/// last; wherever the operator dies, the layer beneath stands in the end, and then peacetime.
#[test]
fn an_operator_may_die_while_two_modes_have_layers() {
    let mut played = 0;
    for (name, level) in [("over", "I"), ("under", "III")] {
        for (order, first, last) in [("first", 60, 90), ("last", 150, 90)] {
            let mut story = short();
            story.happenings.retain(|one| one.act != Act::StandDown);
            let story = story.with([
                at(30, Act::Second(Some(level))),
                at(first, Act::Second(None)),
                at(last, Act::StandDown),
            ]);
            let fine = Schedule::fine(story.clone()).play();
            assert_eq!(fine.violations, Vec::<String>::new(), "{name}, {order}");
            let (_, writes) = fine.first;
            let deaths = (1..=writes).step_by(one_in(32)).flat_map(|number| {
                [false, true].map(|carried| {
                    let weather = Weather::one(Which::Write(0, number), Fault::Death(carried));
                    let schedule = Schedule {
                        weather,
                        ..Schedule::fine(story.clone())
                    };
                    (
                        format!("{name}, {order}: {number}, carried out: {carried}"),
                        schedule,
                    )
                })
            });
            let what = format!("C1, two modes, the other one {name} and stood down {order}");
            played += all(&what, deaths.collect::<Vec<_>>());
        }
    }
    assert!(played > 2 * super::city::TARGETS, "{played}");
}

/// What a mode wrote whose journal is damaged is nobody's peacetime value: another mode leaves it alone,
/// and says so.
#[test]
fn what_a_damaged_mode_wrote_is_left_alone_by_another() {
    let story = Story::plain().with([
        at(40, Act::Lose(3)),
        at(41, Act::Kill(0)),
        at(150, Act::Second(Some("I"))),
    ]);
    let outcome = Schedule::fine(story).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert!(outcome.said.contains("HeldBy"), "{:?}", outcome.said);
}
