//! The runs of the campaign that are complete: a death at each request, each write unanswered, a leader
//! frozen at each moment. Each prints how many of how many ended well.

use super::campaign::say;
use super::play::{HEAD, Outcome, Schedule};
use super::seeds;
use super::story::{APPROVERS, Act, Happening, Story};
use super::weather::{Fault, Rates, Weather, Which};
use crate::support::one_in;

/// A short emergency: as few idle seconds as there may be, since it is played hundreds of times.
pub fn short() -> Story {
    Story {
        happenings: Vec::new(),
        ..Story::plain()
    }
    .with([
        at(1, Act::Approve(APPROVERS[0])),
        at(2, Act::Approve(APPROVERS[1])),
        at(16, Act::StandDown),
    ])
}

pub const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

/// Plays schedules that are named, and says how many ended well.
pub fn all(run: &str, schedules: impl IntoIterator<Item = (String, Schedule)>) -> usize {
    let mut played = 0;
    let mut wrong = Vec::new();
    for (name, schedule) in schedules {
        played += 1;
        let outcome = schedule.play();
        if let Some(first) = outcome.violations.first() {
            wrong.push(format!("{name}: {first}"));
        } else if !is_met(&schedule.weather, &outcome) {
            wrong.push(format!("{name}: nothing of it was met"));
        }
    }
    say(&format!(
        "simulation: {run}: {} of {played}",
        played - wrong.len()
    ));
    assert!(wrong.is_empty(), "{run}:\n{}", wrong.join("\n"));
    played
}

/// Whether a fault happened, where some are listed: else the run would be one without faults.
fn is_met(weather: &Weather, outcome: &Outcome) -> bool {
    match weather {
        Weather::Listed(listed) if listed.is_empty() => true,
        Weather::Listed(_) | Weather::Drawn(..) | Weather::Unanswered => {
            outcome.trail.iter().any(|sent| sent.fault.is_some())
        }
    }
}

fn with(weather: Weather) -> Schedule {
    Schedule {
        weather,
        ..Schedule::fine(short())
    }
}

/// An emergency in which everything is as it should be: what all others are measured by.
fn reference() -> Outcome {
    let outcome = Schedule::fine(short()).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let (requests, writes) = outcome.first;
    assert!(
        requests > writes && writes > 3 * super::city::TARGETS,
        "{requests} requests, {writes} writes are no whole emergency"
    );
    outcome
}

/// A seed that is another run the second time finds nothing that anybody could mend.
#[test]
fn a_schedule_is_the_same_run_each_time() {
    let requests = |outcome: &Outcome| -> Vec<String> {
        // Events carry the machine's own time in their names, and nothing depends on it.
        let line = |sent: &super::wire::Sent| {
            if sent.path().contains("/events") {
                format!("{} {} {}", sent.at, sent.process, sent.method)
            } else {
                format!("{sent:?}")
            }
        };
        outcome.trail.iter().map(line).collect()
    };
    let with_controllers = (0..).filter(|seed| seeds::schedule(*seed).1.story.has_controllers());
    for seed in (0..12).chain(with_controllers.take(4)) {
        let (_, schedule) = seeds::schedule(seed);
        let (one, two) = (schedule.play(), schedule.play());
        assert_eq!(requests(&one), requests(&two), "seed {seed}");
        assert_eq!(one.violations, two.violations, "seed {seed}");
    }
}

/// C1, C2: wherever the operator dies, at a write or at any other request, before it is carried out or
/// after, the next one ends everything exactly.
#[test]
fn an_operator_may_die_at_any_request() {
    let reference = reference();
    let (_, writes) = reference.first;
    let deaths = |which: &dyn Fn(usize) -> Which, many: usize| -> Vec<_> {
        let one = |number: usize| {
            [false, true].map(|carried| {
                let weather = Weather::one(which(number), Fault::Death(carried));
                (format!("{number}, carried out: {carried}"), with(weather))
            })
        };
        (1..=many).flat_map(one).collect()
    };
    let played = all(
        "C1, a death before and after each write",
        deaths(&|number| Which::Write(0, number), writes),
    );
    assert_eq!(played, 2 * writes);
    // Those that are writes were played just now.
    let others: Vec<usize> = others(&reference).into_iter().step_by(one_in(3)).collect();
    let played = all(
        "C2, a death before and after each other request",
        deaths(
            &|number| Which::Request(0, others[number - 1]),
            others.len(),
        ),
    );
    assert_eq!(played, 2 * others.len());
}

