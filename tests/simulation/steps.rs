//! C16 and C20: for every kind of step, a target that cannot be written, may not be written, or is gone:
//! it is said, the others go on, and what came to be possible again is done.

use super::campaign::say;
use super::city::{SPACES, TARGETS, living_in};
use super::play::Schedule;
use super::story::{APPROVERS, Act, Happening, Story};

const fn at(at: u64, act: Act) -> Happening {
    Happening { at, act }
}

/// A plain emergency, and what happens beside.
pub fn approved(more: Vec<Happening>) -> Schedule {
    let story = Story {
        happenings: Vec::new(),
        ..Story::plain()
    };
    let story = story.with([
        at(5, Act::Approve(APPROVERS[0])),
        at(8, Act::Approve(APPROVERS[1])),
        at(90, Act::StandDown),
    ]);
    Schedule::fine(story.with(more))
}

/// Plays schedules of which each has to say some things (`one|another`); how many did, and ended well.
pub fn told(run: &str, schedules: Vec<(String, Schedule, &[&str])>) {
    let many = schedules.len();
    let mut wrong = Vec::new();
    for (name, schedule, words) in schedules {
        let outcome = schedule.play();
        wrong.extend(
            outcome
                .violations
                .first()
                .map(|first| format!("{name}: {first}")),
        );
        let is_said = |word: &&str| word.split('|').any(|one| outcome.said.contains(one));
        if !words.iter().all(is_said) {
            wrong.push(format!(
                "{name}: it never said {words:?}: {:?}",
                outcome.said
            ));
        }
    }
    say(&format!(
        "simulation: {run}: {} of {many}",
        many - wrong.len().min(many)
    ));
    assert!(wrong.is_empty(), "{run}:\n{}", wrong.join("\n"));
}

/// The Deployment that runs nothing: what is to shrink does not grow, so nothing of it is changed.
const IDLE: usize = 5;

/// Admission refuses a target: at the switch, at the return, and at both.
#[test]
fn a_target_that_admission_refuses_is_said_and_holds_nothing_up() {
    let mut schedules = Vec::new();
    for target in (0..TARGETS).filter(|target| *target != IDLE) {
        for (name, from, to) in [("switch", 6, 60), ("return", 88, 140), ("both", 6, 140)] {
            let acts = vec![
                at(from, Act::Deny(target, true)),
                at(to, Act::Deny(target, false)),
            ];
            let words: &[&str] = &["Degraded"];
            schedules.push((format!("target {target}, {name}"), approved(acts), words));
        }
    }
    told("C16, C20, a target that admission refuses", schedules);
}

/// The account loses its rights: before the switch, in the middle of it, and before the return.
#[test]
fn an_account_without_rights_is_said_and_goes_on_once_it_has_them() {
    let mut schedules = Vec::new();
    for from in [6, 7, 9, 10, 60, 80, 89, 91] {
        let acts = vec![at(from, Act::Allow(false)), at(from + 50, Act::Allow(true))];
        let words: &[&str] = &["Degraded|Blocked"];
        schedules.push((format!("from {from} s"), approved(acts), words));
    }
    told("C16, an account that may not write", schedules);
}

/// A quota has no room for another record: nothing is written that is not journalled, it is said, and
/// all goes on once there is room.
#[test]
fn a_journal_without_room_is_said_and_goes_on_once_there_is_some() {
    let mut schedules = Vec::new();
    // At each of these, or soon after, a record is due.
    for from in [1, 4, 7, 8, 9, 10, 11, 88, 90, 91, 92] {
        for long in [20, 70] {
            let acts = vec![
                at(from, Act::Quota(true)),
                at(from + long, Act::Quota(false)),
            ];
            // It refuses the trial of the rules, too, which comes before the first record.
            let words: &[&str] = match from {
                ..9 => &["RulesNotProven"],
                _ => &["JournalRefused"],
            };
            schedules.push((format!("from {from} s for {long} s"), approved(acts), words));
        }
    }
    told("C16, a quota on records", schedules);
}

/// A namespace of the fleet ends: before the plan, at every moment of the switch, in peace, and at the
/// return. What was in it is gone, and said so; the rest is brought back.
#[test]
fn a_namespace_that_ends_is_said_and_holds_nothing_up() {
    let mut schedules = Vec::new();
    for (space, place) in SPACES.into_iter().enumerate() {
        for moment in [1, 4, 7, 8, 9, 10, 12, 40, 84, 88, 90, 91, 93, 96] {
            for owner in [false, true] {
                let mut acts = vec![at(moment, Act::End(space))];
                if owner {
                    // Whoever made it makes it again, while it ends and after: as far as the server lets.
                    let all = [2, 8, 30].into_iter();
                    let writes = all.flat_map(|late| {
                        let all = living_in(place).into_iter();
                        all.map(move |target| at(moment + late, Act::Reapply(target)))
                    });
                    acts.extend(writes);
                }
                let name = format!("{} at {moment} s, owners: {owner}", acts[0].act);
                // Nothing was written yet that could be gone; the others are switched all the same.
                let words: &[&str] = match moment {
                    ..6 => &["Active", "Restored"],
                    6..90 => &["gone", "Active", "Restored"],
                    90.. => &["gone", "Restored"],
                };
                schedules.push((name, approved(acts), words));
            }
        }
    }
    told("C16, a namespace that ends", schedules);
}

/// A target that is deleted, and one that is made again under its name: another object.
#[test]
fn a_target_that_is_gone_is_said_and_its_namesake_left_alone() {
    let mut schedules = Vec::new();
    for target in 0..TARGETS {
        for when in [7, 40, 91] {
            for act in [Act::Delete(target), Act::Recreate(target)] {
                let name = format!("{act} at {when} s");
                let words: &[&str] = &["Restored"];
                schedules.push((name, approved(vec![at(when, act)]), words));
            }
        }
    }
    told("C8, C16, a target that is gone or another one", schedules);
}
