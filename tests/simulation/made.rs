//! A playbook that makes two objects and adopts a third: wherever its operator dies, the two are gone in
//! the end and the third is what it was.

use super::play::Schedule;
use super::runs::{all, at, others};
use super::story::{APPROVERS, Act, Story};
use super::weather::{Fault, Weather, Which};
use crate::support::one_in;

/// A short emergency that makes objects.
fn short() -> Story {
    let story = Story {
        happenings: Vec::new(),
        makes: true,
        ..Story::plain()
    };
    story.with([
        at(1, Act::Approve(APPROVERS[0])),
        at(2, Act::Approve(APPROVERS[1])),
        at(20, Act::StandDown),
    ])
}

fn with(weather: Weather) -> Schedule {
    Schedule {
        weather,
        ..Schedule::fine(short())
    }
}

/// What makes, patches or removes an object that is made is among the writes: else the runs below are
/// about something else.
fn makes(outcome: &super::play::Outcome, method: &http::Method) -> usize {
    let of = |sent: &&super::wire::Sent| {
        sent.method == *method
            && sent.path().contains("/configmaps")
            && !sent.uri.contains("dryRun")
            && [200, 201].contains(&sent.code)
    };
    outcome.trail.iter().filter(of).count()
}

/// C1 in full for what is made: a death before and after each write, and each other request.
#[test]
fn an_operator_that_makes_objects_may_die_at_any_request() {
    let reference = Schedule::fine(short()).play();
    assert_eq!(reference.violations, Vec::<String>::new());
    let made = super::city::MADE.len();
    assert_eq!(makes(&reference, &http::Method::POST), made);
    assert_eq!(makes(&reference, &http::Method::DELETE), made);
    let (_, writes) = reference.first;
    let deaths = |which: Vec<Which>| -> Vec<_> {
        let one = |which: Which| {
            [false, true].map(|carried| {
                let name = format!("{which:?}, carried out: {carried}");
                (name, with(Weather::one(which, Fault::Death(carried))))
            })
        };
        which.into_iter().flat_map(one).collect()
    };
    let every = one_in(3);
    let of_writes = (1..=writes).step_by(every);
    let of_writes = of_writes.map(|number| Which::Write(0, number));
    let played = all(
        "C1, a death before and after each write of a playbook that makes objects",
        deaths(of_writes.collect()),
    );
    assert_eq!(played, 2 * writes.div_ceil(every));
    // The others were played for the playbook that makes nothing; here those that look at what is made.
    let numbers = others(&reference);
    let looks = reference
        .trail
        .iter()
        .filter(|sent| sent.path().contains("/configmaps"));
    let looks = looks.map(|sent| sent.which).filter(|which| match which {
        Which::Request(0, number) => numbers.contains(number),
        Which::Request(..) | Which::Write(..) => false,
    });
    let looks = looks.step_by(every);
    let played = all(
        "C2, a death before and after each look at ConfigMaps of that playbook",
        deaths(looks.collect()),
    );
    assert!(played > 10, "{played} of a whole emergency");
}

/// What the dead had sent arrives late, when its successor has begun the return: also what makes an
/// object, which nothing but time refuses.
#[test]
fn an_object_that_the_dead_had_sent_may_arrive_late() {
    let hasty = Story {
        lease: 3,
        ..short()
    };
    let reference = Schedule::fine(hasty.clone()).play();
    assert_eq!(reference.violations, Vec::<String>::new());
    let declared = |moment: u64| (moment / 1000).saturating_sub(super::play::HEAD.as_secs());
    let of_the_switch = |sent: &&super::wire::Sent| sent.write && declared(sent.at) < 20;
    let writes = reference.trail.iter().filter(of_the_switch);
    let schedules: Vec<_> = writes
        .step_by(one_in(6))
        .flat_map(|sent| {
            let story = hasty
                .clone()
                .with([at(declared(sent.at) + 1, Act::Abort("Restore"))]);
            [5_000, 9_500].map(|late| {
                let schedule = Schedule {
                    weather: Weather::one(sent.which, Fault::Posthumous(late)),
                    ..Schedule::fine(story.clone())
                };
                (format!("{:?} arrives {late} ms late", sent.which), schedule)
            })
        })
        .collect();
    all("C1, what makes objects arrives late", schedules);
}

/// What was given up for lost arrives when what it made was made again, and is deleted: the mode is not
/// over before nothing of that kind can come.
#[test]
fn an_object_that_went_astray_may_arrive_after_its_end() {
    let reference = Schedule::fine(short()).play();
    let declared = |moment: u64| (moment / 1000).saturating_sub(super::play::HEAD.as_secs());
    let about = |sent: &&super::wire::Sent| {
        [http::Method::POST, http::Method::PATCH].contains(&sent.method)
            && sent.path().contains("/configmaps")
            && !sent.uri.contains("dryRun")
            && declared(sent.at) < 20
    };
    let writes: Vec<_> = reference.trail.iter().filter(about).collect();
    assert!(writes.len() > super::city::MADE.len(), "{writes:?}");
    let mut schedules = Vec::new();
    for sent in writes {
        for (after, late) in [(1, 3_000), (1, 6_000), (1, 9_000), (3, 9_000), (5, 9_500)] {
            let given_up = at(declared(sent.at) + after, Act::Abort("Restore"));
            let schedule = Schedule {
                weather: Weather::one(sent.which, Fault::Astray(late)),
                ..Schedule::fine(short().with([given_up]))
            };
            let name = format!(
                "{:?}, aborted {after} s after it, {late} ms late",
                sent.which
            );
            schedules.push((name, schedule));
        }
    }
    let schedules: Vec<_> = schedules.into_iter().step_by(one_in(2)).collect();
    all("C6, what went astray and arrives after its end", schedules);
}

/// C6: no write is answered the first time; and each that makes or removes an object may be lost, or
/// carried out unseen.
#[test]
fn what_makes_objects_may_stay_unanswered() {
    let reference = Schedule::fine(short()).play();
    let about = |sent: &&super::wire::Sent| {
        [http::Method::POST, http::Method::DELETE].contains(&sent.method)
            && sent.path().contains("/configmaps")
    };
    let writes: Vec<Which> = reference
        .trail
        .iter()
        .filter(about)
        .map(|sent| sent.which)
        .collect();
    assert!(writes.len() >= 2 * super::city::MADE.len(), "{writes:?}");
    let unanswered = ("every write".to_owned(), with(Weather::Unanswered));
    let single = writes.into_iter().flat_map(|which| {
        [
            Fault::Lost(504),
            Fault::Silent(true),
            Fault::Silent(false),
            Fault::Late(7_900),
        ]
        .map(|fault| {
            let weather = Weather::one(which, fault);
            (format!("{which:?}: {fault:?}"), with(weather))
        })
    });
    all(
        "C6, every write of a playbook that makes objects",
        std::iter::once(unanswered)
            .chain(single.step_by(one_in(3)))
            .collect::<Vec<_>>(),
    );
}