/// The numbers of the first process's requests that are no writes, up to its last write: what it asks
/// after that is of no emergency.
pub fn others(outcome: &Outcome) -> Vec<usize> {
    let first = || outcome.trail.iter().filter(|sent| sent.process == 0);
    let last = first().filter(|sent| sent.write).map(|sent| sent.at).max();
    let others = first().filter_map(|sent| match sent.which {
        Which::Request(_, number) if Some(sent.at) <= last => Some(number),
        Which::Request(..) | Which::Write(..) => None,
    });
    others.collect()
}

/// C1 too: whatever the operator had just sent when it was killed arrives late, when its successor has
/// begun to bring back what it was to change: nobody takes it for dead before it can be.
#[test]
fn what_the_dead_had_sent_may_arrive_late() {
    // The lease is as short as it may be, so that the successor comes first.
    let hasty = Story {
        lease: 3,
        ..short()
    };
    let reference = Schedule::fine(hasty.clone()).play();
    assert_eq!(reference.violations, Vec::<String>::new());
    let declared = |moment: u64| (moment / 1000).saturating_sub(HEAD.as_secs());
    let of_the_switch = |sent: &&super::wire::Sent| sent.write && declared(sent.at) < 16;
    let writes = reference.trail.iter().filter(of_the_switch);
    let schedules: Vec<_> = writes
        .step_by(one_in(2))
        .flat_map(|sent| {
            let abort = at(declared(sent.at) + 1, Act::Abort("Restore"));
            let story = hasty.clone().with([abort]);
            [5_000, 8_000].map(|late| {
                let schedule = Schedule {
                    weather: Weather::one(sent.which, Fault::Posthumous(late)),
                    ..Schedule::fine(story.clone())
                };
                (format!("{:?} arrives {late} ms late", sent.which), schedule)
            })
        })
        .collect();
    let played = all("C1, writes of the dead that arrive late", schedules);
    assert!(
        played > 2 * super::city::TARGETS,
        "{played} of a whole switch"
    );
}

/// C13 in full: whichever write is refused for a while (429), all ends as it should, and is said.
#[test]
fn any_write_may_be_refused_for_a_while() {
    let (_, writes) = reference().first;
    let one = |number: usize| {
        let weather = Weather::one(Which::Write(0, number), Fault::Refused(429));
        (format!("write {number}"), with(weather))
    };
    let refused: Vec<_> = (1..=writes).step_by(one_in(2)).map(one).collect();
    all("C13, each write refused once with 429", refused);
}

/// C3, C4: two deaths, the second one of the process that took over, also while it recovers.
#[test]
fn an_operator_may_die_and_its_successor_too() {
    const SAMPLED: usize = 120;
    let (_, writes) = reference().first;
    let mut rng = fastrand::Rng::with_seed(3);
    let pairs = (0..SAMPLED).map(|_| {
        let (one, two) = (rng.usize(1..=writes), rng.usize(1..=writes / 2));
        let faults = [
            (Which::Write(0, one), Fault::Death(rng.bool())),
            (Which::Write(1, two), Fault::Death(rng.bool())),
        ];
        (format!("{faults:?}"), with(Weather::Listed(faults.into())))
    });
    all("C3 and C4, two deaths, sampled", pairs.collect::<Vec<_>>());
}

/// C6: no write is ever answered the first time: nothing is done twice, nothing is lost.
#[test]
fn every_write_may_stay_unanswered() {
    let stories = [short(), Story::plain()];
    all(
        "C6, every write carried out and answered with 504",
        stories.map(|story| {
            let schedule = Schedule {
                weather: Weather::Unanswered,
                ..Schedule::fine(story)
            };
            ("every write".to_owned(), schedule)
        }),
    );
}

/// C11: a leader that is frozen at any moment, and thaws after another one has taken over, with what it
/// had sent on the way: nothing of it takes effect. Late copies of all its writes are refused.
#[test]
fn a_leader_may_be_frozen_at_any_moment() {
    let freezes = (0..24).flat_map(|second| [90, 400].map(|thaw| (second, second + thaw)));
    let schedules = freezes.map(|(from, to)| {
        let story = Story::plain().with([
            at(from, Act::Freeze(0, true)),
            at(to, Act::Freeze(0, false)),
        ]);
        (format!("from {from} s to {to} s"), Schedule::fine(story))
    });
    all(
        "C11, a leader frozen and thawed",
        schedules.collect::<Vec<_>>(),
    );
}

/// The cluster's own controllers at work: workloads are rolled out and told ready while the operator
/// writes them, and an autoscaler keeps a count that the mode wants otherwise.
#[test]
fn the_clusters_own_controllers_are_at_work() {
    let deaths = [None, Some(7), Some(10), Some(92), Some(95)];
    let plain = deaths.map(|death| {
        let kill = death.map(|moment| at(moment, Act::Kill(0)));
        (format!("killed at {death:?}"), Story::plain().with(kill))
    });
    let scaled = (0..super::city::TARGETS).flat_map(|target| {
        [2, 40, 91].map(|moment| {
            let story = Story::plain().with([at(moment, Act::Autoscale(target))]);
            (format!("autoscaler of {target} at {moment} s"), story)
        })
    });
    let schedules = plain.into_iter().chain(scaled).map(|(name, mut story)| {
        story.controllers = true;
        (name, Schedule::fine(story))
    });
    all(
        "C18 in small, the cluster's own controllers",
        schedules.collect::<Vec<_>>(),
    );
}

/// A level that is raised takes fields from one wartime value to another, and one that is lowered puts
/// some back: each in the end is what it was in peacetime, whoever was killed in between.
#[test]
fn a_level_may_be_raised_and_lowered_at_any_moment() {
    let levels = |raised: u64, lowered: Option<u64>| {
        let yes = |moment: u64| {
            let mut after = moment;
            APPROVERS.map(|who| {
                after += 2;
                at(after, Act::Approve(who))
            })
        };
        let story = Story::plain().with([at(raised, Act::Level("I"))]);
        let story = story.with(yes(raised));
        match lowered {
            Some(moment) => story
                .with([at(moment, Act::Level("III"))])
                .with(yes(moment)),
            None => story,
        }
    };
    let moments = [(30, None), (30, Some(60)), (12, Some(60)), (30, Some(38))];
    let schedules = moments.into_iter().flat_map(|(raised, lowered)| {
        [None, Some(raised + 5), Some(raised + 35), Some(92)].map(|death| {
            let kill = death.map(|moment| at(moment, Act::Kill(0)));
            let name = format!("raised at {raised}, lowered at {lowered:?}, killed at {death:?}");
            let story = levels(raised, lowered).with(kill);
            (name, Schedule::fine(story))
        })
    });
    all("a level raised and lowered", schedules.collect::<Vec<_>>());
}

/// C12 to C14: half of all writes in conflict, half of all requests refused for a while, every watch
/// broken: the mode goes on, ever slower.
#[test]
fn storms_are_survived() {
    let storm = |rates: Rates, seed: u64| Schedule {
        weather: Weather::Drawn(seed, rates),
        seed,
        ..Schedule::fine(Story::plain())
    };
    let kinds = [
        (
            "409",
            Rates {
                conflict: 500,
                ..Rates::default()
            },
        ),
        (
            "429",
            Rates {
                busy: 500,
                ..Rates::default()
            },
        ),
        (
            "watches",
            Rates {
                watches: 1000,
                stalest: 60_000,
                ..Rates::default()
            },
        ),
    ];
    let schedules = kinds.iter().flat_map(|(name, rates)| {
        (0..10).map(move |seed| (format!("{name}, seed {seed}"), storm(*rates, seed)))
    });
    all(
        "C12 to C14, storms of 409, 429 and broken watches",
        schedules.collect::<Vec<_>>(),
    );
}

/// A journal with a gap is never taken for nothing to do, nor for anything else.
#[test]
fn a_journal_with_a_gap_is_never_acted_upon() {
    let losses = (1..8).map(|record| {
        let story = Story::plain().with([at(40, Act::Lose(record)), at(41, Act::Kill(0))]);
        (format!("record {record}"), Schedule::fine(story))
    });
    all("C25 in small, a lost record", losses.collect::<Vec<_>>());
}

/// Approvals of the requester, and a second one of the same person for another group, make no quorum.
#[test]
fn a_quorum_is_of_distinct_people_none_the_requester() {
    let attacks = [
        vec![
            at(
                3,
                Act::ApproveAs("duty-officer-zhou", super::story::GROUPS[0]),
            ),
            at(4, Act::Approve(APPROVERS[0])),
        ],
        vec![
            at(3, Act::Approve(APPROVERS[0])),
            at(4, Act::ApproveAs(APPROVERS[0], super::story::GROUPS[1])),
        ],
    ];
    let schedules = attacks.into_iter().enumerate().map(|(number, attack)| {
        let story = Story {
            happenings: Vec::new(),
            ..Story::plain()
        };
        let story = story.with(attack).with([at(40, Act::StandDown)]);
        (format!("attack {number}"), Schedule::fine(story))
    });
    all("C21 in small, false quorums", schedules.collect::<Vec<_>>());
}

/// What people say of a mode that is over is answered as well, whichever write of its status the server
/// refused (seed 4,922).
#[test]
fn a_mode_that_is_over_still_says_what_it_has_heard() {
    let story = Story {
        happenings: Vec::new(),
        ..Story::plain()
    }
    .with([
        at(3, Act::Abort("Restore")),
        at(60, Act::Level("I")),
        // The weather goes on until then.
        at(120, Act::Scale(5, 6)),
    ]);
    let fine = Schedule::fine(story.clone()).play();
    assert_eq!(fine.violations, Vec::<String>::new());
    let is_status = |sent: &&super::wire::Sent| sent.write && sent.path().ends_with("/status");
    let told: Vec<_> = fine.trail.iter().filter(is_status).collect();
    assert!(told.len() > 3, "{told:?}");
    for refused in told {
        let schedule = Schedule {
            weather: Weather::one(refused.which, Fault::Refused(503)),
            ..Schedule::fine(story.clone())
        };
        let outcome = schedule.play();
        assert_eq!(outcome.violations, Vec::<String>::new());
        let soon = refused.at..refused.at + 30_000;
        let again = outcome.trail.iter().filter(is_status);
        let again = again.filter(|sent| sent.code == 200 && soon.contains(&sent.at));
        assert!(again.count() > 0, "{:?} is not said again", refused.which);
    }
}

/// Defects that simulation found, each as the smallest story that shows it: what was mended stays so.
#[test]
fn what_was_found_stays_mended() {
    let approved = |more: Vec<Happening>| {
        let story = Story {
            happenings: Vec::new(),
            ..Story::plain()
        };
        Schedule::fine(story.with(more).with([
            at(5, Act::Approve(APPROVERS[0])),
            at(8, Act::Approve(APPROVERS[1])),
        ]))
    };
    let found = [
        (
            "a first label, set between the plan and the write, was lost",
            approved(vec![at(2, Act::Label(4)), at(60, Act::StandDown)]),
        ),
        (
            "a drifted field was listed without its value when another level began",
            approved(vec![
                at(40, Act::Scale(5, 6)),
                at(50, Act::Level("I")),
                at(55, Act::Approve(APPROVERS[0])),
                at(58, Act::Approve(APPROVERS[1])),
                at(120, Act::StandDown),
            ]),
        ),
        (
            "a mode that was closed while paused said so for ever",
            approved(vec![
                at(60, Act::StandDown),
                at(61, Act::Pause(true)),
                at(200, Act::Pause(false)),
            ]),
        ),
    ];
    let forced = (0..super::city::TARGETS).map(|target| {
        let name = format!("a refused write of what is held was repeated twice a second: {target}");
        let story = approved(vec![
            at(40, Act::Allow(false)),
            at(42, Act::Force(target)),
            at(200, Act::Allow(true)),
            at(320, Act::StandDown),
        ]);
        (name, story)
    });
    let owned = (0..super::city::TARGETS).map(|target| {
        let name = format!("a count was given back and held in turn: {target}");
        let story = approved(vec![
            at(30, Act::Autoscale(target)),
            at(60, Act::Level("III")),
            at(64, Act::Approve(APPROVERS[0])),
            at(66, Act::Approve(APPROVERS[1])),
            at(400, Act::StandDown),
        ]);
        (name, story)
    });
    let found = found.map(|(name, schedule)| (name.to_owned(), schedule));
    all(
        "what was found",
        found.into_iter().chain(owned).chain(forced),
    );
}
